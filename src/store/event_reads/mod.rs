//! Reading events by the shortest way: SeaORM says the statement, and rows become events without its model
//! between. PostgreSQL is asked by sqlx, in a guarded transaction that begins in one trip; SQLite on
//! connections of `rusqlite`, which give several times as many rows a second as sqlx's.

mod postgres;
mod rows;
mod sqlite;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{DatabaseConnection, QuerySelect as _, QueryTrait as _, Select};

use super::entity::audit_event;
use super::guard::Guard;
use super::{Backend, Patience};
use crate::domain::event::Event;
use crate::error::Result;

/// What reads events.
#[derive(Clone)]
pub(super) enum EventReaders {
    Postgres(DatabaseConnection),
    Sqlite(sqlite::Readers),
}

impl EventReaders {
    pub fn new(
        backend: Backend,
        url: &str,
        readers: &DatabaseConnection,
        patience: Patience,
    ) -> Self {
        match backend {
            Backend::Postgres => Self::Postgres(readers.clone()),
            Backend::Sqlite => {
                // It was parsed before, to connect.
                let options = url.parse::<SqliteConnectOptions>().unwrap_or_default();
                let file = options.get_filename().to_owned();
                Self::Sqlite(sqlite::Readers::new(file, patience.connection_to_read()))
            }
        }
    }

    /// The events that a statement selects.
    pub async fn read(
        &self,
        guard: Option<Guard>,
        select: Select<audit_event::Entity>,
    ) -> Result<Vec<Event>> {
        let select = select.select_only().columns(rows::COLUMNS);
        match self {
            Self::Postgres(readers) => {
                let pool = readers.get_postgres_connection_pool().clone();
                postgres::events(pool, guard, select.build(Backend::Postgres.sea())).await
            }
            Self::Sqlite(readers) => readers.events(select.build(Backend::Sqlite.sea())).await,
        }
    }
}
