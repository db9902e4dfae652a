//! Removing what need not be kept, a batch at a time.
//!
//! Each batch is a short transaction under the tenant's lock, as an append is: what was found to be
//! due is removed only if no setting and no hold has changed since. What a run has removed is counted
//! in the same transactions, so that a run that is interrupted can be told of as a whole when it has
//! been resumed.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoSimpleExpr as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::append::lock_head;
use super::entity::audit_event::{self, Column};
use super::entity::{idempotency_record, purge_run, tenant_plan};
use super::partitions::Partition;
use super::purge_runs::{Removed, add, begin};
use super::tallies::{self, Counted};
use super::{Backend, Store, Transaction, holds, tenants};
use crate::domain::hold::Hold;
use crate::domain::id::Id;
use crate::domain::page::Position;
use crate::domain::tenant::Tenant;
use crate::domain::time::Time;
use crate::error::Result;

/// What is to be purged of a tenant's log.
#[derive(Debug, Clone)]
pub struct Due {
    tenant: Arc<Tenant>,
    holds: Arc<[Hold]>,
    before: Time,
}

/// What came of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// This many events were removed.
    Removed(u64),
    /// None was: the tenant's settings or holds have changed since it was found what is due.
    Stale,
}

impl Due {
    /// Events before this time are due, but for what is held.
    pub const fn before(&self) -> Time {
        self.before
    }

    /// The same, of events before another time only, if that is earlier.
    pub fn but_before(self, time: Time) -> Self {
        Self { before: Ord::min(self.before, time), ..self }
    }

    /// Whether a partition holds events of the tenant that are held.
    pub(super) async fn is_any_held(
        &self,
        db: &impl ConnectionTrait,
        partition: Partition,
    ) -> Result<bool> {
        if self.holds.is_empty() {
            return Ok(false);
        }
        let covered = holds::covered(Backend::of(db), &self.tenant.tree, &self.holds);
        let found: Option<i64> = audit_event::Entity::find()
            .select_only()
            .column(Column::Sequence)
            .filter(Column::TenantId.eq(self.tenant.id.as_str()))
            .filter(
                Condition::all()
                    .add_option(partition.start().map(|start| Column::OccurredAt.gte(start)))
                    .add_option(partition.end().map(|end| Column::OccurredAt.lt(end))),
            )
            .filter(covered)
            .into_tuple()
            .one(db)
            .await?;
        Ok(found.is_some())
    }

    /// The events that are due.
    fn condition(&self, store: &Store) -> Condition {
        let held = (!self.holds.is_empty())
            .then(|| holds::covered(store.backend(), &self.tenant.tree, &self.holds).not());
        Condition::all()
            .add(Column::TenantId.eq(self.tenant.id.as_str()))
            .add(Column::OccurredAt.lt(self.before))
            .add_option(held)
    }
}

impl Store {
    /// The tenants of which something may have to be purged.
    pub async fn tenants_to_purge(&self) -> Result<Vec<Id>> {
        let limited = tenant_plan::Entity::find()
            .select_only()
            .column(tenant_plan::Column::TenantId)
            .into_tuple()
            .all(self.readers());
        let interrupted = purge_run::Entity::find()
            .select_only()
            .column(purge_run::Column::TenantId)
            .filter(purge_run::Column::FinishedAt.is_null())
            .into_tuple()
            .all(self.readers());
        let mut ids: Vec<String> = limited.await?;
        ids.extend(interrupted.await?);
        ids.sort_unstable();
        ids.dedup();
        Ok(ids.into_iter().map(Id::trusted).collect())
    }

    /// What is to be purged of a tenant's log at this moment; nothing when all of it is kept.
    pub async fn due(&self, tenant_id: &Id) -> Result<Option<Due>> {
        let tenant = self.tenant(tenant_id).await?;
        let Some(before) = tenant.retention.due_before(self.now()) else { return Ok(None) };
        let holds = self.holds(tenant_id, false).await?.into();
        Ok(Some(Due { tenant, holds, before }))
    }

    /// How much is due.
    pub async fn count_due(&self, due: &Due) -> Result<Removed> {
        let found: Option<(i64, Option<Time>, Option<Time>)> = audit_event::Entity::find()
            .select_only()
            .column_as(Expr::col(Column::Sequence).count(), "number")
            .column_as(Expr::col(Column::OccurredAt).min(), "oldest")
            .column_as(Expr::col(Column::OccurredAt).max(), "newest")
            .filter(due.condition(self))
            .into_tuple()
            .one(self.readers())
            .await?;
        let (count, oldest, newest) = found.unwrap_or_default();
        Ok(Removed { count: count.unsigned_abs(), range: oldest.zip(newest) })
    }

