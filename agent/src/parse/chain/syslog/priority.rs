//! `<PRI>`: eight times the facility plus the severity.

/// The number in the angle brackets that `line` begins with, and what comes after it.
pub(super) fn read(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
    let is_number = matches!(number.len(), 1..=3) && number.bytes().all(|digit| digit.is_ascii_digit());
    let priority: u32 = number.parse().ok().filter(|_| is_number)?;
    (priority <= 191).then_some((priority, rest))
}

/// The keyword of the facility, as RFC 5427 and glibc name it.
pub(super) fn facility(priority: u32) -> &'static str {
    const NAMES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
        "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ];
    NAMES.get(priority as usize / 8).copied().unwrap_or_default()
}
