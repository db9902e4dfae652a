//! What an event and a membership say beyond the first release: more kinds of event, where in the
//! tree an event was recorded, what can be searched, and who sees how much.

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
        for (table, column) in added(&columns) {
            // One column a statement: SQLite takes no more.
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        manager.get_connection().execute_unprepared(FILL_PATHS).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = Columns::of(manager);
        for (table, column) in added(&columns) {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        Ok(())
    }
}

fn added(columns: &Columns) -> Vec<(&'static str, ColumnDef)> {
    let events = "audit_events";
    let memberships = "organization_memberships";
    let flag = |name| columns.required_flag(name).default(false).take();
    vec![
        (events, columns.required_text("outcome").default("SUCCESS").take()),
        (events, columns.text("purpose")),
        // An event of a definition keeps the version it was checked against.
        (events, columns.text("custom_type")),
        (events, columns.number("custom_type_version")),
        (events, columns.text("custom_resource")),
        (events, columns.number("custom_resource_version")),
        // The address as 32 hexadecimal digits, so that a block of addresses is a range of text.
        (events, columns.text("ip_key")),
        (events, columns.text("description_words")),
        // The ids from the root down, each between newlines, as the tree stood at recording.
        (events, columns.required_text("organization_path").default("").take()),
        (memberships, columns.required_text("view").default("ALL").take()),
        (memberships, flag("can_view_sensitive_values")),
        (memberships, flag("can_view_resource_history")),
        (memberships, flag("can_add_notes")),
        // Raised by every change of what a tenant's events are recorded by.
        ("sequence_heads", columns.required_number("settings_revision").default(0).take()),
        ("api_keys", columns.time("revoked_at")),
    ]
}

/// Events that are there already were recorded under the tree as it stands: until now none moved.
const FILL_PATHS: &str = "
WITH RECURSIVE paths (tenant_id, id, path) AS (
    SELECT tenant_id, id, '\n' || id || '\n' FROM organizations WHERE parent_id IS NULL
    UNION ALL
    SELECT child.tenant_id, child.id, paths.path || child.id || '\n'
    FROM organizations child
    JOIN paths ON paths.tenant_id = child.tenant_id AND paths.id = child.parent_id
)
UPDATE audit_events SET organization_path = paths.path FROM paths
WHERE paths.tenant_id = audit_events.tenant_id AND paths.id = audit_events.organization_id";
