//! All that a tenant's events are recorded and read by.

use super::id::Id;
use super::tree::Tree;

/// A tenant as it was set up at one revision. Whatever changes any of it raises the revision, so that
/// two snapshots of one revision are equal.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The root organization.
    pub id: Id,
    /// Which state of the settings this is.
    pub revision: i64,
    /// The organizations.
    pub tree: Tree,
}
