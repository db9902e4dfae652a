//! Events from PostgreSQL.

use futures_util::TryStreamExt as _;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, PgConnection, PgPool};
use sea_orm::{DbErr, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;

use super::rows::{self, PostgresRow};
use super::{Found, Room};
use crate::domain::event::Event;
use crate::error::{Error, Result};
use crate::store::guard::Guard;

/// The events that a statement of `rows::COLUMNS` selects, in a transaction that is guarded.
pub(super) async fn events(
    pool: PgPool,
    guard: Option<Guard>,
    statement: Statement,
    room: Room,
) -> Result<(Vec<Event>, bool)> {
    // In a task of its own: whoever asks may go away, and a transaction that nobody saw begin would go
    // back to the pool without being ended.
    let read = tokio::spawn(read(pool, guard, statement, room));
    read.await.map_err(|error| Error::internal("reading events", error))?
}

async fn read(
    pool: PgPool,
    guard: Option<Guard>,
    statement: Statement,
    room: Room,
) -> Result<(Vec<Event>, bool)> {
    let mut connection = pool.acquire().await.map_err(failed)?;
    let found = begin_and_select(&mut connection, guard, statement, room).await;
    if found.is_err() {
        // Whatever it is in the middle of, nobody else is to be in it.
        connection.close_on_drop();
    }
    found.map(Found::finish)
}

async fn begin_and_select(
    connection: &mut PgConnection,
    guard: Option<Guard>,
    statement: Statement,
    room: Room,
) -> Result<Found> {
    match guard {
        None => select(connection, statement, room).await,
        Some(guard) => {
            let begun = connection.begin_with(AssertSqlSafe(guard.begin())).await;
            let mut transaction = begun.map_err(failed)?;
            select(&mut transaction, statement, room).await
        }
    }
}

async fn select(connection: &mut PgConnection, statement: Statement, room: Room) -> Result<Found> {
    let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
    let mut rows = sqlx::query_with(AssertSqlSafe(statement.sql), values).fetch(connection);
    let mut found = Found::new(room);
    while !found.is_full()
        && let Some(row) = rows.try_next().await.map_err(failed)?
    {
        found.push(rows::event(PostgresRow::new(&row))?);
    }
    Ok(found)
}

fn failed(error: sqlx::Error) -> Error {
    DbErr::Query(RuntimeErr::SqlxError(error.into())).into()
}
