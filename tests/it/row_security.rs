//! PostgreSQL's row-level security: what it leaves of the log for a query that forgets its filter.

use auditlog::auth::Authenticator;
use auditlog::domain::id::Id;
use auditlog::http;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::json;

use crate::support::client::Client;
use crate::support::world::{OWN, VIEW, World, event, event_with};
use crate::support::{On, TestClock, TestDatabase, direct};

/// What only one tenant's is read of at a time.
const GUARDED: [&str; 4] =
    ["audit_events", "event_counts", "idempotency_records", "sequence_heads"];

async fn two_tenants() -> World {
    let world = World::new(On::Postgres).await;
    for tenant in ["acme", "globex"] {
        let recorder = world.recorder(tenant).await;
        recorder.recorded(event_with(tenant, "1", json!({"id": "evt-1"}))).await;
    }
    world.organization("o'hara\\", "O'Hara", None).await;
    world.recorder("o'hara\\").await.recorded(event("o'hara\\", "1")).await;
    for tenant in ["acme", "globex", "o'hara\\"] {
        world.store.settle_counts(&id(tenant)).await.unwrap();
    }
    world
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_forgets_its_filter_finds_one_tenant_s_events() {
    let world = two_tenants().await;
    for tenant in ["acme", "globex", "o'hara\\"] {
        let sql = format!(
            "SELECT count(*)::text FROM audit_events WHERE tenant_id = '{}'",
            tenant.replace('\'', "''")
        );
        let own = world.held(&sql).await;
        let found = world.store.count_unfiltered(&id(tenant)).await.unwrap();
        assert_eq!([found.to_string()], *own, "{tenant}");
        assert!(found > 3);
    }
    assert_eq!(world.store.count_unfiltered(&id("nobody")).await.unwrap(), 0);
    let all = world.held("SELECT count(DISTINCT tenant_id)::text FROM audit_events").await;
    assert_eq!(all, ["3"], "the others' are there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_the_log_sees_nothing_without_a_tenant_and_changes_nothing() {
    let world = two_tenants().await;
    let db = direct::connect(&world.database.url).await;
    let one = async |sql: &str| direct::text(&db, sql).await;
    direct::run(&db, "SET ROLE auditlog_reader").await;
    for table in GUARDED {
        let count = format!("SELECT count(*)::text FROM {table}");
        direct::run(&db, "RESET auditlog.tenant_id").await;
        assert_eq!(one(&count).await, "0", "{table}");
        direct::run(&db, "SET auditlog.tenant_id = 'globex'").await;
        assert_ne!(one(&count).await, "0", "{table}");
        let whose = format!("SELECT DISTINCT tenant_id FROM {table}");
        assert_eq!(direct::texts(&db, &whose).await, ["globex"], "{table}");
        for change in [
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET tenant_id = 'globex'"),
            format!("INSERT INTO {table} (tenant_id) VALUES ('globex')"),
            format!("TRUNCATE {table}"),
            format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
        ] {
            assert!(db.execute_unprepared(&change).await.is_err(), "{change}");
        }
    }
    // Around the guard: a partition by itself, and everything that is not the log.
    for table in ["audit_events_y2026m10", "api_keys", "installation_secrets", "organizations"] {
        let read = format!("SELECT count(*) FROM {table}");
        assert!(db.execute_unprepared(&read).await.is_err(), "{table}");
    }
    direct::run(&db, "RESET ROLE").await;
    let forced = "SELECT relname::text FROM pg_class WHERE relrowsecurity AND relforcerowsecurity
        ORDER BY 1";
    assert_eq!(direct::texts(&db, forced).await, GUARDED);
}

/// A transaction's tenant and role are its own: the next one on the connection has neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_transaction_was_let_see_ends_with_it() {
    let world = two_tenants().await;
    let db = direct::connect(&world.database.url).await;
    let transaction = db.begin().await.unwrap();
    let guard = "SET LOCAL ROLE auditlog_reader; SET LOCAL auditlog.tenant_id = 'acme'";
    direct::run(&transaction, guard).await;
    transaction.commit().await.unwrap();
    let left =
        "SELECT current_user || ' ' || COALESCE(current_setting('auditlog.tenant_id', true), '')";
    assert!(direct::text(&db, left).await.ends_with("auditlog "));
    // Readings of several tenants on few connections, at once.
    let tenants = ["acme", "globex", "o'hara\\"];
    let counts = async |tenant: &str| world.store.count_unfiltered(&id(tenant)).await.unwrap();
    let alone = [counts(tenants[0]).await, counts(tenants[1]).await, counts(tenants[2]).await];
    let mut readings = tokio::task::JoinSet::new();
    for n in 0..300 {
        let store = world.store.clone();
        readings.spawn(async move {
            (n % 3, store.count_unfiltered(&id(tenants[n % 3])).await.unwrap())
        });
    }
    while let Some(reading) = readings.join_next().await {
        let (n, count) = reading.unwrap();
        assert_eq!(count, alone[n], "{}", tenants[n]);
    }
}

/// Superusers are above row-level security; most installations have none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_user_that_is_no_superuser_has_what_it_needs() {
    let database = TestDatabase::new(On::Postgres).await;
    let (server, name) = database.url.rsplit_once('/').unwrap();
    let host = server.rsplit_once('@').unwrap().1;
    let user = format!("{name}_owner");
    let admin = direct::connect(&database.url).await;
    for sql in [
        format!("CREATE ROLE {user} LOGIN PASSWORD 'secret'"),
        format!("GRANT auditlog_reader TO {user}"),
        format!("CREATE DATABASE {name}_plain OWNER {user}"),
    ] {
        direct::run(&admin, &sql).await;
    }
    let url = format!("postgres://{user}:secret@{host}/{name}_plain");
    let plain = TestDatabase::at(On::Postgres, url);
    let world = World::over(plain, None).await.with_organizations().await;
    let owner = world.user("olga", "acme", OWN).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let recorder = world.recorder("acme").await;
    let words = json!({"id": "evt-1", "description": "a rare word", "occurred_at": "2019-05-06"});
    recorder.recorded(event_with("west", "1", words)).await;
    world.recorder("globex").await.recorded(event("globex", "1")).await;
    let found = async |client: &Client, filter: &str| {
        let query = format!("{{ auditLog({filter}) {{ total_count nodes {{ resource_id }} }} }}");
        client.query(&query).await["auditLog"]["total_count"].take()
    };
    assert_eq!(found(&viewer, "resource_name: APPOINTMENT").await, 1);
    assert_eq!(found(&viewer, "description: \"rare\"").await, 1);
    assert_eq!(found(&owner, "changed_field: \"none\"").await, 0);
    let one = "{ auditEvent(external_id: \"evt-1\") { resource_id } }";
    assert_eq!(viewer.query(one).await["auditEvent"]["resource_id"], "1");
    world.assign("acme", "free").await;
    crate::support::retention::purge(&world.store, 500).await;
    assert_eq!(found(&viewer, "resource_name: APPOINTMENT").await, 0);
    assert_eq!(world.store.count_unfiltered(&id("globex")).await.unwrap(), 6);
    // Another server on the same database.
    let store = world.database.store(TestClock::new().clock()).await;
    let router = http::router(store.clone(), Authenticator::new(store, None)).await;
    assert_eq!(found(&viewer.at(&router), "resource_name: ORGANIZATION").await, 6);
}
