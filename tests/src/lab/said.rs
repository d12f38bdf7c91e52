//! A program that is run to its end, and what it said.

use std::process::Command;

use super::binary;

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub output: String,
    /// What it wrote to standard error.
    pub errors: String,
}

impl Said {
    /// Runs one of our programs to its end.
    #[track_caller]
    pub fn by(program: &str, arguments: &[&str]) -> Self {
        let output = Command::new(binary(program)).args(arguments).output().expect("the program can be started");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("messages are UTF-8");
        Self { code: output.status.code(), output: text(output.stdout), errors: text(output.stderr) }
    }

    /// Asserts its exit code.
    #[track_caller]
    #[expect(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "often the exit code is all that matters"
    )]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.output, self.errors);
        self
    }
}
