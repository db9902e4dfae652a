//! The rules by which the server writes status notes.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::Requester;
use super::administration::{FieldMessage, split, tenant_owner};
use super::people::id;
use crate::admin::{self, Kind, NewRule};
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::policy::RecordType;
use crate::domain::status_note::{Field, Rule};
use crate::error::Result;

#[derive(Default)]
pub struct NoteRuleQueries;

#[derive(Default)]
pub struct NoteRuleMutations;

/// When the server writes a note on a record, and what. What is left out of the conditions always
/// holds, and of event_types, custom_types and fields at least one is given.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct StatusNoteRuleInput {
    /// The event is of one of these types, or of one of custom_types …
    event_types: Option<Vec<EventType>>,
    /// … which are your own types …
    custom_types: Option<Vec<ID>>,
    /// … and it changed one of these fields …
    fields: Option<Vec<StatusNoteFieldInput>>,
    /// … to one of these values, written as in an event's changes.
    becomes: Option<Vec<String>>,
    /// What the note says: 1 to 500 characters. `{label}`, `{field}`, `{before}` and `{after}` are
    /// filled in for each change that matched, `{changes}` for all; `{{` and `}}` are braces.
    text: String,
}

/// A field whose changes a rule looks at.
#[derive(InputObject)]
struct StatusNoteFieldInput {
    /// Its whole name, as in an event's changes.
    field: String,
    /// What people call it; its name, if not given.
    label: Option<String>,
}

/// The rules for a kind of record, in place of those before.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct SetStatusNoteRulesInput {
    /// The kind of record.
    resource_name: ResourceName,
    /// Which kind of your own, if resource_name is CUSTOM.
    custom_resource: Option<ID>,
    /// At most 20 rules; none takes them all away.
    rules: Vec<StatusNoteRuleInput>,
}

/// When the server writes a note on a record, and what.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct StatusNoteRule {
    /// The types of event; with custom_types empty too: any.
    event_types: Vec<EventType>,
    /// The types of your own.
    custom_types: Vec<ID>,
    /// The fields of which one was changed; if there is none: any event.
    fields: Vec<StatusNoteField>,
    /// The values of which it became one; if there is none: any.
    becomes: Vec<String>,
    /// What the note says.
    text: String,
}

/// A field whose changes a rule looks at.
#[derive(SimpleObject)]
struct StatusNoteField {
    /// Its whole name.
    field: String,
    /// What people call it.
    label: Option<String>,
}

/// The rules for a kind of record.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct StatusNoteRules {
    /// The kind of record.
    resource_name: ResourceName,
    /// Which kind of your own, if resource_name is CUSTOM.
    custom_resource: Option<ID>,
    /// The rules; each that matches an event writes a note, in this order.
    rules: Vec<StatusNoteRule>,
}

/// The rules as they are now.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct SetStatusNoteRulesPayload {
    /// The rules; null when something is to be mended.
    status_note_rules: Option<StatusNoteRules>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

#[Object]
impl NoteRuleQueries {
    /// The rules by which the server writes status notes, of each kind of record that has any. For
    /// the tenant's owner.
    async fn status_note_rules(&self, ctx: &Context<'_>) -> Result<Option<Vec<StatusNoteRules>>> {
        let (store, _) = tenant_owner(ctx).await?;
        let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
        let tenant = store.tenant(&viewer.tenant_id).await?;
        let kinds = tenant.note_rules.kinds().into_iter();
        let rules = kinds.map(|(kind, rules)| shown(kind.clone(), rules.to_vec()));
        Ok(Some(rules.collect()))
    }
}

#[Object]
impl NoteRuleMutations {
    /// Sets when the server writes status notes on a kind of record. It holds for what is recorded
    /// from then on. For the tenant's owner.
    async fn set_status_note_rules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rules to set.")] input: SetStatusNoteRulesInput,
    ) -> Result<Option<SetStatusNoteRulesPayload>> {
        let (store, actor) = tenant_owner(ctx).await?;
        let SetStatusNoteRulesInput { resource_name, custom_resource, rules } = input;
        let kind = Kind {
            resource_name: Some(resource_name),
            custom_resource: custom_resource.map(String::from),
        };
        let rules = rules.into_iter().map(NewRule::from).collect();
        let answer = admin::set_status_note_rules(store, &actor, kind, rules).await?;
        let (set, messages) = split(answer);
        let status_note_rules = set.map(|(kind, rules)| shown(kind, rules));
        Ok(Some(SetStatusNoteRulesPayload { status_note_rules, messages }))
    }
}

fn shown(kind: RecordType, rules: Vec<Rule>) -> StatusNoteRules {
    let RecordType { resource_name, custom_resource } = kind;
    let rules = rules.into_iter().map(StatusNoteRule::from).collect();
    StatusNoteRules { resource_name, custom_resource: custom_resource.map(id), rules }
}

impl From<StatusNoteRuleInput> for NewRule {
    fn from(input: StatusNoteRuleInput) -> Self {
        let fields = input.fields.unwrap_or_default().into_iter();
        Self {
            event_types: input.event_types.unwrap_or_default(),
            custom_types: input
                .custom_types
                .unwrap_or_default()
                .into_iter()
                .map(String::from)
                .collect(),
            fields: fields
                .map(|StatusNoteFieldInput { field, label }| Field { field, label })
                .collect(),
            becomes: input.becomes.unwrap_or_default(),
            text: input.text,
        }
    }
}

impl From<Rule> for StatusNoteRule {
    fn from(rule: Rule) -> Self {
        let Rule { event_types, custom_types, fields, becomes, text } = rule;
        let field = |Field { field, label }| StatusNoteField { field, label };
        Self {
            event_types,
            custom_types: custom_types.into_iter().map(id).collect(),
            fields: fields.into_iter().map(field).collect(),
            becomes,
            text: text.as_str().to_owned(),
        }
    }
}
