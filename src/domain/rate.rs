//! At most so many requests a minute of each client. Unlike [`super::throttle`], which keeps what it
//! let through, this keeps one point in time a client, so that millions a minute cost nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Lets so many requests a minute of each client through. Who has sent none for a minute may send all
/// of them at once; after that they come back one by one, evenly.
#[derive(Debug)]
pub struct Rate<K> {
    /// How long one request counts.
    each: Duration,
    /// How many clients are remembered.
    clients: usize,
    /// Until when each client has used up what comes back to it.
    used_until: HashMap<K, Duration>,
    swept: Duration,
}

impl<K: Eq + Hash> Rate<K> {
    /// At most `a_minute` requests, of each of so many clients.
    pub fn new(a_minute: u64, clients: usize) -> Self {
        let each = MINUTE.as_nanos() / u128::from(a_minute.max(1));
        let each = Duration::from_nanos(u64::try_from(each).unwrap_or(u64::MAX));
        Self { each, clients, used_until: HashMap::new(), swept: Duration::ZERO }
    }

    /// Whether a client may send one more now, a time that does not go back. If not: how long it has to
    /// wait.
    pub fn ask(&mut self, client: K, now: Duration) -> Result<(), Duration> {
        self.make_room(now);
        let used = self.used_until.get(&client).copied().unwrap_or_default().max(now);
        let after = used + self.each;
        let latest = now + MINUTE;
        if after > latest {
            return Err(after - latest);
        }
        // More clients at once than are remembered go uncounted: their credentials are good, and
        // memory is bounded.
        if self.used_until.len() < self.clients || self.used_until.contains_key(&client) {
            self.used_until.insert(client, after);
        }
        Ok(())
    }

    /// Forgets, once a second at most, who may send as much as somebody who is not known.
    fn make_room(&mut self, now: Duration) {
        let full = self.used_until.len() >= self.clients;
        if full && now >= self.swept + Duration::from_secs(1) {
            self.swept = now;
            self.used_until.retain(|_, until| *until > now);
        }
    }

    /// How many clients it remembers.
    pub fn len(&self) -> usize {
        self.used_until.len()
    }

    /// Whether it remembers none.
    pub fn is_empty(&self) -> bool {
        self.used_until.is_empty()
    }
}
