//! What groups are called, and that they are told apart and found again.

use labtrail_shared::filter::{Filter, generate};
use serde_json::{Value, json};

use super::{FieldPath, GroupKey, OVERFLOW};

fn fields(paths: &[&str]) -> Vec<FieldPath> {
    paths.iter().map(|path| path.parse().expect("a path")).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "each case is a `json!` of its own")]
fn check(paths: &[&str], event: Value, text: &str, people: &str) {
    let group = GroupKey::of(&fields(paths), &event);
    assert_eq!((group.text(), group.to_string().as_str()), (text, people), "{paths:?} of {event}");
}

#[test]
fn a_group_has_a_text_for_rows_and_one_for_people() {
    check(&[], json!({"a": 1}), "", "");
    check(&["a"], json!({"a": "washer"}), r#""washer""#, "a=washer");
    check(&["a", "b"], json!({"a": "x, \"y\""}), r#""x, \"y\"",?"#, "a=x, \"y\", b=(missing)");
    check(&["a"], json!({"a": null}), "null", "a=null");
    check(&["a"], json!({"a": "?"}), r#""?""#, "a=?");
    check(&["a"], json!({"a": true}), "true", "a=true");
    check(&["a"], json!({"a": 1.0}), "1", "a=1");
    check(&["a"], json!({"a": -0.0}), "0", "a=0");
    check(&["a"], json!({"a": 1.5}), "1.5", "a=1.5");
    check(&["a"], json!({"a": {"c": 1, "b": [2.0]}}), r#"{"b":[2],"c":1}"#, r#"a={"b":[2],"c":1}"#);
    check(&["a.b"], json!({"a": [{"b": 1}, {"b": "x"}]}), r#"[1,"x"]"#, r#"a.b=[1,"x"]"#);
    check(&["a"], json!({"a": []}), "[]", "a=[]");
}

#[test]
fn long_values_differ_though_they_begin_alike() {
    let of = |text: &str| GroupKey::of(&fields(&["a", "b"]), &json!({"a": text, "b": 1}));
    let (one, other) = (of(&"é".repeat(500)), of(&"é".repeat(501)));
    assert_ne!(one.text(), other.text());
    assert!(one.text().len() < 300, "{}", one.text());
    assert_eq!(one.values().next().unwrap().1, format!("{}…", "é".repeat(59)));
    assert_eq!(GroupKey::from_text(&fields(&["a", "b"]), one.text()), Some(one));
}

#[test]
fn a_text_that_is_no_group_is_none() {
    let paths = fields(&["a", "b"]);
    for text in
        ["", "1", "1,", "1,2,", "1,2,3", "1 ,2", "?", "x,1", "\"a\"~12,1", "1~00000000000000000000000000000000,1"]
    {
        assert_eq!(GroupKey::from_text(&paths, text), None, "{text:?}");
    }
    assert!(GroupKey::from_text(&paths, OVERFLOW).unwrap().is_overflow());
}

#[test]
fn groups_are_read_back_found_by_their_selector_and_told_apart() {
    let paths = fields(&["event_data.a", "source.node_id", "a.b"]);
    for seed in 0..100 {
        let documents = generate::round(seed).documents;
        let groups: Vec<GroupKey> = documents.iter().map(|document| GroupKey::of(&paths, document)).collect();
        for (group, document) in groups.iter().zip(&documents) {
            assert_eq!(GroupKey::from_text(&paths, group.text()).as_ref(), Some(group), "{document}");
            let selector = Filter::parse(&group.selector()).expect("a selector");
            for (other, document) in groups.iter().zip(&documents) {
                if other.text() == group.text() {
                    assert_eq!(other, group);
                    assert!(selector.matches(document), "{} of {document}", group.selector());
                }
            }
        }
    }
}
