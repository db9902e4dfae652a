//! What is counted, under which names, and that nobody can blow it up.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use auditlog::domain::id::Id;
use serde_json::{Value, json};

use crate::support::world::{OWN, RECORD, VIEW, World, event};
use crate::support::{On, direct};

on_both!(
    operations_are_counted_by_what_is_in_the_schema,
    rows_read_are_counted_by_what_for,
    appended_events_are_counted_whatever_they_came_from,
    what_waits_for_a_commit_is_shown,
    pools_are_shown,
);

/// Every series, as its name with its labels and its value.
async fn all(world: &World) -> Vec<(String, f64)> {
    let text = world.anonymous().get("/metrics").await.body;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

async fn value(world: &World, series: &str) -> f64 {
    let all = all(world).await;
    let found = all.iter().find(|(name, _)| name == series);
    found.unwrap_or_else(|| panic!("no {series} in {all:#?}")).1
}

async fn operations_are_counted_by_what_is_in_the_schema(on: On) {
    let world = World::new(on).await;
    let owner = world.user("ann", "acme", OWN).await;
    for query in [
        "query Mine { a: auditLog { total_count } b: auditLog { total_count } __typename }",
        "query Ours { ...F } fragment F on Query { viewer { user { id } } }",
        "{ viewer { user { id } } auditLog { total_count } }",
        "{ __typename }",
        "{ made_up_1 }",
        "{ made_up_2 }",
        "mutation { updateAuditSettings(input: {log_of_reads: OFF}) { messages { message } } }",
        "subscription { made_up }",
        "query A { viewer { user { id } } } query B { viewer { user { id } } }",
    ] {
        owner.graphql(query, json!({})).await;
    }
    let all = all(&world).await;
    let count = "auditlog_graphql_request_duration_seconds_count";
    let counted: Vec<String> = all
        .iter()
        .filter_map(|(series, value)| Some(format!("{} {value}", series.strip_prefix(count)?)))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(
        counted,
        [
            "{operation=\"auditLog\",type=\"query\"} 1",
            "{operation=\"introspection\",type=\"query\"} 1",
            "{operation=\"none\",type=\"none\"} 1",
            "{operation=\"none\",type=\"query\"} 2",
            "{operation=\"none\",type=\"subscription\"} 1",
            "{operation=\"several\",type=\"query\"} 1",
            "{operation=\"updateAuditSettings\",type=\"mutation\"} 1",
            "{operation=\"viewer\",type=\"query\"} 1",
        ]
    );
}

async fn rows_read_are_counted_by_what_for(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let events: Vec<Value> = (0..7).map(|n| event("portland", &n.to_string())).collect();
    recorder.recorded(json!(events)).await;
    let read = async |what: &str| {
        value(&world, &format!("auditlog_event_rows_read_total{{for=\"{what}\"}}")).await
    };
    let page = "{ auditLog(first: 3, resource_name: APPOINTMENT) { nodes { id } } }";
    let page = viewer.query(page).await;
    // One more than asked for tells that there is more.
    assert_eq!(read("page").await, 4.0);
    let id = page["auditLog"]["nodes"][0]["id"].as_str().unwrap();
    viewer.query(&format!("{{ auditEvent(id: \"{id}\") {{ id }} }}")).await;
    assert_eq!(read("event").await, 1.0);
    // What the kept counts do not answer.
    viewer.query("{ auditLog(resource_ids: [\"2\", \"3\"]) { total_count } }").await;
    assert_eq!(read("count").await, 2.0);
    assert_eq!(read("export").await, 0.0);
    viewer.get("/v1/audit-events?format=ndjson&resource_name=APPOINTMENT").await;
    assert_eq!((read("page").await, read("export").await), (4.0, 7.0));
}

async fn appended_events_are_counted_whatever_they_came_from(on: On) {
    let world = World::logging_reads(on).await;
    let recorder = world.recorder("acme").await;
    let owner = world.user("ann", "acme", OWN).await;
    recorder.recorded(json!([event("acme", "1"), event("acme", "2")])).await;
    // What reading leaves, and what administration does in a transaction of its own.
    owner.query("{ auditLog(first: 1) { nodes { id } } }").await;
    let update =
        "mutation { updateAuditSettings(input: {log_of_reads: OFF}) { messages { message } } }";
    owner.query(update).await;
    let mut last = 0;
    for tenant in ["acme", "globex"] {
        last += world.store.last_sequence(&Id::new(tenant).unwrap()).await.unwrap();
    }
    let appended = value(&world, "auditlog_events_appended_total").await;
    assert_eq!(appended, f64::from(i32::try_from(last).unwrap()));
    // Over REST, and nothing else.
    assert_eq!(value(&world, "auditlog_events_recorded_total").await, 2.0);
    assert!(value(&world, "auditlog_append_commit_events_count").await >= 2.0);
    assert!(value(&world, "auditlog_append_commit_events_sum").await >= 3.0);
    let all = value(&world, "auditlog_append_commit_duration_seconds_count").await;
    for bound in ["0.0005", "0.0025", "0.025", "0.05", "0.1", "1.0", "5.0", "+Inf"] {
        let bucket = format!("auditlog_append_commit_duration_seconds_bucket{{le=\"{bound}\"}}");
        assert!(value(&world, &bucket).await <= all);
    }
    assert!(value(&world, "auditlog_append_commit_duration_seconds_sum").await > 0.0);
}

async fn what_waits_for_a_commit_is_shown(on: On) {
    let world = World::new(on).await;
    let recorder = world.user("rob", "acme", RECORD).await;
    let requests = "auditlog_append_queue_requests";
    assert_eq!(value(&world, requests).await, 0.0);
    let stopped = direct::stop_recording(&world.database, "acme").await;
    let mut sent = Vec::new();
    // The first one is in a commit that is stopped; the others wait.
    let used = "auditlog_database_connections{pool=\"write\",state=\"used\"}";
    for (n, (series, wanted)) in [(used, 1.0), (requests, 1.0), (requests, 2.0)].iter().enumerate()
    {
        let recorder = recorder.clone();
        let events = json!([event("acme", &n.to_string()), event("acme", &format!("{n}b"))]);
        sent.push(tokio::spawn(async move { recorder.record(events).await }));
        let end = Instant::now() + Duration::from_secs(2);
        while value(&world, series).await < *wanted && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert_eq!(value(&world, requests).await, 2.0);
    assert_eq!(value(&world, "auditlog_append_queue_events").await, 4.0);
    drop(stopped);
    for sent in sent {
        sent.await.unwrap();
    }
    assert_eq!(value(&world, requests).await, 0.0);
    assert_eq!(value(&world, "auditlog_append_queue_events").await, 0.0);
}

async fn pools_are_shown(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("ann", "acme", VIEW).await;
    viewer.query("{ auditLog(first: 1) { nodes { id } } }").await;
    let pools: &[(&str, f64)] = match on {
        On::Sqlite => &[("read", 4.0), ("write", 1.0), ("events", 4.0), ("sign_in", 2.0)],
        On::Postgres => &[("read", 16.0), ("write", 8.0)],
    };
    for (pool, most) in pools {
        let max = format!("auditlog_database_connections_max{{pool=\"{pool}\"}}");
        assert_eq!(value(&world, &max).await, *most);
        let mut open = 0.0;
        for state in ["used", "idle"] {
            let series =
                format!("auditlog_database_connections{{pool=\"{pool}\",state=\"{state}\"}}");
            open += value(&world, &series).await;
        }
        assert!((1.0..=*most).contains(&open), "{pool}: {open}");
    }
}
