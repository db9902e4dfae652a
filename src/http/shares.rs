//! How much of what the server can hold is one tenant's: nobody fills all of it alone, with however many
//! keys.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::gate::RETRY_AFTER;
use crate::domain::id::Id;
use crate::domain::limits::{Limit, Limits};
use crate::error::Result;

/// What each tenant has under way. Only those that have any are remembered.
#[derive(Clone)]
pub struct Shares {
    requests: Limit,
    /// Of the room for bodies; one body has room in any case.
    bytes: u64,
    held: Held,
}

type Held = Arc<Mutex<HashMap<Id, UnderWay>>>;

#[derive(Default)]
struct UnderWay {
    requests: u64,
    bytes: u64,
}

/// One request of a tenant's, with the room that its body takes, until it is dropped.
pub struct Share {
    tenant_id: Id,
    bytes: AtomicU64,
    most_bytes: u64,
    held: Held,
}

impl Shares {
    pub fn new(limits: &Limits) -> Self {
        let half = limits.max_concurrent_body_bytes.value() / 2;
        Self {
            requests: limits.max_concurrent_requests_per_tenant,
            bytes: half.max(limits.max_request_bytes.value()),
            held: Held::default(),
        }
    }

    /// Counts one more request of a tenant's, unless it has as many as it may.
    pub fn take(&self, tenant_id: &Id) -> Result<Share> {
        let mut held = all(&self.held);
        let count = held.get(tenant_id).map_or(0, |under_way| under_way.requests) + 1;
        self.requests.hold(count).map_err(|refusal| refusal.after(RETRY_AFTER))?;
        held.entry(tenant_id.clone()).or_default().requests = count;
        drop(held);
        Ok(Share {
            tenant_id: tenant_id.clone(),
            bytes: AtomicU64::new(0),
            most_bytes: self.bytes,
            held: Arc::clone(&self.held),
        })
    }
}

impl Share {
    /// Takes room for so many bytes more, if the tenant may have them.
    pub fn take_room(&self, bytes: u64) -> bool {
        let mut held = all(&self.held);
        let under_way = held.entry(self.tenant_id.clone()).or_default();
        let fits = under_way.bytes.saturating_add(bytes) <= self.most_bytes;
        if fits {
            under_way.bytes += bytes;
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = all(&self.held).entry(self.tenant_id.clone()) {
            let under_way = entry.get_mut();
            under_way.requests = under_way.requests.saturating_sub(1);
            let bytes = self.bytes.load(Ordering::Relaxed);
            under_way.bytes = under_way.bytes.saturating_sub(bytes);
            if under_way.requests == 0 {
                entry.remove();
            }
        }
    }
}

fn all(held: &Held) -> MutexGuard<'_, HashMap<Id, UnderWay>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
