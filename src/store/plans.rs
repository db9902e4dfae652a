//! Plans, and which tenant has which.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::entity::{plan, purge_run, tenant_plan};
use super::{Store, Transaction, tenants};
use crate::domain::id::Id;
use crate::domain::period::Period;
use crate::domain::plan::{Plan, Retention, Subscription, Terms};
use crate::error::{Error, Result};

impl Store {
    /// Every plan, by name.
    pub async fn plans(&self) -> Result<Vec<Plan>> {
        let rows =
            plan::Entity::find().order_by_asc(plan::Column::Name).all(self.readers()).await?;
        rows.into_iter().map(Plan::try_from).collect()
    }

    /// The plan of this name.
    pub async fn plan(&self, name: &Id) -> Result<Option<Plan>> {
        let row = plan::Entity::find_by_id(name.as_str()).one(self.readers()).await?;
        row.map(Plan::try_from).transpose()
    }

    /// The tenants that have a plan, or will have it when theirs lapses.
    pub async fn tenants_with_plan(&self, name: &Id) -> Result<Vec<Id>> {
        tenants_with(self.readers(), name).await
    }

    /// Every tenant that was given a plan, and the plan's name.
    pub async fn tenants_by_plan(&self) -> Result<Vec<(Id, Id)>> {
        let rows: Vec<(String, String)> = tenant_plan::Entity::find()
            .select_only()
            .column(tenant_plan::Column::TenantId)
            .column(tenant_plan::Column::Plan)
            .order_by_asc(tenant_plan::Column::TenantId)
            .into_tuple()
            .all(self.readers())
            .await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, plan)| (Id::trusted(tenant), Id::trusted(plan)))
            .collect())
    }
}

/// The plan of this name. Nobody defines it anew or removes it until the transaction ends.
pub async fn find(transaction: &Transaction, name: &Id) -> Result<Option<Plan>> {
    let row = plan::Entity::find_by_id(name.as_str()).lock_shared().one(transaction).await?;
    row.map(Plan::try_from).transpose()
}

/// Stores a plan, in the place of what had its name before.
pub async fn define(transaction: &Transaction, defined: &Plan) -> Result<()> {
    let Plan { name, description, terms, lapses_to } = defined;
    let Terms { visible, kept, lead } = terms;
    let anew = OnConflict::column(plan::Column::Name)
        .update_columns([
            plan::Column::Description,
            plan::Column::VisiblePeriod,
            plan::Column::KeptPeriod,
            plan::Column::SubscriptionLead,
            plan::Column::LapsesTo,
        ])
        .to_owned();
    plan::Entity::insert(plan::ActiveModel {
        name: Set(name.to_string()),
        description: Set(description.clone()),
        visible_period: Set(text(*visible)),
        kept_period: Set(text(*kept)),
        subscription_lead: Set(text(*lead)),
        lapses_to: Set(lapses_to.as_ref().map(Id::to_string)),
    })
    .on_conflict(anew)
    .exec_without_returning(transaction)
    .await?;
    Ok(())
}

/// Whether there is a plan of this name. Until the transaction ends nobody else gives it to a tenant.
pub async fn lock(transaction: &Transaction, name: &Id) -> Result<bool> {
    let found = plan::Entity::find_by_id(name.as_str()).lock_exclusive().one(transaction).await?;
    Ok(found.is_some())
}

/// Removes a plan.
pub async fn remove(transaction: &Transaction, name: &Id) -> Result<()> {
    plan::Entity::delete_by_id(name.as_str()).exec(transaction).await?;
    Ok(())
}

/// The tenants that have a plan, or will have it when theirs lapses.
pub async fn tenants_with(db: &impl ConnectionTrait, name: &Id) -> Result<Vec<Id>> {
    let is = tenant_plan::Column::Plan.eq(name.as_str());
    let will_be = tenant_plan::Column::LapsesTo.eq(name.as_str());
    let rows: Vec<String> = tenant_plan::Entity::find()
        .select_only()
        .column(tenant_plan::Column::TenantId)
        .filter(is.or(will_be))
        .order_by_asc(tenant_plan::Column::TenantId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Id::trusted).collect())
}

