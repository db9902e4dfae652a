//! Reading one tenant's log and no other's, whatever the query says.
//!
//! On PostgreSQL a reading transaction takes a role that owns nothing and names its tenant; row-level
//! security then leaves out every other tenant's rows, should a query ever forget its filter. SQLite has
//! nothing of the kind: there the filters stand alone.

use sea_orm::{ConnectionTrait as _, DatabaseExecutor, DbErr, Select, TransactionOptions};

use super::entity::audit_event;
use super::event_reads::Room;
use super::plan_choice::Plan;
use super::watched::{Waiting, Watched};
use super::{Backend, ReadFor, Store, waiting};
use crate::domain::event::Event;
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::error::{Error, Result};

/// The role that reads the log.
const READER: &str = "auditlog_reader";

/// What reads the log. It ends where it is dropped.
pub(super) type Reading<'a> = Watched<DatabaseExecutor<'a>>;

impl Store {
    /// What reads this tenant's log.
    pub(super) async fn guarded(&self, tenant_id: &Id) -> Result<Reading<'_>> {
        self.reading(Some(tenant_id), Plan::Kept).await
    }

    /// The same for what a filter selects, of which nobody knows how much that is.
    pub(super) async fn guarded_for(
        &self,
        tenant_id: &Id,
        filter: &EventFilter,
    ) -> Result<Reading<'_>> {
        self.reading(guard(tenant_id, filter), Plan::ForTheseValues).await
    }

    /// The events that a statement selects, as far as there is room for them, and whether it is full.
    pub(super) async fn read_events(
        &self,
        tenant_id: &Id,
        filter: &EventFilter,
        select: Select<audit_event::Entity>,
        room: Room,
        plan: Plan,
        reading: ReadFor,
    ) -> Result<(Vec<Event>, bool)> {
        let settings = || self.settings_to_read(guard(tenant_id, filter), plan);
        let (events, is_full) = self.database.event_readers.read(settings, select, room).await?;
        self.activity().has_read(reading, u64::try_from(events.len()).unwrap_or(u64::MAX));
        Ok((events, is_full))
    }

    /// On PostgreSQL it is a transaction, in which the guard is set, and the times that it may take.
    async fn reading(&self, guard: Option<&Id>, plan: Plan) -> Result<Reading<'_>> {
        let readers = self.readers();
        if self.backend() == Backend::Sqlite {
            let executor = DatabaseExecutor::Connection(readers.inner());
            return Ok(readers.over(executor, Waiting::ForConnection));
        }
        let settings = self.settings_to_read(guard, plan);
        // In a task of its own: whoever asks may go away, and a transaction that nobody saw begin would
        // go back to the pool without being ended.
        let begun = readers.clone();
        let begun = tokio::spawn(async move {
            let transaction = begun.begin(TransactionOptions::default()).await?;
            transaction.execute_unprepared(&settings).await?;
            Ok::<_, DbErr>(transaction)
        });
        let begun = waiting::wait(begun).await.map_err(DbErr::from)?;
        let transaction = begun.map_err(|error| Error::internal("beginning to read", error))??;
        let executor = DatabaseExecutor::OwnedTransaction(transaction.into_inner());
        Ok(readers.over(executor, Waiting::No))
    }

    /// In one text, which makes one trip for all of it.
    fn settings_to_read(&self, guard: Option<&Id>, plan: Plan) -> String {
        let patience = self.database.patience;
        let mut settings =
            vec![("lock_timeout", patience.lock_to_read_on().as_millis().to_string())];
        if let Some(time) = patience.to_read() {
            settings.push(("statement_timeout", time.as_millis().to_string()));
        }
        if plan == Plan::ForTheseValues {
            settings.push(("plan_cache_mode", "force_custom_plan".to_owned()));
        }
        if let Some(tenant_id) = guard {
            settings.push(("role", READER.to_owned()));
            // An id has no control characters, and a backslash is itself.
            let tenant = tenant_id.as_str().replace('\'', "''");
            settings.push(("auditlog.tenant_id", format!("'{tenant}'")));
        }
        let set = settings.iter().map(|(name, value)| format!("SET LOCAL {name} = {value};"));
        set.collect()
    }
}

/// Whom a read of what a filter selects is guarded for. A search for words goes without: PostgreSQL uses
/// no index of words behind row-level security, because it cannot know what a match might tell.
fn guard<'a>(tenant_id: &'a Id, filter: &EventFilter) -> Option<&'a Id> {
    let searches =
        filter.description.as_ref().is_some_and(|query| query.required().next().is_some());
    (!searches).then_some(tenant_id)
}
