//! The database schema, as steps that are applied in order and never edited once released.
//!
//! Tables and columns are named by strings on purpose: a step must go on meaning what it meant when
//! it was written, whatever the entities become. The rules that every step keeps:
//!
//! * `tenant_id` is NOT NULL in every table of a tenant's data and comes first in each of its keys
//!   and indexes, so that the tables can be distributed by it;
//! * no trigger, no `ON DELETE`, no foreign key without `tenant_id`;
//! * text is compared by code point on every database (`COLLATE "C"` on PostgreSQL).

#![forbid(unsafe_code)]

pub use sea_orm_migration::prelude::*;

mod m20261122_000001_directory;
mod m20261122_000002_audit_events;
mod m20261125_000003_context;
mod m20261125_000011_definitions;
mod m20261125_000012_policies;
mod m20261125_000013_plans;
mod m20261125_000014_tenant_settings;
mod m20261125_000015_notes;
mod m20261125_000016_search;
mod m20261126_000017_api_key_expiry;
mod m20261126_000018_row_security;
mod m20261126_000019_people_revision;
mod m20261126_000020_event_counts;
mod m20261126_000021_citus;
mod m20261126_000022_kinds;
mod m20261126_000023_organizations_of_a_month;
mod m20261126_000024_no_skip_scan;

/// What is distributed by tenant where there is Citus, and what is on each of its machines.
pub use m20261126_000021_citus::{DISTRIBUTED, REFERENCE};

/// What later steps made, each of which distributes its own.
pub const DISTRIBUTED_LATER: [&str; 0] = [];

/// Applies the steps.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_directory::Migration),
            Box::new(m20261122_000002_audit_events::Migration),
            Box::new(m20261125_000003_context::Migration),
            Box::new(m20261125_000011_definitions::Migration),
            Box::new(m20261125_000012_policies::Migration),
            Box::new(m20261125_000013_plans::Migration),
            Box::new(m20261125_000014_tenant_settings::Migration),
            Box::new(m20261125_000015_notes::Migration),
            Box::new(m20261125_000016_search::Migration),
            Box::new(m20261126_000017_api_key_expiry::Migration),
            Box::new(m20261126_000018_row_security::Migration),
            Box::new(m20261126_000019_people_revision::Migration),
            Box::new(m20261126_000020_event_counts::Migration),
            Box::new(m20261126_000021_citus::Migration),
            Box::new(m20261126_000022_kinds::Migration),
            Box::new(m20261126_000023_organizations_of_a_month::Migration),
            Box::new(m20261126_000024_no_skip_scan::Migration),
        ]
    }
}

/// Column types that differ between the databases.
struct Columns {
    postgres: bool,
}

impl Columns {
    fn of(manager: &SchemaManager<'_>) -> Self {
        Self { postgres: manager.get_database_backend() == sea_orm::DbBackend::Postgres }
    }

    /// Text that is compared by code point.
    fn text(&self, name: &'static str) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        if self.postgres {
            column.custom(r#"text COLLATE "C""#);
        } else {
            column.text();
        }
        column
    }

    fn required_text(&self, name: &'static str) -> ColumnDef {
        self.text(name).not_null().take()
    }

    /// A point in time, in UTC, to the microsecond.
    fn time(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name).timestamp_with_time_zone().take()
    }

    fn required_time(&self, name: &'static str) -> ColumnDef {
        self.time(name).not_null().take()
    }

    fn required_flag(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name).boolean().not_null().take()
    }

    fn number(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name).big_integer().take()
    }

    fn required_number(&self, name: &'static str) -> ColumnDef {
        self.number(name).not_null().take()
    }

    fn required_bytes(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name).blob().not_null().take()
    }
}
