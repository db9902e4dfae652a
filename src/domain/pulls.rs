//! Reads of the log that go on page by page: which page continues a pull that was logged already.

use std::collections::{HashMap, VecDeque};

use aws_lc_rs::digest;
use chrono::TimeDelta;

use super::id::Id;
use super::read::Read;
use super::time::Time;

/// How long after a logged page its continuations leave nothing.
pub const SPAN: TimeDelta = TimeDelta::hours(1);

/// What all pages of one pull have in common: who reads, which field, by which filter and order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pull([u8; digest::SHA256_OUTPUT_LEN]);

impl Pull {
    /// The pull that a read is a page of.
    pub fn of(tenant_id: &Id, user_id: &Id, read: &Read) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        for text in [tenant_id.as_str(), user_id.as_str(), &read.field, &read.without_paging()] {
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            hash.update(&length.to_be_bytes());
            hash.update(text.as_bytes());
        }
        let mut bytes = [0; digest::SHA256_OUTPUT_LEN];
        bytes.iter_mut().zip(hash.finish().as_ref()).for_each(|(byte, hashed)| *byte = *hashed);
        Self(bytes)
    }
}

/// The pulls of which a page was logged lately. At most so many: one that is forgotten too early is
/// logged once more.
#[derive(Debug)]
pub struct Pulls {
    most: usize,
    logged: HashMap<Pull, Time>,
    in_order: VecDeque<(Time, Pull)>,
}

impl Pulls {
    /// Remembers at most this many pages.
    pub fn new(most: usize) -> Self {
        Self { most, logged: HashMap::new(), in_order: VecDeque::new() }
    }

    /// Whether a page of the pull was logged within the [`SPAN`] before now.
    pub fn was_logged(&self, pull: &Pull, now: Time) -> bool {
        // Not for longer when the clock was put back meanwhile.
        self.logged.get(pull).is_some_and(|time| *time <= now && now - *time < SPAN)
    }

    /// Remembers that a page of the pull was logged.
    pub fn remember(&mut self, pull: Pull, now: Time) {
        // Not twice for the same time: the first one to go would take the other one with it.
        if self.logged.insert(pull, now) != Some(now) {
            self.in_order.push_back((now, pull));
        }
        while let Some(&(time, oldest)) = self.in_order.front()
            && (self.in_order.len() > self.most || now - time >= SPAN)
        {
            self.in_order.pop_front();
            if self.logged.get(&oldest) == Some(&time) {
                self.logged.remove(&oldest);
            }
        }
    }
}
