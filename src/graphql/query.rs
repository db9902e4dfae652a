//! The queries.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::Requester;
use super::connection::Connection;
use super::event::{AuditEvent, Needs};
use super::kind::{HierarchyKey, OrderKey};
use super::people::{Organization, OrganizationMembership, User};
use super::scalar::DateTime;
use crate::domain::filter::{ActingUsers, EventFilter, intersect};
use crate::domain::id::{Id, NO_AUTHOR};
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::page::{End, Order, PageRequest, Position, Purpose};
use crate::domain::viewer::{Descendants, Hierarchy, Permission, Scope};
use crate::error::{Error, Result};
use crate::store::Store;

/// The largest page.
const MAX_PAGE: i32 = 1_000;

/// The page when nobody says how large.
const DEFAULT_PAGE: u32 = 100;

/// The most values a filter takes a list of.
const MAX_VALUES: usize = 1_000;

#[derive(Default)]
pub struct AuditLog;

#[Object(rename_args = "snake_case")]
impl AuditLog {
    /// The events of the organizations whose log you may view and of all their descendants. Filters
    /// combine with AND. Newest first unless `order_by` says otherwise.
    #[allow(clippy::too_many_arguments)] // the arguments are Healthie's, and ours beside them
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Only events by this user; the literal \"no_author\" selects automatic ones, by nobody."
        )]
        acting_user_id: Option<ID>,
        #[graphql(desc = "Only events by one of these users; \"no_author\" may be among them.")]
        acting_user_ids: Option<Vec<ID>>,
        #[graphql(desc = "Only events on this kind of record.")] resource_name: Option<
            ResourceName,
        >,
        #[graphql(desc = "Only events on one of these kinds of record.")] resource_names: Option<
            Vec<ResourceName>,
        >,
        #[graphql(
            desc = "Only events on the record with this id; used together with resource_name."
        )]
        resource_id: Option<ID>,
        #[graphql(desc = "Only events of this type.")] event_type: Option<EventType>,
        #[graphql(desc = "Only events of one of these types.")] event_types: Option<Vec<EventType>>,
        #[graphql(desc = "Only events that changed exactly this field.")] changed_field: Option<
            String,
        >,
        #[graphql(desc = "Only events at this time or later.")] occurred_after: Option<DateTime>,
        #[graphql(desc = "Only events at this time or earlier.")] occurred_before: Option<DateTime>,
        #[graphql(desc = "Only events of this organization and its descendants.")]
        organization_id: Option<ID>,
        #[graphql(
            desc = "With organization_id: false leaves its descendants out; true if not given."
        )]
        include_sub_organizations: Option<bool>,
        #[graphql(
            desc = "Which tree of organizations to roll up by; CURRENT, today's, if not given."
        )]
        hierarchy: Option<HierarchyKey>,
        #[graphql(desc = "What to order by; OCCURRED_AT_DESC if not given.")] order_by: Option<
            OrderKey,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(
            desc = "The first so many events: 1 to 1000; 100 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "The last so many events: 1 to 1000.")] last: Option<i32>,
    ) -> Result<Option<Connection>> {
        let store = ctx.data_unchecked::<Store>();
        let visible = viewable(ctx, Permission::ViewAuditLog).await?;
        let filter = EventFilter {
            acting_users: acting_users(acting_user_id, acting_user_ids)?,
            event_types: one_of("event_types", event_type, event_types)?,
            resource_names: one_of("resource_names", resource_name, resource_names)?,
            custom_resources: None,
            resource_id: resource_id.map(|id| given_id("resource_id", id)).transpose()?,
            changed_field: changed_field
                .map(|field| given_text("changed_field", field))
                .transpose()?,
            occurred_after: occurred_after.map(|t| t.parse_as("occurred_after")).transpose()?,
            occurred_before: occurred_before.map(|t| t.parse_as("occurred_before")).transpose()?,
        };
        let request = page_request(store, &visible, order_by, (after, before), (first, last))?;
        let hierarchy = hierarchy.map_or_else(Hierarchy::default, Hierarchy::from);
        let narrow_to = organization_id.map(|id| given_id("organization_id", id)).transpose()?;
        let descendants = match include_sub_organizations {
            Some(false) => Descendants::Without,
            Some(true) | None => Descendants::With,
        };
        let scope = asked_for(store, &visible, hierarchy, narrow_to, descendants).await?;
        let selected = ctx.look_ahead();
        Connection::load(store, &visible, &scope, &filter, &request, &selected).await.map(Some)
    }

    /// The history of one record: every event on it in the organizations where you may view it. It
    /// needs can_view_resource_history, or the right to view the audit log.
    #[allow(clippy::too_many_arguments)] // flat, as those of auditLog
    async fn resource_history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What kind of record it is.")] resource_name: ResourceName,
        #[graphql(desc = "Which kind of your own, if resource_name is CUSTOM.")]
        custom_resource: Option<ID>,
        #[graphql(desc = "The record's id.")] resource_id: ID,
        #[graphql(desc = "Only events at this time or later.")] occurred_after: Option<DateTime>,
        #[graphql(desc = "Only events at this time or earlier.")] occurred_before: Option<DateTime>,
        #[graphql(desc = "What to order by; OCCURRED_AT_DESC if not given.")] order_by: Option<
            OrderKey,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(
            desc = "The first so many events: 1 to 1000; 100 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "The last so many events: 1 to 1000.")] last: Option<i32>,
    ) -> Result<Option<Connection>> {
        let store = ctx.data_unchecked::<Store>();
        let visible = viewable(ctx, Permission::ViewResourceHistory).await?;
        let filter = EventFilter {
            resource_names: Some(vec![resource_name]),
            custom_resources: custom_resource_of(resource_name, custom_resource)?,
            resource_id: Some(given_id("resource_id", resource_id)?),
            occurred_after: occurred_after.map(|t| t.parse_as("occurred_after")).transpose()?,
            occurred_before: occurred_before.map(|t| t.parse_as("occurred_before")).transpose()?,
            ..EventFilter::default()
        };
        let request = page_request(store, &visible, order_by, (after, before), (first, last))?;
        let selected = ctx.look_ahead();
        Connection::load(store, &visible, &visible, &filter, &request, &selected).await.map(Some)
    }

    /// One event; null if there is none, or none that you may view.
    async fn audit_event(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id the event has here.")] id: Option<ID>,
        #[graphql(desc = "The id its recorder gave it.")] external_id: Option<ID>,
    ) -> Result<Option<AuditEvent>> {
        let store = ctx.data_unchecked::<Store>();
        let scope = viewable(ctx, Permission::ViewAuditLog).await?;
        let event = match (id, external_id) {
            (Some(id), None) => {
                match store.positions().decode(scope.tenant_id(), Purpose::EventId, &id) {
                    Some(position) => store.event(&scope, position).await?,
                    None => None,
                }
            }
            (None, Some(id)) => {
                store.event_by_external_id(&scope, &given_id("external_id", id)?).await?
            }
            _ => return Err(Error::bad_input("give either id or external_id")),
        };
        let needs = Needs::of(&ctx.look_ahead());
        let events = AuditEvent::load(store, &scope, event.into_iter().collect(), needs).await?;
        Ok(events.into_iter().next())
    }

    /// Who you are, and what you may see.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        let store = ctx.data_unchecked::<Store>();
        let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
        let user = store.users_in(&viewer.tenant_id, vec![viewer.user_id.clone()]).await?;
        let scope = store.scope(viewer, Permission::ViewAuditLog).await?;
        let organizations = match ctx.look_ahead().field("organizations").exists() {
            true => store.organizations_of(&scope).await?,
            false => Vec::new(),
        };
        Ok(Some(Viewer {
            user: user
                .into_iter()
                .next()
                .map_or_else(|| User::unknown(viewer.user_id.clone()), User::from),
            is_owner: viewer.may(Permission::Administer),
            can_view_audit_log: viewer.may(Permission::ViewAuditLog),
            can_record: viewer.may(Permission::Record),
            organization_memberships: viewer
                .memberships
                .iter()
                .cloned()
                .map(OrganizationMembership::from)
                .collect(),
            organizations: organizations
                .into_iter()
                .map(|organization| Organization::seen_in(&scope, organization))
                .collect(),
        }))
    }
}

