//! Tenants with all their settings, kept in memory and known to be current.
//!
//! Every change of a tenant's settings raises one number in the row that appending locks. So a
//! reader asks for that number alone, and a recorder for nothing at all: appending compares it under
//! the lock, and events that were prepared by older settings are prepared again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _,
};

use super::entity::{organization, sequence_head};
use super::{Store, Transaction, definitions, note_rules, partitions, plans, policies, settings};
use crate::domain::id::Id;
use crate::domain::tenant::Tenant;
use crate::domain::tree::Tree;
use crate::error::{Error, Result};

/// How many tenants are kept in memory; more are read again when they are needed.
const MAX_KEPT: usize = 10_000;

/// The tenants that were read, as they were then.
#[derive(Clone, Default)]
pub(super) struct Tenants {
    kept: Arc<Mutex<HashMap<Id, Arc<Tenant>>>>,
}

impl Tenants {
    fn get(&self, id: &Id) -> Option<Arc<Tenant>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn keep(&self, tenant: &Arc<Tenant>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(tenant.id.clone(), Arc::clone(tenant));
    }
}

impl Store {
    /// A tenant as it is set up at this moment.
    pub async fn tenant(&self, id: &Id) -> Result<Arc<Tenant>> {
        let db = self.readers();
        let mut revision = revision(db, id).await?;
        let kept = self.tenants.get(id);
        if let Some(kept) = &kept
            && kept.revision == revision
        {
            return Ok(Arc::clone(kept));
        }
        loop {
            let tenant = Arc::new(load(db, id, revision, kept.as_deref()).await?);
            // What was read belongs together when nothing changed meanwhile.
            let after = self::revision(db, id).await?;
            if after == revision {
                self.tenants.keep(&tenant);
                return Ok(tenant);
            }
            revision = after;
        }
    }

    /// A tenant as this server last knew it, for appending, which refuses what was prepared by
    /// settings that are no longer in force.
    pub async fn known_tenant(&self, id: &Id) -> Result<Arc<Tenant>> {
        match self.tenants.get(id) {
            Some(kept) => Ok(kept),
            None => self.tenant(id).await,
        }
    }
}

/// Makes every server read the tenant's settings again from this transaction's commit on; nothing is
/// appended for the tenant until then. Every change of what [`Tenant`] holds must call it, and every
/// change of what may be purged.
pub async fn touch(transaction: &Transaction, tenant_id: &Id) -> Result<()> {
    let column = sequence_head::Column::SettingsRevision;
    sequence_head::Entity::update_many()
        .col_expr(column, Expr::col(column).add(1))
        .filter(sequence_head::Column::TenantId.eq(tenant_id.as_str()))
        .exec(transaction)
        .await?;
    partitions::keep_open(transaction).await
}

/// Holds the tenant's lock until the transaction ends: nothing is appended for it meanwhile, and none
/// of its settings change. The revision of the settings.
pub async fn lock(transaction: &Transaction, tenant_id: &Id) -> Result<i64> {
    let head = sequence_head::Entity::find_by_id(tenant_id.as_str())
        .lock_exclusive()
        .one(transaction)
        .await?;
    let head =
        head.ok_or_else(|| Error::internal("locking a tenant", "it has no sequence head"))?;
    Ok(head.settings_revision)
}

async fn revision(db: &impl ConnectionTrait, id: &Id) -> Result<i64> {
    let found: Option<i64> = sequence_head::Entity::find_by_id(id.as_str())
        .select_only()
        .column(sequence_head::Column::SettingsRevision)
        .into_tuple()
        .one(db)
        .await?;
    found.ok_or_else(|| Error::internal("reading a tenant", "it has no sequence head"))
}

/// Reads a tenant; what did not change since `earlier` need not be made anew.
async fn load(
    db: &impl ConnectionTrait,
    id: &Id,
    revision: i64,
    earlier: Option<&Tenant>,
) -> Result<Tenant> {
    Ok(Tenant {
        id: id.clone(),
        revision,
        tree: tree(db, id).await?,
        definitions: definitions::known(db, id, earlier.map(|tenant| &tenant.definitions)).await?,
        policies: policies::all(db, id).await?,
        sensitive_fields: policies::all_sensitive(db, id).await?,
        note_rules: note_rules::all(db, id).await?,
        retention: plans::retention(db, id).await?,
        settings: settings::find(db, id).await?,
    })
}

/// A tenant's organizations.
pub(super) async fn tree(db: &impl ConnectionTrait, id: &Id) -> Result<Tree> {
    let parents: Vec<(String, Option<String>)> = organization::Entity::find()
        .select_only()
        .column(organization::Column::Id)
        .column(organization::Column::ParentId)
        .filter(organization::Column::TenantId.eq(id.as_str()))
        .into_tuple()
        .all(db)
        .await?;
    let trusted =
        |(id, parent): (String, Option<String>)| (Id::trusted(id), parent.map(Id::trusted));
    Ok(Tree::new(parents.into_iter().map(trusted)))
}
