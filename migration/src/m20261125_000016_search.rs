//! What events are searched by beyond time, user, record and kind: words, and the tenant's own types
//! and kinds of record.

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
        let db = manager.get_connection();
        for statement in PARTIAL_INDEXES {
            db.execute_unprepared(statement).await?;
        }
        manager.create_table(search_backlog(&columns)).await?;
        db.execute_unprepared(FILL_BACKLOG).await?;
        if columns.postgres {
            db.execute_unprepared(POSTGRES_WORDS).await?;
        } else {
            manager.create_table(word_index_tenants(&columns)).await?;
            db.execute_unprepared(SQLITE_WORDS).await?;
            db.execute_unprepared(STATISTICS).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if Columns::of(manager).postgres {
            db.execute_unprepared("DROP INDEX audit_events_by_words").await?;
        } else {
            db.execute_unprepared("DROP TABLE audit_event_words").await?;
            db.execute_unprepared("DROP TABLE word_index_tenants").await?;
            db.execute_unprepared("DELETE FROM sqlite_stat1 WHERE idx LIKE '%by_custom%'").await?;
        }
        db.execute_unprepared("DROP TABLE search_backlog").await?;
        for index in ["audit_events_by_custom_type", "audit_events_by_custom_resource"] {
            db.execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        Ok(())
    }
}

/// Of each tenant, which events were recorded before they could be searched, and how far the server has
/// come in making up for it.
fn search_backlog(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("search_backlog")
        .col(columns.required_text("tenant_id").primary_key())
        .col(columns.required_number("done"))
        .col(columns.required_number("last"))
        .take()
}

const FILL_BACKLOG: &str = "
INSERT INTO search_backlog (tenant_id, done, last)
SELECT tenant_id, 0, last_sequence FROM sequence_heads WHERE last_sequence > 0";

/// Only events of the tenant's own types and on its own kinds of record are in them, so that others
/// cost nothing to record.
const PARTIAL_INDEXES: [&str; 2] = [
    "CREATE INDEX audit_events_by_custom_type ON audit_events \
     (tenant_id, custom_type, occurred_at, sequence) WHERE custom_type IS NOT NULL",
    "CREATE INDEX audit_events_by_custom_resource ON audit_events \
     (tenant_id, custom_resource, occurred_at, sequence) WHERE custom_resource IS NOT NULL",
];

/// The one index without the tenant: an index of words holds nothing else. It leads to rows, whose
/// tenant is compared, and is local to each shard.
const POSTGRES_WORDS: &str = "
CREATE INDEX audit_events_by_words ON audit_events
USING gin (array_to_tsvector(string_to_array(btrim(description_words), ' ')))
WHERE description_words IS NOT NULL";

/// The words of descriptions. A row's number is made of the tenant's and the event's sequence: the
/// rows of `audit_events` have numbers too, but VACUUM may change those. The tokenizer takes our words
/// apart at the spaces between them and nowhere else; neither the words nor their places are kept,
/// which the events say.
const SQLITE_WORDS: &str = "
CREATE VIRTUAL TABLE audit_event_words USING fts5 (
    words, content = '', contentless_delete = 1, detail = 'none', tokenize = 'ascii'
)";

/// Each tenant's number in the numbers of the rows above.
fn word_index_tenants(columns: &Columns) -> TableCreateStatement {
    Table::create()
        .table("word_index_tenants")
        .col(columns.required_text("tenant_id").primary_key())
        .col(columns.required_number("number").unique_key())
        .take()
}

/// As for the other indexes.
const STATISTICS: &str = "
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('audit_events', 'audit_events_by_custom_type', '100000 50000 5000 2 1'),
    ('audit_events', 'audit_events_by_custom_resource', '100000 50000 5000 2 1')";
