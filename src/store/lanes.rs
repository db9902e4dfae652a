//! Group commit: appends that arrive while a commit runs share the next one.
//!
//! A durable commit costs a flush of the disk, so one event a commit would be the ceiling. Each lane
//! is a task with a queue; it takes whatever waits, writes it in one transaction and answers
//! everybody. A tenant always goes to the same lane, so its appends do not wait for each other's lock.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::ops::BitAnd;
use std::slice;
use std::sync::Arc;
use std::time::Instant;

use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::Span;

use super::activity::Queued;
use super::append::{Appended, Outcome, Prepared, PreparedEvent, append, lock_head};
use super::partitions::{self, Partitions};
use super::patience::Claim;
use super::uncounted::Uncounted;
use super::waiting::TooLong;
use super::{Database, unavailable};
use crate::domain::tenant::Tenant;
use crate::domain::time::{Clock, Time, to_microseconds};
use crate::error::{Error, Result};

/// How many requests may wait for a lane before callers wait to be let in.
const QUEUE: usize = 1_024;

/// How many events one commit takes at most; a single request may hold more. Beyond that, flushing the disk
/// less often saves nothing, and more requests would wait together while nobody prepares the next.
const EVENTS_PER_COMMIT: usize = 1_000;

/// The queues of the lanes.
#[derive(Clone)]
pub(super) struct Lanes {
    queues: Arc<[mpsc::Sender<Request>]>,
    /// What any of them is made of: for what need not wait for its turn.
    lane: Arc<Lane>,
}

struct Request {
    /// By whose settings the events were prepared.
    tenant: Arc<Tenant>,
    events: Vec<PreparedEvent>,
    claim: Claim,
    /// As long as it waits to be taken along.
    queued: Option<Queued>,
    /// That of the append.
    span: Span,
    reply: oneshot::Sender<Result<Outcome>>,
}

#[derive(Clone)]
struct Lane {
    database: Database,
    clock: Clock,
    partitions: Partitions,
    uncounted: Uncounted,
}

impl Lanes {
    pub fn start(database: &Database, clock: &Clock, partitions: &Partitions) -> Self {
        let lane = Lane {
            database: database.clone(),
            clock: Arc::clone(clock),
            partitions: partitions.clone(),
            uncounted: Uncounted::default(),
        };
        let start = |_| {
            let (queue, requests) = mpsc::channel(QUEUE);
            tokio::spawn(lane.clone().run(requests));
            queue
        };
        let queues = (0..database.backend.lanes()).map(start).collect();
        Self { queues, lane: Arc::new(lane) }
    }

    pub async fn append(
        &self,
        tenant: &Arc<Tenant>,
        events: Vec<PreparedEvent>,
    ) -> Result<Outcome> {
        let gone = || Error::internal("appending events", "the lane has stopped");
        let claim = Claim::default();
        let (reply, answer) = oneshot::channel();
        let request = Request {
            tenant: Arc::clone(tenant),
            events,
            claim: claim.clone(),
            queued: None,
            span: Span::current(),
            reply,
        };
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&tenant.id);
        let lanes = u64::try_from(self.queues.len()).unwrap_or(1);
        let lane = usize::try_from(hash % lanes).unwrap_or_default();
        let queue = self.queues.get(lane).ok_or_else(gone)?;
        let Lane { database, clock, partitions, .. } = &*self.lane;
        let appended = async {
            // Making a partition may take long: here it keeps nobody else waiting.
            let group = slice::from_ref(&request);
            partitions.ensure(database, times(group, to_microseconds(clock()))).await?;
            let queued = Some(database.activity.queue(request.events.len()));
            queue.send(Request { queued, ..request }).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?
        };
        database.patience.wait_for(appended, &claim, "appending events").await
    }
}

impl Lane {
    async fn run(self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.recv().await {
            let mut size = first.events.len();
            let mut group = vec![first];
            while size < EVENTS_PER_COMMIT {
                let Ok(next) = requests.try_recv() else { break };
                size += next.events.len();
                group.push(next);
            }
            group.iter_mut().for_each(|request| request.queued = None);
            // In a task of its own, so that a bug that panics ends this group and not the lane.
            let lane = self.clone();
            if let Err(error) = tokio::spawn(async move { lane.commit(group).await }).await {
                tracing::error!(%error, "a group of appends was abandoned");
            }
        }
    }

    /// Commits a group: in one transaction where tenants may share one, else in one a tenant.
    async fn commit(&self, mut group: Vec<Request>) {
        // Stable: a tenant's requests stay in the order in which they came.
        group.sort_by(|a, b| a.tenant.id.cmp(&b.tenant.id));
        while let Some(first) = group.first().map(|request| request.tenant.id.clone()) {
            let end = if self.database.backend.tenants_share_a_commit() {
                group.len()
            } else {
                group.partition_point(|request| request.tenant.id == first)
            };
            let rest = group.split_off(end);
            self.settle(group).await;
            group = rest;
        }
    }

