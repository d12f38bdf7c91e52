use labtrail_shared::level::LogLevel::{self, Critical, Debug, Error, Info, Warning};

use super::parse;
use crate::parse::{Body, TextContext};

fn context() -> TextContext {
    TextContext { date_order: None, now_civil_micros: 1_715_000_000_000_000 }
}

/// Checks whether a line has a time, and which level it states in which words.
#[track_caller]
fn check(text: &str, has_time: bool, level: Option<(&str, LogLevel)>) {
    let parsed = parse(&context(), text);
    let found = parsed.level.map(|written| (written.text, written.level));
    assert_eq!((parsed.time.is_some(), found, parsed.body), (has_time, level, Body::Text), "{text:?}");
}

#[track_caller]
fn check_level(after_time: &str, level: Option<(&str, LogLevel)>) {
    check(&format!("2024-05-06 07:08:09.125{after_time}"), true, level);
}

#[test]
fn a_level_is_a_field_after_the_time() {
    check_level(" INFO text", Some(("INFO", Info)));
    check_level(" - octoprint.server - WARNING - text", Some(("WARNING", Warning)));
    check_level(" [INFO] text", Some(("INFO", Info)));
    check_level("|ERROR|Pump|text", Some(("ERROR", Error)));
    check_level(" | my module | FATAL | text", Some(("FATAL", Critical)));
    check_level(" +01 000000001 WRN: !!!!! Warning Occurred", Some(("WRN", Warning)));
    check_level(" root DEBUG text", Some(("DEBUG", Debug)));
    check_level(" /op3_manager WARN text", Some(("WARN", Warning)));
    check_level(" [main] SEVERE com.example.Pump - text", Some(("SEVERE", Error)));
    check_level("  INFO 4711 --- [main] c.e.Pump : text", Some(("INFO", Info)));
    check_level("    INFO: starting_up (control)", Some(("INFO", Info)));
    check_level(" INFO:root:text", Some(("INFO", Info)));
    check_level(" [123] lab@db ERROR:  relation", Some(("ERROR", Error)));
    check_level(",INFO,Pump", Some(("INFO", Info)));
    check_level(" INFO[0000] text", Some(("INFO", Info)));
    check_level("-WARN-text", Some(("WARN", Warning)));
    check_level(" ERROR", Some(("ERROR", Error)));
    check_level(" ERROR\nTraceback", Some(("ERROR", Error)));
    check_level(" (ERROR) text", Some(("ERROR", Error)));
    check_level(" <ALERT> text", Some(("ALERT", Critical)));
}

#[test]
fn in_another_case_it_is_in_brackets_or_behind_a_key() {
    check_level(" [info     ] hello info     event_type=log_info", Some(("info", Info)));
    check_level(" [Warning] text", Some(("Warning", Warning)));
    check_level(" tid4 [IFO,Core] text", Some(("IFO", Info)));
    check_level(" tid4 [dbg,App] text", Some(("dbg", Debug)));
    check_level(" [WARNING/MainProcess] text", Some(("WARNING", Warning)));
    check_level(" [core:error] [pid 3:tid 4] text", Some(("error", Error)));
    check_level(" level=info msg=text", Some(("info", Info)));
    check_level(" caller=a.go:1 level=\"Error\" msg=text", Some(("Error", Error)));
    check_level(" severity='fatal'", Some(("fatal", Critical)));
    check_level(" host1 NSX 31 - [a@6 comp=\"x ] y\" user=\"\\\"\" level=\"INFO\"] text", Some(("INFO", Info)));
    check_level(" error text", None);
    check_level(" Error: text", None);
    check_level(" (error) text", None);
    check_level(" level=5", None);
    check_level(" level=information-rich", None);
    check_level(" oxygen level=\"high\"", None);
    check_level(" [no error] text", None);
    check_level(" [abc level=\"INFO", None);
}

#[test]
fn no_level_is_taken_from_the_words_of_a_message() {
    check_level(" Node Startup", None);
    check_level(" This is an informational message ERROR", None);
    check_level(" NO ERRORS expected", None);
    check_level(" no ERROR found", None);
    check_level(" The ERROR was cleared", None);
    check_level(" Pump reports ERROR: low", None);
    check_level(" Initial TRACE.TXT.", None);
    check_level(" 温度 正常 ERROR", None);
    check_level(" the manual says [ERROR] here", None);
    check_level(" ERROR_LOG opened", None);
    check_level(" ERROR-42 opened", None);
    check_level(",INF,3.2", None);
    check_level(",ERR,3.2", None);
    check_level(",12,ERROR", None);
    check_level("", None);
    check_level(" \n[ERROR] text", None);
    check_level(&format!(" {} ERROR text", "x1".repeat(60)), None);
    check_level(" 1 2 3 4 5 6 ERROR text", None);
}

