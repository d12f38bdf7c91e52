//! Values as pydantic takes them: numbers and truth from text, levels by name, and what is wrong in plain words.
//!
//! Each function gives the value, or the rest of a sentence that begins with what stood there.

use labtrail_shared::{level::LogLevel, settings::Secret};
use serde_json::Value;

use super::server_url::ServerUrl;

/// A value, or what would be right.
pub(super) type Coerced<T> = Result<T, String>;

/// A type whose values are written as one of several texts.
pub(super) trait Choice: Copy + 'static {
    /// All texts and what they stand for.
    const ALL: &'static [(&'static str, Self)];
}

/// A text. MADSci does not turn numbers into texts, either.
pub(super) fn text(value: &Value) -> Coerced<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Err("is not a text: write it in quotes".to_owned()),
        _ => Err("is not a text".to_owned()),
    }
}

/// A text that is never printed.
pub(super) fn secret(value: &Value) -> Coerced<Secret> {
    text(value).map(Secret::new)
}

/// A list of texts.
pub(super) fn texts(value: &Value) -> Coerced<Vec<String>> {
    let texts = value.as_array().and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
    texts.ok_or_else(|| "is not a list of texts: write one such as [\"a\", \"b\"]".to_owned())
}

/// Truth: a bool, 0 or 1, or one of the usual words in any case.
pub(super) fn boolean(value: &Value) -> Coerced<bool> {
    let truth = match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    };
    truth.ok_or_else(|| "is neither true nor false: write true or false".to_owned())
}

/// A whole number from 1.
pub(super) fn positive(value: &Value) -> Coerced<u64> {
    match natural(value) {
        Ok(0) | Err(_) => Err("is not a whole number from 1".to_owned()),
        ok => ok,
    }
}

/// A whole number from 0.
pub(super) fn natural(value: &Value) -> Coerced<u64> {
    integer(value)
        .and_then(|number| u64::try_from(number).ok())
        .ok_or_else(|| "is not a whole number from 0".to_owned())
}

/// A port. MADSci takes any number and fails when it sends.
pub(super) fn port(value: &Value) -> Coerced<u16> {
    integer(value)
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| "is not a port: write a number from 0 to 65535".to_owned())
}

/// A number. Infinity and NaN, which MADSci takes, are refused: they cannot stand in an answer.
pub(super) fn float(value: &Value) -> Coerced<f64> {
    let number = match value {
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => without_underscores(text.trim()).and_then(|text| text.parse().ok()),
        _ => None,
    };
    number.filter(|number| number.is_finite()).ok_or_else(|| "is not a number".to_owned())
}

/// A level, by number or by name.
pub(super) fn level(value: &Value) -> Coerced<LogLevel> {
    let by_number = integer(value).and_then(|number| LogLevel::from_number(i64::try_from(number).ok()?));
    let by_name = || {
        let name = value.as_str()?.to_uppercase().replace("EVENTLOGLEVEL.", "");
        LogLevel::ALL.into_iter().find(|level| level.name() == name)
    };
    by_number.or_else(by_name).ok_or_else(|| {
        "is not a level: write 0, 10, 20, 30, 40 or 50, or NOTSET, DEBUG, INFO, WARNING, ERROR or CRITICAL".to_owned()
    })
}

/// A URL with a host.
pub(super) fn url(value: &Value) -> Coerced<ServerUrl> {
    value
        .as_str()
        .and_then(ServerUrl::parse)
        .ok_or_else(|| "is not a URL with a host: write one such as http://localhost:8001/".to_owned())
}

/// The URL of a database. Several hosts, which MADSci refuses once they have ports, are taken.
pub(super) fn mongo_db_url(value: &Value) -> Coerced<Secret> {
    let is_mongodb = |scheme: &str| ["mongodb", "mongodb+srv"].contains(&scheme);
    value
        .as_str()
        .and_then(|text| text.trim().split_once("://"))
        .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest))
        .filter(|(scheme, rest)| is_mongodb(scheme) && !rest.is_empty())
        .map(|(scheme, rest)| Secret::new(format!("{scheme}://{rest}")))
        .ok_or_else(|| "is not a URL of MongoDB: write one such as mongodb://localhost:27017".to_owned())
}

/// One of the texts of a type, in exactly this case.
pub(super) fn choice<T: Choice>(value: &Value) -> Coerced<T> {
    let chosen = T::ALL.iter().find(|(text, _)| value.as_str() == Some(text));
    chosen.map(|(_, choice)| *choice).ok_or_else(|| {
        let texts: Vec<&str> = T::ALL.iter().map(|(text, _)| *text).collect();
        format!("is not one of {}", texts.join(", "))
    })
}

