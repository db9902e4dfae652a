//! Audit events, their numbering, and the record that makes recording idempotent.

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
        manager.create_table(sequence_heads(&columns)).await?;
        manager.create_table(idempotency_records(&columns)).await?;
        let events = audit_events(&columns);
        if columns.postgres {
            // Partitions are made by the server, month by month; there is never a DEFAULT one, which
            // would have to be scanned whenever a month is added.
            let sql = format!(
                "{} PARTITION BY RANGE (occurred_at)",
                events.to_string(PostgresQueryBuilder)
            );
            manager.get_connection().execute_unprepared(&sql).await?;
        } else {
            manager.create_table(events).await?;
        }
        for (name, leading) in INDEXES {
            let mut index = Index::create().name(name).table("audit_events").take();
            for column in leading {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        if !columns.postgres {
            // An empty table, to have SQLite make its table of statistics.
            manager.get_connection().execute_unprepared("ANALYZE sequence_heads").await?;
            manager.get_connection().execute_unprepared(STATISTICS).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["audit_events", "idempotency_records", "sequence_heads"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

/// Each ends in the order of the list it serves, tie-breaker included, so that a page is one range
/// read from its start. `resource_id` comes before `resource_name` so that it also serves alone.
const INDEXES: [(&str, &[&str]); 5] = [
    ("audit_events_by_sequence", &["tenant_id", "sequence"]),
    ("audit_events_by_organization", &["tenant_id", "organization_id", "occurred_at", "sequence"]),
    ("audit_events_by_acting_user", &["tenant_id", "acting_user_id", "occurred_at", "sequence"]),
    (
        "audit_events_by_resource",
        &["tenant_id", "resource_id", "resource_name", "occurred_at", "sequence"],
    ),
    (
        "audit_events_by_kind",
        &["tenant_id", "resource_name", "event_type", "occurred_at", "sequence"],
    ),
];

/// What SQLite is told about a large log, in the form of its `ANALYZE`: how many rows there are, and
/// how many share the first column of an index, the first two, and so on. Knowing nothing, it reads
/// the primary key where one of the indexes leads to fewer rows. Nothing else gathers statistics, so
/// that a plan is the same however much there is.
const STATISTICS: &str = "
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('audit_events', 'sqlite_autoindex_audit_events_1', '1000000 500000 2 1'),
    ('audit_events', 'audit_events_by_sequence', '1000000 500000 1'),
    ('audit_events', 'audit_events_by_organization', '1000000 500000 50000 2 1'),
    ('audit_events', 'audit_events_by_acting_user', '1000000 500000 50000 2 1'),
    ('audit_events', 'audit_events_by_resource', '1000000 500000 20 10 2 1'),
    ('audit_events', 'audit_events_by_kind', '1000000 500000 250000 50000 2 1')";

/// The last number given out in each tenant. Its row is locked by whoever appends, until the events
/// are committed: that is what makes numbers gapless and in the order of becoming visible.
fn sequence_heads(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("sequence_heads")
        .col(columns.required_text("tenant_id").primary_key())
        .col(columns.required_number("last_sequence"))
        .take()
}

/// Which event was recorded under a recorder's own id, and a digest of what it said. Apart from the
/// events because their unique keys must hold `occurred_at`, by which they are partitioned.
fn idempotency_records(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("idempotency_records")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("external_id"))
        .col(columns.required_bytes("fingerprint"))
        .col(columns.required_time("occurred_at"))
        .col(columns.required_number("sequence"))
        .primary_key(
            Index::create().name("idempotency_records_pkey").col("tenant_id").col("external_id"),
        )
        .take()
}

fn audit_events(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("audit_events")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_time("occurred_at"))
        .col(columns.required_number("sequence"))
        .col(columns.required_time("recorded_at"))
        .col(columns.text("external_id"))
        .col(columns.required_text("organization_id"))
        .col(columns.text("acting_user_id"))
        .col(columns.required_text("event_type"))
        .col(columns.required_text("resource_name"))
        .col(columns.required_text("resource_id"))
        .col(columns.required_text("changed_fields"))
        .col(columns.required_text("changes"))
        .col(columns.text("ip_address"))
        .col(columns.text("user_agent"))
        .col(columns.text("url"))
        .col(columns.text("page"))
        .col(columns.text("description"))
        .col(columns.text("request_id"))
        .col(columns.text("metadata"))
        .primary_key(
            Index::create()
                .name("audit_events_pkey")
                .col("tenant_id")
                .col("occurred_at")
                .col("sequence"),
        )
        .take()
}
