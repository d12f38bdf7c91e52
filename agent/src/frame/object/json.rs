//! Braces and brackets of JSON, outside of strings.

use super::{Mode, Scan};

/// Reads one more line. A string cannot hold a line end, so one that is still open there is broken and ends with it.
pub(super) fn feed(scan: &mut Scan, line: &str, is_partial: bool) {
    for byte in line.bytes() {
        match (scan.mode, byte) {
            (Mode::String, b'\\') => scan.mode = Mode::Escaped,
            (Mode::String, b'"') => scan.mode = Mode::Outside,
            (Mode::String, _) => {}
            (Mode::Escaped, _) | (_, b'"') => scan.mode = Mode::String,
            (_, b'{' | b'[') => {
                scan.depth = scan.depth.saturating_add(1);
                scan.has_opened = true;
            }
            (_, b'}' | b']') => scan.depth = scan.depth.saturating_sub(1),
            _ => {}
        }
    }
    if !is_partial {
        scan.mode = Mode::Outside;
    }
}
