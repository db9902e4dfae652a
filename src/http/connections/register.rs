//! Who is connected: the caps, in all and for one address, and who goes when they are reached.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Limits;
use super::activity::Activity;

/// Everybody who is connected.
pub struct Register {
    max: usize,
    max_per_address: usize,
    entries: Mutex<Entries>,
    refused: AtomicU64,
}

#[derive(Default)]
struct Entries {
    next: u64,
    open: HashMap<u64, Entry>,
    of_address: HashMap<IpAddr, usize>,
}

struct Entry {
    address: IpAddr,
    activity: Arc<Activity>,
    let_go: Arc<Notify>,
}

/// A place in the register, for as long as it lives.
pub struct Admission {
    register: Arc<Register>,
    number: u64,
    let_go: Arc<Notify>,
}

/// Which cap a connection would exceed, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    InAll(usize),
    OfAddress(usize),
}

impl Register {
    pub fn new(limits: &Limits) -> Arc<Self> {
        let number =
            |limit: std::num::NonZeroU32| usize::try_from(limit.get()).unwrap_or(usize::MAX);
        Arc::new(Self {
            max: number(limits.max_connections),
            max_per_address: number(limits.max_connections_per_address),
            entries: Mutex::default(),
            refused: AtomicU64::new(0),
        })
    }

    /// How many connections there are.
    pub fn open(&self) -> usize {
        self.entries().open.len()
    }

    /// How many connections were refused so far.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A place for a connection. At a cap, the one that has been idle longest makes room: of those from
    /// the same address for the address's cap, else of the address that has most. Where none is idle,
    /// there is no place.
    pub fn admit(
        this: &Arc<Self>,
        peer: IpAddr,
        activity: &Arc<Activity>,
    ) -> Result<Admission, Full> {
        let address = party(peer);
        let mut entries = this.entries();
        if entries.of(address) >= this.max_per_address && !entries.make_room(Some(address)) {
            this.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Full::OfAddress(this.max_per_address));
        }
        if entries.open.len() >= this.max && !entries.make_room(None) {
            this.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Full::InAll(this.max));
        }
        let let_go = Arc::new(Notify::new());
        let number = entries.add(Entry {
            address,
            activity: Arc::clone(activity),
            let_go: Arc::clone(&let_go),
        });
        Ok(Admission { register: Arc::clone(this), number, let_go })
    }

    /// The process has run out of what a connection takes: somebody who does nothing goes.
    pub fn pressed(&self, error: &io::Error) {
        let mut entries = self.entries();
        let made_room = entries.make_room(None);
        let open = entries.open.len();
        tracing::warn!(%error, open, made_room, "a connection could not be accepted");
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn of(&self, address: IpAddr) -> usize {
        self.of_address.get(&address).copied().unwrap_or_default()
    }

    fn add(&mut self, entry: Entry) -> u64 {
        let number = self.next;
        self.next += 1;
        *self.of_address.entry(entry.address).or_default() += 1;
        self.open.insert(number, entry);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.open.remove(&number)?;
        if let Some(count) = self.of_address.get_mut(&entry.address) {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&entry.address);
            }
        }
        Some(entry)
    }

    /// Lets an idle connection go; whether there was one.
    fn make_room(&mut self, of: Option<IpAddr>) -> bool {
        let now = Instant::now();
        let candidates =
            self.open.iter().filter(|(_, entry)| of.is_none_or(|of| entry.address == of));
        let idle = candidates.filter_map(|(number, entry)| {
            Some((self.of(entry.address), entry.activity.idle_for(now)?, *number))
        });
        let Some((_, _, number)) = idle.max() else { return false };
        if let Some(entry) = self.remove(number) {
            entry.let_go.notify_one();
        }
        true
    }
}

impl Admission {
    /// Ends when somebody else needs the place.
    pub async fn let_go(&self) {
        self.let_go.notified().await;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.register.entries().remove(self.number);
    }
}

/// Whom an address counts for: with IPv6, everybody has a network of 64 bits to themselves.
fn party(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}
