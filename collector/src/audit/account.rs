//! What may have become of an event, and how it is counted.

use labtrail_shared::table::table;

use super::plan::Range;

/// What became of the records of a partition. `events = stored + duplicates + letters + missing`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionReport {
    /// The partition.
    pub partition: i32,
    /// The first offset that was looked at.
    pub from: i64,
    /// The offset behind the last.
    pub to: i64,
    /// Records that were there.
    pub records: u64,
    /// Events in them, also those that cannot be read.
    pub events: u64,
    /// Events that are stored.
    pub stored: u64,
    /// Events that came before in what was looked at.
    pub duplicates: u64,
    /// Events that are dead letters, or part of one.
    pub letters: u64,
    /// Events that are nowhere.
    pub missing: u64,
    /// Offsets that Kafka does not have: ends of transactions, or what compaction has removed.
    pub not_in_kafka: u64,
    /// Offsets that retention has removed.
    pub removed: u64,
    /// Offsets that the group has not committed yet.
    pub unread: u64,
}

/// Something that is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The partition.
    pub partition: i32,
    /// The offset of its record.
    pub offset: i64,
    /// Its id, if it is an event.
    pub id: Option<String>,
    /// What was looked for in vain.
    pub why: String,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Stored,
    Letter,
    Missing(&'static str),
}

/// What became of an event of that hash, if the store has its id under the hash `stored`.
pub(super) fn fate(stored: Option<u64>, hash: u64, is_letter: bool) -> Fate {
    match stored {
        Some(stored) if stored == hash => Fate::Stored,
        _ if is_letter => Fate::Letter,
        Some(_) => Fate::Missing("its id is stored with other content, and there is no dead letter of it"),
        None => Fate::Missing("it is not stored, and there is no dead letter of it"),
    }
}

impl PartitionReport {
    pub(super) fn of(range: &Range) -> Self {
        let Range { partition, from, to, removed, unread, lost: _ } = *range;
        Self { partition, from, to, removed, unread, ..Self::default() }
    }
}

/// Reports as a table, with their sum below.
pub(super) fn text(partitions: &[PartitionReport]) -> String {
    let titles = [
        "PARTITION",
        "FROM",
        "TO",
        "RECORDS",
        "EVENTS",
        "STORED",
        "DUPLICATES",
        "DEAD_LETTERS",
        "MISSING",
        "NOT_IN_KAFKA",
        "REMOVED",
        "UNREAD",
    ];
    let counts = |report: &PartitionReport| {
        [
            report.records,
            report.events,
            report.stored,
            report.duplicates,
            report.letters,
            report.missing,
            report.not_in_kafka,
            report.removed,
            report.unread,
        ]
    };
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    let mut sums = [0; 9];
    for report in partitions {
        let counts = counts(report);
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        let mut row = vec![report.partition.to_string(), report.from.to_string(), report.to.to_string()];
        row.extend(counts.map(|count| count.to_string()));
        rows.push(row);
    }
    let mut row = vec!["all".to_owned(), "-".to_owned(), "-".to_owned()];
    row.extend(sums.map(|sum| sum.to_string()));
    rows.push(row);
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::{Fate, PartitionReport, fate, text};

    #[test]
    fn an_event_is_stored_or_a_letter_or_missing() {
        assert_eq!(fate(Some(7), 7, false), Fate::Stored);
        assert_eq!(fate(Some(7), 7, true), Fate::Stored);
        assert_eq!(fate(Some(8), 7, true), Fate::Letter);
        assert_eq!(fate(None, 7, true), Fate::Letter);
        assert!(matches!(fate(Some(8), 7, false), Fate::Missing(why) if why.contains("other content")));
        assert!(matches!(fate(None, 7, false), Fate::Missing(why) if why.contains("not stored")));
    }

    #[test]
    fn the_table_has_a_sum() {
        let first =
            PartitionReport { partition: 0, to: 5, records: 5, events: 9, stored: 9, ..PartitionReport::default() };
        let second = PartitionReport { partition: 1, records: 2, events: 2, missing: 2, ..first.clone() };
        let text = text(&[first, second]);
        let rows: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[3], ["all", "-", "-", "7", "11", "18", "0", "0", "2", "0", "0", "0"]);
        assert!(rows.iter().all(|row| row.len() == 12));
    }
}
