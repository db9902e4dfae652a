//! Purging: what a tenant's plan does not keep is removed for good, and what was removed is recorded.
//!
//! Reads and recording go on meanwhile: events go in small batches, each a short transaction of its
//! own, with a pause after it. A purge that is interrupted at any moment is taken up by the next one,
//! and leaves one event a tenant, as one that was not.

use std::time::{Duration, Instant};

use crate::domain::event::{Context, NewEvent};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::domain::page::Position;
use crate::domain::time::{self, Time};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::purge::Batch;
use crate::store::purge_runs::{self, PurgeRun, Removed};
use crate::store::tenants;

/// How many events are removed at once, if it is not said.
pub const BATCH: u64 = 500;

/// The longest pause between two batches.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// How often a purge that does not wait for its turn asks again whether it has come.
const TURN: Duration = Duration::from_millis(200);

/// How purging goes about.
pub struct Purge<'a> {
    /// How many events are removed at once.
    pub batch: u64,
    /// How long to wait for another server that purges.
    pub wait: Duration,
    /// Told of each batch; an error stops everything, as a crash would.
    pub watch: &'a (dyn Fn(&Id, u64) -> Result<()> + Sync),
}

/// What was, or would be, removed of one tenant's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// The tenant.
    pub tenant_id: Id,
    /// What happened before this is removed, but for what is held.
    pub kept_since: Time,
    /// How much it is.
    pub removed: Removed,
    /// The months of which whole partitions are dropped.
    pub partitions: Vec<String>,
}

impl Default for Purge<'_> {
    fn default() -> Self {
        Self { batch: BATCH, wait: Duration::ZERO, watch: &|_, _| Ok(()) }
    }
}

/// Purges every tenant's log: what was removed of each of which anything was. `None` when another
/// server is at it.
pub async fn purge(store: &Store, purge: &Purge<'_>) -> Result<Option<Vec<Purged>>> {
    let start = Instant::now();
    let purger = loop {
        match store.purger().await? {
            Some(purger) => break purger,
            None if start.elapsed() >= purge.wait => return Ok(None),
            None => tokio::time::sleep(TURN).await,
        }
    };
    let purged = async {
        // What fails in one place must not keep the others: it is tried again the next time.
        let mut failed = purger.drop_partitions().await.err();
        let mut purged = Vec::new();
        for tenant_id in store.tenants_to_purge().await? {
            let done = async {
                remove_due(store, &tenant_id, purge).await?;
                finish(store, &tenant_id).await
            };
            match done.await {
                Ok(done) => purged.extend(done),
                Err(error) => {
                    let tenant = tenant_id.as_str();
                    tracing::error!(tenant, error = error.for_the_log(), "was not purged");
                    failed = Some(error);
                }
            }
        }
        match failed {
            None => Ok(purged),
            Some(error) => Err(error),
        }
    };
    let purged = purged.await;
    purger.release().await?;
    purged.map(Some)
}

/// What purging would remove at this moment. Nothing is changed.
pub async fn would_purge(store: &Store) -> Result<Vec<Purged>> {
    let mut purged = Vec::new();
    let droppable = store.droppable_partitions().await?;
    for tenant_id in store.tenants_to_purge().await? {
        let Some(due) = store.due(&tenant_id).await? else { continue };
        let removed = store.count_due(&due).await?;
        if removed.count > 0 {
            let dropped = droppable.iter().filter(|(_, tenants)| tenants.contains(&tenant_id));
            let partitions = dropped.map(|(months, _)| months.clone()).collect();
            purged.push(Purged { tenant_id, kept_since: due.before(), removed, partitions });
        }
    }
    Ok(purged)
}

