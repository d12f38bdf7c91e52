//! The forms in which lines begin with a time: which one a file uses, and the regular expression for the lines that do.

use std::sync::LazyLock;

use regex::Regex;

/// One form of time, with what may stand before it.
pub(super) struct TimeShape {
    /// For people.
    pub(super) name: &'static str,
    pub(super) kind: ShapeKind,
    time: &'static str,
    /// The form in the notation of the config, where the usual forms do not cover it: `%d` and `%m` in the order that the
    /// file shows.
    pub(super) format: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShapeKind {
    /// It can mean one thing only.
    Whole,
    /// Three numbers, of which the last one is the year.
    YearLast,
    /// Without a date.
    Clock,
}

/// A form that lines begin with.
pub(super) struct Found {
    pub(super) shape: &'static TimeShape,
    /// What stands before the time: an index into the openings.
    opening: usize,
    /// For each line, where its time is.
    pub(super) places: Vec<Option<(usize, usize)>>,
    pub(super) count: usize,
}

/// In this order: the first that the most lines have is taken.
static SHAPES: [TimeShape; 10] = [
    TimeShape {
        name: "year-month-day and time",
        kind: ShapeKind::Whole,
        format: None,
        time: r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}[T_, ][ ]*\d{1,2}:\d{2}(?::\d{2}(?:[.,:]\d+)?)?(?: ?(?:Z|[+-]\d{2}(?::?\d{2})?)\b)?",
    },
    TimeShape {
        name: "date and time without separators",
        kind: ShapeKind::Whole,
        format: None,
        time: r"\d{8}[T_ ]\d{2}:?\d{2}:?\d{2}(?:[.,]\d+)?Z?",
    },
    TimeShape {
        name: "year of two digits, month, day, time and offset",
        kind: ShapeKind::Whole,
        format: None,
        time: r"\d{2}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:[.,]\d+)? [+-]\d{2}(?::?\d{2})?\b",
    },
    TimeShape {
        name: "day, name of the month, year and time",
        kind: ShapeKind::Whole,
        format: None,
        time: r"\d{1,2}[-/ .][A-Za-z]{3,9}[-/ .]\d{2,4}[ :,]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?",
    },
    TimeShape {
        name: "name of the month, day and time, as in syslog",
        kind: ShapeKind::Whole,
        format: None,
        time: r"(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?: [A-Z]{3,4})?(?: \d{4})?",
    },
    TimeShape { name: "seconds since 1970", kind: ShapeKind::Whole, format: None, time: r"1\d{9}(?:\.\d+|\d{3})?\b" },
    TimeShape {
        name: "three numbers with the year last, and time",
        kind: ShapeKind::YearLast,
        format: None,
        time: r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4},?[ T]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?",
    },
    TimeShape {
        name: "weekday, three numbers with the year last, and time",
        kind: ShapeKind::YearLast,
        format: Some("%a %d/%m/%Y %H:%M:%S.%f"),
        time: r"[A-Z][a-z]{2,8},? \d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?",
    },
    TimeShape {
        name: "time of day without a date",
        kind: ShapeKind::Clock,
        format: Some("%H:%M:%S.%f"),
        time: r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?",
    },
    TimeShape {
        name: "time of day of twelve hours without a date",
        kind: ShapeKind::Clock,
        format: Some("%I:%M:%S %p"),
        time: r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]",
    },
];

/// What may stand before a time, as regular expressions.
static OPENINGS: [&str; 7] = [
    "",
    r#"[\[("<] ?"#,
    r"\[?[A-Z]{1,9}\]?[:|]? *[\[|-]? *",
    r"(?:\[[^\]]{1,40}\] ?){1,2}",
    r#"\d{1,9}["':.)]?[ ,;\t]+"#,
    r#"(?:time|ts|timestamp)="?"#,
    r"[A-Za-z]{1,9}[(\[]",
];

/// So many lines are compared with every form.
const LINES_COMPARED_MAX: usize = 400;

/// A form behind one of the openings.
struct Pattern {
    opening: usize,
    shape: &'static TimeShape,
    regex: Regex,
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let pattern = |shape: &'static TimeShape, (opening, before): (usize, &&str)| {
        let regex = Regex::new(&format!(r"^[ \t]{{0,8}}{before}({})", shape.time));
        Pattern { opening, shape, regex: regex.expect("the forms are tested with every proposal") }
    };
    SHAPES.iter().flat_map(|shape| OPENINGS.iter().enumerate().map(move |opening| pattern(shape, opening))).collect()
});