/// Who asks, and what they may see.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct Viewer {
    /// The user the credential belongs to.
    user: User,
    /// Whether the user may administer any organization.
    is_owner: bool,
    /// Whether the user may view the log of any organization.
    can_view_audit_log: bool,
    /// Whether the user may record events for any organization.
    can_record: bool,
    /// What the user is and may do where.
    organization_memberships: Vec<OrganizationMembership>,
    /// Every organization whose log the user may view, parents before children.
    organizations: Vec<Organization>,
}

/// What the requester may view by a right; refused when that is nothing.
async fn viewable(ctx: &Context<'_>, permission: Permission) -> Result<Scope> {
    let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
    if !viewer.may(permission) {
        return Err(Error::forbidden(match permission {
            Permission::ViewResourceHistory => {
                "viewing a record's history needs can_view_resource_history, can_view_audit_log or is_owner on a membership"
            }
            _ => "viewing the audit log needs can_view_audit_log or is_owner on a membership",
        }));
    }
    ctx.data_unchecked::<Store>().scope(viewer, permission).await
}

/// The part of what is visible that is asked for. An organization that may not be seen and one that
/// is not there answer the same.
async fn asked_for(
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
fn page_request(
    store: &Store,
    visible: &Scope,
    order_by: Option<OrderKey>,
    (after, before): (Option<String>, Option<String>),
    (first, last): (Option<i32>, Option<i32>),
) -> Result<PageRequest> {
    let order = order_by.map_or_else(Order::default, Order::from);
    let position = |name, cursor: Option<String>| {
        cursor.map(|cursor| decode(store, visible, name, order, &cursor)).transpose()
    };
    let (after, before) = (position("after", after)?, position("before", before)?);
    let (limit, end) = size(first, last, after.is_none() && before.is_some())?;
    Ok(PageRequest { order, after, before, limit, end })
}

fn given_id(argument: &str, id: ID) -> Result<Id> {
    Id::new(id.0).map_err(|problem| Error::bad_input(format!("{argument} {problem}")))
}

/// Which of the tenant's own kinds a record is of: given when, and only when, its name is CUSTOM.
fn custom_resource_of(name: ResourceName, custom: Option<ID>) -> Result<Option<Vec<Id>>> {
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

fn given_text(argument: &str, text: String) -> Result<String> {
    match text.contains('\0') {
        true => Err(Error::bad_input(format!("{argument} must not hold U+0000"))),
        false => Ok(text),
    }
}

/// A list that was given must name something: an empty one could be meant as all or as nothing.
fn checked_list<T>(argument: &str, list: Option<Vec<T>>) -> Result<Option<Vec<T>>> {
    match list.as_ref().map(Vec::len) {
        Some(0) => Err(Error::bad_input(format!(
            "{argument} is an empty list: name at least one, or leave it out to get all"
        ))),
        Some(n) if n > MAX_VALUES => {
            Err(Error::bad_input(format!("{argument} takes at most {MAX_VALUES} values")))
        }
        _ => Ok(list),
    }
}

/// What a single value and a list of them leave: both must hold.
fn one_of<T: PartialEq>(
    argument: &str,
    one: Option<T>,
    list: Option<Vec<T>>,
) -> Result<Option<Vec<T>>> {
    Ok(intersect(one.map(|one| vec![one]), checked_list(argument, list)?))
}

fn acting_users(one: Option<ID>, list: Option<Vec<ID>>) -> Result<Option<ActingUsers>> {
    // Before they are intersected: a bad id must not hide behind one that is not in both.
    let one = one.map(|id| given_id("acting_user_id", id)).transpose()?;
    let list = list.map(|ids| {
        ids.into_iter().map(|id| given_id("acting_user_ids", id)).collect::<Result<Vec<_>>>()
    });
    let Some(users) = one_of("acting_user_ids", one, list.transpose()?)? else { return Ok(None) };
    let (nobody, ids): (Vec<Id>, Vec<Id>) =
        users.into_iter().partition(|id| id.as_str() == NO_AUTHOR);
    Ok(Some(ActingUsers { ids, or_nobody: !nobody.is_empty() }))
}

fn decode(
    store: &Store,
    scope: &Scope,
    argument: &str,
    order: Order,
    cursor: &str,
) -> Result<Position> {
    let position = store.positions().decode(scope.tenant_id(), Purpose::Cursor(order), cursor);
    position.ok_or_else(|| {
        Error::bad_input(format!(
            "{argument} is no cursor of this list: give back one that came with the same order_by"
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
