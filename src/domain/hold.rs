//! Legal holds: what must not be purged, whatever the plan says.

use super::id::Id;
use super::kind::ResourceName;
use super::time::Time;

/// Something that is kept until it is released. Holds are never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its own id.
    pub id: Id,
    /// What is held.
    pub target: Target,
    /// Why, in words.
    pub reason: String,
    /// When it was placed.
    pub placed_at: Time,
    /// Who placed it.
    pub placed_by: Option<Id>,
    /// When it was released, if it was.
    pub released_at: Option<Time>,
    /// Who released it.
    pub released_by: Option<Id>,
}

/// What is held: the events …
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// … of an organization and of all that is below it, now or when they were recorded.
    Organization(Id),
    /// … by a user, and on the user's own record.
    User(Id),
    /// … on one record.
    Record {
        /// The kind of record.
        resource_name: ResourceName,
        /// The kind of the application's own, for a custom one.
        custom_resource: Option<Id>,
        /// The record's id.
        resource_id: Id,
    },
}

impl Hold {
    /// Whether it still holds.
    pub const fn is_active(&self) -> bool {
        self.released_at.is_none()
    }
}
