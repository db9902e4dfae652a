//! Setting what is recorded, and which fields are sensitive.

use super::actor::{Actor, Done};
use super::input::{Answer, Input};
use super::object;
use crate::domain::id::Id;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::pattern::{self, Pattern};
use crate::domain::policy::{Effective, Policy, RecordType, Set};
use crate::domain::viewer::Scope;
use crate::error::{Error, Result};
use crate::store::{Store, policies};

/// The most patterns in one list.
pub const MAX_PATTERNS: usize = 200;

/// The most custom types in a policy.
const MAX_CUSTOM_TYPES: usize = 200;

/// A kind of record as it is named: nothing for every kind.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // as in `RecordType`
pub struct Kind {
    pub resource_name: Option<ResourceName>,
    pub custom_resource: Option<String>,
}

/// A policy to be set; what is `None` is inherited.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // as in `Policy`
pub struct NewPolicy {
    pub recorded: Option<bool>,
    pub event_types: Option<Vec<EventType>>,
    pub custom_types: Option<Vec<String>>,
    pub recorded_fields: Option<Vec<String>>,
    pub masked_fields: Option<Vec<String>>,
    pub dropped_fields: Option<Vec<String>>,
    pub mask_secrets: Option<bool>,
    pub plain_fields: Option<Vec<String>>,
}

impl Kind {
    /// The kind; nothing for every one. The error says what is wrong with which of the two names.
    pub fn check(self) -> std::result::Result<Option<RecordType>, (&'static str, String)> {
        let Self { resource_name, custom_resource } = self;
        let of_custom = "custom_resource";
        match (resource_name, custom_resource) {
            (None, None) => Ok(None),
            (Some(name), _) if name.is_reserved() => Err((
                "resource_name",
                "is this server's own: what it does itself is always recorded in full".to_owned(),
            )),
            (Some(ResourceName::Custom), Some(custom)) => {
                let custom = Id::new(custom).map_err(|problem| (of_custom, problem))?;
                let resource_name = ResourceName::Custom;
                Ok(Some(RecordType { resource_name, custom_resource: Some(custom) }))
            }
            (Some(ResourceName::Custom), None) => {
                Err((of_custom, "is missing: resource_name is CUSTOM".to_owned()))
            }
            (Some(resource_name), None) => {
                Ok(Some(RecordType { resource_name, custom_resource: None }))
            }
            (_, Some(_)) => Err((of_custom, "is given only with resource_name CUSTOM".to_owned())),
        }
    }
}

/// Sets the policy of an organization for a kind of record, or for all, in place of the one before.
pub async fn set_policy(
    store: &Store,
    actor: &Actor,
    organization_id: String,
    kind: Kind,
    new: NewPolicy,
) -> Result<Answer<Set>> {
    let mut input = Input::default();
    let place = place(&mut input, organization_id, kind);
    let policy = policy(&mut input, new);
    let (Some((organization_id, record_type)), true) = (place, input.is_fine()) else {
        return Ok(Err(input.messages));
    };
    if policy == Policy::default() {
        input.mend(
            "recorded",
            "is missing, as is every other attribute: a policy sets one at least, and \
             removeAuditPolicy takes it away",
        );
        return Ok(Err(input.messages));
    }
    let set = Set { organization_id, record_type, policy };
    change(store, actor, input, set, true).await
}

/// Takes the policy of an organization for a kind of record, or for all, away.
pub async fn remove_policy(
    store: &Store,
    actor: &Actor,
    organization_id: String,
    kind: Kind,
) -> Result<Answer<Set>> {
    let mut input = Input::default();
    let Some((organization_id, record_type)) = place(&mut input, organization_id, kind) else {
        return Ok(Err(input.messages));
    };
    let set = Set { organization_id, record_type, policy: Policy::default() };
    change(store, actor, input, set, false).await
}

