//! Users, and what they are and may do in organizations.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::directory::{self, Kind};
use super::entity::{organization_membership as membership, user};
use super::{Backend, Store, Transaction, tenants};
use crate::domain::id::Id;
use crate::domain::kind::View;
use crate::domain::time::Time;
use crate::domain::viewer::Membership;
use crate::error::Result;

/// A person or service account of the audited application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The tenant they belong to.
    pub tenant_id: Id,
    /// Their id in the audited application.
    pub id: Id,
    /// Their given name.
    pub first_name: Option<String>,
    /// Their family name.
    pub last_name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
}

impl From<user::Model> for User {
    fn from(row: user::Model) -> Self {
        Self {
            tenant_id: Id::trusted(row.tenant_id),
            id: Id::trusted(row.id),
            first_name: row.first_name,
            last_name: row.last_name,
            email: row.email,
        }
    }
}

impl From<membership::Model> for Membership {
    fn from(row: membership::Model) -> Self {
        Self {
            id: Id::trusted(row.id),
            user_id: Id::trusted(row.user_id),
            organization_id: Id::trusted(row.organization_id),
            is_owner: row.is_owner,
            can_view_audit_log: row.can_view_audit_log,
            can_record: row.can_record,
            // Only names of it are ever stored; what is not known shows least.
            view: View::parse(&row.view).unwrap_or(View::Own),
            can_view_sensitive_values: row.can_view_sensitive_values,
            can_view_resource_history: row.can_view_resource_history,
            can_add_notes: row.can_add_notes,
        }
    }
}

impl Store {
    /// The user with this id, of whatever tenant. For authenticating and for the operator; never
    /// answer a viewer from it.
    pub async fn user_anywhere(&self, id: &Id) -> Result<Option<User>> {
        let db = self.readers();
        match directory::tenant_of(db, Kind::User, id.as_str()).await? {
            Some(tenant_id) => find(db, &tenant_id, id).await,
            None => Ok(None),
        }
    }

    /// Every membership of some users of a tenant.
    pub async fn memberships_of_users(
        &self,
        tenant_id: &Id,
        user_ids: Vec<Id>,
    ) -> Result<Vec<Membership>> {
        let user_ids = user_ids.into_iter().map(String::from).collect();
        let rows = membership::Entity::find()
            .filter(membership::Column::TenantId.eq(tenant_id.as_str()))
            .filter(self.backend().is_one_of(membership::Column::UserId, user_ids))
            .all(self.readers())
            .await?;
        Ok(rows.into_iter().map(Membership::from).collect())
    }
}

/// Those of `ids` that are users of the tenant.
pub(super) async fn among(
    db: &impl ConnectionTrait,
    backend: Backend,
    tenant_id: &Id,
    ids: Vec<Id>,
) -> Result<Vec<User>> {
    let ids = ids.into_iter().map(String::from).collect();
    let rows = user::Entity::find()
        .filter(user::Column::TenantId.eq(tenant_id.as_str()))
        .filter(backend.is_one_of(user::Column::Id, ids))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// The user with this id in a tenant.
pub async fn find(db: &impl ConnectionTrait, tenant_id: &Id, id: &Id) -> Result<Option<User>> {
    let row = user::Entity::find_by_id((tenant_id.to_string(), id.to_string())).one(db).await?;
    Ok(row.map(User::from))
}

/// Adds a user; false when the id is taken.
pub async fn insert(transaction: &Transaction, user: &User, created_at: Time) -> Result<bool> {
    if !directory::claim(transaction, Kind::User, user.id.as_str(), &user.tenant_id).await? {
        return Ok(false);
    }
    user::Entity::insert(user::ActiveModel {
        tenant_id: Set(user.tenant_id.to_string()),
        id: Set(user.id.to_string()),
        first_name: Set(user.first_name.clone()),
        last_name: Set(user.last_name.clone()),
        email: Set(user.email.clone()),
        created_at: Set(created_at),
    })
    .exec_without_returning(transaction)
    .await?;
    tenants::touch_people(transaction, &user.tenant_id).await?;
    Ok(true)
}

/// Every membership of a user.
pub async fn memberships_of(
    db: &impl ConnectionTrait,
    tenant_id: &Id,
    user_id: &Id,
) -> Result<Vec<Membership>> {
    let rows = membership::Entity::find()
        .filter(membership::Column::TenantId.eq(tenant_id.as_str()))
        .filter(membership::Column::UserId.eq(user_id.as_str()))
        .order_by_asc(membership::Column::OrganizationId)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Membership::from).collect())
}

/// The membership with this id in a tenant. Nobody else changes it until the transaction ends.
pub async fn find_membership(
    transaction: &Transaction,
    tenant_id: &Id,
    id: &Id,
) -> Result<Option<Membership>> {
    let row = membership::Entity::find_by_id((tenant_id.to_string(), id.to_string()))
        .lock_exclusive()
        .one(transaction)
        .await?;
    Ok(row.map(Membership::from))
}

/// Adds a membership; false when the user already has one in that organization.
pub async fn insert_membership(
    transaction: &Transaction,
    tenant_id: &Id,
    membership: &Membership,
    created_at: Time,
) -> Result<bool> {
    let row = membership_row(tenant_id, membership);
    let row = membership::ActiveModel { created_at: Set(created_at), ..row };
    let one_each = OnConflict::columns([
        membership::Column::TenantId,
        membership::Column::UserId,
        membership::Column::OrganizationId,
    ])
    .do_nothing()
    .to_owned();
    let inserted = membership::Entity::insert(row)
        .on_conflict(one_each)
        .exec_without_returning(transaction)
        .await?;
    tenants::touch_people(transaction, tenant_id).await?;
    Ok(inserted > 0)
}

/// Stores the rights of an existing membership.
pub async fn update_membership(
    transaction: &Transaction,
    tenant_id: &Id,
    membership: &Membership,
) -> Result<()> {
    membership::Entity::update(membership_row(tenant_id, membership)).exec(transaction).await?;
    tenants::touch_people(transaction, tenant_id).await
}

fn membership_row(tenant_id: &Id, membership: &Membership) -> membership::ActiveModel {
    let Membership {
        id,
        user_id,
        organization_id,
        is_owner,
        can_view_audit_log,
        can_record,
        view,
        can_view_sensitive_values,
        can_view_resource_history,
        can_add_notes,
    } = membership;
    membership::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        id: Set(id.to_string()),
        user_id: Set(user_id.to_string()),
        organization_id: Set(organization_id.to_string()),
        is_owner: Set(*is_owner),
        can_view_audit_log: Set(*can_view_audit_log),
        can_record: Set(*can_record),
        view: Set(view.as_str().to_owned()),
        can_view_sensitive_values: Set(*can_view_sensitive_values),
        can_view_resource_history: Set(*can_view_resource_history),
        can_add_notes: Set(*can_add_notes),
        ..Default::default()
    }
}
