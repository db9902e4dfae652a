//! Appending events: numbered without gaps, in the order in which they become visible, each of the
//! recorder's ids at most once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, EntityTrait as _, QuerySelect as _};
use tracing::Instrument as _;

use super::entity::{audit_event, idempotency_record, sequence_head};
use super::idempotency::{Fingerprint, Recorded, recorded_before, which_are_new};
use super::insert::insert_all;
use super::tallies::Counted;
use super::uncounted::Known;
use super::{Backend, Store, Transaction, filter, organizations, tallies};
use crate::domain::diff::Changes;
use crate::domain::event::{Context, Defined, NewEvent};
use crate::domain::id::Id;
use crate::domain::tenant::Tenant;
use crate::domain::time::Time;
use crate::domain::tree::Path;
use crate::domain::{network, words};
use crate::error::{Error, Problem, Result};

/// An event with all that can be worked out before the tenant's lock is taken.
#[derive(Debug, Clone)]
pub struct PreparedEvent {
    pub(super) fingerprint: Option<Fingerprint>,
    occurred_at: Option<Time>,
    /// Its row, but for what is known only under the lock.
    row: audit_event::ActiveModel,
    /// What the server says of it on the record; appended right after it if it is new.
    notes: Vec<Self>,
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Events that are new.
    pub recorded: usize,
    /// Events that had been recorded before, with the same content.
    pub duplicates: usize,
    /// Events that the tenant's settings leave out.
    pub skipped: usize,
    /// The numbers of the first and the last new event.
    pub sequences: Option<(i64, i64)>,
}

/// Whether events were appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They were.
    Appended(Appended),
    /// Nothing was: the tenant's settings are others than those the events were prepared by.
    Stale,
}

impl PreparedEvent {
    /// An event as it is kept, recorded under the organizations of `path`.
    pub fn new(event: &NewEvent, path: Path) -> Self {
        Self {
            fingerprint: None,
            occurred_at: event.occurred_at,
            row: row(event, path),
            notes: Vec::new(),
        }
    }

    /// The event as what was given under the recorder's own id; without it, it is no duplicate of
    /// anything.
    #[must_use]
    pub fn known_as(self, fingerprint: Option<Fingerprint>) -> Self {
        Self { fingerprint, ..self }
    }

    /// The event with what the server says of it on its record.
    #[must_use]
    pub fn followed_by(self, notes: Vec<Self>) -> Self {
        Self { notes, ..self }
    }

    /// When it happened, if it was said.
    pub const fn occurred_at(&self) -> Option<Time> {
        self.occurred_at
    }

    /// The recorder's own id for it.
    pub(super) fn external_id(&self) -> Option<&str> {
        match &self.row.external_id {
            Set(Some(id)) => Some(id),
            _ => None,
        }
    }
}

impl Store {
    /// Appends one tenant's events, all or none, and returns when they are durable. Appends that
    /// arrive together share a commit. `tenant` is what the events were prepared by.
    pub async fn append(
        &self,
        tenant: &Arc<Tenant>,
        events: Vec<PreparedEvent>,
    ) -> Result<Outcome> {
        let span = self.backend().span("append");
        span.record("db.operation.batch.size", events.len());
        self.lanes.append(tenant, events).instrument(span).await
    }

    /// Appends an event of this server's own, and returns when it is durable. No setting of the tenant
    /// leaves it out.
    pub async fn append_own_event(&self, tenant_id: &Id, event: &NewEvent) -> Result<()> {
        let mut tenant = self.known_tenant(tenant_id).await?;
        loop {
            let path = match tenant.tree.path(&event.organization_id) {
                Some(path) => path,
                None => {
                    tenant = self.tenant(tenant_id).await?;
                    tenant.tree.path(&event.organization_id).ok_or_else(no_organization)?
                }
            };
            match self.append(&tenant, vec![PreparedEvent::new(event, path)]).await? {
                Outcome::Appended(_) => return Ok(()),
                Outcome::Stale => tenant = self.tenant(tenant_id).await?,
            }
        }
    }

    /// Those of a tenant's events whose ids were recorded with other content, by their place in the
    /// list. For a batch that is not appended: appending finds them by itself.
    pub async fn conflicts(
        &self,
        tenant_id: &Id,
        events: &[PreparedEvent],
    ) -> Result<Vec<Problem>> {
        let tenant = tenant_id.as_str();
        let batch = Prepared { tenant: None, events };
        let db = self.guarded(tenant_id).await?;
        let recorded = recorded_before(&db, self.backend(), tenant, &[batch]).await?;
        match which_are_new(events, &recorded) {
            Ok(_) => Ok(Vec::new()),
            Err(Error::Client(refused)) => Ok(refused.problems),
            Err(error) => Err(error),
        }
    }

