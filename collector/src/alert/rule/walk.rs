//! What a path leads to, in the filter language's sense: all of it, where the filter itself stops at the first value that
//! suits it.

use labtrail_shared::filter::{Path, Segment};
use serde_json::Value;

/// Where a path ends at an array: are its elements and the array shown, or only the array?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    ElementsAndArray,
    ArrayOnly,
}

/// Shows every value that a path leads to. Whatever `Filter` finds at the path is among them.
pub(super) fn each_value<'v>(document: &'v Value, path: &Path, leaf: Leaf, visit: &mut impl FnMut(&'v Value)) {
    walk(document, path.segments(), leaf, visit);
}

fn walk<'v>(root: &'v Value, segments: &[Segment], leaf: Leaf, visit: &mut impl FnMut(&'v Value)) {
    let mut container = root;
    let mut segments = segments;
    while let Some((segment, rest)) = segments.split_first() {
        let child = match container {
            Value::Object(fields) => fields.get(segment.name()),
            Value::Array(items) => segment.index().and_then(|index| items.get(index)),
            _ => None,
        };
        let Some(value) = child else { return };
        if let Value::Array(items) = value {
            return walk_array(value, items, rest, leaf, visit);
        }
        container = value;
        segments = rest;
    }
    visit(container);
}

/// An array stands for those of its elements that are objects, and a number also is a place in it.
fn walk_array<'v>(
    array: &'v Value,
    items: &'v [Value],
    rest: &[Segment],
    leaf: Leaf,
    visit: &mut impl FnMut(&'v Value),
) {
    // An empty name at the end of the path is as if it were not there.
    let Some((next, after_next)) =
        rest.split_first().filter(|(next, after)| !next.name().is_empty() || !after.is_empty())
    else {
        if leaf == Leaf::ElementsAndArray {
            items.iter().for_each(&mut *visit);
        }
        return visit(array);
    };
    for (position, item) in items.iter().enumerate() {
        if item.is_object() {
            walk(item, rest, leaf, visit);
        }
        if next.index() != Some(position) {
            continue;
        }
        match item {
            _ if after_next.is_empty() => visit(item),
            Value::Object(_) => walk(item, after_next, leaf, visit),
            Value::Array(items) => walk_array(item, items, after_next, leaf, visit),
            _ => {}
        }
    }
}
