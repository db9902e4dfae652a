//! What single steps cost, by `cargo bench --bench steps`: taking an event in, the difference of two records,
//! scanning a document before it is parsed, a cursor, and a page from the database to its JSON.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(dead_code, unused_macros, unused_imports)] // the tests' support has more than is used here

#[macro_use]
#[path = "../it/support/mod.rs"]
mod support;

use std::hint::black_box;

use auditlog::domain::diff::diff;
use auditlog::domain::filter::EventFilter;
use auditlog::domain::id::Id;
use auditlog::domain::json::Json;
use auditlog::domain::limits::Limits;
use auditlog::domain::page::{End, List, Order, PageRequest, Position, PositionCodec, Purpose};
use auditlog::domain::scan::scan;
use auditlog::domain::viewer::Scope;
use auditlog::ingest::Batch;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;

use support::On;
use support::client::Client;
use support::world::{VIEW, World, event_with};

criterion_group!(steps, decode, difference, document, cursor, page);
criterion_main!(steps);

const PAGE: &str = "{ auditLog(first: 50) {
    nodes {
        id sequence external_id type resource_name resource_id occurred_at recorded_at
        ip_address user_agent url page description request_id metadata
        acting_user { id full_name } organization { id name }
        resource_changes { field value_before_change value_after_change }
    }
    page_info { has_next_page end_cursor }
} }";

/// A record with so many fields, every third of which has another value in another version.
fn record(fields: usize, version: usize) -> serde_json::Value {
    let field = |n: usize| {
        let value = if n.is_multiple_of(3) { version } else { 0 };
        (format!("field_{n}"), json!(format!("value {value} of field {n}")))
    };
    (0..fields).map(field).collect::<serde_json::Map<_, _>>().into()
}

fn decode(criterion: &mut Criterion) {
    let event = |n: usize| {
        let more = json!({"before": record(12, 0), "after": record(12, 1), "metadata": {"n": n}});
        event_with("acme", &n.to_string(), more)
    };
    let body = serde_json::Value::from_iter((0..500).map(event)).to_string();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(500));
    group.bench_function("500 events", |bench| {
        bench.iter(|| Batch::from_json(black_box(body.as_bytes())).unwrap());
    });
}

fn difference(criterion: &mut Criterion) {
    let parsed = |version| Json::parse(&record(30, version).to_string()).unwrap();
    let (before, after) = (parsed(0), parsed(1));
    criterion.bench_function("diff/30 fields, 10 changed", |bench| {
        bench.iter(|| diff(black_box(Some(&before)), black_box(Some(&after))));
    });
}

fn document(criterion: &mut Criterion) {
    let limits = Limits::DEFAULT;
    criterion.bench_function("scan/the query of a page", |bench| {
        bench.iter(|| scan(black_box(PAGE), &limits).unwrap());
    });
}

fn cursor(criterion: &mut Criterion) {
    let codec = PositionCodec::new(&[7; 32]);
    let tenant = id("acme");
    let list = || List::of("auditLog", Vec::<(String, Json)>::new());
    let purpose = || Purpose::Cursor(Order::OccurredAtDesc, list());
    let position =
        Position { occurred_at: "2026-10-15T12:00:00Z".parse().unwrap(), sequence: 1_234_567 };
    let written = codec.encode(&tenant, purpose(), position);
    criterion.bench_function("cursor/write", |bench| {
        bench.iter_batched(
            purpose,
            |purpose| codec.encode(&tenant, purpose, black_box(position)),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("cursor/read", |bench| {
        bench.iter_batched(
            purpose,
            |purpose| codec.decode(&tenant, purpose, black_box(&written)).unwrap(),
            BatchSize::SmallInput,
        );
    });
}

/// From the request to the bytes of its answer, without a network; and what of that is reading.
fn page(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (plain, viewer) = runtime.block_on(filled(World::new(On::Sqlite)));
    let (_logging, logged) = runtime.block_on(filled(World::logging_reads(On::Sqlite)));
    let scope = Scope::whole(runtime.block_on(plain.store.tenant(&id("acme"))).unwrap());
    let (all, order) = (EventFilter::default(), Order::OccurredAtDesc);
    let newest = PageRequest { order, after: None, before: None, limit: 50, end: End::First };
    let mut group = criterion.benchmark_group("page");
    group.throughput(Throughput::Elements(50));
    group.bench_function("50 events from SQLite", |bench| {
        bench.iter(|| runtime.block_on(plain.store.events(&scope, &all, &newest)).unwrap());
    });
    group.bench_function("50 events from SQLite to JSON", |bench| {
        bench.iter(|| runtime.block_on(viewer.graphql(PAGE, json!({}))));
    });
    group.bench_function("the same and its event in the log of reads", |bench| {
        bench.iter(|| runtime.block_on(logged.graphql(PAGE, json!({}))));
    });
}

/// A log, and who reads it.
async fn filled(world: impl Future<Output = World>) -> (World, Client) {
    let world = world.await;
    let event = |n: usize| {
        let change = |i| json!({"field": format!("field_{i}"), "before": n, "after": n + 1});
        let changes: Vec<_> = (0..4).map(change).collect();
        event_with("acme", &n.to_string(), json!({"changes": changes, "metadata": {"n": n}}))
    };
    world.recorder("acme").await.recorded((0..200).map(event).collect()).await;
    let client = world.user("vera", "acme", VIEW).await;
    (world, client)
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}
