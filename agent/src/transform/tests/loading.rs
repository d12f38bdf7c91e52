//! Which configs are right, what is said of those that are not, and how they are printed.

use super::{Path, Section, load, settings};

#[test]
fn wrong_lists_are_explained() {
    let check = |transform: &str, expected: &str| {
        let error = load(&format!("transforms = [{transform}]")).expect_err(transform);
        assert!(error.starts_with("agent.toml:1: transforms: "), "{error}");
        assert!(error.contains(expected), "{error}\nexpected: {expected}");
    };
    check(
        "{ kep = {} }",
        "unknown key `kep`: did you mean `keep`? (valid: name, when, keep, drop, set, remove, rename, redact, throttle, sample, deduplicate)",
    );
    check(
        "{ name = \"x\" }",
        "without a verb: give it one of keep, drop, set, remove, rename, redact, throttle, sample, deduplicate",
    );
    check("{ keep = {}, set = { alert = true } }", "with two verbs, `keep` and `set`: make two of them");
    check("{ keep = {}, name = \" \" }", "name of a transform is empty");
    check("{ keep = {}, name = \"x\" }, { drop = {}, name = \"x\" }", "two transforms are named \"x\"");
    check("{ keep = {} }, { drop = {}, name = \"1:keep\" }", "two transforms are named \"1:keep\"");

    check("{ keep = { log_level = { \"$gt\" = 1, \"$ge\" = 2 } } }", "unknown operator `$ge`");
    check("{ drop = { event_data.fields.x = 1 } }", "put the path in quotes, as in \"event_data.fields\" = ...");
    check("{ drop = { \"$or\" = [{ source.node_id = 1 }] } }", "put the path in quotes, as in \"source.node_id\"");
    check("{ keep = {}, when = [] }", "[] is no selector: write a table");

    check("{ set = {} }", "it is empty: name at least one path");
    check("{ set = { _id = \"x\" } }", "\"_id\" cannot be changed");
    check("{ set = { \"labels.room\" = \"x\" } }", "\"labels.room\" is not in an event: begin with one of event_data,");
    check("{ set = { event_data.labels.room = \"x\" } }", "put the path in quotes, as in \"event_data.labels\" = ...");
    check("{ set = { log_level = \"loud\" } }", "log_level must be a level: 0, 10, 20, 30, 40 or 50, or NOTSET,");
    check("{ set = { \"source.node_id\" = \"pc7\" } }", "source.node_id must be a ULID");
    check("{ set = { \"source.node\" = \"{_id}\" } }", "source has user_id,");
    check("{ set = { \"alert.x\" = \"{_id}\" } }", "there is nothing below it");
    check(
        "{ set = { \"event_data.x\" = \"{event_data\" } }",
        "event_data.x: \"{event_data\" has a brace that is not closed",
    );
    check("{ set = { \"event_data.x\" = \"{x}\" } }", "\"x\" is not in an event");
    check("{ set = { \"event_data.x\" = 1, \"event_data.x.y\" = 2 } }", "make two transforms of them");
    check("{ remove = [] }", "it is empty");
    check("{ remove = [\"event_id\"] }", "\"event_id\" cannot be changed");
    check("{ rename = { \"event_data.a\" = \"_id\" } }", "\"_id\" cannot be changed");
    check("{ rename = { event_data.a = \"event_data.b\" } }", "put both paths in quotes");
    check(
        "{ rename = { \"event_data.a\" = \"event_data.b\", \"event_data.b\" = \"event_data.c\" } }",
        "make two transforms of them",
    );

    check("{ redact = {} }", "it says not what to hide: give patterns (email, token, ipv4, credit-card, user-path,");
    check("{ redact = { patterns = [\"emial\"] } }", "\"emial\" is no built-in pattern (email, token,");
    check("{ redact = { patterns = [\"(a\"] } }", "\"(a\" is no regular expression: unclosed group");
    check("{ redact = { patterns = [\"a*\"] } }", "\"a*\" matches the empty text");
    check("{ redact = { patterns = [\"email\"], with = \"a@b.ch\" } }", "\"email\" matches what is put in its place");
    check("{ redact = { patterns = [\"email\"], with = \"x\", hash = true } }", "exclude each other");
    check("{ redact = { paths = [\"source.node_id\"] } }", "\"source.node_id\" cannot be redacted");
    check("{ redact = { pattern = [] } }", "unknown key `pattern`: did you mean `patterns`?");

    check("{ throttle = { limit = 0, per = \"1m\" } }", "limit = 0 lets nothing pass: use `drop`");
    check("{ throttle = { limit = 1, per = \"1m\", keys_max = 0 } }", "keys_max = 0 leaves no room");
    check("{ throttle = { limit = 1 } }", "missing field `per`");
    check("{ throttle = { limit = 1, per = 60 } }", "invalid type: integer `60`");
    check("{ throttle = { limit = 1, per = \"soon\" } }", "\"soon\" is not a length of time");
    check("{ throttle = { limit = 1, per = \"1m\", key = [\"message\"] } }", "\"message\" is not in an event");
    check("{ sample = { one_in = 1 } }", "one_in = 1 keeps everything");
    check("{ sample = { one_in = 0 } }", "one_in = 0 keeps nothing");
    check("{ sample = { one_in = 2, always_at_least = \"loud\" } }", "\"loud\" is not a level");
    check("{ deduplicate = { key = [] } }", "key is empty");
}

