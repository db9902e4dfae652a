//! Reading from SQLite's file by connections of their own, which several requests share: events, and what
//! every request asks for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::SecondsFormat;
use rusqlite::types::Value as Cell;
use rusqlite::{
    Connection, InterruptHandle, OpenFlags, OptionalExtension as _, ParamsFromIter,
    StatementStatus, params_from_iter,
};
use sea_orm::Statement;
use sea_orm::sea_query::{Value, Values};
use tokio::sync::Semaphore;

use super::rows::{self, SqliteRow};
use super::{Found, Room};
use crate::domain::event::Event;
use crate::error::{Error, Result, Unavailable};
use crate::store::{Pool, unavailable, waiting};

/// What is being done, for the log.
const READING: &str = "reading from SQLite";

/// Connections that read, opened when they are needed.
#[derive(Clone)]
pub(in crate::store) struct Readers {
    name: &'static str,
    file: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
    /// How many may read at once.
    most: usize,
    /// For a turn, and for whoever holds the file locked.
    patience: Duration,
}

impl Readers {
    pub fn new(name: &'static str, file: Arc<PathBuf>, most: usize, patience: Duration) -> Self {
        let turns = Arc::new(Semaphore::new(most));
        Self { name, file, idle: Arc::default(), turns, most, patience }
    }

    /// The events that a statement of `rows::COLUMNS` selects, as far as there is room for them, and
    /// whether it is full.
    pub async fn events(&self, statement: Statement, room: Room) -> Result<(Vec<Event>, bool)> {
        self.read(move |connection| select(connection, statement, room)).await
    }

    /// The row of two numbers that a statement selects, if there is one.
    pub async fn numbers(&self, statement: Statement) -> Result<Option<(i64, i64)>> {
        self.read(move |connection| numbers(connection, statement)).await
    }

    /// How many steps it takes to read all that a statement selects.
    pub async fn steps(&self, statement: Statement) -> Result<u64> {
        self.read(move |connection| steps(connection, statement)).await
    }

    /// Reads on a thread where nobody waits for anything else.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let late = || Error::unavailable(Unavailable::Database, READING, "too many read at once");
        let turn = waiting::wait(Arc::clone(&self.turns).acquire_owned());
        let turn = tokio::time::timeout(self.patience, turn).await.map_err(|_| late())?;
        let turn = turn.map_err(|_| late())?;
        let (readers, asked) = (self.clone(), Asked::default());
        let running = asked.clone();
        // The turn ends with the read, also where nobody waits for it any more.
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let connection = readers.connection()?;
            if !running.begin(connection.get_interrupt_handle()) {
                readers.idle().push(connection);
                return Err(Error::internal(READING, "nobody waits for it any more"));
            }
            let found = read(&connection);
            running.end();
            let found = found?;
            readers.idle().push(connection);
            Ok(found)
        });
        let attended = Attended(asked);
        let found = reading.await.map_err(|error| Error::internal(READING, error))?;
        drop(attended);
        found
    }

    pub fn pool(&self) -> Pool {
        let used = self.most.saturating_sub(self.turns.available_permits());
        Pool { name: self.name, used, idle: self.idle().len(), most: self.most }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self) -> Result<Connection> {
        if let Some(connection) = self.idle().pop() {
            return Ok(connection);
        }
        // One that may only read could not open a file whose write-ahead log nobody else has open.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&*self.file, flags).map_err(failed)?;
        connection.busy_timeout(self.patience).map_err(failed)?;
        connection.pragma_update(None, "query_only", true).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(100);
        Ok(connection)
    }
}

/// A read that somebody asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Progress>>);

#[derive(Default)]
enum Progress {
    #[default]
    NotYet,
    Running(InterruptHandle),
    /// It has ended, or nobody waits for it any more.
    Over,
}

impl Asked {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody still waits for it.
    fn begin(&self, handle: InterruptHandle) -> bool {
        let mut progress = self.lock();
        let is_awaited = !matches!(*progress, Progress::Over);
        if is_awaited {
            *progress = Progress::Running(handle);
        }
        is_awaited
    }

    /// From here on the connection may be somebody else's.
    fn end(&self) {
        *self.lock() = Progress::Over;
    }
}

/// Ends a read when whoever waits for it goes away.
struct Attended(Asked);

impl Drop for Attended {
    fn drop(&mut self) {
        let mut progress = self.0.lock();
        if let Progress::Running(handle) = &*progress {
            handle.interrupt();
        }
        *progress = Progress::Over;
    }
}

fn select(connection: &Connection, statement: Statement, room: Room) -> Result<(Vec<Event>, bool)> {
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(failed)?;
    let mut rows = prepared.query(parameters(statement)?).map_err(failed)?;
    let mut found = Found::new(room);
    while !found.is_full()
        && let Some(row) = rows.next().map_err(failed)?
    {
        found.push(rows::event(SqliteRow::new(row))?);
    }
    Ok(found.finish())
}

fn numbers(connection: &Connection, statement: Statement) -> Result<Option<(i64, i64)>> {
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(failed)?;
    let found = prepared.query_row(parameters(statement)?, |row| Ok((row.get(0)?, row.get(1)?)));
    found.optional().map_err(failed)
}

fn steps(connection: &Connection, statement: Statement) -> Result<u64> {
    let mut prepared = connection.prepare(&statement.sql).map_err(failed)?;
    let mut rows = prepared.query(parameters(statement)?).map_err(failed)?;
    while rows.next().map_err(failed)?.is_some() {}
    drop(rows);
    Ok(prepared.get_status(StatementStatus::VmStep).unsigned_abs().into())
}

fn parameters(statement: Statement) -> Result<ParamsFromIter<Vec<Cell>>> {
    let Values(values) = statement.values.unwrap_or_else(|| Values(Vec::new()));
    let cells: Result<Vec<_>> = values.into_iter().map(cell).collect();
    Ok(params_from_iter(cells?))
}

/// A parameter in the form in which the other connections bind it.
fn cell(value: Value) -> Result<Cell> {
    let cell = match value {
        Value::Bool(value) => value.map(|flag| Cell::Integer(flag.into())),
        Value::Int(value) => value.map(|number| Cell::Integer(number.into())),
        Value::BigInt(value) => value.map(Cell::Integer),
        Value::BigUnsigned(value) => {
            let number = value.map(i64::try_from).transpose();
            number.map_err(|error| Error::internal(READING, error))?.map(Cell::Integer)
        }
        Value::String(value) => value.map(Cell::Text),
        Value::ChronoDateTimeUtc(value) => {
            value.map(|time| Cell::Text(time.to_rfc3339_opts(SecondsFormat::AutoSi, false)))
        }
        other => return Err(Error::internal(READING, format!("cannot bind {other:?}"))),
    };
    Ok(cell.unwrap_or(Cell::Null))
}

fn failed(error: rusqlite::Error) -> Error {
    let code = error.sqlite_error().map(|error| error.extended_code);
    match code.and_then(|code| unavailable::of_sqlite(code.unsigned_abs())) {
        Some(why) => Error::unavailable(why, READING, error),
        None => Error::internal(READING, error),
    }
}
