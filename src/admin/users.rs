//! Adding users, and giving and taking what their memberships allow.

use super::actor::{Actor, Done};
use super::input::{Answer, Input, Message, taken};
use super::{object, random_id, string};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, ResourceName, View};
use crate::domain::viewer::Membership;
use crate::error::{Error, Result};
use crate::store::users::{self, User};
use crate::store::{Store, Transaction};

/// The rights a membership is to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// May administer, and may view the log.
    pub is_owner: bool,
    /// May view the log.
    pub can_view_audit_log: bool,
    /// May record events.
    pub can_record: bool,
    /// Whose actions viewing shows.
    pub view: View,
    /// May read the values of sensitive fields.
    pub can_view_sensitive_values: bool,
    /// May view the whole history of a record.
    pub can_view_resource_history: bool,
    /// May write notes on records.
    pub can_add_notes: bool,
}

/// A change of a membership's rights; what is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)] // as in `Rights`
pub struct RightsChange {
    pub is_owner: Option<bool>,
    pub can_view_audit_log: Option<bool>,
    pub can_record: Option<bool>,
    pub view: Option<View>,
    pub can_view_sensitive_values: Option<bool>,
    pub can_view_resource_history: Option<bool>,
    pub can_add_notes: Option<bool>,
}

impl RightsChange {
    fn applied_to(self, before: &Membership) -> Membership {
        let Self {
            is_owner,
            can_view_audit_log,
            can_record,
            view,
            can_view_sensitive_values,
            can_view_resource_history,
            can_add_notes,
        } = self;
        Membership {
            id: before.id.clone(),
            user_id: before.user_id.clone(),
            organization_id: before.organization_id.clone(),
            is_owner: is_owner.unwrap_or(before.is_owner),
            can_view_audit_log: can_view_audit_log.unwrap_or(before.can_view_audit_log),
            can_record: can_record.unwrap_or(before.can_record),
            view: view.unwrap_or(before.view),
            can_view_sensitive_values: can_view_sensitive_values
                .unwrap_or(before.can_view_sensitive_values),
            can_view_resource_history: can_view_resource_history
                .unwrap_or(before.can_view_resource_history),
            can_add_notes: can_add_notes.unwrap_or(before.can_add_notes),
        }
    }
}

/// A user to be added, with their first membership.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // as in `User` and `Membership`
pub struct NewUser {
    pub id: String,
    pub organization_id: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub rights: Rights,
}

/// Adds a user with their first membership.
pub async fn create_user(
    store: &Store,
    actor: &Actor,
    new: NewUser,
) -> Result<Answer<(User, Membership)>> {
    let mut input = Input::default();
    let id = input.user_id("id", new.id);
    let organization_id = input.id("organization_id", new.organization_id);
    let first_name = input.text("first_name", new.first_name);
    let last_name = input.text("last_name", new.last_name);
    let email = input.text("email", new.email);
    let organization = match organization_id {
        None => None,
        Some(id) => {
            let found = actor.organization(store, &id).await?;
            input.found("organization_id", "organization", found)
        }
    };
    let (Some(id), Some(organization), true) = (id, organization, input.is_fine()) else {
        return Ok(Err(input.messages));
    };
    let user = User { tenant_id: organization.tenant_id.clone(), id, first_name, last_name, email };
    let membership = new_membership(store, &user.id, &organization.id, new.rights)?;
    let (actor, tenant_id) = (actor.clone(), user.tenant_id.clone());
    let created = store
        .write(move |store, transaction| {
            Box::pin(async move {
                if !users::insert(transaction, &user, store.now()).await? {
                    return Ok(taken());
                }
                let done = Done {
                    event_type: EventType::Create,
                    resource_name: ResourceName::User,
                    resource_id: user.id.clone(),
                    organization_id: organization.id,
                    before: None,
                    after: Some(object([
                        ("first_name", string(user.first_name.as_deref())),
                        ("last_name", string(user.last_name.as_deref())),
                        ("email", string(user.email.as_deref())),
                    ])),
                };
                actor.record(store, transaction, &user.tenant_id, done).await?;
                add_membership(&actor, store, transaction, &user.tenant_id, &membership).await?;
                Ok(Ok((user, membership)))
            })
        })
        .await;
    store.forget_people(&tenant_id);
    created
}

