//! The rules by which the tables can be distributed by tenant, held against what the migrations make: the
//! tenant first in every key and index, no trigger, and foreign keys that have names and stay in a tenant.

use std::collections::{BTreeMap, BTreeSet};

use auditlog::domain::filter::{ActingUsers, EventFilter};
use auditlog::domain::id::Id;
use auditlog::domain::kind::ResourceName;
use auditlog::domain::page::{End, Order, PageRequest};
use auditlog::domain::viewer::Scope;
use sea_orm::{ConnectionTrait, Statement};

use crate::support::world::World;
use crate::support::{On, direct, postgres};

on_both!(
    a_tenants_tables_have_the_tenant_first_in_every_key,
    foreign_keys_stay_in_a_tenant,
    there_is_no_trigger,
);

/// What is no tenant's: small, and the same on every machine.
const GLOBAL: [&str; 3] = ["directory", "installation_secrets", "plans"];

/// Of the tools that keep them, and of SQLite alone.
const FOREIGN: [&str; 2] = ["seaql_migrations", "word_index_tenants"];

/// An index of words holds nothing else. It leads to rows, whose tenant is compared.
const WORDS: &str = "audit_events_by_words";

fn is_tenants(table: &str) -> bool {
    !GLOBAL.contains(&table) && !FOREIGN.contains(&table)
}

/// Rows of texts, nulls as nothing.
async fn rows(db: &impl ConnectionTrait, sql: &str, columns: usize) -> Vec<Vec<String>> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let cell = |row: &sea_orm::QueryResult, at| {
        row.try_get_by_index::<Option<String>>(at).unwrap().unwrap_or_default()
    };
    rows.iter().map(|row| (0..columns).map(|at| cell(row, at)).collect()).collect()
}

/// Every table but partitions and what the database makes for itself.
const fn tables(on: On) -> &'static str {
    match on {
        On::Postgres => {
            "SELECT relname::text FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
        }
        On::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                AND name NOT LIKE '%\\_words%' ESCAPE '\\'"
        }
    }
}

/// The table, the name and the first column of every index, keys included. SQLite's index of words is a
/// table of its own kind and no index.
const fn indexes(on: On) -> &'static str {
    match on {
        On::Postgres => {
            "SELECT table_.relname::text, index_.relname::text, pg_get_indexdef(index_.oid, 1, true)
            FROM pg_index JOIN pg_class index_ ON index_.oid = indexrelid
            JOIN pg_class table_ ON table_.oid = indrelid
            WHERE table_.relnamespace = 'public'::regnamespace AND NOT table_.relispartition"
        }
        On::Sqlite => {
            "SELECT tables.name, indexes.name, columns.name
            FROM sqlite_master tables, pragma_index_list(tables.name) indexes,
                pragma_index_info(indexes.name) columns
            WHERE tables.type = 'table' AND columns.seqno = 0"
        }
    }
}

/// Of every pair of columns in a foreign key: the table, the key, the place in it, the column, the other
/// column, and what is done when the other row goes.
const fn foreign_keys(on: On) -> &'static str {
    match on {
        On::Postgres => {
            "SELECT conrelid::regclass::text, conname::text, place::text, own.attname::text,
                other.attname::text, CASE confdeltype WHEN 'a' THEN 'NO ACTION' ELSE 'another' END
            FROM pg_constraint, generate_subscripts(conkey, 1) AS place
            JOIN pg_attribute own ON true JOIN pg_attribute other ON true
            WHERE contype = 'f' AND conparentid = 0
                AND own.attrelid = conrelid AND own.attnum = conkey[place]
                AND other.attrelid = confrelid AND other.attnum = confkey[place]"
        }
        On::Sqlite => {
            "SELECT tables.name, CAST(keys.id AS TEXT), CAST(keys.seq + 1 AS TEXT), keys.\"from\", keys.\"to\",
                keys.on_delete
            FROM sqlite_master tables, pragma_foreign_key_list(tables.name) keys
            WHERE tables.type = 'table'"
        }
    }
}