/// The form that the most of these lines begin with.
pub(super) fn find(lines: &[&str]) -> Option<Found> {
    // Lines from everywhere tell the form; only that one is then looked for in all of them.
    let step = lines.len().div_ceil(LINES_COMPARED_MAX).max(1);
    let counted = PATTERNS.iter().map(|pattern| {
        let is_such = |line: &&&str| pattern.regex.is_match(line);
        (pattern, lines.iter().step_by(step).filter(is_such).count())
    });
    // Of several with as many lines the first one is taken.
    let (pattern, count) = counted.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    if count == 0 {
        return None;
    }
    let place = |line: &&str| pattern.regex.captures(line)?.get(1).map(|time| (time.start(), time.end()));
    let places: Vec<_> = lines.iter().map(place).collect();
    let count = places.iter().flatten().count();
    Some(Found { shape: pattern.shape, opening: pattern.opening, places, count })
}

impl Found {
    /// A regular expression for the lines that begin with such a time, made from those that do.
    pub(super) fn start(&self, lines: &[&str]) -> String {
        let mut merged: Vec<(Token, usize, usize)> = Vec::new();
        for (line, place) in lines.iter().zip(&self.places) {
            let Some((from, to)) = place else { continue };
            let tokens = tokens(&line[*from..*to]);
            if merged.is_empty() {
                merged = tokens.iter().map(|(token, length)| (*token, *length, *length)).collect();
            }
            merged.truncate(tokens.len());
            let same = merged.iter().zip(&tokens).take_while(|(one, other)| one.0 == other.0).count();
            merged.truncate(same);
            for (one, other) in merged.iter_mut().zip(&tokens) {
                (one.1, one.2) = (one.1.min(other.1), one.2.max(other.1));
            }
        }
        format!(
            "^{}{}",
            self.opening(),
            merged.iter().map(|(token, min, max)| token.regex(*min, *max)).collect::<String>()
        )
    }

    /// A regular expression for what stands before the time; empty for nothing.
    pub(super) fn opening(&self) -> &'static str {
        OPENINGS[self.opening]
    }

    /// How the lines begin, for people.
    pub(super) fn name(&self) -> String {
        let before = match self.opening {
            0 => "",
            1 => " in brackets or quotes",
            2 => " behind a level",
            3 => " behind fields in brackets",
            4 => " behind a number",
            5 => " behind a key",
            _ => " behind a word and a bracket",
        };
        format!("{}{before}", self.shape.name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Digits,
    Letters,
    Blanks,
    Sign(char),
}

/// The parts of a time up to its seconds.
fn tokens(time: &str) -> Vec<(Token, usize)> {
    let mut tokens: Vec<(Token, usize)> = Vec::new();
    let mut clock_parts = 0;
    for character in time.chars() {
        let token = match character {
            '0'..='9' => Token::Digits,
            // Between date and time it is a sign, elsewhere the first letter of a day.
            'T' if matches!(tokens.last(), Some((Token::Digits, _))) => Token::Sign('T'),
            'A'..='Z' | 'a'..='z' => Token::Letters,
            ' ' | '\t' => Token::Blanks,
            other => Token::Sign(other),
        };
        clock_parts += usize::from(token == Token::Sign(':'));
        match tokens.last_mut() {
            Some((last, length)) if *last == token && !matches!(token, Token::Sign(_)) => *length += 1,
            // What follows the seconds may be left out in some lines.
            Some((Token::Digits, _)) if clock_parts >= 2 => break,
            _ => tokens.push((token, 1)),
        }
    }
    tokens
}

impl Token {
    fn regex(self, min: usize, max: usize) -> String {
        let digits = match self {
            Self::Digits => r"\d",
            Self::Letters => "[A-Za-z]",
            Self::Blanks => return if max == 1 { " ".to_owned() } else { " +".to_owned() },
            Self::Sign('.') => return r"\.".to_owned(),
            Self::Sign(sign) => return sign.to_string(),
        };
        match (min, max) {
            (1, 1) => digits.to_owned(),
            (2, 2) => digits.repeat(2),
            _ if min == max => format!("{digits}{{{min}}}"),
            _ => format!("{digits}{{{min},{max}}}"),
        }
    }
}

/// The first two numbers of a date.
pub(super) fn first_numbers(time: &str) -> Option<(u32, u32)> {
    let mut numbers = time.split(|character: char| !character.is_ascii_digit()).filter(|part| !part.is_empty());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
