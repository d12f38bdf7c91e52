//! What an event's type and level can be, for the description of the interface.

use std::borrow::Cow;

use labtrail_shared::{event_type::EventType, level::LogLevel};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// The types of events.
pub(super) struct EventTypeDocument;

impl PartialSchema for EventTypeDocument {
    fn schema() -> RefOr<Schema> {
        let names = EventType::ALL.iter().map(|event_type| event_type.name());
        let object = ObjectBuilder::new().schema_type(Type::String).description(Some("What kind of thing happened."));
        object.enum_values(Some(names)).into()
    }
}

impl ToSchema for EventTypeDocument {
    fn name() -> Cow<'static, str> {
        "EventType".into()
    }
}

/// The levels of events.
pub(super) struct LevelDocument;

impl PartialSchema for LevelDocument {
    fn schema() -> RefOr<Schema> {
        let numbers = LogLevel::ALL.into_iter().map(|level| i32::from(level.number()));
        let object = ObjectBuilder::new().schema_type(Type::Integer).description(Some("How grave it is."));
        object.enum_values(Some(numbers)).into()
    }
}

impl ToSchema for LevelDocument {
    fn name() -> Cow<'static, str> {
        "EventLogLevel".into()
    }
}
