//! Which plan PostgreSQL is to read a page by: one that it keeps, or one that it makes for the values at hand.
//!
//! Making a plan can take longer than reading a page by it. But one that is kept was chosen without the values:
//! where it depends on them which index leads to the page soonest, it may read a tenant's whole log for a few
//! events.

use super::merge::FEW;
use crate::domain::filter::{ActingUsers, EventFilter};
use crate::domain::page::Order;
use crate::domain::viewer::{Scope, VisibleOrganizations};

/// By what a page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// One for all values, once PostgreSQL finds that it costs no more.
    Kept,
    /// One for these values.
    ForTheseValues,
}

impl Plan {
    /// One may be kept where an index begins with just what is asked for and goes on by time: whatever the
    /// values are, it leads to the page, and nothing is read in vain.
    pub fn of(scope: &Scope, filter: &EventFilter, order: Order) -> Self {
        let is_by_time = order.is_by_time();
        match is_by_time && is_in_one_index(scope, filter) {
            true => Self::Kept,
            false => Self::ForTheseValues,
        }
    }
}

fn is_in_one_index(scope: &Scope, filter: &EventFilter) -> bool {
    let within_bounds = EventFilter {
        occurred_after: filter.occurred_after,
        occurred_before: filter.occurred_before,
        up_to_sequence: filter.up_to_sequence,
        ..EventFilter::default()
    };
    match (scope.own(), scope.organizations()) {
        (None, VisibleOrganizations::All) => {}
        // One, or as many as are merged from the index of each.
        (None, VisibleOrganizations::Only(ids)) => {
            return ids.len() <= FEW && *filter == within_bounds;
        }
        (Some(_), _) | (None, VisibleOrganizations::AtEvent { .. }) => return false,
    }
    let EventFilter { acting_users, event_types, resource_names, resource_ids, .. } = filter;
    let one_user = |users: &ActingUsers| users.ids.len() == 1 && !users.or_nobody;
    let led = (
        acting_users.as_ref().map(one_user),
        resource_names.as_ref().map(|names| names.len() == 1),
        event_types.as_ref().map(|types| types.len() == 1),
        resource_ids.as_ref().map(|ids| ids.len() == 1),
    );
    let is_led = matches!(
        led,
        (None, None, None, None)
            | (Some(true), None, None, None)
            | (None, Some(true), Some(true), None)
            | (None, Some(true), None, Some(true))
    );
    let led_only = EventFilter {
        acting_users: acting_users.clone(),
        event_types: event_types.clone(),
        resource_names: resource_names.clone(),
        resource_ids: resource_ids.clone(),
        ..within_bounds
    };
    is_led && *filter == led_only
}
