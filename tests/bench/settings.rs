//! What a tenant's settings cost: recording with policies, schemas and rules for notes against recording
//! without, and reading with the log of reads against reading without. Both sides of each ratio take
//! turns in one run, so that whatever else the machine does weighs on both.
//!
//! `cargo bench --bench settings`

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(dead_code, unused_macros, unused_imports)] // the tests' support has more than is used here

#[macro_use]
#[path = "../it/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use support::On;
use support::client::Client;
use support::world::{May, OWN, RECORD, VIEW, World};

/// How many times each side takes its turn.
const ROUNDS: usize = 60;
/// How many events a batch has.
const BATCH: usize = 500;
/// How many events a page has.
const PAGE: usize = 100;

#[tokio::main]
async fn main() {
    // It waits for the disk, as it does in earnest.
    support::postgres::SETTINGS.set("-c fsync=on").unwrap();
    println!("{:8} {:44} {:>10} {:>6}", "database", "what", "median", "ratio");
    for on in [On::Sqlite, On::Postgres] {
        record(on, "a batch of 500", BATCH).await;
        record(on, "one event", 1).await;
        read(on).await;
    }
}

/// A tenant and its recorder.
struct Side {
    name: &'static str,
    _world: World,
    client: Client,
}

async fn record(on: On, what: &str, size: usize) {
    let mut sides = Vec::new();
    for (name, set_up) in [
        ("no settings", Vec::new()),
        ("masked, dropped and kept fields", policies()),
        ("metadata checked by a JSON Schema", schema()),
        ("status notes, no rule matches", vec![note_rules("never")]),
        ("all of it", [policies(), schema(), vec![note_rules("never")]].concat()),
    ] {
        let world = World::new(on).await;
        let owner = world.user("olga", "acme", OWN).await;
        let client = world.recorder("acme").await;
        // Every side's events name the type, so that they are the same.
        for (mutation, input) in [define(json!(true))].into_iter().chain(set_up) {
            let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
            let document = format!(
                "mutation($input: {kind}!) {{ {mutation}(input: $input) {{ messages {{ message }} }} }}"
            );
            let answer = owner.data(&document, json!({"input": input})).await;
            assert_eq!(answer[mutation]["messages"], json!([]));
        }
        sides.push(Side { name, _world: world, client });
    }
    let mut took = vec![Vec::new(); sides.len()];
    let rounds = if size == 1 { 10 * ROUNDS } else { ROUNDS };
    for round in 0..rounds {
        for (side, took) in sides.iter().zip(&mut took) {
            let events = Value::from_iter((0..size).map(|n| event(round * size + n)));
            let start = Instant::now();
            let answer = side.client.record(events).await;
            took.push(start.elapsed());
            assert_eq!(answer.json()["recorded"], size, "{}", answer.body);
        }
    }
    tell(on, &format!("recording {what}"), sides.iter().map(|side| side.name), took);
}

async fn read(on: On) {
    const SETTINGS: [&str; 3] = ["OFF", "EVERY_REQUEST", "ONE_A_PULL"];
    let query = format!(
        "{{ auditLog(first: {PAGE}) {{ nodes {{
            id sequence type resource_name resource_id occurred_at ip_address user_agent url page
            description metadata acting_user {{ id full_name }} organization {{ id name }}
            resource_changes {{ field value_before_change value_after_change }}
        }} page_info {{ has_next_page end_cursor }} }} }}"
    );
    let mut sides = Vec::new();
    for name in SETTINGS {
        let world = World::new(on).await;
        let owner = world.user("olga", "acme", May { view: true, ..OWN }).await;
        let recorder = world.recorder("acme").await;
        owner
            .data(
                "mutation($input: DefineAuditEventTypeInput!) {
                    defineAuditEventType(input: $input) { messages { message } }
                }",
                json!({"input": define(json!(true)).1}),
            )
            .await;
        for batch in 0..10 {
            let events = (0..BATCH).map(|n| event(batch * BATCH + n));
            recorder.recorded(Value::from_iter(events)).await;
        }
        let update = format!(
            "mutation {{ updateAuditSettings(input: {{log_of_reads: {name}}}) {{ messages {{ message }} }} }}"
        );
        owner.query(&update).await;
        sides.push(Side { name, client: world.user("vera", "acme", VIEW).await, _world: world });
    }
    let mut took = vec![Vec::new(); sides.len()];
    for _ in 0..5 * ROUNDS {
        for (side, took) in sides.iter().zip(&mut took) {
            let start = Instant::now();
            let answer = side.client.query(&query).await;
            took.push(start.elapsed());
            assert_eq!(answer["auditLog"]["nodes"].as_array().unwrap().len(), PAGE);
        }
    }
    tell(on, &format!("a page of {PAGE}, log of reads"), SETTINGS.into_iter(), took);
}