/// Purges at every interval, for as long as the server runs.
pub async fn purge_at_intervals(store: Store, interval: Duration) {
    loop {
        match purge(&store, &Purge::default()).await {
            Ok(None) => tracing::debug!("another server is purging"),
            Ok(Some(purged)) => {
                for Purged { tenant_id, removed, .. } in purged {
                    let (tenant, removed) = (tenant_id.as_str(), removed.count);
                    tracing::info!(tenant, removed, "events were purged");
                }
            }
            Err(Error::Internal(error)) => {
                tracing::error!(error = error.for_the_log(), "purging failed; it is resumed later");
            }
            Err(Error::Client(error)) => tracing::error!(error.message, "purging failed"),
        }
        tokio::time::sleep(interval).await;
    }
}

/// Removes what is due at this moment of a tenant's log.
async fn remove_due(store: &Store, tenant_id: &Id, purge: &Purge<'_>) -> Result<()> {
    // What falls due while it runs is the next run's, or it might never end.
    let Some(mut due) = store.due(tenant_id).await? else { return Ok(()) };
    let end = due.before();
    let mut after: Option<Position> = None;
    while let Some(upto) = store.next_due(&due, after, purge.batch).await? {
        let start = Instant::now();
        match store.purge_batch(&due, upto).await? {
            Batch::Removed(count) => {
                after = Some(upto);
                (purge.watch)(tenant_id, count)?;
                // Whoever else wants the tenant's lock, or SQLite's only writer, gets as much time.
                tokio::time::sleep(start.elapsed().min(MAX_PAUSE)).await;
            }
            Batch::Stale => after = None,
        }
        match store.due(tenant_id).await? {
            Some(current) => due = current.but_before(end),
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Ends a tenant's run, with an event of what it removed.
async fn finish(store: &Store, tenant_id: &Id) -> Result<Option<Purged>> {
    let tenant_id = tenant_id.clone();
    store
        .write_at_leisure(move |store, transaction| {
            Box::pin(async move {
                tenants::lock(transaction, &tenant_id).await?;
                let run = purge_runs::unfinished(transaction, &tenant_id).await?;
                let Some(run) = run else { return Ok(None) };
                if run.removed.count > 0 {
                    store.append_own(transaction, &tenant_id, &event(&tenant_id, &run)).await?;
                }
                purge_runs::finish(transaction, &tenant_id, &run, store.now()).await?;
                let PurgeRun { kept_since, removed, partitions, .. } = run;
                let purged = Purged { tenant_id, kept_since, removed, partitions };
                Ok((purged.removed.count > 0).then_some(purged))
            })
        })
        .await
}

/// What the log says of a run: it is on the log itself, and by nobody.
fn event(tenant_id: &Id, run: &PurgeRun) -> NewEvent {
    let PurgeRun { id, kept_since, removed, partitions } = run;
    let kept_since = time::format(*kept_since);
    let string = |text: &str| Json::String(text.to_owned());
    let mut about = vec![
        ("purge_run".to_owned(), string(id.as_str())),
        ("kept_since".to_owned(), string(&kept_since)),
        ("removed".to_owned(), Json::Number(removed.count.to_string())),
    ];
    if let Some((oldest, newest)) = removed.range {
        about.push(("oldest_removed".to_owned(), string(&time::format(oldest))));
        about.push(("newest_removed".to_owned(), string(&time::format(newest))));
    }
    let partitions = partitions.iter().map(|months| string(months)).collect();
    about.push(("partitions_dropped".to_owned(), Json::Array(partitions)));
    let events = if removed.count == 1 { "event" } else { "events" };
    NewEvent {
        external_id: None,
        custom_type: None,
        custom_resource: None,
        outcome: Outcome::Success,
        purpose: None,
        acting_user_id: None,
        occurred_at: None,
        organization_id: tenant_id.clone(),
        event_type: EventType::Destroy,
        resource_name: ResourceName::AuditLog,
        resource_id: tenant_id.clone(),
        changes: Vec::new(),
        context: Context {
            description: Some(format!(
                "{} {events} from before {kept_since} were purged",
                removed.count
            )),
            metadata: Some(Json::Object(about).to_string()),
            ..Context::default()
        },
    }
}
