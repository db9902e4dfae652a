//! PostgreSQL keeps the plan of a page of one kind or one user, and keeps it for all of them. In a month that
//! has one kind only it would take that for any, and read the whole month where there is none. So it is told
//! that there are many, from the next `ANALYZE` on; how many events the frequent ones have it counts itself.
//!
//! `store::partitions` tells the same of each month that comes later.

use super::{Columns, async_trait, m20261126_000021_citus};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What may be one and the same in a month, and of how many it is to be one.
const MANY: [(&str, u32); 3] =
    [("resource_name", 100), ("event_type", 100), ("acting_user_id", 1_000)];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let set = MANY.map(|(column, many)| format!("ALTER {column} SET (n_distinct = {many})"));
        of_each_month(manager, &format!("ALTER TABLE {{}} {}", set.join(", "))).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let reset = MANY.map(|(column, _)| format!("ALTER {column} RESET (n_distinct)"));
        of_each_month(manager, &format!("ALTER TABLE {{}} {}", reset.join(", "))).await
    }
}

/// Runs a statement for each month's partition, whose name is put for `{}`.
pub(super) async fn of_each_month(
    manager: &SchemaManager<'_>,
    statement: &str,
) -> Result<(), DbErr> {
    // With Citus plans are made for their values, and months are on other machines.
    if !Columns::of(manager).postgres || m20261126_000021_citus::is_on(manager).await? {
        return Ok(());
    }
    let db = manager.get_connection();
    let months = db
        .query_all_raw(sea_orm::Statement::from_string(
            manager.get_database_backend(),
            "SELECT inhrelid::regclass::text AS month FROM pg_inherits
            WHERE inhparent = 'audit_events'::regclass ORDER BY 1",
        ))
        .await?;
    for month in months {
        let month: String = month.try_get("", "month")?;
        db.execute_unprepared(&statement.replace("{}", &month)).await?;
    }
    Ok(())
}
