//! How many requests a minute each credential sends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::domain::id::Id;
use crate::domain::limits::Limit;
use crate::domain::rate::Rate;
use crate::error::{Error, Result};

/// How many credentials are remembered at once. Each takes some 100 bytes, for a minute.
const CREDENTIALS: usize = 100_000;

/// What signs somebody in, by what is no secret.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An API key, by its own id.
    Key(Id),
    /// Any token of a subject: clients get new ones as they like.
    Subject(Id),
}

/// Counts the requests of credentials.
#[derive(Clone)]
pub struct Rates {
    limit: Limit,
    rate: Arc<Mutex<Rate<Credential>>>,
    start: Instant,
}

impl Rates {
    pub fn new(limit: Limit) -> Self {
        let rate = Rate::new(limit.value(), CREDENTIALS);
        Self { limit, rate: Arc::new(Mutex::new(rate)), start: Instant::now() }
    }

    /// Counts one more request, and refuses it if it is one too many.
    pub fn ask(&self, credential: Credential) -> Result<()> {
        let now = self.start.elapsed();
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.ask(credential, now).map_err(|wait| {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Error::after(self.limit.exceeded(), seconds)
        })
    }
}
