//! Reading events by the shortest way: SeaORM says the statement, and rows become events without its model
//! between. PostgreSQL is asked by sqlx, in a guarded transaction that begins in one trip; SQLite on
//! connections of `rusqlite`, which give several times as many rows a second as sqlx's. Those read what every
//! request begins with, too: by sqlx it took longer than a page.

mod postgres;
mod rows;
mod sqlite;

use std::sync::Arc;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbErr, QuerySelect as _, QueryTrait, Select,
    Statement,
};

use super::entity::audit_event;
use super::watched::Watched;
use super::{Backend, Patience, Pool, waiting};
use crate::domain::event::Event;
use crate::error::Result;

/// How many read events from SQLite at once. More would only take each other's turns: what a read waits for
/// is a processor.
const EVENT_READERS: usize = 4;

/// How many others read what signing in asks for, which is not to wait for a long page.
const SIGN_IN_READERS: usize = 2;

/// What reads events, and what every request begins with.
#[derive(Clone)]
pub(super) enum EventReaders {
    Postgres(Watched<DatabaseConnection>),
    Sqlite { events: sqlite::Readers, sign_in: sqlite::Readers },
}

impl EventReaders {
    pub fn new(
        backend: Backend,
        url: &str,
        readers: &Watched<DatabaseConnection>,
        patience: Patience,
    ) -> Self {
        match backend {
            Backend::Postgres => Self::Postgres(readers.clone()),
            Backend::Sqlite => {
                // It was parsed before, to connect.
                let options = url.parse::<SqliteConnectOptions>().unwrap_or_default();
                let file = Arc::new(options.get_filename().to_owned());
                let patience = patience.connection_to_read();
                let readers =
                    |name, most| sqlite::Readers::new(name, Arc::clone(&file), most, patience);
                Self::Sqlite {
                    events: readers("events", EVENT_READERS),
                    sign_in: readers("sign_in", SIGN_IN_READERS),
                }
            }
        }
    }

    /// The use of the connections that are for this alone.
    pub fn pools(&self) -> Vec<Pool> {
        match self {
            Self::Postgres(_) => Vec::new(),
            Self::Sqlite { events, sign_in } => vec![events.pool(), sign_in.pool()],
        }
    }

    /// Answers once those connections do that every request needs, as far as they are for this alone.
    pub async fn ping(&self) -> Result<()> {
        match self {
            Self::Postgres(_) => Ok(()),
            Self::Sqlite { sign_in, .. } => {
                // Of the file: SQLite answers what asks for no table without looking at it.
                let sql = "SELECT 0, count(*) FROM sqlite_schema";
                let found = sign_in.numbers(Statement::from_string(Backend::Sqlite.sea(), sql));
                waiting::wait(found).await.map_err(DbErr::from)??;
                Ok(())
            }
        }
    }

    /// The row of two numbers that signing in selects, if there is one. However long it takes is waiting.
    pub async fn numbers(&self, select: impl QueryTrait) -> Result<Option<(i64, i64)>> {
        match self {
            Self::Postgres(readers) => {
                let row = readers.query_one_raw(select.build(Backend::Postgres.sea())).await?;
                Ok(row.map(|row| row.try_get_many_by_index()).transpose()?)
            }
            Self::Sqlite { sign_in, .. } => {
                let found = sign_in.numbers(select.build(Backend::Sqlite.sea()));
                waiting::wait(found).await.map_err(DbErr::from)?
            }
        }
    }

    /// How many steps SQLite's machine takes for all that a statement selects; PostgreSQL has none.
    pub async fn steps(&self, statement: Statement) -> Result<Option<u64>> {
        match self {
            Self::Postgres(_) => Ok(None),
            Self::Sqlite { events, .. } => events.steps(statement).await.map(Some),
        }
    }

    /// The events that a statement selects, as far as there is room for them, and whether it is full. On
    /// PostgreSQL, `settings` hold for it alone.
    pub async fn read(
        &self,
        settings: impl FnOnce() -> String,
        select: Select<audit_event::Entity>,
        room: Room,
    ) -> Result<(Vec<Event>, bool)> {
        let select = select.select_only().columns(rows::COLUMNS);
        match self {
            Self::Postgres(readers) => {
                let statement = statement(Backend::Postgres, select, room.most);
                postgres::events(readers, settings(), statement, room).await
            }
            Self::Sqlite { events, .. } => {
                events.events(statement(Backend::Sqlite, select, room.most), room).await
            }
        }
    }
}

/// The statement that selects so many rows at most.
pub(super) fn statement(
    backend: Backend,
    select: Select<audit_event::Entity>,
    most: u64,
) -> Statement {
    match backend {
        Backend::Postgres => postgres::limited(select.build(backend.sea()), most),
        Backend::Sqlite => select.limit(most).build(backend.sea()),
    }
}

/// How much is read at once. What is behind the last event that is taken needs no room.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// So many events at most.
    pub most: u64,
    /// No event is read after these bytes are met,
    pub bytes: u64,
    /// but so many are in any case.
    pub least: usize,
}

impl Room {
    /// For one event, however large.
    pub const FOR_ONE: Self = Self { most: 1, bytes: u64::MAX, least: 0 };
}

/// Events as they are found.
struct Found {
    events: Vec<Event>,
    bytes: u64,
    room: Room,
}

impl Found {
    const fn new(room: Room) -> Self {
        Self { events: Vec::new(), bytes: 0, room }
    }

    fn is_full(&self) -> bool {
        self.bytes >= self.room.bytes && self.events.len() >= self.room.least
    }

    fn push(&mut self, event: Event) {
        self.bytes = self.bytes.saturating_add(event.bytes());
        self.events.push(event);
    }

    fn finish(self) -> (Vec<Event>, bool) {
        let is_full = self.is_full();
        (self.events, is_full)
    }
}
