//! Events from PostgreSQL.

use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, PgConnection, PgPool};
use sea_orm::{DbErr, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;

use super::rows::{self, PostgresRow};
use crate::domain::event::Event;
use crate::error::{Error, Result};
use crate::store::guard::Guard;

/// The events that a statement of `rows::COLUMNS` selects, in a transaction that is guarded.
pub(super) async fn events(
    pool: PgPool,
    guard: Option<Guard>,
    statement: Statement,
) -> Result<Vec<Event>> {
    // In a task of its own: whoever asks may go away, and a transaction that nobody saw begin would go
    // back to the pool without being ended.
    let read = tokio::spawn(read(pool, guard, statement));
    read.await.map_err(|error| Error::internal("reading events", error))?
}

async fn read(pool: PgPool, guard: Option<Guard>, statement: Statement) -> Result<Vec<Event>> {
    let mut connection = pool.acquire().await.map_err(failed)?;
    let found = select(&mut connection, guard, statement).await;
    if found.is_err() {
        // Whatever it is in the middle of, nobody else is to be in it.
        connection.close_on_drop();
    }
    let found = found.map_err(failed)?;
    drop(connection);
    found.iter().map(|row| rows::event(PostgresRow::new(row))).collect()
}

async fn select(
    connection: &mut PgConnection,
    guard: Option<Guard>,
    statement: Statement,
) -> sqlx::Result<Vec<PgRow>> {
    let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
    let query = sqlx::query_with(AssertSqlSafe(statement.sql), values);
    match guard {
        None => query.fetch_all(connection).await,
        Some(guard) => {
            let mut transaction = connection.begin_with(AssertSqlSafe(guard.begin())).await?;
            query.fetch_all(&mut *transaction).await
        }
    }
}

fn failed(error: sqlx::Error) -> Error {
    DbErr::Query(RuntimeErr::SqlxError(error.into())).into()
}
