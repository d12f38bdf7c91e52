use crate::parse::fixture::Stream;

/// Checks the level of one record: the record's own word and what it amounts to.
#[track_caller]
fn check(section: &str, text: &str, expected: Option<(&str, &str)>) {
    let said = Stream::of(section).read(text);
    let found = said.level.as_ref().map(|(text, name)| (text.as_str(), *name));
    assert_eq!(found, expected, "{section}\n{text}");
}

const LETTER: &str = r"parsers = [{ format = 'regex', pattern = '^(?<level>\S+) ' }]";

#[test]
fn words_of_a_source() {
    let words = format!(
        "{LETTER}\n[level]\nwords = {{ C = 'WARNING', f = 'DEBUG', F = 'ERROR', '7' = 'ERROR', 'Läuft' = 'INFO' }}"
    );
    check(&words, "C x", Some(("C", "WARNING")));
    check(&words, "c x", Some(("c", "WARNING")));
    check(&words, "F x", Some(("F", "ERROR")));
    check(&words, "f x", Some(("f", "DEBUG")));
    check(&words, "7 x", Some(("7", "ERROR")));
    check(&words, "LÄUFT x", Some(("LÄUFT", "INFO")));
    check(&words, "Fehler x", Some(("Fehler", "ERROR")));
    check(&words, "40 x", Some(("40", "ERROR")));
    check(&words, "what x", None);
    check("level.words = { NOTICE = 'WARNING' }", "2024-05-06 07:08:09 NOTICE x", Some(("NOTICE", "WARNING")));
    check("level.words = { mild = 'DEBUG' }", r#"{"level":"Mild"}"#, Some(("Mild", "DEBUG")));
    check("level.words = { '3' = 'ERROR' }", r#"{"level":3}"#, Some(("3", "ERROR")));
    check("", r#"{"level":"Fehler"}"#, Some(("Fehler", "ERROR")));
    check("", "2024-05-06 07:08:09 Fehler x", None);
    check("", "2024-05-06 07:08:09 [Fehler] x", None);
}

#[test]
fn rules_come_first_and_the_default_last() {
    let section = format!("{LETTER}\nlevel = {{ default = 'INFO', rules = [{{ pattern = '\\*', level = 'ERROR' }}] }}");
    check(&section, "WARN x", Some(("WARN", "WARNING")));
    check(&section, "WARN * x", Some(("WARN", "ERROR")));
    check(&section, "what x", Some(("what", "INFO")));
    check(&section, "x", Some(("INFO", "INFO")));
    check(&section, "*", Some(("ERROR", "ERROR")));
}

#[test]
fn numbers_are_graded_by_ranges() {
    let section = r"parsers = [{ format = 'regex', pattern = 'Severity: (?<level>\d+)' }]
        level.numbers = [{ at_least = 0, level = 'INFO' }, { at_least = 20, level = 'CRITICAL' },
            { at_least = 17, level = 'ERROR' }, { at_least = 11, level = 'WARNING' }]";
    for (number, level) in
        [("0", "INFO"), ("10", "INFO"), ("11", "WARNING"), ("16", "WARNING"), ("17", "ERROR"), ("25", "CRITICAL")]
    {
        check(section, &format!("Error: 18456, Severity: {number}, State: 1."), Some((number, level)));
    }
}

#[test]
fn the_place_of_the_level_can_be_chosen() {
    check("level.from = 'none'", "2024-05-06 07:08:09 ERROR x", None);
    check("level = { from = 'none', default = 'DEBUG' }", "2024-05-06 07:08:09 ERROR x", Some(("DEBUG", "DEBUG")));
    check("level = { from = 'field', field = 'sev' }", r#"{"level":"info","sev":"err"}"#, Some(("err", "ERROR")));
    check("level.field = 'sev'", r#"{"level":"info","sev":"err"}"#, Some(("err", "ERROR")));
    check("level.from = 'field'", "2024-05-06 07:08:09 ERROR x", None);
    let syslog = "parser = 'syslog'\nlevel.from = 'syslog'";
    check(syslog, "<11>Nov  6 01:59:14 host app: x", Some(("err", "ERROR")));
    check(syslog, "Nov  6 01:59:14 host app: x", None);
}

#[test]
fn a_word_that_is_no_level_stays_a_field() {
    let said = Stream::of(LETTER).read("what x");
    assert_eq!(said.fields, serde_json::json!({"level": "what"}));
}
