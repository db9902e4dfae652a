//! Adding organizations.

use super::actor::{Actor, Done};
use super::input::{Answer, Input, taken};
use super::{object, string};
use crate::domain::id::Id;
use crate::domain::kind::{EventType, ResourceName};
use crate::error::Result;
use crate::store::Store;
use crate::store::organizations::{self, Organization};

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
