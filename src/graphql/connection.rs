//! A page of the audit log on the wire.

use async_graphql::{Context, Object, SimpleObject};

use super::event::AuditEvent;
use super::scalar::Cursor;
use crate::domain::filter::EventFilter;
use crate::domain::page::{End, PageRequest, Position, Purpose};
use crate::domain::viewer::Scope;
use crate::error::{Error, Result};
use crate::store::Store;

/// A page of the audit log.
pub struct Connection {
    pub scope: Scope,
    pub filter: EventFilter,
    pub request: PageRequest,
    pub events: Vec<AuditEvent>,
    pub has_more: bool,
}

/// An event with its place in the list.
#[derive(SimpleObject)]
#[graphql(name = "AuditEventEdge")]
pub struct Edge {
    /// Give it back as `after` or `before` to read on from here.
    cursor: Cursor,
    /// The event.
    node: Option<AuditEvent>,
}

/// Whether and how to read on.
pub struct PageInfo<'a>(&'a Connection);

/// A page of the audit log.
#[Object(name = "AuditEventPaginationConnection", rename_fields = "snake_case")]
impl Connection {
    /// The events, each with its cursor.
    async fn edges(&self, ctx: &Context<'_>) -> Option<Vec<Option<Edge>>> {
        let store = ctx.data_unchecked::<Store>();
        let edge = |event: &AuditEvent| Edge {
            cursor: self.cursor(store, event.position()),
            node: Some(event.clone()),
        };
        Some(self.events.iter().map(edge).map(Some).collect())
    }

    /// The events alone.
    async fn nodes(&self) -> Option<Vec<Option<&AuditEvent>>> {
        Some(self.events.iter().map(Some).collect())
    }

    /// Whether and how to read on.
    async fn page_info(&self) -> PageInfo<'_> {
        PageInfo(self)
    }

    /// How many events the filter selects in all, exactly. Costs nothing when it is not selected.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let store = ctx.data_unchecked::<Store>();
        let count = store.count(&self.scope, &self.filter).await?;
        i32::try_from(count).map_err(|_| {
            Error::bad_input(format!(
                "total_count is {count}, more than Int can hold: narrow the filter, or leave it out"
            ))
        })
    }
}

/// Whether and how to read on.
#[Object(rename_fields = "snake_case")]
impl PageInfo<'_> {
    /// The cursor of the last event of the page; null when the page is empty.
    async fn end_cursor(&self, ctx: &Context<'_>) -> Option<Cursor> {
        self.cursor_of(ctx, self.0.events.last())
    }

    /// Whether events follow the page in the list.
    async fn has_next_page(&self, ctx: &Context<'_>) -> Result<bool> {
        match self.0.request.end {
            End::First => Ok(self.0.has_more),
            End::Last => self.beyond(ctx, self.0.events.last(), true).await,
        }
    }

    /// Whether events precede the page in the list.
    async fn has_previous_page(&self, ctx: &Context<'_>) -> Result<bool> {
        match self.0.request.end {
            End::First => self.beyond(ctx, self.0.events.first(), false).await,
            End::Last => Ok(self.0.has_more),
        }
    }

    /// The cursor of the first event of the page; null when the page is empty.
    async fn start_cursor(&self, ctx: &Context<'_>) -> Option<Cursor> {
        self.cursor_of(ctx, self.0.events.first())
    }
}

impl Connection {
    fn cursor(&self, store: &Store, position: Position) -> Cursor {
        let purpose = Purpose::Cursor(self.request.order);
        Cursor(store.positions().encode(self.scope.tenant_id(), purpose, position))
    }
}

impl PageInfo<'_> {
    fn cursor_of(&self, ctx: &Context<'_>, event: Option<&AuditEvent>) -> Option<Cursor> {
        let store = ctx.data_unchecked::<Store>();
        event.map(|event| self.0.cursor(store, event.position()))
    }

    /// Whether the list goes on past the end of the page that reading did not tell about. An empty
    /// page ends where its cursor stands. Without a cursor on that side the page starts the list.
    async fn beyond(
        &self,
        ctx: &Context<'_>,
        edge: Option<&AuditEvent>,
        later: bool,
    ) -> Result<bool> {
        let Connection { scope, filter, request, .. } = self.0;
        let cursor = if later { request.before } else { request.after };
        let Some(cursor) = cursor else { return Ok(false) };
        let edge = edge.map_or(cursor, AuditEvent::position);
        let store = ctx.data_unchecked::<Store>();
        store.any_beyond(scope, filter, request.order, edge, later).await
    }
}
