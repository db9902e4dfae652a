//! How many bytes of events one request may read. Its fields read one after another, in the order in which
//! they stand in it, so that together they never have more in memory; pages end early when it is used up.

use async_graphql::Context;
use tokio::sync::{Mutex, MutexGuard};

use crate::domain::event::Event;
use crate::domain::limits::Limit;
use crate::error::Result;

/// What is left of it.
pub(super) struct Budget {
    limit: Limit,
    left: Mutex<u64>,
}

/// One field's turn to read.
pub(super) struct Turn<'a> {
    limit: Limit,
    left: MutexGuard<'a, u64>,
}

impl Budget {
    pub fn new(limit: Limit) -> Self {
        Self { limit, left: Mutex::new(limit.value()) }
    }

    /// The same, with so many bytes at most.
    pub fn at_most(limit: Limit, bytes: u64) -> Self {
        Self { limit, left: Mutex::new(limit.value().min(bytes)) }
    }

    /// Waits until no other field of the request reads events. Fields are begun in their order, so a field
    /// that asks for its turn before it waits for anything else gets it in that order.
    pub async fn turn<'a>(ctx: &Context<'a>) -> Turn<'a> {
        let budget = ctx.data_unchecked::<Self>();
        Turn { limit: budget.limit, left: budget.left.lock().await }
    }
}

impl Turn<'_> {
    /// How many bytes are left; refused when there are none.
    pub fn left(&self) -> Result<u64> {
        match *self.left {
            0 => Err(self.limit.exceeded()),
            left => Ok(left),
        }
    }

    /// Takes what was read from what is left.
    pub fn spend(&mut self, bytes: u64) {
        *self.left = self.left.saturating_sub(bytes);
    }

    /// The same for a single event.
    pub fn spend_on(&mut self, event: Option<&Event>) {
        self.spend(event.map_or(0, Event::bytes));
    }
}
