//! Legal holds, and which events they cover.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::entity::audit_event::Column;
use super::entity::legal_hold;
use super::{Backend, Store, Transaction, retire, tenants};
use crate::domain::hold::{Hold, Target};
use crate::domain::id::Id;
use crate::domain::kind::ResourceName;
use crate::domain::tree::{Path, Tree};
use crate::error::{Code, Error, Result};

impl Store {
    /// A tenant's holds, the last one placed first; those that were released only if asked for.
    pub async fn holds(&self, tenant_id: &Id, with_released: bool) -> Result<Vec<Hold>> {
        let mut rows = legal_hold::Entity::find()
            .filter(legal_hold::Column::TenantId.eq(tenant_id.as_str()))
            .order_by_desc(legal_hold::Column::PlacedAt)
            .order_by_asc(legal_hold::Column::Id);
        if !with_released {
            rows = rows.filter(legal_hold::Column::ReleasedAt.is_null());
        }
        rows.all(self.readers()).await?.into_iter().map(Hold::try_from).collect()
    }

    /// How many holds of a tenant are not released.
    pub async fn count_holds(&self, tenant_id: &Id) -> Result<u64> {
        let rows = legal_hold::Entity::find()
            .filter(legal_hold::Column::TenantId.eq(tenant_id.as_str()))
            .filter(legal_hold::Column::ReleasedAt.is_null());
        Ok(rows.count(self.readers()).await?)
    }
}

/// The hold with this id. Nobody else releases it until the transaction ends.
pub async fn find(transaction: &Transaction, tenant_id: &Id, id: &Id) -> Result<Option<Hold>> {
    let row = legal_hold::Entity::find_by_id((tenant_id.to_string(), id.to_string()))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(Hold::try_from).transpose()
}

/// Places a hold: from the commit on, nothing that it covers is purged. It is refused while a month of
/// the tenant's log is going as a whole, because it could not keep what is in there.
pub async fn insert(transaction: &Transaction, tenant_id: &Id, hold: &Hold) -> Result<()> {
    let mut row = legal_hold::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        id: Set(hold.id.to_string()),
        reason: Set(hold.reason.clone()),
        placed_at: Set(hold.placed_at),
        placed_by: Set(hold.placed_by.as_ref().map(Id::to_string)),
        ..Default::default()
    };
    match &hold.target {
        Target::Organization(id) => row.organization_id = Set(Some(id.to_string())),
        Target::User(id) => row.user_id = Set(Some(id.to_string())),
        Target::Record { resource_name, custom_resource, resource_id } => {
            row.resource_name = Set(Some(resource_name.as_str().to_owned()));
            row.custom_resource = Set(custom_resource.as_ref().map(Id::to_string));
            row.resource_id = Set(Some(resource_id.to_string()));
        }
    }
    legal_hold::Entity::insert(row).exec_without_returning(transaction).await?;
    // Whoever is purging looks again at what is held.
    tenants::touch(transaction, tenant_id).await?;
    let leaving = retire::months_leaving(transaction, tenant_id).await?;
    if leaving.is_empty() {
        return Ok(());
    }
    Err(Error::client(
        Code::Conflict,
        format!(
            "the hold is not placed: what the plan no longer keeps of {} is being removed at this \
             moment; place it again when that is done",
            leaving.join(", ")
        ),
    ))
}

/// Stores that a hold was released.
pub async fn release(transaction: &Transaction, tenant_id: &Id, hold: &Hold) -> Result<()> {
    legal_hold::Entity::update(legal_hold::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        id: Set(hold.id.to_string()),
        released_at: Set(hold.released_at),
        released_by: Set(hold.released_by.as_ref().map(Id::to_string)),
        ..Default::default()
    })
    .exec(transaction)
    .await?;
    tenants::touch(transaction, tenant_id).await
}

/// The events that holds cover; never NULL, so that it can be negated.
pub(super) fn covered(backend: Backend, tree: &Tree, holds: &[Hold]) -> Condition {
    let (mut organizations, mut users) = (Vec::new(), Vec::new());
    let mut records: BTreeMap<(ResourceName, Option<&Id>), Vec<String>> = BTreeMap::new();
    for hold in holds {
        match &hold.target {
            Target::Organization(id) => organizations.push(id.clone()),
            Target::User(id) => users.push(id.to_string()),
            Target::Record { resource_name, custom_resource, resource_id } => records
                .entry((*resource_name, custom_resource.as_ref()))
                .or_default()
                .push(resource_id.to_string()),
        }
    }
    let mut any = Condition::any();
    if !organizations.is_empty() {
        let now: Vec<String> = tree.below(&organizations).into_iter().map(String::from).collect();
        any = any.add(backend.is_one_of(Column::OrganizationId, now));
        let parts = organizations.iter().map(Path::part).collect();
        any = any.add(backend.contains_one_of(Column::OrganizationPath, parts));
    }
    if !users.is_empty() {
        let acted = Condition::all()
            .add(Column::ActingUserId.is_not_null())
            .add(backend.is_one_of(Column::ActingUserId, users.clone()));
        any = any.add(acted);
        records.entry((ResourceName::User, None)).or_default().extend(users);
    }
    for ((resource_name, custom_resource), ids) in records {
        let custom = match custom_resource {
            None => Condition::all().add(Column::CustomResource.is_null()),
            Some(name) => Condition::all()
                .add(Column::CustomResource.is_not_null())
                .add(Column::CustomResource.eq(name.as_str())),
        };
        let record = Condition::all()
            .add(Column::ResourceName.eq(resource_name.as_str()))
            .add(custom)
            .add(backend.is_one_of(Column::ResourceId, ids));
        any = any.add(record);
    }
    any
}

impl TryFrom<legal_hold::Model> for Hold {
    type Error = Error;

    fn try_from(row: legal_hold::Model) -> Result<Self> {
        let unknown = || Error::internal("reading a legal hold", "it is on nothing known");
        let target = match (row.organization_id, row.user_id, row.resource_id) {
            (Some(id), None, None) => Target::Organization(Id::trusted(id)),
            (None, Some(id), None) => Target::User(Id::trusted(id)),
            (None, None, Some(id)) => Target::Record {
                resource_name: row
                    .resource_name
                    .as_deref()
                    .and_then(ResourceName::parse)
                    .ok_or_else(unknown)?,
                custom_resource: row.custom_resource.map(Id::trusted),
                resource_id: Id::trusted(id),
            },
            _ => return Err(unknown()),
        };
        Ok(Self {
            id: Id::trusted(row.id),
            target,
            reason: row.reason,
            placed_at: row.placed_at,
            placed_by: row.placed_by.map(Id::trusted),
            released_at: row.released_at,
            released_by: row.released_by.map(Id::trusted),
        })
    }
}
