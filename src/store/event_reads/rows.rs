//! From rows to events, by the place of each column: half of what a page costs would else be looking
//! columns up by name.

use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::{self, Decode, Postgres, Row as _, Type};

use crate::domain::diff::Changes;
use crate::domain::event::{Context, Defined, Event};
use crate::domain::id::Id;
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::domain::page::Position;
use crate::domain::time::Time;
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

/// A row's cells, taken one after the other.
pub(super) trait Cells {
    fn text(&mut self) -> Result<String>;
    fn text_or_null(&mut self) -> Result<Option<String>>;
    fn number(&mut self) -> Result<i64>;
    fn number_or_null(&mut self) -> Result<Option<i64>>;
    fn time(&mut self) -> Result<Time>;
}

/// The event of a row of [`COLUMNS`].
pub(super) fn event(mut row: impl Cells) -> Result<Event> {
    let unknown = |what| Error::internal(READING, format!("unknown {what}"));
    let position = Position { occurred_at: row.time()?, sequence: row.number()? };
    Ok(Event {
        position,
        recorded_at: row.time()?,
        external_id: row.text_or_null()?.map(Id::trusted),
        organization_id: Id::trusted(row.text()?),
        acting_user_id: row.text_or_null()?.map(Id::trusted),
        event_type: EventType::parse(&row.text()?).ok_or_else(|| unknown("event type"))?,
        resource_name: ResourceName::parse(&row.text()?).ok_or_else(|| unknown("resource name"))?,
        resource_id: Id::trusted(row.text()?),
        custom_type: defined(&mut row)?,
        custom_resource: defined(&mut row)?,
        outcome: Outcome::parse(&row.text()?).ok_or_else(|| unknown("outcome"))?,
        purpose: row.text_or_null()?,
        organization_path: Path::stored(row.text()?),
        changes: Changes::stored(row.text()?),
        context: Context {
            ip_address: row.text_or_null()?,
            user_agent: row.text_or_null()?,
            url: row.text_or_null()?,
            page: row.text_or_null()?,
            description: row.text_or_null()?,
            request_id: row.text_or_null()?,
            metadata: row.text_or_null()?,
        },
    })
}

fn defined(row: &mut impl Cells) -> Result<Option<Defined>> {
    let (name, version) = (row.text_or_null()?, row.number_or_null()?);
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

    fn cell<T: Decode<'a, Postgres> + Type<Postgres>>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        self.row.try_get(at).map_err(|error: sqlx::Error| Error::internal(READING, error))
    }
}

impl Cells for PostgresRow<'_> {
    fn text(&mut self) -> Result<String> {
        self.cell()
    }

    fn text_or_null(&mut self) -> Result<Option<String>> {
        self.cell()
    }

    fn number(&mut self) -> Result<i64> {
        self.cell()
    }

    fn number_or_null(&mut self) -> Result<Option<i64>> {
        self.cell()
    }

    fn time(&mut self) -> Result<Time> {
        self.cell()
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

    fn cell<T: rusqlite::types::FromSql>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        self.row.get(at).map_err(|error| Error::internal(READING, error))
    }
}

impl Cells for SqliteRow<'_> {
    fn text(&mut self) -> Result<String> {
        self.cell()
    }

    fn text_or_null(&mut self) -> Result<Option<String>> {
        self.cell()
    }

    fn number(&mut self) -> Result<i64> {
        self.cell()
    }

    fn number_or_null(&mut self) -> Result<Option<i64>> {
        self.cell()
    }

    fn time(&mut self) -> Result<Time> {
        let text: String = self.cell()?;
        let time = chrono::DateTime::parse_from_rfc3339(&text);
        Ok(time.map_err(|error| Error::internal(READING, error))?.to_utc())
    }
}
