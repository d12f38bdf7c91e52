//! The real mail server of the tests: aiosmtpd, in Python.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::fetched;
use crate::lab::repository;

/// A running server. It ends when its input does, which is when this ends.
#[derive(Debug)]
pub struct MailServer {
    process: Child,
    folder: TempDir,
    /// Where it listens, on the loopback address.
    pub port: u16,
}

impl MailServer {
    /// Starts it, with these options of its script.
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let aiosmtpd = fetched::aiosmtpd();
        let script = repository().join("tests/src/services/smtp.py");
        let mut process = Command::new(aiosmtpd.join("python"))
            // Without the packages of the machine.
            .arg("-S")
            .arg(script)
            .arg(folder.path())
            .env("PYTHONPATH", aiosmtpd.join("packages"))
            .args(arguments)
            .stdin(Stdio::piped())
            // It warns of what tests do on purpose.
            .stderr(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python can be started");
        let mut line = String::new();
        let output = process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("it says its port");
        let port = line.trim().strip_prefix("PORT ").and_then(|port| port.parse().ok()).expect("it says its port");
        Self { process, folder, port }
    }

    /// Changes what it does, from the next command on.
    pub fn behave(&self, behaviour: &Value) {
        let (part, whole) = (self.folder.path().join("behaviour.part"), self.folder.path().join("behaviour.json"));
        std::fs::write(&part, behaviour.to_string()).expect("a file can be written");
        std::fs::rename(part, whole).expect("a file can be renamed");
    }

    /// The mails so far, as Python understands them.
    pub fn mails(&self) -> Vec<Value> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder is there");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|file| {
            file.extension().is_some_and(|end| end == "json")
                && file.file_stem().is_some_and(|name| name != "behaviour")
        });
        files.sort();
        let read = |file: &PathBuf| serde_json::from_slice(&std::fs::read(file).expect("readable")).expect("JSON");
        files.iter().map(read).collect()
    }

    /// The only mail.
    #[track_caller]
    pub fn mail(&self) -> Value {
        let mut mails = self.mails();
        assert_eq!(mails.len(), 1, "{mails:#?}");
        mails.remove(0)
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("connections.log")).unwrap_or_default().lines().count()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.process.try_wait().is_ok_and(|status| status.is_none()) {
            if Instant::now() > deadline {
                let _ = self.process.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A header of a mail, by its name.
#[track_caller]
pub fn mail_header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let headers = mail["headers"].as_array().expect("headers");
    let found: Vec<&Value> = headers.iter().filter(|header| header[0] == name).collect();
    assert_eq!(found.len(), 1, "{name} in {headers:#?}");
    found[0][1].as_str().expect("text")
}
