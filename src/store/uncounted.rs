//! The events that this server has appended and that are not counted yet: counting need not read them.
//!
//! They are known from one number to another, and only as long as a tenant's head names just these two.
//! Whoever appends or counts, here or on another server, moves one of them on; and whoever removes events
//! that are not counted yet must move on what is counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::entity::sequence_head;
use super::tallies::Counted;

/// For how many tenants they are kept in memory.
const TENANTS: usize = 200;

#[derive(Clone, Default)]
pub(super) struct Uncounted {
    kept: Arc<Mutex<HashMap<String, Known>>>,
}

/// A tenant's events after one number and up to another.
#[derive(Default)]
pub(super) struct Known {
    after: i64,
    upto: i64,
    pub events: Vec<Counted>,
}

impl Uncounted {
    /// All events of a tenant that are not counted, if they are known; its head is locked. They must be
    /// kept again, when the lock is given up and what was appended is committed.
    pub fn take(&self, head: &sequence_head::Model) -> Option<Known> {
        let known = self.kept().remove(&head.tenant_id);
        if head.counted_sequence == head.last_sequence {
            return Some(Known::none_after(head.last_sequence));
        }
        known.filter(|known| {
            (known.after, known.upto) == (head.counted_sequence, head.last_sequence)
        })
    }

    pub fn keep(&self, tenant_id: &str, known: Known) {
        if known.events.is_empty() {
            return; // which the head alone tells
        }
        let mut kept = self.kept();
        if kept.len() >= TENANTS
            && let Some(any) = kept.keys().next().cloned()
        {
            kept.remove(&any);
        }
        kept.insert(tenant_id.to_owned(), known);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    pub fn none_after(number: i64) -> Self {
        Self { after: number, upto: number, events: Vec::new() }
    }

    /// Adds those that follow, up to a number.
    pub fn add(&mut self, events: impl IntoIterator<Item = Counted>, upto: i64) {
        self.events.extend(events);
        self.upto = upto;
    }
}
