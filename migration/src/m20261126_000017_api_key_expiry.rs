//! API keys that expire, and that are found by their own ids too.

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
        let mut column = Columns::of(manager).time("expires_at");
        let table = Table::alter().table("api_keys").add_column(column.take()).take();
        manager.alter_table(table).await?;
        manager.get_connection().execute_unprepared(LIST_IDS).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(FORGET_IDS).await?;
        let table = Table::alter().table("api_keys").drop_column("expires_at").take();
        manager.alter_table(table).await
    }
}

/// The operator's command line names a key by its bare id, of whatever tenant.
const LIST_IDS: &str = "
INSERT INTO directory (kind, id, tenant_id) SELECT 'api_key_id', id, tenant_id FROM api_keys";

const FORGET_IDS: &str = "DELETE FROM directory WHERE kind = 'api_key_id'";
