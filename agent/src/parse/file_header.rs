//! Keys and values at the head of a file.

use serde_json::Value;

/// A key is a few words; a longer one is a sentence with a colon in it.
const KEY_BYTES_MAX: usize = 80;

/// The key and the value in a line of a header: `Key = value`, `Key: value`, `##KEY= value` (JCAMP-DX), `"Key","value"`
/// and the key with a tab before its value (`LabVIEW`). Values are texts, but for JSON numbers that are written with
/// a point and no leading zero. A key without a value has an empty text.
pub(crate) fn header_pair(line: &str) -> Option<(String, Value)> {
    let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    let (key, value) = quoted_pair(line)
        .or_else(|| labelled_pair(line))
        .or_else(|| split(line, '\t'))
        .or_else(|| split_at_first_mark(line))?;
    let key = key.trim();
    let is_key = !key.is_empty()
        && key.len() <= KEY_BYTES_MAX
        && key.chars().next().is_some_and(|first| first.is_alphanumeric() || matches!(first, '_' | '$' | '*' | '@'))
        && !key.bytes().all(|byte| byte.is_ascii_digit());
    is_key.then(|| (key.to_owned(), value_of(value.trim())))
}

/// `"Key","value"`, with `""` for a quote.
fn quoted_pair(line: &str) -> Option<(&str, &str)> {
    let (key, rest) = line.trim().strip_prefix('"')?.split_once('"')?;
    let value = rest.trim_start().strip_prefix([',', ';', '\t'])?.trim();
    Some((key, value))
}

/// `##KEY= value`, whose key may hold blanks and a dollar sign.
fn labelled_pair(line: &str) -> Option<(&str, &str)> {
    split(line.trim_start().strip_prefix("##")?, '=')
}

fn split(line: &str, mark: char) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(mark)?;
    // Only the first value of a row: the others belong to other channels.
    Some((key, if mark == '\t' { value.split('\t').next().unwrap_or(value) } else { value }))
}

/// `Key = value` or `Key: value`, whichever mark comes first. A colon with a digit after it is of a time, and one with
/// a slash or a backslash of an address or a path.
fn split_at_first_mark(line: &str) -> Option<(&str, &str)> {
    let at = line.bytes().enumerate().find_map(|(at, byte)| match byte {
        b'=' => Some(at),
        b':' if !line[at + 1..].starts_with(|next: char| next.is_ascii_digit() || matches!(next, '/' | '\\' | ':')) => {
            Some(at)
        }
        _ => None,
    })?;
    Some((&line[..at], &line[at + 1..]))
}

fn value_of(text: &str) -> Value {
    let text = match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) => return Value::String(inside.replace("\"\"", "\"")),
        None => text,
    };
    // A long whole number is a serial number, of which a double would change the last digits.
    let is_number = text.len() <= 18 && text.bytes().any(|byte| byte.is_ascii_digit());
    match serde_json::from_str::<serde_json::Number>(text) {
        Ok(number) if is_number => Value::Number(number),
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::{Value, json};

    use super::header_pair;

    #[track_caller]
    fn check(line: &str, key: &str, value: &Value) {
        assert_eq!(header_pair(line), Some((key.to_owned(), value.clone())), "{line}");
    }

    #[test]
    fn lines_of_headers() {
        check("Method = Cryovial to 96W Plate\\LabElite\r\n", "Method", &json!("Cryovial to 96W Plate\\LabElite"));
        check("Unit Serial No. = 1234567890", "Unit Serial No.", &json!(1_234_567_890));
        check("##JCAMPDX= 5.01", "JCAMPDX", &json!(5.01));
        check("##$NS= <16>", "$NS", &json!("<16>"));
        check("Operator: anna", "Operator", &json!("anna"));
        check("Started: 08:15:00", "Started", &json!("08:15:00"));
        check("Date\t2013/02/19", "Date", &json!("2013/02/19"));
        check("X_Dimension\tTime\tTime\tTime", "X_Dimension", &json!("Time"));
        check("\"Sample Name\",\"a \"\"b\"\"\"", "Sample Name", &json!("a \"b\""));
        check("\"Gain\",12.5", "Gain", &json!(12.5));
        check("Comment=", "Comment", &json!(""));
        check("\u{feff}Wert: 007", "Wert", &json!("007"));
        check("Barcode: 1234567890123456789012", "Barcode", &json!("1234567890123456789012"));
        for line in ["", "a sentence", "08:15:00", "http://lab", "C:\\data", "= x", "***End_of_Header***", "\t1"] {
            assert_eq!(header_pair(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in any::<String>(), dense in "[\"a=:#\t,é0.]{0,12}") {
            header_pair(&line);
            header_pair(&dense);
        }
    }
}
