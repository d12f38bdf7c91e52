//! A temporary folder that is gone at the end, however the process ends.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// Waits until the process that holds its input has ended, then removes the folder. The services inside end at the
/// same moment; a second later they no longer write.
const REMOVE: &str = r#"read -r line; for try in 1 2 3 4 5; do sleep 1; rm -rf "$1" && exit; done"#;

/// The folder of a service.
#[derive(Debug)]
pub(super) struct Folder {
    folder: TempDir,
    remover: Child,
}

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let prefix = format!("labtrail-{name}-");
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder can be made");
        let remover = guard_command(REMOVE).arg(folder.path()).spawn().expect("sh can be started");
        Self { folder, remover }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn join(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The folder itself is removed next, by its own handle.
        let _ = self.remover.kill();
        let _ = self.remover.wait();
    }
}

/// A shell in a process group of its own (Ctrl-C does not reach it) whose input ends when this process ends. The
/// script's arguments are added to it.
pub(super) fn guard_command(script: &str) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).process_group(0);
    // Whoever waits for the end of our output must not wait for a guard's.
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
