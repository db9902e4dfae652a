//! What the databases are asked to hold to: durability, trees, partitions, and several servers that
//! open one database at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use auditlog::admin::{self, Actor, NewKey};
use auditlog::auth::Authenticator;
use auditlog::domain::id::Id;
use auditlog::domain::page::{Position, Purpose};
use auditlog::http;
use auditlog::store::{Database, Random, Store};
use aws_lc_rs::rand;
use axum::http::StatusCode;
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::client::Client;
use crate::support::log::{assert_gapless, whole_log};
use crate::support::world::{OWN, RECORD, VIEW, World, event, event_with};
use crate::support::{On, TestClock, direct, postgres};

on_both!(
    a_commit_waits_for_the_disk,
    a_tree_can_have_no_cycle,
    a_change_that_cannot_be_recorded_is_not_made,
    several_servers_open_a_new_database_at_once,
    a_server_does_not_open_what_is_to_be_migrated,
);

async fn a_commit_waits_for_the_disk(on: On) {
    let world = World::empty(on, None).await;
    let settings = match on {
        // 2 is FULL: with WAL, anything less may lose the last commits when the power fails.
        On::Sqlite => [
            ("PRAGMA journal_mode", "wal"),
            ("PRAGMA synchronous", "2"),
            ("PRAGMA foreign_keys", "1"),
        ],
        On::Postgres => [
            ("SHOW synchronous_commit", "on"),
            ("SHOW timezone", "UTC"),
            ("SHOW transaction_read_only", "off"),
        ],
    };
    for (sql, expected) in settings {
        // Asked on the connection that writes, as each write is.
        let set = world.store.write(move |_, transaction| {
            Box::pin(async move {
                let statement = Statement::from_string(transaction.get_database_backend(), sql);
                let row = transaction.query_one_raw(statement).await?.unwrap();
                let number = row.try_get_by_index::<i64>(0).map(|number| number.to_string());
                Ok(number.or_else(|_| row.try_get_by_index::<String>(0))?)
            })
        });
        assert_eq!(set.await.unwrap(), expected, "{sql}");
    }
}

async fn a_tree_can_have_no_cycle(on: On) {
    let world = World::new(on).await;
    let db = direct::connect(&world.database.url).await;
    let tree = "SELECT id || ' < ' || COALESCE(parent_id, '') || ' ' || CAST(depth AS TEXT)
        FROM organizations ORDER BY id";
    let before = direct::texts(&db, tree).await;
    assert_eq!(before.len(), 8);
    for change in [
        // Below its own child, below itself, both ends at once.
        "parent_id = 'portland', parent_depth = 2, depth = 3 WHERE id = 'west'",
        "parent_id = 'west', parent_depth = 1, depth = 2 WHERE id = 'west'",
        "parent_id = 'west', parent_depth = 2, depth = 1 WHERE id = 'west'",
        "parent_id = CASE id WHEN 'west' THEN 'portland' ELSE 'west' END, parent_depth = 1, depth = 2
         WHERE id IN ('west', 'portland')",
        // A root has nothing above it, and all else has.
        "parent_id = 'boston', parent_depth = 2, depth = 3 WHERE id = 'acme'",
        "parent_id = NULL, parent_depth = NULL, depth = 0 WHERE id = 'east'",
        "parent_depth = NULL WHERE id = 'east'",
        "depth = 7, parent_depth = 6 WHERE id = 'boston'",
        "depth = 7 WHERE id = 'boston'",
        // Nothing leads from one tenant into another.
        "parent_id = 'hammock', parent_depth = 1, depth = 2 WHERE id = 'boston'",
        "tenant_id = 'globex' WHERE id = 'boston'",
        "parent_id = 'nowhere' WHERE id = 'boston'",
    ] {
        let sql = format!("UPDATE organizations SET {change}");
        assert!(db.execute_unprepared(&sql).await.is_err(), "{change}");
    }
    assert_eq!(direct::texts(&db, tree).await, before);
    // While a clinic may be moved.
    direct::run(&db, "UPDATE organizations SET parent_id = 'west' WHERE id = 'boston'").await;
}

