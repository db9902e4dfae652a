//! What is kept: the only layer that knows SeaORM.
//!
//! There is one concrete [`Store`], over SQLite or PostgreSQL; `backend` is the only place that
//! asks which. Reads of events take a `Scope`, and there is no way to read events without one.
//! Writes run in a task of their own: a client that goes away cannot leave one half-done, nor hand
//! a connection with an open transaction back to its pool. Nothing waits for the database for ever:
//! `watched` ends what is asked of it when the request has waited long enough or the database is silent.

mod activity;
pub mod api_keys;
mod append;
mod arrivals;
mod backend;
mod backlog;
pub mod counts;
pub mod definitions;
mod directory;
mod entity;
mod event_reads;
pub mod events;
mod explained;
mod filter;
mod guard;
pub mod holds;
mod idempotency;
mod insert;
mod lanes;
mod merge;
pub mod note_rules;
pub mod organizations;
mod partitions;
mod patience;
mod people;
mod plan_choice;
pub mod plans;
pub mod policies;
mod pulse;
pub mod purge;
pub mod purge_runs;
mod retire;
pub mod settings;
mod slow;
pub mod tallies;
pub mod tenants;
mod unavailable;
mod uncounted;
pub mod users;
mod waiting;
mod watched;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ActiveValue::Set, DatabaseConnection, EntityTrait as _};
use tokio::time::timeout;

use crate::domain::page::PositionCodec;
use crate::domain::time::{Clock, Time, to_microseconds};
use crate::error::{Error, Result};

pub use activity::{Activity, Measured, Pool, ReadFor, SPANS};
pub use append::{Appended, Outcome, PreparedEvent};
use arrivals::Arrivals;
pub use backend::Backend;
use entity::installation_secret;
use event_reads::EventReaders;
pub use idempotency::Fingerprint;
use lanes::Lanes;
use partitions::Partitions;
use patience::Claim;
pub use patience::Patience;
use people::People;
use slow::Slow;
use tenants::{Revisions, Tenants};
pub use watched::Transaction;
use watched::{Waiting, Watched};

/// What is being done, for the log.
const WRITING: &str = "running a write transaction";

/// What fills a buffer with random bytes; a parameter, so that tests can hold it.
pub type Random = Arc<dyn Fn(&mut [u8]) -> std::io::Result<()> + Send + Sync>;

/// A piece of work's future, borrowed from the transaction it runs in.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Open connections to a database whose schema may still have to be migrated.
#[derive(Clone)]
pub struct Database {
    backend: Backend,
    url: String,
    patience: Patience,
    readers: Watched<DatabaseConnection>,
    event_readers: EventReaders,
    writers: Watched<DatabaseConnection>,
    activity: Activity,
}

/// A migrated database, with all that reading and recording need.
#[derive(Clone)]
pub struct Store {
    database: Database,
    clock: Clock,
    random: Random,
    positions: PositionCodec,
    partitions: Partitions,
    lanes: Lanes,
    tenants: Tenants,
    arrivals: Arrivals<Revisions>,
    people: People,
    /// What was appended in the transaction that this is for, and counts once that is committed.
    appended: Arc<AtomicU64>,
    slow: Slow,
}

impl Database {
    /// Connects to `sqlite://FILE` (created when missing) or `postgres://…`, for a command.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url, Patience::Command).await
    }

    /// Connects with the patience of a command or of a server.
    pub async fn connect_with(url: &str, patience: Patience) -> Result<Self> {
        let backend = Backend::of_url(url)?;
        // The writer comes first: it creates a missing SQLite file.
        let writers = backend.connect(url, backend::Role::Write, patience).await?;
        let readers = backend.connect(url, backend::Role::Read, patience).await?;
        let pulse = backend.pulse(url, patience)?;
        let readers = Watched::new(readers, pulse.clone(), Waiting::Wholly);
        Ok(Self {
            backend,
            url: url.to_owned(),
            patience,
            event_readers: EventReaders::new(backend, url, &readers, patience),
            readers,
            writers: Watched::new(writers, pulse, Waiting::No),
            activity: Activity::default(),
        })
    }

    /// Applies every migration that is still to be applied. Several servers may do so at once.
    pub async fn migrate(&self) -> Result<()> {
        self.backend.migrate(&self.url, self.writers.inner()).await?;
        backlog::clear(self).await
    }

    /// Closes every connection.
    pub async fn close(self) -> Result<()> {
        self.readers.close().await?;
        Ok(self.writers.close().await?)
    }

    /// How many migrations are still to be applied.
    pub async fn pending_migrations(&self) -> Result<usize> {
        let pending = Migrator::get_pending_migrations_read_only(self.writers.inner())
            .await
            .map_err(|error| Error::internal("reading which migrations are applied", error))?;
        Ok(pending.len())
    }
}

