//! Where PostgreSQL has the Citus extension, the tables are distributed by tenant: all rows of one tenant
//! are on one machine, and whatever is asked of a tenant is asked there. What is no tenant's is on each.
//!
//! A table that comes later is distributed by the step that makes it.

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
        if !is_on(manager).await? {
            return Ok(());
        }
        let db = manager.get_connection();
        // Shards are made over one connection a machine: keys from one distributed table to another need it.
        db.execute_unprepared("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'").await?;
        for table in REFERENCE {
            db.execute_unprepared(&format!("SELECT create_reference_table('{table}')")).await?;
        }
        for table in DISTRIBUTED {
            db.execute_unprepared(&distribute(table)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_on(manager).await? {
            return Ok(());
        }
        let db = manager.get_connection();
        for table in DISTRIBUTED.iter().rev().chain(&REFERENCE) {
            db.execute_unprepared(&format!("SELECT undistribute_table('{table}')")).await?;
        }
        Ok(())
    }
}

/// What no tenant owns, and is small.
pub const REFERENCE: [&str; 3] = ["directory", "installation_secrets", "plans"];

/// What tenants own; a table comes after those that its foreign keys lead to.
pub const DISTRIBUTED: [&str; 18] = [
    "organizations",
    "users",
    "organization_memberships",
    "api_keys",
    "sequence_heads",
    "idempotency_records",
    "audit_events",
    "event_counts",
    "definitions",
    "definition_versions",
    "audit_policies",
    "sensitive_fields",
    "tenant_plans",
    "purge_runs",
    "legal_holds",
    "tenant_settings",
    "status_note_rules",
    "search_backlog",
];

/// The first one makes the group of shards that the others are in.
fn distribute(table: &str) -> String {
    let with = if table == "organizations" { "none" } else { "organizations" };
    format!("SELECT create_distributed_table('{table}', 'tenant_id', colocate_with => '{with}')")
}

/// Whether there is Citus.
pub(super) async fn is_on(manager: &SchemaManager<'_>) -> Result<bool, DbErr> {
    if !Columns::of(manager).postgres {
        return Ok(false);
    }
    let found = manager
        .get_connection()
        .query_one_raw(sea_orm::Statement::from_string(
            manager.get_database_backend(),
            "SELECT 1 FROM pg_extension WHERE extname = 'citus'",
        ))
        .await?;
    Ok(found.is_some())
}
