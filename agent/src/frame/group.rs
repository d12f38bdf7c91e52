//! Which lines belong together: for each line, whether it begins a record, goes on with one, or ends it.

use serde::{Deserialize, Serialize};

use super::{
    object::{Object, Scan},
    pattern::LinePattern,
    section::Continuation,
    state::{FrameState, OpenGroup},
};

/// What makes lines a record.
#[derive(Debug, Clone)]
pub(super) enum Grouping {
    /// Each line is one.
    Line,
    /// A line that matches begins one; it goes on as `rest` says.
    Start(LinePattern, Rest),
    /// Each begins where the one before does not go on.
    Chained(Rest),
    /// Lines that match stand between records.
    Separator(LinePattern),
    /// Each is a value.
    Object(Object),
}

/// How long a record goes on.
#[derive(Debug, Clone)]
pub(super) enum Rest {
    /// To the next beginning.
    Open,
    /// Up to and with a line that matches.
    End(LinePattern),
    /// For so many lines.
    Lines(u32),
    /// As long as lines are such.
    Continuation(Continuation),
}

/// What a group of lines is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A record as the config describes it.
    Value,
    /// Lines before or between such.
    Orphan,
}

/// A group of lines that is being taken.
#[derive(Debug, Clone, Copy)]
// Each is a fact of its own; no two make a choice.
#[expect(clippy::struct_excessive_bools)]
pub(super) struct Group {
    pub kind: Kind,
    pub is_continuation: bool,
    /// Nothing more belongs to it.
    pub is_closed: bool,
    lines: u32,
    is_to_be_continued: bool,
    scan: Scan,
    /// A limit ended it before: its value may never end.
    was_split: bool,
}

/// What a line is, when no group is being taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// It begins a group, which may be complete with it.
    Begins(Group),
    /// It stands between records.
    Separates,
}

/// What a line is to the group before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// It belongs to the group.
    Belongs,
    /// The group ended before it; `is_start` says that it is known to begin the next one.
    Ended { is_start: bool },
}

impl Grouping {
    /// Looks at a line with which something begins: a record, lines between records, or the rest of what was cut.
    pub(super) fn begin(&self, text: &str, is_partial: bool, is_start_known: bool, state: &mut FrameState) -> Role {
        let open = state.open.take();
        let is_value = |open: &OpenGroup| open.kind == Kind::Value;
        let goes_on = |rest: &Rest, open: &OpenGroup| rest.goes_on(text, open.lines, open.is_to_be_continued);
        let (starts, open) = match self {
            Self::Line => (true, None),
            Self::Start(start, rest) => {
                (is_start_known || start.matches(text), open.filter(|open| !is_value(open) || goes_on(rest, open)))
            }
            Self::Chained(rest) => {
                let open = open.filter(|open| goes_on(rest, open));
                (open.is_none(), open)
            }
            Self::Separator(separator) if separator.matches(text) => {
                state.has_started = true;
                return Role::Separates;
            }
            Self::Separator(_) => (open.is_none() && state.has_started, open),
            Self::Object(object) if open.as_ref().is_some_and(is_value) => {
                (open.is_some_and(|open| open.is_split) && object.restarts(text), open)
            }
            Self::Object(object) => (object.opens(text), open),
        };
        let mut group = match open {
            Some(open) if !starts => Group::resumed(open),
            _ => Group::new(if starts { Kind::Value } else { Kind::Orphan }),
        };
        state.has_started |= starts;
        self.add(&mut group, text, false, is_partial);
        Role::Begins(group)
    }

    /// Looks at a blank line with which nothing begins; says whether it separates records.
    pub(super) fn pass_blank(&self, text: &str, is_start_known: bool, state: &mut FrameState) -> bool {
        match self {
            Self::Separator(separator) if separator.matches(text) => {
                (state.has_started, state.open) = (true, None);
                return true;
            }
            Self::Start(start, _) if is_start_known || start.matches(text) => {
                (state.has_started, state.open) = (true, None);
            }
            Self::Start(_, Rest::End(end)) | Self::Chained(Rest::End(end)) if end.matches(text) => state.open = None,
            _ => {}
        }
        if let Some(open) = &mut state.open {
            open.lines = open.lines.saturating_add(1);
            open.is_to_be_continued = false;
        }
        false
    }

