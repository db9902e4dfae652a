//! Whole months of PostgreSQL's events are dropped where every event in them may go, and are made
//! anew for whoever records there afterwards, however the dropping ended.

use std::time::Duration;

use auditlog::auth::Authenticator;
use auditlog::http;
use auditlog::retention;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::log::whole_log;
use crate::support::retention::{hold, purge, release, said};
use crate::support::world::{OWN, RECORD, VIEW, World, event_with};
use crate::support::{On, direct};

/// The months that have a partition.
async fn months(world: &World) -> Vec<String> {
    let sql = "SELECT substring(relname FROM 'audit_events_(.*)') FROM pg_inherits
        JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'audit_events'::regclass AND NOT inhdetachpending ORDER BY relname";
    world.held(sql).await
}

/// Tables of events that are no part of the whole.
async fn strays(world: &World) -> Vec<String> {
    let sql = "SELECT relname::text FROM pg_class LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
        WHERE relname LIKE 'audit_events_%' AND relkind = 'r'
            AND (inhrelid IS NULL OR inhdetachpending) ORDER BY 1";
    world.held(sql).await
}

async fn record(recorder: &Client, place: &str, days: &[&str]) {
    let events = days.iter().map(|day| {
        let id = format!("{place} {day}");
        event_with(place, "1", json!({"id": id, "occurred_at": day}))
    });
    recorder.recorded(Value::from_iter(events)).await;
}

const AHEAD: [&str; 4] = ["y2026m10", "y2026m11", "y2026m12", "y2027m01"];

