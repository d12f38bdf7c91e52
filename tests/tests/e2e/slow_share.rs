//! A share that hangs delays nobody but itself.

use std::{fs, path::Path, process::Command};

use labtrail_tests::lab::{Lab, Process, binary, wait_until};

/// Makes the library that lets a folder hang.
fn hanging_file_system(lab: &Lab) -> std::path::PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/slow_share/hanging.c");
    let library = lab.path("hanging.so");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(compiled.expect("there is a C compiler, as building needs one").success());
    library
}

#[test]
fn a_share_that_does_not_answer_delays_no_other_files() {
    let lab = Lab::new();
    let library = hanging_file_system(&lab);
    let flag = lab.write("hangs", "");
    let (local, share) = (lab.write("local/a.log", "local 1\n"), lab.write("share/b.log", "share 1\n"));
    let collector = lab.collector();
    let config = format!(
        "data_dir = {data:?}\n[[files]]\npaths = [{share:?}]\nown_thread = true\n[[files]]\npaths = [{local:?}]\n[ship]\nto = \"{to}\"\n",
        data = lab.path("agent-data"),
        share = lab.path("share"),
        local = lab.path("local"),
        to = collector.url(),
    );
    let config = lab.write("agent.toml", config);
    let mut command = Command::new(binary("labtrail-agent"));
    command.arg("--config").arg(config);
    command.env("LD_PRELOAD", library).env("SLOW_FOLDER", lab.path("share")).env("SLOW_WHILE", &flag);
    let _agent = Process::start("agent", command, &lab.path("agent"));
    for line in 2..6 {
        wait_until("what is written to the local file arrives", || {
            (collector.messages_of(&local).len() + 1 == line).then_some(())
        });
        lab.append("local/a.log", format!("local {line}\n"));
    }
    wait_until("all of the local file arrives", || (collector.messages_of(&local).len() == 5).then_some(()));
    assert_eq!(collector.messages_of(&share), Vec::<String>::new(), "the share hangs");
    fs::remove_file(flag).expect("it was there");
    wait_until("the share is read once it answers", || (collector.messages_of(&share) == ["share 1"]).then_some(()));
    assert_eq!(collector.total_events(), Some(6));
}
