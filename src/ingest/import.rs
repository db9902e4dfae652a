//! Recording what an operator brings: all that is acceptable; the rest is returned by its place.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use futures_util::future::join;
use futures_util::{StreamExt as _, stream};

use super::batch::Batch;
use super::prepare::{Prepared, unknown};
use crate::domain::id::Id;
use crate::domain::tenant::Tenant;
use crate::error::{Error, Problem, Result};
use crate::store::{Appended, Outcome, Store};

/// For so many tenants a batch is appended at once: they need not wait for each other's commits.
const TENANTS_AT_ONCE: usize = 16;

/// So many events of a tenant are appended at once, while the next are prepared: whoever else records for
/// it waits no longer than for a request of that size.
const EVENTS_AT_ONCE: usize = 2_000;

/// Records a batch for the operator, who may record for every tenant. `tenants` says which tenant each
/// organization belongs to. A tenant's events are recorded in the order in which they stand.
pub async fn import(
    store: &Store,
    tenants: &HashMap<Id, Id>,
    batch: Batch,
) -> Result<(Appended, Vec<Problem>)> {
    let batch = Arc::new(batch);
    let mut problems = Vec::new();
    let mut by_tenant: BTreeMap<&Id, Vec<usize>> = BTreeMap::new();
    for (index, event) in batch.events.iter().enumerate() {
        let tenant_id = event.as_ref().map_err(Clone::clone).and_then(|event| {
            let id = &event.organization_id;
            tenants.get(id).ok_or_else(|| unknown(id))
        });
        match tenant_id {
            Ok(tenant_id) => by_tenant.entry(tenant_id).or_default().push(index),
            Err((code, message)) => problems.push(Problem { index, code, message }),
        }
    }
    let mut total = Appended::default();
    let parts = by_tenant.into_iter().map(async |(tenant_id, places)| {
        let part = Part { store, tenant_id, batch: &batch };
        part.import(&places).await
    });
    // Also where one fails, the others are finished.
    let parts: Vec<_> = stream::iter(parts).buffer_unordered(TENANTS_AT_ONCE).collect().await;
    for part in parts {
        let (appended, refused) = part?;
        add(&mut total, appended);
        problems.extend(refused);
    }
    problems.sort_by_key(|problem| problem.index);
    Ok((total, problems))
}

/// Counts what was imported for these tenants, so that whoever counts next need not read it.
pub async fn count_imported(store: &Store, tenants: &HashMap<Id, Id>) -> Result<()> {
    for tenant_id in tenants.values().collect::<BTreeSet<_>>() {
        store.settle_counts(tenant_id).await?;
    }
    Ok(())
}

fn add(total: &mut Appended, more: Appended) {
    total.recorded += more.recorded;
    total.duplicates += more.duplicates;
    total.skipped += more.skipped;
}

/// What a batch holds for one tenant.
struct Part<'a> {
    store: &'a Store,
    tenant_id: &'a Id,
    batch: &'a Arc<Batch>,
}

/// Some of its events, and the settings that they were prepared by.
struct Piece {
    places: Vec<usize>,
    tenant: Arc<Tenant>,
    prepared: Prepared,
}

impl Part<'_> {
    /// Records the events at these places of the batch; returns those that are not acceptable.
    async fn import(&self, places: &[usize]) -> Result<(Appended, Vec<Problem>)> {
        let (mut total, mut problems) = (Appended::default(), Vec::new());
        let mut left = places.chunks(EVENTS_AT_ONCE);
        let mut next = self.prepare(left.next()).await?;
        while let Some(piece) = next {
            let (appended, prepared) =
                join(self.append(piece, &mut problems), self.prepare(left.next())).await;
            add(&mut total, appended?);
            next = prepared?;
        }
        Ok((total, problems))
    }

    async fn prepare(&self, places: Option<&[usize]>) -> Result<Option<Piece>> {
        let Some(places) = places else { return Ok(None) };
        let tenant = self.store.known_tenant(self.tenant_id).await?;
        Ok(Some(self.prepare_by(tenant, places.to_vec()).await?))
    }

    async fn prepare_by(&self, tenant: Arc<Tenant>, places: Vec<usize>) -> Result<Piece> {
        let (store, batch) = (self.store, self.batch);
        let prepared = Prepared::of(store, &tenant, batch, places.clone(), |_| true).await?;
        Ok(Piece { places, tenant, prepared })
    }

    async fn append(&self, mut piece: Piece, problems: &mut Vec<Problem>) -> Result<Appended> {
        loop {
            let Piece { mut places, mut tenant, mut prepared } = piece;
            let events = std::mem::take(&mut prepared.events);
            match self.store.append(&tenant, events).await {
                Ok(Outcome::Appended(appended)) => {
                    let appended = prepared.with(appended);
                    problems.extend(prepared.problems);
                    return Ok(appended);
                }
                Ok(Outcome::Stale) => tenant = self.store.tenant(self.tenant_id).await?,
                // Without the events that contradict recorded ones, the others can be recorded.
                Err(Error::Client(refused)) if !refused.problems.is_empty() => {
                    let contradicting: Vec<_> = prepared.in_batch(refused.problems).collect();
                    let out: HashSet<_> = contradicting.iter().map(|found| found.index).collect();
                    places.retain(|place| !out.contains(place));
                    problems.extend(contradicting);
                }
                Err(error) => return Err(error),
            }
            piece = self.prepare_by(tenant, places).await?;
        }
    }
}
