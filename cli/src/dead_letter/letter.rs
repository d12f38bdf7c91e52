//! A dead letter as text.

use std::fmt::Write as _;

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use labtrail_shared::table::printable;
use serde::Deserialize;
use serde_json::Value;

const HEX_WIDTH: usize = 16;

/// A letter as the collector gives it.
#[derive(Debug, Deserialize)]
pub(super) struct Letter {
    pub(super) seq: i64,
    received: String,
    times: u64,
    reason: String,
    detail: String,
    origin: Value,
    id: Option<String>,
    size: u64,
    text: Option<String>,
    bytes: String,
}

impl Letter {
    pub(super) fn titles() -> Vec<String> {
        ["SEQ", "RECEIVED", "TIMES", "REASON", "SIZE", "FROM", "DETAIL"].map(str::to_owned).to_vec()
    }

    /// Its line in the list.
    pub(super) fn row(&self) -> Vec<String> {
        vec![
            self.seq.to_string(),
            self.received.clone(),
            self.times.to_string(),
            self.reason.clone(),
            self.size.to_string(),
            self.from(),
            self.detail.clone(),
        ]
    }

    /// Where it came from, in one word.
    fn from(&self) -> String {
        let text = |field: &str| self.origin.get(field).and_then(Value::as_str);
        let number = |field: &str| self.origin.get(field).and_then(Value::as_i64);
        let from = match (text("topic"), number("partition"), number("offset")) {
            (Some(topic), Some(partition), Some(offset)) => format!("{topic}/{partition}@{offset}"),
            _ => match (text("agent"), text("file"), text("peer")) {
                (Some(agent), Some(file), _) => format!("{agent}:{file}"),
                (Some(agent), None, _) => agent.to_owned(),
                (None, _, Some(peer)) => format!("http:{peer}"),
                _ => "-".to_owned(),
            },
        };
        from.replace(' ', "_")
    }

    /// What was sent.
    pub(super) fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        STANDARD.decode(&self.bytes).context("read the bytes of the letter")
    }

    /// Everything about it; what was sent follows behind an empty line.
    pub(super) fn text(&self) -> anyhow::Result<String> {
        let id = self.id.as_deref().unwrap_or("-");
        let mut out = String::new();
        let lines = [
            ("seq", self.seq.to_string()),
            ("received", self.received.clone()),
            ("times", self.times.to_string()),
            ("reason", self.reason.clone()),
            ("detail", self.detail.clone()),
            ("id", id.to_owned()),
            ("origin", self.origin.to_string()),
            ("size", format!("{} bytes{}", self.size, self.of_full_size())),
        ];
        for (name, value) in lines {
            let _ = writeln!(out, "{name:10}{}", printable(&value));
        }
        out.push('\n');
        match &self.text {
            Some(text) => out.extend(text.lines().map(|line| printable(&line.replace('\t', "    ")) + "\n")),
            None => out.push_str(&hex_dump(&self.bytes()?)),
        }
        Ok(out)
    }

    fn of_full_size(&self) -> String {
        let full = self.origin.get("full_size").and_then(Value::as_u64).filter(|full| *full > self.size);
        full.map(|full| format!(" (the beginning of {full})")).unwrap_or_default()
    }
}

/// Bytes as `hexdump -C` shows them.
fn hex_dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (number, line) in bytes.chunks(HEX_WIDTH).enumerate() {
        let _ = write!(out, "{:08x} ", number * HEX_WIDTH);
        for place in 0..HEX_WIDTH {
            let gap = if place % 8 == 0 { " " } else { "" };
            let _ = match line.get(place) {
                Some(byte) => write!(out, "{gap}{byte:02x} "),
                None => write!(out, "{gap}   "),
            };
        }
        let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
        let _ = writeln!(out, " |{}|", line.iter().map(shown).collect::<String>());
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Letter, hex_dump};

    fn letter(origin: Value, text: Option<&str>, bytes: &str) -> Letter {
        Letter {
            seq: 7,
            received: "2026-11-23T10:00:00Z".to_owned(),
            times: 1,
            reason: "not_json".to_owned(),
            detail: "expected value\nat line 1".to_owned(),
            origin,
            id: None,
            size: 4,
            text: text.map(str::to_owned),
            bytes: bytes.to_owned(),
        }
    }

    #[test]
    fn the_origin_is_one_word() {
        let check = |origin: Value, expected: &str| assert_eq!(letter(origin, None, "").from(), expected);
        check(json!({"door": "kafka", "topic": "t", "partition": 3, "offset": 9}), "t/3@9");
        check(json!({"door": "http", "peer": "::1"}), "http:::1");
        check(json!({"agent": "pc 7", "file": "/a b.log"}), "pc_7:/a_b.log");
        check(json!({}), "-");
    }

    #[test]
    fn text_is_shown_as_text_and_other_bytes_in_hexadecimal() {
        let shown = letter(json!({"full_size": 9}), Some("a\u{1b}b\nc"), "").text().expect("it is shown");
        let (head, body) = shown.split_once("\n\n").expect("an empty line lies between");
        assert_eq!(body, "a\\u{1b}b\nc\n");
        assert!(head.contains("detail    expected value\\nat line 1\n"), "{head}");
        assert!(head.ends_with("size      4 bytes (the beginning of 9)"), "{head}");
        let shown = letter(json!({}), None, "/wBBIA==").text().expect("it is shown");
        assert!(shown.ends_with("|..A |\n"), "{shown}");
    }

    #[test]
    fn a_dump_is_that_of_hexdump() {
        let expected = "\
00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|
00000010  ff 0a                                             |..|
";
        assert_eq!(hex_dump(b"0123456789abcdef\xff\n"), expected);
    }
}
