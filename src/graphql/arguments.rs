//! What arguments stand for: the part of the log that is asked for, and the page of it.

use async_graphql::{Context, ID};

use super::Requester;
use super::kind::OrderKey;
use super::reads;
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::domain::kind::ResourceName;
use crate::domain::page::{End, List, Order, PageRequest, Place, Purpose};
use crate::domain::read::Read;
use crate::domain::viewer::{Descendants, Hierarchy, Permission, Scope};
use crate::error::{Error, Result};
use crate::store::Store;

/// The largest page.
pub const MAX_PAGE: i32 = 1_000;

/// The page when nobody says how large.
pub const DEFAULT_PAGE: u32 = 100;

/// Ids as the texts that they are.
pub fn texts(ids: Vec<ID>) -> Vec<String> {
    ids.into_iter().map(|id| id.0).collect()
}

/// What the history of a kind of record takes. What this server keeps itself, its own reads among it,
/// is for viewers of the log.
pub(super) const fn history_of(resource_name: ResourceName) -> Permission {
    match resource_name.is_reserved() {
        true => Permission::ViewAuditLog,
        false => Permission::ViewResourceHistory,
    }
}

/// What the requester may view by a right; refused when that is nothing.
pub async fn viewable(ctx: &Context<'_>, permission: Permission) -> Result<Scope> {
    let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
    if !viewer.may(permission) {
        reads::note_refused(ctx)?;
        return Err(Error::forbidden(match permission {
            Permission::ViewResourceHistory => {
                "viewing a record's history needs can_view_resource_history, can_view_audit_log or is_owner on a membership"
            }
            _ => "viewing the audit log needs can_view_audit_log or is_owner on a membership",
        }));
    }
    // It was asked whether what is known is current when the viewer signed in.
    ctx.data_unchecked::<Store>().known_scope(viewer, permission).await
}

/// The part of what is visible that is asked for. An organization that may not be seen and one that
/// is not there answer the same.
pub async fn asked_for(
    store: &Store,
    visible: &Scope,
    hierarchy: Hierarchy,
    narrow_to: Option<Id>,
    descendants: Descendants,
) -> Result<Scope> {
    let found = match (narrow_to, hierarchy) {
        (None, Hierarchy::Current) => Some(visible.clone()),
        (None, Hierarchy::AtEvent) => Some(visible.at_event()),
        (Some(id), Hierarchy::Current) => visible.narrow(&id, descendants),
        (Some(id), Hierarchy::AtEvent) => {
            let narrowed = visible.narrow_at_event(&id, descendants);
            // It may have been moved away; what was recorded before then may still be seen.
            let may_be_named = visible.narrow(&id, descendants).is_some()
                || store.any(&narrowed, &EventFilter::default()).await?;
            may_be_named.then_some(narrowed)
        }
    };
    found.ok_or_else(|| {
        Error::not_found("organization_id names no organization whose log you may view")
    })
}

/// Which page is asked for, by `(after, before)` and `(first, last)`.
pub fn page_request(
    ctx: &Context<'_>,
    visible: &Scope,
    order_by: Option<OrderKey>,
    (after, before): (Option<String>, Option<String>),
    (first, last): (Option<i32>, Option<i32>),
) -> Result<PageRequest> {
    let order = order_by.map_or_else(Order::default, Order::from);
    let place = |name, cursor: Option<String>| {
        cursor.map(|cursor| decode(ctx, visible, name, order, &cursor)).transpose()
    };
    let (after, before) = (place("after", after)?, place("before", before)?);
    let (limit, end) = size(first, last, after.is_none() && before.is_some())?;
    Ok(PageRequest { order, after, before, limit, end })
}

/// An id that was given as the argument of this name.
pub fn given_id(argument: &str, id: ID) -> Result<Id> {
    Id::new(id.0).map_err(|problem| Error::bad_input(format!("{argument} {problem}")))
}

/// Which of the tenant's own kinds a record is of: given when, and only when, its name is CUSTOM.
pub fn custom_resource_of(name: ResourceName, custom: Option<ID>) -> Result<Option<Vec<Id>>> {
    match (name, custom) {
        (ResourceName::Custom, None) => {
            Err(Error::bad_input("custom_resource is missing: resource_name is CUSTOM"))
        }
        (ResourceName::Custom, Some(custom)) => {
            given_id("custom_resource", custom).map(|id| Some(vec![id]))
        }
        (_, None) => Ok(None),
        (_, Some(_)) => {
            Err(Error::bad_input("custom_resource is given only with resource_name CUSTOM"))
        }
    }
}

/// The list that the field being resolved asks for.
pub(super) fn list_of(ctx: &Context<'_>) -> Result<List> {
    let Read { field, arguments, .. } = reads::asked(ctx)?;
    Ok(List::of(&field, arguments))
}

fn decode(
    ctx: &Context<'_>,
    scope: &Scope,
    argument: &str,
    order: Order,
    cursor: &str,
) -> Result<Place> {
    let purpose = Purpose::Cursor(order, list_of(ctx)?);
    let positions = ctx.data_unchecked::<Store>().positions();
    positions.decode(scope.tenant_id(), purpose, cursor).ok_or_else(|| {
        Error::bad_input(format!(
            "{argument} is no cursor of this list: give back one that came with the same filter and order_by"
        ))
    })
}

/// How many, from which end. With `before` alone, the page is the one just before it.
fn size(first: Option<i32>, last: Option<i32>, backward: bool) -> Result<(u32, End)> {
    let checked = |name, n: i32| match n {
        1..=MAX_PAGE => Ok(n.unsigned_abs()),
        _ => Err(Error::bad_input(format!("{name} must be from 1 to {MAX_PAGE}"))),
    };
    match (first, last) {
        (Some(_), Some(_)) => Err(Error::bad_input("give either first or last, not both")),
        (Some(first), None) => Ok((checked("first", first)?, End::First)),
        (None, Some(last)) => Ok((checked("last", last)?, End::Last)),
        (None, None) if backward => Ok((DEFAULT_PAGE, End::Last)),
        (None, None) => Ok((DEFAULT_PAGE, End::First)),
    }
}
