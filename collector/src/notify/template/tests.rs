//! What templates may do, what they may not, and that they lose nothing.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Rendered, TemplateSection, Templates, Voice, Zone, render};
use crate::notify::{
    Facts, Notification,
    tests::{alert, notification, of_alerts},
};

fn text_template(text: &str) -> TemplateSection {
    TemplateSection { text: Some(text.to_owned()), ..TemplateSection::default() }
}

fn words(notification: &Notification, rule: Option<&Templates>, own: &Templates) -> Rendered {
    let zone = Zone::default();
    let voice = Voice { receiver: "mail", zone: &zone, rule, own };
    render(notification, &Facts::read(&notification.context), voice, true)
}

#[track_caller]
fn text_of(text: &str) -> String {
    let templates = Templates::compile(text_template(text)).expect("a sound template");
    let words = words(&notification(), None, &templates);
    assert_eq!(words.problem, None);
    words.text
}

#[test]
fn filters_are_there() {
    let check = |text: &str, expected: &str| assert_eq!(text_of(text), expected, "{text}");
    check("{{ alerts[0].since | time }}", "2026-03-01 13:00:00 UTC");
    check("{{ alerts[0].since | time('Asia/Kolkata') }}", "2026-03-01 18:30:00 IST");
    check("{{ alerts[0].since | elapsed }}", "4 min");
    check("{{ created_at | time('Europe/Berlin') }}", "2026-03-01 14:03:22 CET");
    check("{{ alerts[0].group | group }}", "node=Pumpe-7 <b>");
    check("{{ alerts[0].events[0].log_level | level }}", "ERROR");
    check("{{ 'abcdef' | cut(4) }}{{ 'abc' | cut(4) }}", "abc…abc");
    check("{{ alerts[0].events[1].event_data | tojson }}", "{\"message\": \"zweite Meldung\"}");
    check("{{ alerts[0].events[7].event_data.fields.x }}.", ".");
    check("{{ receiver }} {{ kind }} {{ title }} {{ is_repeat }} {{ is_late }}", "mail fired Alert False False");
    check("{{ alerts | length }} {{ range(3) | join(',') }}", "1 0,1,2");
}

#[test]
fn a_bad_template_is_refused_with_its_line_and_a_remedy() {
    let check = |text: &str, expected: &str| {
        let error = Templates::compile(text_template(text)).expect_err(text).to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    };
    check("one\n{{ alerts[ }}", "template `text`, line 2: syntax error: ");
    check("one\n\n{% if x %}", "template `text`, line 3: syntax error: ");
    check("{{ alret.rule }}", "template `text`, line 1: unknown variable `alret`; use one of severity, rule, ");
    check(
        "a\n{{ rule | upcase }}",
        "template `text`, line 2: unknown filter: filter upcase is unknown; use a filter of ",
    );
    check("{{ nothing() }}", "template `text`, line 1: unknown variable `nothing`");
    check("{% include 'x' %}", "template `text`, line 1: ");
    check(
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
        "template `text`, line 1: engine ran out of fuel; make it do less",
    );
    check(
        "{{ 'x' * 1000000 }}",
        "template `text`, line 1: failed to write output: it makes more than 512 KiB; list fewer",
    );
    check("{{ 'x' * 100000000 }}", "template `text`, line 1: ");
}

#[test]
fn the_error_stands_where_the_config_is_read() {
    let error = toml::from_str::<Templates>("html = '''\n<p>\n{{ rule | shout }}'''").expect_err("no such filter");
    let expected = "template `html`, line 2: unknown filter: filter shout is unknown; \
                    use a filter of minijinja, or time, elapsed, summary, group, level or cut";
    assert_eq!(error.message(), expected);
    let error = toml::from_str::<Templates>("body = 'x'").expect_err("no such part");
    assert_eq!(error.message(), "unknown field `body`, expected one of `subject`, `text`, `html`");
}

#[test]
fn a_rules_template_comes_first_then_the_receivers_then_the_default() {
    let rule = Templates::compile(text_template("of the rule")).expect("sound");
    let both = TemplateSection { subject: Some("of the\nreceiver".to_owned()), ..text_template("of the receiver") };
    let own = Templates::compile(both).expect("sound");
    let words = words(&notification(), Some(&rule), &own);
    assert_eq!((words.text.as_str(), words.subject.as_str()), ("of the rule", "of the receiver"));
    assert!(words.html.starts_with("<!DOCTYPE html>"), "{}", words.html);
}