/// One line a side, each compared with the first.
fn tell<'a>(on: On, what: &str, names: impl Iterator<Item = &'a str>, took: Vec<Vec<Duration>>) {
    let medians = took.into_iter().map(|mut took| {
        took.sort_unstable();
        took[took.len() / 2]
    });
    let medians: Vec<Duration> = medians.collect();
    println!("\n{:?}, {what}", on);
    for (name, median) in names.zip(&medians) {
        let ratio = median.as_secs_f64() / medians[0].as_secs_f64();
        println!("{:8} {name:44} {:>10.2?} {ratio:>6.2}", "", median);
    }
}

type Mutation = (&'static str, Value);

fn define(schema: Value) -> Mutation {
    // `true` takes everything: it is left out.
    let schema = if schema == json!(true) { Value::Null } else { schema };
    ("defineAuditEventType", json!({"name": "visit.changed", "metadata_schema": schema}))
}

fn schema() -> Vec<Mutation> {
    vec![define(json!({
        "type": "object",
        "properties": {
            "client": {"enum": ["web", "ios", "android"]},
            "version": {"type": "string", "pattern": "^[0-9]+\\.[0-9]+$"},
            "attempt": {"type": "integer", "minimum": 1},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}},
        },
        "required": ["client", "version"],
        "additionalProperties": false,
    }))]
}

fn policies() -> Vec<Mutation> {
    vec![(
        "setAuditPolicy",
        json!({
            "organization_id": "acme",
            "masked_fields": ["**.phone_number", "ssn", "address.line1"],
            "dropped_fields": ["updated_at", "**.checksum"],
            "event_types": ["CUSTOM", "UPDATE", "CREATE", "DESTROY"],
        }),
    )]
}

fn note_rules(becomes: &str) -> Mutation {
    let rule = json!({
        "fields": [{"field": "pm_status", "label": "Status"}],
        "becomes": [becomes],
        "text": "Status changed: {before} → {after}",
    });
    ("setStatusNoteRules", json!({"resource_name": "APPOINTMENT", "rules": [rule]}))
}

/// A change of some fields, two of which the policies mask and one of which they drop.
fn event(n: usize) -> Value {
    let organizations = ["acme", "portland", "seattle", "boston"];
    json!({
        "id": format!("evt-{n}"),
        "organization_id": organizations[n % 4],
        "type": "CUSTOM", "custom_type": "visit.changed",
        "resource_name": "APPOINTMENT", "resource_id": (n % 1_000).to_string(),
        "before": {
            "pm_status": "Scheduled", "length": 30, "phone_number": "+1-503-555-0100",
            "address": {"line1": "1 Main St", "city": "Salem"}, "updated_at": n,
        },
        "after": {
            "pm_status": "Confirmed", "length": 45, "phone_number": "+1-503-555-0101",
            "address": {"line1": "2 Main St", "city": "Salem"}, "updated_at": n + 1,
        },
        "ip_address": "203.0.113.9", "user_agent": "Mozilla/5.0",
        "url": format!("https://ehr.example/appointments/{n}"), "page": "Calendar",
        "description": "Client confirmed by telephone",
        "metadata": {"client": "web", "version": "4.18", "attempt": 1, "tags": ["a", "b"]},
    })
}
