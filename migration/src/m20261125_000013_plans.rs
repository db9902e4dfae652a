//! Plans, which tenant has which, what was purged by them, and legal holds, which stop it.

use super::{Columns, async_trait};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        for mut table in
            [plans(&columns), tenant_plans(&columns), purge_runs(&columns), legal_holds(&columns)]
        {
            manager.create_table(table.take()).await?;
        }
        let mut built_in = Query::insert();
        built_in.into_table("plans").columns(PLAN_COLUMNS);
        for [name, description, visible, kept, lead, lapses_to] in BUILT_IN {
            let given = |text: &str| Expr::val((!text.is_empty()).then(|| text.to_owned()));
            let values = [name, description, visible, kept, lead, lapses_to].map(given);
            built_in.values_panic(values);
        }
        manager.exec_stmt(built_in).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["legal_holds", "purge_runs", "tenant_plans", "plans"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

const PLAN_COLUMNS: [&str; 6] =
    ["name", "description", "visible_period", "kept_period", "subscription_lead", "lapses_to"];

/// What every installation has from the beginning; an operator may define them otherwise.
const BUILT_IN: [[&str; 6]; 4] = [
    ["free", "The last 7 days; kept for 30", "P7D", "P30D", "", ""],
    ["subscribed", "Everything from 30 days before the subscription on", "", "", "P30D", "free"],
    ["enterprise", "The last four months; kept for ten years", "P4M", "P10Y", "", ""],
    ["unlimited", "Everything", "", "", "", ""],
];

/// What a plan shows and keeps, in ISO 8601 periods; null is no limit. Global: every tenant of the
/// installation may be given any of them.
fn plans(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("plans")
        .col(columns.required_text("name").primary_key())
        .col(columns.text("description"))
        .col(columns.text("visible_period"))
        .col(columns.text("kept_period"))
        .col(columns.text("subscription_lead"))
        .col(columns.text("lapses_to"))
        .take()
}

/// Which plan a tenant has, with the plan's terms as they are for it, and those of the plan that
/// follows when it ends. A tenant without a row has no limits.
fn tenant_plans(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("tenant_plans")
        .col(columns.required_text("tenant_id").primary_key())
        .col(columns.required_text("plan"))
        .col(columns.text("visible_period"))
        .col(columns.text("kept_period"))
        .col(columns.text("subscription_lead"))
        .col(columns.required_time("since"))
        .col(columns.time("until"))
        .col(columns.text("lapses_to"))
        .col(columns.text("lapsed_visible_period"))
        .col(columns.text("lapsed_kept_period"))
        .col(columns.text("lapsed_subscription_lead"))
        .take()
}

/// What one run of purging removed of one tenant's log so far. A run without an end was interrupted,
/// or goes on.
fn purge_runs(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("purge_runs")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("id"))
        .col(columns.required_time("kept_since"))
        .col(columns.required_number("removed"))
        .col(columns.time("oldest_removed"))
        .col(columns.time("newest_removed"))
        .col(columns.required_text("partitions"))
        .col(columns.required_time("started_at"))
        .col(columns.time("finished_at"))
        .primary_key(Index::create().name("purge_runs_pkey").col("tenant_id").col("id"))
        .take()
}

/// What must not be purged: an organization and what is below it, a user, or one record.
fn legal_holds(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("legal_holds")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("id"))
        .col(columns.text("organization_id"))
        .col(columns.text("user_id"))
        .col(columns.text("resource_name"))
        .col(columns.text("custom_resource"))
        .col(columns.text("resource_id"))
        .col(columns.required_text("reason"))
        .col(columns.required_time("placed_at"))
        .col(columns.text("placed_by"))
        .col(columns.time("released_at"))
        .col(columns.text("released_by"))
        .primary_key(Index::create().name("legal_holds_pkey").col("tenant_id").col("id"))
        .check((
            "legal_holds_target_check",
            Expr::cust(
                "(organization_id IS NOT NULL AND user_id IS NULL AND resource_id IS NULL) \
                 OR (organization_id IS NULL AND user_id IS NOT NULL AND resource_id IS NULL) \
                 OR (organization_id IS NULL AND user_id IS NULL AND resource_id IS NOT NULL \
                     AND resource_name IS NOT NULL)",
            ),
        ))
        .take()
}
