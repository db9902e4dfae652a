//! Recording over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::Requester;
use super::scalar::{DateTime, Json};
use crate::domain::diff::Change;
use crate::domain::event::{Draft, MAX_EVENT_BYTES, object};
use crate::domain::json::Json as DomainJson;
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::error::{Code, Error, Result};
use crate::ingest::{self, Batch, MAX_EVENTS};
use crate::store::Store;

#[derive(Default)]
pub struct Recording;

/// What to record.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct RecordAuditEventsInput {
    /// The events, at most 5,000; recorded all or none.
    events: Vec<AuditEventInput>,
}

/// An event to record.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct AuditEventInput {
    /// Your own id for the event, which makes recording it idempotent within the tenant: the same id
    /// with the same content changes nothing, with other content it is a conflict.
    id: Option<ID>,
    /// Where it happened.
    organization_id: ID,
    /// Who did it; null or absent for an automatic action.
    acting_user_id: Option<ID>,
    /// What was done.
    #[graphql(name = "type")]
    event_type: EventType,
    /// The name of the tenant's own type of event; with type CUSTOM, and only then.
    custom_type: Option<ID>,
    /// What kind of record it was done to.
    resource_name: ResourceName,
    /// The name of the tenant's own kind of record; with resource_name CUSTOM, and only then.
    custom_resource: Option<ID>,
    /// The id of that record.
    resource_id: ID,
    /// When it happened; now, if not given.
    occurred_at: Option<DateTime>,
    /// How it ended; SUCCESS if not given, and FAILURE for SIGN_IN_FAILED.
    outcome: Option<Outcome>,
    /// What for: the purpose of use, such as `TREAT` or `HPAYMT`.
    purpose: Option<String>,
    /// The record before the event, as a JSON object; the server works out what changed.
    before: Option<Json>,
    /// The record after the event, as a JSON object.
    after: Option<Json>,
    /// What changed, if before and after are not given.
    changes: Option<Vec<AuditEventChangeInput>>,
    /// The IP address the acting user came from.
    ip_address: Option<String>,
    /// The program the acting user used.
    user_agent: Option<String>,
    /// The URL the action went to.
    url: Option<String>,
    /// The page or screen it was done on.
    page: Option<String>,
    /// What happened, in words.
    description: Option<String>,
    /// The request of your application that did it.
    request_id: Option<String>,
    /// Anything else, as a JSON object.
    metadata: Option<Json>,
}

/// One field's value before and after an event.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct AuditEventChangeInput {
    /// The name of the field.
    field: String,
    /// The value before, any JSON.
    before: Option<Json>,
    /// The value after, any JSON.
    after: Option<Json>,
}

/// What recording did.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct RecordAuditEventsPayload {
    /// How many events are new.
    recorded: usize,
    /// How many had been recorded before, with the same content.
    duplicates: usize,
    /// How many were left out, because the tenant's settings say that they are not recorded.
    skipped: usize,
    /// The number of the first new event; null when there is none.
    first_sequence: Option<String>,
    /// The number of the last new event; null when there is none.
    last_sequence: Option<String>,
}

#[Object]
impl Recording {
    /// Records events, all or none, and answers when they are durable. A bad batch is an error that
    /// lists every bad event by its index in `extensions.errors`.
    async fn record_audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to record.")] input: RecordAuditEventsInput,
    ) -> Result<Option<RecordAuditEventsPayload>> {
        let store = ctx.data_unchecked::<Store>();
        let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
        ingest::may_record(viewer)?;
        if input.events.len() > MAX_EVENTS {
            return Err(Error::client(
                Code::PayloadTooLarge,
                format!("at most {MAX_EVENTS} events are taken at once"),
            ));
        }
        let mut batch = Batch::default();
        for event in input.events {
            if event.size() > MAX_EVENT_BYTES {
                batch.add_too_large();
            } else {
                batch.add(event.into_draft().and_then(Draft::check));
            }
        }
        let appended = ingest::record(store, viewer, batch).await?;
        Ok(Some(RecordAuditEventsPayload {
            recorded: appended.recorded,
            duplicates: appended.duplicates,
            skipped: appended.skipped,
            first_sequence: appended.sequences.map(|(first, _)| first.to_string()),
            last_sequence: appended.sequences.map(|(_, last)| last.to_string()),
        }))
    }
}

impl AuditEventInput {
    /// About as many bytes as the event has as JSON.
    fn size(&self) -> usize {
        let given = |json: &Option<Json>| json.as_ref().map_or(0, |json| json.0.to_string().len());
        let changes = self
            .changes
            .iter()
            .flatten()
            .map(|change| change.field.len() + given(&change.before) + given(&change.after));
        let texts = [
            &self.ip_address,
            &self.user_agent,
            &self.url,
            &self.page,
            &self.description,
            &self.request_id,
        ];
        let texts = texts.into_iter().flatten().map(String::len);
        let objects = [&self.before, &self.after, &self.metadata].map(given);
        changes.chain(texts).chain(objects).sum()
    }

    fn into_draft(self) -> Result<Draft, String> {
        let json = |key, value: Option<Json>| match value {
            Some(Json(value)) => object(key, value),
            None => Ok(None),
        };
        let value = |json: Option<Json>| json.map_or(DomainJson::Null, |json| json.0);
        let changes = self.changes.map(|changes| {
            let change = |change: AuditEventChangeInput| {
                Change::new(change.field, value(change.before), value(change.after))
            };
            changes.into_iter().map(change).collect()
        });
        Ok(Draft {
            id: self.id.map(String::from),
            organization_id: Some(self.organization_id.into()),
            acting_user_id: self.acting_user_id.map(String::from),
            event_type: Some(self.event_type.to_string()),
            resource_name: Some(self.resource_name.to_string()),
            resource_id: Some(self.resource_id.into()),
            occurred_at: self.occurred_at.map(|time| time.0),
            before: json("before", self.before)?,
            after: json("after", self.after)?,
            changes,
            ip_address: self.ip_address,
            user_agent: self.user_agent,
            url: self.url,
            page: self.page,
            description: self.description,
            request_id: self.request_id,
            metadata: json("metadata", self.metadata)?,
            outcome: self.outcome.map(|outcome| outcome.to_string()),
            purpose: self.purpose,
            custom_type: self.custom_type.map(String::from),
            custom_resource: self.custom_resource.map(String::from),
        })
    }
}