    /// For each of a tenant's events, whether it was recorded before with the same content.
    pub async fn are_recorded(
        &self,
        tenant_id: &Id,
        events: &[PreparedEvent],
    ) -> Result<Vec<bool>> {
        let tenant = tenant_id.as_str();
        let batch = Prepared { tenant: None, events };
        let db = self.guarded(tenant_id).await?;
        let recorded = recorded_before(&db, self.backend(), tenant, &[batch]).await?;
        let is_recorded = |event: &PreparedEvent| {
            let earlier = event.external_id().and_then(|id| recorded.get(id));
            earlier.zip(event.fingerprint.as_ref()).is_some_and(|(earlier, own)| own.is(earlier))
        };
        Ok(events.iter().map(is_recorded).collect())
    }

    /// Appends an event of this server's own in a transaction that does more than that. No setting
    /// of the tenant leaves any of it out.
    pub async fn append_own(
        &self,
        transaction: &Transaction,
        tenant_id: &Id,
        event: &NewEvent,
    ) -> Result<()> {
        let organization_id = &event.organization_id;
        let path = organizations::locked_path(transaction, tenant_id, organization_id).await?;
        let path = path.ok_or_else(no_organization)?;
        let events = [PreparedEvent::new(event, path)];
        let batch = Prepared { tenant: None, events: &events };
        let head = lock_head(transaction, tenant_id).await?;
        let done = append(transaction, self.backend(), head, &[batch], self.now(), None).await?;
        self.appended.fetch_add(done.appended, Ordering::Relaxed);
        Ok(())
    }
}

fn no_organization() -> Error {
    Error::internal("recording what the server did", "the organization is not there")
}

/// A batch and the tenant by whose settings it was prepared; none for what no setting concerns.
#[derive(Clone, Copy)]
pub(super) struct Prepared<'a> {
    pub tenant: Option<&'a Tenant>,
    pub events: &'a [PreparedEvent],
}

/// Takes the lock under which a tenant's events are numbered, one transaction at a time.
pub(super) async fn lock_head(
    transaction: &impl ConnectionTrait,
    tenant_id: &Id,
) -> Result<sequence_head::Model> {
    let head = sequence_head::Entity::find_by_id(tenant_id.as_str()).lock_exclusive();
    head.one(transaction)
        .await?
        .ok_or_else(|| Error::internal("numbering events", "the tenant has no sequence head"))
}