#[test]
fn html_is_escaped_and_text_is_not() {
    let section =
        TemplateSection { html: Some("<b>{{ headline }}</b>".to_owned()), ..text_template("<b>{{ headline }}</b>") };
    let words = words(&notification(), None, &Templates::compile(section).expect("sound"));
    assert_eq!(words.text, "<b>pump-errors: node=Pumpe-7 <b></b>");
    assert_eq!(words.html, "<b>pump-errors: node=Pumpe-7 &lt;b&gt;</b>");
}

#[test]
fn what_fails_only_with_real_events_is_sent_plainly_with_the_error() {
    for text in [
        "{{ alerts[0].events[0].event_data.message.nothing() }}",
        "{% for a in range(alerts[0].count * 90000) %}{{ a }}{% endfor %}",
        "{{ 'x' * (alerts[0].count * 100000) }}",
        "{{ alerts[0].group + 1 }}",
        "{{ created_at | time(alerts[0].rule) }}",
    ] {
        // Some of these fail on the examples already, which is as good.
        let Ok(templates) = Templates::compile(text_template(text)) else { continue };
        let words = words(&notification(), None, &templates);
        let problem = words.problem.expect(text);
        assert!(problem.starts_with("template `text`, line 1: "), "{problem}");
        for part in ["Drücke fallen 🚨", "7 events since 2026-03-01 13:00:00 UTC", "http://collector:8001/", &problem]
        {
            assert!(words.text.contains(part), "{part} in {}", words.text);
        }
        assert!(words.html.contains("could not be made as configured"), "{}", words.html);
    }
}

#[test]
fn the_defaults_say_what_there_is() {
    let subject = |kind: &str, alerts: Vec<Value>, more: u64| {
        let mut notification = of_alerts(&alerts);
        notification.context["kind"] = json!(kind);
        notification.context["more"] = json!(more);
        let words = words(&notification, None, &Templates::default());
        assert_eq!(words.problem, None);
        (words.subject, words.text)
    };
    let (heading, text) = subject("resolved", vec![alert("N7", &[]), alert("N8", &["x"])], 312);
    assert_eq!(heading, "Resolved (critical): 314 alerts of pump-errors");
    assert!(text.contains("and 312 more") && text.contains("node=N8"), "{text}");
    let (heading, _) = subject("test", Vec::new(), 0);
    assert_eq!(heading, "Test (critical): the receiver mail works");
    let (heading, _) = subject("escalated", vec![alert("N7", &[])], 0);
    assert_eq!(heading, "Not acknowledged (critical): pump-errors: node=N7");
}

#[test]
fn a_late_notification_says_so() {
    let mut notification = notification();
    notification.at = "2026-03-01T15:03:22Z".parse().expect("a time");
    let words = words(&notification, None, &Templates::default());
    assert!(words.text.contains("This is of 2026-03-01 13:03:22 UTC; it could not be sent earlier."), "{}", words.text);
}

#[test]
fn forty_alerts_cost_the_defaults_little() {
    let alerts: Vec<Value> = (0..200).map(|node| alert(&format!("N{node}"), &["pressure is low"; 5])).collect();
    let words = words(&of_alerts(&alerts), None, &Templates::default());
    assert_eq!(words.problem, None);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[<&>\"'`@#*\\r\\n\\u{0}-\\u{20}é🚨]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let keys = prop_oneof!["[a-z]{1,5}", Just("event_data".to_owned()), Just("message".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever stands in a context, there are words, the subject is one line, and nothing of it is HTML.
    #[test]
    fn whatever_a_context_holds_there_are_words(
        group in any_json(), event in any_json(), since in any_json(), labels in any_json(), number in any_json(), kind in any_json()
    ) {
        let mut notification = notification();
        notification.context["kind"] = kind;
        let alert = &mut notification.context["alerts"][0];
        alert["group"] = group;
        alert["since"] = since;
        alert["labels"] = labels;
        alert["number"] = number;
        alert["events"] = json!([event, {"event_data": event, "event_timestamp": event, "log_level": event}]);
        let words = words(&notification, None, &Templates::default());
        prop_assert!(!words.subject.is_empty() && !words.subject.chars().any(char::is_control));
        prop_assert!(words.subject.chars().count() <= 200);
        prop_assert!(!words.text.is_empty());
        let odd = |character: char| character.is_control() && character != '\n' && character != '\t';
        prop_assert!(!words.text.chars().any(odd) && !words.html.chars().any(odd));
    }
}
