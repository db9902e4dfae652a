//! Making and deleting API keys.

use super::actor::{Actor, Done};
use super::input::{Answer, Input};
use super::{object, random_id, string};
use crate::auth::api_key;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::viewer::Membership;
use crate::error::{Error, Result};
use crate::store::api_keys::{self, ApiKey};
use crate::store::{Store, users};

/// Makes a key for a user: the secret, which is not kept and cannot be shown again, and the key.
pub async fn create_api_key(
    store: &Store,
    actor: &Actor,
    user_id: String,
    name: Option<String>,
) -> Result<Answer<(String, ApiKey)>> {
    let mut input = Input::default();
    let name = input.text("name", name);
    let user = match input.user_id("user_id", user_id) {
        None => None,
        Some(id) => input.found("user_id", "user", actor.user(store, &id).await?),
    };
    let (Some((user, _)), true) = (user, input.is_fine()) else {
        return Ok(Err(input.messages));
    };
    let secret = api_key::generate(store)?;
    let key = ApiKey {
        tenant_id: user.tenant_id.clone(),
        id: random_id(store)?,
        user_id: user.id.clone(),
        name,
        created_at: store.now(),
        last_used_at: None,
        revoked_at: None,
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                // Read here: what they are a member of may have changed since the user was found.
                let memberships =
                    users::memberships_of(transaction, &key.tenant_id, &key.user_id).await?;
                if !actor.may_act_as(&user, &memberships) {
                    input.mend(
                        "user_id",
                        "the user is also a member outside of your organizations: an owner above must make the key",
                    );
                    return Ok(Err(input.messages));
                }
                api_keys::insert(transaction, &key, &api_key::hash(&secret)).await?;
                let done = Done {
                    event_type: EventType::Create,
                    before: None,
                    after: Some(api_key_json(&key)),
                    ..about_key(&actor, &key, &memberships)
                };
                actor.record(store, transaction, &key.tenant_id, done).await?;
                Ok(Ok((secret, key)))
            })
        })
        .await
}

/// Takes a key away; from then on it opens nothing.
pub async fn delete_api_key(store: &Store, actor: &Actor, id: String) -> Result<Answer<ApiKey>> {
    let mut input = Input::default();
    let Some(id) = input.id("id", id) else { return Ok(Err(input.messages)) };
    let Some(scope) = actor.scope().cloned() else {
        return Err(Error::bad_input("a key is deleted by an owner, through the API"));
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let tenant_id = scope.tenant_id();
                let mut found = None;
                if let Some(key) = api_keys::find(transaction, tenant_id, &id).await? {
                    let user = users::find(transaction, tenant_id, &key.user_id).await?;
                    let memberships =
                        users::memberships_of(transaction, tenant_id, &key.user_id).await?;
                    let visible = memberships.iter().any(|m| scope.holds(&m.organization_id));
                    if visible && user.is_some_and(|user| actor.may_act_as(&user, &memberships)) {
                        found = Some((key, memberships));
                    }
                }
                let Some((key, memberships)) = input.found("id", "API key", found) else {
                    return Ok(Err(input.messages));
                };
                api_keys::revoke(transaction, &key, store.now()).await?;
                let done = Done {
                    event_type: EventType::Destroy,
                    before: Some(api_key_json(&key)),
                    after: None,
                    ..about_key(&actor, &key, &memberships)
                };
                actor.record(store, transaction, tenant_id, done).await?;
                Ok(Ok(key))
            })
        })
        .await
}

/// What all events about a key say. A key belongs to a user; it is logged where they are a member.
fn about_key(actor: &Actor, key: &ApiKey, memberships: &[Membership]) -> Done {
    Done {
        event_type: EventType::Update,
        resource_name: ResourceName::ApiKey,
        resource_id: key.id.clone(),
        organization_id: memberships
            .iter()
            .find(|m| actor.scope().is_none_or(|scope| scope.holds(&m.organization_id)))
            .map_or_else(|| key.tenant_id.clone(), |m| m.organization_id.clone()),
        before: None,
        after: None,
    }
}

fn api_key_json(key: &ApiKey) -> Json {
    object([("user_id", string(Some(key.user_id.as_str()))), ("name", string(key.name.as_deref()))])
}
