//! From a checked event to what is kept of it, by the settings of its tenant.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::batch::Batch;
use super::status_notes::Authors;
use crate::domain::event::NewEvent;
use crate::domain::id::Id;
use crate::domain::page::PositionCodec;
use crate::domain::tenant::Tenant;
use crate::error::{Code, Error, Problem, Result};
use crate::store::{Appended, Fingerprint, PreparedEvent, Store};

/// More events than this are prepared on a thread where nobody waits for anything else.
const MANY: usize = 50;

/// The events of a batch as they are to be appended, and those that are not.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// Where in the batch each of `events` stands.
    pub indices: Vec<usize>,
    pub events: Vec<PreparedEvent>,
    pub problems: Vec<Problem>,
    /// Those of the problems that are no more when the event was recorded before: its definition did
    /// take it then. By the place in `problems`.
    refused: Vec<(usize, PreparedEvent)>,
    /// How many were recorded before, by definitions that do not take them any more.
    duplicates: usize,
    /// How many the tenant's settings leave out.
    skipped: usize,
}

impl Prepared {
    /// Prepares those events of a batch that stand at these `places`. An organization that is not
    /// `allowed` is answered as one that is not there.
    pub async fn of(
        store: &Store,
        tenant: &Arc<Tenant>,
        batch: &Arc<Batch>,
        places: Vec<usize>,
        allowed: impl Fn(&Id) -> bool + Send + 'static,
    ) -> Result<Self> {
        let (tenant, events) = (Arc::clone(tenant), Arc::clone(batch));
        let authors = Authors::of(store, &tenant, batch.at(&places)).await?;
        let (tenant_id, few) = (tenant.id.clone(), places.len() <= MANY);
        let positions = store.positions().clone();
        let prepare = move || Self::now(&positions, &tenant, &authors, &events, &places, allowed);
        let mut prepared = match few {
            true => prepare(),
            false => tokio::task::spawn_blocking(prepare)
                .await
                .map_err(|error| Error::internal("preparing a batch", error))?,
        };
        prepared.forgive_recorded(store, &tenant_id).await?;
        Ok(prepared)
    }

    fn now(
        positions: &PositionCodec,
        tenant: &Tenant,
        authors: &Authors,
        batch: &Batch,
        places: &[usize],
        allowed: impl Fn(&Id) -> bool,
    ) -> Self {
        let mut prepared = Self::default();
        for (index, event) in places.iter().copied().zip(batch.at(places)) {
            let event = event.as_ref().map_err(|(code, said)| Unfit::new(*code, said.clone()));
            match event.and_then(|event| prepare(positions, tenant, authors, event, &allowed)) {
                Ok(Some(event)) => {
                    prepared.indices.push(index);
                    prepared.events.push(event);
                }
                Ok(None) => prepared.skipped += 1,
                Err(Unfit { code, message, unless_recorded }) => {
                    let place = prepared.problems.len();
                    prepared.refused.extend(unless_recorded.map(|event| (place, *event)));
                    prepared.problems.push(Problem { index, code, message });
                }
            }
        }
        prepared
    }

    /// Counts what was recorded before as that, though its definition would not take it any more: who
    /// sends something again need not know what changed meanwhile.
    async fn forgive_recorded(&mut self, store: &Store, tenant_id: &Id) -> Result<()> {
        if self.refused.is_empty() {
            return Ok(());
        }
        let (places, events): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.refused).into_iter().unzip();
        let recorded = store.are_recorded(tenant_id, &events).await?;
        let recorded: BTreeSet<usize> = places
            .into_iter()
            .zip(recorded)
            .filter_map(|(place, is)| is.then_some(place))
            .collect();
        self.duplicates += recorded.len();
        let mut place = 0..;
        self.problems.retain(|_| !place.next().is_some_and(|place| recorded.contains(&place)));
        Ok(())
    }

    /// What was appended, with what was not but is no problem.
    pub const fn with(&self, appended: Appended) -> Appended {
        Appended {
            duplicates: appended.duplicates + self.duplicates,
            skipped: self.skipped,
            ..appended
        }
    }

    /// What appending says about events, with their places in the batch.
    pub fn in_batch(&self, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
        problems.into_iter().filter_map(|problem| {
            let index = *self.indices.get(problem.index)?;
            Some(Problem { index, ..problem })
        })
    }
}

/// Why an event is not recorded.
struct Unfit {
    code: Code,
    message: String,
    /// The event, if it is fit when it was recorded before.
    unless_recorded: Option<Box<PreparedEvent>>,
}

impl Unfit {
    const fn new(code: Code, message: String) -> Self {
        Self { code, message, unless_recorded: None }
    }
}

/// What is kept of one event; nothing of one that the tenant's settings leave out.
fn prepare(
    positions: &PositionCodec,
    tenant: &Tenant,
    authors: &Authors,
    event: &NewEvent,
    allowed: impl Fn(&Id) -> bool,
) -> std::result::Result<Option<PreparedEvent>, Unfit> {
    let organization_id = &event.organization_id;
    let path = tenant.tree.path(organization_id).filter(|_| allowed(organization_id));
    let path = path.ok_or_else(|| {
        let (code, message) = unknown(organization_id);
        Unfit::new(code, message)
    })?;
    let rules = tenant.rules(organization_id, &event.record_type());
    // As it was given, so that who sends it again need not know what changed meanwhile.
    let fingerprint = Fingerprint::of(positions, event);
    let kept = |event: &NewEvent| {
        rules.apply(event).map(|event| {
            let notes = authors.notes(tenant, &event, &path);
            PreparedEvent::new(&event, path).known_as(fingerprint).followed_by(notes)
        })
    };
    // As it was given: a policy may leave out what its definition asks for.
    match tenant.definitions.apply(event) {
        Ok(event) => Ok(kept(&event)),
        Err(message) => Err(Unfit {
            code: Code::BadUserInput,
            message,
            unless_recorded: event.external_id.as_ref().and_then(|_| kept(event)).map(Box::new),
        }),
    }
}

/// The answer to an event of an organization that is not there, or not the recorder's.
pub(super) fn unknown(organization_id: &Id) -> (Code, String) {
    let organization_id = organization_id.as_str();
    let message = format!(
        "organization_id {organization_id:?} names no organization that you may record for"
    );
    (Code::NotFound, message)
}
