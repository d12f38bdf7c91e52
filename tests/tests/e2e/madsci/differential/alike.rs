//! Whether two answers are alike, and where they are not.

use std::time::{SystemTime, UNIX_EPOCH};

use labtrail_tests::{lab::Answer, services::bson};
use serde_json::{Map, Number, Value};

use super::case::{Case, Likeness, shortened};

/// Headers by which a program acts.
const HEADERS: [&str; 5] = ["content-type", "allow", "location", "content-disposition", "retry-after"];

/// The same, all that begin so; the second only matters to pages, which say where they come from.
const RATE_LIMIT: &str = "x-ratelimit";
const CROSS_ORIGIN: &str = "access-control";

/// So old may a time be that was made up for a request, and so far may a clock seem to be ahead, in milliseconds.
const NOW: i64 = 120_000;

/// Where the answers differ; empty when they are alike.
pub(super) fn differences(case: &Case, theirs: &Answer, ours: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    if theirs.status != ours.status {
        found.push(format!("status: {} ≠ {}", theirs.status, ours.status));
        return found;
    }
    let (their_headers, our_headers) = (headers(case, theirs), headers(case, ours));
    if their_headers != our_headers {
        let without = |all: &[(String, String)], of: &[(String, String)]| -> Vec<_> {
            all.iter().filter(|header| !of.contains(header)).cloned().collect()
        };
        let (theirs, ours) = (without(&their_headers, &our_headers), without(&our_headers, &their_headers));
        found.push(format!("headers: {theirs:?} ≠ {ours:?}"));
    }
    let request = format!("{} {}", case.target, String::from_utf8_lossy(&case.body));
    let mut comparison = Comparison { likeness: case.likeness, except: case.except, request, found };
    match (serde_json::from_str(&theirs.text), serde_json::from_str(&ours.text)) {
        (Ok(theirs), Ok(ours)) => comparison.value("", &theirs, &ours),
        _ => comparison.lines(&theirs.text, &ours.text),
    }
    comparison.found
}

fn headers(case: &Case, answer: &Answer) -> Vec<(String, String)> {
    let is_from_page = case.headers.iter().any(|(name, _)| *name == "origin");
    let is_compared = |name: &str| {
        HEADERS.contains(&name) || name.starts_with(RATE_LIMIT) || (is_from_page && name.starts_with(CROSS_ORIGIN))
    };
    // A place on the same server may be told with its address or without.
    let address = answer.header("location").and_then(|to| to.strip_prefix("http://")?.split('/').next());
    let address = address.map(|address| format!("http://{address}"));
    let without_address =
        |value: &str| address.as_deref().map_or(value, |address| value.trim_start_matches(address)).to_owned();
    let mut headers: Vec<_> = answer
        .headers()
        .filter(|(name, _)| is_compared(name))
        .map(|(name, value)| (name.to_owned(), without_address(value)))
        .collect();
    headers.sort();
    headers
}

struct Comparison {
    likeness: Likeness,
    except: &'static [&'static str],
    request: String,
    found: Vec<String>,
}

