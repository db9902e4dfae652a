//! Events from PostgreSQL.

use futures_util::{FutureExt as _, TryStreamExt as _};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, PgConnection, PgPool};
use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr, RuntimeErr, Statement, Value, Values};
use sea_query_sqlx::SqlxValues;
use tokio::sync::oneshot;

use super::rows::{self, PostgresRow};
use super::{Found, Room};
use crate::domain::event::Event;
use crate::error::{Error, Result};
use crate::store::waiting;
use crate::store::watched::Watched;

/// The events that a statement of `rows::COLUMNS` selects, in a transaction that has these settings, as far
/// as there is room for them; and whether it is full.
pub(super) async fn events(
    readers: &Watched<DatabaseConnection>,
    settings: String,
    statement: Statement,
    room: Room,
) -> Result<(Vec<Event>, bool)> {
    let pool = readers.inner().get_postgres_connection_pool().clone();
    let (begun, has_begun) = oneshot::channel();
    let (_awaited, goes_away) = oneshot::channel::<()>();
    // In a task of its own, which hears when whoever asks goes away, and then closes the connection: one
    // that went back to the pool could be in the middle of anything.
    let read = tokio::spawn(read(pool, settings, statement, room, begun, goes_away));
    let read = readers.unless_silent(async {
        // Until there is a connection with a transaction, this waits; then it works. Where that fails, the
        // task tells how.
        let _ = waiting::wait(has_begun).await.map_err(DbErr::from)?;
        Ok(read.await)
    });
    read.await?.map_err(|error| Error::internal("reading events", error))?
}

/// The statement of so many of its rows at most.
///
/// PostgreSQL keeps a plan (`store::plan_choice`) only if it is no dearer than one for the values at hand, and
/// takes a limit that is a parameter for a tenth of the table. So the statement says a limit that holds for
/// many pages, and the page's own takes from that.
pub(super) fn limited(statement: Statement, most: u64) -> Statement {
    let Values(mut values) = statement.values.unwrap_or_else(|| Values(Vec::new()));
    values.push(Value::from(most));
    let (sql, bound, own) = (statement.sql, most.max(128).next_power_of_two(), values.len());
    // What is taken from a list in order stays in order.
    let sql = format!("SELECT * FROM ({sql} LIMIT {bound}) AS page LIMIT ${own}");
    Statement { sql, values: Some(Values(values)), db_backend: statement.db_backend }
}

async fn read(
    pool: PgPool,
    settings: String,
    statement: Statement,
    room: Room,
    begun: oneshot::Sender<()>,
    goes_away: oneshot::Receiver<()>,
) -> Result<(Vec<Event>, bool)> {
    let gone = || Error::internal("reading events", "nobody waits for them any more");
    let mut goes_away = goes_away.fuse();
    let mut connection = tokio::select! {
        connection = pool.acquire() => connection.map_err(not_acquired)?,
        _ = &mut goes_away => return Err(gone()),
    };
    let found = tokio::select! {
        found = begin_and_select(&mut connection, settings, statement, room, begun) => found,
        _ = &mut goes_away => Err(gone()),
    };
    if found.is_err() {
        // Whatever it is in the middle of, nobody else is to be in it.
        connection.close_on_drop();
    }
    found.map(Found::finish)
}

async fn begin_and_select(
    connection: &mut PgConnection,
    settings: String,
    statement: Statement,
    room: Room,
    begun: oneshot::Sender<()>,
) -> Result<Found> {
    // In one text, which makes one trip.
    let begin = AssertSqlSafe(format!("BEGIN; {settings}"));
    let mut transaction = connection.begin_with(begin).await.map_err(failed)?;
    let _ = begun.send(());
    let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
    let query = sqlx::query_with(AssertSqlSafe(statement.sql), values);
    let mut rows = query.fetch(&mut *transaction);
    let mut found = Found::new(room);
    while !found.is_full()
        && let Some(row) = rows.try_next().await.map_err(failed)?
    {
        found.push(rows::event(PostgresRow::new(&row))?);
    }
    Ok(found)
}

fn not_acquired(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout).into(),
        error => failed(error),
    }
}

fn failed(error: sqlx::Error) -> Error {
    DbErr::Query(RuntimeErr::SqlxError(error.into())).into()
}
