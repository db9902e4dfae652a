//! Making, rotating, deleting and listing API keys.

use std::collections::HashMap;

use chrono::TimeDelta;

use super::actor::{Actor, Done};
use super::input::{Answer, Input};
use super::{object, random_id, string};
use crate::auth::api_key;
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::time::{self, Time};
use crate::domain::viewer::Membership;
use crate::error::{Error, Result};
use crate::store::api_keys::{self, ApiKey};
use crate::store::users::{self, User};
use crate::store::{Store, Transaction};

/// How long at most a rotated key and the one that follows it are both good.
pub const MAX_OVERLAP: TimeDelta = TimeDelta::days(7);

/// A key to make.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// The user it signs in.
    pub user_id: String,
    /// What it is for.
    pub name: Option<String>,
    /// From when on it opens nothing, as ISO 8601; never, if it is not said.
    pub expires_at: Option<String>,
}

/// A key to make in place of another one.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The key's id.
    pub id: String,
    /// How long it goes on opening what it opens; not at all, if it is zero.
    pub overlap: TimeDelta,
    /// From when on the new one opens nothing, as ISO 8601.
    pub expires_at: Option<String>,
}

/// A new key, and the secret, which is not kept and cannot be shown again.
pub type Made = (String, ApiKey);

/// Makes a key for a user.
pub async fn create_api_key(store: &Store, actor: &Actor, new: NewKey) -> Result<Answer<Made>> {
    let mut input = Input::default();
    let name = input.text("name", new.name);
    let expires_at = expiry(&mut input, new.expires_at, store.now());
    let user = match input.user_id("user_id", new.user_id) {
        None => None,
        Some(id) => input.found("user_id", "user", actor.user(store, &id).await?),
    };
    let (Some((user, _)), true) = (user, input.is_fine()) else {
        return Ok(Err(input.messages));
    };
    let (secret, key) = generate(store, &user, name, expires_at)?;
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                // Read here: what they are a member of may have changed since the user was found.
                let memberships =
                    users::memberships_of(transaction, &key.tenant_id, &key.user_id).await?;
                if !actor.may_act_as(&user.id, &memberships) {
                    input.mend(
                        "user_id",
                        "the user is also a member outside of your organizations: an owner above must make the key",
                    );
                    return Ok(Err(input.messages));
                }
                insert(store, transaction, &actor, &secret, &key, &memberships).await?;
                Ok(Ok((secret, key)))
            })
        })
        .await
}

/// Makes a key in place of another one, for the same user and of the same name; the new one, and the
/// old one as it is now.
pub async fn rotate_api_key(
    store: &Store,
    actor: &Actor,
    rotation: Rotation,
) -> Result<Answer<(Made, ApiKey)>> {
    let mut input = Input::default();
    let Rotation { id, overlap, expires_at } = rotation;
    let expires_at = expiry(&mut input, expires_at, store.now());
    if overlap < TimeDelta::zero() || overlap > MAX_OVERLAP {
        let most = MAX_OVERLAP.num_minutes();
        input.mend("overlap_minutes", format!("must be 0 to {most} minutes, seven days at most"));
    }
    let (Some(id), true) = (input.id("id", id), input.is_fine()) else {
        return Ok(Err(input.messages));
    };
    let Some(tenant_id) = tenant_of(store, actor, &id).await? else {
        return Ok(Err(unknown(input)));
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let found = administered(transaction, &actor, &tenant_id, &id).await?;
                let Some(Found { key: old, user, memberships }) = found else {
                    return Ok(Err(unknown(input)));
                };
                if let (Some(ends), None) = (old.expires_at, expires_at) {
                    let ends = time::format(ends);
                    input.mend(
                        "expires_at",
                        format!("is missing: the key was to expire, at {ends}; say when the new one does"),
                    );
                    return Ok(Err(input.messages));
                }
                let (secret, key) = generate(store, &user, old.name.clone(), expires_at)?;
                insert(store, transaction, &actor, &secret, &key, &memberships).await?;
                let old = end(store, transaction, &actor, old, overlap, &memberships).await?;
                Ok(Ok(((secret, key), old)))
            })
        })
        .await
}

/// Takes a key away; from then on it opens nothing.
pub async fn delete_api_key(store: &Store, actor: &Actor, id: String) -> Result<Answer<ApiKey>> {
    let mut input = Input::default();
    let Some(id) = input.id("id", id) else { return Ok(Err(input.messages)) };
    let Some(tenant_id) = tenant_of(store, actor, &id).await? else {
        return Ok(Err(unknown(input)));
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let found = administered(transaction, &actor, &tenant_id, &id).await?;
                let Some(Found { key, memberships, .. }) = found else {
                    return Ok(Err(unknown(input)));
                };
                let at_once = TimeDelta::zero();
                Ok(Ok(end(store, transaction, &actor, key, at_once, &memberships).await?))
            })
        })
        .await
}

