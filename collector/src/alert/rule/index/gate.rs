//! Whether any filter could match an event of which only level and `alert` are known: the cheapest question comes first.

use labtrail_shared::{
    filter::{Filter, Number},
    level::LogLevel,
};

use super::needs::{Needs, Term, Wanted};

/// For each level, without and with `alert`.
#[derive(Debug, Clone)]
pub(super) struct Gate([[bool; 2]; LogLevel::ALL.len()]);

impl Gate {
    pub(super) fn new(filters: &[&Filter]) -> Self {
        let needs: Vec<Needs<'_>> = filters.iter().map(|filter| Needs::of(filter.condition())).collect();
        let is_possible = |level, alert| needs.iter().any(|needs| is_possible(needs, level, alert));
        Self(LogLevel::ALL.map(|level| [is_possible(level, false), is_possible(level, true)]))
    }

    pub(super) fn lets_in(&self, level: LogLevel, alert: bool) -> bool {
        let place = LogLevel::ALL.iter().position(|other| *other == level);
        place.is_none_or(|place| self.0[place][usize::from(alert)])
    }
}

fn is_possible(needs: &Needs<'_>, level: LogLevel, alert: bool) -> bool {
    match needs {
        Needs::Nothing => true,
        Needs::Term(term) => is_term_possible(*term, level, alert),
        Needs::All(all) => all.iter().all(|needs| is_possible(needs, level, alert)),
        Needs::Any(any) => any.iter().any(|needs| is_possible(needs, level, alert)),
    }
}

fn is_term_possible(term: Term<'_>, level: LogLevel, alert: bool) -> bool {
    let level = Number::Integer(i64::from(level.number()));
    match (term.path.to_string().as_str(), term.wanted) {
        ("alert", Wanted::Bool(wanted)) => wanted == alert,
        ("log_level", Wanted::Number(wanted)) => level.compare(wanted).is_eq(),
        ("log_level", Wanted::AtLeast(limit)) => level.compare(limit).is_ge(),
        ("log_level", Wanted::AtMost(limit)) => level.compare(limit).is_le(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use labtrail_shared::{
        filter::{Filter, generate},
        level::LogLevel,
    };
    use serde_json::{Value, json};

    use super::Gate;

    fn gate(selectors: &[Value]) -> Gate {
        let filters: Vec<Filter> = selectors.iter().map(|one| Filter::parse(one).expect("well formed")).collect();
        Gate::new(&filters.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_no_filter_asks_for_stays_outside() {
        let check = |selectors: &[Value], level: LogLevel, alert: bool, expected: bool| {
            assert_eq!(gate(selectors).lets_in(level, alert), expected, "{selectors:?} {level} {alert}");
        };
        let grave = [json!({"log_level": {"$gte": 40}, "alert": {"$ne": true}}), json!({"alert": true})];
        check(&grave, LogLevel::Info, false, false);
        check(&grave, LogLevel::Error, false, true);
        check(&grave, LogLevel::Info, true, true);
        check(&[], LogLevel::Critical, true, false);
        check(&[json!({"event_type": "node_error"})], LogLevel::Debug, false, true);
        check(&[json!({"$or": [{"log_level": 50}, {"alert": true}]})], LogLevel::Error, false, false);
    }

    #[test]
    fn nothing_that_matches_stays_outside() {
        for seed in 0..60 {
            let round = generate::round(seed);
            for selector in &round.selectors {
                let filter = Filter::parse(selector).expect("well formed");
                let gate = gate(std::slice::from_ref(selector));
                for level in LogLevel::ALL {
                    for alert in [false, true] {
                        for document in &round.documents {
                            let mut document = document.clone();
                            let Some(fields) = document.as_object_mut() else { continue };
                            fields.insert("log_level".to_owned(), json!(level.number()));
                            fields.insert("alert".to_owned(), json!(alert));
                            let lets_in = gate.lets_in(level, alert);
                            assert!(lets_in || !filter.matches(&document), "{selector} {document}");
                        }
                    }
                }
            }
        }
    }
}
