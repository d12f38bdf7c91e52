//! One request, and how alike the answers to it must be.

/// What is sent to both.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) method: &'static str,
    /// Path and query, as they go over the wire.
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Vec<u8>,
    pub(super) likeness: Likeness,
    /// Places in the JSON that may differ (`*/name` for all of that name), and lines of CSV that begin with this cell.
    pub(super) except: &'static [&'static str],
}

/// How alike JSON must be. Ids and times that were made up for this request never matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Down to the order of keys and to 1 and 1.0 being different.
    Exact,
    /// Events in any order.
    AsSet,
    /// Numbers by their value, keys in any order; ours may tell more.
    AtLeast,
}

pub(super) fn get(target: impl Into<String>) -> Case {
    send("GET", target, [])
}

pub(super) fn delete(target: impl Into<String>) -> Case {
    send("DELETE", target, [])
}

/// POST of JSON.
pub(super) fn post(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Case {
    post_as("application/json", target, body)
}

/// POST of JSON that is said to be something else.
pub(super) fn post_as(content_type: &'static str, target: impl Into<String>, body: impl Into<Vec<u8>>) -> Case {
    send("POST", target, body).with("content-type", content_type)
}

/// POST of an event.
pub(super) fn event(body: impl Into<Vec<u8>>) -> Case {
    post("/event", body)
}

/// A question with a selector.
pub(super) fn query(selector: impl Into<Vec<u8>>) -> Case {
    Case { likeness: Likeness::AsSet, ..post("/events/query", selector) }
}

/// A report.
pub(super) fn report(target: impl Into<String>) -> Case {
    Case { likeness: Likeness::AtLeast, ..get(target) }
}

/// A request as it stands here, without any header.
pub(super) fn send(method: &'static str, target: impl Into<String>, body: impl Into<Vec<u8>>) -> Case {
    let (target, body) = (target.into(), body.into());
    Case { method, target, headers: Vec::new(), body, likeness: Likeness::Exact, except: &[] }
}

impl Case {
    pub(super) fn with(mut self, header: &'static str, value: &'static str) -> Self {
        self.headers.push((header, value));
        self
    }

    pub(super) fn at_least(self) -> Self {
        Self { likeness: Likeness::AtLeast, ..self }
    }

    pub(super) fn except(self, except: &'static [&'static str]) -> Self {
        Self { except, ..self }
    }

    /// The request in one line.
    pub(super) fn words(&self) -> String {
        let mut words = format!("{} {}", self.method, self.target);
        for (name, value) in &self.headers {
            if (*name, *value) != ("content-type", "application/json") {
                words.extend([" [", name, ": ", value, "]"]);
            }
        }
        if !self.body.is_empty() {
            words.extend(["  ", &shortened(&String::from_utf8_lossy(&self.body), 300)]);
        }
        words
    }
}

/// A text that fits into a list.
pub(super) fn shortened(text: &str, length: usize) -> String {
    let text = text.replace('\n', "\\n").replace('\r', "\\r");
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{} ... ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
