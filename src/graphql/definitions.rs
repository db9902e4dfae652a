//! A tenant's own types of events and kinds of records.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Lookahead, Object, SimpleObject};

use super::Requester;
use super::administration::{FieldMessage, split, tenant_owner};
use super::people::User;
use super::scalar::{DateTime, Json};
use crate::admin::{self, Answer};
use crate::domain::definition::Kind;
use crate::domain::id::Id;
use crate::domain::viewer::Permission;
use crate::error::{Error, Result};
use crate::store::{Store, definitions};

#[derive(Default)]
pub struct DefinitionQueries;

#[derive(Default)]
pub struct DefinitionMutations;

/// A tenant's own type of event or kind of record.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct AuditDefinition {
    /// Its name: what events give as custom_type or custom_resource.
    name: String,
    /// Since when nothing more is recorded of it; null while something is.
    retired_at: Option<DateTime>,
    /// The newest version.
    current: AuditDefinitionVersion,
    /// Every version, oldest first.
    versions: Vec<AuditDefinitionVersion>,
}

/// What a definition says from one change to the next.
#[derive(SimpleObject, Clone)]
#[graphql(rename_fields = "snake_case")]
struct AuditDefinitionVersion {
    /// Its number: 1, 2, …; an event answers it as custom_type_version or custom_resource_version.
    version: i64,
    /// What it is for.
    description: Option<String>,
    /// The JSON Schema that an event's metadata must satisfy; null when any will do.
    metadata_schema: Option<Json>,
    /// When it was defined.
    defined_at: DateTime,
    /// Who defined it.
    defined_by: Option<User>,
}

/// What is given of a definition; each mutation has an input type of its own, named after it.
struct Given {
    name: String,
    description: Option<String>,
    metadata_schema: Option<Json>,
}

macro_rules! inputs {
    ($($define:ident = $defined:literal, $retire:ident = $retired:literal;)+) => {$(
        #[doc = $defined]
        #[derive(InputObject)]
        #[graphql(rename_fields = "snake_case")]
        struct $define {
            /// Its name, such as "patient.consent_signed": words of letters, digits, _ and -, separated
            /// by dots, the first character a letter; at most 100 characters, nothing built in.
            name: String,
            /// What it is for; at most 2,000 characters.
            description: Option<String>,
            /// The JSON Schema (draft 2020-12, unless its $schema says another) that an event's
            /// metadata must satisfy; any will do, if not given. At most 64 KiB; it refers to nothing
            /// outside of itself.
            metadata_schema: Option<Json>,
        }

        impl From<$define> for Given {
            fn from($define { name, description, metadata_schema }: $define) -> Self {
                Self { name, description, metadata_schema }
            }
        }

        #[doc = $retired]
        #[derive(InputObject)]
        struct $retire {
            /// Its name.
            name: String,
        }
    )+};
}

inputs! {
    DefineAuditEventTypeInput = "A type of event to define.",
    RetireAuditEventTypeInput = "A type of event to retire.";
    DefineAuditResourceInput = "A kind of record to define.",
    RetireAuditResourceInput = "A kind of record to retire.";
}

/// The type of event as it is now.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct AuditEventTypePayload {
    /// The definition; null when something is to be mended.
    audit_event_type: Option<AuditDefinition>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

/// The kind of record as it is now.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct AuditResourcePayload {
    /// The definition; null when something is to be mended.
    audit_resource: Option<AuditDefinition>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

#[Object(rename_args = "snake_case")]
impl DefinitionQueries {
    /// Your tenant's own types of events, by name. For whoever may view the log, record or administer.
    async fn audit_event_types(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only the one of this name.")] name: Option<String>,
        #[graphql(desc = "Retired ones too; false if not given.")] include_retired: Option<bool>,
    ) -> Result<Option<Vec<AuditDefinition>>> {
        list(ctx, Kind::EventType, name, include_retired).await.map(Some)
    }

    /// Your tenant's own kinds of records, by name. For whoever may view the log, record or administer.
    async fn audit_resources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only the one of this name.")] name: Option<String>,
        #[graphql(desc = "Retired ones too; false if not given.")] include_retired: Option<bool>,
    ) -> Result<Option<Vec<AuditDefinition>>> {
        list(ctx, Kind::Resource, name, include_retired).await.map(Some)
    }
}

#[Object]
impl DefinitionMutations {
    /// Defines a type of event of your tenant's own, to record as type CUSTOM with custom_type. With a
    /// name that is there, this makes a next version when it says something else, changes nothing when
    /// it says the same, and takes a retired one up again. For the tenant's owner.
    async fn define_audit_event_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to define.")] input: DefineAuditEventTypeInput,
    ) -> Result<Option<AuditEventTypePayload>> {
        let (audit_event_type, messages) = define(ctx, Kind::EventType, input.into()).await?;
        Ok(Some(AuditEventTypePayload { audit_event_type, messages }))
    }

    /// Retires a type of event: nothing more is recorded of it; what was stays and is found as before.
    /// For the tenant's owner.
    async fn retire_audit_event_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to retire.")] input: RetireAuditEventTypeInput,
    ) -> Result<Option<AuditEventTypePayload>> {
        let (audit_event_type, messages) = retire(ctx, Kind::EventType, input.name).await?;
        Ok(Some(AuditEventTypePayload { audit_event_type, messages }))
    }

    /// Defines a kind of record of your tenant's own, to record events on as resource_name CUSTOM with
    /// custom_resource; versions are as for defineAuditEventType. For the tenant's owner.
    async fn define_audit_resource(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to define.")] input: DefineAuditResourceInput,
    ) -> Result<Option<AuditResourcePayload>> {
        let (audit_resource, messages) = define(ctx, Kind::Resource, input.into()).await?;
        Ok(Some(AuditResourcePayload { audit_resource, messages }))
    }

    /// Retires a kind of record: no more events are recorded on it; those that were stay and are found
    /// as before. For the tenant's owner.
    async fn retire_audit_resource(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to retire.")] input: RetireAuditResourceInput,
    ) -> Result<Option<AuditResourcePayload>> {
        let (audit_resource, messages) = retire(ctx, Kind::Resource, input.name).await?;
        Ok(Some(AuditResourcePayload { audit_resource, messages }))
    }
}

