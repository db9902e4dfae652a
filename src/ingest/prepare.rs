//! From a checked event to what is kept of it, by the settings of its tenant.

use std::sync::Arc;

use super::batch::Batch;
use super::status_notes::Authors;
use crate::domain::event::NewEvent;
use crate::domain::id::Id;
use crate::domain::tenant::Tenant;
use crate::error::{Code, Error, Problem, Result};
use crate::store::{PreparedEvent, Store};

/// More events than this are prepared on a thread where nobody waits for anything else.
const MANY: usize = 50;

/// The events of a batch as they are to be appended, and those that are not.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// Where in the batch each of `events` stands.
    pub indices: Vec<usize>,
    pub events: Vec<PreparedEvent>,
    pub problems: Vec<Problem>,
    /// How many the tenant's settings leave out.
    pub skipped: usize,
}

impl Prepared {
    /// Prepares those events of a batch that are `chosen`, by their place in it. An organization
    /// that is not `allowed` is answered as one that is not there.
    pub async fn of(
        store: &Store,
        tenant: &Arc<Tenant>,
        batch: &Arc<Batch>,
        chosen: impl Fn(usize) -> bool + Send + 'static,
        allowed: impl Fn(&Id) -> bool + Send + 'static,
    ) -> Result<Self> {
        let (tenant, events) = (Arc::clone(tenant), Arc::clone(batch));
        let authors = Authors::of(store, &tenant, batch).await?;
        let prepare = move || Self::now(&tenant, &authors, &events, chosen, allowed);
        if batch.len() <= MANY {
            return Ok(prepare());
        }
        let prepared = tokio::task::spawn_blocking(prepare).await;
        prepared.map_err(|error| Error::internal("preparing a batch", error))
    }

    fn now(
        tenant: &Tenant,
        authors: &Authors,
        batch: &Batch,
        chosen: impl Fn(usize) -> bool,
        allowed: impl Fn(&Id) -> bool,
    ) -> Self {
        let mut prepared = Self::default();
        for (index, event) in batch.events.iter().enumerate().filter(|(index, _)| chosen(*index)) {
            let event = event.as_ref().map_err(Clone::clone);
            match event.and_then(|event| prepare(tenant, authors, event, &allowed)) {
                Ok(Some(event)) => {
                    prepared.indices.push(index);
                    prepared.events.push(event);
                }
                Ok(None) => prepared.skipped += 1,
                Err((code, message)) => {
                    prepared.problems.push(Problem { index, code, message });
                }
            }
        }
        prepared
    }

    /// What appending says about events, with their places in the batch.
    pub fn in_batch(&self, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
        problems.into_iter().filter_map(|problem| {
            let index = *self.indices.get(problem.index)?;
            Some(Problem { index, ..problem })
        })
    }
}

/// What is kept of one event; nothing of one that the tenant's settings leave out.
fn prepare(
    tenant: &Tenant,
    authors: &Authors,
    event: &NewEvent,
    allowed: impl Fn(&Id) -> bool,
) -> std::result::Result<Option<PreparedEvent>, (Code, String)> {
    let organization_id = &event.organization_id;
    let path = tenant.tree.path(organization_id).filter(|_| allowed(organization_id));
    let path = path.ok_or_else(|| unknown(organization_id))?;
    let rules = tenant.rules(organization_id, &event.record_type());
    Ok(rules.apply(event).map(|event| {
        let notes = authors.notes(tenant, &event, &path);
        PreparedEvent::new(&event, path).followed_by(notes)
    }))
}

/// The answer to an event of an organization that is not there, or not the recorder's.
pub(super) fn unknown(organization_id: &Id) -> (Code, String) {
    let organization_id = organization_id.as_str();
    let message = format!(
        "organization_id {organization_id:?} names no organization that you may record for"
    );
    (Code::NotFound, message)
}
