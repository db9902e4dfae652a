//! PostgreSQL's monthly partitions of the events: made ahead, and on demand for other months.
//!
//! Before 1970 and from 2100 on there is one partition each, so that no recorder of odd dates can
//! make the server create a hundred thousand tables.
//!
//! Purging takes old ones away (`store::retire`): it closes a partition to what is recorded, detaches
//! it, renames it and drops it. Whoever needs that month again finds it in any of these states.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{Datelike as _, Months, NaiveDate, NaiveTime};
use sea_orm::{ConnectionTrait, DbErr, Statement, TransactionOptions};

use super::{Backend, Database, Transaction, backend};
use crate::domain::time::{self, Time};
use crate::error::{Error, Result, Unavailable};

/// How many months after the current one have a partition before anybody needs it.
const MONTHS_AHEAD: u32 = 3;

/// How long a new partition waits for the reads that were planned without it.
const READERS_MAY_TAKE: Duration = Duration::from_secs(30);

const FIRST_YEAR: i32 = 1970;
const LAST_YEAR: i32 = 2099;

/// What PostgreSQL is to know of a month for its plans. It may have one kind of event, or of one user, alone:
/// from that it is not to conclude that any other is as frequent, because it keeps plans for all of them (the
/// migration `m20261126_000022_kinds`). And lists of organizations are compared with few of them
/// (`m20261126_000023_organizations_of_a_month`).
const STATISTICS: &str = "ALTER resource_name SET (n_distinct = 100), \
    ALTER event_type SET (n_distinct = 100), ALTER acting_user_id SET (n_distinct = 1000), \
    ALTER organization_id SET STATISTICS 20";

/// The advisory lock under which partitions are made and taken away, one at a time.
pub(super) const PARTITION_LOCK: i64 = 0x6175_6469_7470_6172;

/// The advisory lock that whoever changes a tenant's settings shares, and whoever closes a partition
/// has alone: what is decided to be dropped is decided by what is in force.
pub(super) const CLOSING_LOCK: i64 = 0x6175_6469_7463_6c6f;

/// The constraint that closes a partition to what is recorded.
pub(super) const CLOSED: &str = "audit_events_closed";

/// The partitions believed to exist. Purging, of whatever server, takes old ones away: whoever then
/// finds one gone forgets it, and it is made anew.
#[derive(Clone, Default)]
pub(super) struct Partitions {
    known: Arc<Mutex<BTreeSet<Partition>>>,
}

/// What stands between the name of a partition that is to be dropped and a number of its own.
pub(super) const ASIDE: &str = "_purged_";

/// A partition, by the times of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Partition {
    Before,
    Month { year: i32, month: u32 },
    After,
}

/// Whether a partition takes events.
enum State {
    Missing,
    Open,
    /// Still a part of the whole, but closed.
    Closed,
    /// On its way out of the whole.
    Leaving,
    /// A table of its own.
    Left,
}

impl Partitions {
    /// Sees to it that events of the coming months have somewhere to go.
    pub async fn ensure_ahead(&self, database: &Database, now: Time) -> Result<()> {
        let months = (0..=MONTHS_AHEAD).filter_map(|n| now.checked_add_months(Months::new(n)));
        self.ensure(database, months).await
    }

    /// Sees to it that events of these times have somewhere to go.
    pub async fn ensure(
        &self,
        database: &Database,
        times: impl IntoIterator<Item = Time>,
    ) -> Result<()> {
        if !database.backend.has_partitions() {
            return Ok(());
        }
        let missing: BTreeSet<_> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let needed = times.into_iter().map(Partition::of);
            needed.filter(|partition| !known.contains(partition)).collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        for partition in &missing {
            partition.create(database).await?;
        }
        outwait_readers(database).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(missing);
        Ok(())
    }

    /// Believes no longer that there are partitions for these times.
    pub fn forget(&self, times: impl IntoIterator<Item = Time>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for time in times {
            known.remove(&Partition::of(time));
        }
    }
}

