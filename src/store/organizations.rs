//! The tree of organizations, and the scopes that follow from it.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{
    CommonTableExpression, Expr, ExprTrait as _, JoinType, Query, SelectStatement, UnionType,
    WithClause,
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

use super::directory::{self, Kind};
use super::entity::{organization, sequence_head};
use super::{Store, Transaction};
use crate::domain::id::Id;
use crate::domain::time::Time;
use crate::domain::viewer::{Permission, Scope, Viewer, VisibleOrganizations};
use crate::error::Result;

/// A node of a tenant's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The root of its tree; itself for a root.
    pub tenant_id: Id,
    /// Its id in the audited application.
    pub id: Id,
    /// The organization above it; none for a root.
    pub parent_id: Option<Id>,
    /// How far below the root it is.
    pub depth: i64,
    /// Its name, for people.
    pub name: String,
    /// When it was added.
    pub created_at: Time,
}

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
        let roots = viewer.organizations_with(permission);
        self.scope_below(&viewer.tenant_id, roots).await
    }

    /// A scope narrowed to one organization, with or without its descendants; `None` when the
    /// organization is not in it, whether or not it exists elsewhere.
    pub async fn narrow(
        &self,
        scope: &Scope,
        organization_id: &Id,
        with_descendants: bool,
    ) -> Result<Option<Scope>> {
        let tenant_id = scope.tenant_id();
        if !scope.holds(organization_id)
            || find(self.readers(), tenant_id, organization_id).await?.is_none()
        {
            return Ok(None);
        }
        let roots = vec![organization_id.clone()];
        if with_descendants {
            // What is below an organization of the scope is in the scope.
            self.scope_below(tenant_id, roots).await.map(Some)
        } else {
            Ok(Some(Scope::only(tenant_id.clone(), roots)))
        }
    }

    /// Those of `ids` that are organizations of the scope.
    pub async fn organizations_in(&self, scope: &Scope, ids: Vec<Id>) -> Result<Vec<Organization>> {
        let ids: Vec<String> =
            ids.into_iter().filter(|id| scope.holds(id)).map(String::from).collect();
        let rows = organization::Entity::find()
            .filter(organization::Column::TenantId.eq(scope.tenant_id().as_str()))
            .filter(self.backend().is_one_of(organization::Column::Id, ids))
            .all(self.readers())
            .await?;
        Ok(rows.into_iter().map(Organization::from).collect())
    }

    /// Every organization of the scope, parents before children.
    pub async fn organizations_of(&self, scope: &Scope) -> Result<Vec<Organization>> {
        let mut query = organization::Entity::find()
            .filter(organization::Column::TenantId.eq(scope.tenant_id().as_str()));
        if let VisibleOrganizations::Only(ids) = scope.organizations() {
            let ids = ids.iter().map(Id::to_string).collect();
            query = query.filter(self.backend().is_one_of(organization::Column::Id, ids));
        }
        let rows = query.all(self.readers()).await?;
        let mut organizations: Vec<_> = rows.into_iter().map(Organization::from).collect();
        organizations.sort_by(|a, b| (a.depth, &a.id).cmp(&(b.depth, &b.id)));
        Ok(organizations)
    }

    async fn scope_below(&self, tenant_id: &Id, roots: Vec<Id>) -> Result<Scope> {
        if roots.contains(tenant_id) {
            return Ok(Scope::tenant(tenant_id.clone()));
        }
        if roots.is_empty() {
            return Ok(Scope::only(tenant_id.clone(), roots));
        }
        let roots = roots.into_iter().map(String::from).collect();
        let tree =
            descendants(tenant_id, self.backend().is_one_of(organization::Column::Id, roots));
        let select = Query::select().column("id").from("tree").take();
        let rows = self.readers().query_all(&select.with(tree)).await?;
        let ids = rows.into_iter().map(|row| row.try_get("", "id").map(Id::trusted));
        Ok(Scope::only(tenant_id.clone(), ids.collect::<Result<_, _>>()?))
    }
}

/// The table `tree`: the organizations that meet a condition and all that are below them.
fn descendants(tenant_id: &Id, roots: Expr) -> WithClause {
    let tenant_id = tenant_id.as_str();
    let mut tree: SelectStatement = Query::select()
        .column("id")
        .from(organization::Entity)
        .and_where(organization::Column::TenantId.eq(tenant_id))
        .and_where(roots)
        .take();
    let children = Query::select()
        .column(("child", "id"))
        .from_as(organization::Entity, "child")
        .join(JoinType::InnerJoin, "tree", Expr::col(("child", "parent_id")).equals(("tree", "id")))
        .and_where(Expr::col(("child", "tenant_id")).eq(tenant_id))
        .take();
    tree.union(UnionType::Distinct, children);
    let table = CommonTableExpression::new().table_name("tree").column("id").query(tree).to_owned();
    WithClause::new().recursive(true).cte(table).to_owned()
}

/// The organization with this id in a tenant.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    tenant_id: &Id,
    id: &Id,
) -> Result<Option<Organization>> {
    let row =
        organization::Entity::find_by_id((tenant_id.to_string(), id.to_string())).one(db).await?;
    Ok(row.map(Organization::from))
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
    Ok(Some(added))
}
