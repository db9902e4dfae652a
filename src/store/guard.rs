//! Reading one tenant's log and no other's, whatever the query says.
//!
//! On PostgreSQL a reading transaction takes a role that owns nothing and names its tenant; row-level
//! security then leaves out every other tenant's rows, should a query ever forget its filter. SQLite has
//! nothing of the kind: there the filters stand alone.

use sea_orm::{ConnectionTrait as _, DatabaseExecutor, DbErr, Select, TransactionTrait as _};

use super::entity::audit_event;
use super::event_reads::Room;
use super::{Backend, Store};
use crate::domain::event::Event;
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::error::{Error, Result};

/// The role that reads the log.
const READER: &str = "auditlog_reader";

/// What a reading transaction is held to.
pub(super) struct Guard {
    tenant_id: Id,
}

impl Guard {
    /// Takes the role and names the tenant, in one trip.
    fn settings(&self) -> String {
        // An id has no control characters, and a backslash is itself.
        let tenant = self.tenant_id.as_str().replace('\'', "''");
        format!("SET LOCAL ROLE {READER}; SET LOCAL auditlog.tenant_id = '{tenant}'")
    }

    /// Begins a transaction that is guarded from its first statement on.
    pub fn begin(&self) -> String {
        format!("BEGIN; {}", self.settings())
    }
}

impl Store {
    /// What reads this tenant's log. It ends where it is dropped.
    pub(super) async fn guarded(&self, tenant_id: &Id) -> Result<DatabaseExecutor<'_>> {
        match self.backend() {
            Backend::Sqlite => Ok(DatabaseExecutor::Connection(self.readers())),
            Backend::Postgres => {
                let guard = Guard { tenant_id: tenant_id.clone() }.settings();
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

    /// The same for what a filter selects.
    pub(super) async fn guarded_for(
        &self,
        tenant_id: &Id,
        filter: &EventFilter,
    ) -> Result<DatabaseExecutor<'_>> {
        match goes_without(filter) {
            true => Ok(DatabaseExecutor::Connection(self.readers())),
            false => self.guarded(tenant_id).await,
        }
    }

    /// The events that a statement selects, as far as there is room for them, and whether it is full. It is
    /// guarded unless it searches for words.
    pub(super) async fn read_events(
        &self,
        tenant_id: &Id,
        filter: &EventFilter,
        select: Select<audit_event::Entity>,
        room: Room,
    ) -> Result<(Vec<Event>, bool)> {
        let guard = (!goes_without(filter)).then(|| Guard { tenant_id: tenant_id.clone() });
        self.database.event_readers.read(guard, select, room).await
    }
}

/// A search for words goes without the guard: PostgreSQL uses no index of words behind row-level
/// security, because it cannot know what a match might tell.
fn goes_without(filter: &EventFilter) -> bool {
    filter.description.as_ref().is_some_and(|query| query.required().next().is_some())
}
