//! API keys: only a hash of each secret is kept.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::directory::{self, Kind};
use super::entity::api_key;
use super::{Store, Transaction, tenants};
use crate::domain::id::Id;
use crate::domain::time::Time;
use crate::error::Result;

/// A key with which a user's program signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The tenant of its user.
    pub tenant_id: Id,
    /// Its own id, which is no secret.
    pub id: Id,
    /// The user it signs in.
    pub user_id: Id,
    /// What it is for, in words.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last used, to [`LAST_USE_PRECISION`].
    pub last_used_at: Option<Time>,
    /// When it was deleted. It opens nothing any more, and is kept to tell whose it was.
    pub revoked_at: Option<Time>,
    /// From when on it opens nothing, if it was made or rotated to expire.
    pub expires_at: Option<Time>,
}

/// How far behind the stored last use of a key may be: a key that is used all the time costs one
/// write in this span, not one a request.
pub const LAST_USE_PRECISION: TimeDelta = TimeDelta::minutes(1);

impl From<api_key::Model> for ApiKey {
    fn from(row: api_key::Model) -> Self {
        Self {
            tenant_id: Id::trusted(row.tenant_id),
            id: Id::trusted(row.id),
            user_id: Id::trusted(row.user_id),
            name: row.name,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
            expires_at: row.expires_at,
        }
    }
}

impl Store {
    /// The tenant of the key with this id. For the operator: owners ask within their own tenant.
    pub async fn tenant_of_api_key(&self, id: &Id) -> Result<Option<Id>> {
        directory::tenant_of(self.readers(), Kind::ApiKeyId, id.as_str()).await
    }

    /// The keys of a tenant, or of one user of it, the newest first, without those that were deleted.
    pub async fn api_keys(&self, tenant_id: &Id, user_id: Option<&Id>) -> Result<Vec<ApiKey>> {
        let mut keys = api_key::Entity::find()
            .filter(api_key::Column::TenantId.eq(tenant_id.as_str()))
            .filter(api_key::Column::RevokedAt.is_null());
        if let Some(user_id) = user_id {
            keys = keys.filter(api_key::Column::UserId.eq(user_id.as_str()));
        }
        let newest_first =
            keys.order_by_desc(api_key::Column::CreatedAt).order_by_asc(api_key::Column::Id);
        Ok(newest_first.all(self.readers()).await?.into_iter().map(ApiKey::from).collect())
    }

    /// Keeps the time of a key's use, if what is stored is older than [`LAST_USE_PRECISION`].
    pub async fn touch_api_key(&self, key: &ApiKey, now: Time) -> Result<()> {
        let earlier = now - LAST_USE_PRECISION;
        // Of many requests that come at once, the first one keeps the time.
        let is_due = Condition::any()
            .add(api_key::Column::LastUsedAt.is_null())
            .add(api_key::Column::LastUsedAt.lte(earlier));
        api_key::Entity::update_many()
            .set(api_key::ActiveModel { last_used_at: Set(Some(now)), ..Default::default() })
            .filter(api_key::Column::TenantId.eq(key.tenant_id.as_str()))
            .filter(api_key::Column::Id.eq(key.id.as_str()))
            .filter(is_due)
            .exec(&self.database.writers)
            .await?;
        Ok(())
    }
}

/// The key of a tenant whose secret has this hash, deleted or not.
pub(super) async fn by_hash(
    db: &impl ConnectionTrait,
    tenant_id: &Id,
    secret_hash: &str,
) -> Result<Option<ApiKey>> {
    let row = api_key::Entity::find()
        .filter(api_key::Column::TenantId.eq(tenant_id.as_str()))
        .filter(api_key::Column::SecretHash.eq(secret_hash))
        .one(db)
        .await?;
    Ok(row.map(ApiKey::from))
}

/// The key with this id in a tenant, unless it was deleted. Nobody else changes it until the
/// transaction ends.
pub async fn find(transaction: &Transaction, tenant_id: &Id, id: &Id) -> Result<Option<ApiKey>> {
    let row = api_key::Entity::find_by_id((tenant_id.to_string(), id.to_string()))
        .filter(api_key::Column::RevokedAt.is_null())
        .lock_exclusive()
        .one(transaction)
        .await?;
    Ok(row.map(ApiKey::from))
}

/// Adds a key.
pub async fn insert(transaction: &Transaction, key: &ApiKey, secret_hash: &str) -> Result<()> {
    directory::claim(transaction, Kind::ApiKey, secret_hash, &key.tenant_id).await?;
    directory::claim(transaction, Kind::ApiKeyId, key.id.as_str(), &key.tenant_id).await?;
    api_key::Entity::insert(api_key::ActiveModel {
        tenant_id: Set(key.tenant_id.to_string()),
        id: Set(key.id.to_string()),
        user_id: Set(key.user_id.to_string()),
        name: Set(key.name.clone()),
        secret_hash: Set(secret_hash.to_owned()),
        created_at: Set(key.created_at),
        last_used_at: Set(key.last_used_at),
        revoked_at: Set(key.revoked_at),
        expires_at: Set(key.expires_at),
    })
    .exec_without_returning(transaction)
    .await?;
    tenants::touch_people(transaction, &key.tenant_id).await
}

/// Keeps until when a key opens anything: what is deleted, from the commit on, and what expires. It is
/// kept even then, so that using it afterwards can be told to whom it concerns.
pub async fn save_end(transaction: &Transaction, key: &ApiKey) -> Result<()> {
    api_key::Entity::update(api_key::ActiveModel {
        tenant_id: Set(key.tenant_id.to_string()),
        id: Set(key.id.to_string()),
        revoked_at: Set(key.revoked_at),
        expires_at: Set(key.expires_at),
        ..Default::default()
    })
    .exec(transaction)
    .await?;
    tenants::touch_people(transaction, &key.tenant_id).await
}
