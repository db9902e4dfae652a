//! Who asks, and how far they may look.

use super::id::Id;

/// What a user is and may do in an organization and, by it, in all of its descendants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The membership's own id.
    pub id: Id,
    /// The user it belongs to.
    pub user_id: Id,
    /// The organization it is in.
    pub organization_id: Id,
    /// May administer, and may view the log.
    pub is_owner: bool,
    /// May view the log.
    pub can_view_audit_log: bool,
    /// May record events.
    pub can_record: bool,
}

/// A right that a membership gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// To read the audit log.
    ViewAuditLog,
    /// To record events.
    Record,
    /// To manage organizations, users, memberships and API keys.
    Administer,
}

/// An authenticated user with the memberships they hold at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The tenant the user belongs to.
    pub tenant_id: Id,
    /// The user's id.
    pub user_id: Id,
    /// Every membership of the user, read for this request.
    pub memberships: Vec<Membership>,
}

impl Membership {
    /// Whether this membership gives the right.
    pub const fn gives(&self, permission: Permission) -> bool {
        match permission {
            Permission::ViewAuditLog => self.can_view_audit_log || self.is_owner,
            Permission::Record => self.can_record,
            Permission::Administer => self.is_owner,
        }
    }
}

impl Viewer {
    /// The organizations in which the viewer holds the right directly.
    pub fn organizations_with(&self, permission: Permission) -> Vec<Id> {
        self.memberships
            .iter()
            .filter(|membership| membership.gives(permission))
            .map(|membership| membership.organization_id.clone())
            .collect()
    }

    /// Whether the viewer holds the right anywhere.
    pub fn may(&self, permission: Permission) -> bool {
        self.memberships.iter().any(|m| m.gives(permission))
    }
}

/// The part of one tenant that somebody may see. Every read of events takes one; `Store::scope` and
/// `Store::narrow` derive it from memberships and the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    tenant_id: Id,
    organizations: VisibleOrganizations,
}

/// Which of a tenant's organizations a scope holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisibleOrganizations {
    /// The whole tree.
    All,
    /// These and no others; sorted, each once.
    Only(Vec<Id>),
}

impl Scope {
    /// The whole tree of a tenant.
    pub const fn tenant(tenant_id: Id) -> Self {
        Self { tenant_id, organizations: VisibleOrganizations::All }
    }

    /// Some organizations of a tenant.
    pub fn only(tenant_id: Id, mut organizations: Vec<Id>) -> Self {
        organizations.sort_unstable();
        organizations.dedup();
        Self { tenant_id, organizations: VisibleOrganizations::Only(organizations) }
    }

    /// The tenant; nothing of another one is ever in the scope.
    pub const fn tenant_id(&self) -> &Id {
        &self.tenant_id
    }

    /// The visible organizations of the tenant.
    pub const fn organizations(&self) -> &VisibleOrganizations {
        &self.organizations
    }

    /// Whether an organization that is known to be of this tenant is in the scope.
    pub fn holds(&self, organization_id: &Id) -> bool {
        match &self.organizations {
            VisibleOrganizations::All => true,
            VisibleOrganizations::Only(ids) => ids.binary_search(organization_id).is_ok(),
        }
    }
}
