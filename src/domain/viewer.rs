//! Who asks, and how far they may look.

use std::sync::Arc;

use super::id::Id;
use super::kind::View;
use super::organization::Organization;
use super::tenant::Tenant;
use super::time::Time;

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
    /// Whose actions viewing shows.
    pub view: View,
    /// May read the values of fields that are marked sensitive.
    pub can_view_sensitive_values: bool,
    /// May view the whole history of a record they can name, whoever acted.
    pub can_view_resource_history: bool,
    /// May write notes on records.
    pub can_add_notes: bool,
}

/// A right that a membership gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// To read the audit log.
    ViewAuditLog,
    /// To read the history of one record.
    ViewResourceHistory,
    /// To read the values of sensitive fields.
    ViewSensitiveValues,
    /// To write notes on records.
    AddNotes,
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
            Permission::ViewResourceHistory => {
                self.can_view_resource_history || self.gives(Permission::ViewAuditLog)
            }
            Permission::ViewSensitiveValues => self.can_view_sensitive_values,
            Permission::AddNotes => self.can_add_notes,
            Permission::Record => self.can_record,
            Permission::Administer => self.is_owner,
        }
    }

    /// Whose actions the right shows here.
    const fn shows(&self, permission: Permission) -> View {
        match permission {
            Permission::ViewResourceHistory if self.can_view_resource_history => View::All,
            Permission::ViewAuditLog | Permission::ViewResourceHistory => self.view,
            _ => View::All,
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

    /// Whether the viewer is an owner of the root, and so of the whole tenant.
    pub fn owns_tenant(&self) -> bool {
        self.memberships.iter().any(|m| m.is_owner && m.organization_id == self.tenant_id)
    }

    /// Whether the viewer holds the right anywhere.
    pub fn may(&self, permission: Permission) -> bool {
        self.memberships.iter().any(|m| m.gives(permission))
    }
}

/// The part of one tenant that somebody may see. Every read of events takes one; it is derived from
/// memberships and the tree.
#[derive(Debug, Clone)]
pub struct Scope {
    tenant: Arc<Tenant>,
    everybody: Reach,
    own: Option<(Id, Reach)>,
    sensitive: Reach,
    visible_since: Option<Time>,
}

/// Some organizations of a tenant and all that is below them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reach {
    roots: Vec<Id>,
    organizations: VisibleOrganizations,
}

/// Which of a tenant's events a scope holds, by where they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisibleOrganizations {
    /// The whole tree.
    All,
    /// Those of these organizations and no others; sorted, each once.
    Only(Vec<Id>),
    /// Those that were recorded below one of some organizations, as the tree stood then.
    AtEvent {
        /// One of these was on the event's path.
        below: Vec<Id>,
        /// And this one was.
        within: Option<Within>,
    },
}

/// An organization that was on an event's path, or (without its descendants) was the event's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// The organization.
    pub id: Id,
    /// Whether what was below it counts.
    pub descendants: Descendants,
    /// It was one of these on the path, or below one: what is above what a viewer may see cannot be
    /// named.
    pub roots: Vec<Id>,
}

/// Whether an organization stands for all that is below it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descendants {
    /// With all that is below it.
    With,
    /// It alone.
    Without,
}

/// Which tree events are rolled up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hierarchy {
    /// As it stands now.
    #[default]
    Current,
    /// As it stood when the event was recorded.
    AtEvent,
}

impl Reach {
    fn of(tenant: &Tenant, roots: Vec<Id>) -> Self {
        let organizations = match roots.contains(&tenant.id) {
            true => VisibleOrganizations::All,
            false => VisibleOrganizations::Only(tenant.tree.below(&roots)),
        };
        Self { roots, organizations }
    }

    /// Whether an organization is in it as the tree stands now.
    fn holds(&self, id: &Id) -> bool {
        match &self.organizations {
            VisibleOrganizations::All => true,
            VisibleOrganizations::Only(ids) => ids.binary_search(id).is_ok(),
            VisibleOrganizations::AtEvent { .. } => false,
        }
    }

    fn narrow(&self, tenant: &Tenant, id: &Id, descendants: Descendants) -> Self {
        let mut ids = match descendants {
            // The same list that was there: a whole tree stays one range of an index.
            Descendants::With if *id == tenant.id => return self.clone(),
            Descendants::With => tenant.tree.below(std::slice::from_ref(id)),
            Descendants::Without => vec![id.clone()],
        };
        ids.retain(|id| self.holds(id));
        Self { roots: self.roots.clone(), organizations: VisibleOrganizations::Only(ids) }
    }

    fn narrow_at_event(&self, within: Within) -> Self {
        let below = self.roots.clone();
        let organizations = VisibleOrganizations::AtEvent { below, within: Some(within) };
        Self { roots: self.roots.clone(), organizations }
    }