/// Makes a user a member of an organization.
pub async fn create_membership(
    store: &Store,
    actor: &Actor,
    user_id: String,
    organization_id: String,
    rights: Rights,
) -> Result<Answer<Membership>> {
    let mut input = Input::default();
    let user = match input.user_id("user_id", user_id) {
        None => None,
        Some(id) => input.found("user_id", "user", actor.user(store, &id).await?),
    };
    let organization = match input.id("organization_id", organization_id) {
        None => None,
        Some(id) => {
            let found = actor.organization(store, &id).await?;
            // Within the user's own tenant: for the operator too, another one's does not exist.
            let found = found.filter(|organization| {
                user.as_ref().is_none_or(|(user, _)| user.tenant_id == organization.tenant_id)
            });
            input.found("organization_id", "organization", found)
        }
    };
    let (Some((user, _)), Some(organization), true) = (user, organization, input.is_fine()) else {
        return Ok(Err(input.messages));
    };
    let membership = new_membership(store, &user.id, &organization.id, rights)?;
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let tenant_id = &user.tenant_id;
                if !add_membership(&actor, store, transaction, tenant_id, &membership).await? {
                    return Ok(Err(vec![Message {
                        field: "organization_id",
                        message: "the user is a member of this organization already".to_owned(),
                    }]));
                }
                Ok(Ok(membership))
            })
        })
        .await
}

/// Changes what a membership gives.
pub async fn update_membership(
    store: &Store,
    actor: &Actor,
    id: String,
    change: RightsChange,
) -> Result<Answer<Membership>> {
    let mut input = Input::default();
    let Some(id) = input.id("id", id) else { return Ok(Err(input.messages)) };
    let Some(scope) = actor.scope().cloned() else {
        return Err(Error::bad_input("a membership is changed by an owner, through the API"));
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let tenant_id = scope.tenant_id();
                let before = users::find_membership(transaction, tenant_id, &id)
                    .await?
                    .filter(|membership| scope.holds(&membership.organization_id));
                let Some(before) = input.found("id", "membership", before) else {
                    return Ok(Err(input.messages));
                };
                let after = change.applied_to(&before);
                if after == before {
                    return Ok(Ok(after));
                }
                users::update_membership(transaction, tenant_id, &after).await?;
                let done = Done {
                    event_type: EventType::Update,
                    resource_name: ResourceName::OrganizationMembership,
                    resource_id: after.id.clone(),
                    organization_id: after.organization_id.clone(),
                    before: Some(membership_json(&before)),
                    after: Some(membership_json(&after)),
                };
                actor.record(store, transaction, tenant_id, done).await?;
                Ok(Ok(after))
            })
        })
        .await
}

fn new_membership(
    store: &Store,
    user_id: &Id,
    organization_id: &Id,
    rights: Rights,
) -> Result<Membership> {
    let Rights {
        is_owner,
        can_view_audit_log,
        can_record,
        view,
        can_view_sensitive_values,
        can_view_resource_history,
        can_add_notes,
    } = rights;
    Ok(Membership {
        id: random_id(store)?,
        user_id: user_id.clone(),
        organization_id: organization_id.clone(),
        is_owner,
        can_view_audit_log,
        can_record,
        view,
        can_view_sensitive_values,
        can_view_resource_history,
        can_add_notes,
    })
}

/// Stores a membership and records it; false when there is one already.
async fn add_membership(
    actor: &Actor,
    store: &Store,
    transaction: &Transaction,
    tenant_id: &Id,
    membership: &Membership,
) -> Result<bool> {
    if !users::insert_membership(transaction, tenant_id, membership, store.now()).await? {
        return Ok(false);
    }
    let done = Done {
        event_type: EventType::Create,
        resource_name: ResourceName::OrganizationMembership,
        resource_id: membership.id.clone(),
        organization_id: membership.organization_id.clone(),
        before: None,
        after: Some(membership_json(membership)),
    };
    actor.record(store, transaction, tenant_id, done).await?;
    Ok(true)
}

fn membership_json(membership: &Membership) -> Json {
    let Membership {
        id: _,
        user_id,
        organization_id,
        is_owner,
        can_view_audit_log,
        can_record,
        view,
        can_view_sensitive_values,
        can_view_resource_history,
        can_add_notes,
    } = membership;
    object([
        ("user_id", string(Some(user_id.as_str()))),
        ("organization_id", string(Some(organization_id.as_str()))),
        ("is_owner", Json::Bool(*is_owner)),
        ("can_view_audit_log", Json::Bool(*can_view_audit_log)),
        ("can_record", Json::Bool(*can_record)),
        ("view", string(Some(view.as_str()))),
        ("can_view_sensitive_values", Json::Bool(*can_view_sensitive_values)),
        ("can_view_resource_history", Json::Bool(*can_view_resource_history)),
        ("can_add_notes", Json::Bool(*can_add_notes)),
    ])
}
