//! What tests stand on: a database each, a server over it, people with keys.

pub mod binary;
pub mod browser;
pub mod client;
pub mod direct;
pub mod log;
pub mod postgres;
pub mod property;
pub mod proxy;
pub mod raw;
pub mod retention;
pub mod tokens;
pub mod ways;
pub mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use auditlog::domain::time::{Clock, Time};
use auditlog::store::{Database, Random, Store};
use chrono::{DateTime, TimeDelta};

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// A database of its own; gone when the test ends.
pub struct TestDatabase {
    pub on: On,
    pub url: String,
    /// How many servers' stores there were over it.
    stores: AtomicU64,
    /// Holds SQLite's file.
    _directory: Option<tempfile::TempDir>,
}

impl TestDatabase {
    /// A migrated, empty database.
    pub async fn new(on: On) -> Self {
        let (url, directory) = match on {
            On::Sqlite => {
                let directory = tempfile::tempdir().unwrap();
                (format!("sqlite://{}/test.db", directory.path().display()), Some(directory))
            }
            On::Postgres => (postgres::new_database().await, None),
        };
        Self { on, url, stores: AtomicU64::new(0), _directory: directory }
    }

    /// Another one, which the test made itself.
    pub fn at(on: On, url: String) -> Self {
        Self { on, url, stores: AtomicU64::new(0), _directory: None }
    }

    /// A store over it, as one server has it.
    pub async fn store(&self, clock: Clock) -> Store {
        let earlier = self.stores.fetch_add(1, Ordering::SeqCst);
        self.store_of_server(earlier, clock).await
    }

    /// The store of a server with this number, by which it makes other ids than any other one.
    pub async fn store_of_server(&self, number: u64, clock: Clock) -> Store {
        let database = Database::connect(&self.url).await.unwrap();
        database.migrate().await.unwrap();
        Store::open(database, clock, counting(number << 32)).await.unwrap()
    }
}

/// Random bytes that are the same in every run, so that whole answers can be compared, and others than
/// those of another server.
fn counting(from: u64) -> Random {
    let count = AtomicU64::new(from);
    Arc::new(move |bytes| {
        let count = count.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        let last = bytes.len() - count.len();
        bytes[last..].copy_from_slice(&count);
        Ok(())
    })
}

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Starts at noon of a day that tests can name: 2026-10-15T12:00:00Z.
    pub fn new() -> Self {
        let start: Time = "2026-10-15T12:00:00Z".parse().unwrap();
        Self(Arc::new(AtomicI64::new(start.timestamp_micros())))
    }

    pub fn now(&self) -> Time {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }

    /// Moves it, forward or back.
    pub fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_microseconds().unwrap(), Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Arc::new(move || this.now())
    }
}

/// Runs tests on both databases: `on_both!(name)` makes `async fn name(on: On)` the tests
/// `name::sqlite` and `name::postgres`. A snapshot in it is one file for both, which holds that the
/// databases answer alike.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        $(
            mod $name {
                use $crate::support::On;

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn sqlite() {
                    super::$name(On::Sqlite).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn postgres() {
                    super::$name(On::Postgres).await;
                }
            }
        )+
    };
}