async fn a_change_that_cannot_be_recorded_is_not_made(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let db = direct::connect(&world.database.url).await;
    let refuse = match on {
        On::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'no'); END"
        }
        On::Postgres => "ALTER TABLE audit_events ADD CONSTRAINT refuse CHECK (false) NOT VALID",
    };
    direct::run(&db, refuse).await;
    let count = "SELECT CAST(count(*) AS TEXT) FROM directory";
    let before = direct::text(&db, count).await;
    let own = "{ viewer { organization_memberships { id } } }";
    let id = olga.query(own).await["viewer"]["organization_memberships"][0]["id"].to_string();
    for mutation in [
        r#"createOrganization(input: {id: "new", name: "N", parent_id: "acme"})"#,
        r#"createUser(input: {id: "new", organization_id: "acme"})"#,
        r#"createOrganizationMembership(input: {user_id: "olga", organization_id: "west"})"#,
        &format!("updateOrganizationMembership(input: {{id: {id}, is_owner: false}})"),
        r#"createApiKey(input: {user_id: "olga"})"#,
    ] {
        let mutation = format!("mutation {{ {mutation} {{ messages {{ field }} }} }}");
        let code = olga.error_code(&mutation, json!({})).await;
        assert_eq!(code, "INTERNAL_SERVER_ERROR", "{mutation}");
    }
    assert_eq!(direct::text(&db, count).await, before);
    let viewer = olga.query("{ viewer { is_owner organization_memberships { id } } }").await;
    let membership: serde_json::Value = serde_json::from_str(&id).unwrap();
    let unchanged = json!({"is_owner": true, "organization_memberships": [{"id": membership}]});
    assert_eq!(viewer["viewer"], unchanged);
}

/// The URL of a new database without tables; the folder holds SQLite's file.
async fn new_database(on: On) -> (String, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = match on {
        On::Sqlite => format!("sqlite://{}/new.db", folder.path().display()),
        On::Postgres => {
            let neighbour = postgres::new_database().await;
            let url = format!("{neighbour}_new");
            let (_, name) = url.rsplit_once('/').unwrap();
            let create = format!("CREATE DATABASE {name} TEMPLATE template0");
            direct::run(&direct::connect(&neighbour).await, &create).await;
            url
        }
    };
    (url, folder)
}

fn random() -> Random {
    Arc::new(|bytes| rand::fill(bytes).map_err(std::io::Error::other))
}

async fn several_servers_open_a_new_database_at_once(on: On) {
    let (url, _folder) = new_database(on).await;
    let clock = TestClock::new();
    let mut starting = JoinSet::new();
    for _ in 0..5 {
        let (url, clock) = (url.clone(), clock.clock());
        starting.spawn(async move {
            let database = Database::connect(&url).await?;
            database.migrate().await?;
            Store::open(database, clock, random()).await
        });
    }
    let started = starting.join_all().await;
    let stores: Vec<Store> = started.into_iter().map(|started| started.unwrap()).collect();

    // They are one installation: each understands the others' cursors.
    let tenant = Id::new("acme").unwrap();
    let position = Position { occurred_at: clock.now(), sequence: 7 };
    let encode = |store: &Store| store.positions().encode(&tenant, Purpose::EventId, position);
    let encoded: BTreeSet<String> = stores.iter().map(encode).collect();
    assert_eq!(encoded.len(), 1);

    // And all of them work.
    let operator = Actor::operator();
    let (id, name) = ("acme".to_owned(), "Acme".to_owned());
    admin::create_organization(&stores[0], &operator, id, name, None).await.unwrap().unwrap();
    let rights = admin::Rights { can_view_audit_log: true, can_record: true, ..Default::default() };
    let new = admin::NewUser {
        id: "rex".to_owned(),
        organization_id: "acme".to_owned(),
        rights,
        ..admin::NewUser::default()
    };
    admin::create_user(&stores[1], &operator, new).await.unwrap().unwrap();
    let new = NewKey { user_id: "rex".to_owned(), ..NewKey::default() };
    let key = admin::create_api_key(&stores[2], &operator, new).await;
    let (secret, _) = key.unwrap().unwrap();
    let mut recording = JoinSet::new();
    let mut clients = Vec::new();
    for store in stores {
        let router = http::router(store.clone(), Authenticator::new(store, None)).await;
        let client = Client::bearer(&router, &secret);
        clients.push(client.clone());
        recording.spawn(async move { client.recorded(event("acme", "1")).await });
    }
    recording.join_all().await;
    for client in clients {
        let log = whole_log(&client, "id").await;
        assert_gapless(&log, 1);
        assert_eq!(log.len(), 4 + 5);
    }
}

