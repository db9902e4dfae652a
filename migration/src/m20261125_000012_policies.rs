//! What is recorded of a kind of record, and which of its fields are sensitive.

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
        manager.create_table(audit_policies(&columns)).await?;
        manager.create_table(sensitive_fields(&columns)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["sensitive_fields", "audit_policies"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

/// A policy, for one kind of record or (both names empty) for all. Names are never null, so that the
/// key holds them.
fn audit_policies(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("audit_policies")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("organization_id"))
        .col(columns.required_text("resource_name"))
        .col(columns.required_text("custom_resource"))
        .col(columns.required_text("policy"))
        .primary_key(
            Index::create()
                .name("audit_policies_pkey")
                .col("tenant_id")
                .col("organization_id")
                .col("resource_name")
                .col("custom_resource"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("audit_policies_organization_fkey")
                .from("audit_policies", ("tenant_id", "organization_id"))
                .to("organizations", ("tenant_id", "id")),
        )
        .take()
}

/// The sensitive fields of one kind of record or (both names empty) of all.
fn sensitive_fields(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("sensitive_fields")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("resource_name"))
        .col(columns.required_text("custom_resource"))
        .col(columns.required_text("fields"))
        .primary_key(
            Index::create()
                .name("sensitive_fields_pkey")
                .col("tenant_id")
                .col("resource_name")
                .col("custom_resource"),
        )
        .take()
}
