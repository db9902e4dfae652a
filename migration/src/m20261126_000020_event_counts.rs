//! How many events there are, by organization with all below it, hour, day or month, and kind.
//!
//! Nothing is counted yet when the step is done: the server counts what is there as it counts what comes,
//! and until it has come to an event, it counts that one by reading it.

use super::m20261126_000018_row_security::{guard, unguard};
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
        let counts = event_counts(&columns);
        let db = manager.get_connection();
        if columns.postgres {
            // Rows are updated again and again, and no index is of what changes in them: with room
            // beside them they stay where they are.
            let sql = format!("{} WITH (fillfactor = 60)", counts.to_string(PostgresQueryBuilder));
            db.execute_unprepared(&sql).await?;
        } else {
            manager.create_table(counts).await?;
        }
        let counted = columns.required_number("counted_sequence").default(0).take();
        manager
            .alter_table(Table::alter().table("sequence_heads").add_column(counted).take())
            .await?;
        if columns.postgres {
            for statement in TABLES.into_iter().flat_map(guard) {
                db.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if Columns::of(manager).postgres {
            for statement in TABLES.into_iter().flat_map(unguard) {
                manager.get_connection().execute_unprepared(&statement).await?;
            }
        }
        let alter = Table::alter().table("sequence_heads").drop_column("counted_sequence").take();
        manager.alter_table(alter).await?;
        manager.drop_table(Table::drop().table("event_counts").take()).await
    }
}

/// What a count is read from beside the events.
const TABLES: [&str; 2] = ["event_counts", "sequence_heads"];

fn event_counts(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("event_counts")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("organization_id"))
        .col(columns.required_text("period"))
        .col(columns.required_number("events"))
        .col(columns.required_text("kinds"))
        .primary_key(
            Index::create()
                .name("event_counts_pkey")
                .col("tenant_id")
                .col("organization_id")
                .col("period"),
        )
        .take()
}
