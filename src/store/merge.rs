//! Pages of few organizations.
//!
//! A list by time of some organizations is in no index: read by time, it is found among all others'
//! events; read by organization, all of each is read and sorted. Of few organizations, each one's events
//! are read by time from the index that begins with it, and merged, as many as the page needs.

use sea_orm::sea_query::{Query, SelectStatement, UnionType};
use sea_orm::{EntityTrait as _, QuerySelect, QueryTrait as _};

use super::entity::audit_event;
use super::events::Rows;
use super::{Backend, Store};
use crate::domain::filter::EventFilter;
use crate::domain::page::Order;
use crate::domain::viewer::{Descendants, Scope, VisibleOrganizations};

/// Of how many organizations events are merged at most: each is looked for in every month's partition.
pub(super) const FEW: usize = 8;

impl Store {
    /// The scopes of the single organizations whose events are to be merged for a page; nothing where
    /// another way is better.
    pub(super) fn to_merge(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        order: Order,
    ) -> Option<Vec<Scope>> {
        let is_by_time = order.is_by_time();
        // Each of these leads to fewer events by an index of its own.
        let is_led_elsewhere = filter.acting_users.is_some()
            || filter.resource_ids.is_some()
            || filter.resource_names.is_some()
            || filter.custom_types.is_some()
            || filter.custom_resources.is_some()
            || filter.description.is_some();
        match (scope.organizations(), scope.own()) {
            (VisibleOrganizations::Only(ids), None)
                if (2..=FEW).contains(&ids.len()) && is_by_time && !is_led_elsewhere =>
            {
                ids.iter().map(|id| scope.narrow(id, Descendants::Without)).collect()
            }
            _ => None,
        }
    }
}

/// Several lists as one, of which `limit` rows are read at most; it is still to be put in order.
pub(super) fn merged(backend: Backend, lists: impl Iterator<Item = Rows>, limit: u64) -> Rows {
    let mut parts = lists.map(|rows| {
        // PostgreSQL merges what is in order, SQLite what it can put in order by itself.
        let rows = match backend.merges_ordered_lists() {
            true => rows.limit(limit),
            false => {
                let mut rows = rows;
                QuerySelect::query(&mut rows).clear_order_by();
                rows
            }
        };
        let mut part: SelectStatement = Query::select();
        part.column(sea_orm::sea_query::Asterisk)
            .from_subquery(rows.into_query(), audit_event::Entity);
        part
    });
    let mut all = audit_event::Entity::find();
    if let Some(mut union) = parts.next() {
        for part in parts {
            union.union(UnionType::All, part);
        }
        QuerySelect::query(&mut all).from_clear().from_subquery(union, audit_event::Entity);
    }
    all
}
