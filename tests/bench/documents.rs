//! What hostile documents cost: `cargo bench --bench documents`.
//!
//! Each is sent to a server in this process over a log of 1,000 events, and pages of large events over
//! one of 120 with 900 KB each. Processor time is that of all threads; memory is by how much more the process
//! used at its peak than before.

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

use axum::http::Method;
use serde_json::{Value, json};

use support::On;
use support::client::Client;
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
        measure(&client, name, &json!({"query": document})).await;
    }
    // 15 MiB, flat and as deep as values may be.
    for (name, levels) in [("a flat body", 1), ("a deep body", 60)] {
        let text = "x".repeat(15 * 1024 * 1024);
        let value = (0..levels).fold(json!(text), |inner, _| json!([inner]));
        measure(&client, name, &json!({"query": "{__typename}", "variables": {"a": value}})).await;
    }

    let world = World::new(On::Sqlite).await;
    let client = world.user("ann", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let large = json!({"metadata": {"large": "x".repeat(900_000)}});
    for first in (0..120).step_by(10) {
        let events = (first..first + 10).map(|i| event_with("acme", &i.to_string(), large.clone()));
        recorder.recorded(events.collect()).await;
    }
    for pages in [1, 3, 39] {
        let page = |i| format!("p{i}:auditLog(first:100){{nodes{{metadata}}}} ");
        let document = format!("{{{}}}", (0..pages).map(page).collect::<String>());
        measure(&client, &format!("{pages} pages of large events"), &json!({"query": document}))
            .await;
    }
}

/// Sends a request twice, and prints what the second time costs.
async fn measure(client: &Client, name: &str, request: &Value) {
    let body = request.to_string();
    let send = || client.send(Method::POST, "/graphql", Some("application/json"), body.clone());
    send().await;
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (memory, time) = (kilobytes("VmRSS:"), processor_time());
    let answer = send().await;
    let time = (processor_time() - time).as_secs_f64() * 1_000.0;
    let (more, length) = (kilobytes("VmHWM:").saturating_sub(memory), answer.body.len());
    let told: String = answer.body.chars().take(100).collect();
    println!("{time:>10.1} {more:>10} {length:>10}  {name}: {} {told}", answer.status);
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

/// The memory that the process uses, or the most since that was last reset, in KiB.
fn kilobytes(of: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(of)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
