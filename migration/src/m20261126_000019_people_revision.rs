//! A number a tenant, raised by every change of who signs in and what they may do, beside the one of its
//! settings: a server that knows both numbers to be the current ones need not read the rest.

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
        let mut column = Columns::of(manager).required_number("people_revision");
        let column = column.default(0).take();
        let table = Table::alter().table("sequence_heads").add_column(column).take();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter().table("sequence_heads").drop_column("people_revision").take();
        manager.alter_table(table).await
    }
}
