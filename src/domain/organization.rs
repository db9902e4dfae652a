//! Organizations: what each one is; `tree` says how they hang together.

use super::id::Id;
use super::time::Time;

/// A node of a tenant's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The root of its tree; itself for a root.
    pub tenant_id: Id,
    /// Its id in the audited application.
    pub id: Id,
    /// The organization above it; none for a root.
    pub parent_id: Option<Id>,
    /// How far below the root it is.
    pub depth: i64,
    /// Its name, for people.
    pub name: String,
    /// When it was added.
    pub created_at: Time,
}
