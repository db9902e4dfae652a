//! Recording: validate every event, check where it may go, append the whole batch or nothing.
//!
//! Every way in (REST, GraphQL, the command line) makes a [`Batch`] and hands it to [`record`] or
//! [`import`], so that the same rules hold for all of them.

mod batch;
mod prepare;
mod status_notes;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub use batch::{Batch, MAX_EVENTS, MAX_REQUEST_BYTES};
use prepare::{Prepared, unknown};

use futures_util::{StreamExt as _, stream};

use crate::domain::id::Id;
use crate::domain::viewer::{Permission, Scope, Viewer};
use crate::error::{Error, Problem, Result};
use crate::store::{Appended, Outcome, Store};

/// For so many tenants a batch is appended at once: they need not wait for each other's commits.
const TENANTS_AT_ONCE: usize = 16;

/// Refuses whoever may record nowhere; asked before their events are even looked at.
pub fn may_record(viewer: &Viewer) -> Result<()> {
    if viewer.may(Permission::Record) {
        Ok(())
    } else {
        Err(Error::forbidden("recording needs can_record on a membership, which you have nowhere"))
    }
}

/// Records a batch for a viewer, whole or not at all; returns when it is durable.
pub async fn record(store: &Store, viewer: &Viewer, batch: Batch) -> Result<Appended> {
    may_record(viewer)?;
    let batch = Arc::new(batch);
    let mut tenant = store.known_tenant(&viewer.tenant_id).await?;
    loop {
        let scope = Scope::of(Arc::clone(&tenant), viewer, Permission::Record, store.now());
        let all = (0..batch.len()).collect();
        let mut prepared =
            Prepared::of(store, &tenant, &batch, all, move |id| scope.holds(id)).await?;
        let events = std::mem::take(&mut prepared.events);
        if prepared.problems.is_empty() {
            match store.append(&tenant, events).await {
                Ok(Outcome::Appended(appended)) => {
                    return Ok(prepared.with(appended));
                }
                Ok(Outcome::Stale) => tenant = store.tenant(&viewer.tenant_id).await?,
                Err(Error::Client(refused)) if !refused.problems.is_empty() => {
                    return Err(Error::batch(prepared.in_batch(refused.problems).collect()));
                }
                Err(error) => return Err(error),
            }
            continue;
        }
        let current = store.tenant(&viewer.tenant_id).await?;
        if current.revision != tenant.revision {
            tenant = current;
            continue;
        }
        // Every bad event is listed, so those too that appending would have refused.
        let conflicts = store.conflicts(&viewer.tenant_id, &events).await?;
        let mut problems: Vec<Problem> = prepared.in_batch(conflicts).collect();
        problems.extend(prepared.problems);
        problems.sort_by_key(|problem| problem.index);
        return Err(Error::batch(problems));
    }
}

/// Records a batch for the operator, who may record for every tenant: all that is acceptable, and
/// the rest is returned by index. `tenants` says which tenant each organization belongs to.
pub async fn import(
    store: &Store,
    tenants: &HashMap<Id, Id>,
    batch: Batch,
) -> Result<(Appended, Vec<Problem>)> {
    let batch = Arc::new(batch);
    let mut problems = Vec::new();
    let mut by_tenant: BTreeMap<&Id, BTreeSet<usize>> = BTreeMap::new();
    for (index, event) in batch.events.iter().enumerate() {
        let tenant_id = event.as_ref().map_err(Clone::clone).and_then(|event| {
            let id = &event.organization_id;
            tenants.get(id).ok_or_else(|| unknown(id))
        });
        match tenant_id {
            Ok(tenant_id) => {
                by_tenant.entry(tenant_id).or_default().insert(index);
            }
            Err((code, message)) => problems.push(Problem { index, code, message }),
        }
    }
    let mut total = Appended::default();
    let parts = by_tenant
        .into_iter()
        .map(|(tenant_id, indices)| import_for(store, tenant_id, &batch, indices));
    // Also where one fails, the others are finished.
    let parts: Vec<_> = stream::iter(parts).buffer_unordered(TENANTS_AT_ONCE).collect().await;
    for part in parts {
        let (appended, refused) = part?;
        total.recorded += appended.recorded;
        total.duplicates += appended.duplicates;
        total.skipped += appended.skipped;
        problems.extend(refused);
    }
    problems.sort_by_key(|problem| problem.index);
    Ok((total, problems))
}

/// Records those events of a batch that stand at `indices` for one tenant, but for those that are
/// not acceptable, which are returned.
async fn import_for(
    store: &Store,
    tenant_id: &Id,
    batch: &Arc<Batch>,
    mut indices: BTreeSet<usize>,
) -> Result<(Appended, Vec<Problem>)> {
    let mut tenant = store.known_tenant(tenant_id).await?;
    let mut contradicting: Vec<Problem> = Vec::new();
    loop {
        let places = indices.iter().copied().collect();
        let mut prepared = Prepared::of(store, &tenant, batch, places, |_| true).await?;
        let events = std::mem::take(&mut prepared.events);
        match store.append(&tenant, events).await {
            Ok(Outcome::Appended(appended)) => {
                let appended = prepared.with(appended);
                contradicting.extend(prepared.problems);
                return Ok((appended, contradicting));
            }
            Ok(Outcome::Stale) => tenant = store.tenant(tenant_id).await?,
            // Without the events that contradict recorded ones, the others can be recorded.
            Err(Error::Client(refused)) if !refused.problems.is_empty() => {
                for problem in prepared.in_batch(refused.problems) {
                    indices.remove(&problem.index);
                    contradicting.push(problem);
                }
            }
            Err(error) => return Err(error),
        }
    }
}
