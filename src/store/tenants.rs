//! Tenants with all their settings, kept in memory and known to be current.
//!
//! Every change of a tenant's settings raises one number in the row that appending locks. So a
//! reader asks for that number alone, once a request, when it signs in (`store::arrivals`); and a recorder need not: appending
//! compares it under the lock, and events that were prepared by older settings are prepared again. A second
//! number in the same row stands for the tenant's people (`store::people`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QuerySelect as _,
};

use super::append::lock_head;
use super::entity::{organization, sequence_head};
use super::event_reads::EventReaders;
use super::{
    Store, Transaction, definitions, note_rules, organizations, partitions, plans, policies,
    settings, waiting,
};
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

    /// Keeps a tenant in place of what was kept when reading it began, unless somebody else has kept it
    /// newer meanwhile.
    fn keep(&self, tenant: &Arc<Tenant>, before: Option<&Arc<Tenant>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = kept.get(&tenant.id);
        let is_as_before = now.map(Arc::as_ptr) == before.map(Arc::as_ptr);
        if !is_as_before && now.is_some_and(|now| now.revision >= tenant.revision) {
            return;
        }
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(tenant.id.clone(), Arc::clone(tenant));
    }
}

impl Store {
    /// A tenant as it is set up at this moment.
    pub async fn tenant(&self, id: &Id) -> Result<Arc<Tenant>> {
        Ok(self.current(id).await?.0)
    }

    /// The same, with the revision of its people.
    pub(super) async fn current(&self, id: &Id) -> Result<(Arc<Tenant>, i64)> {
        let mut revisions = self.revisions(id).await?;
        let kept = self.tenants.get(id);
        if let Some(kept) = &kept
            && kept.revision == revisions.settings
        {
            return Ok((Arc::clone(kept), revisions.people));
        }
        loop {
            let read = load(self.readers(), id, revisions.settings, kept.as_deref()).await?;
            let tenant = Arc::new(read);
            // What was read belongs together when nothing changed meanwhile.
            let after = self::revisions(&self.database.event_readers, id).await?;
            if after.settings == revisions.settings {
                self.tenants.keep(&tenant, kept.as_ref());
                return Ok((tenant, revisions.people));
            }
            revisions = after;
        }
    }

    /// Those of this moment.
    async fn revisions(&self, id: &Id) -> Result<Revisions> {
        let (readers, asked) = (self.database.event_readers.clone(), id.clone());
        let together = self.arrivals.ask(id, move || {
            let (readers, asked) = (readers.clone(), asked.clone());
            async move { revisions(&readers, &asked).await }
        });
        match waiting::wait(together).await.map_err(DbErr::from)? {
            Some(revisions) => Ok(revisions),
            None => revisions(&self.database.event_readers, id).await,
        }
    }

    /// A tenant as this server last knew it: as it was when whoever asks signed in, or later. Appending
    /// refuses what was prepared by settings that are no longer in force.
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
    raise(transaction, tenant_id, sequence_head::Column::SettingsRevision).await?;
    partitions::keep_open(transaction).await
}

/// The same for the tenant's users, memberships and API keys: every change of them must call it.
pub(super) async fn touch_people(transaction: &Transaction, tenant_id: &Id) -> Result<()> {
    raise(transaction, tenant_id, sequence_head::Column::PeopleRevision).await
}

async fn raise(
    transaction: &Transaction,
    tenant_id: &Id,
    revision: sequence_head::Column,
) -> Result<()> {
    sequence_head::Entity::update_many()
        .col_expr(revision, Expr::col(revision).add(1))
        .filter(sequence_head::Column::TenantId.eq(tenant_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Holds the tenant's lock until the transaction ends: nothing is appended for it meanwhile, and none
/// of its settings change. The revision of the settings.
pub async fn lock(transaction: &Transaction, tenant_id: &Id) -> Result<i64> {
    Ok(lock_head(transaction, tenant_id).await?.settings_revision)
}

/// What a tenant's settings and its people are numbered by.
#[derive(Clone, Copy)]
pub(super) struct Revisions {
    settings: i64,
    people: i64,
}

async fn revisions(readers: &EventReaders, id: &Id) -> Result<Revisions> {
    let head = sequence_head::Entity::find_by_id(id.as_str())
        .select_only()
        .column(sequence_head::Column::SettingsRevision)
        .column(sequence_head::Column::PeopleRevision);
    let (settings, people) = readers
        .numbers(head)
        .await?
        .ok_or_else(|| Error::internal("reading a tenant", "it has no sequence head"))?;
    Ok(Revisions { settings, people })
}

/// Reads a tenant; what did not change since `earlier` need not be made anew.
async fn load(
    db: &impl ConnectionTrait,
    id: &Id,
    revision: i64,
    earlier: Option<&Tenant>,
) -> Result<Tenant> {
    let organizations = organizations::of_tenant(db, id).await?;
    let parents = organizations.iter().map(|found| (found.id.clone(), found.parent_id.clone()));
    Ok(Tenant {
        id: id.clone(),
        revision,
        tree: Tree::new(parents),
        organizations: organizations.into_iter().map(|found| (found.id.clone(), found)).collect(),
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
