//! What is recorded, and which fields are sensitive, on the wire.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::administration::{FieldMessage, owner, split, tenant_owner};
use super::people::id;
use crate::admin::{self, Actor, NewPolicy};
use crate::domain::id::Id;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::pattern::Pattern;
use crate::domain::policy::{Effective, Inherited, RecordType, Set};
use crate::error::Result;

#[derive(Default)]
pub struct PolicyQueries;

#[derive(Default)]
pub struct PolicyMutations;

/// What is recorded of a kind of record in an organization and below it, as it was set there. What is
/// null is inherited from above.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct AuditPolicy {
    /// The organization it was set in.
    organization_id: ID,
    /// The kind of record it is for; null for every kind.
    resource_name: Option<ResourceName>,
    /// Which of the tenant's own kinds, if resource_name is CUSTOM.
    custom_resource: Option<ID>,
    /// Whether anything is recorded.
    recorded: Option<bool>,
    /// The types of event that are recorded.
    event_types: Option<Vec<EventType>>,
    /// Of the events of type CUSTOM, the tenant's own types that are recorded.
    custom_types: Option<Vec<ID>>,
    /// The fields of which changes are recorded.
    recorded_fields: Option<Vec<String>>,
    /// The fields of which it is recorded that they changed, their values withheld.
    masked_fields: Option<Vec<String>>,
    /// The fields of which nothing is recorded.
    dropped_fields: Option<Vec<String>>,
    /// Whether fields are masked that are named like passwords, tokens, keys and other secrets.
    mask_secrets: Option<bool>,
    /// Fields that are no secrets, though they are named like some.
    plain_fields: Option<Vec<String>>,
}

/// What is recorded of a kind of record in an organization: each attribute from the nearest policy
/// that has it, on the way up the tree, one for the kind of record before one for every kind.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct EffectiveAuditPolicy {
    /// Whether anything is recorded; true by default.
    recorded: InheritedFlag,
    /// The types of event that are recorded; all of them by default.
    event_types: InheritedEventTypes,
    /// Of the events of type CUSTOM, the tenant's own types that are recorded; all by default.
    custom_types: InheritedNames,
    /// The fields of which changes are recorded; all of them by default.
    recorded_fields: InheritedFields,
    /// The fields of which it is recorded that they changed, their values withheld.
    masked_fields: InheritedFields,
    /// The fields of which nothing is recorded.
    dropped_fields: InheritedFields,
    /// Whether fields that are named like secrets are masked; true by default.
    mask_secrets: InheritedFlag,
    /// Fields that are no secrets, though they are named like some.
    plain_fields: InheritedFields,
}

/// Yes or no, and where that was set.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct InheritedFlag {
    /// What is in force.
    value: bool,
    /// Whether it is a default, set nowhere.
    is_default: bool,
    /// Where it was set; null for a default, or when you may not administer that organization.
    organization_id: Option<ID>,
}

/// Types of event, and where that was set.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct InheritedEventTypes {
    /// What is in force; null for all types.
    value: Option<Vec<EventType>>,
    /// Whether it is a default, set nowhere.
    is_default: bool,
    /// Where it was set; null for a default, or when you may not administer that organization.
    organization_id: Option<ID>,
}

/// Names of the tenant's own, and where that was set.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct InheritedNames {
    /// What is in force; null for all of them.
    value: Option<Vec<ID>>,
    /// Whether it is a default, set nowhere.
    is_default: bool,
    /// Where it was set; null for a default, or when you may not administer that organization.
    organization_id: Option<ID>,
}

/// Fields, and where that was set.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct InheritedFields {
    /// What is in force; null for all fields.
    value: Option<Vec<String>>,
    /// Whether it is a default, set nowhere.
    is_default: bool,
    /// Where it was set; null for a default, or when you may not administer that organization.
    organization_id: Option<ID>,
}

/// Fields of a kind of record whose values are shown only to members who
/// `can_view_sensitive_values`.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct SensitiveFields {
    /// The kind of record; null for every kind.
    resource_name: Option<ResourceName>,
    /// Which of the tenant's own kinds, if resource_name is CUSTOM.
    custom_resource: Option<ID>,
    /// The fields.
    fields: Vec<String>,
}