async fn list(
    ctx: &Context<'_>,
    kind: Kind,
    name: Option<String>,
    include_retired: Option<bool>,
) -> Result<Vec<AuditDefinition>> {
    let store = ctx.data_unchecked::<Store>();
    let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
    let enough = [Permission::ViewAuditLog, Permission::Record, Permission::Administer];
    if !enough.into_iter().any(|permission| viewer.may(permission)) {
        return Err(Error::forbidden(
            "reading definitions needs can_view_audit_log, can_record or is_owner on a membership",
        ));
    }
    if name.as_ref().is_some_and(|name| name.contains('\0')) {
        return Err(Error::bad_input("name must not hold U+0000"));
    }
    let selected = ctx.look_ahead();
    let versions = wanted(&selected);
    let mut found = store.definitions(&viewer.tenant_id, kind, name.as_deref(), versions).await?;
    if !include_retired.unwrap_or_default() {
        found.retain(|definition| definition.retired_at.is_none());
    }
    AuditDefinition::load(store, &viewer.tenant_id, found).await
}

async fn define(
    ctx: &Context<'_>,
    kind: Kind,
    given: Given,
) -> Result<(Option<AuditDefinition>, Vec<FieldMessage>)> {
    let (store, actor) = tenant_owner(ctx).await?;
    let Given { name, description, metadata_schema } = given;
    let schema = metadata_schema.map(|Json(schema)| schema);
    let answer = admin::define(store, &actor, kind, name, description, schema).await?;
    changed(ctx, kind, answer).await
}

async fn retire(
    ctx: &Context<'_>,
    kind: Kind,
    name: String,
) -> Result<(Option<AuditDefinition>, Vec<FieldMessage>)> {
    let (store, actor) = tenant_owner(ctx).await?;
    let answer = admin::retire(store, &actor, kind, name).await?;
    changed(ctx, kind, answer).await
}

/// A changed definition, with the versions that are selected.
async fn changed(
    ctx: &Context<'_>,
    kind: Kind,
    answer: Answer<definitions::Definition>,
) -> Result<(Option<AuditDefinition>, Vec<FieldMessage>)> {
    let store = ctx.data_unchecked::<Store>();
    let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
    let tenant_id = &viewer.tenant_id;
    let (definition, messages) = split(answer);
    let selected = ctx.look_ahead();
    let payload = match kind {
        Kind::EventType => selected.field("audit_event_type"),
        Kind::Resource => selected.field("audit_resource"),
    };
    let definitions = match definition {
        Some(definition) if wanted(&payload) == definitions::Versions::All => {
            let name = Some(definition.name.as_str());
            store.definitions(tenant_id, kind, name, definitions::Versions::All).await?
        }
        one => one.into_iter().collect(),
    };
    let mut loaded = AuditDefinition::load(store, tenant_id, definitions).await?;
    Ok((loaded.pop(), messages))
}

/// Which versions a selection below a definition wants.
fn wanted(definition: &Lookahead<'_>) -> definitions::Versions {
    match definition.field("versions").exists() {
        true => definitions::Versions::All,
        false => definitions::Versions::Newest,
    }
}

impl AuditDefinition {
    /// Definitions on the wire; those who defined them are read at once.
    async fn load(
        store: &Store,
        tenant_id: &Id,
        definitions: Vec<definitions::Definition>,
    ) -> Result<Vec<Self>> {
        let versions = definitions.iter().flat_map(|definition| &definition.versions);
        let mut ids: Vec<Id> = versions.filter_map(|version| version.defined_by.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = store.users_in(tenant_id, ids).await?;
        let users: HashMap<Id, User> =
            found.into_iter().map(|user| (user.id.clone(), User::from(user))).collect();
        let definitions = definitions.into_iter().filter_map(|definition| {
            let versions: Vec<_> = definition
                .versions
                .into_iter()
                .map(|version| AuditDefinitionVersion {
                    version: version.number,
                    description: version.content.description,
                    metadata_schema: version.content.schema.map(Json),
                    defined_at: version.defined_at.into(),
                    defined_by: version
                        .defined_by
                        .map(|id| users.get(&id).cloned().unwrap_or_else(|| User::unknown(id))),
                })
                .collect();
            Some(Self {
                name: definition.name,
                retired_at: definition.retired_at.map(DateTime::from),
                current: versions.last()?.clone(),
                versions,
            })
        });
        Ok(definitions.collect())
    }
}
