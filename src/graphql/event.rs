//! Audit events on the wire.

use std::collections::HashMap;

use async_graphql::{ID, Lookahead};

use super::people::{Organization, User, id};
use super::rows::{Merged, rows_of};
use super::scalar::{DateTime, Json, JsonText};
use crate::domain::diff::{StoredChange, shown_as_json};
use crate::domain::event::{Context, Event};
use crate::domain::id::Id;
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::domain::page::Purpose;
use crate::domain::viewer::Scope;
use crate::error::{Error, Result};
use crate::store::Store;

rows_of! {
    /// Something that was done to a record.
    pub struct AuditEvent {
        /// The event's id on this server. Opaque; it never changes.
        pub(super) id: ID,
        /// The event's number in its tenant: without gaps, in the order in which events become visible.
        /// A whole number as text, because it may outgrow `Int`.
        sequence: String,
        /// The id its recorder gave it, if any.
        external_id: Option<ID>,
        /// What was done.
        pub(super) event_type as "type": EventType,
        /// By what definition of the tenant's own, if type is CUSTOM.
        pub(super) custom_type: Option<ID>,
        /// The version of that definition that it was checked against.
        custom_type_version: Option<i64>,
        /// What kind of record it was done to.
        resource_name: ResourceName,
        /// By what definition of the tenant's own, if resource_name is CUSTOM.
        custom_resource: Option<ID>,
        /// The version of that definition that it was checked against.
        custom_resource_version: Option<i64>,
        /// The id of that record in the audited application.
        resource_id: ID,
        /// When it happened.
        occurred_at: DateTime,
        /// How it ended.
        pub(super) outcome: Outcome,
        /// What for: the purpose of use.
        purpose: Option<String>,
        /// When it was recorded here.
        recorded_at: DateTime,
        /// Who did it; null for an automatic action.
        pub(super) acting_user: Option<User>,
        /// Where in the tree of organizations it happened.
        organization: Option<Organization>,
        /// What changed, field by field.
        resource_changes: Option<Vec<AuditEventResourceChange>>,
        /// The IP address the acting user came from.
        ip_address: Option<String>,
        /// The program the acting user used.
        user_agent: Option<String>,
        /// The URL the action went to.
        url: Option<String>,
        /// The page or screen it was done on.
        page: Option<String>,
        /// What happened, in words.
        pub(super) description: Option<String>,
        /// The request of the audited application that did it.
        request_id: Option<String>,
        /// Anything else its recorder said, as a JSON object.
        metadata: Option<JsonText<Json>>,
    }
}

rows_of! {
    /// One field's value before and after an event.
    pub struct AuditEventResourceChange {
        /// The field: keys from the record down, joined by dots; a dot inside a
        /// key has a backslash before it.
        field: String,
        /// Whether values, or parts of them, are put out of sight, because a policy masked the field or
        /// because you may not read sensitive values: these read `[withheld]`.
        withheld: bool,
        /// The value before; null if there was none. A string as it is, anything else as compact JSON.
        value_before_change: Option<JsonText<String>>,
        /// The value after; null if there is none. A string as it is, anything else as compact JSON.
        value_after_change: Option<JsonText<String>>,
    }
}

/// Which parts of an event, beside its own row, a selection needs.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs)] // each named after what it is of
pub struct Needs {
    pub changes: bool,
    pub users: bool,
    pub organizations: bool,
}

impl Needs {
    /// What is selected below a field that returns events.
    pub fn of(event: &Lookahead<'_>) -> Self {
        Self {
            changes: event.field("resource_changes").exists(),
            users: event.field("acting_user").exists(),
            organizations: event.field("organization").exists(),
        }
    }

    /// What is selected of events in all.
    pub fn of_all(event: &Merged<'_>) -> Self {
        Self {
            changes: event.has("resource_changes"),
            users: event.has("acting_user"),
            organizations: event.has("organization"),
        }
    }

    /// What either needs.
    pub const fn or(self, other: Self) -> Self {
        Self {
            changes: self.changes || other.changes,
            users: self.users || other.users,
            organizations: self.organizations || other.organizations,
        }
    }
}

impl AuditEvent {
    /// Events with what a selection needs of them, as somebody with this scope sees them; users and
    /// organizations of a whole page are read at once.
    pub async fn load(
        store: &Store,
        scope: &Scope,
        events: Vec<Event>,
        needs: Needs,
    ) -> Result<Vec<Self>> {
        let tenant_id = scope.tenant_id();
        let mut users = HashMap::new();
        if needs.users {
            let ids = distinct(events.iter().filter_map(|event| event.acting_user_id.as_ref()));
            let found = store.users_in(tenant_id, ids).await?;
            users.extend(found.into_iter().map(|user| (user.id.clone(), User::from(user))));
        }
        let mut organizations = HashMap::new();
        if needs.organizations {
            let ids = distinct(events.iter().map(|event| &event.organization_id));
            let found = ids.iter().filter_map(|id| scope.organization(id));
            organizations.extend(found.map(|organization| {
                (organization.id.clone(), Organization::seen_in(scope, organization))
            }));
        }
        let events = events.into_iter().map(|event| {
            let Event {
                position,
                recorded_at,
                external_id,
                organization_id,
                acting_user_id,
                event_type,
                custom_type,
                resource_name,
                custom_resource,
                resource_id,
                outcome,
                purpose,
                organization_path: _, // may hold organizations that the viewer may not see
                changes,
                context,
            } = event;
            let Context { ip_address, user_agent, url, page, description, request_id, metadata } =
                context;
            let corrupt = |error| Error::internal("reading an event's changes", error);
            let changes = match needs.changes {
                true => Some(changes.parts().map_err(corrupt)?),
                false => None,
            };
            Ok(Self {
                id: ID(store.positions().encode(tenant_id, Purpose::EventId, position)),
                sequence: position.sequence.to_string(),
                external_id: external_id.map(id),
                event_type,
                custom_type_version: custom_type.as_ref().and_then(|defined| defined.version),
                custom_type: custom_type.map(|defined| id(defined.name)),
                resource_name,
                custom_resource_version: custom_resource
                    .as_ref()
                    .and_then(|defined| defined.version),
                custom_resource: custom_resource.map(|defined| id(defined.name)),
                resource_id: id(resource_id),
                outcome,
                purpose,
                occurred_at: position.occurred_at.into(),
                recorded_at: recorded_at.into(),
                acting_user: acting_user_id.map(|user_id| {
                    users.get(&user_id).cloned().unwrap_or_else(|| User::unknown(user_id))
                }),
                organization: organizations.get(&organization_id).cloned(),
                resource_changes: changes
                    .map(|changes| changes.into_iter().map(Into::into).collect()),
                ip_address,
                user_agent,
                url,
                page,
                description,
                request_id,
                metadata: metadata.map(JsonText::new),
            })
        });
        events.collect()
    }
}

impl From<StoredChange<'_>> for AuditEventResourceChange {
    fn from(change: StoredChange<'_>) -> Self {
        let shown = |value| shown_as_json(value).map(JsonText::new);
        Self {
            withheld: change.withheld(),
            value_before_change: shown(change.before),
            value_after_change: shown(change.after),
            field: change.field,
        }
    }
}

fn distinct<'a>(ids: impl Iterator<Item = &'a Id>) -> Vec<Id> {
    let mut ids: Vec<_> = ids.cloned().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
