//! The words that programs use for levels.

mod localised;
mod section;

use labtrail_shared::level::LogLevel;

pub(crate) use self::section::LevelSection;
pub(super) use self::section::{LevelClues, LevelReader};

/// A level as a record states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrittenLevel<'a> {
    /// The record's own word, kept because instruments grade more finely than six levels can say.
    pub(crate) text: &'a str,
    /// What the word amounts to.
    pub(crate) level: LogLevel,
}

/// The longest word below.
const WORD_LENGTH_MAX: usize = 11;

/// The level that a word in upper case names.
pub(super) fn of_upper_case(word: &[u8]) -> Option<LogLevel> {
    let level = match word {
        b"TRACE" | b"TRC" | b"DEBUG" | b"DBG" | b"VERBOSE" | b"VRB" | b"FINE" | b"FINER" | b"FINEST" => LogLevel::Debug,
        b"INFO" | b"INF" | b"IFO" | b"INFORMATION" | b"NOTICE" => LogLevel::Info,
        b"WARN" | b"WRN" | b"WARNING" => LogLevel::Warning,
        b"ERROR" | b"ERR" | b"SEVERE" => LogLevel::Error,
        b"CRITICAL" | b"CRIT" | b"FATAL" | b"FTL" | b"ALERT" | b"EMERG" | b"EMERGENCY" | b"PANIC" => LogLevel::Critical,
        _ => return None,
    };
    Some(level)
}

/// The level that a word in any case names. Only for places that hold nothing but levels: in lower case the words
/// are also words of messages.
pub(super) fn of_any_case(word: &[u8]) -> Option<LogLevel> {
    let mut upper = [0; WORD_LENGTH_MAX];
    let upper = upper.get_mut(..word.len())?;
    upper.copy_from_slice(word);
    upper.make_ascii_uppercase();
    of_upper_case(upper)
}

/// The level that a word names in a place that is known to hold levels: in any case, and also in the languages that
/// instruments are sold in.
pub(super) fn of_field(word: &str) -> Option<LogLevel> {
    of_any_case(word.as_bytes()).or_else(|| localised::level(word))
}

/// The level and the keyword of the `<PRI>` before a syslog message: eight times the facility plus the severity.
pub(super) fn of_syslog_priority(priority: u32) -> WrittenLevel<'static> {
    let (text, level) = match priority % 8 {
        0 => ("emerg", LogLevel::Critical),
        1 => ("alert", LogLevel::Critical),
        2 => ("crit", LogLevel::Critical),
        3 => ("err", LogLevel::Error),
        4 => ("warning", LogLevel::Warning),
        5 => ("notice", LogLevel::Info),
        6 => ("info", LogLevel::Info),
        _ => ("debug", LogLevel::Debug),
    };
    WrittenLevel { text, level }
}

#[cfg(test)]
mod tests {
    use labtrail_shared::level::LogLevel;

    use super::{of_any_case, of_syslog_priority, of_upper_case};

    #[test]
    fn words_are_known_whole_and_in_the_case_that_the_place_allows() {
        let check = |word: &str, upper, any| {
            assert_eq!((of_upper_case(word.as_bytes()), of_any_case(word.as_bytes())), (upper, any), "{word}");
        };
        check("INFO", Some(LogLevel::Info), Some(LogLevel::Info));
        check("Warning", None, Some(LogLevel::Warning));
        check("trc", None, Some(LogLevel::Debug));
        check("Information", None, Some(LogLevel::Info));
        check("SEVERE", Some(LogLevel::Error), Some(LogLevel::Error));
        check("EMERGENCY", Some(LogLevel::Critical), Some(LogLevel::Critical));
        check("ERRORS", None, None);
        check("INFORMATIONAL", None, None);
        check("", None, None);
        check("a word that is far too long", None, None);
    }

    #[test]
    fn a_syslog_priority_is_named_by_its_severity() {
        let check = |priority, text, level| {
            let written = of_syslog_priority(priority);
            assert_eq!((written.text, written.level), (text, level));
        };
        check(0, "emerg", LogLevel::Critical);
        check(11, "err", LogLevel::Error);
        check(165, "notice", LogLevel::Info);
        check(191, "debug", LogLevel::Debug);
    }
}
