//! What detection alone makes of samples and fixtures.

use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any, proptest},
    sample::Index,
};

use super::{
    Sight, fixtures, propose, propose_among, samples,
    trial::{TrialFile, read},
};
use crate::config::FilesSection;

fn sight<'a>(file: &TrialFile<'a>) -> Sight<'a> {
    let TrialFile { path, bytes, is_whole, now_civil_micros, file_civil_micros } = *file;
    Sight { path, head: bytes, tail: &[], is_whole, now_civil_micros, file_civil_micros }
}

#[test]
fn samples_by_detection_alone() {
    let mut wrong = Vec::new();
    for sample in samples::ALL {
        let Some(bytes) = samples::read(sample.file) else { continue };
        let proposal = propose(sight(&sample.as_file(&bytes))).unwrap();
        println!("{:50} {:?}", sample.file, proposal.preset.map(|preset| preset.name));
        let difference = sample.difference(proposal.trial());
        match (sample.undecidable.is_empty(), difference) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(difference)) => wrong.push(format!("{difference}\n{}", proposal.to_toml())),
            (false, None) => {
                wrong.push(format!("{}: it is decided now; its reason is {}", sample.file, sample.undecidable));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fixtures_by_detection_alone() {
    let mut wrong = Vec::new();
    for fixture in fixtures::all() {
        let proposal = propose(sight(&fixture.as_file())).unwrap();
        let differences = fixture.differences(proposal.trial(), false);
        let expected = &fixture.expected;
        match (expected.detect == "yes", differences.is_empty()) {
            (true, true) | (false, false) => {}
            (true, false) => wrong.push(format!("{}\n{}", differences.join("\n"), proposal.to_toml())),
            (false, true) => {
                wrong.push(format!("{}: it is decided now; its reason is {}", fixture.name, expected.detect));
            }
        }
        let preset = expected.detected_preset.as_ref().unwrap_or(&expected.preset);
        let found = proposal.preset.map_or("", |preset| preset.name);
        if found != preset {
            wrong.push(format!("{}: found the preset {found:?}, expected {preset:?}", fixture.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Samples that the general rules decide without any preset. For the others they do not know where a record begins (of two
/// lines, between separators, with the time at its end), or what torn lines are.
const DECIDED_WITHOUT_PRESETS: [&str; 15] = [
    "tecan-evoware-trace/TRACE.snapshot1.TXT",
    "tecan-evoware-trace/TRACE.snapshot2.TXT",
    "illumina-hiseq-prerun/PreRun.log",
    "micromanager-corelog/CoreLog.txt",
    "sqlserver-errorlog/ERRORLOG",
    "waters-uplc-autolynx/experiment.log",
    "octoprint/octoprint.log",
    "bluesky-databroker-progress/packing.log",
    "mfc-flow-csv/log 2021-09-17 11-26-14.140.csv",
    "beckman-biomek/UnifiedTransfer.log",
    "ros1-rosout/rosout.log",
    "arduino-serial-monitor/serial-monitor.txt",
    "lnav-edge-cases/logfile_dst.0",
    "lnav-edge-cases/logfile_ansi.1",
    "lnav-edge-cases/logfile_with_zones.0",
];

#[test]
fn samples_without_presets() {
    let mut wrong = Vec::new();
    for sample in samples::ALL {
        let Some(bytes) = samples::read(sample.file) else { continue };
        let proposal = propose_among(sight(&sample.as_file(&bytes)), &[]).unwrap();
        let difference = sample.difference(proposal.trial());
        if difference.is_none() != DECIDED_WITHOUT_PRESETS.contains(&sample.file) {
            wrong.push(format!("{} {difference:?}\n{}", sample.file, proposal.to_toml()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is proposed for a text.
fn proposed(path: &str, head: &[u8]) -> (String, Vec<String>) {
    let file = TrialFile {
        path,
        bytes: head,
        is_whole: true,
        now_civil_micros: samples::micros("2026-12-01T00:00"),
        file_civil_micros: None,
    };
    let proposal = propose(sight(&file)).unwrap();
    (proposal.to_toml(), proposal.warnings.clone())
}

#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let (toml, _) = proposed(path, text.as_bytes());
    for expected in expected {
        assert!(toml.contains(expected), "{expected:?} is not in\n{toml}");
    }
}

#[test]
fn an_order_is_proposed_only_where_the_numbers_show_it() {
    let dates =
        |dates: &[&str]| dates.iter().map(|date| [date, " 08:00:00 door\n"].concat()).collect::<Vec<_>>().concat();
    check("a", &dates(&["03.04.2024", "25.04.2024"]), &["date_order = \"dmy\"", "goes up to 25, so it is the day"]);
    check("a", &dates(&["03/04/2024", "03/13/2024"]), &["date_order = \"mdy\"", "goes up to 13, so it is the day"]);
    let open = [
        "\n# date_order = \"dmy\" # or \"mdy\"",
        "the day cannot be told from the month",
        "0 with a time of their own",
    ];
    check("a", &dates(&["03/04/2024", "04/04/2024"]), &open);
    check("a", &dates(&["13/04/2024", "03/14/2024"]), &["dates fit no order"]);
}

#[test]
fn what_a_person_should_know_is_said() {
    let newest_first = "2024-05-06 07:08:05 x\n2024-05-06 07:08:04 x\n2024-05-06 07:08:03 x\n2024-05-06 07:08:02 x\n";
    check("a", newest_first, &["newest record comes first", "snapshot = {}"]);
    check("a", "2024-05-06 07:08:09 start in CEST\n", &["the text says \"CEST\"", "set zone"]);
    check("a", "2024-05-06 07:08:09 x\n0123456789abcdef0123456789ABCDEF\n", &["looks as if it were rewritten"]);
    check("a", "2024-05-06 07:08:09 x", &["has no line end"]);
    check("a", "2024-05-06 07:08:09 x\n\0\0\0\0\0\0", &["NULs are left out (6)"]);
    check("a", "words\nwithout times\n", &["o line begins with a time"]);
    check(
        "/x/run_2024-05-06.log",
        "07:08:09 x\n07:08:10 y\n",
        &["day = \"path\"", "holds the date 2024-05-06", "path_pattern"],
    );
    check("/x/run.log", "07:08:09 x\n07:08:10 y\n", &["day = \"file\"", "wrong for a file that was copied"]);
    check(
        "/x/MN1/control_server_log-0.txt",
        "2024-04-09 10:19:57.300601    INFO: a (b)\n",
        &["written from documentation"],
    );
}

#[test]
fn the_beginning_of_a_file_is_enough() {
    let lines: Vec<_> = (0..60).map(|second| format!("2024-05-06 07:08:{second:02} [INFO] x\n  y\n")).collect();
    let text = lines.concat();
    let head = &text.as_bytes()[..text.len() - 10];
    let file = TrialFile { path: "a", bytes: head, is_whole: false, now_civil_micros: 0, file_civil_micros: None };
    let proposal = propose(Sight { tail: b"2024-05-06 07:08:59 x\n##END=\n", ..sight(&file) }).unwrap();
    assert_eq!(proposal.events(3).len(), 3);
    assert_eq!(proposal.trial().events.len(), 58);
    assert!(proposal.to_toml().contains("##END="), "{}", proposal.to_toml());
    assert!(proposal.explain().contains("2024-05-06T07:08:00 INFO "), "{}", proposal.explain());
}

/// What a proposal says is a section that gives the same.
fn check_again(path: &str, bytes: &[u8], is_whole: bool) {
    #[derive(serde::Deserialize)]
    struct Config {
        files: Vec<FilesSection>,
    }
    let file = TrialFile { path, bytes, is_whole, now_civil_micros: 0, file_civil_micros: None };
    let Ok(proposal) = propose(sight(&file)) else { return };
    proposal.explain();
    let text = proposal.to_toml();
    let config: Config = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let [section] = config.files.as_slice() else { panic!("{text}") };
    let paths: Vec<&str> = section.paths.iter().flatten().map(crate::source::file::Pattern::text).collect();
    assert_eq!(paths, [crate::source::file::escaped(path)]);
    if section.preset.is_none() {
        let trial = read(section, &file, usize::MAX).unwrap();
        assert_eq!(trial.events, proposal.trial().events, "{text}");
    }
}

#[test]
fn proposals_of_fixtures_are_sections() {
    for fixture in fixtures::all() {
        check_again(&fixture.expected.path, &fixture.bytes, true);
        for cut in [1, 2, 3, 5, 17, 40, 90] {
            check_again(&fixture.expected.path, &fixture.bytes[..fixture.bytes.len().saturating_sub(cut)], false);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pieces of fixtures, torn and put together.
    #[test]
    fn no_bytes_make_a_proposal_that_is_no_section(
        path in "[ -~\t\n'\"é]{1,12}",
        cuts in vec((any::<Index>(), any::<Index>(), any::<Index>()), 1..4),
        noise in vec(any::<u8>(), 0..6),
        is_whole in any::<bool>(),
    ) {
        let fixtures = fixtures::all();
        let mut bytes = Vec::new();
        for (fixture, from, length) in cuts {
            let source = &fixtures[fixture.index(fixtures.len())].bytes;
            let from = from.index(source.len());
            bytes.extend_from_slice(&source[from..from + length.index(source.len() - from)]);
            bytes.extend_from_slice(&noise);
        }
        check_again(&path, &bytes, is_whole);
    }
}
