//! At most so many of something in any minute: of each key of a tenant, and of the tenant. What is too
//! much is counted, and told with the next that is not.

use std::collections::{HashMap, VecDeque};

use chrono::TimeDelta;

use super::id::Id;
use super::time::Time;

/// How much is too much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Within this time …
    pub window: TimeDelta,
    /// … at most so many of one key of a tenant,
    pub per_key: usize,
    /// so many of a tenant,
    pub per_tenant: usize,
    /// and of so many tenants.
    pub tenants: usize,
}

/// Lets through what is not too much. Its memory is bounded by its limits, whatever it is asked.
#[derive(Debug)]
pub struct Throttle {
    limits: Limits,
    tenants: HashMap<Id, Recent>,
}

/// What was let through of a tenant within the window, in the order in which it was.
#[derive(Debug, Default)]
struct Recent {
    let_through: VecDeque<(Time, String)>,
    suppressed: u64,
}

impl Throttle {
    /// One that has let nothing through yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, tenants: HashMap::new() }
    }

    /// Whether one more of a tenant's key may go through now. If so: how many of the tenant were
    /// suppressed since the last one that went through.
    pub fn ask(&mut self, tenant_id: &Id, key: &str, now: Time) -> Option<u64> {
        let Limits { window, per_key, per_tenant, tenants } = self.limits;
        // A clock that was put back must not stop everything until it has caught up.
        let within = |time: Time| time <= now && now - time < window;
        if !self.tenants.contains_key(tenant_id) && self.tenants.len() >= tenants {
            self.tenants
                .retain(|_, recent| recent.let_through.iter().any(|(time, _)| within(*time)));
            if self.tenants.len() >= tenants {
                return None;
            }
        }
        let recent = self.tenants.entry(tenant_id.clone()).or_default();
        recent.let_through.retain(|(time, _)| within(*time));
        let of_key = recent.let_through.iter().filter(|(_, other)| other == key).count();
        if of_key >= per_key || recent.let_through.len() >= per_tenant {
            recent.suppressed = recent.suppressed.saturating_add(1);
            return None;
        }
        recent.let_through.push_back((now, key.to_owned()));
        Some(std::mem::take(&mut recent.suppressed))
    }
}
