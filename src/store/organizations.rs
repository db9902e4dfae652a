//! The tree of organizations, and the scopes that follow from it.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

use super::directory::{self, Kind};
use super::entity::{organization, sequence_head};
use super::{Backend, Store, Transaction, tallies, tenants};
use crate::domain::id::Id;
use crate::domain::organization::Organization;
use crate::domain::time::Time;
use crate::domain::tree::{Path, Tree};
use crate::domain::viewer::{Permission, Scope, Viewer};
use crate::error::Result;

impl From<organization::Model> for Organization {
    fn from(row: organization::Model) -> Self {
        Self {
            tenant_id: Id::trusted(row.tenant_id),
            id: Id::trusted(row.id),
            parent_id: row.parent_id.map(Id::trusted),
            depth: row.depth,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

impl Store {
    /// The organization with this id, of whatever tenant. For the operator and for claiming ids;
    /// never answer a viewer from it.
    pub async fn organization_anywhere(&self, id: &Id) -> Result<Option<Organization>> {
        let db = self.readers();
        match directory::tenant_of(db, Kind::Organization, id.as_str()).await? {
            Some(tenant_id) => find(db, &tenant_id, id).await,
            None => Ok(None),
        }
    }

    /// Whether there is any organization at all.
    pub async fn has_organizations(&self) -> Result<bool> {
        Ok(organization::Entity::find().one(self.readers()).await?.is_some())
    }

    /// The part of the tenant in which the viewer holds a right: the organizations where they hold
    /// it and all of their descendants, as the tree stands now.
    pub async fn scope(&self, viewer: &Viewer, permission: Permission) -> Result<Scope> {
        let tenant = self.tenant(&viewer.tenant_id).await?;
        Ok(Scope::of(tenant, viewer, permission, self.now()))
    }

    /// The same as the tree stood when the viewer signed in, or later: without asking the database.
    pub async fn known_scope(&self, viewer: &Viewer, permission: Permission) -> Result<Scope> {
        let tenant = self.known_tenant(&viewer.tenant_id).await?;
        Ok(Scope::of(tenant, viewer, permission, self.now()))
    }
}

/// The organization with this id in a tenant.
pub async fn find(
    db: &impl ConnectionTrait,
    tenant_id: &Id,
    id: &Id,
) -> Result<Option<Organization>> {
    let row =
        organization::Entity::find_by_id((tenant_id.to_string(), id.to_string())).one(db).await?;
    Ok(row.map(Organization::from))
}

/// Every organization of a tenant.
pub(super) async fn of_tenant(
    db: &impl ConnectionTrait,
    tenant_id: &Id,
) -> Result<Vec<Organization>> {
    let rows = organization::Entity::find()
        .filter(organization::Column::TenantId.eq(tenant_id.as_str()))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Organization::from).collect())
}

/// Adds an organization below `parent`, or as the root of a new tenant; `None` when its id is taken.
pub async fn insert(
    transaction: &Transaction,
    id: Id,
    name: String,
    parent: Option<&Organization>,
    created_at: Time,
) -> Result<Option<Organization>> {
    let tenant_id = parent.map_or_else(|| id.clone(), |parent| parent.tenant_id.clone());
    if !directory::claim(transaction, Kind::Organization, id.as_str(), &tenant_id).await? {
        return Ok(None);
    }
    if parent.is_none() {
        sequence_head::Entity::insert(sequence_head::ActiveModel {
            tenant_id: Set(tenant_id.to_string()),
            last_sequence: Set(0),
            settings_revision: Set(0),
            people_revision: Set(0),
            counted_sequence: Set(0),
        })
        .exec_without_returning(transaction)
        .await?;
    }
    let added = Organization {
        depth: parent.map_or(0, |parent| parent.depth + 1),
        parent_id: parent.map(|parent| parent.id.clone()),
        tenant_id,
        id,
        name,
        created_at,
    };
    organization::Entity::insert(organization::ActiveModel {
        tenant_id: Set(added.tenant_id.to_string()),
        id: Set(added.id.to_string()),
        parent_id: Set(added.parent_id.as_ref().map(Id::to_string)),
        depth: Set(added.depth),
        parent_depth: Set(parent.map(|parent| parent.depth)),
        name: Set(added.name.clone()),
        created_at: Set(added.created_at),
    })
    .exec_without_returning(transaction)
    .await?;
    tenants::touch(transaction, &added.tenant_id).await?;
    Ok(Some(added))
}

/// A tenant's organizations, as the transaction sees them; they stay as they are until it ends.
pub async fn locked_tree(transaction: &Transaction, tenant_id: &Id) -> Result<Tree> {
    tenants::lock(transaction, tenant_id).await?;
    tenants::tree(transaction, tenant_id).await
}

/// The path to one organization, which stays as it is until the transaction ends.
pub(super) async fn locked_path(
    transaction: &Transaction,
    tenant_id: &Id,
    id: &Id,
) -> Result<Option<Path>> {
    tenants::lock(transaction, tenant_id).await?;
    let mut ids = Vec::new();
    let mut next = Some(id.clone());
    while let Some(id) = next {
        let Some(found) = find(transaction, tenant_id, &id).await? else { return Ok(None) };
        ids.push(id);
        next = found.parent_id;
    }
    Ok(Some(Path::new(ids.iter().rev())))
}

/// Moves an organization, with all that is below it, below another parent of its tenant.
///
/// One statement, because depths and parents' depths must agree when it ends: that is what makes
/// cycles impossible.
pub async fn set_parent(
    transaction: &Transaction,
    moved: &Organization,
    parent: &Organization,
    moved_and_below: &[Id],
) -> Result<Organization> {
    use organization::Column;
    let by = parent.depth + 1 - moved.depth;
    let before = locked_tree(transaction, &moved.tenant_id).await?;
    tallies::follow_move(transaction, &before, moved, &parent.id).await?;
    let ids = moved_and_below.iter().map(Id::to_string).collect();
    let is_moved = || Expr::col(Column::Id).eq(moved.id.as_str());
    let parent_id = CaseStatement::new()
        .case(is_moved(), parent.id.as_str())
        .finally(Expr::col(Column::ParentId));
    organization::Entity::update_many()
        .col_expr(Column::ParentId, parent_id.into())
        .col_expr(Column::Depth, Expr::col(Column::Depth).add(by))
        .col_expr(Column::ParentDepth, Expr::col(Column::ParentDepth).add(by))
        .filter(Column::TenantId.eq(moved.tenant_id.as_str()))
        .filter(Backend::of(transaction).is_one_of(Column::Id, ids))
        .exec(transaction)
        .await?;
    tenants::touch(transaction, &moved.tenant_id).await?;
    Ok(Organization {
        parent_id: Some(parent.id.clone()),
        depth: parent.depth + 1,
        ..moved.clone()
    })
}
