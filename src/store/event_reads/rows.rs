//! From rows to events, by the place of each column: half of what a page costs would else be looking
//! columns up by name.

use rusqlite::types::FromSql;
use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::{Decode, Postgres, Row as _, Type};

use crate::domain::diff::Changes;
use crate::domain::event::{Context, Defined, Event};
use crate::domain::id::Id;
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::domain::page::Position;
use crate::domain::tree::Path;
use crate::error::{Error, Result};
use crate::store::entity::audit_event::Column;

/// What is read of an event, in the order in which [`event`] takes it: all but what is only searched.
pub(super) const COLUMNS: [Column; 24] = [
    Column::OccurredAt,
    Column::Sequence,
    Column::RecordedAt,
    Column::ExternalId,
    Column::OrganizationId,
    Column::ActingUserId,
    Column::EventType,
    Column::ResourceName,
    Column::ResourceId,
    Column::CustomType,
    Column::CustomTypeVersion,
    Column::CustomResource,
    Column::CustomResourceVersion,
    Column::Outcome,
    Column::Purpose,
    Column::OrganizationPath,
    Column::Changes,
    Column::IpAddress,
    Column::UserAgent,
    Column::Url,
    Column::Page,
    Column::Description,
    Column::RequestId,
    Column::Metadata,
];

/// What both databases' rows hold.
pub(super) trait Cell: FromSql + for<'r> Decode<'r, Postgres> + Type<Postgres> {}

impl<T: FromSql + for<'r> Decode<'r, Postgres> + Type<Postgres>> Cell for T {}

/// A row's cells, taken one after the other.
pub(super) trait Cells {
    fn next<T: Cell>(&mut self) -> Result<T>;
}

/// The event of a row of [`COLUMNS`].
pub(super) fn event(mut row: impl Cells) -> Result<Event> {
    let unknown = |what| Error::internal(READING, format!("unknown {what}"));
    let position = Position { occurred_at: row.next()?, sequence: row.next()? };
    Ok(Event {
        position,
        recorded_at: row.next()?,
        external_id: row.next::<Option<String>>()?.map(Id::trusted),
        organization_id: Id::trusted(row.next()?),
        acting_user_id: row.next::<Option<String>>()?.map(Id::trusted),
        event_type: EventType::parse(&row.next::<String>()?)
            .ok_or_else(|| unknown("event type"))?,
        resource_name: ResourceName::parse(&row.next::<String>()?)
            .ok_or_else(|| unknown("resource name"))?,
        resource_id: Id::trusted(row.next()?),
        custom_type: defined(&mut row)?,
        custom_resource: defined(&mut row)?,
        outcome: Outcome::parse(&row.next::<String>()?).ok_or_else(|| unknown("outcome"))?,
        purpose: row.next()?,
        organization_path: Path::stored(row.next()?),
        changes: Changes::stored(row.next()?),
        context: Context {
            ip_address: row.next()?,
            user_agent: row.next()?,
            url: row.next()?,
            page: row.next()?,
            description: row.next()?,
            request_id: row.next()?,
            metadata: row.next()?,
        },
    })
}

fn defined(row: &mut impl Cells) -> Result<Option<Defined>> {
    let (name, version): (Option<String>, _) = (row.next()?, row.next()?);
    Ok(name.map(|name| Defined { name: Id::trusted(name), version }))
}

/// What is being done, for the log.
const READING: &str = "reading an event";

/// A row of PostgreSQL's.
pub(super) struct PostgresRow<'a> {
    row: &'a PgRow,
    next: usize,
}

impl<'a> PostgresRow<'a> {
    pub const fn new(row: &'a PgRow) -> Self {
        Self { row, next: 0 }
    }
}

impl Cells for PostgresRow<'_> {
    fn next<T: Cell>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        self.row.try_get(at).map_err(|error| Error::internal(READING, error))
    }
}

/// A row of SQLite's.
pub(super) struct SqliteRow<'a> {
    row: &'a rusqlite::Row<'a>,
    next: usize,
}

impl<'a> SqliteRow<'a> {
    pub const fn new(row: &'a rusqlite::Row<'a>) -> Self {
        Self { row, next: 0 }
    }
}

impl Cells for SqliteRow<'_> {
    fn next<T: Cell>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        self.row.get(at).map_err(|error| Error::internal(READING, error))
    }
}
