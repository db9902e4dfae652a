//! PostgreSQL compares each organization of a list, when it plans, with each that it knows to be frequent in a
//! month: for two hundred of them planning took four times as long as the page. So it is to know fewer; how
//! many there are in all it knows as before. It learns that, and what the step before told it, from an
//! `ANALYZE`, which months that do not change any more would not get by themselves.
//!
//! `store::partitions` tells the same of each month that comes later.

use super::{async_trait, m20261126_000022_kinds::of_each_month};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        of_each_month(manager, "ALTER TABLE {} ALTER organization_id SET STATISTICS 20").await?;
        let columns = "organization_id, acting_user_id, resource_name, event_type";
        of_each_month(manager, &format!("ANALYZE {{}} ({columns})")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        of_each_month(manager, "ALTER TABLE {} ALTER organization_id SET STATISTICS -1").await
    }
}
