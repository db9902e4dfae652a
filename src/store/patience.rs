//! How long the store waits for the database, and who has the last word when it was too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::error::{Error, Unavailable};

/// How long what uses the database waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A command of its own: another one that records must not make it fail.
    Command,
    /// A server: whoever asks hears within five seconds that the database is not to be had.
    Server,
}

impl Patience {
    /// For a connection to read with.
    pub(super) const fn connection_to_read(self) -> Duration {
        match self {
            Self::Command => Duration::from_secs(30),
            Self::Server => Duration::from_secs(2),
        }
    }

    /// For a lock that stops a read; together with the connection, still within the five seconds.
    pub(super) const fn lock_to_read(self) -> Duration {
        match self {
            Self::Command => Duration::from_secs(30),
            Self::Server => Duration::from_millis(2_500),
        }
    }

    /// For a connection to write with, and then for a lock.
    pub(super) const fn to_write(self) -> Duration {
        match self {
            Self::Command => Duration::from_secs(60),
            Self::Server => Duration::from_secs(4),
        }
    }

    /// For a whole write, the waiting for its turn included. Longer than one wait, whose failure says
    /// more.
    pub(super) const fn whole_write(self) -> Duration {
        match self {
            Self::Command => Duration::from_secs(300),
            Self::Server => Duration::from_millis(4_500),
        }
    }
}

/// Who has the last word on a write: whoever does it, up to the moment of its commit, or whoever waits
/// for it and has waited long enough. What is given up before that moment is surely not done.
#[derive(Clone, Default)]
pub(super) struct Claim(Arc<AtomicU8>);

const OPEN: u8 = 0;
const COMMITTED_TO: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Claim {
    /// Takes the last word for the commit; whether it was still to be had.
    pub fn commit(&self) -> bool {
        self.settle(COMMITTED_TO)
    }

    /// Whether nobody waits for the write any more, who would be told that it is not done.
    pub fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Acquire) == GIVEN_UP
    }

    /// Gives the write up; what whoever waited for it is told.
    pub fn too_late(&self, doing: &'static str) -> Error {
        let in_time = self.settle(GIVEN_UP);
        let why = if in_time { Unavailable::Database } else { Unavailable::Uncertain };
        Error::unavailable(why, doing, "it did not end in time")
    }

    fn settle(&self, word: u8) -> bool {
        let said = self.0.compare_exchange(OPEN, word, Ordering::AcqRel, Ordering::Acquire);
        said.is_ok() || said == Err(word)
    }
}
