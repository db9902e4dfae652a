//! Appending events: numbered without gaps, in the order in which they become visible, each of the
//! recorder's ids at most once.

use std::collections::HashMap;

use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait as _, ConnectionTrait, EntityTrait, Iterable as _,
    QueryFilter as _, QuerySelect as _,
};

use super::entity::{audit_event, idempotency_record, sequence_head};
use super::{Backend, Store, Transaction, filter};
use crate::domain::diff::Changes;
use crate::domain::event::NewEvent;
use crate::domain::id::Id;
use crate::domain::time::Time;
use crate::error::{Code, Error, Problem, Result};

/// An event with all that can be worked out before the tenant's lock is taken.
#[derive(Debug, Clone)]
pub struct PreparedEvent {
    event: NewEvent,
    fingerprint: Option<Vec<u8>>,
    changes: Changes,
    changed_fields: String,
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Events that are new.
    pub recorded: usize,
    /// Events that had been recorded before, with the same content.
    pub duplicates: usize,
    /// The numbers of the first and the last new event.
    pub sequences: Option<(i64, i64)>,
}

impl From<NewEvent> for PreparedEvent {
    fn from(mut event: NewEvent) -> Self {
        let fingerprint = event.external_id.is_some().then(|| event.fingerprint());
        let changes = std::mem::take(&mut event.changes);
        Self {
            fingerprint,
            changes: Changes::encode(&changes),
            changed_fields: filter::fields_of(&changes),
            event,
        }
    }
}

impl PreparedEvent {
    /// Where it happened.
    pub const fn organization_id(&self) -> &Id {
        &self.event.organization_id
    }

    /// When it happened, if it was said.
    pub const fn occurred_at(&self) -> Option<Time> {
        self.event.occurred_at
    }
}

impl Store {
    /// Appends one tenant's events, all or none, and returns when they are durable. Appends that
    /// arrive together share a commit.
    pub async fn append(&self, tenant_id: &Id, events: Vec<PreparedEvent>) -> Result<Appended> {
        self.lanes.append(tenant_id, events).await
    }

    /// Those of a tenant's events whose ids were recorded with other content, by their place in the
    /// list. For a batch that is not appended: appending finds them by itself.
    pub async fn conflicts(
        &self,
        tenant_id: &Id,
        events: &[PreparedEvent],
    ) -> Result<Vec<Problem>> {
        let tenant = tenant_id.as_str();
        let recorded = recorded_before(self.readers(), self.backend(), tenant, &[events]).await?;
        match which_are_new(events, &recorded) {
            Ok(_) => Ok(Vec::new()),
            Err(Error::Client(refused)) => Ok(refused.problems),
            Err(error) => Err(error),
        }
    }

    /// Appends events in a transaction that does more than that.
    pub async fn append_in(
        &self,
        transaction: &Transaction,
        tenant_id: &Id,
        events: Vec<PreparedEvent>,
    ) -> Result<Appended> {
        let outcomes =
            append(transaction, self.backend(), tenant_id, &[&events], self.now()).await?;
        outcomes.into_iter().next().unwrap_or(Ok(Appended::default()))
    }
}

/// Appends several batches of one tenant. Each is appended whole or refused whole; one that is
/// refused does not touch the others. An error of the whole means that nothing was appended.
pub(super) async fn append(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    tenant_id: &Id,
    batches: &[&[PreparedEvent]],
    now: Time,
) -> Result<Vec<Result<Appended>>> {
    let tenant = tenant_id.as_str();
    // The lock comes first: what is read after it cannot change until the commit.
    let head = sequence_head::Entity::find_by_id(tenant)
        .lock_exclusive()
        .one(transaction)
        .await?
        .ok_or_else(|| {
        Error::internal("numbering events", "the tenant has no sequence head")
    })?;
    let mut recorded = recorded_before(transaction, backend, tenant, batches).await?;

    let mut last = head.last_sequence;
    let mut rows = Rows::default();
    let mut outcomes = Vec::with_capacity(batches.len());
    for batch in batches {
        outcomes.push(rows.add(batch, tenant, &mut recorded, &mut last, now));
    }
    if last > head.last_sequence {
        insert_all(transaction, backend, rows.events).await?;
        insert_all(transaction, backend, rows.records).await?;
        sequence_head::Entity::update(sequence_head::ActiveModel {
            tenant_id: Set(tenant.to_owned()),
            last_sequence: Set(last),
        })
        .exec(transaction)
        .await?;
    }
    Ok(outcomes)
}

type Fingerprints = HashMap<String, Vec<u8>>;

