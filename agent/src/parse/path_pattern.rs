//! What the path of a file says of it: run, sample, instrument, date.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::expression::{Expression, GroupReader};
use super::time::day_of_text;
use super::timestamp::calendar;

/// A regular expression that is searched for in the path of a file, with `/` between folders on every system (a `\\\\` in the
/// expression stands for it as well). Its named
/// groups become labels; the groups `date` (`20260327`, `260327`, `2026-03-27`), or `year`, `month` and `day`, give also
/// the day for times without a date. `time` is a label like any other.
#[derive(Debug)]
pub(crate) struct PathPattern {
    reader: GroupReader,
    expression: Expression,
    names: Vec<(usize, String)>,
}

/// Why a path pattern is refused.
#[derive(Debug, Error)]
pub(crate) enum PathPatternError {
    /// It is no regular expression.
    #[error(transparent)]
    Expression(#[from] regex::Error),
    /// It gives nothing.
    #[error("it has no named group: write (?<run>...) around what is to become a label")]
    NoGroup,
}

impl PathPattern {
    /// Compiles it.
    pub(crate) fn compile(pattern: &str) -> Result<Self, PathPatternError> {
        let expression = Expression::compile(&with_slashes(pattern))?;
        let names: Vec<_> = expression
            .regex()
            .capture_names()
            .enumerate()
            .filter_map(|(index, name)| Some((index, name?.to_owned())))
            .collect();
        if names.is_empty() {
            return Err(PathPatternError::NoGroup);
        }
        Ok(Self { reader: GroupReader::new(expression.clone()), expression, names })
    }

    /// The labels in a path, and the day in days since 1970-01-01; nothing where the expression is not found.
    pub(crate) fn captures(&self, path: &str) -> Option<(BTreeMap<String, String>, Option<i64>)> {
        let path = path.replace('\\', "/");
        let labels: BTreeMap<String, String> = self.reader.read(&path, |places| {
            let text = |index| places.get(index).map(|(from, to)| path[from..to].to_owned());
            let labels = self.names.iter().filter_map(|(index, name)| Some((name.clone(), text(*index)?)));
            labels.filter(|(_, value)| !value.is_empty()).collect()
        })?;
        let day = day_of(&labels);
        Some((labels, day))
    }
}

/// The pattern with `/` where it asks for a backslash, as people write who think of Windows.
fn with_slashes(pattern: &str) -> String {
    let mut slashed = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(one) = rest.next() {
        match (one, rest.clone().next()) {
            ('\\', Some('\\')) => slashed.push('/'),
            ('\\', Some(escaped)) => slashed.extend([one, escaped]),
            _ => {
                slashed.push(one);
                continue;
            }
        }
        rest.next();
    }
    slashed
}

fn day_of(labels: &BTreeMap<String, String>) -> Option<i64> {
    if let Some(date) = labels.get("date") {
        return day_of_text(date, None);
    }
    let number = |name: &str| labels.get(name)?.parse::<i64>().ok();
    let year = number("year")?;
    let year = if year < 100 { calendar::year_of_two_digits(year) } else { year };
    calendar::day_number(year, number("month")?, number("day")?)
}

impl Clone for PathPattern {
    fn clone(&self) -> Self {
        let reader = GroupReader::new(self.expression.clone());
        Self { reader, expression: self.expression.clone(), names: self.names.clone() }
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.expression.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PathPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pattern = String::deserialize(deserializer)?;
        Self::compile(&pattern).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::PathPattern;

    #[track_caller]
    fn check(pattern: &str, path: &str, labels: &[(&str, &str)], day: Option<i64>) {
        let (found, found_day) = PathPattern::compile(pattern).unwrap().captures(path).unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((found.as_slice(), found_day), (labels, day), "{path}");
    }

    #[test]
    fn labels_and_days_come_from_paths() {
        let day = Some(20_539); // 2026-03-27
        check(
            r"/(?<sample>[^/]+)\.D/RUN\.LOG$",
            r"C:\Chem32\1\DATA\caf feine.D\RUN.LOG",
            &[("sample", "caf feine")],
            None,
        );
        check(
            r"/EVO_(?<date>\d{8})_(?<time>\d{6})\.LOG$",
            "/log/EVO_20260327_072335.LOG",
            &[("date", "20260327"), ("time", "072335")],
            day,
        );
        check(
            r"/(?<date>\d{6})_(?<instrument>IL\d+)_",
            "/runs/260327_IL32_1/a.log",
            &[("date", "260327"), ("instrument", "IL32")],
            day,
        );
        check(r"(?<date>\d{4}-\d\d-\d\d) ", "/log 2026-03-27 11-26.csv", &[("date", "2026-03-27")], day);
        check(
            r"/(?<year>\d{4})/(?<month>\d\d)/(?<day>\d\d)/(?<none>x)?",
            "/2026/03/27/",
            &[("day", "27"), ("month", "03"), ("year", "2026")],
            day,
        );
        check(r"D:\\data\\(?<run>[^\\]+)\\", r"D:\data\r 1\x.log", &[("run", "r 1")], None);
        check(r"(?<date>\d{8})", "/20261399", &[("date", "20261399")], None);
        assert!(PathPattern::compile(r"(?<a>x)").unwrap().captures("/y").is_none());
    }

    #[test]
    fn a_pattern_that_cannot_serve_is_refused() {
        for pattern in ["(", "abc"] {
            assert!(PathPattern::compile(pattern).is_err(), "{pattern}");
        }
    }
}