    /// Writes requests and answers each. When they cannot be written together, each is tried alone:
    /// one that the database will not take must not fail the others.
    async fn settle(&self, mut group: Vec<Request>) {
        let written = loop {
            group.retain(|request| !request.claim.is_given_up());
            if group.is_empty() {
                return;
            }
            match self.write(&group).await {
                Err(Failed::GivenUp) => {}
                written => break written,
            }
        };
        match written {
            Ok(outcomes) => {
                for (request, outcome) in group.into_iter().zip(outcomes) {
                    request.answer(outcome);
                }
            }
            // What the database has no time or room for now, it has not for each alone either.
            Err(Failed::Before(error)) if error.why_unavailable().is_some() => {
                answer_all(group, &error, "appending events");
            }
            Err(Failed::Before(error)) => match <[Request; 1]>::try_from(group) {
                Ok([request]) => request.answer(Err(error)),
                Err(group) => {
                    for request in group {
                        let outcome = self.write(slice::from_ref(&request)).await;
                        request.answer(outcome.map_err(Failed::into_error).and_then(sole));
                    }
                }
            },
            // It may have been committed all the same: trying again could record events twice.
            Err(Failed::AtCommit(error)) => {
                answer_all(group, &unavailable::at_commit(error), "committing events");
            }
            Err(Failed::GivenUp) => {} // it is tried again without those above
        }
    }

    /// One transaction: the outcome of each request, in order. A partition that purging took away,
    /// here or on another server, is made anew.
    async fn write(&self, group: &[Request]) -> Result<Vec<Result<Outcome>>, Failed> {
        // By then nobody waits any more but whoever comes next.
        let longest = self.database.patience.for_a_write();
        let written = timeout(longest, self.write_anew(group)).await;
        written.unwrap_or_else(|_| Err(Failed::AtCommit(TooLong.into())))
    }

    async fn write_anew(&self, group: &[Request]) -> Result<Vec<Result<Outcome>>, Failed> {
        match self.try_to_write(group).await {
            Err(Failed::Before(error)) if partitions::is_missing(&error) => {
                self.partitions.forget(times(group, to_microseconds((self.clock)())));
                self.try_to_write(group).await
            }
            outcome => outcome,
        }
    }

    async fn try_to_write(&self, group: &[Request]) -> Result<Vec<Result<Outcome>>, Failed> {
        let now = to_microseconds((self.clock)());
        self.partitions.ensure(&self.database, times(group, now)).await?;
        let (start, span) = (Instant::now(), self.span(group));
        let transaction = self.database.begin_write().await?;
        let mut appended = 0;
        let mut outcomes = Vec::with_capacity(group.len());
        let mut uncounted = Vec::new();
        for of_tenant in group.chunk_by(|a, b| a.tenant.id == b.tenant.id) {
            let Some(Request { tenant, .. }) = of_tenant.first() else { continue };
            let head = lock_head(&transaction, &tenant.id).await?;
            // Those that are given up by now have been told that they are not recorded.
            if !of_tenant.iter().map(|request| request.claim.begin()).fold(true, BitAnd::bitand) {
                transaction.rollback().await?;
                return Err(Failed::GivenUp);
            }
            let batches: Vec<_> = of_tenant.iter().map(Request::prepared).collect();
            let backend = self.database.backend;
            let known = self.uncounted.take(&head);
            let done = append(&transaction, backend, head, &batches, now, known).await?;
            outcomes.extend(done.outcomes);
            appended += done.appended;
            uncounted.extend(done.known.map(|known| (tenant, known)));
        }
        transaction.commit().await.map_err(Failed::AtCommit)?;
        for (tenant, known) in uncounted {
            self.uncounted.keep(tenant.id.as_str(), known);
        }
        self.database.activity.has_committed(appended, start.elapsed());
        span.record("db.operation.batch.size", appended);
        Ok(outcomes)
    }

    /// That of a commit: below the first of the appends that it is for, and linked to the others.
    fn span(&self, group: &[Request]) -> Span {
        let (first, others) = match group.split_first() {
            Some((first, others)) => (first.span.clone(), others),
            None => (Span::none(), group),
        };
        let span = self.database.backend.span_below("commit", &first);
        for other in others {
            span.follows_from(&other.span);
        }
        span
    }
}

/// When the events of requests happened.
fn times(group: &[Request], now: Time) -> impl Iterator<Item = Time> {
    let events = group.iter().flat_map(|request| &request.events);
    events.map(move |event| event.occurred_at().unwrap_or(now))
}

/// A write that failed: surely without effect, or perhaps not.
enum Failed {
    Before(Error),
    /// For one of the requests it was too late; surely without effect.
    GivenUp,
    AtCommit(DbErr),
}

impl Failed {
    fn into_error(self) -> Error {
        match self {
            Self::Before(error) => error,
            Self::GivenUp => unavailable::too_late("appending events"),
            Self::AtCommit(error) => unavailable::at_commit(error),
        }
    }
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Before(error.into())
    }
}

impl Request {
    fn prepared(&self) -> Prepared<'_> {
        Prepared { tenant: Some(&self.tenant), events: &self.events }
    }

    /// Whoever asked may have gone; what was recorded stays recorded.
    fn answer(self, outcome: Result<Outcome>) {
        let _ = self.reply.send(outcome);
    }
}

/// Answers every request with the same failure.
fn answer_all(group: Vec<Request>, error: &Error, doing: &'static str) {
    for request in group {
        request.answer(Err(error.again(doing)));
    }
}

fn sole(outcomes: Vec<Result<Outcome>>) -> Result<Outcome> {
    outcomes.into_iter().next().unwrap_or(Ok(Outcome::Appended(Appended::default())))
}
