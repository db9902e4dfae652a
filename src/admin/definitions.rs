//! Defining a tenant's own types of events and kinds of records, and retiring them.

use super::actor::{Actor, Done};
use super::input::{Answer, Input};
use super::{object, string};
use crate::domain::definition::{self, Content, Kind, Standing, next_version};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::schema::Schema;
use crate::domain::viewer::Scope;
use crate::error::{Error, Result};
use crate::store::definitions::{self, Definition, Version};
use crate::store::{Store, tenants};

/// The most definitions of one kind that a tenant has, retired ones too.
const MAX_DEFINITIONS: u64 = 1_000;

/// The most bytes that all versions of all of a tenant's definitions take.
const MAX_BYTES: i64 = 16 * 1024 * 1024;

/// The longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 2_000;

/// Defines something anew, gives it a next version when it is to say something else, or takes it up
/// again when it was retired; nothing is done when it says this already.
pub async fn define(
    store: &Store,
    actor: &Actor,
    kind: Kind,
    name: String,
    description: Option<String>,
    schema: Option<Json>,
) -> Result<Answer<Definition>> {
    let mut input = Input::default();
    let name = input.definition_name("name", name);
    let description = input.long_text("description", description, MAX_DESCRIPTION_CHARS);
    let schema = match schema {
        None | Some(Json::Null) => None,
        Some(json) => input.schema("metadata_schema", json),
    };
    let (Some(name), true) = (name, input.is_fine()) else { return Ok(Err(input.messages)) };
    let wanted = Content { description, schema };
    let (actor, tenant_id) = (actor.clone(), tenant(actor)?);
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                tenants::lock(transaction, &tenant_id).await?;
                let before = definitions::find(transaction, &tenant_id, kind, &name).await?;
                let standing = before.as_ref().and_then(standing);
                let Some(number) = next_version(standing.as_ref(), &wanted) else {
                    return before
                        .map(Ok)
                        .ok_or_else(|| Error::internal("defining", "what stands is not there"));
                };
                let count = definitions::count(transaction, &tenant_id, kind).await?;
                if before.is_none() && count >= MAX_DEFINITIONS {
                    input.mend("name", format!("is one too many: a tenant has at most {MAX_DEFINITIONS} definitions of a kind, retired ones included; take a retired one up again under its name"));
                }
                let version = Version {
                    number,
                    content: wanted,
                    defined_at: store.now(),
                    defined_by: actor.user_id().cloned(),
                };
                let bytes = definitions::bytes(transaction, &tenant_id).await?;
                if bytes + version.bytes() > MAX_BYTES {
                    input.mend("metadata_schema", format!("is too long: all versions of all of a tenant's definitions take at most {MAX_BYTES} bytes together"));
                }
                if !input.is_fine() {
                    return Ok(Err(input.messages));
                }
                definitions::add(transaction, &tenant_id, kind, &name, &version).await?;
                tenants::touch(transaction, &tenant_id).await?;
                let after = Definition { name, retired_at: None, versions: vec![version] };
                let done = Done {
                    event_type: match before {
                        None => EventType::Create,
                        Some(_) => EventType::Update,
                    },
                    before: before.as_ref().map(definition_json),
                    after: Some(definition_json(&after)),
                    ..about(kind, &tenant_id, &after.name)
                };
                actor.record(store, transaction, &tenant_id, done).await?;
                Ok(Ok(after))
            })
        })
        .await
}

/// Retires a definition: nothing more is recorded of it, and what was stays as it is. Nothing is done
/// to one that is retired already.
pub async fn retire(
    store: &Store,
    actor: &Actor,
    kind: Kind,
    name: String,
) -> Result<Answer<Definition>> {
    let (actor, tenant_id) = (actor.clone(), tenant(actor)?);
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                let mut input = Input::default();
                tenants::lock(transaction, &tenant_id).await?;
                // What cannot be a name is none that could be asked for.
                let found = match name.contains('\0') {
                    true => None,
                    false => definitions::find(transaction, &tenant_id, kind, &name).await?,
                };
                let Some(before) = input.found("name", "definition", found) else {
                    return Ok(Err(input.messages));
                };
                if before.retired_at.is_some() {
                    return Ok(Ok(before));
                }
                let now = store.now();
                definitions::retire(transaction, &tenant_id, kind, &name, now).await?;
                tenants::touch(transaction, &tenant_id).await?;
                let after = Definition { retired_at: Some(now), ..before.clone() };
                let done = Done {
                    before: Some(definition_json(&before)),
                    after: Some(definition_json(&after)),
                    ..about(kind, &tenant_id, &name)
                };
                actor.record(store, transaction, &tenant_id, done).await?;
                Ok(Ok(after))
            })
        })
        .await
}

/// The tenant whose definitions the actor may change.
fn tenant(actor: &Actor) -> Result<Id> {
    let tenant_id = actor.scope().map(Scope::tenant_id).cloned();
    tenant_id.ok_or_else(|| Error::bad_input("definitions are made by an owner, through the API"))
}

fn standing(definition: &Definition) -> Option<Standing> {
    let newest = definition.versions.last()?;
    Some(Standing {
        version: newest.number,
        retired: definition.retired_at.is_some(),
        content: newest.content.clone(),
    })
}

/// What all events about a definition say; it is the whole tenant's.
fn about(kind: Kind, tenant_id: &Id, name: &str) -> Done {
    Done {
        event_type: EventType::Update,
        resource_name: match kind {
            Kind::EventType => ResourceName::AuditEventType,
            Kind::Resource => ResourceName::AuditResource,
        },
        resource_id: Id::trusted(name.to_owned()),
        organization_id: tenant_id.clone(),
        before: None,
        after: None,
    }
}

/// The schema is one text: its parts are no fields of the definition.
fn definition_json(definition: &Definition) -> Json {
    let newest = definition.versions.last();
    let content = newest.map(|newest| newest.content.clone()).unwrap_or_default();
    object([
        ("version", newest.map_or(Json::Null, |newest| Json::Number(newest.number.to_string()))),
        ("description", string(content.description.as_deref())),
        ("metadata_schema", string(content.schema.map(|schema| schema.to_string()).as_deref())),
        ("retired", Json::Bool(definition.retired_at.is_some())),
    ])
}

impl Input {
    fn definition_name(&mut self, field: &'static str, text: String) -> Option<String> {
        self.checked(field, definition::name(text))
    }

    fn schema(&mut self, field: &'static str, json: Json) -> Option<Json> {
        self.checked(field, Schema::new(json)).map(|schema| schema.json().clone())
    }
}
