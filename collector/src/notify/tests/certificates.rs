//! Certificates that openssl makes: an authority of the test's own, and servers with its word and without.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// An authority, and a certificate with its key.
pub(crate) struct Certificates {
    /// Whom to trust.
    pub(crate) authority: PathBuf,
    /// What the server shows.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

impl Certificates {
    /// For a server that is called by this address or name (`IP:127.0.0.1`, `DNS:localhost`).
    pub(crate) fn make(folder: &Path, alternative_name: &str) -> Self {
        let path = |name: &str| folder.join(name);
        openssl(
            folder,
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        );
        openssl(
            folder,
            &format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=server -CA ca.pem -CAkey ca.key \
                 -addext basicConstraints=critical,CA:FALSE -addext subjectAltName={alternative_name} -keyout server.key -out server.pem"
            ),
        );
        Self { authority: path("ca.pem"), certificate: path("server.pem"), key: path("server.key") }
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output();
    let output = output.expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
