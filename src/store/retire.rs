//! Dropping whole partitions of PostgreSQL, where every event in them may go, of whatever tenant.
//!
//! A partition is closed to what is recorded, by a constraint, once it is certain that all of it may
//! go; then detached, which waits for reads that are under way and stops none; then renamed, from
//! when on its month can be made anew; and dropped when what it held has been counted. Whatever is
//! interrupted is seen in the database's catalog, and taken up by the next run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use tokio::time::timeout;

use super::partitions::{ASIDE, CLOSED, CLOSING_LOCK, PARTITION_LOCK, Partition};
use super::purge::Due;
use super::purge_runs::{self, Removed};
use super::watched::{Waiting, Watched};
use super::{Backend, Store, Transaction, backend};
use crate::domain::id::Id;
use crate::domain::time::Time;
use crate::error::{Error, Result};

/// The advisory lock of whoever purges: one at a time.
const PURGE_LOCK: i64 = 0x6175_6469_7470_7267;

/// How long closing a partition keeps those waiting who begin to read it, when somebody does.
const CLOSING_MAY_TAKE: Duration = Duration::from_millis(250);

/// How often it is tried to close a partition that is being read.
const TRIES: u32 = 20;

/// How long detaching waits for the reads that began before it.
const READERS_MAY_TAKE: Duration = Duration::from_secs(60);

/// How long a session that is closed is waited for.
const ENDING_MAY_TAKE: Duration = Duration::from_secs(5);

/// What holds the right to purge.
type Session = Watched<DatabaseConnection>;

/// The right to purge, held by one server at a time where there are partitions. (Elsewhere several
/// may: each batch looks for itself whether there is still something to remove.)
pub struct Purger {
    store: Store,
    session: Option<Session>,
}

impl Store {
    /// The months of the partitions that would be dropped, each with the tenants of its events.
    pub async fn droppable_partitions(&self) -> Result<Vec<(String, BTreeSet<Id>)>> {
        let droppable = self.droppable().await?.into_iter();
        Ok(droppable.map(|(p, due)| (p.months(), due.into_keys().collect())).collect())
    }

    /// The partitions of which, as things stand, no event need be kept.
    async fn droppable(&self) -> Result<Vec<(Partition, BTreeMap<Id, Due>)>> {
        let mut droppable = Vec::new();
        if !self.backend().has_partitions() {
            return Ok(droppable);
        }
        let mut newest = None;
        for tenant_id in self.tenants_to_purge().await? {
            newest = newest.max(self.due(&tenant_id).await?.map(|due| due.before()));
        }
        for row in rows(self.readers(), INSIDE).await? {
            let partition = Partition::named(&row.try_get::<String>("", "name")?);
            let Some(partition) = partition.filter(|partition| {
                partition.end().zip(newest).is_some_and(|(end, newest)| end <= newest)
            }) else {
                continue;
            };
            if let Some(due) = self.may_go(self.readers(), partition).await? {
                droppable.push((partition, due));
            }
        }
        Ok(droppable)
    }

    /// What is due of the tenants of a partition's events, if every one of these may go.
    async fn may_go(
        &self,
        db: &impl ConnectionTrait,
        partition: Partition,
    ) -> Result<Option<BTreeMap<Id, Due>>> {
        let mut found = BTreeMap::new();
        for tenant_id in tenants_in(db, &partition.name()).await? {
            let due = self.due(&tenant_id).await?;
            let is_over = |due: &Due| partition.end().is_some_and(|end| end <= due.before());
            match due.filter(is_over) {
                Some(due) if !due.is_any_held(db, partition).await? => found.insert(tenant_id, due),
                _ => return Ok(None),
            };
        }
        Ok(Some(found))
    }

