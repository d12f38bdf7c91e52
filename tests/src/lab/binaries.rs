//! Where the programs under test are.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Names a folder with the programs, for tests of an installed version; nothing is built then.
const FOLDER_VARIABLE: &str = "LABTRAIL_BIN_DIR";

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The path of a program. The first call builds all of them in the profile of the test, for cargo knows of no
/// dependency of a test on another package's program.
pub fn binary(name: &str) -> PathBuf {
    let path = FOLDER.get_or_init(|| env::var_os(FOLDER_VARIABLE).map_or_else(build, PathBuf::from)).join(name);
    assert!(path.is_file(), "{} is not there: build it, or set {FOLDER_VARIABLE}", path.display());
    path
}

fn build() -> PathBuf {
    let executable = env::current_exe().expect("a process knows its program");
    // target/PROFILE/deps/e2e-HASH
    let folder = executable.ancestors().nth(2).expect("cargo puts tests into deps");
    let target = folder.parent().expect("cargo puts profiles into a target folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["build", "--quiet", "--profile", profile, "--target-dir"])
        .arg(target)
        // As `make test` builds: another choice of packages would mean other features of the large libraries, and so a
        // second build of them.
        .args(["--workspace", "--all-targets"])
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "the programs under test do not build");
    folder.to_owned()
}
