//! Runs of purging: what each removed of one tenant's log, counted as it goes.

use std::collections::BTreeSet;

use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _,
};

use super::entity::purge_run;
use super::{Store, Transaction, tenants};
use crate::domain::id::Id;
use crate::domain::time::Time;
use crate::error::Result;

/// What one run of purging removed of one tenant's log so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeRun {
    /// The run's own id.
    pub id: Id,
    /// What happened before this is removed, but for what is held.
    pub kept_since: Time,
    /// What it removed.
    pub removed: Removed,
    /// The months whose partitions were dropped whole.
    pub partitions: Vec<String>,
}

/// How many events were removed, and from when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many.
    pub count: u64,
    /// When the first one happened and when the last one did; nothing for none.
    pub range: Option<(Time, Time)>,
}

impl Store {
    /// Sees to it that there is a run in which can be counted what was removed before `kept_since`.
    pub(super) async fn resume_purge_run(&self, tenant_id: &Id, kept_since: Time) -> Result<()> {
        let tenant_id = tenant_id.clone();
        self.write(move |store, transaction| {
            Box::pin(async move {
                tenants::lock(transaction, &tenant_id).await?;
                begin(store, transaction, &tenant_id, kept_since).await?;
                Ok(())
            })
        })
        .await
    }
}

/// The run that is under way for a tenant, with all that is kept of it.
pub async fn unfinished(
    transaction: &impl ConnectionTrait,
    tenant_id: &Id,
) -> Result<Option<PurgeRun>> {
    let row = purge_run::Entity::find()
        .filter(purge_run::Column::TenantId.eq(tenant_id.as_str()))
        .filter(purge_run::Column::FinishedAt.is_null())
        .lock_exclusive()
        .one(transaction)
        .await?;
    Ok(row.map(PurgeRun::from))
}

/// The tenants for which a run is under way that goes as far as `kept_since`.
pub(super) async fn tenants_purging(
    db: &impl ConnectionTrait,
    kept_since: Option<Time>,
) -> Result<BTreeSet<Id>> {
    let ids: Vec<String> = purge_run::Entity::find()
        .select_only()
        .column(purge_run::Column::TenantId)
        .filter(purge_run::Column::FinishedAt.is_null())
        .filter(purge_run::Column::KeptSince.gte(kept_since))
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(Id::trusted).collect())
}

/// Ends a run. Of one that removed nothing, nothing is left.
pub async fn finish(
    transaction: &Transaction,
    tenant_id: &Id,
    run: &PurgeRun,
    now: Time,
) -> Result<()> {
    let key = (tenant_id.to_string(), run.id.to_string());
    if run.removed.count == 0 {
        purge_run::Entity::delete_by_id(key).exec(transaction).await?;
        return tenants::touch(transaction, tenant_id).await;
    }
    purge_run::Entity::update(purge_run::ActiveModel {
        tenant_id: Set(key.0),
        id: Set(key.1),
        finished_at: Set(Some(now)),
        ..Default::default()
    })
    .exec(transaction)
    .await?;
    Ok(())
}

/// The run under way, which goes at least as far as `kept_since` from now on.
pub(super) async fn begin(
    store: &Store,
    transaction: &Transaction,
    tenant_id: &Id,
    kept_since: Time,
) -> Result<PurgeRun> {
    let run = match unfinished(transaction, tenant_id).await? {
        Some(run) if run.kept_since >= kept_since => return Ok(run),
        Some(run) => {
            let run = PurgeRun { kept_since, ..run };
            purge_run::Entity::update(purge_run::ActiveModel {
                tenant_id: Set(tenant_id.to_string()),
                id: Set(run.id.to_string()),
                kept_since: Set(kept_since),
                ..Default::default()
            })
            .exec(transaction)
            .await?;
            run
        }
        None => {
            let random: [u8; 16] = store.random_bytes()?;
            let id = Id::trusted(format!("{:032x}", u128::from_be_bytes(random)));
            let run = PurgeRun { id, kept_since, removed: Removed::default(), partitions: vec![] };
            purge_run::Entity::insert(purge_run::ActiveModel {
                tenant_id: Set(tenant_id.to_string()),
                id: Set(run.id.to_string()),
                kept_since: Set(kept_since),
                removed: Set(0),
                partitions: Set(String::new()),
                started_at: Set(store.now()),
                ..Default::default()
            })
            .exec_without_returning(transaction)
            .await?;
            run
        }
    };
    // From the commit on nothing is shown from before it, whatever the plan becomes.
    tenants::touch(transaction, tenant_id).await?;
    Ok(run)
}

/// Counts in a run what was removed.
pub(super) async fn add(
    transaction: &Transaction,
    tenant_id: &Id,
    run: PurgeRun,
    more: Removed,
) -> Result<()> {
    let Removed { count, range } = run.removed.and(more);
    let (oldest, newest) = range.unzip();
    purge_run::Entity::update(purge_run::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        id: Set(run.id.to_string()),
        removed: Set(i64::try_from(count).unwrap_or(i64::MAX)),
        oldest_removed: Set(oldest),
        newest_removed: Set(newest),
        partitions: Set(run.partitions.iter().map(|month| format!("{month}\n")).collect()),
        ..Default::default()
    })
    .exec(transaction)
    .await?;
    Ok(())
}

impl Removed {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        let range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, another) => one.or(another),
        };
        Self { count: self.count + other.count, range }
    }
}

impl From<purge_run::Model> for PurgeRun {
    fn from(row: purge_run::Model) -> Self {
        Self {
            id: Id::trusted(row.id),
            kept_since: row.kept_since,
            removed: Removed {
                count: row.removed.unsigned_abs(),
                range: row.oldest_removed.zip(row.newest_removed),
            },
            partitions: row.partitions.lines().map(str::to_owned).collect(),
        }
    }
}
