//! How many of the requests under way are of one credential: nobody fills all the places alone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::gate::RETRY_AFTER;
use crate::auth::Credential;
use crate::domain::limits::Limit;
use crate::error::Result;

/// How many requests each credential has under way. Only those that have any are remembered.
#[derive(Clone)]
pub struct Shares {
    limit: Limit,
    held: Held,
}

type Held = Arc<Mutex<HashMap<Credential, u64>>>;

/// One request of a credential's, until it is dropped.
pub struct Share {
    credential: Credential,
    held: Held,
}

impl Shares {
    pub fn new(limit: Limit) -> Self {
        Self { limit, held: Held::default() }
    }

    /// Counts one more request of a credential's, unless it has as many as it may.
    pub fn take(&self, credential: Credential) -> Result<Share> {
        let mut held = all(&self.held);
        let count = held.get(&credential).copied().unwrap_or_default() + 1;
        self.limit.hold(count).map_err(|refusal| refusal.after(RETRY_AFTER))?;
        held.insert(credential.clone(), count);
        drop(held);
        Ok(Share { credential, held: Arc::clone(&self.held) })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = all(&self.held).entry(self.credential.clone()) {
            match count.get().saturating_sub(1) {
                0 => drop(count.remove()),
                left => *count.get_mut() = left,
            }
        }
    }
}

fn all(held: &Held) -> MutexGuard<'_, HashMap<Credential, u64>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
