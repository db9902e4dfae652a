//! Administration over GraphQL, named as Healthie names it.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::Requester;
use super::people::{Organization, OrganizationMembership, User};
use crate::admin::{self, Actor, Answer, NewUser, Rights, RightsChange};
use crate::domain::kind::View;
use crate::domain::organization;
use crate::domain::viewer::Scope;
use crate::error::Result;
use crate::store::Store;

#[derive(Default)]
pub struct Administration;

/// Something about the input that you can mend.
#[derive(SimpleObject)]
pub struct FieldMessage {
    /// The input field it is about.
    field: String,
    /// What is wrong and how to mend it.
    message: String,
}

/// An organization to add.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct CreateOrganizationInput {
    /// The id it has in your application; unique in the whole installation.
    id: ID,
    /// The name, for people.
    name: String,
    /// The organization above it, of which you must be an owner.
    parent_id: Option<ID>,
}

/// The added organization.
#[derive(SimpleObject)]
struct CreateOrganizationPayload {
    /// The organization; null when something is to be mended.
    organization: Option<Organization>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

/// An organization to move within its tenant.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct MoveOrganizationInput {
    /// The organization to move; not a root.
    id: ID,
    /// The organization it is to be below; neither itself nor below it.
    parent_id: ID,
}

/// The moved organization.
#[derive(SimpleObject)]
struct MoveOrganizationPayload {
    /// The organization where it is now; null when something is to be mended.
    organization: Option<Organization>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

/// A user to add, with their first membership.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct CreateUserInput {
    /// The id they have in your application; unique in the whole installation.
    id: ID,
    /// The organization they become a member of.
    organization_id: ID,
    /// The given name.
    first_name: Option<String>,
    /// The family name.
    last_name: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// May administer, and may view the audit log; false if not given.
    is_owner: Option<bool>,
    /// May view the audit log; false if not given.
    can_view_audit_log: Option<bool>,
    /// May record events; false if not given.
    can_record: Option<bool>,
    /// Whose actions viewing the audit log shows; ALL if not given.
    view: Option<View>,
    /// May read the values of fields that are marked sensitive; false if not given.
    can_view_sensitive_values: Option<bool>,
    /// May view the whole history of one record at a time; false if not given.
    can_view_resource_history: Option<bool>,
    /// May write notes on records; false if not given.
    can_add_notes: Option<bool>,
}

/// The added user.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct CreateUserPayload {
    /// The user; null when something is to be mended.
    user: Option<User>,
    /// Their first membership.
    organization_membership: Option<OrganizationMembership>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

/// A membership to add.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct CreateOrganizationMembershipInput {
    /// The user who becomes a member.
    user_id: ID,
    /// The organization they become a member of.
    organization_id: ID,
    /// May administer, and may view the audit log; false if not given.
    is_owner: Option<bool>,
    /// May view the audit log; false if not given.
    can_view_audit_log: Option<bool>,
    /// May record events; false if not given.
    can_record: Option<bool>,
    /// Whose actions viewing the audit log shows; ALL if not given.
    view: Option<View>,
    /// May read the values of fields that are marked sensitive; false if not given.
    can_view_sensitive_values: Option<bool>,
    /// May view the whole history of one record at a time; false if not given.
    can_view_resource_history: Option<bool>,
    /// May write notes on records; false if not given.
    can_add_notes: Option<bool>,
}

/// A change of what a membership gives; what is left out stays as it is.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct UpdateOrganizationMembershipInput {
    /// The membership's id.
    id: ID,
    /// May administer, and may view the audit log.
    is_owner: Option<bool>,
    /// May view the audit log.
    can_view_audit_log: Option<bool>,
    /// May record events.
    can_record: Option<bool>,
    /// Whose actions viewing the audit log shows.
    view: Option<View>,
    /// May read the values of fields that are marked sensitive.
    can_view_sensitive_values: Option<bool>,
    /// May view the whole history of one record at a time.
    can_view_resource_history: Option<bool>,
    /// May write notes on records.
    can_add_notes: Option<bool>,
}

/// The membership as it is now.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct OrganizationMembershipPayload {
    /// The membership; null when something is to be mended.
    organization_membership: Option<OrganizationMembership>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

