//! Adding organizations.

use super::actor::{Actor, Done};
use super::input::{Answer, Input, taken};
use super::{object, string};
use crate::domain::id::Id;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::organization::Organization;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::organizations;

/// Adds an organization below a parent, or (the operator only) as the root of a new tenant.
pub async fn create_organization(
    store: &Store,
    actor: &Actor,
    id: String,
    name: String,
    parent_id: Option<String>,
) -> Result<Answer<Organization>> {
    let mut input = Input::default();
    let id = input.id("id", id);
    let name = input.text("name", Some(name));
    let parent_id = parent_id.map(|parent_id| input.id("parent_id", parent_id));
    if parent_id.is_none() && actor.scope().is_some() {
        input.mend("parent_id", "is missing: only the operator adds a root");
    }
    if name.as_deref().is_none_or(|name| name.trim().is_empty()) {
        input.mend("name", "must not be empty");
    }
    let parent = match parent_id.flatten() {
        None => None,
        Some(parent_id) => {
            let parent = actor.organization(store, &parent_id).await?;
            input.found("parent_id", "organization", parent)
        }
    };
    let (Some(id), Some(name), true) = (id, name, input.is_fine()) else {
        return Ok(Err(input.messages));
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let now = store.now();
                let added =
                    organizations::insert(transaction, id, name, parent.as_ref(), now).await?;
                let Some(added) = added else { return Ok(taken()) };
                let done = Done {
                    event_type: EventType::Create,
                    resource_name: ResourceName::Organization,
                    resource_id: added.id.clone(),
                    organization_id: added.id.clone(),
                    before: None,
                    after: Some(object([
                        ("name", string(Some(&added.name))),
                        ("parent_id", string(added.parent_id.as_ref().map(Id::as_str))),
                    ])),
                };
                actor.record(store, transaction, &added.tenant_id, done).await?;
                Ok(Ok(added))
            })
        })
        .await
}

/// Moves an organization, with all that is below it, below another parent of its tenant.
pub async fn move_organization(
    store: &Store,
    actor: &Actor,
    id: String,
    parent_id: String,
) -> Result<Answer<Organization>> {
    let mut input = Input::default();
    let id = input.id("id", id);
    let parent_id = input.id("parent_id", parent_id);
    let (Some(id), Some(parent_id)) = (id, parent_id) else { return Ok(Err(input.messages)) };
    let Some(scope) = actor.scope().cloned() else {
        return Err(Error::bad_input("an organization is moved by an owner, through the API"));
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                // From here on nobody else moves anything in this tenant.
                let tree = organizations::locked_tree(transaction, scope.tenant_id()).await?;
                let find = async |id: &Id| match actor.administers_in(&tree, id) {
                    true => organizations::find(transaction, scope.tenant_id(), id).await,
                    false => Ok(None),
                };
                let moved = input.found("id", "organization", find(&id).await?);
                let parent = input.found("parent_id", "organization", find(&parent_id).await?);
                let (Some(moved), Some(parent)) = (moved, parent) else {
                    return Ok(Err(input.messages));
                };
                let with_it = tree.below(std::slice::from_ref(&moved.id));
                if moved.parent_id.is_none() {
                    input.mend("id", "is a root, which is below nothing");
                } else if with_it.contains(&parent.id) {
                    input.mend("parent_id", "is the organization itself, or below it");
                }
                if !input.is_fine() {
                    return Ok(Err(input.messages));
                }
                if moved.parent_id.as_ref() == Some(&parent.id) {
                    return Ok(Ok(moved));
                }
                let under = |parent_id: Option<&Id>| {
                    Some(object([("parent_id", string(parent_id.map(Id::as_str)))]))
                };
                let after =
                    organizations::set_parent(transaction, &moved, &parent, &with_it).await?;
                let done = Done {
                    event_type: EventType::Update,
                    resource_name: ResourceName::Organization,
                    resource_id: after.id.clone(),
                    organization_id: after.id.clone(),
                    before: under(moved.parent_id.as_ref()),
                    after: under(after.parent_id.as_ref()),
                };
                actor.record(store, transaction, scope.tenant_id(), done).await?;
                Ok(Ok(after))
            })
        })
        .await
}
