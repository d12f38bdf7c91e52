//! Config files: what is wrong is told with file, line, key and remedy, before anything is opened.

use std::{path::Path, process::Command};

use labtrail_tests::lab::{Lab, binary, repository};

const AGENT: &str = "labtrail-agent";
const COLLECTOR: &str = "labtrail-collector";

struct Checked {
    code: Option<i32>,
    output: String,
    errors: String,
}

fn check_config(program: &str, file: &Path) -> Checked {
    let output = Command::new(binary(program)).arg("check-config").arg(file).env_remove("NOT_SET_ANYWHERE").output();
    let output = output.expect("the program can be started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("messages are UTF-8");
    Checked { code: output.status.code(), output: text(output.stdout), errors: text(output.stderr) }
}

/// The message names the file with this place behind it, and says each of `words`.
#[track_caller]
fn check(program: &str, config: &str, place: &str, words: &[&str]) {
    let lab = Lab::new();
    let file = lab.write("broken.toml", config);
    let checked = check_config(program, &file);
    assert_eq!(checked.code, Some(2), "{program} on {config}\n{}", checked.errors);
    let place = format!("{}{place}", file.display());
    for words in words.iter().copied().chain([place.as_str()]) {
        assert!(checked.errors.contains(words), "{program} on {config}\nsays: {}\nwithout: {words}", checked.errors);
    }
    assert_eq!(checked.errors.trim_end().lines().count(), 1, "one line: {}", checked.errors);
}

#[test]
fn broken_configs_of_the_agent_name_file_line_key_and_remedy() {
    let check = |config, place, words: &[&str]| check(AGENT, config, place, words);
    check("[[files]\n", ":1", &["]"]);
    check("\ndata_dri = \"x\"\n", ":2", &["data_dri", "did you mean `data_dir`?"]);
    check("[ship]\nto = \"localhost:8001\"\n", ":2", &["ship.to", "http://HOST:PORT"]);
    check("[ship]\nto = \"gopher://broker/topic\"\n", ":2", &["ship.to", "http://HOST:PORT", "kafka://BROKER"]);
    check("[[files]]\npath = [\"/x\"]\n", ":2", &["files.path", "did you mean `paths`?"]);
    check("[[files]]\npaths = [\"/x\"]\nfrom = \"begin\"\n", ":3", &["files.from", "begin", "start", "end"]);
    check("[[files]]\npaths = [\"/x\"]\nzone = \"Mars/Base\"\n", ":3", &["files.zone", "Europe/Zurich"]);
    check("[[files]]\npaths = [\"/x\"]\npartial_after = \"soon\"\n", ":3", &["files.partial_after", "soon", "5s"]);
    check("[[files]]\npaths = [\"/x\"]\nline_bytes_max = 5\n", ":3", &["files.line_bytes_max"]);
    check("[agent]\nid = \"${NOT_SET_ANYWHERE}\"\n", ":2", &["NOT_SET_ANYWHERE", "not set"]);
    check("[[files]]\npaths = [\"/x\"]\n", "", &["ship.to", "http://"]);
    check("[ship]\nto = \"http://localhost:8001\"\n", "", &["[[files]]", "paths"]);
}

#[test]
fn broken_configs_of_the_collector_name_file_line_key_and_remedy() {
    let check = |config, place, words: &[&str]| check(COLLECTOR, config, place, words);
    check("listen = \"8001\"\n", ":1", &["listen", "HOST:PORT"]);
    check("\n[store]\nreeders = 3\n", ":3", &["store.reeders", "did you mean `readers`?"]);
    check("[store]\nreaders = 0\n", ":2", &["store.readers", "1 to 64"]);
    check("[store]\nkind = \"postgres\"\n", ":2", &["store.kind", "sqlite"]);
    check("[http]\nbody_bytes_max = \"much\"\n", ":2", &["http.body_bytes_max", "MiB"]);
    check("zone = \"Mars\"\n", ":1", &["zone", "Europe/Zurich"]);
    check("manager_id = \"me\"\n", ":1", &["manager_id", "ULID"]);
}

#[test]
fn a_config_that_is_not_there_is_named() {
    let lab = Lab::new();
    for program in [AGENT, COLLECTOR] {
        let checked = check_config(program, &lab.path("absent.toml"));
        assert_eq!(checked.code, Some(2), "{program}: {}", checked.errors);
        assert!(checked.errors.contains(lab.path("absent.toml").to_str().unwrap()), "{}", checked.errors);
    }
}

#[test]
fn the_sample_configs_are_valid_and_so_is_what_is_printed_of_them() {
    let lab = Lab::new();
    for (program, name) in [(AGENT, "agent.toml"), (COLLECTOR, "collector.toml")] {
        let checked = check_config(program, &repository().join("deploy").join(name));
        assert_eq!(checked.code, Some(0), "{name}: {}", checked.errors);
        let again = check_config(program, &lab.write(name, &checked.output));
        assert_eq!((again.code, &again.output), (Some(0), &checked.output), "{name}: {}", again.errors);
    }
}

#[test]
fn a_program_with_a_broken_config_does_not_start() {
    let lab = Lab::new();
    let file = lab.write("broken.toml", "data_dri = \"x\"\n");
    for program in [AGENT, COLLECTOR] {
        let output =
            Command::new(binary(program)).current_dir(lab.path("")).arg("--config").arg(&file).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{program}: {errors}");
        assert!(errors.contains("did you mean `data_dir`?"), "{program}: {errors}");
    }
}

#[test]
fn the_sample_configs_for_kafka_and_mongodb_are_valid_and_print_no_password() {
    for (program, name) in [(AGENT, "agent.toml"), (COLLECTOR, "collector.toml")] {
        let file = repository().join("deploy/scale").join(name);
        let passwords = [("MONGO_PASSWORD", "hunter2"), ("KAFKA_PASSWORD", "hunter2")];
        let output = Command::new(binary(program)).envs(passwords).arg("check-config").arg(&file).output().unwrap();
        let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{name}: {errors}");
        assert!(printed.contains("***") && !printed.contains("hunter2"), "{name}: {printed}");
    }
}
