//! SQLite or PostgreSQL: the only place that asks which.

mod conditions;
mod explain;
mod keys;
mod pools;
mod shape;
mod words;

use std::str::FromStr;
use std::time::Duration;

use migration::{Migrator, MigratorTrait as _};
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database as SeaDatabase, DatabaseConnection, DbBackend, DbErr,
    RuntimeErr, SqliteTransactionMode, TransactionOptions,
};
use tracing::Span;
use tracing::field::Empty;

use super::pulse::Pulse;
use super::{Patience, SPANS};
use crate::error::{Error, Result};

/// Which database an installation runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Inside the binary, one file.
    Sqlite,
    /// A server of its own.
    Postgres,
}

/// What a pool of connections is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Read,
    Write,
}

/// Who we are to PostgreSQL.
const NAME: &str = "auditlog";

/// "auditlog" as a number: the advisory lock held while migrating.
const MIGRATION_LOCK: i64 = 0x6175_6469_746c_6f67;

/// How many rows SQLite reads ahead of who asks for them: each may have a megabyte.
const ROWS_AHEAD: usize = 8;

/// How much of an SQLite file its writer keeps in memory, in KiB. New events go to many places of the
/// indexes: with SQLite's own 2 MiB most were read and written again for every commit.
const WRITERS_CACHE: u32 = 16 * 1024;

/// After how many pages, of 4 KiB, of the write-ahead log they go to their places in the file: with SQLite's
/// own 1,000 after nearly every large commit. Whoever commits the last of them waits for all, and the log
/// stays as long as it was once.
const CHECKPOINT_PAGES: u32 = 4_000;