    /// The right to purge; nothing while another server has it.
    pub async fn purger(&self) -> Result<Option<Purger>> {
        let session = match self.backend().has_partitions() {
            true => {
                let session = self.backend().session(&self.database.url).await?;
                Some(self.database.writers.over(session, Waiting::No))
            }
            false => None,
        };
        let purger = Purger { store: self.clone(), session };
        if let Some(session) = &purger.session {
            let wait = format!("SET statement_timeout = '{}s'", READERS_MAY_TAKE.as_secs());
            session.execute_unprepared(&wait).await?;
            let lock = format!("SELECT pg_try_advisory_lock({PURGE_LOCK}) AS got");
            let got = rows(session, &lock).await?;
            if !got.iter().any(|row| row.try_get("", "got").unwrap_or(false)) {
                purger.release().await?;
                return Ok(None);
            }
        }
        Ok(Some(purger))
    }
}

impl Purger {
    /// Gives the right up.
    pub async fn release(self) -> Result<()> {
        match self.session {
            // One to a database that does not answer is not closed, and ends with its connection.
            Some(session) => match timeout(ENDING_MAY_TAKE, end(session)).await {
                Ok(closed) => closed,
                Err(_) => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Drops every partition of which no event need be kept.
    pub async fn drop_partitions(&self) -> Result<()> {
        let Some(session) = &self.session else { return Ok(()) };
        self.step_aside(session).await?;
        for (partition, _) in self.store.droppable().await? {
            if self.begin_runs(partition).await? {
                // Whoever needs its month anew waits until it has stepped aside.
                session.execute_unprepared(&locking("pg_advisory_lock")).await?;
                let retired = self.retire(session, partition).await;
                session.execute_unprepared(&locking("pg_advisory_unlock")).await?;
                retired?;
            }
        }
        for table in closed_tables(session).await?.into_iter().filter(|table| !table.is_inside) {
            self.drop_left(table.name).await?;
        }
        Ok(())
    }

    /// Takes up what was interrupted between detaching a partition and giving it another name.
    async fn step_aside(&self, session: &Session) -> Result<()> {
        session.execute_unprepared(&locking("pg_advisory_lock")).await?;
        for table in closed_tables(session).await?.into_iter().filter(|table| !table.is_inside) {
            let Some(partition) = Partition::named(&table.name) else { continue };
            if table.is_leaving {
                session.execute_unprepared(&partition.finish_leaving()).await?;
            }
            partition.step_aside(session).await?;
        }
        session.execute_unprepared(&locking("pg_advisory_unlock")).await?;
        Ok(())
    }

    /// Begins a run for each tenant of a partition; false when it may not go after all.
    async fn begin_runs(&self, partition: Partition) -> Result<bool> {
        let found = self.store.may_go(self.store.readers(), partition).await?;
        let Some(found) = found else { return Ok(false) };
        for due in found.values() {
            if !self.store.begin_purge_run(due).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Closes, detaches and renames a partition, which somebody may be reading.
    async fn retire(&self, session: &Session, partition: Partition) -> Result<()> {
        let mut tries = 0;
        loop {
            match self.close(partition).await? {
                Closing::Closed => break,
                Closing::MayNotGo => return Ok(()),
                Closing::IsRead if tries == TRIES => {
                    tracing::info!(partition = partition.name(), "is read; it is dropped later");
                    return Ok(());
                }
                Closing::IsRead => {
                    tries += 1;
                    tokio::time::sleep(CLOSING_MAY_TAKE).await;
                }
            }
        }
        let name = partition.name();
        let detach = format!("ALTER TABLE audit_events DETACH PARTITION {name}");
        if let Err(error) = session.execute_unprepared(&format!("{detach} CONCURRENTLY")).await {
            // Citus does not distribute that; without it, reads of the whole wait for a moment.
            match backend::sqlstate(&error).as_deref() {
                Some(FEATURE_NOT_SUPPORTED) => session.execute_unprepared(&detach).await?,
                _ => return Err(error.into()),
            };
        }
        partition.step_aside(session).await
    }

    /// Closes a partition to what is recorded, if every event in it may go.
    async fn close(&self, partition: Partition) -> Result<Closing> {
        let transaction = self.store.database.begin_write().await?;
        // From here on nothing that it depends on changes.
        let alone = format!("SELECT pg_advisory_xact_lock({CLOSING_LOCK})");
        transaction.execute_unprepared(&alone).await?;
        let Some(found) = self.store.may_go(&transaction, partition).await? else {
            transaction.rollback().await?;
            return Ok(Closing::MayNotGo);
        };
        let wait = format!("SET LOCAL lock_timeout = '{}ms'", CLOSING_MAY_TAKE.as_millis());
        transaction.execute_unprepared(&wait).await?;
        let close = format!(
            "ALTER TABLE {} DROP CONSTRAINT IF EXISTS {CLOSED}, ADD CONSTRAINT {CLOSED} CHECK (FALSE) NOT VALID",
            partition.name()
        );
        if let Err(error) = transaction.execute_unprepared(&close).await {
            transaction.rollback().await?;
            return match backend::sqlstate(&error).as_deref() {
                Some(LOCK_NOT_AVAILABLE) => Ok(Closing::IsRead),
                _ => Err(error.into()),
            };
        }
        // What was recorded until it was closed may go just as well, and is counted.
        let under_way = purge_runs::tenants_purging(&transaction, partition.end()).await?;
        for tenant_id in tenants_in(&transaction, &partition.name()).await? {
            let due = found.get(&tenant_id).filter(|_| under_way.contains(&tenant_id));
            match due {
                Some(due) if !due.is_any_held(&transaction, partition).await? => {}
                _ => {
                    transaction.rollback().await?;
                    return Ok(Closing::MayNotGo);
                }
            }
        }
        transaction.commit().await?;
        Ok(Closing::Closed)
    }

    /// Counts what a partition held that was detached, and drops it.
    async fn drop_left(&self, table: String) -> Result<()> {
        let partition = table.split_once(ASIDE).and_then(|(name, _)| Partition::named(name));
        let Some(partition) = partition else { return Ok(()) };
        for tenant_id in tenants_in(self.store.readers(), &table).await? {
            self.give_up_ids(&table, &tenant_id).await?;
            let end = partition.end().unwrap_or(Time::MAX_UTC);
            self.store.resume_purge_run(&tenant_id, end).await?;
            self.store.recount(&tenant_id, partition).await?;
        }
        self.store
            .write_at_leisure(move |_, transaction| {
                Box::pin(async move {
                    let each = format!(
                        "SELECT tenant_id, count(*) AS number, min(occurred_at) AS oldest,
                            max(occurred_at) AS newest
                        FROM {table} GROUP BY tenant_id ORDER BY tenant_id"
                    );
                    for row in rows(transaction, &each).await? {
                        let tenant_id = Id::trusted(row.try_get("", "tenant_id")?);
                        let count = row.try_get::<i64>("", "number")?.unsigned_abs();
                        let range = Some((row.try_get("", "oldest")?, row.try_get("", "newest")?));
                        let run = purge_runs::unfinished(transaction, &tenant_id).await?;
                        let mut run = run.ok_or_else(|| {
                            Error::internal("dropping a partition", "a run has ended before it")
                        })?;
                        run.partitions.push(partition.months());
                        purge_runs::add(transaction, &tenant_id, run, Removed { count, range })
                            .await?;
                    }
                    transaction.execute_unprepared(&format!("DROP TABLE {table}")).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Gives up the ids that recorders gave a tenant's events of a detached partition. The number
    /// too, since a recorder may have sent an event again that had just lost its id.
    async fn give_up_ids(&self, table: &str, tenant_id: &Id) -> Result<()> {
        let db = &self.store.database.writers;
        let delete = format!(
            "DELETE FROM idempotency_records kept USING {table} gone
            WHERE kept.tenant_id = $1 AND gone.tenant_id = $1
                AND kept.external_id = gone.external_id AND kept.sequence = gone.sequence"
        );
        let values = [tenant_id.as_str().into()];
        let backend = db.get_database_backend();
        db.execute_raw(Statement::from_sql_and_values(backend, delete, values)).await?;
        Ok(())
    }
}

/// The months whose partitions are about to be dropped, as far as a tenant's events may be in them. No
/// further one is closed while the caller keeps them open.
pub(super) async fn months_leaving(
    transaction: &Transaction,
    tenant_id: &Id,
) -> Result<Vec<String>> {
    if !Backend::of(transaction).has_partitions()
        || purge_runs::unfinished(transaction, tenant_id).await?.is_none()
    {
        return Ok(Vec::new());
    }
    let mut months = Vec::new();
    for ClosedTable { name, .. } in closed_tables(transaction).await? {
        let name = name.split_once(ASIDE).map_or(name.as_str(), |(name, _)| name);
        months.extend(Partition::named(name).map(Partition::months));
    }
    months.dedup();
    Ok(months)
}

/// What came of closing a partition.
enum Closing {
    Closed,
    /// Something in it is to be kept.
    MayNotGo,
    /// Somebody reads it.
    IsRead,
}

/// Gives the lock up and closes the session. Without the first, PostgreSQL might hold it a little longer
/// than whoever waits for the second.
async fn end(session: Session) -> Result<()> {
    let unlock = format!("SELECT pg_advisory_unlock({PURGE_LOCK})");
    session.execute_unprepared(&unlock).await?;
    Ok(session.close().await?)
}

/// What is not to be had there fails with.
const FEATURE_NOT_SUPPORTED: &str = "0A000";

/// What `lock_timeout` fails with.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The partitions that are a part of the whole.
const INSIDE: &str = "
    SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'audit_events'::regclass AND NOT inhdetachpending ORDER BY relname";

/// The tables that purging closed, with how far each is on its way out of the whole. Another one beside it,
/// which somebody detached or copied by hand, is not ours to drop.
const CLOSED_TABLES: &str = r"
    SELECT relname AS name, COALESCE(inhdetachpending, FALSE) AS leaving,
        COALESCE(NOT inhdetachpending, FALSE) AS inside
    FROM pg_class JOIN pg_constraint ON conrelid = pg_class.oid
        LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
    WHERE relkind = 'r' AND relname LIKE 'audit\_events\_%' AND conname = 'audit_events_closed'
        AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'audit_events'::regclass)
    ORDER BY relname";

/// Takes the lock under which partitions are made and taken away, or gives it back.
fn locking(function: &str) -> String {
    format!("SELECT {function}({PARTITION_LOCK})")
}

/// A table that purging closed.
struct ClosedTable {
    name: String,
    /// Still a part of the whole, as any other.
    is_inside: bool,
    /// On its way out of it.
    is_leaving: bool,
}

async fn closed_tables(db: &impl ConnectionTrait) -> Result<Vec<ClosedTable>> {
    let table = |row: QueryResult| {
        Ok(ClosedTable {
            name: row.try_get("", "name")?,
            is_inside: row.try_get("", "inside")?,
            is_leaving: row.try_get("", "leaving")?,
        })
    };
    rows(db, CLOSED_TABLES).await?.into_iter().map(table).collect()
}

async fn rows(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<QueryResult>> {
    Ok(db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?)
}

/// The tenants that have events in a table; each is found by one look into its index.
async fn tenants_in(db: &impl ConnectionTrait, table: &str) -> Result<Vec<Id>> {
    let sql = format!(
        "WITH RECURSIVE found AS (
            (SELECT tenant_id FROM {table} ORDER BY tenant_id LIMIT 1)
            UNION ALL
            SELECT (SELECT tenant_id FROM {table} WHERE tenant_id > found.tenant_id
                ORDER BY tenant_id LIMIT 1)
            FROM found WHERE found.tenant_id IS NOT NULL
        )
        SELECT tenant_id FROM found WHERE tenant_id IS NOT NULL"
    );
    let found = rows(db, &sql).await?;
    found.iter().map(|row| Ok(Id::trusted(row.try_get("", "tenant_id")?))).collect()
}
