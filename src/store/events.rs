//! Reading events: a page, a count, one event. Each takes a `Scope`.

use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, Order as Direction, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _, Select,
};

use super::entity::{audit_event, idempotency_record, sequence_head};
use super::{Store, filter, merge};
use crate::domain::diff::Changes;
use crate::domain::event::{Context, Defined, Event};
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::domain::note::Marks;
use crate::domain::page::{End, Order, Page, PageRequest, Place, Position};
use crate::domain::status_note;
use crate::domain::tree::Path;
use crate::domain::viewer::Scope;
use crate::error::{Error, Result};

pub(super) type Rows = Select<audit_event::Entity>;

/// How many bytes of events a page has, about; where they are met before its end, it ends there. (The first
/// rows are read before that is known.)
const MAX_PAGE_BYTES: u64 = 16 * 1024 * 1024;

/// How many rows are read before it is known how large they are.
const FIRST_ROWS: u64 = 101;

impl Store {
    /// A page of the events that a scope holds and a filter selects. One of large events may have fewer
    /// than were asked for, and says that more follow.
    pub async fn events(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<Page<Event>> {
        let db = self.guarded_for(scope.tenant_id(), filter).await?;
        // One more than asked for tells whether there is more.
        let wanted = u64::from(request.limit) + 1;
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut rest = request.clone();
        loop {
            let read = u64::try_from(events.len()).unwrap_or(u64::MAX);
            // As many as fit, if those that follow are like those before.
            let fit = (MAX_PAGE_BYTES - bytes) * read / bytes.max(1);
            let size = if read == 0 { FIRST_ROWS } else { fit.max(1) }.min(wanted - read);
            let rows = self.page(scope, filter, &rest).limit(size).all(&db).await?;
            let is_all = u64::try_from(rows.len()).unwrap_or(u64::MAX) < size;
            for row in rows {
                bytes += bytes_of(&row);
                events.push(readable(scope, row)?);
            }
            let is_full = bytes >= MAX_PAGE_BYTES;
            let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
            if is_all || is_full || count > request.limit {
                // One that ends early gives up its last event, which tells that there is more.
                let most = if is_full && !is_all { count - 1 } else { request.limit };
                return Ok(Page::new(events, most.min(request.limit), request.end));
            }
            let place = events.last().map(|last| request.order.place_of(last));
            match request.end {
                End::First => rest.after = place,
                End::Last => rest.before = place,
            }
        }
    }

    /// Whether any event lies beyond a place, later or else earlier in the order.
    pub async fn any_beyond(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        order: Order,
        place: &Place,
        later: bool,
    ) -> Result<bool> {
        let beyond = filter::beyond(order, place, later);
        let rows = ordered(self.select(scope, filter).filter(beyond), order, later);
        let db = self.guarded_for(scope.tenant_id(), filter).await?;
        let found: Option<i64> =
            rows.select_only().column(audit_event::Column::Sequence).into_tuple().one(&db).await?;
        Ok(found.is_some())
    }

    /// Whether a scope holds any event that a filter selects.
    pub async fn any(&self, scope: &Scope, filter: &EventFilter) -> Result<bool> {
        let db = self.guarded_for(scope.tenant_id(), filter).await?;
        let found: Option<i64> = self
            .select(scope, filter)
            .select_only()
            .column(audit_event::Column::Sequence)
            .into_tuple()
            .one(&db)
            .await?;
        Ok(found.is_some())
    }

    /// The number of the event that was recorded last; 0 when there is none. All that are numbered up to
    /// it can be seen, and no later one is numbered so.
    pub async fn last_sequence(&self, tenant_id: &Id) -> Result<i64> {
        let head =
            sequence_head::Entity::find_by_id(tenant_id.as_str()).one(self.readers()).await?;
        Ok(head.map_or(0, |head| head.last_sequence))
    }

    /// The event at a position, if the scope holds it.
    pub async fn event(&self, scope: &Scope, position: Position) -> Result<Option<Event>> {
        let db = self.guarded(scope.tenant_id()).await?;
        let row = audit_event::Entity::find()
            .filter(filter::in_scope(self.backend(), scope))
            .filter(audit_event::Column::OccurredAt.eq(position.occurred_at))
            .filter(audit_event::Column::Sequence.eq(position.sequence))
            .one(&db)
            .await?;
        row.map(|row| readable(scope, row)).transpose()
    }

    /// The event that was recorded under its recorder's own id, if the scope holds it.
    pub async fn event_by_external_id(&self, scope: &Scope, id: &Id) -> Result<Option<Event>> {
        let key = (scope.tenant_id().to_string(), id.to_string());
        let db = self.guarded(scope.tenant_id()).await?;
        let record = idempotency_record::Entity::find_by_id(key).one(&db).await?;
        drop(db);
        let Some(idempotency_record::Model { occurred_at, sequence, .. }) = record else {
            return Ok(None);
        };
        self.event(scope, Position { occurred_at, sequence }).await
    }

    /// The statement behind a page, for showing its plan.
    pub async fn explain(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<String> {
        let first = FIRST_ROWS.min(u64::from(request.limit) + 1);
        let statement = self.page(scope, filter, request).limit(first);
        let statement = statement.build(self.backend().sea());
        let db = self.guarded_for(scope.tenant_id(), filter).await?;
        self.backend().explain(&db, statement).await
    }

    /// How many events there are for a query of this tenant's that forgets its filter: what only the
    /// database's own guard bounds. For showing that it does.
    pub async fn count_unfiltered(&self, tenant_id: &Id) -> Result<u64> {
        let db = self.guarded(tenant_id).await?;
        Ok(audit_event::Entity::find().count(&db).await?)
    }

    pub(super) fn select(&self, scope: &Scope, filter: &EventFilter) -> Rows {
        audit_event::Entity::find().filter(filter::condition(self.backend(), scope, filter))
    }

    pub(super) fn page(&self, scope: &Scope, filter: &EventFilter, request: &PageRequest) -> Rows {
        let PageRequest { order, ref after, ref before, limit, end } = *request;
        let beyond = |place: &Place, later| filter::beyond(order, place, later);
        let between = Condition::all()
            .add_option(after.as_ref().map(|place| beyond(place, true)))
            .add_option(before.as_ref().map(|place| beyond(place, false)));
        let list = |scope: &Scope| {
            let rows = self.select(scope, filter).filter(between.clone());
            ordered(rows, order, end == End::First)
        };
        match self.to_merge(scope, filter, order) {
            None => list(scope),
            Some(scopes) => {
                let lists = scopes.iter().map(list);
                let rows = merge::merged(self.backend(), lists, u64::from(limit) + 1);
                ordered(rows, order, end == End::First)
            }
        }
    }
}

/// In the list's order, or (from its end) against it.
fn ordered(rows: Rows, order: Order, forward: bool) -> Rows {
    let direction = if order.is_ascending() == forward { Direction::Asc } else { Direction::Desc };
    let by = filter::sorted_by(order).into_iter();
    by.fold(rows, |rows, key| rows.order_by(key, direction.clone()))
}

/// What of a row may be long.
fn bytes_of(row: &audit_event::Model) -> u64 {
    let texts = [&row.metadata, &row.description, &row.url, &row.user_agent, &row.page];
    let bytes = texts.into_iter().flatten().map(String::len).sum::<usize>() + row.changes.len();
    u64::try_from(bytes).unwrap_or(u64::MAX) + 512
}

/// A row as whoever has the scope may read it: the one way from rows to events.
fn readable(scope: &Scope, row: audit_event::Model) -> Result<Event> {
    let mut event = Event::try_from(row)?;
    let tells_value = Marks::of(&event).is_some_and(|marks| marks.tells_value);
    if !scope.may_read_sensitive_values_of(&event.organization_id) {
        let hidden = scope.tenant().sensitive_fields.hide(event);
        event = hidden.map_err(|error| Error::internal("hiding sensitive values", error))?;
    }
    let told = status_note::told(event, tells_value);
    told.map_err(|error| Error::internal("reading a status note", error))
}

impl TryFrom<audit_event::Model> for Event {
    type Error = Error;

    fn try_from(row: audit_event::Model) -> Result<Self> {
        let defined = |name: Option<String>, version| {
            name.map(|name| Defined { name: Id::trusted(name), version })
        };
        let unknown = |what| Error::internal("reading an event", format!("unknown {what}"));
        Ok(Self {
            position: Position { occurred_at: row.occurred_at, sequence: row.sequence },
            recorded_at: row.recorded_at,
            external_id: row.external_id.map(Id::trusted),
            organization_id: Id::trusted(row.organization_id),
            acting_user_id: row.acting_user_id.map(Id::trusted),
            event_type: EventType::parse(&row.event_type).ok_or_else(|| unknown("event type"))?,
            resource_name: ResourceName::parse(&row.resource_name)
                .ok_or_else(|| unknown("resource name"))?,
            resource_id: Id::trusted(row.resource_id),
            custom_type: defined(row.custom_type, row.custom_type_version),
            custom_resource: defined(row.custom_resource, row.custom_resource_version),
            outcome: Outcome::parse(&row.outcome).ok_or_else(|| unknown("outcome"))?,
            purpose: row.purpose,
            organization_path: Path::stored(row.organization_path),
            changes: Changes::stored(row.changes),
            context: Context {
                ip_address: row.ip_address,
                user_agent: row.user_agent,
                url: row.url,
                page: row.page,
                description: row.description,
                request_id: row.request_id,
                metadata: row.metadata,
            },
        })
    }
}