/// Appends several batches of the tenant whose head is locked: what is read after that cannot change
/// until the commit. Each is appended whole or refused whole; one that is refused does not touch the
/// others. An error of the whole means that nothing was appended. What is `known` of the events that are not
/// counted is returned as it is after the commit.
pub(super) async fn append(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    head: sequence_head::Model,
    batches: &[Prepared<'_>],
    now: Time,
    mut known: Option<Known>,
) -> Result<Done> {
    let tenant = head.tenant_id.as_str();
    let mut recorded = recorded_before(transaction, backend, tenant, batches).await?;

    let mut last = head.last_sequence;
    let mut rows = Rows::default();
    let mut outcomes = Vec::with_capacity(batches.len());
    let mut tree = None;
    for Prepared { tenant: prepared_by, events } in batches {
        let is_current = |by: &&Tenant| by.revision == head.settings_revision;
        tree = prepared_by.filter(is_current).map(|by| &by.tree).or(tree);
        outcomes.push(match prepared_by {
            Some(by) if !is_current(by) => Ok(Outcome::Stale),
            _ => rows.add(events, tenant, &mut recorded, &mut last, now).map(Outcome::Appended),
        });
    }
    if last > head.last_sequence {
        let has_words = |row: &audit_event::ActiveModel| row.description_words.as_ref().is_some();
        let any_words = rows.events.iter().any(has_words);
        if let Some(known) = &mut known {
            known.add(rows.events.iter().filter_map(counted), last);
        }
        insert_all(transaction, backend, rows.events).await?;
        if any_words {
            backend.index_words(transaction, tenant, (head.last_sequence + 1, last)).await?;
        }
        insert_all(transaction, backend, rows.records).await?;
        let counted;
        (counted, known) = tallies::keep_up(transaction, backend, &head, last, known, tree).await?;
        sequence_head::Entity::update(sequence_head::ActiveModel {
            tenant_id: Set(tenant.to_owned()),
            last_sequence: Set(last),
            counted_sequence: Set(counted),
            ..Default::default()
        })
        .exec(transaction)
        .await?;
    }
    Ok(Done { outcomes, appended: last.abs_diff(head.last_sequence), known })
}

/// What appending batches of one tenant did.
pub(super) struct Done {
    /// One for each batch.
    pub outcomes: Vec<Result<Outcome>>,
    /// How many events there are more.
    pub appended: u64,
    /// What is not counted yet, as far as it is known without reading it.
    pub known: Option<Known>,
}

/// What is counted of a row.
fn counted(row: &audit_event::ActiveModel) -> Option<Counted> {
    Some(Counted {
        organization_id: row.organization_id.try_as_ref()?.clone(),
        occurred_at: *row.occurred_at.try_as_ref()?,
        resource_name: row.resource_name.try_as_ref()?.clone(),
        event_type: row.event_type.try_as_ref()?.clone(),
    })
}

/// What is to be inserted.
#[derive(Default)]
struct Rows {
    events: Vec<audit_event::ActiveModel>,
    records: Vec<idempotency_record::ActiveModel>,
}

impl Rows {
    /// Adds a batch, or nothing of it when any of its events contradicts a recorded one.
    fn add(
        &mut self,
        batch: &[PreparedEvent],
        tenant: &str,
        recorded: &mut Recorded,
        last: &mut i64,
        now: Time,
    ) -> Result<Appended> {
        let fresh = which_are_new(batch, recorded)?;
        let first = *last + 1;
        let mut appended = Appended::default();
        for (prepared, is_new) in batch.iter().zip(fresh) {
            if !is_new {
                appended.duplicates += 1;
                continue;
            }
            appended.recorded += 1;
            let occurred_at = prepared.occurred_at.unwrap_or(now);
            self.push(&prepared.row, tenant, occurred_at, last, now);
            appended.sequences = Some((first, *last));
            if let (Some(id), Some(fingerprint)) = (prepared.external_id(), &prepared.fingerprint) {
                recorded.insert(id.to_owned(), fingerprint.to_stored());
                self.records.push(idempotency_record::ActiveModel {
                    tenant_id: Set(tenant.to_owned()),
                    external_id: Set(id.to_owned()),
                    fingerprint: Set(fingerprint.to_stored()),
                    occurred_at: Set(occurred_at),
                    sequence: Set(*last),
                });
            }
            for note in &prepared.notes {
                self.push(&note.row, tenant, occurred_at, last, now);
            }
        }
        Ok(appended)
    }

    /// Adds a row under the next number.
    fn push(
        &mut self,
        row: &audit_event::ActiveModel,
        tenant: &str,
        occurred_at: Time,
        last: &mut i64,
        now: Time,
    ) {
        *last += 1;
        self.events.push(audit_event::ActiveModel {
            tenant_id: Set(tenant.to_owned()),
            occurred_at: Set(occurred_at),
            sequence: Set(*last),
            recorded_at: Set(now),
            ..row.clone()
        });
    }
}

/// The row of an event, but for its place in the log.
fn row(event: &NewEvent, path: Path) -> audit_event::ActiveModel {
    let NewEvent {
        external_id,
        organization_id,
        acting_user_id,
        event_type,
        custom_type,
        resource_name,
        custom_resource,
        resource_id,
        occurred_at: _, // part of its place in the log
        outcome,
        purpose,
        changes,
        context,
    } = event;
    let Context { ip_address, user_agent, url, page, description, request_id, metadata } =
        context.clone();
    let defined = |defined: &Option<Defined>| {
        let defined = defined.as_ref();
        (defined.map(|d| d.name.to_string()), defined.and_then(|d| d.version))
    };
    let (custom_type, custom_type_version) = defined(custom_type);
    let (custom_resource, custom_resource_version) = defined(custom_resource);
    let address = ip_address.as_ref().and_then(|address| address.parse().ok());
    audit_event::ActiveModel {
        external_id: Set(external_id.as_ref().map(Id::to_string)),
        organization_id: Set(organization_id.to_string()),
        acting_user_id: Set(acting_user_id.as_ref().map(Id::to_string)),
        event_type: Set(event_type.as_str().to_owned()),
        resource_name: Set(resource_name.as_str().to_owned()),
        resource_id: Set(resource_id.to_string()),
        changed_fields: Set(filter::fields_of(changes)),
        changes: Set(Changes::encode(changes).into_text()),
        ip_address: Set(ip_address),
        user_agent: Set(user_agent),
        url: Set(url),
        page: Set(page),
        description_words: Set(description.as_deref().and_then(words::normalized)),
        description: Set(description),
        request_id: Set(request_id),
        metadata: Set(metadata),
        outcome: Set(outcome.as_str().to_owned()),
        purpose: Set(purpose.clone()),
        custom_type: Set(custom_type),
        custom_type_version: Set(custom_type_version),
        custom_resource: Set(custom_resource),
        custom_resource_version: Set(custom_resource_version),
        ip_key: Set(address.map(network::key)),
        organization_path: Set(path.to_string()),
        ..Default::default()
    }
}