/// A policy to set, in place of the one that is set there. What is left out or null is inherited.
///
/// Fields are named by patterns: the path of a field as `resource_changes` show it, such as
/// `address.city`, for the field and all below it. `*` stands for any one key, `**.` at the start for
/// any number of keys; lists are not in the path. A dot inside a key is written `\.`, an asterisk
/// `\*`. A field that is dropped is dropped though it is masked or recorded too, and one that is
/// masked is recorded as masked though recorded_fields do not name it.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct SetAuditPolicyInput {
    /// The organization where it holds, and in all below it.
    organization_id: ID,
    /// The kind of record it is for; every kind if not given.
    resource_name: Option<ResourceName>,
    /// Which of the tenant's own kinds, with resource_name CUSTOM.
    custom_resource: Option<ID>,
    /// Whether anything is recorded.
    recorded: Option<bool>,
    /// The types of event that are recorded.
    event_types: Option<Vec<EventType>>,
    /// Of the events of type CUSTOM, the tenant's own types that are recorded.
    custom_types: Option<Vec<ID>>,
    /// The fields of which changes are recorded.
    recorded_fields: Option<Vec<String>>,
    /// The fields of which it is recorded that they changed, their values withheld.
    masked_fields: Option<Vec<String>>,
    /// The fields of which nothing is recorded.
    dropped_fields: Option<Vec<String>>,
    /// Whether fields are masked that are named like passwords, tokens, keys and other secrets.
    mask_secrets: Option<bool>,
    /// Fields that are no secrets, though they are named like some.
    plain_fields: Option<Vec<String>>,
}

/// The policy as it is set now.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct SetAuditPolicyPayload {
    /// The policy; null when something is to be mended.
    audit_policy: Option<AuditPolicy>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

/// A policy to take away.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct RemoveAuditPolicyInput {
    /// The organization it is set in.
    organization_id: ID,
    /// The kind of record it is for; the one for every kind if not given.
    resource_name: Option<ResourceName>,
    /// Which of the tenant's own kinds, with resource_name CUSTOM.
    custom_resource: Option<ID>,
}

/// The policy that is set no more.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct RemoveAuditPolicyPayload {
    /// The policy as it was; null when something is to be mended.
    audit_policy: Option<AuditPolicy>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

/// The sensitive fields of a kind of record, in place of those that are set.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct SetSensitiveFieldsInput {
    /// The kind of record; for every kind if not given, beside what is set for each.
    resource_name: Option<ResourceName>,
    /// Which of the tenant's own kinds, with resource_name CUSTOM.
    custom_resource: Option<ID>,
    /// The fields, named by patterns as in SetAuditPolicyInput; none is sensitive if it is empty.
    fields: Vec<String>,
}

/// The sensitive fields as they are set now.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct SetSensitiveFieldsPayload {
    /// The fields; null when something is to be mended.
    sensitive_fields: Option<SensitiveFields>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

#[Object(rename_args = "snake_case")]
impl PolicyQueries {
    /// The audit policies that are set in one of your organizations itself.
    async fn audit_policies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] organization_id: ID,
    ) -> Result<Option<Vec<AuditPolicy>>> {
        let (_, actor) = owner(ctx).await?;
        let sets = admin::policies_of(&actor, organization_id.into())?;
        Ok(Some(sets.into_iter().map(AuditPolicy::from).collect()))
    }

    /// What is recorded in one of your organizations, by all policies from there up.
    async fn effective_audit_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] organization_id: ID,
        #[graphql(desc = "The kind of record; if not given, any that no policy is for.")]
        resource_name: Option<ResourceName>,
        #[graphql(desc = "Which of the tenant's own kinds, with resource_name CUSTOM.")]
        custom_resource: Option<ID>,
    ) -> Result<Option<EffectiveAuditPolicy>> {
        let (_, actor) = owner(ctx).await?;
        let kind = kind(resource_name, custom_resource);
        let policy = admin::effective_policy(&actor, organization_id.into(), kind)?;
        Ok(Some(EffectiveAuditPolicy::seen_by(&actor, policy)))
    }

    /// The fields whose values are shown only to members who `can_view_sensitive_values`. For owners
    /// of the whole tenant.
    async fn sensitive_fields(&self, ctx: &Context<'_>) -> Result<Option<Vec<SensitiveFields>>> {
        let (_, actor) = tenant_owner(ctx).await?;
        let lists = admin::sensitive_fields(&actor)?;
        Ok(Some(lists.into_iter().map(SensitiveFields::from).collect()))
    }
}

