//! Reading one tenant's log and no other's, whatever the query says.
//!
//! On PostgreSQL a reading transaction takes a role that owns nothing and names its tenant; row-level
//! security then leaves out every other tenant's rows, should a query ever forget its filter. SQLite has
//! nothing of the kind: there the filters stand alone.

use sea_orm::{ConnectionTrait as _, DatabaseExecutor, DbErr, TransactionTrait as _};

use super::{Backend, Store};
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::error::{Error, Result};

/// The role that reads the log.
const READER: &str = "auditlog_reader";

impl Store {
    /// What reads this tenant's log. It ends where it is dropped.
    pub(super) async fn guarded(&self, tenant_id: &Id) -> Result<DatabaseExecutor<'_>> {
        match self.backend() {
            Backend::Sqlite => Ok(DatabaseExecutor::Connection(self.readers())),
            Backend::Postgres => {
                // One trip for both. An id has no control characters, and a backslash is itself.
                let tenant = tenant_id.as_str().replace('\'', "''");
                let guard =
                    format!("SET LOCAL ROLE {READER}; SET LOCAL auditlog.tenant_id = '{tenant}'");
                let readers = self.readers().clone();
                // In a task of its own: whoever asks may go away, and a transaction that nobody saw
                // begin would go back to the pool without being ended.
                let begun = tokio::spawn(async move {
                    let transaction = readers.begin().await?;
                    transaction.execute_unprepared(&guard).await?;
                    Ok::<_, DbErr>(transaction)
                });
                let begun = begun.await;
                let transaction =
                    begun.map_err(|error| Error::internal("beginning to read", error))??;
                Ok(DatabaseExecutor::OwnedTransaction(transaction))
            }
        }
    }

    /// The same for what a filter selects. A search for words goes without the guard: PostgreSQL uses
    /// no index of words behind row-level security, because it cannot know what a match might tell.
    pub(super) async fn guarded_for(
        &self,
        tenant_id: &Id,
        filter: &EventFilter,
    ) -> Result<DatabaseExecutor<'_>> {
        match &filter.description {
            Some(query) if query.required().next().is_some() => {
                Ok(DatabaseExecutor::Connection(self.readers()))
            }
            _ => self.guarded(tenant_id).await,
        }
    }
}
