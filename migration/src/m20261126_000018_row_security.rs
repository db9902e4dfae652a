//! PostgreSQL's row-level security on the log: whoever reads it as `auditlog_reader`, which owns nothing
//! and may only read, sees the events of the tenant that the transaction names, and none without.
//!
//! It stands behind the conditions that every query has anyway. The server itself, which records and
//! purges for every tenant, is let through by a policy of its own.

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
        if !Columns::of(manager).postgres {
            return Ok(());
        }
        let db = manager.get_connection();
        db.execute_unprepared(MAKE_READER).await?;
        for table in TABLES {
            for statement in guard(table) {
                db.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !Columns::of(manager).postgres {
            return Ok(());
        }
        // The role stays: it is the whole cluster's, and other databases may use it.
        let db = manager.get_connection();
        for table in TABLES {
            for statement in unguard(table) {
                db.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }
}

/// The log, and what leads to its events by their recorders' ids.
const TABLES: [&str; 2] = ["audit_events", "idempotency_records"];

/// The role is made once in a cluster, whichever database comes first.
const MAKE_READER: &str = "
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'auditlog_reader') THEN
        BEGIN
            CREATE ROLE auditlog_reader NOLOGIN;
            -- Since PostgreSQL 16 whoever makes a role may give it, but not yet take it.
            EXECUTE format('GRANT auditlog_reader TO %I', current_user);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the database user % may not create roles: let an administrator run CREATE ROLE auditlog_reader NOLOGIN; GRANT auditlog_reader TO %', current_user, quote_ident(current_user);
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'auditlog_reader',
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        BEGIN
            EXECUTE format('GRANT auditlog_reader TO %I', current_user);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'the database user % may not take the role auditlog_reader, which somebody else made: let an administrator run GRANT auditlog_reader TO %', current_user, quote_ident(current_user);
        END;
    END IF;
    IF has_schema_privilege(current_schema(), 'USAGE WITH GRANT OPTION') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO auditlog_reader', current_schema());
    ELSIF NOT has_schema_privilege('auditlog_reader', current_schema(), 'USAGE') THEN
        RAISE EXCEPTION 'the database user % may not let the role auditlog_reader use the schema: let its owner run GRANT USAGE ON SCHEMA % TO auditlog_reader', current_user, quote_ident(current_schema());
    END IF;
END $$";

pub(crate) fn guard(table: &str) -> [String; 5] {
    [
        format!("GRANT SELECT ON {table} TO auditlog_reader"),
        format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
        format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"),
        format!(
            "CREATE POLICY one_tenant ON {table} FOR SELECT TO auditlog_reader
            USING (tenant_id = current_setting('auditlog.tenant_id', true))"
        ),
        format!("CREATE POLICY server ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)"),
    ]
}

pub(crate) fn unguard(table: &str) -> [String; 5] {
    [
        format!("DROP POLICY server ON {table}"),
        format!("DROP POLICY one_tenant ON {table}"),
        format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"),
        format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
        format!("REVOKE SELECT ON {table} FROM auditlog_reader"),
    ]
}
