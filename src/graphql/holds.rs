//! Legal holds over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::administration::{FieldMessage, owner, split};
use super::people::id;
use super::scalar::DateTime;
use crate::admin::{self, NewHold};
use crate::domain::hold::{Hold, Target};
use crate::domain::kind::ResourceName;
use crate::error::Result;

/// The queries about legal holds.
#[derive(Default)]
pub struct HoldQueries;

/// The mutations of legal holds.
#[derive(Default)]
pub struct HoldMutations;

/// What must not be purged, whatever the plan says. It is kept, and stays out of view where it is
/// older than the plan shows.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct LegalHold {
    /// The hold's own id.
    id: ID,
    /// The organization whose events are held, with those of all that is below it, now or when they
    /// were recorded; null if the hold is on something else.
    organization_id: Option<ID>,
    /// The user whose actions are held, and the events on whose own record; null if the hold is on
    /// something else.
    user_id: Option<ID>,
    /// What kind of record is held; null if the hold is on something else.
    resource_name: Option<ResourceName>,
    /// Which kind of your own, if resource_name is CUSTOM.
    custom_resource: Option<ID>,
    /// The record whose events are held; null if the hold is on something else.
    resource_id: Option<ID>,
    /// Why, in words.
    reason: String,
    /// When it was placed.
    placed_at: DateTime,
    /// Who placed it.
    placed_by: Option<ID>,
    /// When it was released; null while it holds.
    released_at: Option<DateTime>,
    /// Who released it.
    released_by: Option<ID>,
}

/// What is to be held, and why. Give one of organization_id, user_id, and resource_name with
/// resource_id.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct PlaceLegalHoldInput {
    /// An organization, with all that is below it; you must be an owner of it.
    organization_id: Option<ID>,
    /// A user; you must be an owner of the root, as for a record.
    user_id: Option<ID>,
    /// What kind of record it is.
    resource_name: Option<ResourceName>,
    /// Which kind of your own, if resource_name is CUSTOM.
    custom_resource: Option<ID>,
    /// The record's id.
    resource_id: Option<ID>,
    /// Why, in words.
    reason: String,
}

/// A hold to release.
#[derive(InputObject)]
struct ReleaseLegalHoldInput {
    /// The hold's id.
    id: ID,
}

/// The hold as it is now.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct LegalHoldPayload {
    /// The hold; null when something is to be mended.
    legal_hold: Option<LegalHold>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

#[Object(rename_args = "snake_case")]
impl HoldQueries {
    /// The legal holds that are yours to release, the last one placed first: those on your
    /// organizations, and for an owner of the root all of the tenant's.
    async fn legal_holds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Those too that were released; false if not given.")]
        include_released: Option<bool>,
    ) -> Result<Option<Vec<LegalHold>>> {
        let (store, actor) = owner(ctx).await?;
        let holds = admin::holds(store, &actor, include_released.unwrap_or_default()).await?;
        Ok(Some(holds.into_iter().map(LegalHold::from).collect()))
    }
}

#[Object]
impl HoldMutations {
    /// Places a legal hold: from then on, nothing that it covers is purged.
    async fn place_legal_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be held.")] input: PlaceLegalHoldInput,
    ) -> Result<Option<LegalHoldPayload>> {
        let (store, actor) = owner(ctx).await?;
        let new = NewHold {
            organization_id: input.organization_id.map(String::from),
            user_id: input.user_id.map(String::from),
            resource_name: input.resource_name,
            custom_resource: input.custom_resource.map(String::from),
            resource_id: input.resource_id.map(String::from),
            reason: input.reason,
        };
        let (hold, messages) = split(admin::place_hold(store, &actor, new).await?);
        Ok(Some(LegalHoldPayload { legal_hold: hold.map(LegalHold::from), messages }))
    }

    /// Releases a legal hold: what it covered is purged when its time has come. The hold itself is
    /// never deleted.
    async fn release_legal_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which hold.")] input: ReleaseLegalHoldInput,
    ) -> Result<Option<LegalHoldPayload>> {
        let (store, actor) = owner(ctx).await?;
        let (hold, messages) = split(admin::release_hold(store, &actor, input.id.into()).await?);
        Ok(Some(LegalHoldPayload { legal_hold: hold.map(LegalHold::from), messages }))
    }
}

impl From<Hold> for LegalHold {
    fn from(hold: Hold) -> Self {
        let mut on_the_wire = Self {
            id: id(hold.id),
            organization_id: None,
            user_id: None,
            resource_name: None,
            custom_resource: None,
            resource_id: None,
            reason: hold.reason,
            placed_at: hold.placed_at.into(),
            placed_by: hold.placed_by.map(id),
            released_at: hold.released_at.map(DateTime::from),
            released_by: hold.released_by.map(id),
        };
        match hold.target {
            Target::Organization(organization_id) => {
                on_the_wire.organization_id = Some(id(organization_id));
            }
            Target::User(user_id) => on_the_wire.user_id = Some(id(user_id)),
            Target::Record { resource_name, custom_resource, resource_id } => {
                on_the_wire.resource_name = Some(resource_name);
                on_the_wire.custom_resource = custom_resource.map(id);
                on_the_wire.resource_id = Some(id(resource_id));
            }
        }
        on_the_wire
    }
}
