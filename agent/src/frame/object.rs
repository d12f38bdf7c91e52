//! Values spread over lines, JSON and XML: where they begin, and after which line they are complete.
//!
//! Nothing is checked but what tells the end: braces outside of strings, and elements outside of comments and CDATA.

mod json;
mod xml;

use serde::{Deserialize, Serialize};

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Object {
    /// A JSON object or array.
    Json,
    /// An XML element of this name.
    Element(String),
    /// A whole XML document.
    Document,
}

/// How far a value is read, at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scan {
    /// Braces or elements that are open.
    depth: u32,
    /// Something was opened at all.
    has_opened: bool,
    mode: Mode,
}

/// Within what the end of a line lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Outside,
    /// A JSON string; `Escaped` just behind a backslash.
    String,
    Escaped,
    /// An XML tag that opens a counted element, and quotes in it.
    Opening,
    OpeningQuote,
    OpeningDoubleQuote,
    /// Another XML tag, and quotes in it.
    Tag,
    TagQuote,
    TagDoubleQuote,
    Comment,
    CharacterData,
    Instruction,
}

impl Object {
    /// Reads one more line; `is_partial` says that it goes on.
    pub(super) fn feed(&self, scan: &mut Scan, line: &str, is_partial: bool) {
        match self {
            Self::Json => json::feed(scan, line, is_partial),
            Self::Element(name) => xml::feed(scan, line, Some(name)),
            Self::Document => xml::feed(scan, line, None),
        }
    }

    /// Whether a value begins with this line.
    pub(super) fn opens(&self, line: &str) -> bool {
        match self {
            Self::Json => line.trim_start().starts_with(['{', '[']),
            Self::Element(name) => {
                let mut scan = Scan::default();
                xml::feed(&mut scan, line, Some(name));
                scan.has_opened
            }
            Self::Document => line.trim_start().starts_with('<'),
        }
    }

    /// Whether a value clearly begins with this line though the one before it did not end.
    pub(super) fn restarts(&self, line: &str) -> bool {
        match self {
            Self::Json => line.starts_with(['{', '[']),
            Self::Element(name) => xml::tag_name(line.trim_start()) == Some(name),
            Self::Document => line.starts_with("<?xml"),
        }
    }
}

impl Scan {
    /// Whether the value is complete.
    pub(super) fn is_complete(self) -> bool {
        self.has_opened && self.depth == 0 && self.mode == Mode::Outside
    }
}

#[cfg(test)]
mod tests {
    use super::{Object, Scan};

    #[test]
    fn values_end_where_they_end() {
        let check = |object: &Object, lines: &str, complete_after: Option<usize>| {
            let mut scan = Scan::default();
            let found = lines.split('\n').position(|line| {
                object.feed(&mut scan, line, false);
                scan.is_complete()
            });
            assert_eq!(found, complete_after, "{lines}");
        };
        let json = &Object::Json;
        check(json, "{\"a\": [1, 2]}", Some(0));
        check(json, "{\n\"a}\\\"}\": {\n}\n}", Some(3));
        check(json, "{\"broken\n}", Some(1));
        check(json, "[{\"a\": 1}", None);
        check(json, "{} {\n}", Some(1));
        let element = &Object::Element("E".to_owned());
        check(element, "<A><E x='>'>\n<Ex/>\n<E/>\n</E ></A>", Some(3));
        check(element, "<E\nx=\"1\"\n/>", Some(2));
        check(element, "<Ex></Ex>\n<!-- <E> -->\n<E/>", Some(2));
        check(element, "<E><![CDATA[</E>\n]]></E>", Some(1));
        let document = &Object::Document;
        check(document, "<?xml version='1.0'?>\n<!DOCTYPE a [\n<!ELEMENT a ANY>\n]>\n<a>\n<b/><c>\n</c></a>", Some(6));
        check(document, "<!-- <a>\n-->\n<a/>", Some(2));
    }

    #[test]
    fn values_begin_where_they_begin() {
        let check = |object: &Object, line: &str, expected: bool| assert_eq!(object.opens(line), expected, "{line}");
        check(&Object::Json, "  {", true);
        check(&Object::Json, "text {", false);
        check(&Object::Element("E".to_owned()), "<A> <E>", true);
        check(&Object::Element("E".to_owned()), "</E> <EA>", false);
        check(&Object::Document, " <?xml version='1.0'?>", true);
        check(&Object::Document, "text <a>", false);
    }
}
