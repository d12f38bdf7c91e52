//! The types of BSON, by number and by name, as `$type` asks for them.

use serde_json::Value;

use super::order::Number;

/// The BSON types that a JSON document can hold. An integer is an `Int` if 32 bits hold it and a `Long` otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of BSON")]
pub enum Kind {
    Double = 1,
    String = 2,
    Object = 3,
    Array = 4,
    Bool = 8,
    Null = 10,
    Int = 16,
    Long = 18,
}

impl Kind {
    /// The type of a value.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::String(_) => Kind::String,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
            Value::Number(number) => match Number::of(number) {
                Number::Double(_) => Kind::Double,
                Number::Integer(integer) if i32::try_from(integer).is_ok() => Kind::Int,
                Number::Integer(_) => Kind::Long,
            },
        }
    }
}

/// The types that one `$type` asks for, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds {
    /// BSON's numbers of the types, and [`NUMBER`].
    codes: Vec<i32>,
}

/// Stands for "number", which is any of the numeric types.
const NUMBER: i32 = 0;

/// Every type of BSON. Those that JSON cannot hold are legal to ask for and never found.
const NAMES: &[(&str, i32)] = &[
    ("double", 1),
    ("string", 2),
    ("object", 3),
    ("array", 4),
    ("binData", 5),
    ("undefined", 6),
    ("objectId", 7),
    ("bool", 8),
    ("date", 9),
    ("null", 10),
    ("regex", 11),
    ("dbPointer", 12),
    ("javascript", 13),
    ("symbol", 14),
    ("javascriptWithScope", 15),
    ("int", 16),
    ("timestamp", 17),
    ("long", 18),
    ("decimal", 19),
    ("minKey", -1),
    ("maxKey", 127),
    ("number", NUMBER),
];

impl Kinds {
    /// Reads what stands behind `$type`: a number, a name, or an array of them.
    pub(super) fn read(wanted: &Value) -> Option<Self> {
        let mut codes = match wanted {
            Value::Array(all) => all.iter().map(code).collect::<Option<Vec<_>>>()?,
            one => vec![code(one)?],
        };
        codes.sort_unstable();
        codes.dedup();
        (!codes.is_empty()).then_some(Self { codes })
    }

    /// Whether a type is among them.
    pub fn contain(&self, kind: Kind) -> bool {
        let is_number = matches!(kind, Kind::Double | Kind::Int | Kind::Long);
        self.codes.iter().any(|code| *code == kind as i32 || (is_number && *code == NUMBER))
    }

    /// As `$type` reads them.
    pub fn to_json(&self) -> Value {
        let names = self.codes.iter().filter_map(|code| NAMES.iter().find(|(_, known)| known == code));
        let mut names: Vec<Value> = names.map(|(name, _)| Value::from(*name)).collect();
        if names.len() == 1 { names.remove(0) } else { Value::Array(names) }
    }
}

fn code(wanted: &Value) -> Option<i32> {
    match wanted {
        Value::String(wanted) => NAMES.iter().find(|(name, _)| name == wanted).map(|(_, code)| *code),
        Value::Number(number) => {
            let wanted = i32::try_from(Number::of(number).as_integer()?).ok()?;
            NAMES.iter().find(|(_, code)| *code == wanted && wanted != NUMBER).map(|(_, code)| *code)
        }
        _ => None,
    }
}
