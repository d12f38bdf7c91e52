//! The mark from which the next page goes on: opaque to the client, and only good for the question it was given to.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use labtrail_shared::filter::Filter;
use xxhash_rust::xxh3::xxh3_64;

use crate::store::{Criteria, Order, Position};

const VERSION: u8 = 1;

/// Writes the place as a cursor of that question.
pub(super) fn write(criteria: &Criteria, order: Order, position: &Position) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&question(criteria, order).to_le_bytes());
    bytes.extend_from_slice(&position.time.to_le_bytes());
    bytes.extend_from_slice(position.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor that was given to the same question.
pub(super) fn read(text: &str, criteria: &Criteria, order: Order) -> Result<Position, String> {
    let broken = || "it is not a cursor of this collector: begin again without one".to_owned();
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?;
    let (version, rest) = bytes.split_first().ok_or_else(broken)?;
    let (hash, rest) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
    let (time, id) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
    let id = String::from_utf8(id.to_vec()).map_err(|_| broken())?;
    if *version != VERSION {
        return Err(broken());
    }
    if u64::from_le_bytes(*hash) != question(criteria, order) {
        return Err("it belongs to another question: keep order, from, to, level, q and filter as they were on the \
                    first page, or begin again without a cursor"
            .to_owned());
    }
    Ok(Position { time: i64::from_le_bytes(*time), id })
}

fn question(criteria: &Criteria, order: Order) -> u64 {
    let Criteria { filter, text, level_min, from, to, archived } = criteria;
    let filter = filter.as_ref().map(Filter::to_string);
    xxh3_64(format!("{order:?} {filter:?} {text:?} {level_min:?} {from:?} {to:?} {archived:?}").as_bytes())
}
