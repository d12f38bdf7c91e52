//! Starting Java with Kafka's classes.

use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::Once,
};

use crate::services::fetched;

/// The option with which Java writes an archive when it ends. It refuses to use another one then.
const ARCHIVE_NOW: &str = "-XX:ArchiveClassesAtExit=";

/// Java with Kafka's classes; the class to run and its arguments are added to it. Of options that contradict each other
/// Java takes the last.
pub(super) fn java(options: &[String]) -> Command {
    let mut classes = OsString::from(fetched::kafka().join("libs"));
    classes.push("/*");
    let mut command = Command::new("java");
    // Everything here lives for seconds: a quick start is worth more than the last bit of speed.
    command.args(["-Xlog:disable", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
    command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]);
    command
        .args(["-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"]);
    let archive = archive();
    if archive.is_file() && !options.iter().any(|option| option.starts_with(ARCHIVE_NOW)) {
        command.arg(format!("-XX:SharedArchiveFile={}", archive.display()));
    }
    command.args(options).arg("-cp").arg(classes);
    command
}

/// Java starts Kafka in half the time when it has seen before which classes are needed: `broker` runs one with the
/// given option of Java, once on every machine. Another version of Java ignores the archive.
pub(super) fn archive_classes_once(broker: impl FnOnce(&str)) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let archive = archive();
        if archive.is_file() {
            return;
        }
        // Others may do the same at this moment; whoever comes last wins, and all archives are alike.
        let unfinished = archive.with_extension(format!("{}.unfinished", std::process::id()));
        broker(&format!("{ARCHIVE_NOW}{}", unfinished.display()));
        // Without an archive everything works, only slower.
        let _ = fs::rename(unfinished, archive);
    });
}

fn archive() -> PathBuf {
    fetched::kafka().join("classes.jsa")
}

/// Runs one of Kafka's commands, which must succeed.
#[track_caller]
pub(super) fn run(class: &str, arguments: &[&str]) {
    let output = java(&[]).arg(class).args(arguments).output().expect("java can be started");
    assert_success(&format!("{class} {arguments:?}"), &output);
}

#[track_caller]
pub(super) fn assert_success(what: &str, output: &Output) {
    let text = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).join("\n");
    assert!(output.status.success(), "{what} ended with {}: {text}", output.status);
}
