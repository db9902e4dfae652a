//! Organizations, users, memberships, API keys, and what finds a tenant for a bare id.

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
        for mut table in [
            installation_secrets(&columns),
            directory(&columns),
            organizations(&columns),
            users(&columns),
            organization_memberships(&columns),
            api_keys(&columns),
        ] {
            manager.create_table(table.take()).await?;
        }
        manager
            .create_index(
                Index::create()
                    .name("organizations_by_parent")
                    .table("organizations")
                    .col("tenant_id")
                    .col("parent_id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "api_keys",
            "organization_memberships",
            "users",
            "organizations",
            "directory",
            "installation_secrets",
        ] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

/// Keys that all servers of an installation share, such as the one that signs cursors. Global.
fn installation_secrets(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("installation_secrets")
        .col(columns.required_text("name").primary_key())
        .col(columns.required_bytes("value"))
        .take()
}

/// Which tenant an organization, a user or an API key belongs to. Global: credentials and command
/// lines name a bare id, and every other table is found by tenant.
fn directory(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("directory")
        .col(columns.required_text("kind"))
        .col(columns.required_text("id"))
        .col(columns.required_text("tenant_id"))
        .primary_key(Index::create().name("directory_pkey").col("kind").col("id"))
        .take()
}

/// A node of a tree. `depth` makes cycles impossible: a child's parent is one level above it by the
/// foreign key, so going up always ends at a root, whose own id is the tenant's.
fn organizations(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("organizations")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("id"))
        .col(columns.text("parent_id"))
        .col(columns.required_number("depth"))
        .col(columns.number("parent_depth"))
        .col(columns.required_text("name"))
        .col(columns.required_time("created_at"))
        .primary_key(Index::create().name("organizations_pkey").col("tenant_id").col("id"))
        .index(
            Index::create()
                .name("organizations_depth_key")
                .unique()
                .col("tenant_id")
                .col("id")
                .col("depth"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("organizations_parent_fkey")
                .from("organizations", ("tenant_id", "parent_id", "parent_depth"))
                .to("organizations", ("tenant_id", "id", "depth")),
        )
        .check((
            "organizations_depth_check",
            Expr::cust(
                "(parent_id IS NULL AND parent_depth IS NULL AND depth = 0 AND id = tenant_id) \
                 OR (parent_id IS NOT NULL AND parent_depth IS NOT NULL \
                     AND depth = parent_depth + 1 AND id <> tenant_id)",
            ),
        ))
        .take()
}

fn users(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("id"))
        .col(columns.text("first_name"))
        .col(columns.text("last_name"))
        .col(columns.text("email"))
        .col(columns.required_time("created_at"))
        .primary_key(Index::create().name("users_pkey").col("tenant_id").col("id"))
        .take()
}

fn organization_memberships(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("organization_memberships")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("id"))
        .col(columns.required_text("user_id"))
        .col(columns.required_text("organization_id"))
        .col(columns.required_flag("is_owner"))
        .col(columns.required_flag("can_view_audit_log"))
        .col(columns.required_flag("can_record"))
        .col(columns.required_time("created_at"))
        .primary_key(
            Index::create().name("organization_memberships_pkey").col("tenant_id").col("id"),
        )
        .index(
            Index::create()
                .name("organization_memberships_user_key")
                .unique()
                .col("tenant_id")
                .col("user_id")
                .col("organization_id"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("organization_memberships_user_fkey")
                .from("organization_memberships", ("tenant_id", "user_id"))
                .to("users", ("tenant_id", "id")),
        )
        .foreign_key(
            ForeignKey::create()
                .name("organization_memberships_organization_fkey")
                .from("organization_memberships", ("tenant_id", "organization_id"))
                .to("organizations", ("tenant_id", "id")),
        )
        .take()
}

/// Only a hash of the secret is kept; the secret has 256 random bits, so a plain hash is enough.
fn api_keys(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("api_keys")
        .col(columns.required_text("tenant_id"))
        .col(columns.required_text("id"))
        .col(columns.required_text("user_id"))
        .col(columns.text("name"))
        .col(columns.required_text("secret_hash"))
        .col(columns.required_time("created_at"))
        .col(columns.time("last_used_at"))
        .primary_key(Index::create().name("api_keys_pkey").col("tenant_id").col("id"))
        .index(
            Index::create()
                .name("api_keys_secret_hash_key")
                .unique()
                .col("tenant_id")
                .col("secret_hash"),
        )
        .foreign_key(
            ForeignKey::create()
                .name("api_keys_user_fkey")
                .from("api_keys", ("tenant_id", "user_id"))
                .to("users", ("tenant_id", "id")),
        )
        .take()
}
