//! A page of large events ends early, says so, and is read on from.

use serde_json::{Value, json};

use crate::support::On;
use crate::support::world::{VIEW, World, event_with};

on_both!(pages_of_large_events_end_early_and_miss_none);

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