/// A whole number: also from a float without a fraction, from truth, and from a text such as ` +1_000.0 `.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Bool(truth) => Some(i128::from(*truth)),
        Value::Number(number) => match number.as_i128() {
            Some(number) => Some(number),
            None => number.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i128),
        },
        Value::String(text) => {
            let text = text.trim();
            let whole = match text.split_once('.') {
                Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
                _ => text,
            };
            without_underscores(whole)?.parse().ok()
        }
        _ => None,
    }
}

/// The text without its underscores, each of which stands alone and between others.
fn without_underscores(text: &str) -> Option<String> {
    let is_wrong = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!is_wrong).then(|| text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn whole_numbers_are_read() {
        let check = |value: Value, expected: Option<u64>| assert_eq!(positive(&value).ok(), expected, "{value}");
        for ten in ["10", "10.0", "10.00", " 10 ", "+10", "1_0", "010", "\t10\n", "1_0.0", "+1_0"] {
            check(json!(ten), Some(10));
        }
        for refused in
            ["10.", "1__0", "_10", "10_", "1e1", "0x10", "10.5", "", "null", "１０", "10 .0", "- 10", ".0", "0"]
        {
            check(json!(refused), None);
        }
        check(json!(10.0), Some(10));
        check(json!(10.5), None);
        check(json!(true), Some(1));
        check(json!(false), None);
        check(json!(-1), None);
        check(json!(null), None);
        check(json!([1]), None);
        check(json!(u64::MAX), Some(u64::MAX));
        assert_eq!(natural(&json!("-0.0")), Ok(0));
    }

    #[test]
    fn truth_is_read() {
        let check = |value: Value, expected: Option<bool>| assert_eq!(boolean(&value).ok(), expected, "{value}");
        for yes in [json!("true"), json!("YES"), json!("oN"), json!("1"), json!("t"), json!(1), json!(1.0), json!(true)]
        {
            check(yes, Some(true));
        }
        for no in [json!("false"), json!("NO"), json!("off"), json!("0"), json!("f"), json!(0), json!(0.0)] {
            check(no, Some(false));
        }
        for neither in [json!(" true"), json!(""), json!("2"), json!("1.0"), json!(2), json!(1.5), json!(null)] {
            check(neither, None);
        }
    }

    #[test]
    fn numbers_are_read() {
        let check = |value: Value, expected: Option<f64>| assert_eq!(float(&value).ok(), expected, "{value}");
        check(json!("60"), Some(60.0));
        check(json!(" 1e3 "), Some(1000.0));
        check(json!("1_0.5_0"), Some(10.5));
        check(json!("+.5"), Some(0.5));
        check(json!(-3), Some(-3.0));
        check(json!(true), Some(1.0));
        for refused in ["", "0x10", "1e", "nan", "inf", "1e400", "_1", "1__0", "true"] {
            check(json!(refused), None);
        }
    }

    #[test]
    fn levels_are_read() {
        let check = |value: Value, expected: Option<LogLevel>| assert_eq!(level(&value).ok(), expected, "{value}");
        for error in [json!(40), json!(40.0), json!("4_0"), json!(" 40 "), json!("eRRor"), json!("EventLogLevel.error")]
        {
            check(error, Some(LogLevel::Error));
        }
        check(json!("-0"), Some(LogLevel::NotSet));
        check(json!(false), Some(LogLevel::NotSet));
        for refused in [json!("ERROR "), json!("WARN"), json!(5), json!("40.5"), json!(""), json!(true), json!(null)] {
            check(refused, None);
        }
    }

    #[test]
    fn urls_of_databases_are_read() {
        let check = |text: &str, expected: Option<&str>| {
            let url = mongo_db_url(&json!(text)).ok();
            assert_eq!(url.as_ref().map(Secret::reveal), expected, "{text}");
        };
        check("mongodb://localhost:27017", Some("mongodb://localhost:27017"));
        check(" MongoDB://a:1,b:2/x?replicaSet=r ", Some("mongodb://a:1,b:2/x?replicaSet=r"));
        check("mongodb+srv://u:p%20@x.y/", Some("mongodb+srv://u:p%20@x.y/"));
        for refused in ["", "null", "localhost:27017", "http://x", "mongodb://"] {
            check(refused, None);
        }
    }
}
