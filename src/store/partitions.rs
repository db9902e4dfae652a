//! PostgreSQL's monthly partitions of the events: made ahead, and on demand for other months.
//!
//! Before 1970 and from 2100 on there is one partition each, so that no recorder of odd dates can
//! make the server create a hundred thousand tables.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{Datelike as _, Months, NaiveDate};
use sea_orm::{ConnectionTrait as _, Statement, TransactionTrait as _};

use super::Database;
use crate::domain::time::Time;
use crate::error::{Error, Result};

/// How many months after the current one have a partition before anybody needs it.
const MONTHS_AHEAD: u32 = 3;

/// How long a new partition waits for the reads that were planned without it.
const READERS_MAY_TAKE: Duration = Duration::from_secs(30);

const FIRST_YEAR: i32 = 1970;
const LAST_YEAR: i32 = 2099;

/// The advisory lock under which partitions are made, so that two servers do not both try.
const PARTITION_LOCK: i64 = 0x6175_6469_7470_6172;

/// The partitions known to exist. They are never taken away while the server runs.
#[derive(Clone, Default)]
pub(super) struct Partitions {
    known: Arc<Mutex<BTreeSet<Partition>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Partition {
    Before,
    Month { year: i32, month: u32 },
    After,
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
            let problem = "reads that began before it did not end; try again";
            return Err(Error::internal("making a partition", problem));
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

    fn name(self) -> String {
        match self {
            Self::Before => format!("audit_events_before_{FIRST_YEAR}"),
            Self::Month { year, month } => format!("audit_events_y{year}m{month:02}"),
            Self::After => format!("audit_events_after_{LAST_YEAR}"),
        }
    }

    fn bounds(self) -> (String, String) {
        let day = |year, month| format!("'{year}-{month:02}-01T00:00:00Z'");
        match self {
            Self::Before => ("MINVALUE".to_owned(), day(FIRST_YEAR, 1)),
            Self::After => (day(LAST_YEAR + 1, 1), "MAXVALUE".to_owned()),
            Self::Month { year, month } => {
                let next = NaiveDate::from_ymd_opt(year, month, 1)
                    .and_then(|first| first.checked_add_months(Months::new(1)))
                    .unwrap_or(NaiveDate::MAX);
                (day(year, month), day(next.year(), next.month()))
            }
        }
    }

    /// Made apart and then attached, which does not stop readers and writers of other partitions as
    /// `CREATE TABLE … PARTITION OF` would.
    async fn create(self, database: &Database) -> Result<()> {
        let (name, (from, to)) = (self.name(), self.bounds());
        let transaction = database.writers.begin().await?;
        let lock = format!("SELECT pg_advisory_xact_lock({PARTITION_LOCK})");
        transaction.execute_unprepared(&lock).await?;
        let exists = transaction
            .query_one_raw(Statement::from_string(
                transaction.get_database_backend(),
                format!("SELECT to_regclass('{name}') IS NOT NULL AS there"),
            ))
            .await?;
        let exists = match exists {
            Some(row) => row.try_get::<bool>("", "there")?,
            None => false,
        };
        if !exists {
            for sql in [
                format!("CREATE TABLE {name} (LIKE audit_events INCLUDING DEFAULTS)"),
                format!(
                    "ALTER TABLE audit_events ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})"
                ),
            ] {
                transaction.execute_unprepared(&sql).await?;
            }
        }
        Ok(transaction.commit().await?)
    }
}
