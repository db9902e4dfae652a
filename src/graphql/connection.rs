//! A page of the audit log on the wire.
//!
//! All that can fail is done before the first field is resolved, by looking ahead at what is
//! selected: async-graphql would leave a non-null field that fails out of the answer.

use async_graphql::{Context, SimpleObject};

use super::arguments::list_of;
use super::budget::Turn;
use super::event::{AuditEvent, Needs};
use super::reads;
use super::rows::{Merged, Rows, rows_of};
use super::scalar::{Cursor, DateTime};
use crate::domain::event::Event;
use crate::domain::filter::EventFilter;
use crate::domain::limits::Limits;
use crate::domain::page::{End, Page, PageRequest, Place, Purpose};
use crate::domain::viewer::Scope;
use crate::error::{Error, Result};
use crate::store::Store;

/// A page of the audit log.
#[derive(SimpleObject)]
#[graphql(name = "AuditEventPaginationConnection", rename_fields = "snake_case")]
pub struct Connection {
    /// The events, each with its cursor.
    edges: Option<Rows<Edge>>,
    /// The events alone.
    nodes: Option<Rows<AuditEvent>>,
    /// Whether and how to read on.
    page_info: PageInfo,
    /// How many events the filter selects in all, exactly. Costs nothing when it is not selected.
    total_count: i32,
    /// Events before this time are not shown, by the plan of your tenant; null if all are.
    visible_since: Option<DateTime>,
}

rows_of! {
    /// An event with its place in the list.
    struct Edge as "AuditEventEdge" {
        /// Give it back as `after` or `before` to read on from here.
        cursor: Cursor,
        /// The event.
        node: Option<AuditEvent>,
    }
}

/// Whether and how to read on.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct PageInfo {
    /// The cursor of the last event of the page; null when the page is empty.
    end_cursor: Option<Cursor>,
    /// Whether events follow the page in the list.
    has_next_page: bool,
    /// Whether events precede the page in the list.
    has_previous_page: bool,
    /// The cursor of the first event of the page; null when the page is empty.
    start_cursor: Option<Cursor>,
}

/// A page's events, and of everything around them what is selected.
pub struct Events {
    pub items: Vec<Event>,
    /// One for each.
    pub cursors: Vec<Cursor>,
    pub page_info: PageInfo,
    pub total_count: i32,
}

impl Events {
    /// Reads the page of a connection that is being resolved, and notes that it was read.
    pub async fn read(
        ctx: &Context<'_>,
        turn: &mut Turn<'_>,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<Self> {
        let (store, selected) = (ctx.data_unchecked::<Store>(), ctx.look_ahead());
        let (nodes, edges) = (selected.field("nodes"), selected.field("edges"));
        let page_info = selected.field("page_info");
        let Page { items, has_more } = match nodes.exists() || edges.exists() || page_info.exists()
        {
            true => {
                let within = turn.left()?;
                let (page, bytes) = store.events_within(scope, filter, request, within).await?;
                turn.spend(bytes);
                page
            }
            false => Page { items: Vec::new(), has_more: false },
        };
        let places: Vec<Place> = items.iter().map(|event| request.order.place_of(event)).collect();
        let ends = (places.first(), places.last());
        let has_next_page = match page_info.field("has_next_page").exists() {
            true if has_more && request.end == End::First => true,
            true => beyond(store, scope, filter, request, ends.1, true).await?,
            false => false,
        };
        let has_previous_page = match page_info.field("has_previous_page").exists() {
            true if has_more && request.end == End::Last => true,
            true => beyond(store, scope, filter, request, ends.0, false).await?,
            false => false,
        };
        let counted = selected.field("total_count").exists();
        let total_count = match counted {
            true => total_count(ctx, scope, filter).await?,
            false => 0,
        };
        let answered = if nodes.exists() || edges.exists() { items.len() } else { 0 };
        let total = counted.then(|| u64::from(total_count.unsigned_abs()));
        reads::note(ctx, scope.tenant(), answered, total)?;

        let purpose = Purpose::Cursor(request.order, list_of(ctx)?);
        let cursor =
            |place: Place| Cursor(store.positions().encode(scope.tenant_id(), purpose, place));
        let page_info = PageInfo {
            end_cursor: ends.1.cloned().map(cursor),
            has_next_page,
            has_previous_page,
            start_cursor: ends.0.cloned().map(cursor),
        };
        let cursors = match edges.exists() {
            true => places.into_iter().map(cursor).collect(),
            false => Vec::new(),
        };
        Ok(Self { items, cursors, page_info, total_count })
    }
}

impl Connection {
    /// Reads a page, and of everything around it what is selected. `visible` is what the viewer may
    /// see, `scope` the part of it they ask for.
    pub async fn load(
        ctx: &Context<'_>,
        turn: &mut Turn<'_>,
        visible: &Scope,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<Self> {
        let (store, selected) = (ctx.data_unchecked::<Store>(), ctx.look_ahead());
        let Events { items, cursors, page_info, total_count } =
            Events::read(ctx, turn, scope, filter, request).await?;
        let (nodes, edges) = (selected.field("nodes"), selected.field("edges"));
        let all = Merged::at(ctx);
        let needs = Needs::of_all(&all.of("nodes").and(all.of("edges").of("node")));
        let (want_nodes, want_edges) = (nodes.exists(), edges.exists());
        let events = AuditEvent::load(store, visible, items, needs).await?;
        let edge =
            |(event, cursor): (&AuditEvent, Cursor)| Edge { cursor, node: Some(event.clone()) };
        Ok(Self {
            edges: want_edges.then(|| Rows(events.iter().zip(cursors).map(edge).collect())),
            nodes: want_nodes.then_some(Rows(events)),
            page_info,
            total_count,
            visible_since: scope.visible_since().map(DateTime::from),
        })
    }
}

/// Whether the list goes on past an end of the page, where reading did not tell. Without a cursor on
/// that side the page goes to the end of the list.
async fn beyond(
    store: &Store,
    scope: &Scope,
    filter: &EventFilter,
    request: &PageRequest,
    end: Option<&Place>,
    later: bool,
) -> Result<bool> {
    let cursor = if later { &request.before } else { &request.after };
    match cursor {
        None => Ok(false),
        Some(cursor) => {
            // An empty page ends just short of where its cursor stands.
            let end = end.cloned().unwrap_or_else(|| request.order.just_short_of(cursor, later));
            store.any_beyond(scope, filter, request.order, &end, later).await
        }
    }
}

async fn total_count(ctx: &Context<'_>, scope: &Scope, filter: &EventFilter) -> Result<i32> {
    let store = ctx.data_unchecked::<Store>();
    let limit = ctx.data_unchecked::<Limits>().max_count_seconds;
    let count = match filter.up_to_sequence {
        // An export, which then reads them all.
        Some(_) => store.count(scope, filter).await?,
        None => store.count_within(scope, filter, limit).await?,
    };
    i32::try_from(count).map_err(|_| {
        Error::bad_input(format!(
            "total_count is {count}, more than Int can hold: narrow the filter, or leave it out"
        ))
    })
}