const EVERYTHING: &str = r#"
[[transforms]]
name = "warnings"
keep = { log_level = { "$gte" = 30 }, "event_data.fields.at" = { "$ne" = 2026-01-02 } }

[[transforms]]
drop = { "$or" = [{ "event_data.message" = { "$regex" = "^debug", "$options" = "i" } }, { "source.node_id" = { "$exists" = false } }] }

[[transforms]]
when = { "event_data.labels.area" = "assay" }
set = { "event_data.labels.room" = "B12", log_level = "{event_data.fields.severity}", "event_data.fields.list" = [1, 2.5, { a = "{{" }] }

[[transforms]]
when = { log_level = 20 }
remove = ["event_data.fields.user", "trace_id"]

[[transforms]]
rename = { "event_data.fields.usr" = "event_data.fields.user.name" }

[[transforms]]
redact = { patterns = ["email", "token", "ipv4", "credit-card", "user-path", 'sample-(\d+)'], paths = ["event_data.message", "event_data.fields"], with = "***" }

[[transforms]]
redact = { patterns = ["email"], hash = true }

[[transforms]]
throttle = { key = ["event_data.message", "source.node_id"], limit = 10, per = "1m", ignore_numbers = true, keys_max = 500 }

[[transforms]]
sample = { one_in = 10, key = ["trace_id"], always_at_least = "ERROR" }

[[transforms]]
name = "repeats"
deduplicate = { key = ["event_data.message"], within = "30s", ignore_numbers = true }
"#;

#[test]
fn what_is_printed_reads_the_same() {
    let check = |text: &str| {
        let section: Section = settings::parse(text, Path::new("agent.toml"), |_| None).expect("a config");
        let printed = settings::to_toml(&section);
        let again: Section = settings::parse(&printed, Path::new("printed"), |_| None).expect(&printed);
        assert_eq!(settings::to_toml(&again), printed);
        assert_eq!(format!("{again:?}"), format!("{section:?}"));
        section
    };
    let section = check(EVERYTHING);
    let names = section.transforms.names();
    assert_eq!(
        names,
        [
            "warnings",
            "2:drop",
            "3:set",
            "4:remove",
            "5:rename",
            "6:redact",
            "7:redact",
            "8:throttle",
            "9:sample",
            "repeats"
        ]
    );
    let printed = settings::to_toml(&section);
    for shown in
        ["limit = 10", "per = \"1m\"", "always_at_least = \"ERROR\"", "with = \"***\"", "hash = true", "keys_max = 500"]
    {
        assert!(printed.contains(shown), "{shown} in {printed}");
    }
    check(
        "transforms = [{ throttle = { limit = 1, per = \"90s\" } }, { sample = { one_in = 2 } }, { deduplicate = {} }]",
    );
    assert!(check("transforms = []").transforms.is_empty());
}
