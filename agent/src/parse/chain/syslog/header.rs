//! What stands before the message: time, host, program and process.

use std::sync::LazyLock;

use super::structured_data;
use crate::parse::level::{self, WrittenLevel};
use crate::parse::time::TimePattern;
use crate::parse::timestamp::{self, WrittenTime};
use crate::parse::{TextContext, header};

/// The parts of a line, as they stand in it.
#[derive(Debug, Default)]
pub(super) struct Header<'a> {
    pub(super) host: Option<&'a str>,
    pub(super) program: Option<&'a str>,
    pub(super) pid: Option<&'a str>,
    pub(super) message_id: Option<&'a str>,
    pub(super) structured_data: Option<&'a str>,
    /// The level that stands elsewhere than in `<PRI>`.
    pub(super) level: Option<WrittenLevel<'a>>,
    pub(super) message: &'a str,
}

/// Reads lines from behind their `<PRI>`.
pub(super) struct Reader<'c> {
    pub(super) context: &'c TextContext,
    pub(super) has_priority: bool,
}

type Found<'a> = Option<(Option<WrittenTime>, Header<'a>)>;

/// Cisco's `service timestamps log datetime year`.
static WITH_YEAR: LazyLock<TimePattern> =
    LazyLock::new(|| "%b %e %Y %H:%M:%S.%f".parse().expect("the pattern is tested"));

impl<'a> Header<'a> {
    pub(super) fn of_message(message: &'a str) -> Self {
        Self { message: without_mark(message.trim_ascii_start()), ..Self::default() }
    }
}

impl Reader<'_> {
    /// `1 TIME HOST PROGRAM PID MSGID DATA MESSAGE`; without `<PRI>` also without the version.
    pub(super) fn rfc5424<'a>(&self, line: &'a str) -> Found<'a> {
        let line = match line.split_once(' ') {
            Some((version, rest)) if self.has_priority && is_version(version) => rest.trim_ascii_start(),
            _ if self.has_priority => return None,
            _ => line,
        };
        let (time, rest) = if let Some(rest) = line.strip_prefix("- ") {
            (None, rest)
        } else {
            let stamp = timestamp::read_iso(line.as_bytes())?;
            (Some(stamp.time), line[stamp.length..].strip_prefix(' ')?)
        };
        if time.is_none() && !self.has_priority {
            return None;
        }
        let mut rest = rest;
        let mut token = || -> Option<&'a str> {
            let (token, after) = rest.trim_ascii_start().split_once(' ').unwrap_or((rest.trim_ascii_start(), ""));
            rest = after;
            (!token.is_empty()).then_some(token)
        };
        let (host, program, pid, message_id) = (token()?, token()?, token()?, token()?);
        let rest = rest.trim_ascii_start();
        let (structured_data, message) = match structured_data::end(rest) {
            Some(end) => (Some(&rest[..end]), &rest[end..]),
            // Without `<PRI>` only the data or its dash show that this is the form.
            None => match rest.strip_prefix('-') {
                Some(message) if message.is_empty() || message.starts_with([' ', '\n']) => (None, message),
                _ if self.has_priority => (None, rest),
                _ => return None,
            },
        };
        let level = self.level_after(line, time.is_some(), structured_data);
        let some = |token: &'a str| (token != "-").then_some(token);
        let header = Header {
            host: some(host),
            program: some(program),
            pid: some(pid),
            message_id: some(message_id),
            structured_data,
            level,
            message: without_mark(message.strip_prefix(' ').unwrap_or(message)),
        };
        Some((time, header))
    }

    /// `TIME HOST PROGRAM[PID]: MESSAGE`, where much may be missing.
    pub(super) fn rfc3164<'a>(&self, line: &'a str) -> Found<'a> {
        let before = line;
        let (line, host_before) = if self.has_priority { without_count_and_host(line) } else { (line, None) };
        let line = line.strip_prefix(['*', '.']).unwrap_or(line);
        let (time, length, is_of_syslog) = self.time(line)?;
        let rest = &line[length..];
        let level_at = before.len() - rest.len();
        let mut header = if let Some(message) = after_zone(rest).strip_prefix(": ") {
            cisco(message.trim_ascii_start())
        } else {
            tagged(rest.trim_ascii_start())
        };
        header.host = header.host.or(host_before);
        if !self.has_priority {
            header.level = header.level.or_else(|| header::find_level(before, level_at, true));
            // A time that other logs have as well does not make it syslog by itself.
            if !is_of_syslog {
                header.host.or(header.program)?;
                // "2026-11-23 10:00:01 ERROR valve stuck": what stands for the host is a level.
                if header.host.is_some_and(|host| level::of_any_case(host.as_bytes()).is_some()) {
                    return None;
                }
            }
        }
        Some((Some(time), header))
    }

    /// The time, its length, and whether only syslog writes it so.
    fn time(&self, line: &str) -> Option<(WrittenTime, usize, bool)> {
        if let Some((time, length)) = WITH_YEAR.read_whole(line.as_bytes()) {
            return Some((time, length, true));
        }
        let stamp = timestamp::read(self.context, line.as_bytes())?;
        let is_iso = line.as_bytes()[0].is_ascii_digit();
        let may_be = self.has_priority || stamp.is_syslog || is_iso;
        may_be.then_some((stamp.time, stamp.length, stamp.is_syslog))
    }

    /// A level in the structured data, for senders that left `<PRI>` out.
    fn level_after<'a>(&self, line: &'a str, has_time: bool, data: Option<&'a str>) -> Option<WrittenLevel<'a>> {
        if self.has_priority || !has_time {
            return None;
        }
        if let Some(data) = data {
            return header::find_level(data, 0, false);
        }
        let end = timestamp::read_iso(line.as_bytes())?.length;
        header::find_level(line, end, true)
    }
}