/// The digests of those of the batches' events that had been recorded before.
async fn recorded_before(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    tenant: &str,
    batches: &[&[PreparedEvent]],
) -> Result<Fingerprints> {
    let ids: Vec<String> = batches
        .iter()
        .copied()
        .flatten()
        .filter_map(|event| event.event.external_id.as_ref())
        .map(|id| id.as_str().to_owned())
        .collect();
    if ids.is_empty() {
        return Ok(Fingerprints::new());
    }
    let found: Vec<(String, Vec<u8>)> = idempotency_record::Entity::find()
        .select_only()
        .column(idempotency_record::Column::ExternalId)
        .column(idempotency_record::Column::Fingerprint)
        .filter(idempotency_record::Column::TenantId.eq(tenant))
        .filter(backend.is_one_of(idempotency_record::Column::ExternalId, ids))
        .into_tuple()
        .all(transaction)
        .await?;
    Ok(found.into_iter().collect())
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
        recorded: &mut Fingerprints,
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
            *last += 1;
            appended.recorded += 1;
            appended.sequences = Some((first, *last));
            let occurred_at = prepared.event.occurred_at.unwrap_or(now);
            if let (Some(id), Some(fingerprint)) =
                (&prepared.event.external_id, &prepared.fingerprint)
            {
                recorded.insert(id.as_str().to_owned(), fingerprint.clone());
                self.records.push(idempotency_record::ActiveModel {
                    tenant_id: Set(tenant.to_owned()),
                    external_id: Set(id.as_str().to_owned()),
                    fingerprint: Set(fingerprint.clone()),
                    occurred_at: Set(occurred_at),
                    sequence: Set(*last),
                });
            }
            self.events.push(row(prepared, tenant, occurred_at, *last, now));
        }
        Ok(appended)
    }
}

/// For each event of a batch, whether it is new. Fails with every event whose id was recorded with
/// other content, before it in the batch or ever.
fn which_are_new(batch: &[PreparedEvent], recorded: &Fingerprints) -> Result<Vec<bool>> {
    let mut within: HashMap<&str, &[u8]> = HashMap::new();
    let mut fresh = Vec::with_capacity(batch.len());
    let mut problems = Vec::new();
    for (index, prepared) in batch.iter().enumerate() {
        let (Some(id), Some(fingerprint)) = (&prepared.event.external_id, &prepared.fingerprint)
        else {
            fresh.push(true);
            continue;
        };
        let id = id.as_str();
        let earlier = recorded.get(id).map(Vec::as_slice).or_else(|| within.get(id).copied());
        if earlier.is_some_and(|earlier| earlier != fingerprint) {
            problems.push(Problem {
                index,
                code: Code::Conflict,
                message: format!("id {id:?} was recorded before, with other content"),
            });
        }
        fresh.push(earlier.is_none());
        within.entry(id).or_insert(fingerprint);
    }
    if problems.is_empty() { Ok(fresh) } else { Err(Error::batch(problems)) }
}

fn row(
    prepared: &PreparedEvent,
    tenant: &str,
    occurred_at: Time,
    sequence: i64,
    recorded_at: Time,
) -> audit_event::ActiveModel {
    let PreparedEvent { event, fingerprint: _, changes, changed_fields } = prepared;
    let context = event.context.clone();
    audit_event::ActiveModel {
        tenant_id: Set(tenant.to_owned()),
        occurred_at: Set(occurred_at),
        sequence: Set(sequence),
        recorded_at: Set(recorded_at),
        external_id: Set(event.external_id.as_ref().map(Id::to_string)),
        organization_id: Set(event.organization_id.to_string()),
        acting_user_id: Set(event.acting_user_id.as_ref().map(Id::to_string)),
        event_type: Set(event.event_type.as_str().to_owned()),
        resource_name: Set(event.resource_name.as_str().to_owned()),
        resource_id: Set(event.resource_id.to_string()),
        changed_fields: Set(changed_fields.clone()),
        changes: Set(changes.as_str().to_owned()),
        ip_address: Set(context.ip_address),
        user_agent: Set(context.user_agent),
        url: Set(context.url),
        page: Set(context.page),
        description: Set(context.description),
        request_id: Set(context.request_id),
        metadata: Set(context.metadata),
    }
}

/// Inserts rows in as few statements as the database takes.
async fn insert_all<A>(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    rows: Vec<A>,
) -> Result<()>
where
    A: ActiveModelTrait + Send,
{
    let columns = <A::Entity as EntityTrait>::Column::iter().count();
    let size = backend.rows_per_insert(columns);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        A::Entity::insert_many(rows.by_ref().take(size))
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}
