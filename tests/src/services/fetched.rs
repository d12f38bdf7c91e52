//! Where the programs of the services lie.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::lab::repository;

/// As in `scripts/fetch-services.sh`, which also says where they come from.
const KAFKA: &str = "kafka-4.3.1";
const MONGODB: &str = "mongodb-6.0.5";
const MADSCI: &str = "madsci-0.7.1";
const MADSCI_CLIENT: &str = "madsci-client-0.8.1";
const AIOSMTPD: &str = "aiosmtpd-1.4.6";

/// Kafka's folder; its parts are in `libs`.
pub(super) fn kafka() -> PathBuf {
    services().join(KAFKA)
}

/// The program `mongod`.
pub(super) fn mongod() -> PathBuf {
    services().join(MONGODB).join("mongod")
}

/// Python with MADSci's server and client; its packages in `packages`, its program `python`.
pub(super) fn madsci() -> PathBuf {
    services().join(MADSCI)
}

/// A newer client of MADSci, to be laid over the packages of [`madsci`].
pub(super) fn madsci_client() -> PathBuf {
    services().join(MADSCI_CLIENT)
}

/// Python with a mail server; its packages in `packages`, its program `python`.
pub(super) fn aiosmtpd() -> PathBuf {
    services().join(AIOSMTPD)
}

/// The folder of all services. Those that are missing are fetched now, so that `cargo test` works by itself.
fn services() -> &'static Path {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    FETCHED.get_or_init(|| {
        let from_home = || {
            let home = env::var_os("HOME").expect("HOME or LABTRAIL_CACHE is set");
            Path::new(&home).join(".cache/labtrail")
        };
        let cache = env::var_os("LABTRAIL_CACHE").map_or_else(from_home, PathBuf::from);
        let services = cache.join("services");
        // Of MADSci also the Python, which is one of the machine and may have been replaced by another.
        let needed = [KAFKA, MONGODB, MADSCI, MADSCI_CLIENT, AIOSMTPD].map(|service| services.join(service));
        if !needed.iter().all(|service| service.is_dir()) || !needed[2].join("python").is_file() {
            let script = repository().join("scripts/fetch-services.sh");
            let status = Command::new(&script).env("LABTRAIL_CACHE", &cache).status();
            let fetched = status.expect("bash can be started").success();
            assert!(fetched, "{} failed", script.display());
        }
        services
    })
}
