//! Administration: organizations, users, memberships, API keys.
//!
//! An owner acts within the part of the tree where they are owner; the operator, at the command
//! line, everywhere. Each change is itself recorded in the tenant's log, in the same transaction.

use crate::auth::api_key;
use crate::domain::diff::diff;
use crate::domain::event::{Context, NewEvent};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::viewer::{Membership, Permission, Scope, Viewer};
use crate::error::{Error, Result};
use crate::store::api_keys::{self, ApiKey};
use crate::store::organizations::{self, Organization};
use crate::store::users::{self, User};
use crate::store::{Store, Transaction};

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 255;

/// Something about the input that whoever sent it can mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The input field it is about.
    pub field: &'static str,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// What was made, or what about the input is to be mended.
pub type Answer<T> = std::result::Result<T, Vec<Message>>;

/// Who administers.
#[derive(Debug, Clone)]
pub struct Actor {
    who: Who,
    context: Context,
}

#[derive(Debug, Clone)]
enum Who {
    Operator,
    Owner { viewer: Viewer, scope: Scope },
}

/// The rights a membership is to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// May administer, and may view the log.
    pub is_owner: bool,
    /// May view the log.
    pub can_view_audit_log: bool,
    /// May record events.
    pub can_record: bool,
}

/// A change of a membership's rights; what is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)] // as in `Rights`
pub struct RightsChange {
    pub is_owner: Option<bool>,
    pub can_view_audit_log: Option<bool>,
    pub can_record: Option<bool>,
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

impl Actor {
    /// Whoever has the command line: may do everything, and acts as nobody in the log.
    pub fn operator() -> Self {
        Self { who: Who::Operator, context: Context::default() }
    }

    /// An owner; refused when the viewer is owner of nothing.
    pub async fn owner(store: &Store, viewer: Viewer, context: Context) -> Result<Self> {
        if !viewer.may(Permission::Administer) {
            return Err(Error::forbidden(
                "administration needs is_owner on a membership, which you have nowhere",
            ));
        }
        let scope = store.scope(&viewer, Permission::Administer).await?;
        Ok(Self { who: Who::Owner { viewer, scope }, context })
    }

    const fn user_id(&self) -> Option<&Id> {
        match &self.who {
            Who::Operator => None,
            Who::Owner { viewer, .. } => Some(&viewer.user_id),
        }
    }

    /// The organization, if the actor may administer it.
    async fn organization(&self, store: &Store, id: &Id) -> Result<Option<Organization>> {
        match &self.who {
            Who::Operator => store.organization_anywhere(id).await,
            Who::Owner { scope, .. } => {
                let found = store.organizations_in(scope, vec![id.clone()]).await?;
                Ok(found.into_iter().next())
            }
        }
    }