#[Object]
impl PolicyMutations {
    /// Sets what is recorded of a kind of record in one of your organizations and below it. It holds
    /// for every event that is recorded from then on.
    async fn set_audit_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: SetAuditPolicyInput,
    ) -> Result<Option<SetAuditPolicyPayload>> {
        let (store, actor) = owner(ctx).await?;
        let names = |names: Vec<ID>| names.into_iter().map(String::from).collect();
        let new = NewPolicy {
            recorded: input.recorded,
            event_types: input.event_types,
            custom_types: input.custom_types.map(names),
            recorded_fields: input.recorded_fields,
            masked_fields: input.masked_fields,
            dropped_fields: input.dropped_fields,
            mask_secrets: input.mask_secrets,
            plain_fields: input.plain_fields,
        };
        let kind = kind(input.resource_name, input.custom_resource);
        let organization_id = input.organization_id.into();
        let answer = admin::set_policy(store, &actor, organization_id, kind, new).await?;
        let (set, messages) = split(answer);
        Ok(Some(SetAuditPolicyPayload { audit_policy: set.map(AuditPolicy::from), messages }))
    }

    /// Takes a policy of one of your organizations away: what it set is inherited from then on.
    async fn remove_audit_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy to take away.")] input: RemoveAuditPolicyInput,
    ) -> Result<Option<RemoveAuditPolicyPayload>> {
        let (store, actor) = owner(ctx).await?;
        let kind = kind(input.resource_name, input.custom_resource);
        let organization_id = input.organization_id.into();
        let answer = admin::remove_policy(store, &actor, organization_id, kind).await?;
        let (set, messages) = split(answer);
        Ok(Some(RemoveAuditPolicyPayload { audit_policy: set.map(AuditPolicy::from), messages }))
    }

    /// Says which fields of a kind of record are sensitive, in the whole tenant. It holds at once,
    /// for events that were recorded before too. For owners of the whole tenant.
    async fn set_sensitive_fields(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields.")] input: SetSensitiveFieldsInput,
    ) -> Result<Option<SetSensitiveFieldsPayload>> {
        let (store, actor) = tenant_owner(ctx).await?;
        let kind = kind(input.resource_name, input.custom_resource);
        let answer = admin::set_sensitive_fields(store, &actor, kind, input.fields).await?;
        let (set, messages) = split(answer);
        let sensitive_fields = set.map(SensitiveFields::from);
        Ok(Some(SetSensitiveFieldsPayload { sensitive_fields, messages }))
    }
}

fn kind(resource_name: Option<ResourceName>, custom_resource: Option<ID>) -> admin::Kind {
    admin::Kind { resource_name, custom_resource: custom_resource.map(String::from) }
}

/// A kind of record as its two names.
fn names(kind: Option<RecordType>) -> (Option<ResourceName>, Option<ID>) {
    let names = kind.map(|kind| (kind.resource_name, kind.custom_resource.map(id)));
    names.map_or((None, None), |(resource_name, custom)| (Some(resource_name), custom))
}

fn texts(patterns: Vec<Pattern>) -> Vec<String> {
    patterns.iter().map(Pattern::to_string).collect()
}

fn ids(names: Vec<Id>) -> Vec<ID> {
    names.into_iter().map(id).collect()
}

impl From<Set> for AuditPolicy {
    fn from(set: Set) -> Self {
        let (resource_name, custom_resource) = names(set.record_type);
        let policy = set.policy;
        Self {
            organization_id: id(set.organization_id),
            resource_name,
            custom_resource,
            recorded: policy.recorded,
            event_types: policy.event_types,
            custom_types: policy.custom_types.map(ids),
            recorded_fields: policy.recorded_fields.map(texts),
            masked_fields: policy.masked_fields.map(texts),
            dropped_fields: policy.dropped_fields.map(texts),
            mask_secrets: policy.mask_secrets,
            plain_fields: policy.plain_fields.map(texts),
        }
    }
}

impl From<(Option<RecordType>, Vec<Pattern>)> for SensitiveFields {
    fn from((kind, fields): (Option<RecordType>, Vec<Pattern>)) -> Self {
        let (resource_name, custom_resource) = names(kind);
        Self { resource_name, custom_resource, fields: texts(fields) }
    }
}

impl EffectiveAuditPolicy {
    /// The policy as an owner sees it, who may not see all organizations above their own.
    fn seen_by(actor: &Actor, policy: Effective) -> Self {
        let place = |from: Option<Id>| {
            (from.is_none(), from.filter(|organization| actor.administers(organization)).map(id))
        };
        let flag = |Inherited { value, from }: Inherited<bool>| {
            let (is_default, organization_id) = place(from);
            InheritedFlag { value, is_default, organization_id }
        };
        let fields = |value: Option<Vec<Pattern>>, from: Option<Id>| {
            let (is_default, organization_id) = place(from);
            InheritedFields { value: value.map(texts), is_default, organization_id }
        };
        let some_fields = |list: Inherited<Vec<Pattern>>| fields(Some(list.value), list.from);
        let (event_types, custom_types) =
            (place(policy.event_types.from), place(policy.custom_types.from));
        Self {
            recorded: flag(policy.recorded),
            event_types: InheritedEventTypes {
                value: policy.event_types.value,
                is_default: event_types.0,
                organization_id: event_types.1,
            },
            custom_types: InheritedNames {
                value: policy.custom_types.value.map(ids),
                is_default: custom_types.0,
                organization_id: custom_types.1,
            },
            recorded_fields: fields(policy.recorded_fields.value, policy.recorded_fields.from),
            masked_fields: some_fields(policy.masked_fields),
            dropped_fields: some_fields(policy.dropped_fields),
            mask_secrets: flag(policy.mask_secrets),
            plain_fields: some_fields(policy.plain_fields),
        }
    }
}
