//! When the server writes status notes on records.

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
        manager.create_table(status_note_rules(&columns)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("status_note_rules").take()).await
    }
}

/// The rules for one kind of record, as a JSON list. `custom_resource` is empty for a kind of the
/// registry.
fn status_note_rules(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("status_note_rules")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("resource_name"))
        .col(columns.required_text("custom_resource"))
        .col(columns.required_text("rules"))
        .col(columns.required_time("changed_at"))
        .primary_key(
            Index::create()
                .name("status_note_rules_pkey")
                .col("tenant_id")
                .col("resource_name")
                .col("custom_resource"),
        )
        .take()
}
