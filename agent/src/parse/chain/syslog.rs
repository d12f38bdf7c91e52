//! Syslog as it is sent and as it is stored: RFC 5424, RFC 3164 and what is written in their place.
//!
//! The standards are met first, then the habits: rsyslog and `systemd` store lines without `<PRI>` and with times of ISO
//! 8601, `logger` leaves out the host, Cisco counts its messages and puts a star before a clock that is not set, NSX
//! writes RFC 5424 without its beginning.

mod header;
mod priority;
mod structured_data;

use std::borrow::Cow;

use self::header::{Header, Reader};
use super::{Clues, StepContext};
use crate::parse::timestamp::WrittenTime;
use crate::parse::{Findings, fields, level, text_start};

/// Reads a record that has a `<PRI>`, or the time of a syslog line and something after it that may be a host.
pub(super) fn read<'a>(
    context: &StepContext<'_>,
    text: &'a str,
    out: &mut Findings<'a>,
    clues: &mut Clues<'a>,
) -> bool {
    let start = text_start(text);
    let line = text[start..].trim_ascii_start();
    let (priority, line) = match priority::read(line) {
        Some((priority, rest)) => (Some(priority), rest),
        None => (None, line),
    };
    let reader = Reader { context: &context.text, has_priority: priority.is_some() };
    let found = reader.rfc5424(line).or_else(|| reader.rfc3164(line));
    let Some((time, header)) = found.or_else(|| priority.map(|_| (None, Header::of_message(line)))) else {
        return false;
    };
    keep(priority, time, &header, out, clues);
    true
}

fn keep<'a>(
    priority: Option<u32>,
    time: Option<WrittenTime>,
    header: &Header<'a>,
    out: &mut Findings<'a>,
    clues: &mut Clues<'a>,
) {
    clues.own_time = time;
    clues.level.severity = priority.map(level::of_syslog_priority).or(header.level);
    let members = &mut out.fields;
    if let Some(priority) = priority {
        fields::push_integer_member(members, "syslog.priority", priority);
        fields::push_text_member(members, "syslog.facility.name", priority::facility(priority));
        fields::push_text_member(members, "syslog.severity.name", level::of_syslog_priority(priority).text);
    }
    for (key, value) in
        [("host.hostname", header.host), ("process.name", header.program), ("syslog.msgid", header.message_id)]
    {
        if let Some(value) = value {
            fields::push_text_member(members, key, value);
        }
    }
    if let Some(pid) = header.pid {
        fields::push_value_member(members, "process.pid", pid, fields::DecimalSign::Point);
    }
    if let Some(data) = header.structured_data {
        structured_data::push_member(members, "syslog.structured_data", data);
    }
    out.message = Some(Cow::Borrowed(header.message));
}

#[cfg(test)]
mod tests;
