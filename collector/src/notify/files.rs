//! What receivers read from files named in their settings: secrets and certificates.

use std::path::{Path, PathBuf};

use labtrail_shared::settings::Secret;

/// No password and no bundle of certificates is longer.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("read {setting} {}", file.display())]
    Read {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is too long for what it should hold.
    #[error("read {setting} {}: it is longer than 1 MiB: name the file that holds nothing else", file.display())]
    Long {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        file: PathBuf,
    },
    /// It holds nothing.
    #[error("read {setting} {}: it is empty: write the secret into it", file.display())]
    Empty {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        file: PathBuf,
    },
    /// A secret is not text.
    #[error("read {setting} {}: it is not UTF-8 text", file.display())]
    Text {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        file: PathBuf,
    },
    /// It holds no certificate.
    #[error("read {setting} {}: it holds no certificate: write certificates in PEM, each between BEGIN and END lines", file.display())]
    Certificate {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        file: PathBuf,
    },
}

/// The secret itself, or what the file says; none where neither is set. A newline at the end is not part of it.
pub(super) fn secret(
    setting: &'static str,
    secret: Option<&Secret>,
    file: Option<&Path>,
) -> Result<Option<Secret>, FileError> {
    let Some(path) = file else { return Ok(secret.cloned()) };
    let file = || path.to_owned();
    let text = String::from_utf8(bytes(setting, path)?).map_err(|_| FileError::Text { setting, file: file() })?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(FileError::Empty { setting, file: file() });
    }
    Ok(Some(Secret::new(text)))
}

/// The certificates of a `ca_file`, in PEM.
pub(super) fn certificates(file: &Path) -> Result<Vec<u8>, FileError> {
    let setting = "ca_file";
    let pem = bytes(setting, file)?;
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(FileError::Certificate { setting, file: file.to_owned() });
    }
    Ok(pem)
}

fn bytes(setting: &'static str, file: &Path) -> Result<Vec<u8>, FileError> {
    let read = |source| FileError::Read { setting, file: file.to_owned(), source };
    if std::fs::metadata(file).map_err(read)?.len() > FILE_BYTES_MAX {
        return Err(FileError::Long { setting, file: file.to_owned() });
    }
    std::fs::read(file).map_err(read)
}

/// Refuses a setting that is given both ways, or as the mask that stands for a secret where settings are shown.
pub(super) fn check_secret(setting: &str, secret: Option<&Secret>, has_file: bool) -> Result<(), String> {
    if secret.is_some() && has_file {
        return Err(format!("{setting} and {setting}_file are both set: remove one"));
    }
    if secret.is_some_and(|secret| secret.reveal() == "***") {
        return Err(format!("{setting} is ***, which stands for a secret that is not shown: write the secret itself"));
    }
    Ok(())
}
