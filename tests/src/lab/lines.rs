//! Comparing what was written with what is stored.

use super::stored_event::StoredEvent;

/// Of each kind of mistake so many lines are shown, for there may be thousands.
const SHOWN_MAX: usize = 5;
const SHOWN_CHARACTERS_MAX: usize = 80;

/// Asserts that the messages are these lines, each as often as it was written, in whatever order.
#[track_caller]
pub fn assert_stored_once(written: &[String], stored: &[StoredEvent]) {
    let mut written: Vec<&str> = written.iter().map(String::as_str).collect();
    let mut stored: Vec<&str> = stored.iter().map(StoredEvent::message).collect();
    written.sort_unstable();
    stored.sort_unstable();
    let missing = without(&written, &stored);
    let surplus = without(&stored, &written);
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "{} lines are missing: {:#?}\n{} lines are stored too often or were never written: {:#?}",
        missing.len(),
        beginnings(&missing),
        surplus.len(),
        beginnings(&surplus),
    );
}

/// What is in `lines` more often than in `others`. Both are sorted.
fn without<'a>(lines: &[&'a str], others: &[&str]) -> Vec<&'a str> {
    let mut others = others.iter().peekable();
    let mut left = Vec::new();
    for line in lines {
        while others.next_if(|other| *other < line).is_some() {}
        if others.next_if(|other| *other == line).is_none() {
            left.push(*line);
        }
    }
    left
}

fn beginnings(lines: &[&str]) -> Vec<String> {
    lines.iter().take(SHOWN_MAX).map(|line| line.chars().take(SHOWN_CHARACTERS_MAX).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn lines_are_counted() {
        assert_eq!(without(&["a", "b", "b", "c"], &["b", "c", "d"]), ["a", "b"]);
        assert_eq!(without(&["b", "c", "d"], &["a", "b", "b", "c"]), ["d"]);
        assert!(without(&[], &["a"]).is_empty());
    }
}