impl Comparison {
    fn value(&mut self, place: &str, theirs: &Value, ours: &Value) {
        let is_it = |except: &&str| except.strip_prefix('*').map_or(place == *except, |end| place.ends_with(end));
        if self.except.iter().any(is_it) {
            return;
        }
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => self.object(place, theirs, ours),
            (Value::Array(theirs), Value::Array(ours)) if place.ends_with("/experiment_details") => {
                // MADSci gives them in the order of a set, which is another one in every process.
                let by_id = |of: &[Value]| {
                    let id = |experiment: &Value| experiment["experiment_id"].as_str().unwrap_or_default().to_owned();
                    Value::Object(of.iter().map(|experiment| (id(experiment), experiment.clone())).collect())
                };
                self.value(&format!("{place}/by id"), &by_id(theirs), &by_id(ours));
            }
            (Value::Array(theirs), Value::Array(ours)) => {
                if theirs.len() != ours.len() {
                    self.found.push(format!("{place}: {} ≠ {} items", theirs.len(), ours.len()));
                }
                for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                    self.value(&format!("{place}/{index}"), theirs, ours);
                }
            }
            (Value::Number(theirs), Value::Number(ours)) if self.are_equal(theirs, ours) => {}
            (Value::String(theirs), Value::String(ours)) if self.is_same_text(theirs, ours) => {}
            _ if theirs == ours => {}
            _ => self.note(place, &theirs.to_string(), &ours.to_string()),
        }
    }

    fn object(&mut self, place: &str, theirs: &Map<String, Value>, ours: &Map<String, Value>) {
        let missing: Vec<_> = theirs.keys().filter(|key| !ours.contains_key(*key)).collect();
        let more: Vec<_> = ours.keys().filter(|key| !theirs.contains_key(*key)).collect();
        if !missing.is_empty() {
            self.found.push(format!("{place}: without {missing:?}"));
        }
        if !more.is_empty() && self.likeness != Likeness::AtLeast {
            self.found.push(format!("{place}: with {more:?}"));
        }
        let is_ordered = match self.likeness {
            Likeness::Exact => true,
            Likeness::AsSet => !place.is_empty(),
            Likeness::AtLeast => false,
        };
        if is_ordered && missing.is_empty() && more.is_empty() && !theirs.keys().eq(ours.keys()) {
            let keys = |of: &Map<String, Value>| format!("{:?}", of.keys().collect::<Vec<_>>());
            self.found.push(format!("{place}: keys in the order {} ≠ {}", keys(theirs), keys(ours)));
        }
        for (key, value) in theirs {
            if let Some(our_value) = ours.get(key) {
                self.value(&format!("{place}/{key}"), value, our_value);
            }
        }
    }

    fn are_equal(&self, theirs: &Number, ours: &Number) -> bool {
        if self.likeness != Likeness::AtLeast && theirs.is_f64() != ours.is_f64() {
            return false;
        }
        match (theirs.as_f64(), ours.as_f64()) {
            (Some(theirs), Some(ours)) => (theirs - ours).abs() <= 1e-9 * theirs.abs().max(1.0),
            _ => theirs == ours,
        }
    }

    fn lines(&mut self, theirs: &str, ours: &str) {
        let (their_lines, our_lines): (Vec<_>, Vec<_>) = (theirs.split('\n').collect(), ours.split('\n').collect());
        if their_lines.len() != our_lines.len() {
            self.found.push(format!("{} ≠ {} lines", their_lines.len(), our_lines.len()));
        }
        for (number, (theirs, ours)) in their_lines.iter().zip(our_lines).enumerate() {
            if self.except.contains(&theirs.split(',').next().unwrap_or_default()) {
                continue;
            }
            let cells = |line: &str| line.split(',').count();
            let is_same = cells(theirs) == cells(ours)
                && theirs.split(',').zip(ours.split(',')).all(|(theirs, ours)| self.is_same_cell(theirs, ours));
            if !is_same {
                self.note(&format!("line {}", number + 1), theirs, ours);
            }
        }
    }

    fn is_same_cell(&self, theirs: &str, ours: &str) -> bool {
        let numbers = theirs.trim().parse::<f64>().ok().zip(ours.trim().parse::<f64>().ok());
        let are_close = numbers.is_some_and(|(theirs, ours)| (theirs - ours).abs() <= 1e-9 * theirs.abs().max(1.0));
        are_close || self.is_same_text(theirs, ours)
    }

    /// The same, or both made up for this request in the same form: an id, or the time; or the name of a database or an
    /// address of both.
    fn is_same_text(&self, theirs: &str, ours: &str) -> bool {
        let databases = (theirs.strip_prefix("madsci_"), ours.strip_prefix("labtrail_"));
        if databases.0.is_some() && databases.0 == databases.1 {
            return true;
        }
        let after_port = |text: &str| {
            text.strip_prefix("http://127.0.0.1:")
                .map(|rest| rest.trim_start_matches(|char: char| char.is_ascii_digit()).to_owned())
        };
        if after_port(theirs).is_some() && after_port(theirs) == after_port(ours) {
            return true;
        }
        let are_new =
            |is: fn(&str) -> bool| [theirs, ours].into_iter().all(|text| is(text) && !self.request.contains(text));
        theirs == ours || are_new(is_ulid) || (are_new(is_now) && form(theirs) == form(ours))
    }

    fn note(&mut self, place: &str, theirs: &str, ours: &str) {
        let place = if place.is_empty() { "all" } else { place };
        self.found.push(format!("{place}: {} ≠ {}", shortened(theirs, 300), shortened(ours, 300)));
    }
}

fn is_ulid(text: &str) -> bool {
    let is_crockford = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !b"ILOU".contains(&byte));
    text.len() == 26 && text.bytes().all(is_crockford)
}

fn is_now(text: &str) -> bool {
    let text = text.trim().replacen(' ', "T", 1);
    // As a server in UTC writes it, with or without a zone.
    let zoned = [text.clone(), format!("{text}Z")];
    let time = zoned.iter().find_map(|text| bson::DateTime::parse_rfc3339_str(text).ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    time.is_some_and(|time| (time.timestamp_millis() - now).abs() < NOW)
}

/// `2026-11-25T20:51:07.123456Z` as `0000-00-00T00:00:00Z`.
fn form(text: &str) -> String {
    let form: String = text.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    // One time in a thousand or a million there is no fraction to be written.
    form.replace(".000000", "")
}