/// Whether a statement failed because there is no partition for an event, or it is closed.
pub(super) fn is_missing(error: &Error) -> bool {
    const CHECK_VIOLATION: &str = "23514";
    let Error::Internal(error) = error else { return false };
    let error = error.source().downcast_ref::<DbErr>();
    error.and_then(backend::sqlstate).is_some_and(|state| state == CHECK_VIOLATION)
}

/// Until the transaction ends, no partition is closed.
pub(super) async fn keep_open(transaction: &Transaction) -> Result<()> {
    if Backend::of(transaction).has_partitions() {
        let lock = format!("SELECT pg_advisory_xact_lock_shared({CLOSING_LOCK})");
        transaction.execute_unprepared(&lock).await?;
    }
    Ok(())
}

/// Waits until no reader runs any more that was planned before the partitions were there. Such a one
/// does not look into them, but takes its snapshot later: it would meet an event and miss another
/// one, in a new partition, with a lower number.
async fn outwait_readers(database: &Database) -> Result<()> {
    const RUNNING: &str = "
        SELECT DISTINCT virtualtransaction FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND relation = 'audit_events'::regclass AND mode = 'AccessShareLock' AND granted
            AND application_name = current_setting('application_name')";
    let running = || async {
        let db = &database.writers;
        let statement = Statement::from_string(db.get_database_backend(), RUNNING);
        let rows = db.query_all_raw(statement).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<BTreeSet<String>, _>>()
    };
    let mut earlier = running().await?;
    let start = Instant::now();
    while !earlier.is_empty() {
        if start.elapsed() > READERS_MAY_TAKE {
            let problem = "reads that began before it did not end";
            return Err(Error::unavailable(Unavailable::Database, "making a partition", problem));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        let still = running().await?;
        earlier.retain(|transaction| still.contains(transaction));
    }
    Ok(())
}

impl Partition {
    fn of(time: Time) -> Self {
        match time.year() {
            year if year < FIRST_YEAR => Self::Before,
            year if year > LAST_YEAR => Self::After,
            year => Self::Month { year, month: time.month() },
        }
    }

    /// The partition whose table has this name.
    pub fn named(name: &str) -> Option<Self> {
        let known = [Self::Before, Self::After].into_iter().find(|known| known.name() == name);
        known.or_else(|| {
            let (year, month) = name.strip_prefix("audit_events_y")?.split_once('m')?;
            let month = Self::Month { year: year.parse().ok()?, month: month.parse().ok()? };
            (month.name() == name).then_some(month)
        })
    }

    /// Its table's name.
    pub fn name(self) -> String {
        match self {
            Self::Before => format!("audit_events_before_{FIRST_YEAR}"),
            Self::Month { year, month } => format!("audit_events_y{year}m{month:02}"),
            Self::After => format!("audit_events_after_{LAST_YEAR}"),
        }
    }

    /// What it is called to people: its month, or what lies beyond all months.
    pub fn months(self) -> String {
        match self {
            Self::Before => format!("before {FIRST_YEAR}"),
            Self::Month { year, month } => format!("{year}-{month:02}"),
            Self::After => format!("after {LAST_YEAR}"),
        }
    }

    /// The first time of its events', if there is one.
    pub fn start(self) -> Option<Time> {
        let first = match self {
            Self::Before => None,
            Self::Month { year, month } => NaiveDate::from_ymd_opt(year, month, 1),
            Self::After => NaiveDate::from_ymd_opt(LAST_YEAR + 1, 1, 1),
        };
        first.map(|first| first.and_time(NaiveTime::MIN).and_utc())
    }

    /// The first time after all of its events', if there is one.
    pub fn end(self) -> Option<Time> {
        let first = match self {
            Self::Before => NaiveDate::from_ymd_opt(FIRST_YEAR, 1, 1),
            Self::Month { year, month } => NaiveDate::from_ymd_opt(year, month, 1)
                .and_then(|first| first.checked_add_months(Months::new(1))),
            Self::After => None,
        };
        first.map(|first| first.and_time(NaiveTime::MIN).and_utc())
    }

    fn bounds(self) -> (String, String) {
        let bound = |time: Option<Time>, none: &str| {
            time.map_or_else(|| none.to_owned(), |time| format!("'{}'", time::format(time)))
        };
        (bound(self.start(), "MINVALUE"), bound(self.end(), "MAXVALUE"))
    }

    /// Sees to it that the partition is there and takes events.
    async fn create(self, database: &Database) -> Result<()> {
        // Whoever takes another one away holds the lock for long.
        if let State::Open = self.state(&database.writers).await? {
            return Ok(());
        }
        let transaction = database.writers.begin(TransactionOptions::default()).await?;
        // What is to be finished waits for reads that began before, but not for ever.
        let wait = format!("SET LOCAL lock_timeout = '{}s'", READERS_MAY_TAKE.as_secs());
        transaction.execute_unprepared(&wait).await?;
        let lock = format!("SELECT pg_advisory_xact_lock({PARTITION_LOCK})");
        transaction.execute_unprepared(&lock).await?;
        match self.state(&transaction).await? {
            State::Open => {}
            State::Missing => self.attach(&transaction).await?,
            // Whoever closed it has not gone on: what it holds may still be purged, later.
            State::Closed => {
                let open = format!("ALTER TABLE {} DROP CONSTRAINT {CLOSED}", self.name());
                transaction.execute_unprepared(&open).await?;
            }
            State::Leaving => {
                transaction.execute_unprepared(&self.finish_leaving()).await?;
                self.step_aside(&transaction).await?;
                self.attach(&transaction).await?;
            }
            State::Left => {
                self.step_aside(&transaction).await?;
                self.attach(&transaction).await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Made apart and then attached, which does not stop readers and writers of other partitions as
    /// `CREATE TABLE … PARTITION OF` would.
    async fn attach(self, transaction: &Transaction) -> Result<()> {
        let (name, (from, to)) = (self.name(), self.bounds());
        for sql in [
            format!("CREATE TABLE {name} (LIKE audit_events INCLUDING DEFAULTS)"),
            format!("ALTER TABLE {name} {STATISTICS}"),
            format!(
                "ALTER TABLE audit_events ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})"
            ),
        ] {
            transaction.execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn state(self, db: &impl ConnectionTrait) -> Result<State> {
        let name = self.name();
        let sql = format!(
            "SELECT COALESCE(inhdetachpending, FALSE) AS leaving, inhrelid IS NULL AS left_it,
                EXISTS (SELECT FROM pg_constraint WHERE conrelid = pg_class.oid
                    AND conname = '{CLOSED}') AS closed
            FROM pg_class LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
            WHERE pg_class.oid = to_regclass('{name}')"
        );
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let Some(row) = db.query_one_raw(statement).await? else { return Ok(State::Missing) };
        let is = |column| row.try_get::<bool>("", column);
        Ok(match (is("left_it")?, is("leaving")?, is("closed")?) {
            (true, _, _) => State::Left,
            (_, true, _) => State::Leaving,
            (_, _, true) => State::Closed,
            _ => State::Open,
        })
    }

    /// Ends what a detaching that was interrupted began.
    pub fn finish_leaving(self) -> String {
        format!("ALTER TABLE audit_events DETACH PARTITION {} FINALIZE", self.name())
    }

    /// Gives a table that has left the whole a name of its own, under which it waits to be dropped.
    pub async fn step_aside(self, db: &impl ConnectionTrait) -> Result<()> {
        let name = self.name();
        let sql = format!("SELECT CAST(to_regclass('{name}') AS oid)::bigint AS number");
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let row = db.query_one_raw(statement).await?;
        let number = row.map(|row| row.try_get::<Option<i64>>("", "number")).transpose()?;
        if let Some(number) = number.flatten() {
            let rename = format!("ALTER TABLE {name} RENAME TO {name}{ASIDE}{number}");
            db.execute_unprepared(&rename).await?;
        }
        Ok(())
    }
}
