//! Which events somebody asks for.

use super::id::Id;
use super::kind::{EventType, ResourceName};
use super::time::Time;

/// Conditions on events; they combine with AND, and one that is `None` selects everything.
///
/// The organizations asked for are not here: they narrow the [`Scope`](super::viewer::Scope).
/// `store::filter` takes this apart without `..`, so a field added here does not compile until it
/// is translated there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Who acted.
    pub acting_users: Option<ActingUsers>,
    /// One of these types.
    pub event_types: Option<Vec<EventType>>,
    /// One of these kinds of record.
    pub resource_names: Option<Vec<ResourceName>>,
    /// One of the tenant's own kinds of record.
    pub custom_resources: Option<Vec<Id>>,
    /// The record with this id.
    pub resource_id: Option<Id>,
    /// A change of exactly this field.
    pub changed_field: Option<String>,
    /// At this time or later.
    pub occurred_after: Option<Time>,
    /// At this time or earlier.
    pub occurred_before: Option<Time>,
}

/// The users an event may be by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingUsers {
    /// One of these users …
    pub ids: Vec<Id>,
    /// … or nobody: an automatic action.
    pub or_nobody: bool,
}

/// What two conditions on the same thing leave: both must hold.
pub fn intersect<T: PartialEq>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.into_iter().filter(|item| b.contains(item)).collect()),
        (a, b) => a.or(b),
    }
}
