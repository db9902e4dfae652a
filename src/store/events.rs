//! Reading events: a page, a count, one event. Each takes a `Scope`.

use sea_orm::{
    ColumnTrait as _, EntityTrait as _, Order as Direction, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};

use super::entity::{audit_event, idempotency_record, sequence_head};
use super::event_reads::Room;
use super::plan_choice::Plan;
use super::slow::What;
use super::{ReadFor, Store, filter, merge};
use crate::domain::event::Event;
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::domain::note::Marks;
use crate::domain::page::{End, Order, Page, PageRequest, Place, Position};
use crate::domain::status_note;
use crate::domain::viewer::Scope;
use crate::error::{Error, Result};

pub(super) type Rows = Select<audit_event::Entity>;

/// How many rows are asked for before it is known how large they are.
pub(super) const FIRST_ROWS: u64 = 101;

impl Store {
    /// A page of the events that a scope holds and a filter selects, however large they are.
    pub async fn events(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<Page<Event>> {
        let (page, _bytes) = self.events_within(scope, filter, request, u64::MAX).await?;
        Ok(page)
    }

    /// A page of the events that a scope holds and a filter selects, and how many bytes were read for it.
    /// Where it has so many before its end, it ends there, but with one event at least, and says that
    /// more follow.
    pub async fn events_within(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
        most_bytes: u64,
    ) -> Result<(Page<Event>, u64)> {
        // One more than asked for tells whether there is more.
        let wanted = u64::from(request.limit) + 1;
        let (reading, look) =
            (ReadFor::a_page(filter), self.look(scope, filter, What::Page(request)));
        let plan = Plan::of(scope, filter, request.order);
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut rest = request.clone();
        loop {
            let read = u64::try_from(events.len()).unwrap_or(u64::MAX);
            // As many as fit, if those that follow are like those before.
            let fit = most_bytes.saturating_sub(bytes).saturating_mul(read) / bytes.max(1);
            let size = if read == 0 { FIRST_ROWS } else { fit.max(1) }.min(wanted - read);
            let select = self.page(scope, filter, &rest);
            // One that ends early gives up its last event, which tells that there is more.
            let room = Room {
                most: size,
                bytes: most_bytes.saturating_sub(bytes),
                least: 2_usize.saturating_sub(events.len()),
            };
            let (found, is_full) =
                self.read_events(scope.tenant_id(), filter, select, room, plan, reading).await?;
            let got = u64::try_from(found.len()).unwrap_or(u64::MAX);
            for event in found {
                bytes += event.bytes();
                events.push(readable(scope, event)?);
            }
            let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
            if is_full || got < size || count > request.limit {
                let most = if is_full { count - 1 } else { request.limit };
                look.done(events.len());
                return Ok((Page::new(events, most.min(request.limit), request.end), bytes));
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
        let look = self.look(scope, filter, What::Beyond(order, place, later));
        let db = self.guarded_for(scope.tenant_id(), filter).await?;
        let rows = self.beyond(scope, filter, order, place, later);
        let found: Option<i64> = rows.into_tuple().one(&db).await?;
        look.done(found.iter().len());
        Ok(found.is_some())
    }

    /// The events beyond a place, by their numbers.
    pub(super) fn beyond(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        order: Order,
        place: &Place,
        later: bool,
    ) -> Rows {
        let beyond = filter::beyond(self.backend(), scope, filter, order, [(place, later)]);
        let rows = ordered(audit_event::Entity::find().filter(beyond), order, later);
        rows.select_only().column(audit_event::Column::Sequence)
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
        let select = audit_event::Entity::find()
            .filter(filter::in_scope(self.backend(), scope))
            .filter(audit_event::Column::OccurredAt.eq(position.occurred_at))
            .filter(audit_event::Column::Sequence.eq(position.sequence));
        let filter = EventFilter::default();
        let (tenant, reading) = (scope.tenant_id(), ReadFor::Event);
        let (room, plan) = (Room::FOR_ONE, Plan::Kept); // there is one by its key
        let span = self.backend().span(reading.as_str());
        let (found, _) = self.read_events(tenant, &filter, select, room, plan, reading).await?;
        span.record("db.response.returned_rows", found.len());
        found.into_iter().next().map(|event| readable(scope, event)).transpose()
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

    pub(super) fn select(&self, scope: &Scope, filter: &EventFilter) -> Rows {
        audit_event::Entity::find().filter(filter::condition(self.backend(), scope, filter))
    }

    pub(super) fn page(&self, scope: &Scope, filter: &EventFilter, request: &PageRequest) -> Rows {
        let PageRequest { order, ref after, ref before, limit, end } = *request;
        let places = || {
            let after = after.as_ref().map(|place| (place, true));
            after.into_iter().chain(before.as_ref().map(|place| (place, false)))
        };
        let list = |scope: &Scope| {
            let between = filter::beyond(self.backend(), scope, filter, order, places());
            let rows = audit_event::Entity::find().filter(between);
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

/// An event as whoever has the scope may read it: the one way from what is kept to what is told.
fn readable(scope: &Scope, mut event: Event) -> Result<Event> {
    let tells_value = Marks::of(&event).is_some_and(|marks| marks.tells_value);
    if !scope.may_read_sensitive_values_of(&event.organization_id) {
        let hidden = scope.tenant().sensitive_fields.hide(event);
        event = hidden.map_err(|error| Error::internal("hiding sensitive values", error))?;
    }
    let told = status_note::told(event, tells_value);
    told.map_err(|error| Error::internal("reading a status note", error))
}
