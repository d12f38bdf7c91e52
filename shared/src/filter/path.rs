//! A dotted path, and the walk along it through documents and arrays.

use std::fmt;

use serde_json::Value;

/// A dotted path, split once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    segments: Vec<Segment>,
}

/// One name on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    name: String,
    index: Option<usize>,
}

impl Segment {
    /// The name, as it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The place in an array that the name stands for, if it is a number in its usual spelling (`01` is only a name).
    pub fn index(&self) -> Option<usize> {
        self.index
    }
}

/// Where a path ends at an array: is it the elements and the array, or only the array, that are looked at?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    ElementsAndArray,
    ArrayOnly,
}

impl Path {
    pub(super) fn new(dotted: &str) -> Self {
        let segments = dotted.split('.').map(|name| Segment { name: name.to_owned(), index: index(name) }).collect();
        Self { segments }
    }

    /// The names along the path, at least one; any of them may be empty.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Asks `found` about everything the path leads to, until it says yes. `None` is a place where nothing is.
    ///
    /// `root` is an object, or an array, which then is looked at as an object whose names are 0, 1, 2, ...
    pub(super) fn any<'v>(
        &self,
        root: &'v Value,
        leaf: Leaf,
        mut found: impl FnMut(Option<&'v Value>) -> bool,
    ) -> bool {
        walk(root, &self.segments, leaf, &mut found)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, segment) in self.segments.iter().enumerate() {
            if number > 0 {
                formatter.write_str(".")?;
            }
            formatter.write_str(&segment.name)?;
        }
        Ok(())
    }
}

fn index(name: &str) -> Option<usize> {
    let usual = name == "0" || (!name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit()));
    if usual { name.parse().ok() } else { None }
}

fn child<'v>(container: &'v Value, segment: &Segment) -> Option<&'v Value> {
    match container {
        Value::Object(fields) => fields.get(&segment.name),
        Value::Array(items) => items.get(segment.index?),
        _ => None,
    }
}

/// Goes down through objects as far as they reach. The first array on the way is handed to [`walk_array`].
fn walk<'v>(
    root: &'v Value,
    segments: &[Segment],
    leaf: Leaf,
    found: &mut impl FnMut(Option<&'v Value>) -> bool,
) -> bool {
    let mut container = root;
    let mut segments = segments;
    while let Some((segment, rest)) = segments.split_first() {
        let Some(value) = child(container, segment) else { return found(None) };
        match value {
            Value::Array(items) => return walk_array(value, items, rest, leaf, found),
            Value::Object(_) => container = value,
            _ if rest.is_empty() => return found(Some(value)),
            _ => return found(None),
        }
        segments = rest;
    }
    found(Some(container))
}

/// An array stands for its elements: a name is looked up in each that is an object, and a number also is a place in it.
///
/// An element that is an array itself is entered by a number alone. Where that number ends the path the element is taken
/// as it is, its own elements are not. An empty name at the end of the path is as if it were not there.
fn walk_array<'v>(
    array: &'v Value,
    items: &'v [Value],
    rest: &[Segment],
    leaf: Leaf,
    found: &mut impl FnMut(Option<&'v Value>) -> bool,
) -> bool {
    let Some((next, after_next)) =
        rest.split_first().filter(|(next, after)| !next.name.is_empty() || !after.is_empty())
    else {
        return (leaf == Leaf::ElementsAndArray && items.iter().any(|item| found(Some(item)))) || found(Some(array));
    };
    for (position, item) in items.iter().enumerate() {
        if item.is_object() && walk(item, rest, leaf, found) {
            return true;
        }
        if next.index != Some(position) {
            continue;
        }
        let is_found = match item {
            _ if after_next.is_empty() => found(Some(item)),
            Value::Object(_) => walk(item, after_next, leaf, found),
            Value::Array(items) => walk_array(item, items, after_next, leaf, found),
            _ => false,
        };
        if is_found {
            return true;
        }
    }
    false
}
