//! The queries.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::arguments::{
    asked_for, custom_resource_of, given_id, history_of, page_request, texts, viewable,
};
use super::budget::Budget;
use super::connection::Connection;
use super::event::{AuditEvent, Needs};
use super::export::UpTo;
use super::kind::{HierarchyKey, OrderKey};
use super::people::{Organization, OrganizationMembership, User};
use super::reads;
use super::scalar::DateTime;
use super::{Requester, warning};
use crate::domain::filter::{EventFilter, FilterDraft};
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::domain::page::Purpose;
use crate::domain::viewer::{Descendants, Hierarchy, Permission};
use crate::error::{Error, Result};
use crate::store::Store;

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
            desc = "No events on any of these kinds of record; AUDIT_LOG leaves out who read this log."
        )]
        exclude_resource_names: Option<Vec<ResourceName>>,
        #[graphql(
            desc = "Only events on the record with this id; used together with resource_name."
        )]
        resource_id: Option<ID>,
        #[graphql(desc = "Only events on records with one of these ids.")] resource_ids: Option<
            Vec<ID>,
        >,
        #[graphql(desc = "Only events on one of these kinds of your own.")]
        custom_resources: Option<Vec<String>>,
        #[graphql(desc = "Only events of this type.")] event_type: Option<EventType>,
        #[graphql(desc = "Only events of one of these types.")] event_types: Option<Vec<EventType>>,
        #[graphql(desc = "Only events of one of these types of your own.")] custom_types: Option<
            Vec<String>,
        >,
        #[graphql(desc = "Only what was done, or only what was tried and not done.")]
        outcome: Option<Outcome>,
        #[graphql(desc = "Only events for one of these purposes of use.")] purposes: Option<
            Vec<String>,
        >,
        #[graphql(desc = "Only events that changed exactly this field.")] changed_field: Option<
            String,
        >,
        #[graphql(desc = "Only events that changed any of these fields.")] changed_fields: Option<
            Vec<String>,
        >,
        #[graphql(
            desc = "With changed_field: only events that changed it from this value, as value_before_change shows it."
        )]
        value_before: Option<String>,
        #[graphql(
            desc = "With changed_field: only events that changed it to this value, as value_after_change shows it."
        )]
        value_after: Option<String>,
        #[graphql(desc = "Only events done on one of these pages.")] pages: Option<Vec<String>>,
        #[graphql(desc = "Only events whose URL begins with one of these.")] url_prefixes: Option<
            Vec<String>,
        >,
        #[graphql(
            desc = "Only events from one of these IP addresses, or from one of these blocks of them, such as \"203.0.113.0/24\" or \"2001:db8::/32\"."
        )]
        ip_addresses: Option<Vec<String>>,
        #[graphql(
            desc = "Only events whose description has these words, whatever their case and accents: \"a phrase\", the beginning* of a word, -without. Each must be met."
        )]
        description: Option<String>,
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
        let mut turn = Budget::turn(ctx).await;
        let store = ctx.data_unchecked::<Store>();
        let visible = viewable(ctx, Permission::ViewAuditLog).await?;
        let filter = FilterDraft {
            acting_user_id: acting_user_id.map(|id| id.0),
            acting_user_ids: acting_user_ids.map(texts),
            event_type,
            event_types,
            custom_types,
            resource_name,
            resource_names,
            exclude_resource_names,
            custom_resources,
            resource_id: resource_id.map(|id| id.0),
            resource_ids: resource_ids.map(texts),
            outcome,
            purposes,
            changed_field,
            changed_fields,
            value_before,
            value_after,
            pages,
            url_prefixes,
            ip_addresses,
            description,
            occurred_after: occurred_after.map(|time| time.0),
            occurred_before: occurred_before.map(|time| time.0),
        };
        let filter = EventFilter {
            up_to_sequence: ctx.data_opt::<UpTo>().map(|UpTo(sequence)| *sequence),
            ..filter.check().map_err(Error::bad_input)?
        };
        let request = page_request(ctx, &visible, order_by, (after, before), (first, last))?;
        let hierarchy = hierarchy.map_or_else(Hierarchy::default, Hierarchy::from);
        let narrow_to = organization_id.map(|id| given_id("organization_id", id)).transpose()?;
        let descendants = match include_sub_organizations {
            Some(false) => Descendants::Without,
            Some(true) | None => Descendants::With,
        };
        let scope = asked_for(store, &visible, hierarchy, narrow_to, descendants).await?;
        warning::of_window(ctx, &scope, &filter);
        Connection::load(ctx, &mut turn, &visible, &scope, &filter, &request).await.map(Some)
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
        let mut turn = Budget::turn(ctx).await;
        let visible = viewable(ctx, history_of(resource_name)).await?;
        let filter = EventFilter {
            resource_names: Some(vec![resource_name]),
            custom_resources: custom_resource_of(resource_name, custom_resource)?,
            resource_ids: Some(vec![given_id("resource_id", resource_id)?]),
            occurred_after: occurred_after.map(|t| t.parse_as("occurred_after")).transpose()?,
            occurred_before: occurred_before.map(|t| t.parse_as("occurred_before")).transpose()?,
            ..EventFilter::default()
        };
        let request = page_request(ctx, &visible, order_by, (after, before), (first, last))?;
        warning::of_window(ctx, &visible, &filter);
        Connection::load(ctx, &mut turn, &visible, &visible, &filter, &request).await.map(Some)
    }

    /// One event; null if there is none, or none that you may view.
    async fn audit_event(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id the event has here.")] id: Option<ID>,
        #[graphql(desc = "The id its recorder gave it.")] external_id: Option<ID>,
    ) -> Result<Option<AuditEvent>> {
        let mut turn = Budget::turn(ctx).await;
        let store = ctx.data_unchecked::<Store>();
        let scope = viewable(ctx, Permission::ViewAuditLog).await?;
        turn.left()?;
        let event = match (id, external_id) {
            (Some(id), None) => {
                match store.positions().decode(scope.tenant_id(), Purpose::EventId, &id) {
                    Some(place) => store.event(&scope, place.position).await?,
                    None => None,
                }
            }
            (None, Some(id)) => {
                store.event_by_external_id(&scope, &given_id("external_id", id)?).await?
            }
            _ => return Err(Error::bad_input("give either id or external_id")),
        };
        turn.spend_on(event.as_ref());
        drop(turn);
        let needs = Needs::of(&ctx.look_ahead());
        let events = AuditEvent::load(store, &scope, event.into_iter().collect(), needs).await?;
        reads::note(ctx, scope.tenant(), events.len(), None)?;
        Ok(events.into_iter().next())
    }

    /// Who you are, and what you may see.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        let store = ctx.data_unchecked::<Store>();
        let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
        let user = store.users_in(&viewer.tenant_id, vec![viewer.user_id.clone()]).await?;
        let scope = store.known_scope(viewer, Permission::ViewAuditLog).await?;
        let organizations = match ctx.look_ahead().field("organizations").exists() {
            true => scope.all_organizations(),
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