/// Both tenants are free, with events from March to October.
async fn world_of_months() -> (World, Client, Client) {
    let world = World::new(On::Postgres).await;
    let (acme, globex) = (world.recorder("acme").await, world.recorder("globex").await);
    record(&acme, "west", &["2026-03-01", "2026-07-10", "2026-07-11", "2026-09-01", "2026-10-01"])
        .await;
    record(&globex, "hammock", &["2026-07-31T23:59:59.999999Z", "2026-08-01", "2026-09-20"]).await;
    world.assign("acme", "free").await;
    world.assign("globex", "free").await;
    (world, acme, globex)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn months_are_dropped_in_which_every_event_may_go() {
    let (world, _, _) = world_of_months().await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let elsewhere = world.database.store(world.clock.clock()).await;
    let router = http::router(elsewhere.clone(), Authenticator::new(elsewhere, None)).await;
    let recorder = world.user("app", "acme", RECORD).await;
    // The other server believes in July's partition, too.
    record(&recorder.at(&router), "west", &["2026-07-12"]).await;

    let would = retention::would_purge(&world.store).await.unwrap();
    let purged = purge(&world.store, 500).await;
    assert_eq!(purged, would, "a dry run knows of partitions");
    assert_eq!(purged[0].partitions, ["2026-03", "2026-07"]);
    assert_eq!(purged[1].partitions, ["2026-07", "2026-08"]);
    let mut expected = vec!["y2026m09"];
    expected.extend(AHEAD);
    assert_eq!(months(&world).await, expected);
    assert_eq!(strays(&world).await, [""; 0]);
    let left = ["hammock 2026-09-20", "west 2026-10-01"];
    assert_eq!(world.left().await, left);
    let ids = "SELECT external_id FROM idempotency_records ORDER BY 1";
    assert_eq!(world.held(ids).await, left);
    let said = said(&viewer).await;
    assert_eq!(
        said,
        [json!({
            "kept_since": "2026-09-15T12:00:00Z", "removed": 5,
            "oldest_removed": "2026-03-01T00:00:00Z", "newest_removed": "2026-09-01T00:00:00Z",
            "partitions_dropped": ["2026-03", "2026-07"],
        })]
    );

    // Whoever records into a month that is gone does not notice: neither here, nor where it is still
    // believed in, under ids that were given before.
    record(&recorder, "west", &["2026-03-01"]).await;
    record(&recorder.at(&router), "west", &["2026-07-12"]).await;
    let again = ["hammock 2026-09-20", "west 2026-03-01", "west 2026-07-12", "west 2026-10-01"];
    assert_eq!(world.left().await, again);
    purge(&world.store, 500).await;
    assert_eq!(world.left().await, left);
    assert_eq!(months(&world).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_with_one_event_to_be_kept_is_not_dropped() {
    let (world, _, globex) = world_of_months().await;
    let owner = world.user("ann", "acme", OWN).await;
    // In March a hold, in July another tenant's plan.
    let held = hold(&owner, "resource_name: APPOINTMENT, resource_id: \"1\"").await;
    record(&globex, "hammock", &["2026-07-15"]).await;
    world.assign("globex", "enterprise").await;
    purge(&world.store, 500).await;
    let mut expected = vec!["y2026m03", "y2026m07", "y2026m08", "y2026m09"];
    expected.extend(AHEAD);
    assert_eq!(months(&world).await, expected);
    release(&owner, &held).await;
    let purged = purge(&world.store, 500).await;
    assert_eq!(purged[0].partitions, ["2026-03"]);
    assert_eq!(purged[0].removed.count, 4, "the rest went by itself");
    assert_eq!(world.left().await.len(), 1 + 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_that_is_being_read_is_dropped_when_it_is_not() {
    let (world, acme, _) = world_of_months().await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let db = direct::connect(&world.database.url).await;
    let reading = db.begin().await.unwrap();
    direct::run(&reading, "SELECT count(*) FROM audit_events").await;
    let purging = tokio::spawn({
        let store = world.store.clone();
        async move { purge(&store, 500).await }
    });
    // Meanwhile others read and record, the months that are to be dropped too.
    for day in ["2026-07-13", "2026-10-14", "2026-06-01"] {
        record(&acme, "west", &[day]).await;
        whole_log(&viewer, "id").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!purging.is_finished(), "it waits for who reads");
    }
    reading.commit().await.unwrap();
    purging.await.unwrap();
    purge(&world.store, 500).await;
    let mut expected = vec!["y2026m09"];
    expected.extend(AHEAD);
    assert_eq!(months(&world).await, expected);
    assert_eq!(world.left().await.len(), 3);
    let removed: u64 =
        said(&viewer).await.iter().map(|said| said["removed"].as_u64().unwrap()).sum();
    assert_eq!(removed, 4 + 2);
}

/// The states in which dropping July may have been interrupted.
#[derive(Debug, Clone, Copy)]
enum Left {
    Closed,
    Leaving,
    Detached,
    Aside,
}

async fn interrupt(world: &World, at: Left) {
    let db = direct::connect(&world.database.url).await;
    let close = "ALTER TABLE audit_events_y2026m07 ADD CONSTRAINT audit_events_closed
        CHECK (FALSE) NOT VALID";
    direct::run(&db, close).await;
    let detach = "ALTER TABLE audit_events DETACH PARTITION audit_events_y2026m07 CONCURRENTLY";
    match at {
        Left::Closed => {}
        Left::Leaving => {
            let reader = direct::connect(&world.database.url).await;
            let reading = reader.begin().await.unwrap();
            direct::run(&reading, "SELECT count(*) FROM audit_events").await;
            direct::run(&db, "SET statement_timeout = '200ms'").await;
            assert!(db.execute_unprepared(detach).await.is_err());
            reading.rollback().await.unwrap();
        }
        Left::Detached => direct::run(&db, detach).await,
        Left::Aside => {
            direct::run(&db, detach).await;
            let aside =
                "ALTER TABLE audit_events_y2026m07 RENAME TO audit_events_y2026m07_purged_1";
            direct::run(&db, aside).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropping_that_was_interrupted_is_finished_and_counted_once() {
    for at in [Left::Closed, Left::Leaving, Left::Detached, Left::Aside] {
        for somebody_records_there in [false, true] {
            let (world, acme, _) = world_of_months().await;
            interrupt(&world, at).await;
            if somebody_records_there {
                record(&acme, "west", &["2026-07-13"]).await;
                assert!(world.left().await.contains(&"west 2026-07-13".to_owned()), "{at:?}");
            }
            let purged = purge(&world.store, 500).await;
            let counts: Vec<u64> = purged.iter().map(|purged| purged.removed.count).collect();
            let more = u64::from(somebody_records_there);
            assert_eq!(counts, [4 + more, 2], "{at:?} {somebody_records_there}");
            assert!(purged[1].partitions.contains(&"2026-07".to_owned()), "{at:?}");
            assert_eq!(strays(&world).await, [""; 0], "{at:?}");
            let left = ["hammock 2026-09-20", "west 2026-10-01"];
            assert_eq!(world.left().await, left, "{at:?}");
            let ids = "SELECT external_id FROM idempotency_records ORDER BY 1";
            assert_eq!(world.held(ids).await, left, "{at:?}");
            // And whoever believed in it goes on.
            record(&acme, "west", &["2026-07-14"]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_would_come_too_late_is_not_placed() {
    for at in [Left::Closed, Left::Leaving, Left::Detached, Left::Aside] {
        let (world, ..) = world_of_months().await;
        let owner = world.user("ann", "acme", OWN).await;
        let db = direct::connect(&world.database.url).await;
        let begin = "INSERT INTO purge_runs
            (tenant_id, id, kept_since, removed, partitions, started_at)
            VALUES ('acme', '1', '2026-09-15T12:00:00Z', 0, '', now())";
        direct::run(&db, begin).await;
        interrupt(&world, at).await;
        let place = "mutation { placeLegalHold(
            input: {resource_name: APPOINTMENT, resource_id: \"1\", reason: \"Doe v. Acme\"}
        ) { legal_hold { id } } }";
        let answer = owner.graphql(place, json!({})).await.json();
        assert_eq!(
            answer["errors"][0]["message"],
            "the hold is not placed: what the plan no longer keeps of 2026-07 is being removed at \
             this moment; place it again when that is done",
            "{at:?}"
        );
        assert_eq!(answer["errors"][0]["extensions"]["code"], "CONFLICT");
        let held = owner.query("{ legalHolds { id } }").await;
        assert_eq!(held["legalHolds"], json!([]), "{at:?}");
        purge(&world.store, 500).await;
        owner.query(place).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_come_and_what_lies_before_all_months() {
    let (world, acme, _) = world_of_months().await;
    record(&acme, "west", &["1950-01-01", "2150-01-01"]).await;
    let purged = purge(&world.store, 500).await;
    assert_eq!(purged[0].partitions, ["before 1970", "2026-03", "2026-07"]);
    let mut expected = vec!["after_2099", "y2026m09"];
    expected.extend(AHEAD);
    assert_eq!(months(&world).await, expected);
    assert!(world.left().await.contains(&"west 2150-01-01".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_purging_did_not_detach_is_left_alone() {
    let (world, ..) = world_of_months().await;
    let db = direct::connect(&world.database.url).await;
    // A month that somebody took out to archive, and a copy of one.
    for sql in [
        "ALTER TABLE audit_events DETACH PARTITION audit_events_y2026m07",
        "CREATE TABLE audit_events_y2020m01 AS SELECT * FROM audit_events_y2026m03",
    ] {
        direct::run(&db, sql).await;
    }
    purge(&world.store, 500).await;
    for table in ["audit_events_y2026m07", "audit_events_y2020m01"] {
        let count = format!("SELECT count(*)::text FROM {table}");
        assert_ne!(direct::text(&db, &count).await, "0", "{table}");
    }
}
