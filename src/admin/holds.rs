//! Placing and releasing legal holds: an owner's, for what is theirs.

use super::actor::{Actor, Done};
use super::input::{Answer, Input};
use super::{object, random_id, string};
use crate::domain::hold::{Hold, Target};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::viewer::Scope;
use crate::error::{Error, Result};
use crate::store::{Store, holds};

/// What is to be held, and why: an organization, a user, or a record.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // as in `Target` and `Hold`
pub struct NewHold {
    pub organization_id: Option<String>,
    pub user_id: Option<String>,
    pub resource_name: Option<ResourceName>,
    pub custom_resource: Option<String>,
    pub resource_id: Option<String>,
    pub reason: String,
}

/// Places a hold: from then on, nothing that it covers is purged.
pub async fn place_hold(store: &Store, actor: &Actor, new: NewHold) -> Result<Answer<Hold>> {
    let mut input = Input::default();
    let scope = scope_of(actor)?;
    let reason = input.text("reason", Some(new.reason.clone())).unwrap_or_default();
    if reason.trim().is_empty() {
        input.mend("reason", "must not be empty");
    }
    let target = target(&mut input, new);
    if let Some(Target::Organization(id)) = &target {
        let found = actor.organization(store, id).await?;
        input.found("organization_id", "organization", found);
    } else if let Some(target) = &target
        && !actor.administers(scope.tenant_id())
    {
        let field = if matches!(target, Target::User(_)) { "user_id" } else { "resource_id" };
        input.mend(field, "concerns the whole tenant: an owner of the root must place the hold");
    }
    let (Some(target), true) = (target, input.is_fine()) else { return Ok(Err(input.messages)) };
    let hold = Hold {
        id: random_id(store)?,
        target,
        reason,
        placed_at: store.now(),
        placed_by: actor.user_id().cloned(),
        released_at: None,
        released_by: None,
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let tenant_id = scope.tenant_id();
                holds::insert(transaction, tenant_id, &hold).await?;
                let done = Done { after: Some(json(&hold)), ..about(&hold, tenant_id) };
                actor.record(store, transaction, tenant_id, done).await?;
                Ok(Ok(hold))
            })
        })
        .await
}

/// Releases a hold: what it covered goes when its time has come. The hold itself stays on record.
pub async fn release_hold(store: &Store, actor: &Actor, id: String) -> Result<Answer<Hold>> {
    let mut input = Input::default();
    let Some(id) = input.id("id", id) else { return Ok(Err(input.messages)) };
    let scope = scope_of(actor)?;
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let tenant_id = scope.tenant_id();
                let found = holds::find(transaction, tenant_id, &id).await?;
                let found = found.filter(|hold| may_release(&actor, hold, tenant_id));
                let Some(hold) = input.found("id", "legal hold", found) else {
                    return Ok(Err(input.messages));
                };
                if !hold.is_active() {
                    input.mend("id", "the hold was released before");
                    return Ok(Err(input.messages));
                }
                let about = Done { before: Some(json(&hold)), ..about(&hold, tenant_id) };
                let hold = Hold {
                    released_at: Some(store.now()),
                    released_by: actor.user_id().cloned(),
                    ..hold
                };
                holds::release(transaction, tenant_id, &hold).await?;
                let done = Done { event_type: EventType::Destroy, ..about };
                actor.record(store, transaction, tenant_id, done).await?;
                Ok(Ok(hold))
            })
        })
        .await
}

/// The holds that an owner may see: those on organizations that are theirs, and all others if the
/// whole tenant is.
pub async fn holds(store: &Store, actor: &Actor, with_released: bool) -> Result<Vec<Hold>> {
    let scope = scope_of(actor)?;
    let mut holds = store.holds(scope.tenant_id(), with_released).await?;
    holds.retain(|hold| may_release(actor, hold, scope.tenant_id()));
    Ok(holds)
}

fn scope_of(actor: &Actor) -> Result<Scope> {
    let scope = actor.scope().cloned();
    scope.ok_or_else(|| Error::bad_input("a legal hold is an owner's, through the API"))
}

fn may_release(actor: &Actor, hold: &Hold, tenant_id: &Id) -> bool {
    match &hold.target {
        Target::Organization(id) => actor.administers(id),
        Target::User(_) | Target::Record { .. } => actor.administers(tenant_id),
    }
}

/// The one thing that is to be held.
fn target(input: &mut Input, new: NewHold) -> Option<Target> {
    let NewHold {
        organization_id,
        user_id,
        resource_name,
        custom_resource,
        resource_id,
        reason: _,
    } = new;
    let names_a_record =
        resource_name.is_some() || custom_resource.is_some() || resource_id.is_some();
    match (organization_id, user_id, names_a_record) {
        (Some(id), None, false) => input.id("organization_id", id).map(Target::Organization),
        (None, Some(id), false) => input.user_id("user_id", id).map(Target::User),
        (None, None, true) => {
            let Some(resource_name) = resource_name else {
                input.mend("resource_name", "is missing: a record is of some kind");
                return None;
            };
            if (resource_name == ResourceName::Custom) != custom_resource.is_some() {
                input.mend(
                    "custom_resource",
                    "is given when, and only when, resource_name is CUSTOM",
                );
            }
            let Some(resource_id) = resource_id else {
                input.mend("resource_id", "is missing: the hold is on one record");
                return None;
            };
            let custom_resource =
                custom_resource.and_then(|name| input.id("custom_resource", name));
            let resource_id = input.id("resource_id", resource_id)?;
            Some(Target::Record { resource_name, custom_resource, resource_id })
        }
        _ => {
            input.mend(
                "organization_id",
                "give one of organization_id, user_id, and resource_name with resource_id",
            );
            None
        }
    }
}

/// What both events about a hold say. It is filed where the hold is.
fn about(hold: &Hold, tenant_id: &Id) -> Done {
    Done {
        event_type: EventType::Create,
        resource_name: ResourceName::LegalHold,
        resource_id: hold.id.clone(),
        organization_id: match &hold.target {
            Target::Organization(id) => id.clone(),
            Target::User(_) | Target::Record { .. } => tenant_id.clone(),
        },
        before: None,
        after: None,
    }
}

fn json(hold: &Hold) -> Json {
    let reason = ("reason", string(Some(&hold.reason)));
    match &hold.target {
        Target::Organization(id) => {
            object([("organization_id", string(Some(id.as_str()))), reason])
        }
        Target::User(id) => object([("user_id", string(Some(id.as_str()))), reason]),
        Target::Record { resource_name, custom_resource, resource_id } => object([
            ("resource_name", string(Some(resource_name.as_str()))),
            ("custom_resource", string(custom_resource.as_ref().map(Id::as_str))),
            ("resource_id", string(Some(resource_id.as_str()))),
            reason,
        ]),
    }
}