fn is_version(text: &str) -> bool {
    matches!(text.len(), 1..=2) && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// The message without the byte order mark that RFC 5424 puts before UTF-8.
fn without_mark(message: &str) -> &str {
    message.strip_prefix('\u{feff}').unwrap_or(message)
}

/// Skips what Cisco's switches put before the time: `4321: `, and `host: ` with `logging origin-id`.
fn without_count_and_host(line: &str) -> (&str, Option<&str>) {
    let (mut line, mut host) = (line.trim_ascii_start(), None);
    for _ in 0..3 {
        let Some((word, rest)) = line.split_once(": ") else { break };
        let is_word =
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if !is_word {
            break;
        }
        if !word.bytes().all(|digit| digit.is_ascii_digit()) {
            host = Some(word);
        }
        line = rest.trim_ascii_start();
    }
    (line, host)
}

/// Skips ` UTC` or ` CEST` between a time and its colon.
fn after_zone(rest: &str) -> &str {
    let word = rest.trim_start_matches(' ');
    let letters = word.bytes().take_while(u8::is_ascii_uppercase).count();
    if word[letters..].starts_with(": ") { &word[letters..] } else { rest }
}

/// `%SYS-5-CONFIG_I: Configured from console`: the mnemonic says what it is and how grave.
fn cisco(message: &str) -> Header<'_> {
    let mut header = Header { message, ..Header::default() };
    let Some((mnemonic, _)) = message.strip_prefix('%').and_then(|rest| rest.split_once(": ")) else { return header };
    let severity = mnemonic.split('-').rev().nth(1).and_then(|digit| digit.parse::<u32>().ok()).filter(|one| *one <= 7);
    if let Some(severity) = severity {
        header.message_id = Some(mnemonic);
        header.level = Some(level::of_syslog_priority(severity));
    }
    header
}

/// `host program[pid]: message`, or without the host, or without the program.
fn tagged(rest: &str) -> Header<'_> {
    if let Some(header) = tag(rest) {
        return header;
    }
    let Some((host, after)) = rest.split_once(' ') else {
        return Header { message: rest, ..Header::default() };
    };
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b".-_:%/@".contains(&byte);
    let is_host = host.bytes().all(is_of_host) && host.bytes().any(|byte| byte.is_ascii_alphanumeric());
    if !is_host {
        return Header { message: rest, ..Header::default() };
    }
    let after = after.trim_ascii_start();
    match tag(after) {
        Some(header) => Header { host: Some(host), ..header },
        None => Header { host: Some(host), message: after, ..Header::default() },
    }
}

/// `program[pid]: message` and `program: message`.
fn tag(text: &str) -> Option<Header<'_>> {
    let is_of_program = |byte: &u8| !byte.is_ascii_whitespace() && !matches!(byte, b':' | b'[' | b']');
    let length = text.bytes().take_while(is_of_program).count();
    let (program, rest) = text.split_at(length);
    if program.is_empty() {
        return None;
    }
    if let Some((pid, rest)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let is_pid = !pid.is_empty() && !pid.contains([' ', '=', '"']);
        let message = rest.strip_prefix(':').unwrap_or(rest).trim_start_matches(' ');
        return is_pid.then_some(Header { program: Some(program), pid: Some(pid), message, ..Header::default() });
    }
    let message = rest.strip_prefix(':')?;
    // `10:20` is a time and `::1` an address.
    let is_end = message.is_empty() || message.starts_with(|next: char| next.is_ascii_whitespace());
    is_end.then_some(Header { program: Some(program), message: message.trim_start_matches(' '), ..Header::default() })
}
