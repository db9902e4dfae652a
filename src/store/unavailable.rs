//! From what a database says when something fails to what clients may know of it: the one place that
//! tells what will pass from what will not.

use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{DbErr, RuntimeErr};

use crate::error::{Error, Unavailable};

const DOING: &str = "using the database";

/// A database's text never reaches a client.
impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match why(&error) {
            Some(why) => Self::unavailable(why, DOING, error),
            None => Self::internal(DOING, error),
        }
    }
}

/// A commit that failed. When the database went away meanwhile, it may have been done all the same.
pub(super) fn at_commit(error: DbErr) -> Error {
    const DOING: &str = "committing";
    match why(&error) {
        Some(_) => Error::unavailable(Unavailable::Uncertain, DOING, error),
        None => Error::internal(DOING, error),
    }
}

/// A write that is not done, because nobody waits for it any more.
pub(super) fn too_late(doing: &'static str) -> Error {
    Error::unavailable(Unavailable::Database, doing, "it took too long, and was given up")
}

/// A write that was abandoned after everybody had stopped waiting for it.
pub(super) fn unknown(doing: &'static str) -> Error {
    Error::unavailable(Unavailable::Uncertain, doing, "it never ended, and was abandoned")
}

/// Why the database is not to be had for now; nothing if the failure is of another kind.
fn why(error: &DbErr) -> Option<Unavailable> {
    match error {
        DbErr::ConnectionAcquire(_) => Some(Unavailable::Database),
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed => Some(Unavailable::Database),
            SqlxError::Database(error) => error.code().and_then(|code| of_code(&code)),
            _ => None,
        },
        _ => None,
    }
}

/// PostgreSQL's codes are five characters, SQLite's are numbers, whose last byte is the kind.
fn of_code(code: &str) -> Option<Unavailable> {
    if code.len() == 5 {
        return of_sqlstate(code);
    }
    of_sqlite(code.parse().ok()?)
}

/// By SQLite's extended code.
pub(super) const fn of_sqlite(code: u32) -> Option<Unavailable> {
    match code & 0xff {
        // Busy; locked; the file cannot be opened.
        5 | 6 | 14 => Some(Unavailable::Database),
        // Read-only; a failure to read or write; full.
        8 | 10 | 13 => Some(Unavailable::Disk),
        _ => None,
    }
}

fn of_sqlstate(state: &str) -> Option<Unavailable> {
    match state {
        // Disk full; a failure to read or write.
        "53100" | "58030" => Some(Unavailable::Disk),
        // The lock did not come in time; the database is being made anew; it is a standby, because
        // another one has taken over.
        "55P03" | "3D000" | "25006" => Some(Unavailable::Database),
        // It took too long, or an operator stopped it.
        "57014" => Some(Unavailable::Stopped),
        // The connection broke; out of connections or memory; an operator stops or starts it.
        _ if ["08", "53", "57P"].iter().any(|class| state.starts_with(class)) => {
            Some(Unavailable::Database)
        }
        _ => None,
    }
}
