//! What hostile documents cost: `cargo bench --bench documents`.
//!
//! Each is sent to a server in this process over a log of 1,000 events. Processor time is that of all
//! threads; memory is by how much the most that the process ever used grew.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(dead_code, unused_macros, unused_imports)] // the tests' support has more than is used here

#[path = "../it/hostile/documents.rs"]
mod documents;
#[macro_use]
#[path = "../it/support/mod.rs"]
mod support;

use std::fs;
use std::time::Duration;

use serde_json::json;

use support::On;
use support::world::{OWN, World, event_with};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = World::new(On::Sqlite).await;
    let client = world.user("ann", "acme", OWN).await;
    let changes: Vec<_> = (0..5)
        .map(|i| json!({"field": format!("field_{i}"), "before": "a value", "after": "another"}))
        .collect();
    let more = json!({
        "acting_user_id": "ann", "changes": changes, "ip_address": "203.0.113.9",
        "user_agent": "a browser", "url": "https://example.com/x", "description": "moved",
        "request_id": "r-1", "metadata": {"a": 1},
    });
    let events: Vec<_> =
        (0..1_000).map(|i| event_with("acme", &i.to_string(), more.clone())).collect();
    world.recorder("acme").await.recorded(json!(events)).await;
    let full = format!("{{{}}}", documents::page("p", 1_000));
    println!("{:>10} {:>10} {:>10}  document", "ms", "KiB more", "answer");
    for (name, document) in documents::all().into_iter().chain([("one full page", full)]) {
        let memory = peak();
        client.graphql(&document, json!({})).await;
        let time = processor_time();
        let answer = client.graphql(&document, json!({})).await;
        let time = (processor_time() - time).as_secs_f64() * 1_000.0;
        let (more, length) = (peak() - memory, answer.body.len());
        let told: String = answer.body.chars().take(100).collect();
        println!("{time:>10.1} {more:>10} {length:>10}  {name}: {} {told}", answer.status);
    }
}

/// What all threads have used so far.
fn processor_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let used = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(used.sum())
}

/// The most memory that the process ever used, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
