//! Sockets of this machine, which are files: made, given permissions, and removed again.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};
use tracing::info;

use super::{
    FileMode, SocketError, SocketSection,
    counters::Counters,
    stream::{Listener, Streams},
};

/// Connections that the kernel keeps until they are accepted; it takes less where its own limit is lower.
const BACKLOG: i32 = 1024;

/// The file of a socket. It is removed when this is dropped, unless another one stands there by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode));
        if is_ours {
            // A file that stays is taken for that of a dead process at the next start, which it is.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds a socket for connections.
pub(super) fn bind_streams(path: &Path, section: &SocketSection, counters: Counters) -> Result<Streams, SocketError> {
    let (socket, file) = bind(path, Type::STREAM, section)?;
    let listening = socket.listen(BACKLOG).and_then(|()| socket.set_nonblocking(true));
    listening.map_err(|source| SocketError::Bind { listen: section.listen.clone(), source })?;
    let listener = std::os::unix::net::UnixListener::from(std::os::fd::OwnedFd::from(socket));
    Ok(Streams::new(Listener::Unix(listener, file), section, counters))
}

/// Binds a socket for datagrams.
#[cfg(target_os = "linux")]
pub(super) fn bind_datagrams(
    path: &Path,
    section: &SocketSection,
    counters: Counters,
) -> Result<super::Datagrams, SocketError> {
    use nix::sys::socket::{setsockopt, sockopt};
    let (socket, file) = bind(path, Type::DGRAM, section)?;
    let asked = setsockopt(&socket, sockopt::PassCred, &true);
    asked.map_err(|error| SocketError::Bind { listen: section.listen.clone(), source: error.into() })?;
    let bytes_max = section.message_bytes_max.as_usize();
    Ok(super::Datagrams::of_unix(socket, section.listen.clone(), bytes_max, file, counters))
}

fn bind(path: &Path, kind: Type, section: &SocketSection) -> Result<(Socket, SocketFile), SocketError> {
    let failed = |source| SocketError::Bind { listen: section.listen.clone(), source };
    let file_failed = |source| SocketError::File { path: path.to_owned(), source };
    let address = SockAddr::unix(path).map_err(failed)?;
    make_way(path, &address, kind)?;
    let socket = Socket::new(Domain::UNIX, kind, None).map_err(failed)?;
    restrict(&socket, section.mode).map_err(failed)?;
    socket.bind(&address).map_err(failed)?;
    let found = fs::symlink_metadata(path).map_err(file_failed)?;
    let file = SocketFile { path: path.to_owned(), device: found.dev(), inode: found.ino() };
    fs::set_permissions(path, fs::Permissions::from_mode(section.mode.0)).map_err(file_failed)?;
    Ok((socket, file))
}

/// Linux makes the file with the permissions that the socket has: so nobody can connect before they are set.
#[cfg(target_os = "linux")]
fn restrict(socket: &Socket, mode: FileMode) -> io::Result<()> {
    Ok(nix::sys::stat::fchmod(socket, nix::sys::stat::Mode::from_bits_truncate(mode.0))?)
}

#[cfg(not(target_os = "linux"))]
fn restrict(_: &Socket, _: FileMode) -> io::Result<()> {
    Ok(())
}

/// Removes the socket of a process that is gone.
fn make_way(path: &Path, address: &SockAddr, kind: Type) -> Result<(), SocketError> {
    let failed = |source| SocketError::File { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NotASocket(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    let probe = Socket::new(Domain::UNIX, kind, None).map_err(failed)?;
    probe.set_nonblocking(true).map_err(failed)?;
    match probe.connect(address).map_err(|error| error.kind()) {
        Err(io::ErrorKind::ConnectionRefused) => {
            info!(path = %path.display(), "removing the socket of a program that is gone");
            fs::remove_file(path).map_err(failed)
        }
        Err(io::ErrorKind::NotFound) => Ok(()),
        // Whatever else is said (a full queue, another kind of socket, no permission), somebody says it.
        _ => Err(SocketError::InUse(path.to_owned())),
    }
}
