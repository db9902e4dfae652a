//! Failed sign-ins in the server's own log: why and where from, for whoever guards the server. Nothing
//! that was sent is in it, for all of it may be a credential.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;

use super::Reason;
use crate::domain::id::Id;
use crate::domain::throttle::{Limits, Throttle};
use crate::domain::time::Time;

/// Anybody can send credentials: a log that they could fill would hide what else is in it.
const LIMITS: Limits =
    Limits { window: TimeDelta::minutes(1), per_key: 10, per_tenant: 100, tenants: 1 };

/// Tells the log of failed sign-ins.
#[derive(Clone)]
pub(super) struct Told {
    server: Id,
    throttle: Arc<Mutex<Throttle>>,
}

impl Told {
    pub fn new() -> Self {
        let throttle = Arc::new(Mutex::new(Throttle::new(LIMITS)));
        Self { server: Id::trusted("server".to_owned()), throttle }
    }

    /// Tells of one, if there were not too many of this reason and address within the minute, or of all.
    pub fn failed(&self, reason: Reason, ip_address: Option<&str>, now: Time) {
        let (reason, ip_address) = (reason.as_str(), ip_address.unwrap_or("unknown"));
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        let suppressed = throttle.ask(&self.server, &format!("{ip_address} {reason}"), now);
        drop(throttle);
        if let Some(suppressed) = suppressed {
            tracing::info!(reason, ip_address, suppressed, "a sign-in failed");
        }
    }
}
