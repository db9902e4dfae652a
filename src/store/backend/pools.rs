//! What pools do with a connection when they hand it out and when it comes back.
//!
//! Whoever goes away in the middle of a statement leaves a connection on which it still runs. It must neither
//! run on for nobody nor keep its place in the pool for long.

use std::time::Duration;

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{self, Connection as _, Executor as _, PgConnection, Postgres};
use sea_orm::sqlx::{Sqlite, SqliteConnection};
use tokio::time::timeout;

use super::super::waiting;

/// How long a connection that is to be handed out may take to answer. Another one is then opened within
/// the time that is left.
const TO_ANSWER: Duration = Duration::from_secs(1);

/// For how long one that came back counts as answering.
const FRESH: Duration = Duration::from_secs(1);

/// How long one that comes back may take to end what it is at. It is then cut off, and PostgreSQL stops
/// what nobody waits for any more.
const TO_END: Duration = Duration::from_secs(2);

/// How many steps SQLite takes, some thousandths of a second, until it looks whether anybody still waits.
const STEPS: i32 = 20_000;

/// Has PostgreSQL, from version 14 on and on the systems that can tell, look every second whether whoever
/// asked is still there.
const LOOK_FOR_US: &str = "SELECT set_config(name, '1000', false) FROM pg_settings
    WHERE name = 'client_connection_check_interval'";

/// Holds the schemas that the user meant to those: whoever takes another role would have others for "$user",
/// and not find the tables.
const KEEP_SCHEMAS: &str = "SELECT set_config('search_path', string_agg(quote_ident(name), ', ' ORDER BY place), false)
    FROM unnest(current_schemas(false)) WITH ORDINALITY AS schemas (name, place) HAVING count(*) > 0";

/// How many connections are open, how many of them idle, and how many there may be.
pub(super) fn in_use<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> (u32, usize, u32) {
    (pool.size(), pool.num_idle(), pool.options().get_max_connections())
}

pub(super) fn of_postgres(options: PoolOptions<Postgres>) -> PoolOptions<Postgres> {
    options
        .after_connect(|connection, _| Box::pin(greet(connection)))
        .test_before_acquire(false) // done here, and not without end
        .before_acquire(|connection, known| {
            Box::pin(async move {
                if known.idle_for > FRESH {
                    answers_within(TO_ANSWER, connection).await?;
                }
                waiting::connected();
                Ok(true)
            })
        })
        .after_release(|connection, _| {
            Box::pin(async {
                answers_within(TO_END, connection).await?;
                Ok(true)
            })
        })
}

async fn greet(connection: &mut PgConnection) -> sqlx::Result<()> {
    connection.execute(KEEP_SCHEMAS).await?;
    // A server that cannot do this serves all the same.
    if let Err(error) = connection.execute(LOOK_FOR_US).await {
        tracing::debug!(%error, "statements of clients that went away run on");
    }
    waiting::connected();
    Ok(())
}

async fn answers_within(time: Duration, connection: &mut PgConnection) -> sqlx::Result<()> {
    match timeout(time, connection.ping()).await {
        Ok(answered) => answered,
        Err(elapsed) => Err(sqlx::Error::Io(elapsed.into())),
    }
}

pub(super) fn of_sqlite(options: PoolOptions<Sqlite>) -> PoolOptions<Sqlite> {
    options
        .after_connect(|connection, _| Box::pin(attend(connection)))
        .test_before_acquire(false) // asking for its handle does that
        .before_acquire(|connection, _| {
            Box::pin(async {
                attend(connection).await?;
                Ok(true)
            })
        })
        .after_release(|connection, _| Box::pin(is_fit(connection)))
}

/// Interrupts what the connection is asked for once nobody waits for it.
async fn attend(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let waited_for = waiting::connected();
    let mut handle = connection.lock_handle().await?;
    match waited_for {
        Some(waited_for) => {
            handle.set_progress_handler(STEPS, move || waited_for.strong_count() > 0);
        }
        None => handle.remove_progress_handler(),
    }
    Ok(())
}

/// Whether a connection may be used again. When SQLite cannot write, it may end a transaction by itself;
/// the rollback then fails, and the connection goes on to count as being in one. Whatever it did next
/// would be acknowledged and never committed.
async fn is_fit(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // A rollback that is still in its queue comes first.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}
