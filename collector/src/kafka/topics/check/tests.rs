use super::{
    super::{EVENTS_BYTES_MAX, EVENTS_DAYS, LETTERS_BYTES_MAX, LETTERS_DAYS, settings},
    Finding, PartitionState, Topic, Verdict, findings, period, report, settings_to_change,
};

/// Both topics as they are made, then changed.
fn found(brokers: usize, change: impl FnOnce(&mut Topic, &mut Topic)) -> Vec<Finding> {
    let replicas = brokers.min(3);
    let topic = |partitions, days, bytes| Topic {
        partitions: vec![PartitionState { is_led: true, replicas, in_sync: replicas }; partitions],
        settings: settings(days, bytes, replicas as i32)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .chain([("retention.bytes".to_owned(), "-1".to_owned())])
            .collect(),
    };
    let mut events = topic(8, EVENTS_DAYS, EVENTS_BYTES_MAX);
    let mut letters = topic(1, LETTERS_DAYS, LETTERS_BYTES_MAX);
    change(&mut events, &mut letters);
    findings(("events", Some(&events)), ("letters", Some(&letters)), brokers)
}

/// What is not well after a setting of the events' topic has another value.
#[track_caller]
fn check(brokers: usize, changes: &[(&str, &str)], expected: &[(Verdict, &str)]) {
    let found = found(brokers, |events, _| {
        events.settings.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    });
    let wrong = found.iter().filter(|finding| finding.verdict != Verdict::Ok);
    let wrong: Vec<_> = wrong.map(|finding| (finding.verdict, finding.subject)).collect();
    assert_eq!(wrong, expected, "{changes:?}: {found:#?}");
}

#[test]
fn what_is_made_is_well() {
    for brokers in [1, 3, 5] {
        check(brokers, &[], &[]);
    }
    assert_eq!(found(3, |_, _| {}).len(), 2);
}

#[test]
fn what_would_lose_or_refuse_is_an_error() {
    let error = |name| vec![(Verdict::Error, name)];
    check(1, &[("retention.ms", "3600000")], &error("retention.ms"));
    check(1, &[("max.message.bytes", "500000")], &error("max.message.bytes"));
    check(1, &[("cleanup.policy", "delete,compact")], &error("cleanup.policy"));
    check(3, &[("min.insync.replicas", "4")], &error("min.insync.replicas"));
    check(3, &[("unclean.leader.election.enable", "true")], &error("unclean.leader.election.enable"));
    let times = [("message.timestamp.type", "CreateTime"), ("message.timestamp.after.max.ms", "3600000")];
    check(1, &times, &error("message.timestamp.type"));
}

#[test]
fn what_is_only_unwise_is_a_warning() {
    let warning = |name| vec![(Verdict::Warning, name)];
    check(1, &[("retention.ms", "345600000")], &warning("retention.ms"));
    check(1, &[("retention.bytes", "1073741824")], &warning("retention.bytes"));
    check(1, &[("compression.type", "gzip")], &warning("compression.type"));
    check(3, &[("min.insync.replicas", "1")], &warning("min.insync.replicas"));
    check(3, &[("min.insync.replicas", "3")], &warning("min.insync.replicas"));
    let times = [("message.timestamp.type", "CreateTime"), ("message.timestamp.after.max.ms", "9223372036854775807")];
    check(1, &times, &warning("message.timestamp.type"));
    check(1, &[("retention.ms", "-1")], &[]);
    check(1, &[("max.message.bytes", "1048588")], &[]);
}

#[test]
fn partitions_are_looked_at() {
    let found = found(3, |events, _| {
        events.partitions[0].is_led = false;
        events.partitions[1].in_sync = 2;
        events.partitions.iter_mut().for_each(|partition| partition.replicas = 1);
    });
    let subjects: Vec<_> = found.iter().map(|finding| (finding.verdict, finding.subject)).collect();
    let expected = [
        (Verdict::Error, "leaders"),
        (Verdict::Warning, "replicas"),
        (Verdict::Error, "min.insync.replicas"),
        (Verdict::Ok, "topic"),
    ];
    assert_eq!(subjects, expected);
}

#[test]
fn letters_must_hold_the_largest_record() {
    let found = found(1, |events, _| {
        events.settings.insert("max.message.bytes".to_owned(), "10485760".to_owned());
    });
    assert_eq!(settings_to_change(&found), [("letters".to_owned(), "max.message.bytes=20971520".to_owned())]);
}

#[test]
fn the_table_is_one_line_for_each_finding() {
    let text = report(&findings(("events", None), ("letters", Some(&Topic::default())), 1));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "RESULT  TOPIC    SETTING  IS       WHAT_TO_DO");
    assert_eq!(
        lines[1],
        "error   events   topic    missing  it is not there, or this login may not see it: run `labtrail-collector topics \
         create`"
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn lengths_of_time_are_said_in_whole_units() {
    assert_eq!([604_800_000, 90_000, 3_600_000, 1].map(period), ["7 days", "90 seconds", "1 hour", "1 millisecond"]);
}
