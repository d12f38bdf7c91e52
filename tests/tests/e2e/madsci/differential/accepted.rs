//! The differences that the manual tells of: rows of a table in `docs/madsci.md`.

use std::{collections::BTreeSet, fs};

use labtrail_tests::lab::repository;

/// Keys that the manual does not explain, and rows that no case shows.
pub(super) fn differences_from_manual(used: &BTreeSet<&str>) -> Vec<String> {
    let manual = fs::read_to_string(repository().join("docs/madsci.md")).unwrap_or_default();
    let rows = keys(&manual);
    let unexplained = used.iter().filter(|key| !rows.contains(**key));
    let unexplained = unexplained.map(|key| format!("docs/madsci.md has no row for the accepted difference \"{key}\""));
    let unused = rows.iter().filter(|key| !used.contains(key.as_str()));
    let unused = unused.map(|key| format!("docs/madsci.md has a row \"{key}\", which no case shows"));
    unexplained.chain(unused).collect()
}

/// The first column of the table whose first column is headed `key`.
fn keys(manual: &str) -> BTreeSet<String> {
    let first = |line: &str| line.strip_prefix('|')?.split('|').next().map(|cell| cell.trim().replace('`', ""));
    let table = manual.lines().map(first).skip_while(|cell| cell.as_deref() != Some("key"));
    table.map_while(|cell| cell).skip(2).collect()
}

#[test]
fn rows_are_found() {
    let manual = "# A\n\n| a | b |\n|---|---|\n| no | x |\n\n| key | MADSci | Labtrail |\n|---|---|---|\n| `one` | x | y |\n| two | x | y |\n\nend\n| three | | |\n";
    assert_eq!(keys(manual), BTreeSet::from(["one".to_owned(), "two".to_owned()]));
}
