//! How a tenant's log is kept: one row a tenant, and none while everything is at its default.

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
        let table = Table::create()
            .table("tenant_settings")
            .col(columns.required_text("tenant_id").primary_key())
            .col(columns.required_text("log_of_reads").default("EVERY_REQUEST"))
            .col(columns.required_text("locale").default("en-US"))
            .col(columns.required_text("time_zone").default("UTC"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("tenant_settings").take()).await
    }
}
