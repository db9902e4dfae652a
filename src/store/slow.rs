//! Reads of the log that take long, told to the server's log: what was asked, by the names of its filters,
//! and the plan's shape. Never a value: what somebody searches for may be a patient's name.
//!
//! The plan is asked for when the read is over, by nobody's request, and one at a time: a database that
//! is slow is not to be made slower.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::Span;

use super::{ReadFor, Store};
use crate::domain::filter::EventFilter;
use crate::domain::page::{End, Order, PageRequest, Place};
use crate::domain::viewer::{Scope, VisibleOrganizations};
use crate::error::{Error, Result};

/// How long after one plan no other is asked for.
const PAUSE: Duration = Duration::from_secs(10);

/// How long asking for a plan may take.
const TO_EXPLAIN: Duration = Duration::from_secs(5);

/// From when on a read is told, and when a plan was asked for last.
#[derive(Clone, Default)]
pub(super) struct Slow {
    from: Option<Duration>,
    explained: Arc<Mutex<Option<Instant>>>,
}

/// What is read.
#[derive(Clone, Copy)]
pub(super) enum What<'a> {
    Page(&'a PageRequest),
    /// Whether anything is later than a place in an order, or earlier.
    Beyond(Order, &'a Place, bool),
    Count,
}

/// The same, kept for longer than whoever asked waits.
pub(super) enum Asked {
    Page(PageRequest),
    Beyond(Order, Place, bool),
    Count,
}

/// A read that is under way; over when this is dropped.
pub(super) struct Look<'a> {
    store: &'a Store,
    scope: &'a Scope,
    filter: &'a EventFilter,
    what: What<'a>,
    start: Instant,
    /// How many rows were read or counted; unknown until it is done.
    rows: Option<u64>,
    span: Span,
}

impl Store {
    /// The same store, which tells its log of reads of the log that take so long.
    #[must_use]
    pub fn telling_slow_queries(self, from: Option<Duration>) -> Self {
        Self { slow: Slow { from, ..self.slow }, ..self }
    }

    /// Begins a read, which is told of if it turns out to be slow, whether it is done or given up.
    pub(super) fn look<'a>(
        &'a self,
        scope: &'a Scope,
        filter: &'a EventFilter,
        what: What<'a>,
    ) -> Look<'a> {
        let span = self.backend().span(what.name(filter));
        Look { store: self, scope, filter, what, start: Instant::now(), rows: None, span }
    }
}

impl Slow {
    /// Whether a plan may be asked for now; it then is.
    fn may_explain(&self) -> bool {
        let mut explained = self.explained.lock().unwrap_or_else(PoisonError::into_inner);
        let may = explained.is_none_or(|last| last.elapsed() >= PAUSE);
        if may {
            *explained = Some(Instant::now());
        }
        may
    }
}

impl Look<'_> {
    /// It is done, and has read so many rows.
    pub fn done(self, rows: usize) {
        self.counted(u64::try_from(rows).unwrap_or(u64::MAX));
    }

    /// It is done, and has counted so many.
    pub fn counted(mut self, rows: u64) {
        self.span.record("db.response.returned_rows", rows);
        self.rows = Some(rows);
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let took = self.start.elapsed();
        if self.store.slow.from.is_none_or(|from| took < from) {
            return;
        }
        let told = Told::of(self, took);
        match Handle::try_current() {
            Ok(runtime) if self.store.slow.may_explain() => {
                let (store, scope) = (self.store.clone(), self.scope.clone());
                let (filter, asked) = (self.filter.clone(), Asked::from(self.what));
                runtime.spawn(async move {
                    let shape = timeout(TO_EXPLAIN, store.shape(&scope, &filter, &asked)).await;
                    told.tell(shape.ok().and_then(Result::ok).as_deref().unwrap_or("unknown"));
                });
            }
            _ => told.tell("not asked for, as another one was just before"),
        }
    }
}

impl What<'_> {
    const fn name(self, filter: &EventFilter) -> &'static str {
        match self {
            Self::Page(_) => ReadFor::a_page(filter).as_str(),
            Self::Beyond(..) => "beyond a page",
            Self::Count => ReadFor::Count.as_str(),
        }
    }
}

impl From<What<'_>> for Asked {
    fn from(what: What<'_>) -> Self {
        match what {
            What::Page(request) => Self::Page(request.clone()),
            What::Beyond(order, place, later) => Self::Beyond(order, place.clone(), later),
            What::Count => Self::Count,
        }
    }
}

/// What is told of a read, but for its plan.
struct Told {
    read: &'static str,
    took: Duration,
    rows: Option<u64>,
    filters: String,
    organizations: &'static str,
    order: Option<Order>,
}

impl Told {
    fn of(look: &Look<'_>, took: Duration) -> Self {
        let mut filters = look.filter.names();
        let order = match look.what {
            What::Page(request) => {
                filters.extend(request.after.as_ref().map(|_| "after"));
                filters.extend(request.before.as_ref().map(|_| "before"));
                filters.extend((request.end == End::Last).then_some("last"));
                Some(request.order)
            }
            What::Beyond(order, ..) => Some(order),
            What::Count => None,
        };
        let organizations = match (look.scope.own(), look.scope.organizations()) {
            (Some(_), _) => "own actions",
            (None, VisibleOrganizations::All) => "all",
            (None, VisibleOrganizations::Only(_)) => "some",
            (None, VisibleOrganizations::AtEvent { .. }) => "some, at the event",
        };
        let read = look.what.name(look.filter);
        Self { read, took, rows: look.rows, filters: filters.join(","), organizations, order }
    }

    fn tell(&self, plan: &str) {
        let Self { read, took, rows, filters, organizations, order } = self;
        tracing::warn!(
            read,
            milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            done = rows.is_some(),
            rows,
            filters,
            organizations,
            order = order.map(tracing::field::debug),
            plan,
            "a query was slow"
        );
    }
}

impl Store {
    /// The shape of the plan for what is read.
    async fn shape(&self, scope: &Scope, filter: &EventFilter, asked: &Asked) -> Result<String> {
        let statement = self.statement_that_reads(scope, filter, asked);
        let db = match asked {
            Asked::Count => self.guarded(scope.tenant_id()).await?,
            _ => self.guarded_for(scope.tenant_id(), filter).await?,
        };
        let shape = self.backend().shape(&db, statement).await?;
        shape.ok_or_else(|| Error::internal("explaining a query", "the plan is none"))
    }
}