    /// The user, if the actor may see them: an owner sees who is a member in their part of the tree.
    async fn user(&self, store: &Store, id: &Id) -> Result<Option<(User, Vec<Membership>)>> {
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
    fn may_act_as(&self, user: &User, memberships: &[Membership]) -> bool {
        match &self.who {
            Who::Operator => true,
            Who::Owner { viewer, .. } if viewer.user_id == user.id => true,
            Who::Owner { scope, .. } => memberships.iter().all(|m| scope.holds(&m.organization_id)),
        }
    }

    /// Records what the actor did.
    async fn record(
        &self,
        store: &Store,
        transaction: &Transaction,
        tenant_id: &Id,
        done: Done,
    ) -> Result<()> {
        let event = NewEvent {
            external_id: None,
            acting_user_id: self.user_id().cloned(),
            occurred_at: None,
            organization_id: done.organization_id,
            event_type: done.event_type,
            resource_name: done.resource_name,
            resource_id: done.resource_id,
            changes: diff(done.before.as_ref(), done.after.as_ref()),
            context: self.context.clone(),
        };
        store.append_in(transaction, tenant_id, vec![event.into()]).await?;
        Ok(())
    }
}

/// An administrative change, for the log.
struct Done {
    event_type: EventType,
    resource_name: ResourceName,
    resource_id: Id,
    organization_id: Id,
    before: Option<Json>,
    after: Option<Json>,
}

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
    if parent_id.is_none() && matches!(actor.who, Who::Owner { .. }) {
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
    let actor = actor.clone();
    store
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
        .await
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
    let Who::Owner { scope, .. } = actor.who.clone() else {
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
                let after = Membership {
                    is_owner: change.is_owner.unwrap_or(before.is_owner),
                    can_view_audit_log: change
                        .can_view_audit_log
                        .unwrap_or(before.can_view_audit_log),
                    can_record: change.can_record.unwrap_or(before.can_record),
                    ..before.clone()
                };
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
    if let Some((user, memberships)) = &user
        && !actor.may_act_as(user, memberships)
    {
        input.mend(
            "user_id",
            "the user is also a member outside of your organizations: an owner above must make the key",
        );
    }
    let (Some((user, memberships)), true) = (user, input.is_fine()) else {
        return Ok(Err(input.messages));
    };
    let secret = api_key::generate(store)?;
    let key = ApiKey {
        tenant_id: user.tenant_id,
        id: random_id(store)?,
        user_id: user.id,
        name,
        created_at: store.now(),
        last_used_at: None,
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                api_keys::insert(transaction, &key, &api_key::hash(&secret)).await?;
                let done = Done {
                    event_type: EventType::Create,
                    before: None,
                    after: Some(api_key_json(&key)),
                    ..about_key(&key, &memberships)
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
    let Who::Owner { scope, .. } = actor.who.clone() else {
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
                api_keys::delete(transaction, &key).await?;
                let done = Done {
                    event_type: EventType::Destroy,
                    before: Some(api_key_json(&key)),
                    after: None,
                    ..about_key(&key, &memberships)
                };
                actor.record(store, transaction, tenant_id, done).await?;
                Ok(Ok(key))
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
    let Rights { is_owner, can_view_audit_log, can_record } = rights;
    Ok(Membership {
        id: random_id(store)?,
        user_id: user_id.clone(),
        organization_id: organization_id.clone(),
        is_owner,
        can_view_audit_log,
        can_record,
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

/// What all events about a key say. A key belongs to a user; it is logged where they are a member.
fn about_key(key: &ApiKey, memberships: &[Membership]) -> Done {
    Done {
        event_type: EventType::Update,
        resource_name: ResourceName::ApiKey,
        resource_id: key.id.clone(),
        organization_id: memberships
            .first()
            .map_or_else(|| key.tenant_id.clone(), |m| m.organization_id.clone()),
        before: None,
        after: None,
    }
}

fn membership_json(membership: &Membership) -> Json {
    let Membership { id: _, user_id, organization_id, is_owner, can_view_audit_log, can_record } =
        membership;
    object([
        ("user_id", string(Some(user_id.as_str()))),
        ("organization_id", string(Some(organization_id.as_str()))),
        ("is_owner", Json::Bool(*is_owner)),
        ("can_view_audit_log", Json::Bool(*can_view_audit_log)),
        ("can_record", Json::Bool(*can_record)),
    ])
}

fn api_key_json(key: &ApiKey) -> Json {
    object([("user_id", string(Some(key.user_id.as_str()))), ("name", string(key.name.as_deref()))])
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.map(|(key, value)| (key.to_owned(), value)).into())
}

fn string(text: Option<&str>) -> Json {
    text.map_or(Json::Null, |text| Json::String(text.to_owned()))
}

/// An id of our own making, for what the audited application does not name.
fn random_id(store: &Store) -> Result<Id> {
    let bytes: [u8; 16] = store.random_bytes()?;
    Ok(Id::trusted(format!("{:032x}", u128::from_be_bytes(bytes))))
}

fn taken<T>() -> Answer<T> {
    Err(vec![Message {
        field: "id",
        message: "the id is taken: ids are unique in the whole installation".to_owned(),
    }])
}

/// Checks input, gathering all that is to be mended.
#[derive(Default)]
struct Input {
    messages: Vec<Message>,
}

impl Input {
    fn mend(&mut self, field: &'static str, message: impl Into<String>) {
        self.messages.push(Message { field, message: message.into() });
    }

    const fn is_fine(&self) -> bool {
        self.messages.is_empty()
    }

    fn checked<T>(&mut self, field: &'static str, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.mend(field, problem)).ok()
    }

    fn id(&mut self, field: &'static str, text: String) -> Option<Id> {
        self.checked(field, Id::new(text))
    }

    fn user_id(&mut self, field: &'static str, text: String) -> Option<Id> {
        self.checked(field, Id::user(text))
    }

    /// A name or the like: short enough, and nothing in it that would break a line.
    fn text(&mut self, field: &'static str, text: Option<String>) -> Option<String> {
        let text = text?;
        if text.chars().count() > MAX_NAME_CHARS {
            self.mend(field, format!("must have at most {MAX_NAME_CHARS} characters"));
        }
        if text.chars().any(char::is_control) {
            self.mend(field, "must not hold control characters");
        }
        Some(text)
    }

    /// What is not there and what the actor may not see read the same.
    fn found<T>(&mut self, field: &'static str, what: &str, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.mend(field, format!("there is no such {what} that you may administer"));
        }
        found
    }
}