/// Puts a policy in the place of the one that is there, or takes that one away; what was put or
/// taken.
async fn change(
    store: &Store,
    actor: &Actor,
    mut input: Input,
    set: Set,
    put: bool,
) -> Result<Answer<Set>> {
    let organization = actor.organization(store, &set.organization_id).await?;
    let Some(organization) = input.found("organization_id", "organization", organization) else {
        return Ok(Err(input.messages));
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let tenant_id = &organization.tenant_id;
                let kind = set.record_type.as_ref();
                let before =
                    policies::find(transaction, tenant_id, &set.organization_id, kind).await?;
                let event_type = match (&before, put) {
                    (None, true) => EventType::Create,
                    (Some(before), true) if *before == set.policy => return Ok(Ok(set)),
                    (Some(_), true) => EventType::Update,
                    (Some(_), false) => EventType::Destroy,
                    (None, false) => {
                        input.mend(
                            "organization_id",
                            "has no policy of its own for this kind of record",
                        );
                        return Ok(Err(input.messages));
                    }
                };
                if put {
                    policies::put(transaction, tenant_id, &set).await?;
                } else {
                    policies::remove(transaction, tenant_id, &set.organization_id, kind).await?;
                }
                let done = Done {
                    event_type,
                    resource_name: ResourceName::AuditPolicy,
                    resource_id: name(kind),
                    organization_id: set.organization_id.clone(),
                    before: before.as_ref().map(Policy::to_json),
                    after: put.then(|| set.policy.to_json()),
                };
                actor.record(store, transaction, tenant_id, done).await?;
                let policy = if put { set.policy } else { before.unwrap_or_default() };
                Ok(Ok(Set { policy, ..set }))
            })
        })
        .await
}

/// Sets the sensitive fields of a kind of record, or of all, of a whole tenant.
pub async fn set_sensitive_fields(
    store: &Store,
    actor: &Actor,
    kind: Kind,
    fields: Vec<String>,
) -> Result<Answer<(Option<RecordType>, Vec<Pattern>)>> {
    let mut input = Input::default();
    let kind = checked_kind(&mut input, kind);
    let fields = patterns(&mut input, "fields", fields);
    let (Some(kind), true) = (kind, input.is_fine()) else { return Ok(Err(input.messages)) };
    let tenant_id = by_an_owner(actor)?.tenant_id().clone();
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let before =
                    policies::find_sensitive(transaction, &tenant_id, kind.as_ref()).await?;
                if before == fields {
                    return Ok(Ok((kind, fields)));
                }
                policies::put_sensitive(transaction, &tenant_id, kind.as_ref(), &fields).await?;
                let json = |fields: &[Pattern]| {
                    Some(object([("sensitive_fields", pattern::to_json(fields))]))
                };
                let done = Done {
                    event_type: EventType::Update,
                    resource_name: ResourceName::AuditSettings,
                    resource_id: name(kind.as_ref()),
                    organization_id: tenant_id.clone(),
                    before: json(&before),
                    after: json(&fields),
                };
                actor.record(store, transaction, &tenant_id, done).await?;
                Ok(Ok((kind, fields)))
            })
        })
        .await
}

/// The policies that are set in an organization itself, the one for every kind of record first.
pub fn policies_of(actor: &Actor, organization_id: String) -> Result<Vec<Set>> {
    let (scope, id) = asked_of(actor, organization_id)?;
    let mut sets: Vec<Set> = scope.tenant().policies.set_in(&id).into_iter().cloned().collect();
    sets.sort_by(|a, b| a.record_type.cmp(&b.record_type));
    Ok(sets)
}

/// The policy in force in an organization for a kind of record; for every kind, what holds for those
/// that have none of their own.
pub fn effective_policy(actor: &Actor, organization_id: String, kind: Kind) -> Result<Effective> {
    let (scope, id) = asked_of(actor, organization_id)?;
    let kind =
        kind.check().map_err(|(field, problem)| Error::bad_input(format!("{field} {problem}")))?;
    let tenant = scope.tenant();
    Ok(tenant.policies.effective(tenant.tree.upward(&id), kind.as_ref()))
}

