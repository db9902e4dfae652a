//! A tenant's own types of events and kinds of records, with every version of each.

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
        for mut table in [definitions(&columns), definition_versions(&columns)] {
            manager.create_table(table.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["definition_versions", "definitions"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

/// What is defined: `version` is the newest one, `retired_at` is null while events of it are recorded.
fn definitions(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("definitions")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("kind"))
        .col(columns.required_text("name"))
        .col(columns.required_number("version"))
        .col(columns.time("retired_at"))
        .primary_key(
            Index::create().name("definitions_pkey").col("tenant_id").col("kind").col("name"),
        )
        .take()
}

/// What each version says. `bytes` is how many it takes, so that a tenant's can be added up without
/// being read.
fn definition_versions(columns: &Columns) -> TableCreateStatement {
    let key = ("tenant_id", "kind", "name");
    Table::create()
        .table("definition_versions")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("kind"))
        .col(columns.required_text("name"))
        .col(columns.required_number("version"))
        .col(columns.text("description"))
        .col(columns.text("metadata_schema"))
        .col(columns.required_number("bytes"))
        .col(columns.required_time("defined_at"))
        .col(columns.text("defined_by"))
        .primary_key(
            Index::create()
                .name("definition_versions_pkey")
                .col("tenant_id")
                .col("kind")
                .col("name")
                .col("version"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("definition_versions_definition_fkey")
                .from("definition_versions", key)
                .to("definitions", key),
        )
        .take()
}