#[test]
fn a_time_stands_at_the_beginning_or_behind_little() {
    check("\u{feff}\"2024-05-06 07:08:09.045\",39.97", true, None);
    check("   2024-05-06 07:08:09 x", true, None);
    check("[2024-05-06 07:08:09] INFO x", true, Some(("INFO", Info)));
    check("( 2024-05-06 07:08:09) x", true, None);
    check("<2024-05-06 07:08:09> x", true, None);
    check("LOG(2010-07-22T17:11:56.175750, 3052, 00071990:): text", true, None);
    check("INFO 2024-05-06 07:08:09 x", true, Some(("INFO", Info)));
    check("[ERROR] 2024-05-06 07:08:09 x", true, Some(("ERROR", Error)));
    check("WARN: [2024-05-06 07:08:09] x", true, Some(("WARN", Warning)));
    check("[rosmaster.main][INFO] 2024-05-06 07:08:09,966: x", true, Some(("INFO", Info)));
    check("[INFO] [1624486997.966815548] [node]: x", true, Some(("INFO", Info)));
    check("time=\"2024-05-06T07:08:09Z\" level=warning msg=x", true, Some(("warning", Warning)));
    check("level=error ts=2024-05-06T07:08:09Z msg=x", true, Some(("error", Error)));
    check("127.0.0.1 [2024-05-06 07:08:09] x", false, None);
    check(&format!("{:33}2024-05-06 07:08:09 - INFO - x", ""), false, None);
    check("started 2024-05-06 07:08:09", false, None);
    check("12:00:00.5 -> 255", false, None);
    check("12:00:00 ERROR text", false, None);
}

#[test]
fn without_a_time_a_level_counts_where_it_is_marked_as_one() {
    check("[ERROR] text", false, Some(("ERROR", Error)));
    check("[warning] text", false, Some(("warning", Warning)));
    check("ERROR: text", false, Some(("ERROR", Error)));
    check("\u{feff}WARNING - text", false, Some(("WARNING", Warning)));
    check("INFO | text", false, Some(("INFO", Info)));
    check("level=info msg=text", false, Some(("info", Info)));
    check("ERROR text", false, None);
    check("INFO-text", false, None);
    check("Error: Bad character", false, None);
    check("  ERROR: indented", false, None);
    check("[debug]", false, None);
    check("[fan]", false, None);
    check("[rosmaster.main] [INFO] text", false, None);
    check("|  ERROR: text", false, None);
    check("", false, None);
}

#[test]
fn syslog_and_glog_state_the_level_before_the_time() {
    check("<11>Nov  6 01:59:14 host app[1]: text", true, Some(("err", Error)));
    check("<165>1 2003-10-11T22:14:15.003Z host app - ID47 [a@1 level=\"x\"] text", true, Some(("notice", Info)));
    check("<0>1 - host app - - - text", false, Some(("emerg", Critical)));
    check("<14>text", false, None);
    check("<192>Nov  6 01:59:14 host", false, None);
    check("<>Nov  6 01:59:14 host", false, None);
    check("Nov  6 01:59:14 host app[1]: ERROR text", true, Some(("ERROR", Error)));
    check("Nov  6 01:59:14 host kernel: WARNING: text", true, Some(("WARNING", Warning)));
    check("Nov  6 01:59:14 ERROR app[1]: text", true, None);
    check("Nov  6 01:59:14 host app[1]: has an ERROR", true, None);
    check("E1123 12:00:00.123456  1234 file.cc:12] text", true, Some(("E", Error)));
    check("I20231123 12:00:00.123456 1 file.cc:12] text", true, Some(("I", Info)));
    check("E1123 text", false, None);
}

#[test]
fn a_date_that_could_mean_two_days_is_not_read_but_its_level_is() {
    let parsed = parse(&context(), "03/04/2026 10:00:00 ERROR boom");
    assert_eq!((parsed.time, parsed.is_date_ambiguous), (None, true));
    assert_eq!(parsed.level.map(|written| written.level), Some(Error));
    assert!(!parse(&context(), "2026-04-03 10:00:00 ERROR boom").is_date_ambiguous);
    assert!(!parse(&context(), "3/4 of the volume").is_date_ambiguous);
}
