//! How many events there are of each kind.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::kind::{EventType, ResourceName};

/// How many events there are of each kind, a kind being a record's and an event's type. Differences are
/// tallies too: of them a kind may have less than none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally<'a>(BTreeMap<(&'a str, &'a str), i64>);

/// Some kinds; a condition that is none leaves all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kinds<'a> {
    /// One of these kinds of record …
    pub resource_names: Option<&'a [ResourceName]>,
    /// … and none of these …
    pub excluded_resource_names: Option<&'a [ResourceName]>,
    /// … and one of these types of event.
    pub event_types: Option<&'a [EventType]>,
}

impl<'a> Tally<'a> {
    /// Counts events of a kind.
    pub fn add(&mut self, resource_name: &'a str, event_type: &'a str, events: i64) {
        *self.0.entry((resource_name, event_type)).or_default() += events;
    }

    /// Counts what another one counted so many times.
    pub fn add_all(&mut self, other: &Self, times: i64) {
        for ((resource_name, event_type), events) in &other.0 {
            self.add(resource_name, event_type, events * times);
        }
    }

    /// The stored form, read back: a line a kind, of the record's, the type and the number. Nothing if it
    /// is none.
    pub fn stored(text: &'a str) -> Option<Self> {
        let line = |line: &'a str| {
            let mut parts = line.split(' ');
            let (resource_name, event_type) = (parts.next()?, parts.next()?);
            Some(((resource_name, event_type), parts.next()?.parse().ok()?))
        };
        text.lines().map(line).collect::<Option<_>>().map(Self)
    }

    /// The stored form.
    pub fn to_stored(&self) -> String {
        let mut text = String::new();
        for ((resource_name, event_type), events) in &self.0 {
            if *events != 0 {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{resource_name} {event_type} {events}");
            }
        }
        text
    }

    /// Whether it counts nothing of any kind.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|events| *events == 0)
    }

    /// How many there are of all kinds.
    pub fn total(&self) -> i64 {
        self.0.values().sum()
    }

    /// How many there are of some kinds.
    pub fn of(&self, kinds: &Kinds<'_>) -> i64 {
        let counted = self.0.iter().filter(|((resource_name, event_type), _)| {
            let is_resource = |name: &ResourceName| name.as_str() == *resource_name;
            kinds.resource_names.is_none_or(|names| names.iter().any(is_resource))
                && !kinds.excluded_resource_names.is_some_and(|names| names.iter().any(is_resource))
                && kinds
                    .event_types
                    .is_none_or(|types| types.iter().any(|t| t.as_str() == *event_type))
        });
        counted.map(|(_, events)| events).sum()
    }
}

impl Kinds<'_> {
    /// Whether it is all of them.
    pub const fn is_all(&self) -> bool {
        self.resource_names.is_none()
            && self.excluded_resource_names.is_none()
            && self.event_types.is_none()
    }
}
