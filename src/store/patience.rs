//! How long the store waits for the database, and who has the last word when it was too long.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::waiting::{self, Wait};
use crate::error::{Error, Result, Unavailable};

/// How long what uses the database waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A command of its own: another one that records must not make it fail.
    Command,
    /// A server: whoever asks hears within five seconds that the database is not to be had. What reads the
    /// log is stopped after this time, which is that of a request.
    Server(Duration),
}

impl Patience {
    /// For all that a request waits for, if that is counted together.
    pub(super) const fn of_a_request(self) -> Option<Duration> {
        match self {
            Self::Command => None,
            Self::Server(_) => Some(Duration::from_millis(4_500)),
        }
    }

    /// For a connection to read with.
    pub(super) const fn connection_to_read(self) -> Duration {
        match self {
            Self::Command => Duration::from_secs(30),
            Self::Server(_) => Duration::from_secs(2),
        }
    }

    /// For a lock that stops a read; together with the connection, still within the five seconds.
    pub(super) const fn lock_to_read(self) -> Duration {
        match self {
            Self::Command => Duration::from_secs(30),
            Self::Server(_) => Duration::from_millis(2_500),
        }
    }

    /// For a lock that stops what reads the log, in a request that has waited before.
    pub(super) fn lock_to_read_on(self) -> Duration {
        // Nothing would mean for ever.
        const LEAST: Duration = Duration::from_millis(100);
        let left = waiting::left().unwrap_or(Duration::MAX);
        self.lock_to_read().min(left).max(LEAST)
    }

    /// For what reads the log to end, if it is not to take as long as it likes.
    pub(super) const fn to_read(self) -> Option<Duration> {
        match self {
            Self::Command => None,
            Self::Server(time) => Some(time),
        }
    }

    /// For a connection to write with, and then for a lock.
    pub(super) const fn to_write(self) -> Duration {
        match self {
            Self::Command => Duration::from_secs(60),
            Self::Server(_) => Duration::from_secs(4),
        }
    }

    /// For a write to begin, the waiting for its turn included. Longer than one wait, whose failure says
    /// more.
    const fn to_begin(self) -> Duration {
        match self {
            Self::Command => Duration::from_secs(300),
            Self::Server(_) => Duration::from_millis(4_500),
        }
    }

    /// And then to end: what has begun has all it needs, and is given up no more.
    const fn to_end(self) -> Duration {
        match self {
            Self::Command => Duration::from_secs(300),
            Self::Server(_) => Duration::from_secs(20),
        }
    }

    /// Waits for a write, and not for ever: to begin, no longer than its request may wait in all.
    pub(super) async fn wait_for<T>(
        self,
        write: impl Future<Output = Result<T>>,
        claim: &Claim,
        doing: &'static str,
    ) -> Result<T> {
        let late = |why| Err(Error::unavailable(why, doing, "it did not end in time"));
        let mut write = pin!(write);
        let wait = Wait::begin();
        let left = wait.as_ref().map_or(Duration::MAX, Wait::left);
        tokio::select! {
            biased;
            ended = &mut write => return ended,
            () = claim.begun() => {}
            () = sleep(self.to_begin().min(left)) => {
                if claim.give_up() {
                    return late(Unavailable::Database);
                }
            }
        }
        drop(wait);
        let ended = timeout(self.to_end(), write).await;
        ended.unwrap_or_else(|_| late(Unavailable::Uncertain))
    }

    /// The longest that anybody waits for a write.
    pub(super) const fn for_a_write(self) -> Duration {
        self.to_begin().saturating_add(self.to_end())
    }
}

/// Who has the last word on a write: whoever does it, once it has the locks it needs, or whoever waits
/// for it and has waited long enough. What is given up before it began is surely not done.
#[derive(Clone, Default)]
pub(super) struct Claim(Arc<Word>);

#[derive(Default)]
struct Word {
    said: AtomicU8,
    begun: Notify,
}

const OPEN: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Claim {
    /// Takes the last word to do it; whether it was still to be had.
    pub fn begin(&self) -> bool {
        let begun = self.settle(BEGUN);
        if begun {
            self.0.begun.notify_one();
        }
        begun
    }

    /// Waits until somebody took it to do it.
    async fn begun(&self) {
        self.0.begun.notified().await;
    }

    /// Takes it to give the write up.
    fn give_up(&self) -> bool {
        self.settle(GIVEN_UP)
    }

    /// Whether nobody waits for the write any more, who would be told that it is not done.
    pub fn is_given_up(&self) -> bool {
        self.0.said.load(Ordering::Acquire) == GIVEN_UP
    }

    fn settle(&self, word: u8) -> bool {
        let said = self.0.said.compare_exchange(OPEN, word, Ordering::AcqRel, Ordering::Acquire);
        said.is_ok() || said == Err(word)
    }
}
