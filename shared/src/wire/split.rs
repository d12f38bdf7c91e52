//! Cuts a batch in two where it is too large for whoever is to take it.

use super::{
    Batch,
    decode::{Line, decode},
};

/// A body of one batch, and how many event lines it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Envelope and event lines.
    pub body: Vec<u8>,
    /// How many event lines.
    pub count: u32,
}

/// Cuts a body of one batch near its middle. The lines stay as they are; the envelope of the second part says where the
/// first one ended, so that both together mean what the whole meant. `None` where there is nothing to cut: the body is
/// not one batch, holds fewer than two events, or cannot be read up to the cut.
pub fn split(body: &[u8]) -> Option<(Part, Part)> {
    let batches = decode(body).ok()?;
    let [batch] = &batches[..] else { return None };
    let total: usize = batch.lines.iter().map(|line| line.len()).sum();
    let mut bytes = 0;
    let crosses_middle = |line: &&[u8]| {
        bytes += line.len();
        bytes * 2 > total
    };
    let middle = batch.lines.iter().position(crosses_middle)?;
    split_at(batch, middle.max(1))
}

/// Cuts a batch before its line of this index.
pub(super) fn split_at(batch: &Batch<'_>, index: usize) -> Option<(Part, Part)> {
    if index == 0 || index >= batch.lines.len() {
        return None;
    }
    let (first, second) = batch.lines.split_at(index);
    let mut rest = batch.envelope.clone();
    for line in first {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        rest.offset = rest.offset.checked_add(line.o)?;
        if let Some(difference) = line.t {
            rest.time = Some(rest.time.unwrap_or(0).wrapping_add(difference));
        }
        if let Some(zone_offset) = line.z {
            rest.zone_offset = zone_offset;
        }
    }
    Some((part(&batch.envelope, first), part(&rest, second)))
}

fn part(envelope: &super::Envelope, lines: &[&[u8]]) -> Part {
    let mut body = serde_json::to_vec(envelope).expect("an envelope has only text keys and goes to memory");
    body.reserve(lines.iter().map(|line| line.len() + 1).sum::<usize>() + 1);
    body.push(b'\n');
    for line in lines {
        body.extend_from_slice(line);
        body.push(b'\n');
    }
    Part { body, count: lines.len() as u32 }
}
