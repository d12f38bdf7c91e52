//! That the index gives exactly the rules whose filters match, and asks few others.

use std::sync::Arc;

use labtrail_shared::filter::{Filter, generate};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Candidates, Rule, RuleIndex};
use crate::alert::rule::{RuleSection, Selector, Trigger};

/// A rule, whether or not it would pass the checks, which know of events only.
fn rule(number: usize, when: &Value) -> Arc<Rule> {
    let name = format!("r{number}").parse().expect("a name");
    let section = RuleSection::new(name, Selector::new(when.clone()).expect("a selector"), Trigger::Each);
    Arc::new(Rule { section, templates: None, origin: "test".to_owned(), revision: 0 })
}

fn index(selectors: &[Value]) -> RuleIndex {
    RuleIndex::of_rules(selectors.iter().enumerate().map(|(number, when)| rule(number, when)).collect())
}

fn check_as_filters(selectors: &[Value], documents: &[Value]) {
    // A selector that is compared with a whole `source` is no rule's.
    let selectors: Vec<Value> =
        selectors.iter().filter(|when| Selector::new((*when).clone()).is_ok()).cloned().collect();
    let filters: Vec<Filter> = selectors.iter().map(|when| Filter::parse(when).expect("well formed")).collect();
    let index = index(&selectors);
    for document in documents {
        let found: Vec<&str> = index.matching(document).into_iter().map(|rule| rule.name()).collect();
        let matching = filters.iter().enumerate().filter(|(_, filter)| filter.matches(document));
        let expected: Vec<String> = matching.map(|(number, _)| format!("r{number}")).collect();
        assert_eq!(found, expected, "{document} of {selectors:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_gives_the_rules_whose_filters_match(seed: u64) {
        let round = generate::round(seed);
        check_as_filters(&round.selectors, &round.documents);
    }
}

#[test]
fn the_index_agrees_with_the_cases_of_the_filter_language() {
    let cases: Vec<_> = generate::cases().collect();
    let selectors: Vec<Value> = cases.iter().map(|(_, selector, _)| selector.clone()).collect();
    let documents: Vec<Value> = cases.into_iter().map(|(document, ..)| document).collect();
    check_as_filters(&selectors, &documents);
}

#[test]
fn few_rules_are_asked() {
    let check = |selectors: &[Value], document: &Value, expected: &[usize]| {
        let filters: Vec<Filter> = selectors.iter().map(|selector| Filter::parse(selector).unwrap()).collect();
        let mut asked = Vec::new();
        Candidates::new(&filters.iter().collect::<Vec<_>>()).each(document, |number| asked.push(number));
        assert_eq!(asked, expected, "{document}");
    };
    let event = json!({"log_level": 40, "event_type": "node_error", "source": {"node_id": "7"}, "tags": ["a", "b"]});
    let by_node: Vec<Value> = (0..100)
        .map(|node| json!({"log_level": {"$gte": 40}, "event_type": "node_error", "source.node_id": node.to_string()}))
        .collect();
    check(&by_node, &event, &[7]);
    check(&[json!({"event_type": "log"}), json!({"event_type": {"$in": ["log", "node_error"]}})], &event, &[1]);
    check(
        &[json!({"log_level": {"$gt": 40}}), json!({"log_level": {"$gte": 41}}), json!({"log_level": 40.0})],
        &event,
        &[0, 2],
    );
    check(&[json!({"log_level": {"$lte": 30}}), json!({"log_level": {"$lt": 50}})], &event, &[1]);
    check(&[json!({"$or": [{"event_type": "log"}, {"alert": true}]}), json!({})], &event, &[1]);
    check(&[json!({"$or": [{"event_type": "log"}, {"tags": "b"}]}), json!({"tags": "c"})], &event, &[0]);
    check(&[json!({"event_type": {"$ne": "log"}}), json!({"event_type": {"$in": []}})], &event, &[0]);
    check(&[json!({"event_type": {"$regex": "error"}, "log_level": 10})], &event, &[]);
}
