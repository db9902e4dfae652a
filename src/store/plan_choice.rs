//! Which plan PostgreSQL is to read a page by: one that it keeps, or one that it makes for the values at hand.
//!
//! Making a plan can take longer than reading a page by it. But one that is kept was chosen without the values:
//! where it depends on them which index leads to the page soonest, it may read a tenant's whole log for a few
//! events.

use crate::domain::filter::EventFilter;
use crate::domain::page::{Order, SortedBy};
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
    /// One may be kept of a whole tenant's events by time: whatever the bounds are, the primary key leads to
    /// them, and nothing is read in vain. Of a kind, a user or an organization there may be few events or
    /// nothing else.
    pub fn of(scope: &Scope, filter: &EventFilter, order: Order) -> Self {
        let within_bounds = EventFilter {
            occurred_after: filter.occurred_after,
            occurred_before: filter.occurred_before,
            up_to_sequence: filter.up_to_sequence,
            ..EventFilter::default()
        };
        let is_by_time = matches!(order.by(), SortedBy::Keys(keys) if keys.is_empty());
        let is_whole =
            scope.own().is_none() && matches!(scope.organizations(), VisibleOrganizations::All);
        match is_by_time && is_whole && *filter == within_bounds {
            true => Self::Kept,
            false => Self::ForTheseValues,
        }
    }
}