    fn at_event(&self) -> Self {
        let organizations = match self.organizations {
            VisibleOrganizations::All => VisibleOrganizations::All,
            _ => VisibleOrganizations::AtEvent { below: self.roots.clone(), within: None },
        };
        Self { roots: self.roots.clone(), organizations }
    }
}

impl Scope {
    /// The part of the tenant in which the viewer holds a right: the organizations where they hold
    /// it and all of their descendants, as the tree stands in `tenant`, and as far back as its plan
    /// shows at this moment.
    pub fn of(tenant: Arc<Tenant>, viewer: &Viewer, permission: Permission, now: Time) -> Self {
        let roots = |view| {
            let given = viewer
                .memberships
                .iter()
                .filter(|m| m.gives(permission) && m.shows(permission) == view);
            given.map(|m| m.organization_id.clone()).collect::<Vec<_>>()
        };
        let (all, own) = (roots(View::All), roots(View::Own));
        let sensitive = viewer.organizations_with(Permission::ViewSensitiveValues);
        Self {
            everybody: Reach::of(&tenant, all),
            own: (!own.is_empty()).then(|| (viewer.user_id.clone(), Reach::of(&tenant, own))),
            sensitive: Reach::of(&tenant, sensitive),
            visible_since: tenant.retention.visible_since(now),
            tenant,
        }
    }

    /// Everything of a tenant, sensitive values and all times included. For the server's own work
    /// and for whoever just made what they are shown.
    pub fn whole(tenant: Arc<Tenant>) -> Self {
        let everything = Reach::of(&tenant, vec![tenant.id.clone()]);
        Self {
            everybody: everything.clone(),
            own: None,
            sensitive: everything,
            visible_since: None,
            tenant,
        }
    }

    /// The scope narrowed to one organization; `None` when it is not in the scope as the tree stands
    /// now, whether or not it exists elsewhere.
    pub fn narrow(&self, id: &Id, descendants: Descendants) -> Option<Self> {
        self.holds(id).then(|| self.with_each(|reach| reach.narrow(&self.tenant, id, descendants)))
    }

    /// The events of the scope as the trees stood when they were recorded.
    pub fn at_event(&self) -> Self {
        self.with_each(Reach::at_event)
    }

    /// The events of the scope that were recorded below one organization. It may be in the scope no
    /// more, so whether it may be named is told by whether there is any such event.
    pub fn narrow_at_event(&self, id: &Id, descendants: Descendants) -> Self {
        let own = self.own.iter().flat_map(|(_, reach)| &reach.roots);
        let roots: Vec<Id> = self.everybody.roots.iter().chain(own).cloned().collect();
        let within = Within { id: id.clone(), descendants, roots };
        self.with_each(|reach| reach.narrow_at_event(within.clone()))
    }

    fn with_each(&self, change: impl Fn(&Reach) -> Reach) -> Self {
        Self {
            everybody: change(&self.everybody),
            own: self.own.as_ref().map(|(user_id, reach)| (user_id.clone(), change(reach))),
            ..self.clone()
        }
    }

    /// The tenant; nothing of another one is ever in the scope.
    pub fn tenant_id(&self) -> &Id {
        &self.tenant.id
    }

    /// The tenant with its settings.
    pub const fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Where everybody's actions are in the scope.
    pub const fn organizations(&self) -> &VisibleOrganizations {
        &self.everybody.organizations
    }

    /// Where beside that the actions of one user are, their own.
    pub fn own(&self) -> Option<(&Id, &VisibleOrganizations)> {
        self.own.as_ref().map(|(user_id, reach)| (user_id, &reach.organizations))
    }

    /// Where the values of sensitive fields may be read; elsewhere they are withheld.
    pub const fn sensitive(&self) -> &VisibleOrganizations {
        &self.sensitive.organizations
    }

    /// Whether the values of sensitive fields of an organization's events may be read.
    pub fn may_read_sensitive_values_of(&self, organization_id: &Id) -> bool {
        self.sensitive.holds(organization_id)
    }

    /// Only what happened then or later is in the scope.
    pub const fn visible_since(&self) -> Option<Time> {
        self.visible_since
    }

    /// Whether an organization is in the scope as the tree stands now.
    pub fn holds(&self, organization_id: &Id) -> bool {
        let is_own = |(_, reach): &(_, Reach)| reach.holds(organization_id);
        self.tenant.tree.contains(organization_id)
            && (self.everybody.holds(organization_id) || self.own.as_ref().is_some_and(is_own))
    }

    /// The organization with this id, if it is in the scope as the tree stands now.
    pub fn organization(&self, id: &Id) -> Option<&Organization> {
        self.tenant.organizations.get(id).filter(|_| self.holds(id))
    }

    /// The organizations of the scope as the tree stands now, parents before children.
    pub fn all_organizations(&self) -> Vec<&Organization> {
        let all = self.tenant.organizations.values();
        let mut all: Vec<_> = all.filter(|organization| self.holds(&organization.id)).collect();
        all.sort_by_key(|organization| (organization.depth, &organization.id));
        all
    }
}
