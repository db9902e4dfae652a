//! Which tenant a bare id belongs to. Ids of organizations and of users come from one application,
//! so each is unique in the installation; credentials and command lines name them alone.

use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, EntityTrait as _};

use super::entity::directory;
use crate::domain::id::Id;
use crate::error::Result;

/// What an id in the directory is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Organization,
    User,
    /// The id is the hash of the key's secret.
    ApiKey,
    /// The id is the key's own.
    ApiKeyId,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::User => "user",
            Self::ApiKey => "api_key",
            Self::ApiKeyId => "api_key_id",
        }
    }
}

/// The tenant an id belongs to.
pub(super) async fn tenant_of(
    db: &impl ConnectionTrait,
    kind: Kind,
    id: &str,
) -> Result<Option<Id>> {
    let entry =
        directory::Entity::find_by_id((kind.as_str().to_owned(), id.to_owned())).one(db).await?;
    Ok(entry.map(|entry| Id::trusted(entry.tenant_id)))
}

/// Claims an id for a tenant; false when it is taken.
pub(super) async fn claim(
    db: &impl ConnectionTrait,
    kind: Kind,
    id: &str,
    tenant_id: &Id,
) -> Result<bool> {
    let inserted = directory::Entity::insert(directory::ActiveModel {
        kind: Set(kind.as_str().to_owned()),
        id: Set(id.to_owned()),
        tenant_id: Set(tenant_id.to_string()),
    })
    .on_conflict_do_nothing()
    .exec_without_returning(db)
    .await?;
    Ok(matches!(inserted, sea_orm::TryInsertResult::Inserted(1..)))
}