async fn a_server_does_not_open_what_is_to_be_migrated(on: On) {
    let (url, _folder) = new_database(on).await;
    let database = Database::connect(&url).await.unwrap();
    assert!(database.pending_migrations().await.unwrap() > 0);
    let opened = Store::open(database.clone(), TestClock::new().clock(), random()).await;
    let message = "the database has migrations to apply: run `auditlog migrate`, or start without --no-migrate";
    assert_eq!(opened.err().unwrap().to_string(), message);
    database.migrate().await.unwrap();
    database.migrate().await.unwrap();
    assert_eq!(database.pending_migrations().await.unwrap(), 0);
    Store::open(database, TestClock::new().clock(), random()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_a_month_for_its_plans_is_of_every_month() {
    if postgres::citus().is_some() {
        return; // there, plans are made for their values
    }
    let world = World::new(On::Postgres).await;
    let db = direct::connect(&world.database.url).await;
    let known = async || {
        let sql =
            "SELECT attname || ' ' || concat_ws(' ', nullif(attstattarget, -1), attoptions::text)
                || ', in months: ' || count(*)
            FROM pg_inherits JOIN pg_attribute ON attrelid = inhrelid
            WHERE inhparent = 'audit_events'::regclass AND attnum > 0
                AND (attstattarget >= 0 OR attoptions IS NOT NULL)
            GROUP BY attname, attstattarget, attoptions ORDER BY 1";
        direct::texts(&db, sql).await
    };
    // A server made them.
    let expected = [
        "acting_user_id {n_distinct=1000}, in months: 4",
        "event_type {n_distinct=100}, in months: 4",
        "organization_id 20, in months: 4",
        "resource_name {n_distinct=100}, in months: 4",
    ];
    assert_eq!(known().await, expected);
    // They were there before the migrations.
    let migrations = Migrator::migrations();
    let before = migrations.iter().take_while(|it| it.name() != "m20261126_000022_kinds").count();
    let later = u32::try_from(migrations.len() - before).unwrap();
    Migrator::down(&db, Some(later)).await.unwrap();
    assert!(known().await.is_empty());
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(known().await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_made_ahead_and_on_demand() {
    let world = World::new(On::Postgres).await;
    let db = direct::connect(&world.database.url).await;
    direct::run(&db, "SET timezone TO 'UTC'").await;
    let partitions = async || {
        let sql = "SELECT relname || ' ' || pg_get_expr(relpartbound, pg_class.oid)
            FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
            WHERE inhparent = 'audit_events'::regclass ORDER BY relname";
        direct::texts(&db, sql).await
    };
    let month = |name: &str, from: &str, to: &str| {
        format!(
            "audit_events_{name} FOR VALUES FROM ('{from}-01 00:00:00+00') TO ('{to}-01 00:00:00+00')"
        )
    };
    // The current month, and three more.
    let ahead = [
        month("y2026m10", "2026-10", "2026-11"),
        month("y2026m11", "2026-11", "2026-12"),
        month("y2026m12", "2026-12", "2027-01"),
        month("y2027m01", "2027-01", "2027-02"),
    ];
    assert_eq!(partitions().await, ahead);
    // A month later, one more.
    world.clock.advance(chrono::TimeDelta::days(30));
    world.store.prepare_partitions().await.unwrap();
    let mut expected = ahead.to_vec();
    expected.push(month("y2027m02", "2027-02", "2027-03"));
    assert_eq!(partitions().await, expected);

    // For other times they are made when somebody records there, however many at once.
    let recorder = world.user("rex", "acme", RECORD).await;
    let elsewhere = world.database.store(world.clock.clock()).await;
    let router = http::router(elsewhere.clone(), Authenticator::new(elsewhere, None)).await;
    let times = [
        "0001-01-01",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01",
        "1999-03-31T23:59:59.999999Z",
        "1999-04-01",
        "2099-12-31T23:59:59.999999Z",
        "2100-01-01",
        "9999-12-31T23:59:59.999999Z",
    ];
    let events = times.map(|time| event_with("acme", "1", json!({"occurred_at": time})));
    let mut tasks = JoinSet::new();
    for client in [recorder.clone(), recorder.at(&router), recorder.clone(), recorder.at(&router)] {
        let events = json!(events);
        tasks.spawn(async move { client.record(events).await.status });
    }
    assert_eq!(tasks.join_all().await, [StatusCode::OK; 4]);
    expected.extend([
        "audit_events_after_2099 FOR VALUES FROM ('2100-01-01 00:00:00+00') TO (MAXVALUE)"
            .to_owned(),
        "audit_events_before_1970 FOR VALUES FROM (MINVALUE) TO ('1970-01-01 00:00:00+00')"
            .to_owned(),
        month("y1970m01", "1970-01", "1970-02"),
        month("y1999m03", "1999-03", "1999-04"),
        month("y1999m04", "1999-04", "1999-05"),
        month("y2099m12", "2099-12", "2100-01"),
    ]);
    expected.sort();
    assert_eq!(partitions().await, expected);

    // Each has every index of the whole.
    let indexes = "SELECT DISTINCT count(*)::text FROM pg_index
        JOIN pg_inherits ON indrelid = pg_inherits.inhrelid
        WHERE inhparent = 'audit_events'::regclass GROUP BY indrelid";
    let of_the_whole =
        "SELECT count(*)::text FROM pg_index WHERE indrelid = 'audit_events'::regclass";
    assert_eq!(direct::texts(&db, indexes).await, direct::texts(&db, of_the_whole).await);
    let viewer = world.user("ann", "acme", VIEW).await;
    let selection =
        "{ auditLog(resource_name: APPOINTMENT, order_by: OCCURRED_AT_ASC) { total_count
        nodes { occurred_at } } }";
    let log = viewer.query(selection).await;
    assert_eq!(log["auditLog"]["total_count"], 4 * times.len());
    assert_eq!(log["auditLog"]["nodes"][31]["occurred_at"], times[7]);
}
