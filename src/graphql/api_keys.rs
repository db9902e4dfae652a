//! API keys over GraphQL.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::TimeDelta;

use super::administration::{FieldMessage, owner, split};
use super::people::ApiKey;
use super::scalar::DateTime;
use crate::admin::{self, NewKey, Rotation};
use crate::error::Result;

/// The queries about API keys.
#[derive(Default)]
pub struct ApiKeyQueries;

/// The mutations of API keys.
#[derive(Default)]
pub struct ApiKeyMutations;

/// A key to make.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct CreateApiKeyInput {
    /// The user it signs in.
    user_id: ID,
    /// What it is for.
    name: Option<String>,
    /// From when on it opens nothing; if not given, it does not expire.
    expires_at: Option<DateTime>,
}

/// The new key.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct CreateApiKeyPayload {
    /// The secret to sign in with. It is shown this once; only a hash of it is kept.
    api_key: Option<String>,
    /// The key; null when something is to be mended.
    api_key_object: Option<ApiKey>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

/// A key to make in place of another one.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct RotateApiKeyInput {
    /// The id of the key that is to be replaced.
    id: ID,
    /// For how many minutes that one goes on opening what it opens: 0 to 10080, seven days; if not
    /// given, it is deleted at once.
    overlap_minutes: Option<i32>,
    /// From when on the new one opens nothing; required when the old one was to expire.
    expires_at: Option<DateTime>,
}

/// The new key, and the one that it replaces.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct RotateApiKeyPayload {
    /// The new secret to sign in with. It is shown this once; only a hash of it is kept.
    api_key: Option<String>,
    /// The new key, for the same user and of the same name; null when something is to be mended.
    api_key_object: Option<ApiKey>,
    /// The old key, with the time at which it expires now, if it was not deleted; null when something
    /// is to be mended.
    previous_api_key_object: Option<ApiKey>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

/// A key to delete.
#[derive(InputObject)]
struct DeleteApiKeyInput {
    /// The key's id.
    id: ID,
}

/// The deleted key.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct DeleteApiKeyPayload {
    /// The key, which opens nothing any more; null when something is to be mended.
    api_key_object: Option<ApiKey>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

#[Object(rename_args = "snake_case")]
impl ApiKeyQueries {
    /// The API keys that are yours to rotate and to delete, without their secrets, the newest first.
    /// Those that have expired are among them, those that were deleted are not.
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this user.")] user_id: Option<ID>,
    ) -> Result<Option<Vec<ApiKey>>> {
        let (store, actor) = owner(ctx).await?;
        let keys = admin::api_keys(store, &actor, user_id.map(String::from)).await?;
        Ok(Some(keys.into_iter().map(ApiKey::from).collect()))
    }
}

#[Object]
impl ApiKeyMutations {
    /// Makes an API key for a user of your organizations.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key to make.")] input: CreateApiKeyInput,
    ) -> Result<Option<CreateApiKeyPayload>> {
        let (store, actor) = owner(ctx).await?;
        let new = NewKey {
            user_id: input.user_id.into(),
            name: input.name,
            expires_at: input.expires_at.map(|time| time.0),
        };
        let (made, messages) = split(admin::create_api_key(store, &actor, new).await?);
        let (api_key, api_key_object) = made.unzip();
        let api_key_object = api_key_object.map(ApiKey::from);
        Ok(Some(CreateApiKeyPayload { api_key, api_key_object, messages }))
    }

    /// Makes an API key in place of another one. Both are good for as long as you say, so that
    /// programs can go over from one to the other.
    async fn rotate_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key to replace.")] input: RotateApiKeyInput,
    ) -> Result<Option<RotateApiKeyPayload>> {
        let (store, actor) = owner(ctx).await?;
        let rotation = Rotation {
            id: input.id.into(),
            overlap: TimeDelta::minutes(input.overlap_minutes.unwrap_or_default().into()),
            expires_at: input.expires_at.map(|time| time.0),
        };
        let (rotated, messages) = split(admin::rotate_api_key(store, &actor, rotation).await?);
        let (made, previous) = rotated.unzip();
        let (api_key, api_key_object) = made.unzip();
        Ok(Some(RotateApiKeyPayload {
            api_key,
            api_key_object: api_key_object.map(ApiKey::from),
            previous_api_key_object: previous.map(ApiKey::from),
            messages,
        }))
    }

    /// Deletes an API key of a user of your organizations. From then on it opens nothing.
    async fn delete_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key to delete.")] input: DeleteApiKeyInput,
    ) -> Result<Option<DeleteApiKeyPayload>> {
        let (store, actor) = owner(ctx).await?;
        let (key, messages) = split(admin::delete_api_key(store, &actor, input.id.into()).await?);
        Ok(Some(DeleteApiKeyPayload { api_key_object: key.map(ApiKey::from), messages }))
    }
}
