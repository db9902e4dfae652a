//! How the databases run what is asked most.
use auditlog::domain::filter::{ActingUsers, EventFilter};
use auditlog::domain::id::Id;
use auditlog::domain::kind::{EventType, ResourceName};
use auditlog::domain::page::{End, Order, PageRequest, Position};
use auditlog::domain::viewer::Scope;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::world::World;

on_both!(show);

async fn loaded(on: On) -> World {
    let world = World::new(on).await;
    for (tenant, places) in [
        ("acme", vec!["acme", "west", "portland", "seattle", "east", "boston"]),
        ("globex", vec!["globex", "hammock"]),
    ] {
        let recorder = world.recorder(tenant).await;
        let events = (0..4_000_u32).map(|i| {
            let kind = ["APPOINTMENT", "TASK", "GOAL", "POLICY"][(i / 3 % 4) as usize];
            json!({
                "organization_id": places[(i * 7 / 11) as usize % places.len()],
                "acting_user_id": (i % 7 != 0).then(|| format!("user-{}", if i % 4 == 0 {5} else {i % 41})),
                "type": (["CREATE", "UPDATE", "DESTROY"][(i % 3) as usize]),
                "resource_name": kind, "resource_id": format!("record-{}", if i % 12 == 1 {5} else {i % 997}),
                "occurred_at": format!("2026-{:02}-{:02}T{:02}:{:02}:00Z", 4 + i % 6, 1 + i / 6 % 28, i % 24, i % 60),
                "changes": [{"field": "status", "before": null, "after": "x"}],
            })
            .pipe(|mut event| { if event["type"] == "DESTROY" { event["changes"] = json!([{"field": "status", "before": "x"}]); } event })
        });
        let events: Vec<Value> = events.collect();
        let start = std::time::Instant::now();
        recorder.recorded(Value::from(events)).await;
        eprintln!("recorded in {:?}", start.elapsed());
    }
    if on == On::Postgres || std::env::var("AN").is_ok() {
        let database = sea_orm::Database::connect(&world.database.url).await.unwrap();
        database.execute_unprepared("ANALYZE").await.unwrap();
        database.close().await.unwrap();
    }
    world
}

trait Pipe: Sized {
    fn pipe<T>(self, f: impl FnOnce(Self) -> T) -> T {
        f(self)
    }
}
impl Pipe for Value {}

async fn show(on: On) {
    let world = loaded(on).await;
    let id = |t: &str| Id::new(t).unwrap();
    let tenant = Scope::tenant(id("acme"));
    let first = PageRequest {
        order: Order::OccurredAtDesc,
        after: None,
        before: None,
        limit: 100,
        end: End::First,
    };
    let at = |t: &str, sequence| Position { occurred_at: t.parse().unwrap(), sequence };
    let deep = PageRequest { after: Some(at("2026-05-15T00:00:00Z", 1000)), ..first };
    let none = EventFilter::default();
    let record = EventFilter {
        resource_names: Some(vec![ResourceName::Appointment]),
        resource_id: Some(id("record-5")),
        ..none.clone()
    };
    let user = EventFilter {
        acting_users: Some(ActingUsers { ids: vec![id("user-5")], or_nobody: false }),
        occurred_after: Some("2026-06-01T00:00:00Z".parse().unwrap()),
        occurred_before: Some("2026-07-31T23:59:59Z".parse().unwrap()),
        ..none.clone()
    };
    let nobody = EventFilter {
        acting_users: Some(ActingUsers { ids: vec![], or_nobody: true }),
        ..none.clone()
    };
    let kind = EventFilter {
        resource_names: Some(vec![ResourceName::Task]),
        event_types: Some(vec![EventType::Update]),
        ..none.clone()
    };
    let range = EventFilter {
        occurred_after: Some("2026-06-01T00:00:00Z".parse().unwrap()),
        occurred_before: Some("2026-07-31T23:59:59Z".parse().unwrap()),
        ..none.clone()
    };
    let recid = EventFilter { resource_id: Some(id("record-5")), ..none.clone() };
    let name = EventFilter { resource_names: Some(vec![ResourceName::Task]), ..none.clone() };
    let only = Scope::only(id("acme"), vec![id("portland")]);
    let several = Scope::only(id("acme"), vec![id("portland"), id("seattle")]);
    let asc = PageRequest { order: Order::OccurredAtAsc, ..deep };
    let seq = PageRequest {
        order: Order::SequenceAsc,
        after: Some(at("2026-05-15T00:00:00Z", 1000)),
        ..first
    };
    let seqd = PageRequest { order: Order::SequenceDesc, ..first };
    let back = PageRequest { before: deep.after, after: None, end: End::Last, ..first };
    if on == On::Sqlite {
        let d = sea_orm::Database::connect(&world.database.url).await.unwrap();
        let _ = std::fs::remove_file("/tmp/plans.db");
        d.execute_unprepared("VACUUM INTO '/tmp/plans.db'").await.unwrap();
    }
    for (n, s, f, r) in [
        ("tenant", &tenant, &none, first),
        ("deep", &tenant, &none, deep),
        ("deep asc", &tenant, &none, asc),
        ("backward", &tenant, &none, back),
        ("record", &tenant, &record, first),
        ("record deep", &tenant, &record, deep),
        ("record id alone", &tenant, &recid, first),
        ("user in range", &tenant, &user, first),
        ("nobody", &tenant, &nobody, first),
        ("kind", &tenant, &kind, first),
        ("kind deep", &tenant, &kind, deep),
        ("name alone", &tenant, &name, first),
        ("org", &only, &none, first),
        ("org deep", &only, &none, deep),
        ("orgs", &several, &none, first),
        ("range", &tenant, &range, first),
        ("seq", &tenant, &none, seq),
        ("seqd", &tenant, &none, seqd),
        ("seq org", &only, &none, seq),
        ("seq user", &tenant, &nobody, seq),
    ] {
        let plan = world.store.explain(s, f, &r).await.unwrap();
        eprintln!("=== {on:?} {n}\n{plan}\n");
    }
}