async fn a_tenants_tables_have_the_tenant_first_in_every_key(on: On) {
    let world = World::empty(on, None).await;
    let db = direct::connect(&world.database.url).await;
    let tables: BTreeSet<String> = direct::texts(&db, tables(on)).await.into_iter().collect();
    for global in GLOBAL {
        assert!(tables.contains(global), "{global}");
    }
    assert!(tables.len() > 15, "{tables:?}");
    let mut keyed = BTreeSet::new();
    for row in rows(&db, indexes(on), 3).await {
        let [table, index, first] = row.try_into().unwrap();
        if is_tenants(&table) && tables.contains(&table) && index != WORDS {
            assert_eq!(first, "tenant_id", "the first column of {index}, of {table}");
            keyed.insert(table);
        }
    }
    // SQLite keeps a key of one column without an index.
    keyed.extend(tables.iter().filter(|_| on == On::Sqlite).cloned());
    let without: Vec<_> =
        tables.iter().filter(|table| is_tenants(table) && !keyed.contains(*table)).collect();
    assert!(without.is_empty(), "no key: {without:?}");
    for table in tables.iter().filter(|table| is_tenants(table)) {
        let nullable = match on {
            On::Postgres => format!(
                "SELECT is_nullable::text FROM information_schema.columns
                WHERE table_schema = 'public' AND table_name = '{table}' AND column_name = 'tenant_id'"
            ),
            On::Sqlite => format!(
                "SELECT CASE \"notnull\" WHEN 1 THEN 'NO' ELSE 'YES' END FROM pragma_table_info('{table}')
                WHERE name = 'tenant_id'"
            ),
        };
        assert_eq!(direct::texts(&db, &nullable).await, ["NO"], "tenant_id of {table}");
    }
}

async fn foreign_keys_stay_in_a_tenant(on: On) {
    let world = World::empty(on, None).await;
    let db = direct::connect(&world.database.url).await;
    let mut count = 0;
    let mut made_up: BTreeMap<String, String> = BTreeMap::new();
    for row in rows(&db, foreign_keys(on), 6).await {
        let [table, key, place, own, other, on_delete] = row.try_into().unwrap();
        made_up.entry(key.clone()).or_insert(table.clone()).push_str(&format!("_{own}"));
        assert_eq!(on_delete, "NO ACTION", "{key} of {table}");
        if place == "1" {
            count += 1;
            assert_eq!(
                (own.as_str(), other.as_str()),
                ("tenant_id", "tenant_id"),
                "{key} of {table}"
            );
        }
    }
    assert!(count >= 6, "{count} foreign keys");
    // SQLite tells no names; PostgreSQL makes up such a one where there is none.
    for (key, made_up) in made_up {
        assert_ne!(key, format!("{made_up}_fkey"));
    }
}

async fn there_is_no_trigger(on: On) {
    let world = World::empty(on, None).await;
    let db = direct::connect(&world.database.url).await;
    let triggers = match on {
        On::Postgres => "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal",
        On::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    };
    assert_eq!(direct::texts(&db, triggers).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_is_distributed_or_on_every_machine() {
    let world = World::empty(On::Postgres, None).await;
    let db = direct::connect(&world.database.url).await;
    let mut tables = direct::texts(&db, tables(On::Postgres)).await;
    tables.retain(|table| !FOREIGN.contains(&table.as_str()));
    tables.sort_unstable();
    let mut known =
        [&migration::DISTRIBUTED[..], &migration::DISTRIBUTED_LATER[..], &migration::REFERENCE[..]]
            .concat();
    known.sort_unstable();
    assert_eq!(tables, known);
    assert_eq!(migration::REFERENCE, GLOBAL);
}

/// With Citus, what is read of a tenant is read by one task, on the machine that has the tenant. Without one
/// in `AUDITLOG_TEST_CITUS_URL` there is nothing to hold this against.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_citus_what_is_read_is_one_task() {
    if postgres::citus().is_none() {
        return;
    }
    let world = World::new(On::Postgres).await;
    let acme = Id::new("acme".to_owned()).unwrap();
    let scope = Scope::whole(world.store.tenant(&acme).await.unwrap());
    let request = PageRequest {
        order: Order::default(),
        after: None,
        before: None,
        limit: 50,
        end: End::First,
    };
    let all = EventFilter::default();
    let kind = EventFilter { resource_names: Some(vec![ResourceName::Appointment]), ..all.clone() };
    let user = ActingUsers { ids: vec![Id::new("vera").unwrap()], or_nobody: false };
    let user = EventFilter { acting_users: Some(user), ..all.clone() };
    let mut plans = vec![world.store.explain_ids(&acme, vec!["evt-1".to_owned()]).await.unwrap()];
    for filter in [all, kind, user] {
        plans.push(world.store.explain(&scope, &filter, &request).await.unwrap());
        plans.push(world.store.explain_count(&scope, &filter).await.unwrap());
    }
    for plan in plans {
        assert!(plan.contains("Task Count: 1"), "{plan}");
    }
}
