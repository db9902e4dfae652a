//! Who administers, how far they may, and what that leaves in the log.

use crate::domain::diff::diff;
use crate::domain::event::{Context, NewEvent};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::domain::organization::Organization;
use crate::domain::tree::Tree;
use crate::domain::viewer::{Membership, Permission, Scope, Viewer};
use crate::error::{Error, Result};
use crate::store::users::User;
use crate::store::{Store, Transaction};

/// Who administers.
#[derive(Debug, Clone)]
pub struct Actor {
    who: Who,
    context: Context,
}

#[derive(Debug, Clone)]
enum Who {
    Operator,
    Owner { viewer: Viewer, scope: Box<Scope> },
}

/// An administrative change, for the log.
pub(super) struct Done {
    pub event_type: EventType,
    pub resource_name: ResourceName,
    pub resource_id: Id,
    pub organization_id: Id,
    pub before: Option<Json>,
    pub after: Option<Json>,
}

impl Actor {
    /// Whoever has the command line: may do everything, and acts as nobody in the log.
    pub fn operator() -> Self {
        Self { who: Who::Operator, context: Context::default() }
    }

    /// Whether the actor administers an organization by this tree, which may be newer than what they were
    /// let in by.
    pub(super) fn administers_in(&self, tree: &Tree, organization_id: &Id) -> bool {
        match &self.who {
            Who::Operator => true,
            Who::Owner { viewer, .. } => {
                let roots = viewer.organizations_with(Permission::Administer);
                tree.upward(organization_id).any(|above| roots.contains(above))
            }
        }
    }

    /// An owner; refused when the viewer is owner of nothing.
    pub async fn owner(store: &Store, viewer: Viewer, context: Context) -> Result<Self> {
        if !viewer.may(Permission::Administer) {
            return Err(Error::forbidden(
                "administration needs is_owner on a membership, which you have nowhere",
            ));
        }
        let scope = store.scope(&viewer, Permission::Administer).await?;
        Ok(Self { who: Who::Owner { viewer, scope: Box::new(scope) }, context })
    }

    /// The owner of the tenant, who may change what concerns all of it; refused when the viewer is
    /// not an owner of the root.
    pub async fn tenant_owner(store: &Store, viewer: Viewer, context: Context) -> Result<Self> {
        if !viewer.owns_tenant() {
            return Err(Error::forbidden(
                "this concerns the whole tenant: it needs is_owner on a membership in the root organization",
            ));
        }
        Self::owner(store, viewer, context).await
    }

    /// The part of the tree that is theirs to administer; none for the operator, whose is all of it.
    pub(super) const fn scope(&self) -> Option<&Scope> {
        match &self.who {
            Who::Operator => None,
            Who::Owner { scope, .. } => Some(scope),
        }
    }

    /// Whether an organization is theirs to administer.
    pub fn administers(&self, organization_id: &Id) -> bool {
        self.scope().is_none_or(|scope| scope.holds(organization_id))
    }

    /// Who acts, in the log.
    pub(super) const fn user_id(&self) -> Option<&Id> {
        match &self.who {
            Who::Operator => None,
            Who::Owner { viewer, .. } => Some(&viewer.user_id),
        }
    }

    /// The organization, if the actor may administer it.
    pub(super) async fn organization(
        &self,
        store: &Store,
        id: &Id,
    ) -> Result<Option<Organization>> {
        match &self.who {
            Who::Operator => store.organization_anywhere(id).await,
            Who::Owner { scope, .. } => Ok(scope.organization(id).cloned()),
        }
    }

    /// The user, if the actor may see them: an owner sees who is a member in their part of the tree.
    pub(super) async fn user(
        &self,
        store: &Store,
        id: &Id,
    ) -> Result<Option<(User, Vec<Membership>)>> {
        let Some(user) = store.user_anywhere(id).await? else { return Ok(None) };
        let viewer = store.viewer(user.tenant_id.clone(), user.id.clone()).await?;
        let visible = match &self.who {
            Who::Operator => true,
            Who::Owner { scope, .. } => {
                user.tenant_id == *scope.tenant_id()
                    && viewer.memberships.iter().any(|m| scope.holds(&m.organization_id))
            }
        };
        Ok(visible.then_some((user, viewer.memberships)))
    }

    /// Whether the actor may act as the user, which is what making them a key comes to: an owner may
    /// for themselves, and for whoever has no membership outside of the owner's part of the tree.
    pub(super) fn may_act_as(&self, user_id: &Id, memberships: &[Membership]) -> bool {
        match &self.who {
            Who::Operator => true,
            Who::Owner { viewer, .. } if viewer.user_id == *user_id => true,
            Who::Owner { scope, .. } => memberships.iter().all(|m| scope.holds(&m.organization_id)),
        }
    }

    /// Records what the actor did.
    pub(super) async fn record(
        &self,
        store: &Store,
        transaction: &Transaction,
        tenant_id: &Id,
        done: Done,
    ) -> Result<()> {
        let event = NewEvent {
            external_id: None,
            custom_type: None,
            custom_resource: None,
            outcome: Outcome::Success,
            purpose: None,
            acting_user_id: self.user_id().cloned(),
            occurred_at: None,
            organization_id: done.organization_id,
            event_type: done.event_type,
            resource_name: done.resource_name,
            resource_id: done.resource_id,
            changes: diff(done.before.as_ref(), done.after.as_ref()),
            context: self.context.clone(),
        };
        store.append_own(transaction, tenant_id, &event).await
    }
}