    /// Whether there can be lines before the first record and between records.
    pub(super) fn has_orphans(&self) -> bool {
        matches!(self, Self::Start(..) | Self::Separator(_) | Self::Object(_))
    }

    /// Looks at the rest of a line whose beginning was given out as the end of a record.
    pub(super) fn resume(&self, text: &str, is_partial: bool, state: &mut FrameState) -> Group {
        let Some(open) = state.open.take() else {
            let group = Group::new(Kind::Value);
            return Group { is_continuation: true, is_closed: true, ..group };
        };
        let mut group = Group::resumed(open);
        // Its line is counted already.
        group.lines = group.lines.saturating_sub(1);
        self.add(&mut group, text, false, is_partial);
        group
    }

    /// Looks at a line that follows a group; where it belongs to it, it is added.
    pub(super) fn follow(&self, group: &mut Group, text: &str, is_blank: bool, is_partial: bool) -> Follows {
        let ends = match (self, group.kind) {
            (Self::Line, _) => true,
            (Self::Start(start, _), _) if start.matches(text) => return Follows::Ended { is_start: true },
            (Self::Start(_, rest) | Self::Chained(rest), Kind::Value) => {
                !is_blank && !rest.goes_on(text, group.lines, group.is_to_be_continued)
            }
            (Self::Separator(separator), _) => separator.matches(text),
            (Self::Object(object), Kind::Orphan) => object.opens(text),
            (Self::Object(object), Kind::Value) => group.was_split && object.restarts(text),
            (Self::Start(..) | Self::Chained(_), _) => false,
        };
        if ends {
            return Follows::Ended { is_start: false };
        }
        self.add(group, text, is_blank, is_partial);
        Follows::Belongs
    }

    fn add(&self, group: &mut Group, text: &str, is_blank: bool, is_partial: bool) {
        group.lines = group.lines.saturating_add(1);
        if group.kind == Kind::Orphan {
            return;
        }
        match self {
            Self::Line => group.is_closed = true,
            Self::Start(_, rest) | Self::Chained(rest) => match rest {
                Rest::Open => {}
                Rest::End(end) => group.is_closed = end.matches(text),
                Rest::Lines(lines) => group.is_closed = !is_partial && group.lines >= *lines,
                Rest::Continuation(_) if is_blank => group.is_to_be_continued = false,
                Rest::Continuation(_) => group.is_to_be_continued = text.ends_with('\\'),
            },
            Self::Separator(_) => {}
            Self::Object(object) => {
                object.feed(&mut group.scan, text, is_partial);
                group.is_closed = group.scan.is_complete();
            }
        }
    }

    /// A line of which only the beginning is known ends a value, whose braces cannot be counted any more.
    pub(super) fn close_if_unreadable(&self, group: &mut Group) {
        group.is_closed |= matches!(self, Self::Object(_));
    }
}

impl Rest {
    /// Whether a line that is not blank goes on with what stands before it.
    fn goes_on(&self, text: &str, lines: u32, is_to_be_continued: bool) -> bool {
        match self {
            Self::Open | Self::End(_) => true,
            Self::Lines(count) => lines < *count,
            Self::Continuation(Continuation::Indent) => text.starts_with([' ', '\t']),
            Self::Continuation(Continuation::Backslash) => is_to_be_continued,
            Self::Continuation(Continuation::Matching(pattern)) => pattern.matches(text),
        }
    }
}

impl Group {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            is_continuation: false,
            is_closed: false,
            lines: 0,
            is_to_be_continued: false,
            scan: Scan::default(),
            was_split: false,
        }
    }

    fn resumed(open: OpenGroup) -> Self {
        Self {
            kind: open.kind,
            is_continuation: true,
            is_closed: false,
            lines: open.lines,
            is_to_be_continued: open.is_to_be_continued,
            scan: open.scan,
            was_split: open.is_split,
        }
    }

    /// What to remember of it where it is ended by a limit or a cut; nothing if it is complete.
    pub(super) fn remembered(&self, is_split: bool) -> Option<OpenGroup> {
        (!self.is_closed).then_some(OpenGroup {
            kind: self.kind,
            lines: self.lines,
            is_to_be_continued: self.is_to_be_continued,
            scan: self.scan,
            is_split: is_split || self.was_split,
        })
    }
}
