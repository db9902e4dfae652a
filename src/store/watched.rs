//! Connections and transactions as the store uses them: what is asked of them ends when the database falls
//! silent, and, where it is nothing but waiting, when a request has waited long enough.

use sea_orm::entity::prelude::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    ExecResult, QueryResult, Statement, TransactionOptions, TransactionTrait as _,
};

use super::pulse::{Pulse, Silent};
use super::waiting::{self, TooLong};

/// What of a statement is waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// All of it: it looks up so little that only locks or a crowd can make it long.
    Wholly,
    /// Until there is a connection; then it works.
    ForConnection,
    /// Nothing: there is a connection, or whoever wants it counts by themselves.
    No,
}

/// A connection, a pool of them or a transaction, that is not waited for for ever.
#[derive(Clone)]
pub struct Watched<C> {
    inner: C,
    pulse: Pulse,
    waiting: Waiting,
}

impl<C> Watched<C> {
    pub(super) const fn new(inner: C, pulse: Pulse, waiting: Waiting) -> Self {
        Self { inner, pulse, waiting }
    }

    /// What is watched.
    pub(super) const fn inner(&self) -> &C {
        &self.inner
    }

    pub(super) fn into_inner(self) -> C {
        self.inner
    }

    /// Something else over the same database.
    pub(super) fn over<D>(&self, inner: D, waiting: Waiting) -> Watched<D> {
        Watched::new(inner, self.pulse.clone(), waiting)
    }

    /// What is asked of the database otherwise than by a statement here ends as well when it falls silent.
    pub(super) async fn unless_silent<T>(
        &self,
        asked: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        self.pulse.unless_silent(asked).await.unwrap_or_else(|Silent| Err(TooLong.into()))
    }

    async fn watch<T>(&self, asked: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let asked = self.pulse.unless_silent(asked);
        let waited = match self.waiting {
            Waiting::Wholly => waiting::wait(asked).await,
            Waiting::ForConnection => waiting::wait_to_be_connected(asked).await,
            Waiting::No => Ok(asked.await),
        };
        match waited {
            Ok(Ok(done)) => done,
            Ok(Err(Silent)) | Err(TooLong) => Err(TooLong.into()),
        }
    }
}

impl From<TooLong> for DbErr {
    fn from(_: TooLong) -> Self {
        Self::ConnectionAcquire(ConnAcquireErr::Timeout)
    }
}

impl Watched<DatabaseConnection> {
    /// Begins a transaction, the waiting for a connection included.
    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        let transaction = self.watch(self.inner.begin_with_options(options)).await?;
        Ok(self.over(transaction, Waiting::No))
    }

    /// Answers once the database does.
    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        self.watch(self.inner.ping()).await
    }

    /// Closes every connection.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        self.inner.close().await
    }
}

/// The transaction a piece of work runs in.
pub type Transaction = Watched<DatabaseTransaction>;

impl Transaction {
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let Self { inner, pulse, waiting } = self;
        Watched::new((), pulse, waiting).watch(inner.commit()).await
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        let Self { inner, pulse, waiting } = self;
        Watched::new((), pulse, waiting).watch(inner.rollback()).await
    }
}

#[async_trait::async_trait]
impl<C: ConnectionTrait + Send> ConnectionTrait for Watched<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.watch(self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.watch(self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.watch(self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.watch(self.inner.query_all_raw(statement)).await
    }
}
