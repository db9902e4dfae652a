//! Users, organizations, memberships and API keys on the wire.

use async_graphql::{ID, SimpleObject};

use super::rows::rows_of;
use super::scalar::DateTime;
use crate::domain::id::Id;
use crate::domain::kind::View;
use crate::domain::note;
use crate::domain::organization;
use crate::domain::viewer::{self, Scope};
use crate::store::{api_keys, users};

rows_of! {
    /// A person or service account of the audited application.
    pub struct User {
        /// The id in the audited application.
        id: ID,
        /// The given name; null for a user this server was not told about.
        first_name: Option<String>,
        /// The family name.
        last_name: Option<String>,
        /// Given name and family name.
        full_name: Option<String>,
        /// The e-mail address.
        email: Option<String>,
    }
}

rows_of! {
    /// An organization, or a sub-organization of one.
    pub struct Organization {
        /// The id in the audited application.
        id: ID,
        /// The name, for people.
        name: String,
        /// The organization above it; null for a root, or when you may not see it.
        parent_id: Option<ID>,
    }
}

/// What a user is and may do in an organization and in all of its descendants.
#[derive(SimpleObject, Clone)]
#[graphql(rename_fields = "snake_case")]
pub struct OrganizationMembership {
    /// The membership's own id.
    id: ID,
    /// The user it belongs to.
    user_id: ID,
    /// The organization it is in.
    organization_id: ID,
    /// May administer, and may view the audit log.
    is_owner: bool,
    /// May view the audit log.
    can_view_audit_log: bool,
    /// May record events.
    can_record: bool,
    /// Whose actions viewing the audit log shows.
    view: View,
    /// May read the values of fields that are marked sensitive.
    can_view_sensitive_values: bool,
    /// May view the whole history of one record at a time.
    can_view_resource_history: bool,
    /// May write notes on records.
    can_add_notes: bool,
}

/// A key with which a user's program signs in. The secret itself is never shown again.
#[derive(SimpleObject, Clone)]
#[graphql(rename_fields = "snake_case")]
pub struct ApiKey {
    /// The key's own id, which is no secret.
    id: ID,
    /// The user it signs in.
    user_id: ID,
    /// What it is for.
    name: Option<String>,
    /// When it was made.
    created_at: DateTime,
    /// When it was last used, to the minute.
    last_used_at: Option<DateTime>,
    /// From when on it opens nothing; null if it does not expire.
    expires_at: Option<DateTime>,
}

impl From<users::User> for User {
    fn from(user: users::User) -> Self {
        let names = [&user.first_name, &user.last_name];
        let full_name: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        Self {
            id: id(user.id),
            full_name: (!full_name.is_empty()).then(|| full_name.join(" ")),
            first_name: user.first_name,
            last_name: user.last_name,
            email: user.email,
        }
    }
}

impl User {
    /// What stands for them in a line of text.
    pub fn initials(&self) -> String {
        let id = Id::trusted(self.id.to_string());
        note::initials(Some((&id, self.first_name.as_deref(), self.last_name.as_deref())))
    }

    /// A user that events name and this server was not told about.
    pub fn unknown(user_id: Id) -> Self {
        Self { id: id(user_id), first_name: None, last_name: None, full_name: None, email: None }
    }
}

impl Organization {
    /// The organization as somebody with this scope sees it.
    pub fn seen_in(scope: &Scope, organization: &organization::Organization) -> Self {
        let parent_id = organization.parent_id.clone().filter(|parent| scope.holds(parent));
        Self {
            id: id(organization.id.clone()),
            name: organization.name.clone(),
            parent_id: parent_id.map(id),
        }
    }
}

impl From<viewer::Membership> for OrganizationMembership {
    fn from(membership: viewer::Membership) -> Self {
        Self {
            id: id(membership.id),
            user_id: id(membership.user_id),
            organization_id: id(membership.organization_id),
            is_owner: membership.is_owner,
            can_view_audit_log: membership.can_view_audit_log,
            can_record: membership.can_record,
            view: membership.view,
            can_view_sensitive_values: membership.can_view_sensitive_values,
            can_view_resource_history: membership.can_view_resource_history,
            can_add_notes: membership.can_add_notes,
        }
    }
}

impl From<api_keys::ApiKey> for ApiKey {
    fn from(key: api_keys::ApiKey) -> Self {
        Self {
            id: id(key.id),
            user_id: id(key.user_id),
            name: key.name,
            created_at: key.created_at.into(),
            last_used_at: key.last_used_at.map(DateTime::from),
            expires_at: key.expires_at.map(DateTime::from),
        }
    }
}

/// One of our ids on the wire.
pub fn id(id: Id) -> ID {
    ID(id.into())
}
