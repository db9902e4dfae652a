//! Recording: validate every event, check where it may go, append the whole batch or nothing.
//!
//! Every way in (REST, GraphQL, the command line) makes a [`Batch`] and hands it to [`record`] or
//! [`import`], so that the same rules hold for all of them.

mod batch;
mod import;
mod prepare;
mod status_notes;

use std::sync::Arc;

pub use batch::{Batch, MAX_EVENTS, MAX_REQUEST_BYTES};
pub use import::{count_imported, import};
use prepare::Prepared;

use crate::domain::viewer::{Permission, Scope, Viewer};
use crate::error::{Error, Problem, Result};
use crate::store::{Appended, Outcome, Store};

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