#[Object]
impl Administration {
    /// Adds an organization below one of yours.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization to add.")] input: CreateOrganizationInput,
    ) -> Result<Option<CreateOrganizationPayload>> {
        let (store, actor) = owner(ctx).await?;
        let CreateOrganizationInput { id, name, parent_id } = input;
        let parent_id = parent_id.map(String::from);
        let answer = admin::create_organization(store, &actor, id.into(), name, parent_id).await?;
        let (added, messages) = split(answer);
        Ok(Some(CreateOrganizationPayload {
            organization: administered(store, added).await?,
            messages,
        }))
    }

    /// Moves one of your organizations, with all that is below it, below another one of them. From
    /// then on its events, earlier ones too, are in the logs of the organizations it is below now;
    /// `hierarchy: AT_EVENT` reads them by the tree of their day.
    async fn move_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to move, and where to.")] input: MoveOrganizationInput,
    ) -> Result<Option<MoveOrganizationPayload>> {
        let (store, actor) = owner(ctx).await?;
        let MoveOrganizationInput { id, parent_id } = input;
        let answer = admin::move_organization(store, &actor, id.into(), parent_id.into()).await?;
        let (moved, messages) = split(answer);
        Ok(Some(MoveOrganizationPayload {
            organization: administered(store, moved).await?,
            messages,
        }))
    }

    /// Adds a user, with their first membership, in one of your organizations.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user to add.")] input: CreateUserInput,
    ) -> Result<Option<CreateUserPayload>> {
        let (store, actor) = owner(ctx).await?;
        let new = NewUser {
            id: input.id.into(),
            organization_id: input.organization_id.into(),
            first_name: input.first_name,
            last_name: input.last_name,
            email: input.email,
            rights: Rights {
                is_owner: input.is_owner.unwrap_or_default(),
                can_view_audit_log: input.can_view_audit_log.unwrap_or_default(),
                can_record: input.can_record.unwrap_or_default(),
                view: input.view.unwrap_or_default(),
                can_view_sensitive_values: input.can_view_sensitive_values.unwrap_or_default(),
                can_view_resource_history: input.can_view_resource_history.unwrap_or_default(),
                can_add_notes: input.can_add_notes.unwrap_or_default(),
            },
        };
        let (added, messages) = split(admin::create_user(store, &actor, new).await?);
        let (user, membership) = added.unzip();
        Ok(Some(CreateUserPayload {
            user: user.map(User::from),
            organization_membership: membership.map(OrganizationMembership::from),
            messages,
        }))
    }

    /// Makes a user of one of your organizations a member of another one of them.
    async fn create_organization_membership(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The membership to add.")] input: CreateOrganizationMembershipInput,
    ) -> Result<Option<OrganizationMembershipPayload>> {
        let (store, actor) = owner(ctx).await?;
        let rights = Rights {
            is_owner: input.is_owner.unwrap_or_default(),
            can_view_audit_log: input.can_view_audit_log.unwrap_or_default(),
            can_record: input.can_record.unwrap_or_default(),
            view: input.view.unwrap_or_default(),
            can_view_sensitive_values: input.can_view_sensitive_values.unwrap_or_default(),
            can_view_resource_history: input.can_view_resource_history.unwrap_or_default(),
            can_add_notes: input.can_add_notes.unwrap_or_default(),
        };
        let (user_id, organization_id) = (input.user_id.into(), input.organization_id.into());
        let answer =
            admin::create_membership(store, &actor, user_id, organization_id, rights).await?;
        let (membership, messages) = split(answer);
        let organization_membership = membership.map(OrganizationMembership::from);
        Ok(Some(OrganizationMembershipPayload { organization_membership, messages }))
    }

    /// Changes what a membership in one of your organizations gives. It works at once.
    async fn update_organization_membership(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateOrganizationMembershipInput,
    ) -> Result<Option<OrganizationMembershipPayload>> {
        let (store, actor) = owner(ctx).await?;
        let change = RightsChange {
            is_owner: input.is_owner,
            can_view_audit_log: input.can_view_audit_log,
            can_record: input.can_record,
            view: input.view,
            can_view_sensitive_values: input.can_view_sensitive_values,
            can_view_resource_history: input.can_view_resource_history,
            can_add_notes: input.can_add_notes,
        };
        let answer = admin::update_membership(store, &actor, input.id.into(), change).await?;
        let (membership, messages) = split(answer);
        let organization_membership = membership.map(OrganizationMembership::from);
        Ok(Some(OrganizationMembershipPayload { organization_membership, messages }))
    }
}

/// An organization as whoever just administered it, and its parent, sees it.
async fn administered(
    store: &Store,
    organization: Option<organization::Organization>,
) -> Result<Option<Organization>> {
    let Some(organization) = organization else { return Ok(None) };
    let scope = Scope::whole(store.tenant(&organization.tenant_id).await?);
    Ok(Some(Organization::seen_in(&scope, &organization)))
}

/// The requester as an owner; refused when they are owner of nothing.
pub async fn owner<'a>(ctx: &Context<'a>) -> Result<(&'a Store, Actor)> {
    let store = ctx.data_unchecked::<Store>();
    let Requester { viewer, context } = ctx.data_unchecked::<Requester>().clone();
    Ok((store, Actor::owner(store, viewer, context).await?))
}

/// The requester as the owner of the whole tenant; refused when they are not.
pub async fn tenant_owner<'a>(ctx: &Context<'a>) -> Result<(&'a Store, Actor)> {
    let store = ctx.data_unchecked::<Store>();
    let Requester { viewer, context } = ctx.data_unchecked::<Requester>().clone();
    Ok((store, Actor::tenant_owner(store, viewer, context).await?))
}

/// What was made, and what is to be mended: one of them.
pub fn split<T>(answer: Answer<T>) -> (Option<T>, Vec<FieldMessage>) {
    match answer {
        Ok(made) => (Some(made), Vec::new()),
        Err(messages) => {
            let message =
                |m: admin::Message| FieldMessage { field: m.field.to_owned(), message: m.message };
            (None, messages.into_iter().map(message).collect())
        }
    }
}