/// The keys that the actor may delete, or those of one user, the newest first. The operator says whose.
pub async fn api_keys(
    store: &Store,
    actor: &Actor,
    user_id: Option<String>,
) -> Result<Vec<ApiKey>> {
    let user_id = user_id.map(|id| Id::user(id).map_err(Error::bad_input)).transpose()?;
    let tenant_id = match (actor.scope(), &user_id) {
        (Some(scope), _) => Some(scope.tenant_id().clone()),
        (None, Some(id)) => store.user_anywhere(id).await?.map(|user| user.tenant_id),
        (None, None) => None,
    };
    let Some(tenant_id) = tenant_id else { return Ok(Vec::new()) };
    let mut keys = store.api_keys(&tenant_id, user_id.as_ref()).await?;
    let whose: Vec<Id> = keys.iter().map(|key| key.user_id.clone()).collect();
    let mut memberships: HashMap<Id, Vec<Membership>> = HashMap::new();
    for membership in store.memberships_of_users(&tenant_id, whose).await? {
        memberships.entry(membership.user_id.clone()).or_default().push(membership);
    }
    keys.retain(|key| {
        let theirs = memberships.get(&key.user_id).map_or(&[][..], Vec::as_slice);
        may_administer(actor, &key.user_id, theirs)
    });
    Ok(keys)
}

/// A key that the actor may change, with whom it signs in.
struct Found {
    key: ApiKey,
    user: User,
    memberships: Vec<Membership>,
}

async fn administered(
    transaction: &Transaction,
    actor: &Actor,
    tenant_id: &Id,
    id: &Id,
) -> Result<Option<Found>> {
    let Some(key) = api_keys::find(transaction, tenant_id, id).await? else { return Ok(None) };
    let Some(user) = users::find(transaction, tenant_id, &key.user_id).await? else {
        return Ok(None);
    };
    let memberships = users::memberships_of(transaction, tenant_id, &key.user_id).await?;
    let is_theirs = may_administer(actor, &user.id, &memberships);
    Ok(is_theirs.then_some(Found { key, user, memberships }))
}

/// Whether the actor sees the user of a key, and may act as them.
fn may_administer(actor: &Actor, user_id: &Id, memberships: &[Membership]) -> bool {
    let visible = actor
        .scope()
        .is_none_or(|scope| memberships.iter().any(|m| scope.holds(&m.organization_id)));
    visible && actor.may_act_as(user_id, memberships)
}

/// Where to look for a key: an owner's own tenant, or for the operator the one that it is of.
async fn tenant_of(store: &Store, actor: &Actor, id: &Id) -> Result<Option<Id>> {
    match actor.scope() {
        Some(scope) => Ok(Some(scope.tenant_id().clone())),
        None => store.tenant_of_api_key(id).await,
    }
}

fn unknown(mut input: Input) -> Vec<super::Message> {
    input.found("id", "API key", None::<ApiKey>);
    input.messages
}

fn expiry(input: &mut Input, expires_at: Option<String>, now: Time) -> Option<Time> {
    let expires_at = input.time("expires_at", expires_at);
    if expires_at.is_some_and(|at| at <= now) {
        input.mend("expires_at", format!("must be later than now, which is {}", time::format(now)));
    }
    expires_at
}

fn generate(
    store: &Store,
    user: &User,
    name: Option<String>,
    expires_at: Option<Time>,
) -> Result<Made> {
    let secret = api_key::generate(store)?;
    let key = ApiKey {
        tenant_id: user.tenant_id.clone(),
        id: random_id(store)?,
        user_id: user.id.clone(),
        name,
        created_at: store.now(),
        last_used_at: None,
        revoked_at: None,
        expires_at,
    };
    Ok((secret, key))
}

async fn insert(
    store: &Store,
    transaction: &Transaction,
    actor: &Actor,
    secret: &str,
    key: &ApiKey,
    memberships: &[Membership],
) -> Result<()> {
    api_keys::insert(transaction, key, &api_key::hash(secret)).await?;
    let done = Done {
        event_type: EventType::Create,
        after: Some(api_key_json(key)),
        ..about_key(actor, key, memberships)
    };
    actor.record(store, transaction, &key.tenant_id, done).await
}

/// Ends a key after this time, or at once; never later than it would have ended.
async fn end(
    store: &Store,
    transaction: &Transaction,
    actor: &Actor,
    key: ApiKey,
    after: TimeDelta,
    memberships: &[Membership],
) -> Result<ApiKey> {
    let now = store.now();
    let mut ended = key.clone();
    if after.is_zero() {
        ended.revoked_at = Some(now);
    } else {
        ended.expires_at = Some(key.expires_at.map_or(now + after, |at| at.min(now + after)));
    }
    api_keys::save_end(transaction, &ended).await?;
    let about = Done { before: Some(api_key_json(&key)), ..about_key(actor, &key, memberships) };
    let done = match ended.revoked_at {
        Some(_) => Done { event_type: EventType::Destroy, ..about },
        None => Done { after: Some(api_key_json(&ended)), ..about },
    };
    actor.record(store, transaction, &key.tenant_id, done).await?;
    Ok(ended)
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
    object([
        ("user_id", string(Some(key.user_id.as_str()))),
        ("name", string(key.name.as_deref())),
        ("expires_at", string(key.expires_at.map(time::format).as_deref())),
    ])
}