/// The plans that lapse to one.
pub async fn lapsing_to(db: &impl ConnectionTrait, name: &Id) -> Result<Vec<Id>> {
    let rows = plan::Entity::find()
        .filter(plan::Column::LapsesTo.eq(name.as_str()))
        .order_by_asc(plan::Column::Name)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| Id::trusted(row.name)).collect())
}

/// What a tenant subscribed to.
pub async fn subscription(
    db: &impl ConnectionTrait,
    tenant_id: &Id,
) -> Result<Option<Subscription>> {
    let row = tenant_plan::Entity::find_by_id(tenant_id.as_str()).one(db).await?;
    row.map(Subscription::try_from).transpose()
}

/// Gives a tenant a plan, in the place of the one it had.
pub async fn assign(
    transaction: &Transaction,
    tenant_id: &Id,
    subscription: &Subscription,
) -> Result<()> {
    let Subscription { plan, terms: Terms { visible, kept, lead }, since, until, lapses_to } =
        subscription;
    let lapsed = lapses_to.as_ref().map(|(_, terms)| *terms).unwrap_or_default();
    let row = tenant_plan::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        plan: Set(plan.to_string()),
        visible_period: Set(text(*visible)),
        kept_period: Set(text(*kept)),
        subscription_lead: Set(text(*lead)),
        since: Set(*since),
        until: Set(*until),
        lapses_to: Set(lapses_to.as_ref().map(|(name, _)| name.to_string())),
        lapsed_visible_period: Set(text(lapsed.visible)),
        lapsed_kept_period: Set(text(lapsed.kept)),
        lapsed_subscription_lead: Set(text(lapsed.lead)),
    };
    tenant_plan::Entity::delete_by_id(tenant_id.as_str()).exec(transaction).await?;
    tenant_plan::Entity::insert(row).exec_without_returning(transaction).await?;
    tenants::touch(transaction, tenant_id).await
}

/// How far back a tenant's log goes. A run of purging has a row from before its first removal on.
pub(super) async fn retention(db: &impl ConnectionTrait, tenant_id: &Id) -> Result<Retention> {
    let purged_before = purge_run::Entity::find()
        .select_only()
        .column_as(Expr::col(purge_run::Column::KeptSince).max(), "kept_since")
        .filter(purge_run::Column::TenantId.eq(tenant_id.as_str()))
        .into_tuple()
        .one(db)
        .await?;
    Ok(Retention {
        subscription: subscription(db, tenant_id).await?,
        purged_before: purged_before.flatten(),
    })
}

fn text(period: Option<Period>) -> Option<String> {
    period.map(|period| period.to_string())
}

fn terms(visible: Option<String>, kept: Option<String>, lead: Option<String>) -> Result<Terms> {
    let period = |text: Option<String>| {
        let period = text.map(|text| Period::parse(&text)).transpose();
        period.map_err(|problem| Error::internal("reading a plan", problem))
    };
    Ok(Terms { visible: period(visible)?, kept: period(kept)?, lead: period(lead)? })
}

impl TryFrom<plan::Model> for Plan {
    type Error = Error;

    fn try_from(row: plan::Model) -> Result<Self> {
        Ok(Self {
            name: Id::trusted(row.name),
            description: row.description,
            terms: terms(row.visible_period, row.kept_period, row.subscription_lead)?,
            lapses_to: row.lapses_to.map(Id::trusted),
        })
    }
}

impl TryFrom<tenant_plan::Model> for Subscription {
    type Error = Error;

    fn try_from(row: tenant_plan::Model) -> Result<Self> {
        let lapsed =
            terms(row.lapsed_visible_period, row.lapsed_kept_period, row.lapsed_subscription_lead)?;
        Ok(Self {
            plan: Id::trusted(row.plan),
            terms: terms(row.visible_period, row.kept_period, row.subscription_lead)?,
            since: row.since,
            until: row.until,
            lapses_to: row.lapses_to.map(|name| (Id::trusted(name), lapsed)),
        })
    }
}
