//! Rules as their users write them, and what they are told of wrong ones.

use std::collections::BTreeSet;

use super::{ReceiverNames, RuleSet};
use crate::alert::rule::{MadsciRules, RuleSection, Severity};

fn refusal(text: &str) -> String {
    match RuleSet::load(&[("r.toml", text)]) {
        Ok(set) => format!("{set:?}"),
        Err(error) => error.to_string(),
    }
}

fn rule(lines: &str) -> String {
    format!("[[rules]]\nname = \"x\"\n{lines}\n")
}

#[test]
fn what_is_written_is_read() {
    let text = include_str!("every_option.toml");
    let set = RuleSet::load(&[("every_option.toml", text)]).unwrap_or_else(|error| panic!("{error}"));
    let rule = set.get("node-errors").expect("it is there");
    assert_eq!(rule.origin(), "every_option.toml:2");
    let event = serde_json::json!({"log_level": 50, "source": {"node_id": "N"}});
    assert!(rule.filter().matches(&event));
    assert_eq!(rule.group_of(&event).to_string(), "source.node_id=N, event_data.fields.code=(missing)");
    assert_eq!(rule.severity_of(&event), Severity::Critical);
    assert_eq!(set.rules().len(), 9);
    for rule in set.rules() {
        let json = serde_json::to_string(rule.section()).expect("it prints");
        let again: RuleSection = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!(&again, rule.section(), "{json}");
        let text = toml::to_string(rule.section()).expect("it prints");
        assert_eq!(
            &toml::from_str::<RuleSection>(&text).unwrap_or_else(|error| panic!("{text}: {error}")),
            rule.section()
        );
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let check = |lines: &str, expected: &str| assert_eq!(refusal(&rule(lines)), expected, "{lines}");
    check(
        "trigger = \"each\"\nrecivers = []",
        "r.toml:4: rule `x`: recivers: unknown key `recivers`: did you mean `receivers`? (valid: name, description, enabled, when, trigger, group_by, groups_max, for, repeat, cool_down, severity, labels, subject, body, receivers, escalate, lateness, notify_each_event)",
    );
    check(
        "trigger = \"eech\"",
        "r.toml:3: rule `x`: trigger: unknown value `eech`: did you mean `each`? (valid: each, at_least, fewer_than, silence, spike, new_value, change, value)",
    );
    check(
        "trigger = \"silence\"",
        "r.toml:3: rule `x`: trigger: `silence` needs its settings: write { silence = { after = \"15m\" } }",
    );
    check(
        "trigger = { at_least = { count = 5, within = \"1m\" }, silence = { after = \"1m\" } }",
        "r.toml:3: rule `x`: trigger: a rule has one trigger, not `at_least` and `silence`: write two rules",
    );
    check("trigger = {}", "r.toml:3: rule `x`: trigger: the table is empty: write \"each\" or { at_least = { ... } }");
    check(
        "trigger = { at_last = { count = 5, within = \"1m\" } }",
        "r.toml:3: rule `x`: trigger: unknown value `at_last`: did you mean `at_least`? (valid: each, at_least, fewer_than, silence, spike, new_value, change, value)",
    );
    check(
        "trigger = { at_least = { count = 5, wihtin = \"1m\" } }",
        "r.toml:3: rule `x`: trigger: unknown key `wihtin`: did you mean `within`? (valid: count, within)",
    );
    check(
        "trigger = { at_least = { count = -5, within = \"1m\" } }",
        "r.toml:3: rule `x`: trigger: invalid value: integer `-5`, expected u64",
    );
    check(
        "trigger = { at_least = { count = 5, within = \"0s\" } }",
        "r.toml:3: rule `x`: trigger: \"0s\" is not a length of time: write a number with a unit, such as 250ms, 5s, 1h 30m or 30d",
    );
    check(
        "trigger = { value = { field = \"event_data.x\", statistic = \"mean\", within = \"1m\", above = 1 } }",
        "r.toml:3: rule `x`: trigger: unknown value `mean`: (valid: avg, min, max, sum, last, p50, p90, p95, p99)",
    );
    check(
        "trigger = { change = { field = \"a..b\" } }",
        "r.toml:3: rule `x`: trigger: the path \"a..b\" has an empty name in it: write names with single dots between them, such as \"source.node_id\"",
    );
    check(
        "group_by = [\"$a\"]\ntrigger = \"each\"",
        "r.toml:3: rule `x`: group_by: the path \"$a\" has a name in it that begins with $: write the field's path alone, such as \"source.node_id\"",
    );
    check(
        "trigger = \"each\"\nwhen = { log_level = { \"$gt\" = 3, \"$what\" = 1 } }",
        "r.toml:4: rule `x`: when: unknown operator `$what` at `/log_level/$what`",
    );
    check(
        "trigger = \"each\"\n[rules.when]\nevent_data.x = 1",
        "r.toml:4: rule `x`: when: `event_data` is compared with a whole object: put the path in quotes, as in \"event_data.x\" = ...",
    );
    check("description = \"no trigger\"", "r.toml:1: rule `x`: missing field `trigger`");
    assert_eq!(
        refusal("[[rules]]\nname = \"A B\"\ntrigger = \"each\"\n"),
        "r.toml:2: rule `A B`: name: \"A B\" is no name for a rule: write 1 to 64 of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter or a digit, such as \"node-errors\""
    );
    assert_eq!(refusal("[[rule]]\n"), "r.toml:1: rule: unknown key `rule`: did you mean `rules`? (valid: rules)");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() {
    let check = |lines: &str, expected: &str| {
        let refusal = refusal(&rule(lines)).replace("r.toml:1: rule `x`: ", "");
        assert_eq!(refusal, expected, "{lines}");
    };
    check(
        "trigger = { at_least = { count = 0, within = \"31d\" } }",
        "trigger.at_least.count: 0 says nothing, there are always as many: write 1 or more\ntrigger.at_least.within: 31d is too long: write at most 30d",
    );
    check(
        "trigger = { fewer_than = { count = 0, within = \"1us\" } }",
        "trigger.fewer_than.count: 0 says nothing, there are never fewer: write 1 or more\ntrigger.fewer_than.within: 1µs is too short: write at least 1ms",
    );
    check("trigger = { silence = { after = \"31d\" } }", "trigger.silence.after: 31d is too long: write at most 30d");
    check(
        "trigger = { spike = { ratio = 1, within = \"1h\", windows = 0, at_least = 0 } }",
        "trigger.spike.ratio: 1 is not more than 1, so it would fire without any rise: write 2 or more\ntrigger.spike.at_least: 0 says nothing, there are always as many: write 1 or more\ntrigger.spike.windows: 0 is not from 1 to 100",
    );
    check(
        "trigger = { spike = { ratio = nan, within = \"5d\" } }",
        "trigger.spike.ratio: NaN is not more than 1, so it would fire without any rise: write 2 or more\ntrigger.spike.within: a window of 5d and 6 before it reach back more than 30d: write shorter or fewer windows",
    );
    check(
        "trigger = { new_value = { field = \"evnt_data.x\", remember = \"400d\" } }",
        "trigger.new_value.field: no event has a field `evnt_data`: did you mean `event_data`? (what is an instrument's own stands in `event_data`; valid: _id, event_type, log_level, alert, event_timestamp, source, event_data, trace_id, span_id, archived, archived_at)\ntrigger.new_value.remember: 400d is too long: write at most 366d",
    );
    check(
        "trigger = { value = { field = \"event_data.x\", statistic = \"avg\", within = \"1m\" } }",
        "trigger.value: neither `above` nor `below` is there: write the bound at which it fires",
    );
    check(
        "trigger = { value = { field = \"event_data.x\", statistic = \"p95\", within = \"1m\", above = 5, below = 5 } }",
        "trigger.value: no number is above 5 and below 5: exchange them, or write two rules to be told of what lies outside",
    );
    check(
        "trigger = \"each\"\nfor = \"1m\"",
        "for: an event happens at an instant, so the trigger `each` never holds for a time: leave `for` away, or count with `at_least`",
    );
    check(
        "trigger = \"each\"\ngroup_by = [\"node_id\", \"source.node_id\", \"source.node_id\"]\ngroups_max = 0",
        "group_by: no event has a field `node_id`: did you mean `source.node_id`? (what is an instrument's own stands in `event_data`; valid: _id, event_type, log_level, alert, event_timestamp, source, event_data, trace_id, span_id, archived, archived_at)\ngroup_by: `source.node_id` stands there twice: leave one away\ngroups_max: 0 is not from 1 to 100000",
    );
    check(
        "trigger = \"each\"\nrepeat = { after = \"1h\", growth = 0.5, at_most = \"1m\" }",
        "repeat.growth: 0.5 is not from 1 to 100: 1 repeats in equal steps, 2 doubles each pause\nrepeat.at_most: 1m is less than `after` (1h): write at least as much",
    );
    check(
        "trigger = \"each\"\nescalate = [{ after = \"2h\", receivers = [\"a\"] }, { after = \"1h\", receivers = [\"b\"] }]",
        "escalate.after: 1h is not later than the one before: write them in their order",
    );
    check(
        "trigger = \"each\"\nlabels = { \"a b\" = \"x\" }\nsubject = \" \"\nreceivers = [\"\", \"a\", \"a\"]",
        "labels: \"a b\" is no name for a label: write letters, digits and _, beginning with a letter or _\nsubject: the template is empty: leave the setting away for the one that all rules share\nreceivers: a name is empty: write the name of a receiver\nreceivers: `a` stands there twice: leave one away",
    );
    check(
        "trigger = \"each\"\nwhen = { log_level = { \"$gte\" = \"ERROR\" } }",
        "when: `log_level` is a number in events and never the text \"ERROR\": write 40 for ERROR",
    );
    check(
        "trigger = { silence = { after = \"1m\" } }\nnotify_each_event = true\ncool_down = \"1m\"\nfor = \"1m\"",
        "for: does not go with `notify_each_event`: leave one of them away\ncool_down: does not go with `notify_each_event`: leave one of them away\ntrigger: `silence` does not go with `notify_each_event`: write \"each\"",
    );
}

#[test]
fn all_files_are_looked_at_before_they_are_refused() {
    let broken = "[[rules]]\nname = \"b\"\ntrigger = { at_least = { count = 0, within = \"1m\" } }\n";
    let error = RuleSet::load(&[
        ("one.toml", "[[rules]]\nname = \"a\"\ntrigger = \"each\"\n"),
        (
            "two.toml",
            "[[rules]]\nname = \"a\"\ntrigger = \"each\"\n\n[[ rules ]] # another\nname = \"b\"\ntrigger = \"each\"\n",
        ),
        ("three.toml", broken),
        ("four.toml", "rules = 3"),
    ]);
    assert_eq!(
        error.expect_err("they are wrong").to_string(),
        "two.toml:1: rule `a`: name: one.toml:1 has a rule of this name: give one of them another\nthree.toml:1: rule `b`: trigger.at_least.count: 0 says nothing, there are always as many: write 1 or more\nthree.toml:1: rule `b`: name: two.toml:5 has a rule of this name: give one of them another\nfour.toml:1: rules: invalid type: integer `3`, expected a sequence"
    );
}

#[test]
fn the_built_in_rules_keep_their_names() {
    let set = RuleSet::load(&[("r.toml", "[[rules]]\nname = \"madsci-alert\"\ntrigger = \"each\"\n")]).expect("right");
    let error = set.with("built in", MadsciRules::default().sections()).expect_err("the name is taken");
    assert_eq!(
        error.to_string(),
        "built in: rule `madsci-alert`: name: r.toml:1 has a rule of this name: give one of them another"
    );
}

#[test]
fn templates_and_patterns_keep_their_dollars() {
    let text = "# ${A}\n[[rules]]\nname = \"x\"\ntrigger = \"each\"\nbody = \"\"\"\n${B} $${C} ${\n# ${D}\"\"\"\n";
    let set = RuleSet::load(&[("r.toml", text)]).expect("right");
    assert_eq!(set.rules()[0].section().body.as_deref(), Some("${B} $${C} ${\n# ${D}"));
}

#[test]
fn each_rule_tells_somebody() {
    let text = "[[rules]]\nname = \"a\"\ntrigger = \"each\"\nreceivers = [\"lab-mial\"]\n[[rules]]\nname = \"b\"\ntrigger = \"each\"\n";
    let set = RuleSet::load(&[("r.toml", text)]).expect("right");
    let mut receivers = ReceiverNames { known: BTreeSet::from(["lab-mail".to_owned()]), has_default: false };
    assert_eq!(
        set.check_receivers(&receivers).expect_err("wrong").to_string(),
        "r.toml:1: rule `a`: receivers: there is no receiver `lab-mial`: did you mean `lab-mail`?\nr.toml:5: rule `b`: receivers: nobody is told, since there is no default receiver: name at least one receiver"
    );
    receivers = ReceiverNames { known: BTreeSet::from(["lab-mial".to_owned()]), has_default: true };
    assert_eq!(set.check_receivers(&receivers), Ok(()));
}
