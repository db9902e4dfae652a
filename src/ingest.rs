//! Recording: validate every event, check where it may go, append the whole batch or nothing.
//!
//! Every way in (REST, GraphQL, the command line) makes a [`Batch`] and hands it to [`record`] or
//! [`import`], so that the same rules hold for all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::value::RawValue;

use crate::domain::event::{MAX_EVENT_BYTES, NewEvent};
use crate::domain::id::Id;
use crate::domain::viewer::{Permission, Viewer};
use crate::error::{Code, Error, Problem, Result};
use crate::store::{Appended, PreparedEvent, Store};

/// The most events in one request.
pub const MAX_EVENTS: usize = 5_000;

/// The most bytes in one request.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// What somebody wants recorded: each event, or what is wrong with it.
#[derive(Debug, Default)]
pub struct Batch {
    events: Vec<std::result::Result<PreparedEvent, (Code, String)>>,
}

/// An event of a batch that may be recorded.
struct Accepted {
    index: usize,
    tenant_id: Id,
    event: PreparedEvent,
}

impl Batch {
    /// Reads one event, or a list of them, as JSON.
    pub fn from_json(body: &[u8]) -> Result<Self> {
        let text = utf8(body)?;
        let mut batch = Self::default();
        if text.trim_start().starts_with('[') {
            let events: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
            within_limit(events.len())?;
            for event in events {
                batch.add_text(event.get());
            }
        } else {
            let event: &RawValue = serde_json::from_str(text).map_err(not_json)?;
            batch.add_text(event.get());
        }
        Ok(batch)
    }

    /// Reads one event a line; empty lines do not count.
    pub fn from_ndjson(body: &[u8]) -> Result<Self> {
        let lines = || utf8(body).map(|text| text.lines().filter(|line| !line.trim().is_empty()));
        within_limit(lines()?.count())?;
        let mut batch = Self::default();
        for line in lines()? {
            batch.add_text(line);
        }
        Ok(batch)
    }

    /// Adds an event given as JSON text.
    pub fn add_text(&mut self, text: &str) {
        if text.len() > MAX_EVENT_BYTES {
            return self.add_too_large();
        }
        self.add(NewEvent::parse(text));
    }

    /// Adds an event, or what is wrong with it.
    pub fn add(&mut self, event: std::result::Result<NewEvent, String>) {
        match event {
            Ok(event) => self.events.push(Ok(event.into())),
            Err(problem) => self.refuse(Code::BadUserInput, problem),
        }
    }

    /// Adds an event that is larger than [`MAX_EVENT_BYTES`].
    pub fn add_too_large(&mut self) {
        self.refuse(
            Code::PayloadTooLarge,
            format!("an event takes at most {MAX_EVENT_BYTES} bytes"),
        );
    }

    /// How many events there are, acceptable or not.
    pub const fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The organizations that the acceptable events name.
    pub fn organizations(&self) -> BTreeSet<&Id> {
        let acceptable = self.events.iter().flatten();
        acceptable.map(PreparedEvent::organization_id).collect()
    }

    fn refuse(&mut self, code: Code, message: String) {
        self.events.push(Err((code, message)));
    }

    /// What may be recorded, each with its organization's tenant, and what may not, by index.
    fn split(self, tenant_of: impl Fn(&Id) -> Option<Id>) -> (Vec<Accepted>, Vec<Problem>) {
        let mut accepted = Vec::with_capacity(self.events.len());
        let mut problems = Vec::new();
        for (index, event) in self.events.into_iter().enumerate() {
            let event = event.and_then(|event| {
                let organization_id = event.organization_id();
                let tenant_id = tenant_of(organization_id).ok_or_else(|| {
                    let message = format!(
                        "organization_id {:?} names no organization that you may record for",
                        organization_id.as_str()
                    );
                    (Code::NotFound, message)
                })?;
                Ok(Accepted { index, tenant_id, event })
            });
            match event {
                Ok(event) => accepted.push(event),
                Err((code, message)) => problems.push(Problem { index, code, message }),
            }
        }
        (accepted, problems)
    }
}

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
    let scope = store.scope(viewer, Permission::Record).await?;
    let named = batch.organizations().into_iter().cloned().collect();
    let known = store.organizations_in(&scope, named).await?;
    let known: BTreeSet<Id> = known.into_iter().map(|organization| organization.id).collect();
    let tenant_of = |id: &Id| known.contains(id).then(|| viewer.tenant_id.clone());
    let (accepted, mut problems) = batch.split(tenant_of);
    let (indices, events): (Vec<_>, Vec<_>) =
        accepted.into_iter().map(|Accepted { index, event, .. }| (index, event)).unzip();
    if problems.is_empty() {
        return match events.is_empty() {
            true => Ok(Appended::default()),
            false => store.append(&viewer.tenant_id, events).await,
        };
    }
    // Every bad event is listed, so those too that appending would have refused.
    let conflicts = store.conflicts(&viewer.tenant_id, &events).await?;
    problems.extend(conflicts.into_iter().filter_map(|conflict| {
        let index = *indices.get(conflict.index)?;
        Some(Problem { index, ..conflict })
    }));
    problems.sort_by_key(|problem| problem.index);
    Err(Error::batch(problems))
}

/// Records a batch for the operator, who may record for every tenant: all that is acceptable, and
/// the rest is returned by index. `tenants` says which tenant each organization belongs to.
pub async fn import(
    store: &Store,
    tenants: &HashMap<Id, Id>,
    batch: Batch,
) -> Result<(Appended, Vec<Problem>)> {
    let (accepted, mut problems) = batch.split(|organization| tenants.get(organization).cloned());
    let mut by_tenant: BTreeMap<Id, Vec<(usize, PreparedEvent)>> = BTreeMap::new();
    for Accepted { index, tenant_id, event } in accepted {
        by_tenant.entry(tenant_id).or_default().push((index, event));
    }
    let mut total = Appended::default();
    for (tenant_id, mut numbered) in by_tenant {
        loop {
            let events = numbered.iter().map(|(_, event)| event.clone()).collect();
            match store.append(&tenant_id, events).await {
                Ok(appended) => {
                    total.recorded += appended.recorded;
                    total.duplicates += appended.duplicates;
                    break;
                }
                // Without the events that contradict recorded ones, the others can be recorded.
                Err(Error::Client(refused)) if !refused.problems.is_empty() => {
                    let bad: BTreeMap<usize, Problem> =
                        refused.problems.into_iter().map(|p| (p.index, p)).collect();
                    let mut place = 0;
                    numbered.retain(|(index, _)| {
                        let problem = bad.get(&place);
                        place += 1;
                        problems.extend(problem.map(|p| Problem { index: *index, ..p.clone() }));
                        problem.is_none()
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }
    problems.sort_by_key(|problem| problem.index);
    Ok((total, problems))
}

fn utf8(body: &[u8]) -> Result<&str> {
    std::str::from_utf8(body).map_err(|error| {
        Error::bad_input(format!(
            "the body is not UTF-8: the bytes from {} on are no character",
            error.valid_up_to()
        ))
    })
}

fn not_json(error: serde_json::Error) -> Error {
    Error::bad_input(format!("the body is not JSON: {error}"))
}

fn within_limit(events: usize) -> Result<()> {
    if events > MAX_EVENTS {
        return Err(Error::client(
            Code::PayloadTooLarge,
            format!("the request holds {events} events; at most {MAX_EVENTS} are taken at once"),
        ));
    }
    Ok(())
}
