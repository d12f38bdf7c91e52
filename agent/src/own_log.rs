//! Which files the agent itself writes its log to, so that it does not follow them: each line that it ships would make
//! another.

use std::{io, os::fd::AsFd};

use rustix::fs::{FileType, fstat};

/// Device and inode of the files that standard output and standard error go to, as they are now. A redirection to a file
/// (`2>> agent.log`) is found, whatever the file is called and wherever it is moved; a pipe into another program that
/// writes the file is not. On Windows: `GetStdHandle`, then the file id as in [`crate::platform`].
pub(crate) fn own_outputs() -> Vec<(u64, u64)> {
    let mut outputs: Vec<(u64, u64)> =
        [regular_file(io::stdout()), regular_file(io::stderr())].into_iter().flatten().collect();
    outputs.dedup();
    outputs
}

/// Device and inode of an open file; `None` for terminals, pipes, sockets, devices, and what is closed.
fn regular_file(output: impl AsFd) -> Option<(u64, u64)> {
    let stat = fstat(output).ok()?;
    (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then_some((stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        os::unix::fs::MetadataExt,
        process::{Command, Stdio},
    };

    use super::own_outputs;

    const CHILD: &str = "LABTRAIL_TEST_CHILD";

    /// What a child finds that writes to these places, and the place of a file of its own.
    fn found_by_child(stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Vec<(u64, u64)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let answer = folder.path().join("answer");
        let mut command = Command::new(std::env::current_exe().expect("a process knows its program"));
        command.args(["--exact", "own_log::tests::files_that_are_our_output_are_known"]).env(CHILD, &answer);
        let status = command.stdout(stdout).stderr(stderr).status().expect("a test can run itself");
        assert!(status.success());
        let text = std::fs::read_to_string(answer).expect("the child answered");
        let place = |line: &str| {
            let (device, inode) = line.split_once(' ').expect("two numbers");
            (device.parse().expect("a number"), inode.parse().expect("a number"))
        };
        text.lines().map(place).collect()
    }

    #[test]
    fn files_that_are_our_output_are_known() {
        if let Some(answer) = std::env::var_os(CHILD) {
            let lines: Vec<String> = own_outputs().iter().map(|(device, inode)| format!("{device} {inode}")).collect();
            std::fs::write(answer, lines.join("\n")).expect("written");
            return;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let create = |name: &str| File::create(folder.path().join(name)).expect("created");
        let place = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino())).expect("known");
        let (output, log) = (create("out"), create("log"));
        let (output_place, log_place) = (place(&output), place(&log));
        assert_eq!(found_by_child(Stdio::null(), Stdio::null()), []);
        assert_eq!(found_by_child(Stdio::piped(), Stdio::piped()), []);
        let both = (output.try_clone().expect("cloned"), log.try_clone().expect("cloned"));
        assert_eq!(found_by_child(both.0, both.1), [output_place, log_place]);
        assert_eq!(found_by_child(Stdio::null(), log.try_clone().expect("cloned")), [log_place]);
        assert_eq!(found_by_child(log.try_clone().expect("cloned"), log), [log_place]);
    }
}
