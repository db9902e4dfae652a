//! A page of large events ends early, says so, and is read on from.

use serde_json::{Value, json};

use crate::support::On;
use crate::support::world::{VIEW, World, event_with, limits};

on_both!(
    pages_of_large_events_end_early_and_miss_none,
    the_pages_of_a_request_share_what_it_may_read,
);

const EVENTS: usize = 120;

async fn pages_of_large_events_end_early_and_miss_none(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let recorder = world.recorder("acme").await;
    // Small ones first, so that it cannot be told beforehand how large those that follow are.
    for first in (0..EVENTS).step_by(10) {
        let events = (first..first + 10).map(|n| {
            let size = if n < 60 { 900_000 } else { 10 };
            let at = format!("2026-10-01T{:02}:{:02}:00Z", n / 60, n % 60);
            let metadata = json!({"large": "x".repeat(size)});
            event_with("acme", &n.to_string(), json!({"occurred_at": at, "metadata": metadata}))
        });
        recorder.recorded(Value::from_iter(events)).await;
    }
    for (arguments, cursor, more, next) in [
        ("first: 1000, after: $c", "end_cursor", "has_next_page", "OCCURRED_AT_DESC"),
        ("first: 1000, after: $c", "end_cursor", "has_next_page", "OCCURRED_AT_ASC"),
        ("last: 1000, before: $c", "start_cursor", "has_previous_page", "OCCURRED_AT_DESC"),
    ] {
        let query = format!(
            "query($c: String) {{
                auditLog(resource_name: APPOINTMENT, order_by: {next}, {arguments}) {{
                    nodes {{ resource_id }} total_count page_info {{ {cursor} {more} }}
                }}
            }}"
        );
        let (mut seen, mut at, mut sizes) = (Vec::new(), Value::Null, Vec::new());
        loop {
            let log = viewer.data(&query, json!({"c": at})).await["auditLog"].take();
            assert_eq!(log["total_count"], EVENTS);
            let nodes = log["nodes"].as_array().unwrap().clone();
            sizes.push(nodes.len());
            match cursor {
                "end_cursor" => seen.extend(nodes),
                _ => seen.splice(0..0, nodes).for_each(drop),
            }
            if log["page_info"][more] == false {
                break;
            }
            at = log["page_info"][cursor].clone();
        }
        assert!(sizes.len() > 1, "{sizes:?}");
        let mut numbers: Vec<usize> = seen
            .iter()
            .map(|node| node["resource_id"].as_str().unwrap().parse().unwrap())
            .collect();
        if next == "OCCURRED_AT_DESC" {
            numbers.reverse();
        }
        assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>(), "{arguments}: {sizes:?}");
    }
    let file = viewer.get("/v1/audit-events?format=ndjson&resource_name=APPOINTMENT").await;
    assert_eq!(file.body.lines().count(), EVENTS);
}

async fn the_pages_of_a_request_share_what_it_may_read(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let recorder = world.recorder("acme").await;
    for first in [0, 10, 20] {
        let events = (first..first + 10).map(|n| {
            let metadata = json!({"large": "x".repeat(900_000)});
            event_with("acme", &n.to_string(), json!({"id": format!("e{n}"), "metadata": metadata}))
        });
        recorder.recorded(Value::from_iter(events)).await;
    }
    let answer = viewer
        .graphql(
            "fragment page on AuditEventPaginationConnection {
                nodes { resource_id } page_info { has_next_page }
            }
            {
                whole: auditLog(resource_name: APPOINTMENT, first: 10) { ...page }
                early: auditLog(resource_name: APPOINTMENT, first: 10) { ...page }
                none: auditLog(resource_name: APPOINTMENT, first: 10) { ...page }
                event: auditEvent(external_id: \"e1\") { resource_id }
                counted: auditLog(resource_name: APPOINTMENT) { total_count }
            }",
            json!({}),
        )
        .await
        .json();
    let data = &answer["data"];
    let read = |page: &str| data[page]["nodes"].as_array().unwrap().len();
    assert_eq!(read("whole"), 10);
    assert!((1..10).contains(&read("early")), "{}", read("early"));
    assert_eq!(data["early"]["page_info"]["has_next_page"], true);
    assert_eq!((&data["none"], &data["event"]), (&Value::Null, &Value::Null));
    assert_eq!(data["counted"]["total_count"], 30, "counting reads no events");
    let errors = answer["errors"].as_array().unwrap();
    let told: Vec<_> = errors.iter().map(|error| &error["path"][0]).collect();
    assert_eq!(told, ["none", "event"]);
    for error in errors {
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("at most 16777216 bytes are taken (max_event_bytes)"),
            "{message}"
        );
    }
    // One event is read in any case, and the rest of the page from there.
    let small = viewer.at(&world.server_within(limits(&[("max_event_bytes", 1_048_576)])).await);
    let (mut seen, mut at) = (Vec::new(), Value::Null);
    while seen.len() < 30 {
        let query = "query($c: String) { auditLog(resource_name: APPOINTMENT, after: $c) {
            nodes { resource_id } page_info { end_cursor has_next_page }
        } }";
        let log = small.data(query, json!({"c": at})).await["auditLog"].take();
        let nodes = log["nodes"].as_array().unwrap().clone();
        assert!(!nodes.is_empty());
        seen.extend(nodes);
        assert_eq!(log["page_info"]["has_next_page"], seen.len() < 30);
        at = log["page_info"]["end_cursor"].clone();
    }
    assert_eq!(seen.len(), 30);
}
