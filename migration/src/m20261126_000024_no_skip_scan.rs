//! SQLite is told of two tenants, and would then read an index by a later column once for each tenant: there may
//! be thousands, and what is asked for is always of one.

use super::{Columns, async_trait};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change(manager, "stat || ' noskipscan'").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change(manager, "replace(stat, ' noskipscan', '')").await
    }
}

async fn change(manager: &SchemaManager<'_>, stat: &str) -> Result<(), DbErr> {
    if Columns::of(manager).postgres {
        return Ok(());
    }
    let update = format!("UPDATE sqlite_stat1 SET stat = {stat} WHERE tbl = 'audit_events'");
    manager.get_connection().execute_unprepared(&update).await?;
    Ok(())
}