impl Store {
    /// Opens a migrated database.
    pub async fn open(database: Database, clock: Clock, random: Random) -> Result<Self> {
        if database.pending_migrations().await? > 0 {
            return Err(Error::bad_input(
                "the database has migrations to apply: run `auditlog migrate`, or start without --no-migrate",
            ));
        }
        let key = cursor_key(&database, &random).await?;
        let partitions = Partitions::default();
        let store = Self {
            lanes: Lanes::start(&database, &clock, &partitions),
            positions: PositionCodec::new(&key),
            database,
            clock,
            random,
            partitions,
            tenants: Tenants::default(),
            arrivals: Arrivals::default(),
            people: People::default(),
            appended: Arc::default(),
            slow: Slow::default(),
        };
        store.prepare_partitions().await?;
        Ok(store)
    }

    /// Encodes and decodes event ids and cursors with this installation's key.
    pub const fn positions(&self) -> &PositionCodec {
        &self.positions
    }

    /// The current time, to the microsecond.
    pub fn now(&self) -> Time {
        to_microseconds((self.clock)())
    }

    /// Fills a buffer with random bytes.
    pub fn random_bytes<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        (self.random)(&mut bytes)
            .map_err(|error| Error::internal("asking for random bytes", error))?;
        Ok(bytes)
    }

    /// Runs a request, whose waits for the database are counted together: a server's are bounded in all.
    pub async fn within_patience<F: Future>(&self, request: F) -> F::Output {
        match self.database.patience.of_a_request() {
            Some(in_all) => waiting::count(in_all, request).await,
            None => request.await,
        }
    }

    /// Answers once the database does, on the connections that every request needs.
    pub async fn ping(&self) -> Result<()> {
        self.readers().ping().await?;
        self.database.event_readers.ping().await
    }

    /// Creates the partitions that events of the coming months will need.
    pub async fn prepare_partitions(&self) -> Result<()> {
        self.partitions.ensure_ahead(&self.database, self.now()).await
    }

    /// Runs `work` in a write transaction, in a task of its own, and commits if it succeeds. When it takes
    /// too long for whoever waits, it is given up, and not done.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a Self, &'a Transaction) -> Work<'a, T> + Send + 'static,
    {
        let claim = Claim::default();
        let longest = self.database.patience.for_a_write();
        let write = self.transact(work, claim.clone(), longest);
        self.database.patience.wait_for(write, &claim, WRITING).await
    }

    /// The same for what the server does by itself, for which nobody waits.
    pub async fn write_at_leisure<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a Self, &'a Transaction) -> Work<'a, T> + Send + 'static,
    {
        self.transact(work, Claim::default(), Duration::MAX).await
    }

    async fn transact<T, F>(&self, work: F, claim: Claim, longest: Duration) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a Self, &'a Transaction) -> Work<'a, T> + Send + 'static,
    {
        let store = Self { appended: Arc::default(), ..self.clone() };
        let span = self.backend().span("write");
        let write = async move {
            let _span = span;
            // Its events happen now: the partition must be there before the transaction begins.
            store.partitions.ensure(&store.database, [store.now()]).await?;
            let transaction = store.database.begin_write().await?;
            let result = match work(&store, &transaction).await {
                Ok(_) if !claim.begin() => Err(unavailable::too_late(WRITING)),
                result => result,
            };
            match result {
                Ok(value) => {
                    transaction.commit().await.map_err(unavailable::at_commit)?;
                    store.activity().has_appended(store.appended.load(Ordering::Relaxed));
                    Ok(value)
                }
                Err(error) => {
                    // Whether it could be rolled back or its connection is lost: it is not done.
                    if let Err(lost) = transaction.rollback().await {
                        tracing::warn!(error = %lost, "a transaction was not rolled back");
                    }
                    Err(error)
                }
            }
        };
        // Nobody waits for it any longer: what goes on would only keep its connection and its locks.
        let write = tokio::spawn(timeout(longest, write));
        let ended = write.await.map_err(|error| Error::internal(WRITING, error))?;
        ended.unwrap_or_else(|_| Err(unavailable::unknown(WRITING)))
    }

    const fn backend(&self) -> Backend {
        self.database.backend
    }

    const fn readers(&self) -> &Watched<DatabaseConnection> {
        &self.database.readers
    }
}

impl Database {
    async fn begin_write(&self) -> Result<Transaction> {
        Ok(self.writers.begin(self.backend.write_options()).await?)
    }
}

/// The key that signs cursors: made once for an installation, kept in its database.
async fn cursor_key(database: &Database, random: &Random) -> Result<Vec<u8>> {
    const NAME: &str = "cursor_key";
    let find = || installation_secret::Entity::find_by_id(NAME).one(&database.writers);
    if let Some(found) = find().await? {
        return Ok(found.value);
    }
    let mut value = vec![0; 32];
    random(&mut value).map_err(|error| Error::internal("making the cursor key", error))?;
    // Two servers may start at once: the first one's key stands.
    installation_secret::Entity::insert(installation_secret::ActiveModel {
        name: Set(NAME.to_owned()),
        value: Set(value),
    })
    .on_conflict_do_nothing()
    .exec_without_returning(&database.writers)
    .await?;
    let found = find().await?;
    found
        .map(|secret| secret.value)
        .ok_or_else(|| Error::internal("reading the cursor key", "it is gone"))
}
