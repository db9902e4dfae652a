//! The enums. Those of event types and resource names are made from the registry in `domain::kind`,
//! so that a row added there is in the schema, with its documentation.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaEnumValue, MetaType, MetaTypeId, Registry};
use async_graphql::{
    ContextSelectionSet, Enum, InputType, InputValueError, InputValueResult, Name, OutputType,
    Positioned, ServerResult, Value,
};

use crate::domain::kind::{EventType, LogOfReads, Outcome, ResourceName, View};
use crate::domain::note::Kind;
use crate::domain::page::Order;
use crate::domain::viewer::Hierarchy;

macro_rules! registry_enum {
    ($type:ty, $name:literal, $about:literal) => {
        impl InputType for $type {
            type RawValueType = Self;

            fn type_name() -> Cow<'static, str> {
                $name.into()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                registry.create_input_type::<Self, _>(MetaTypeId::Enum, |_| {
                    meta($name, $about, rows::<Self>(Self::ALL))
                })
            }

            fn parse(value: Option<Value>) -> InputValueResult<Self> {
                let value = value.unwrap_or_default();
                let row = match &value {
                    Value::Enum(name) => Self::parse(name),
                    Value::String(name) => Self::parse(name),
                    _ => return Err(InputValueError::expected_type(value)),
                };
                row.ok_or_else(|| {
                    InputValueError::custom(format!("{value} is not one of its values"))
                })
            }

            fn to_value(&self) -> Value {
                Value::Enum(Name::new(self.as_str()))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }

        impl OutputType for $type {
            fn type_name() -> Cow<'static, str> {
                $name.into()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <Self as InputType>::create_type_info(registry)
            }

            async fn resolve(
                &self,
                _: &ContextSelectionSet<'_>,
                _: &Positioned<Field>,
            ) -> ServerResult<Value> {
                Ok(InputType::to_value(self))
            }
        }

        impl Row for $type {
            fn row(&self) -> (&'static str, &'static str) {
                (self.as_str(), self.about())
            }
        }
    };
}

registry_enum!(EventType, "AuditEventType", "What was done to the record.");
registry_enum!(LogOfReads, "LogOfReads", "Which reads of the log leave an event in it.");
registry_enum!(ResourceName, "AuditEventResourceName", "What kind of record it was done to.");
registry_enum!(Outcome, "AuditEventOutcome", "How it ended.");
registry_enum!(View, "AuditLogView", "Whose actions a membership shows.");

/// Which tree of organizations events are rolled up by.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "AuditLogHierarchy", remote = "Hierarchy")]
pub enum HierarchyKey {
    /// As it stands now: the events of an organization are in the logs of those it is below today.
    Current,
    /// As it stood when each event was recorded.
    AtEvent,
}

/// A row of the registry: its name and what it stands for.
trait Row {
    fn row(&self) -> (&'static str, &'static str);
}

fn rows<T: Row>(all: &[T]) -> Vec<(&'static str, &'static str)> {
    all.iter().map(Row::row).collect()
}

fn meta(name: &str, about: &str, rows: Vec<(&'static str, &'static str)>) -> MetaType {
    let values: IndexMap<_, _> = rows
        .into_iter()
        .map(|(name, about)| {
            let value = MetaEnumValue {
                name: name.to_owned(),
                description: Some(about.to_owned()),
                deprecation: Default::default(),
                visible: None,
                inaccessible: false,
                tags: Vec::new(),
                directive_invocations: Vec::new(),
            };
            (name.to_owned(), value)
        })
        .collect();
    MetaType::Enum {
        name: name.to_owned(),
        description: Some(about.to_owned()),
        enum_values: values,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

/// What the list is ordered by. Events that are alike in it come by time, and those of the same time
/// by sequence, in the same direction. Text is compared by code point, and what an event has none of
/// is as empty text.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "AuditEventOrderKeys", remote = "Order")]
pub enum OrderKey {
    /// Oldest first.
    OccurredAtAsc,
    /// Newest first.
    OccurredAtDesc,
    /// In the order of recording. Polling with this and the last cursor delivers every event exactly
    /// once, those that happened earlier but were recorded late included.
    SequenceAsc,
    /// Last recorded first.
    SequenceDesc,
    /// By the id of the acting user; automatic actions first.
    ActingUserAsc,
    /// By the id of the acting user, backward; automatic actions last.
    ActingUserDesc,
    /// By type, custom ones by their names.
    TypeAsc,
    /// By type, backward.
    TypeDesc,
    /// By the kind of record, custom ones by their names, and then by the record's id.
    ResourceAsc,
    /// By the kind of record and then by the record's id, backward.
    ResourceDesc,
    /// By the first 255 characters of the page; events without one first.
    PageAsc,
    /// By the first 255 characters of the page, backward; events without one last.
    PageDesc,
    /// By IP address, IPv4 ones as their IPv4-mapped IPv6 addresses; events without one first.
    IpAddressAsc,
    /// By IP address, backward; events without one last.
    IpAddressDesc,
}

/// What a line of a record's timeline is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "ResourceNoteKind", remote = "Kind")]
pub enum NoteKind {
    /// A note by a user.
    TimestampNote,
    /// A note that the server wrote by a rule.
    StatusNote,
    /// Whatever else was done to the record.
    Event,
}
