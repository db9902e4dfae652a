//! What a store has done and has under way, in numbers, for whoever watches the server. Counting costs
//! some atomic additions; what can be asked for (`Store::pools`) is not counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::Store;
use crate::domain::filter::EventFilter;

/// The target of all spans, by which they are told from what else is written to the log. They are of the
/// lowest level: without a collector of traces nobody asks for them, and they are not made.
pub const SPANS: &str = "auditlog::trace";

/// What rows of events are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFor {
    /// A page of a list.
    Page,
    /// A step of an export.
    Export,
    /// A count that is not kept.
    Count,
    /// One event.
    Event,
}

impl ReadFor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Page, Self::Export, Self::Count, Self::Event];

    /// What a page is for: only an export ends at a number.
    pub(super) const fn a_page(filter: &EventFilter) -> Self {
        match filter.up_to_sequence {
            Some(_) => Self::Export,
            None => Self::Page,
        }
    }

    /// The word for it in metrics and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Export => "export",
            Self::Count => "count",
            Self::Event => "event",
        }
    }
}

/// The counters of one store.
#[derive(Debug, Clone, Default)]
pub struct Activity(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    pages: AtomicU64,
    exports: AtomicU64,
    counts: AtomicU64,
    events: AtomicU64,
    appended: AtomicU64,
    queued_requests: AtomicU64,
    queued_events: AtomicU64,
    commit_sizes: Spread,
    commit_times: Spread,
}

/// How many bounds there are of each.
const BOUNDS: usize = 12;

/// The sizes, in events, by which commits are counted.
const SIZES: [u64; BOUNDS] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/// The times, in microseconds.
const TIMES: [u64; BOUNDS] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];

impl Activity {
    /// How many rows of events the database gave, or counted one by one, for a kind of reading.
    pub fn rows_read(&self, reading: ReadFor) -> u64 {
        self.rows(reading).load(Relaxed)
    }

    /// How many events were given a number and are durable, in all tenants, whatever they came from.
    pub fn appended(&self) -> u64 {
        self.0.appended.load(Relaxed)
    }

    /// How many requests wait for a commit to take them along, and how many events they have.
    pub fn queued(&self) -> (u64, u64) {
        (self.0.queued_requests.load(Relaxed), self.0.queued_events.load(Relaxed))
    }

    /// How many events commits took.
    pub fn commit_sizes(&self) -> Measured {
        self.0.commit_sizes.measured(&SIZES)
    }

    /// How long commits took, in microseconds, from asking for a connection to the answer.
    pub fn commit_times(&self) -> Measured {
        self.0.commit_times.measured(&TIMES)
    }

    pub(super) fn has_read(&self, reading: ReadFor, rows: u64) {
        self.rows(reading).fetch_add(rows, Relaxed);
    }

    pub(super) fn has_appended(&self, events: u64) {
        self.0.appended.fetch_add(events, Relaxed);
    }

    pub(super) fn has_committed(&self, events: u64, time: Duration) {
        self.has_appended(events);
        self.0.commit_sizes.add(&SIZES, events);
        self.0.commit_times.add(&TIMES, u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// A request that waits for a commit until this is dropped.
    pub(super) fn queue(&self, events: usize) -> Queued {
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        self.0.queued_requests.fetch_add(1, Relaxed);
        self.0.queued_events.fetch_add(events, Relaxed);
        Queued { activity: self.clone(), events }
    }

    fn rows(&self, reading: ReadFor) -> &AtomicU64 {
        match reading {
            ReadFor::Page => &self.0.pages,
            ReadFor::Export => &self.0.exports,
            ReadFor::Count => &self.0.counts,
            ReadFor::Event => &self.0.events,
        }
    }
}

/// A request in the queue of a lane.
#[derive(Debug)]
pub(super) struct Queued {
    activity: Activity,
    events: u64,
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.activity.0.queued_requests.fetch_sub(1, Relaxed);
        self.activity.0.queued_events.fetch_sub(self.events, Relaxed);
    }
}

/// How many values were up to each of some bounds, but above the one before it.
#[derive(Debug, Default)]
struct Spread {
    up_to: [AtomicU64; BOUNDS],
    above: AtomicU64,
    sum: AtomicU64,
}

impl Spread {
    fn add(&self, bounds: &[u64; BOUNDS], value: u64) {
        let place = bounds.partition_point(|bound| *bound < value);
        self.up_to.get(place).unwrap_or(&self.above).fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    fn measured(&self, bounds: &[u64; BOUNDS]) -> Measured {
        let counts = self.up_to.iter().map(|count| count.load(Relaxed));
        Measured {
            up_to: bounds.iter().copied().zip(counts).collect(),
            above: self.above.load(Relaxed),
            sum: self.sum.load(Relaxed),
        }
    }
}

/// Values that were measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Each bound, and how many values were up to it, but above the one before it.
    pub up_to: Vec<(u64, u64)>,
    /// How many were above all bounds.
    pub above: u64,
    /// Their sum.
    pub sum: u64,
}

/// What of a pool of connections is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// What it is for.
    pub name: &'static str,
    /// How many connections are at work.
    pub used: usize,
    /// How many are open and wait for work.
    pub idle: usize,
    /// How many there may be.
    pub most: usize,
}

impl Store {
    /// What was done so far, and what waits.
    pub const fn activity(&self) -> &Activity {
        &self.database.activity
    }

    /// How the pools of connections are used at this moment.
    pub fn pools(&self) -> Vec<Pool> {
        let of = |name, connections| {
            let (open, idle, most) = self.backend().pool_use(connections);
            Pool { name, used: open.saturating_sub(idle), idle, most }
        };
        let mut pools =
            vec![of("read", self.readers().inner()), of("write", self.database.writers.inner())];
        pools.extend(self.database.event_readers.pools());
        pools
    }
}