impl Backend {
    /// The database a URL names.
    pub fn of_url(url: &str) -> Result<Self> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" if url.contains(":memory:") || url.contains("mode=memory") => {
                Err(Error::bad_input(
                    "database_url: an in-memory database is gone when the server stops; name a file, such as sqlite://auditlog.db",
                ))
            }
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            _ => Err(Error::bad_input("database_url must begin with sqlite:// or postgres://")),
        }
    }

    /// The database that a connection or transaction is of.
    pub(super) fn of(db: &impl ConnectionTrait) -> Self {
        match db.get_database_backend() {
            DbBackend::Sqlite => Self::Sqlite,
            _ => Self::Postgres,
        }
    }

    /// Opens a pool of connections.
    pub(super) async fn connect(
        self,
        url: &str,
        role: Role,
        patience: Patience,
    ) -> Result<DatabaseConnection> {
        let mut tries = 0;
        loop {
            tries += 1;
            match SeaDatabase::connect(self.connect_options(url, role, patience)?).await {
                Ok(connections) => return Ok(connections),
                // SQLite waits for locks, but not when several open a new file at once and each turns
                // WAL on.
                Err(error) if tries < 5 && error.to_string().contains("database is locked") => {
                    tokio::time::sleep(Duration::from_millis(50 * tries)).await;
                }
                Err(error) => {
                    return Err(Error::internal(
                        "connecting to the database of database_url",
                        error,
                    ));
                }
            }
        }
    }

    /// A session of its own, for what is held as long as a session lasts.
    pub(super) async fn session(self, url: &str) -> Result<DatabaseConnection> {
        let mut options = self.connect_options(url, Role::Write, Patience::Command)?;
        options.max_connections(1).idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
        // What it holds would be lost with its connection: a slow answer is no reason to make another.
        options.map_sqlx_postgres_pool_opts(|options| options);
        let failed = |error| Error::internal("connecting to the database of database_url", error);
        let session = SeaDatabase::connect(options).await.map_err(failed)?;
        if self == Self::Postgres {
            // Whoever needs one waits for others of its kind, however long they take.
            session.execute_unprepared("SET lock_timeout = 0").await.map_err(failed)?;
        }
        Ok(session)
    }

    /// Whether the database still answers, for a server that reaches it over a network.
    pub(super) fn pulse(self, url: &str, patience: Patience) -> Result<Pulse> {
        match (self, patience) {
            (Self::Postgres, Patience::Server(_)) => {
                Ok(Pulse::start(introduced(postgres_options(url)?)))
            }
            _ => Ok(Pulse::default()),
        }
    }

    fn connect_options(self, url: &str, role: Role, patience: Patience) -> Result<ConnectOptions> {
        let (connection, lock) = match role {
            Role::Read => (patience.connection_to_read(), patience.lock_to_read()),
            Role::Write => (patience.to_write(), patience.to_write()),
        };
        let mut options = ConnectOptions::new(url);
        options
            .sqlx_logging(false)
            .acquire_timeout(connection)
            .connect_timeout(connection)
            .max_connections(self.pool_size(role));
        match self {
            Self::Sqlite => {
                // Checked here, where it can be said better than from inside the pool.
                SqliteConnectOptions::from_str(url).map_err(|_| {
                    Error::bad_input("database_url must be of the form sqlite://FILE")
                })?;
                options.map_sqlx_sqlite_opts(move |options| {
                    let options = match role {
                        Role::Read => options.create_if_missing(false),
                        Role::Write => options
                            .create_if_missing(true)
                            .pragma("cache_size", format!("-{WRITERS_CACHE}")) // below zero: KiB
                            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string()),
                    };
                    options
                        .journal_mode(SqliteJournalMode::Wal)
                        .synchronous(SqliteSynchronous::Full)
                        .foreign_keys(true)
                        .row_buffer_size(ROWS_AHEAD)
                        .busy_timeout(lock)
                });
                options.map_sqlx_sqlite_pool_opts(pools::of_sqlite);
            }
            Self::Postgres => {
                // Here too: from inside the pool, the error would show the password.
                postgres_options(url)?;
                let lock_timeout = format!("{}ms", lock.as_millis());
                options.map_sqlx_postgres_pool_opts(pools::of_postgres);
                options.map_sqlx_postgres_opts(move |options| {
                    introduced(options).options([
                        ("synchronous_commit", "on"),
                        ("timezone", "UTC"),
                        ("lock_timeout", lock_timeout.as_str()),
                        // Compiling a statement takes longer than reading a page or a count that is kept.
                        ("jit", "off"),
                    ])
                });
            }
        }
        Ok(options)
    }

    /// SQLite has one writer at a time whatever we do: one connection makes them queue in order.
    const fn pool_size(self, role: Role) -> u32 {
        match (self, role) {
            (Self::Sqlite, Role::Write) => 1,
            (Self::Sqlite, Role::Read) => 4,
            (Self::Postgres, Role::Write) => 8,
            (Self::Postgres, Role::Read) => 16,
        }
    }

    /// A span of work in the database, by OpenTelemetry's names for it. It lasts as long as it is kept.
    pub(super) fn span(self, operation: &'static str) -> Span {
        self.span_below(operation, &Span::current())
    }

    /// The same, below another one than the current.
    pub(super) fn span_below(self, operation: &'static str, above: &Span) -> Span {
        tracing::trace_span!(
            target: SPANS,
            parent: above,
            "database",
            "otel.name" = operation,
            "otel.kind" = "client",
            "db.system.name" = match self {
                Self::Sqlite => "sqlite",
                Self::Postgres => "postgresql",
            },
            "db.operation.name" = operation,
            "db.operation.batch.size" = Empty,
            "db.response.returned_rows" = Empty,
        )
    }

    /// How many connections of a pool are open, how many of them idle, and how many there may be.
    pub(super) fn pool_use(self, connections: &DatabaseConnection) -> (usize, usize, usize) {
        let (open, idle, most) = match self {
            Self::Sqlite => pools::in_use(connections.get_sqlite_connection_pool()),
            Self::Postgres => pools::in_use(connections.get_postgres_connection_pool()),
        };
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        (number(open), idle, number(most))
    }

    /// SQLite's plain BEGIN takes the write lock only at the first write, and then fails instead of
    /// waiting when somebody else wrote since.
    pub(super) const fn write_options(self) -> TransactionOptions {
        TransactionOptions {
            isolation_level: None,
            access_mode: None,
            sqlite_transaction_mode: match self {
                Self::Sqlite => Some(SqliteTransactionMode::Immediate),
                Self::Postgres => None,
            },
        }
    }

    /// How many appends may run at once. SQLite has one writer; on PostgreSQL tenants do not wait
    /// for each other.
    pub(super) const fn lanes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 4,
        }
    }

    /// Whether one transaction may append for several tenants. On PostgreSQL it may not: it would
    /// hold two tenants' locks at once, and span two shards.
    pub(super) const fn tenants_share_a_commit(self) -> bool {
        matches!(self, Self::Sqlite)
    }

    /// Whether lists that are each in order and limited are merged as they are read. SQLite merges
    /// those that are neither.
    pub(super) const fn merges_ordered_lists(self) -> bool {
        matches!(self, Self::Postgres)
    }

    /// Whether the events are in partitions that must be there before them.
    pub(super) const fn has_partitions(self) -> bool {
        matches!(self, Self::Postgres)
    }

    /// Which it is, in SeaORM's words.
    pub(super) const fn sea(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }

    /// Sees to it that what this transaction does ends after some time.
    pub(super) async fn end_after(self, db: &impl ConnectionTrait, time: Duration) -> Result<()> {
        if self == Self::Postgres {
            let limit = format!("SET LOCAL statement_timeout = '{}ms'", time.as_millis());
            db.execute_unprepared(&limit).await?;
        }
        Ok(())
    }

    /// Brings the schema up to date, when several servers may be doing so at once.
    pub(super) async fn migrate(self, url: &str, writers: &DatabaseConnection) -> Result<()> {
        let migrating = |error| Error::internal("migrating the database", error);
        match self {
            Self::Postgres => {
                // sea-orm-migration takes no lock. A session's lock needs a session of its own.
                let guard = self.session(url).await?;
                let lock = format!("SELECT pg_advisory_lock({MIGRATION_LOCK})");
                guard.execute_unprepared(&lock).await.map_err(migrating)?;
                let outcome = Migrator::up(writers, None).await.map_err(migrating);
                guard.close().await.map_err(migrating)?;
                outcome
            }
            Self::Sqlite => {
                // Each step is one transaction, so a race with another process is lost as a whole:
                // then the other one has applied the step, and the rest may be tried again.
                let mut tries = 0;
                loop {
                    tries += 1;
                    match Migrator::up(writers, None).await {
                        Ok(()) => return Ok(()),
                        Err(error) if tries == 5 => return Err(migrating(error)),
                        Err(_) => tokio::time::sleep(Duration::from_millis(50 * tries)).await,
                    }
                }
            }
        }
    }
}

fn postgres_options(url: &str) -> Result<PgConnectOptions> {
    PgConnectOptions::from_str(url).map_err(|_| {
        Error::bad_input(
            "database_url must be of the form postgres://USER:PASSWORD@HOST:PORT/NAME, special characters in the password written as %XX",
        )
    })
}

/// Says who we are, and does not ask for digits of floats, which PgBouncer refuses: no value of ours is one.
fn introduced(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name(NAME).extra_float_digits(None)
}

/// Whether a statement was ended because it took too long.
pub(super) fn is_out_of_time(error: &Error) -> bool {
    const QUERY_CANCELED: &str = "57014";
    let Error::Internal(error) = error else { return false };
    let error = error.source().downcast_ref::<DbErr>();
    error.and_then(sqlstate).is_some_and(|state| state == QUERY_CANCELED)
}

/// The standard's code for what a statement failed with.
pub(super) fn sqlstate(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return None;
    };
    error.as_database_error()?.code().map(String::from)
}