    /// The last event of the next batch of what is due, after a position; nothing when that was all.
    pub async fn next_due(
        &self,
        due: &Due,
        after: Option<Position>,
        size: u64,
    ) -> Result<Option<Position>> {
        let after = after.map(|Position { occurred_at, sequence }| {
            // The bound on `occurred_at` alone lets PostgreSQL leave whole partitions out.
            place().gt(at(occurred_at, sequence)).and(Column::OccurredAt.gte(occurred_at))
        });
        let found: Vec<(Time, i64)> = audit_event::Entity::find()
            .select_only()
            .column(Column::OccurredAt)
            .column(Column::Sequence)
            .filter(due.condition(self).add_option(after))
            .order_by_asc(Column::OccurredAt)
            .order_by_asc(Column::Sequence)
            .limit(size)
            .into_tuple()
            .all(self.readers())
            .await?;
        let last = found.last();
        Ok(last.map(|(occurred_at, sequence)| Position {
            occurred_at: *occurred_at,
            sequence: *sequence,
        }))
    }

    /// Removes what is due up to a position, and counts it in the tenant's run, which begins if there
    /// is none.
    pub async fn purge_batch(&self, due: &Due, upto: Position) -> Result<Batch> {
        let due = due.clone();
        self.write_at_leisure(move |store, transaction| {
            Box::pin(async move {
                let tenant_id = &due.tenant.id;
                if tenants::lock(transaction, tenant_id).await? != due.tenant.revision {
                    return Ok(Batch::Stale);
                }
                let run = begin(store, transaction, tenant_id, due.before).await?;
                let removed = remove(store, transaction, &due, upto).await?;
                add(transaction, tenant_id, run, removed).await?;
                Ok(Batch::Removed(removed.count))
            })
        })
        .await
    }

    /// Sees to it that a run of purging is under way for a tenant and that nothing is shown any more
    /// of what it may remove; false when the settings or holds have changed.
    pub(super) async fn begin_purge_run(&self, due: &Due) -> Result<bool> {
        let due = due.clone();
        self.write_at_leisure(move |store, transaction| {
            Box::pin(async move {
                let tenant_id = &due.tenant.id;
                if tenants::lock(transaction, tenant_id).await? != due.tenant.revision {
                    return Ok(false);
                }
                begin(store, transaction, tenant_id, due.before).await?;
                Ok(true)
            })
        })
        .await
    }
}

/// An event's place in its tenant's log.
fn place() -> Expr {
    Expr::tuple([Column::OccurredAt.into_simple_expr(), Column::Sequence.into_simple_expr()])
}

fn at(occurred_at: Time, sequence: i64) -> Expr {
    Expr::tuple([Expr::val(occurred_at), Expr::val(sequence)])
}

/// Removes the events that are due up to a position, and what is kept beside them.
async fn remove(
    store: &Store,
    transaction: &Transaction,
    due: &Due,
    upto: Position,
) -> Result<Removed> {
    let Position { occurred_at, sequence } = upto;
    let upto = place().lte(at(occurred_at, sequence));
    // One bound on the time alone, as for what is read (`store::filter`).
    let after = occurred_at.checked_add_signed(TimeDelta::microseconds(1));
    let those = due.clone().but_before(after.unwrap_or(due.before));
    let delete = Query::delete()
        .from_table(audit_event::Entity)
        .cond_where(those.condition(store).add(upto))
        .returning(Query::returning().columns([
            Column::OccurredAt,
            Column::Sequence,
            Column::ExternalId,
            Column::OrganizationId,
            Column::ResourceName,
            Column::EventType,
        ]))
        .take();
    let head = lock_head(transaction, &due.tenant.id).await?;
    let (mut removed, mut counted) = (Removed::default(), Vec::new());
    let (mut sequences, mut external_ids) = (Vec::new(), Vec::new());
    for row in transaction.query_all(&delete).await? {
        let occurred_at: Time = row.try_get("", "occurred_at")?;
        removed = removed.and(Removed { count: 1, range: Some((occurred_at, occurred_at)) });
        let sequence: i64 = row.try_get("", "sequence")?;
        if sequence <= head.counted_sequence {
            counted.push(Counted {
                organization_id: row.try_get("", "organization_id")?,
                occurred_at,
                resource_name: row.try_get("", "resource_name")?,
                event_type: row.try_get("", "event_type")?,
            });
        }
        sequences.push(sequence);
        external_ids.extend(row.try_get::<Option<String>>("", "external_id")?);
    }
    let Tenant { id, tree, .. } = &*due.tenant;
    tallies::change(transaction, store.backend(), id, tree, &counted, -1).await?;
    if counted.len() < sequences.len() {
        tallies::move_on(transaction, store.backend(), &head).await?;
    }
    store.backend().forget_words(transaction, &due.tenant.id, &sequences).await?;
    if !external_ids.is_empty() {
        idempotency_record::Entity::delete_many()
            .filter(idempotency_record::Column::TenantId.eq(due.tenant.id.as_str()))
            .filter(store.backend().is_one_of(idempotency_record::Column::ExternalId, external_ids))
            .exec(transaction)
            .await?;
    }
    Ok(removed)
}