/// The sensitive fields of a tenant, those of every kind of record first.
pub fn sensitive_fields(actor: &Actor) -> Result<Vec<(Option<RecordType>, Vec<Pattern>)>> {
    let mut lists = by_an_owner(actor)?.tenant().sensitive_fields.lists().to_vec();
    lists.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(lists)
}

fn asked_of(actor: &Actor, organization_id: String) -> Result<(&Scope, Id)> {
    let scope = by_an_owner(actor)?;
    let id = Id::new(organization_id)
        .map_err(|problem| Error::bad_input(format!("organization_id {problem}")))?;
    if !scope.holds(&id) {
        return Err(Error::not_found(
            "organization_id names no organization that you may administer",
        ));
    }
    Ok((scope, id))
}

fn by_an_owner(actor: &Actor) -> Result<&Scope> {
    let refused = || Error::bad_input("policies are an owner's, through the API");
    actor.scope().ok_or_else(refused)
}

fn place(
    input: &mut Input,
    organization_id: String,
    kind: Kind,
) -> Option<(Id, Option<RecordType>)> {
    let organization_id = input.id("organization_id", organization_id);
    let kind = checked_kind(input, kind);
    Some((organization_id?, kind?))
}

pub(super) fn checked_kind(input: &mut Input, kind: Kind) -> Option<Option<RecordType>> {
    kind.check().map_err(|(field, problem)| input.mend(field, problem)).ok()
}

fn policy(input: &mut Input, new: NewPolicy) -> Policy {
    let NewPolicy {
        recorded,
        event_types,
        custom_types,
        recorded_fields,
        masked_fields,
        dropped_fields,
        mask_secrets,
        plain_fields,
    } = new;
    let reserved = |event_type: &EventType| event_type.is_reserved();
    if let Some(reserved) = event_types.iter().flatten().find(|event_type| reserved(event_type)) {
        input.mend("event_types", format!("names {reserved}, which is always recorded"));
    }
    let mut list =
        |field, texts: Option<Vec<String>>| texts.map(|texts| patterns(input, field, texts));
    let recorded_fields = list("recorded_fields", recorded_fields);
    let masked_fields = list("masked_fields", masked_fields);
    let dropped_fields = list("dropped_fields", dropped_fields);
    let plain_fields = list("plain_fields", plain_fields);
    Policy {
        recorded,
        event_types,
        custom_types: custom_types
            .map(|names| items(input, "custom_types", names, MAX_CUSTOM_TYPES, Id::new)),
        recorded_fields,
        masked_fields,
        dropped_fields,
        mask_secrets,
        plain_fields,
    }
}

fn patterns(input: &mut Input, field: &'static str, texts: Vec<String>) -> Vec<Pattern> {
    items(input, field, texts, MAX_PATTERNS, Pattern::new)
}

/// The items of a list, each checked; of those that are wrong, the first one is said.
fn items<T>(
    input: &mut Input,
    field: &'static str,
    texts: Vec<String>,
    most: usize,
    check: impl Fn(String) -> std::result::Result<T, String>,
) -> Vec<T> {
    if texts.len() > most {
        input.mend(field, format!("has {} items, and may have {most}", texts.len()));
        return Vec::new();
    }
    let mut checked = Vec::with_capacity(texts.len());
    for (i, text) in texts.into_iter().enumerate() {
        match check(text) {
            Ok(item) => checked.push(item),
            Err(problem) => {
                input.mend(field, format!("item {i} {problem}"));
                break;
            }
        }
    }
    checked
}

/// What the log names a policy by: the kind of record it is for.
pub(super) fn name(kind: Option<&RecordType>) -> Id {
    Id::trusted(match kind {
        None => "*".to_owned(),
        Some(RecordType { resource_name, custom_resource: None }) => resource_name.to_string(),
        Some(RecordType { resource_name, custom_resource: Some(custom) }) => {
            format!("{resource_name}/{custom}")
        }
    })
}
