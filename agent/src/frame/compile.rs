//! From settings to framing: what does not go together is refused here.

use labtrail_shared::settings::ByteSize;
use thiserror::Error;

use super::{
    Framing, Header,
    group::{Grouping, Rest},
    object::Object,
    section::{Ansi, CarriageReturn, ObjectForm, Orphans, RecordSection},
};

/// The most that `bytes_max` can be: windows of several times its size are held in memory.
const BYTES_MAX: ByteSize = ByteSize::mib(1);

/// Settings of `[files.record]` that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameConfigError {
    /// Two settings that answer the same question.
    #[error("record.{first} and record.{second} do not go together: {why}; leave one of them out")]
    Exclusive {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// What they both say.
        why: &'static str,
    },
    /// A setting that means nothing without another.
    #[error("record.{key} means nothing by itself: set {needs}, too, or leave {key} out")]
    Alone {
        /// The setting.
        key: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A number that must be more than nothing.
    #[error("record.{key} = 0 would make no record: write a number from 1")]
    Zero {
        /// The setting.
        key: &'static str,
    },
    /// A record larger than what is held in memory.
    #[error("record.bytes_max = \"{0}\" is too large: write at most {BYTES_MAX}")]
    BytesMax(ByteSize),
    /// A fixed count beyond the limit.
    #[error("record.lines = {lines} is more than record.lines_max = {lines_max}: raise lines_max, too")]
    LinesMax {
        /// The count.
        lines: u32,
        /// The limit.
        lines_max: u32,
    },
    /// No element has such a name.
    #[error(
        "record.element = {0:?} is not the name of an XML element: write it without brackets, such as element = \"Event\""
    )]
    Element(String),
}

impl Framing {
    /// Checks that the settings go together. Lines longer than `line_bytes_max` keep their beginning.
    pub(crate) fn compile(section: &RecordSection, line_bytes_max: ByteSize) -> Result<Self, FrameConfigError> {
        if section.bytes_max > BYTES_MAX {
            return Err(FrameConfigError::BytesMax(section.bytes_max));
        }
        let numbers = [
            ("lines", section.lines),
            ("lines_max", Some(section.lines_max)),
            ("header_count", section.header_count),
            ("header_lines", section.header_lines),
        ];
        if let Some((key, _)) = numbers.into_iter().find(|(_, number)| *number == Some(0)) {
            return Err(FrameConfigError::Zero { key });
        }
        let grouping = grouping(section)?;
        let is_closing = match &grouping {
            Grouping::Start(_, rest) => !matches!(rest, Rest::Open),
            Grouping::Object(_) => true,
            _ => false,
        };
        if section.preamble == Orphans::Skip && !grouping.has_orphans() {
            return Err(FrameConfigError::Alone { key: "preamble", needs: "start, separator or object" });
        }
        if section.between == Orphans::Skip && !is_closing {
            let needs = "object, or start with end, lines or continuation";
            return Err(FrameConfigError::Alone { key: "between", needs });
        }
        let mut framing = Self {
            carriage_return: section.carriage_return,
            ansi: section.ansi,
            grouping,
            header: header(section)?,
            has_columns: section.header_row,
            preamble: section.preamble,
            between: section.between,
            skip: section.skip.clone(),
            lines_max: section.lines_max,
            bytes_max: section.bytes_max.as_usize(),
            line_bytes_max: line_bytes_max.as_usize(),
            flush_after: section.flush_after.0,
            is_plain: false,
        };
        framing.is_plain = matches!(framing.grouping, Grouping::Line)
            && matches!(framing.header, Header::None)
            && !framing.has_columns
            && framing.skip.is_empty()
            && framing.carriage_return == CarriageReturn::Keep
            && framing.ansi == Ansi::Keep;
        Ok(framing)
    }
}

fn grouping(section: &RecordSection) -> Result<Grouping, FrameConfigError> {
    let begins = [
        ("start", section.start.is_some()),
        ("separator", section.separator.is_some()),
        ("object", section.object.is_some()),
    ];
    only_one(begins, "each says where a record begins")?;
    let ends = [
        ("end", section.end.is_some()),
        ("lines", section.lines.is_some()),
        ("continuation", section.continuation.is_some()),
    ];
    only_one(ends, "each says where a record ends")?;
    let first = |keys: [(&'static str, bool); 3]| keys.into_iter().find(|(_, is_set)| *is_set).map(|(key, _)| key);
    if let (Some(first @ ("separator" | "object")), Some(second)) = (first(begins), first(ends)) {
        return Err(FrameConfigError::Exclusive { first, second, why: "both say where a record ends" });
    }
    if section.element.is_some() && section.object != Some(ObjectForm::Xml) {
        return Err(FrameConfigError::Alone { key: "element", needs: "object = \"xml\"" });
    }
    let is_name = |name: &&String| !name.is_empty() && !name.contains(['<', '>', '/', ' ', '\'', '"']);
    if let Some(element) = section.element.as_ref().filter(|name| !is_name(name)) {
        return Err(FrameConfigError::Element(element.clone()));
    }
    let rest = match (&section.end, section.lines, &section.continuation) {
        (Some(end), _, _) => Rest::End(end.clone()),
        (_, Some(lines), _) if lines > section.lines_max => {
            return Err(FrameConfigError::LinesMax { lines, lines_max: section.lines_max });
        }
        (_, Some(lines), _) => Rest::Lines(lines),
        (_, _, Some(continuation)) => Rest::Continuation(continuation.clone()),
        (None, None, None) => Rest::Open,
    };
    Ok(match (&section.start, &section.separator, section.object, rest) {
        (Some(start), _, _, rest) => Grouping::Start(start.clone(), rest),
        (_, Some(separator), _, _) => Grouping::Separator(separator.clone()),
        (_, _, Some(ObjectForm::Json), _) => Grouping::Object(Object::Json),
        (_, _, Some(ObjectForm::Xml), _) => {
            Grouping::Object(section.element.clone().map_or(Object::Document, Object::Element))
        }
        (None, None, None, Rest::Open) => Grouping::Line,
        (None, None, None, rest) => Grouping::Chained(rest),
    })
}

fn header(section: &RecordSection) -> Result<Header, FrameConfigError> {
    match (&section.header_until, section.header_lines, section.header_count) {
        (Some(_), Some(_), _) => Err(FrameConfigError::Exclusive {
            first: "header_until",
            second: "header_lines",
            why: "both say where the header ends",
        }),
        (None, _, Some(_)) => Err(FrameConfigError::Alone { key: "header_count", needs: "header_until" }),
        (Some(pattern), None, count) => Ok(Header::Until { pattern: pattern.clone(), count: count.unwrap_or(1) }),
        (None, Some(lines), None) => Ok(Header::Lines(lines)),
        (None, None, None) => Ok(Header::None),
    }
}

fn only_one(keys: [(&'static str, bool); 3], why: &'static str) -> Result<(), FrameConfigError> {
    let mut set = keys.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key);
    match (set.next(), set.next()) {
        (Some(first), Some(second)) => Err(FrameConfigError::Exclusive { first, second, why }),
        _ => Ok(()),
    }
}
