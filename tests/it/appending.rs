//! Numbering under load: without gaps, each event once, in the order of becoming visible; many
//! requests a commit; and nobody pays for what others do.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::Poll;
use std::time::Duration;

use auditlog::auth::Authenticator;
use auditlog::domain::time::Time;
use auditlog::http;
use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::log::{Poller, assert_gapless, sequence, whole_log};
use crate::support::world::{OWN, VIEW, World, event, event_with};
use crate::support::{On, direct};

on_both!(
    concurrent_recorders_are_numbered_without_gaps,
    each_tenant_is_numbered_for_itself,
    a_poller_of_two_servers_meets_every_event_once_and_in_order,
    requests_that_wait_together_share_a_commit,
    a_request_that_the_database_refuses_fails_alone,
    clients_that_vanish_leave_nothing_half_done,
);

/// A numbered event with an id of its own.
fn numbered(id: &str) -> Value {
    event_with("portland", "1", json!({"id": id}))
}

fn count(receipt: &Value, key: &str) -> usize {
    usize::try_from(receipt[key].as_u64().unwrap()).unwrap()
}

/// The numbers a receipt says its new events have.
fn numbers(receipt: &Value) -> std::ops::RangeInclusive<i64> {
    let number = |key: &str| receipt[key].as_str().unwrap().parse::<i64>().unwrap();
    number("first_sequence")..=number("last_sequence")
}

/// The numbers of the events with an id, by that id.
fn by_id(log: &[Value]) -> BTreeMap<String, i64> {
    let with_id = log.iter().filter(|event| event["external_id"].is_string());
    let pairs: Vec<_> = with_id
        .map(|event| (event["external_id"].as_str().unwrap().to_owned(), sequence(event)))
        .collect();
    let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "an id was recorded twice");
    map
}

async fn concurrent_recorders_are_numbered_without_gaps(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let mut tasks = JoinSet::new();
    for client in 0..16_usize {
        let recorder = recorder.clone();
        tasks.spawn(async move {
            let mut accepted = Vec::new();
            let (mut duplicates, mut conflicts) = (0, 0);
            for round in 0..6_usize {
                let size = 1 + (client * 7 + round * 3) % 9;
                let own = |n: usize| numbered(&format!("c{client}-r{round}-{n}"));
                let mut batch: Vec<Value> = (0..size).map(own).collect();
                match (client + round) % 4 {
                    // All clients send this one, with the same content …
                    0 => batch.insert(size / 2, numbered(&format!("shared-{round}"))),
                    // … and this one, each with other content: one of them wins.
                    1 => batch.push(event_with(
                        "boston",
                        &client.to_string(),
                        json!({"id": format!("contested-{round}")}),
                    )),
                    // This batch is sent twice.
                    2 => {
                        recorder.recorded(json!(batch)).await;
                        accepted.push((batch.clone(), None));
                    }
                    _ => {}
                }
                let answer = recorder.record(json!(batch)).await;
                if answer.status == StatusCode::OK {
                    let receipt = answer.json();
                    duplicates += count(&receipt, "duplicates");
                    assert_eq!(
                        count(&receipt, "recorded") + count(&receipt, "duplicates"),
                        batch.len()
                    );
                    accepted.push((batch, Some(receipt)));
                } else {
                    let errors = answer.json()["errors"].clone();
                    assert_eq!(errors.as_array().unwrap().len(), 1);
                    assert_eq!(
                        (&errors[0]["index"], &errors[0]["code"]),
                        (&json!(size), &json!("CONFLICT"))
                    );
                    conflicts += 1;
                }
            }
            (accepted, duplicates, conflicts)
        });
    }
    let results = tasks.join_all().await;

    let log = whole_log(&viewer, "external_id").await;
    assert_gapless(&log, 1);
    let found = by_id(&log);
    let mut expected = BTreeSet::new();
    let (mut all_duplicates, mut all_conflicts) = (0, 0);
    for (accepted, duplicates, conflicts) in results {
        all_duplicates += duplicates;
        all_conflicts += conflicts;
        for (batch, receipt) in accepted {
            let ids: Vec<_> = batch.iter().map(|e| e["id"].as_str().unwrap().to_owned()).collect();
            // What a receipt says is new stands in the log under just these numbers, in order.
            if let Some(receipt) = receipt.filter(|receipt| count(receipt, "recorded") > 0) {
                let new = numbers(&receipt);
                let here: Vec<_> =
                    ids.iter().map(|id| found[id]).filter(|number| new.contains(number)).collect();
                assert_eq!(here, new.collect::<Vec<_>>());
            }
            expected.extend(ids);
        }
    }
    assert_eq!(found.into_keys().collect::<BTreeSet<_>>(), expected);
    let contested = expected.iter().filter(|id| id.starts_with("contested")).count();
    let shared = expected.iter().filter(|id| id.starts_with("shared")).count();
    assert_eq!((contested, shared), (6, 6), "somebody was first with each");
    assert_eq!(all_conflicts, 6 * 16 / 4 - 6);
    assert!(all_duplicates > 6 * 16 / 4 - 6);
}

async fn each_tenant_is_numbered_for_itself(on: On) {
    let world = World::new(on).await;
    let mut tasks = JoinSet::new();
    let mut viewers = Vec::new();
    for (tenant, clinic) in [("acme", "boston"), ("globex", "hammock")] {
        let recorder = world.recorder(tenant).await;
        viewers.push((clinic, world.user(&format!("{tenant}-viewer"), tenant, VIEW).await));
        for client in 0..8 {
            let recorder = recorder.clone();
            tasks.spawn(async move {
                for n in 0..8 {
                    let id = json!({"id": format!("c{client}-{n}")});
                    recorder
                        .recorded(json!([event_with(clinic, "1", id), event(clinic, "2")]))
                        .await;
                }
            });
        }
    }
    tasks.join_all().await;
    for (clinic, viewer) in viewers {
        let log = whole_log(&viewer, "external_id organization { id }").await;
        assert_gapless(&log, 1);
        assert_eq!(by_id(&log).len(), 64);
        let here = log.iter().filter(|event| event["organization"]["id"] == clinic);
        assert_eq!(here.count(), 1 + 128, "the clinic's own event, and these");
    }
}

async fn a_poller_of_two_servers_meets_every_event_once_and_in_order(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    // Another server over the same database.
    let store = world.database.store(world.clock.clock()).await;
    let router = http::router(store.clone(), Authenticator::new(store, None)).await;
    let elsewhere = recorder.at(&router);

    const BATCHES: usize = 16;
    let mut writers = JoinSet::new();
    for writer in 0..8_usize {
        let client = if writer % 2 == 0 { recorder.clone() } else { elsewhere.clone() };
        writers.spawn(async move {
            for n in 0..BATCHES {
                // Late ones among them: the order of happening is not that of recording.
                let late = json!({
                    "id": format!("w{writer}-{n}"),
                    "occurred_at": format!("20{:02}-01-01", (writer * 11 + n * 7) % 30),
                });
                let event = event_with("seattle", "1", late);
                let batch = vec![event; 1 + n % 3];
                client.recorded(json!(batch)).await;
            }
        });
    }
    let done = Arc::new(AtomicBool::new(false));
    let pollers = [viewer.clone(), viewer.at(&router)].map(|viewer| {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            let mut poller = Poller::new(&viewer, "external_id");
            let (mut met, mut polls) = (Vec::new(), 0);
            loop {
                let last_round = done.load(Ordering::SeqCst);
                let page = poller.poll(7).await;
                polls += 1;
                if page.is_empty() && last_round {
                    return (met, polls);
                }
                // At every moment: the next numbers, and none is left out for later.
                met.extend(page);
                assert_gapless(&met, 1);
            }
        })
    });
    writers.join_all().await;
    done.store(true, Ordering::SeqCst);
    for poller in pollers {
        let (met, polls) = poller.await.unwrap();
        assert!(polls > 10);
        assert_eq!(by_id(&met).len(), 8 * BATCHES);
        assert_eq!(met, whole_log(&viewer, "external_id").await);
    }
}

/// Sends requests while nobody can record for the tenant, and lets them all wait for it.
async fn send_together<T: Send + 'static>(
    world: &World,
    requests: Vec<impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let stop = direct::stop_recording(&world.database, "acme").await;
    let mut tasks = Vec::new();
    for request in requests {
        tasks.push(tokio::spawn(request));
    }
    // The first of them waits for the database, the others for the first.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(tasks.iter().all(|task| !task.is_finished()));
    stop.rollback().await.unwrap();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

async fn requests_that_wait_together_share_a_commit(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    // A server whose clock ticks whenever it is read, which each commit does once.
    let start = world.clock.now();
    let ticks = AtomicI64::new(0);
    let ticking =
        move || -> Time { start + TimeDelta::seconds(ticks.fetch_add(1, Ordering::SeqCst)) };
    let store = world.database.store(Arc::new(ticking)).await;
    let router = http::router(store.clone(), Authenticator::new(store, None)).await;
    let recorder = recorder.at(&router);
    let one = |n: i32| {
        let recorder = recorder.clone();
        async move { recorder.recorded(numbered(&format!("a{n}"))).await }
    };
    let receipts = send_together(&world, (0..64).map(one).collect()).await;
    let given: BTreeSet<i64> = receipts.iter().flat_map(numbers).collect();
    assert_eq!(given.len(), 64);
    // The first one, which waited for the lock, and the rest; on a slow machine, some latecomers.
    let log = whole_log(&viewer, "recorded_at external_id").await;
    assert_gapless(&log, 1);
    let ours = log.iter().filter(|event| event["external_id"].is_string());
    let commits: BTreeSet<_> = ours.map(|event| event["recorded_at"].to_string()).collect();
    assert!(commits.len() <= 16, "{} commits for 64 requests", commits.len());
}

async fn a_request_that_the_database_refuses_fails_alone(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let db = direct::connect(&world.database.url).await;
    direct::run(
        &db,
        match on {
            On::Sqlite => {
                "CREATE TRIGGER refuse BEFORE INSERT ON audit_events
                 WHEN NEW.resource_id = 'poison' BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
            On::Postgres => {
                "ALTER TABLE audit_events ADD CONSTRAINT refused CHECK (resource_id <> 'poison')"
            }
        },
    )
    .await;
    let before = whole_log(&viewer, "id").await.len();
    let request = |n: i32| {
        let recorder = recorder.clone();
        async move {
            let resource = if n % 10 == 7 { "poison" } else { "1" };
            let id = |part| json!({"id": format!("evt-{n}-{part}")});
            let batch = [event_with("acme", "1", id("a")), event_with("acme", resource, id("b"))];
            (n, recorder.record(json!(batch)).await)
        }
    };
    let answers = send_together(&world, (0..30).map(request).collect()).await;
    let mut recorded = BTreeSet::new();
    for (n, answer) in answers {
        if n % 10 == 7 {
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
            let message = "the server could not do this; its log says why, try again later";
            let body = json!({"errors": [{"code": "INTERNAL_SERVER_ERROR", "message": message}]});
            assert_eq!(answer.json(), body);
        } else {
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            recorded.extend([format!("evt-{n}-a"), format!("evt-{n}-b")]);
        }
    }
    let log = whole_log(&viewer, "external_id").await;
    assert_gapless(&log, 1);
    assert_eq!(log.len(), before + recorded.len());
    assert_eq!(by_id(&log).into_keys().collect::<BTreeSet<_>>(), recorded);
}

/// Polls a future at most `times` times, then drops it.
async fn abandon<T>(future: impl Future<Output = T>, times: usize) {
    let mut future = Box::pin(future);
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        if polls > times {
            return Poll::Ready(());
        }
        future.as_mut().poll(context).map(drop)
    })
    .await;
}

async fn clients_that_vanish_leave_nothing_half_done(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let owner = world.user("olga", "acme", OWN).await;
    let batch = |n: usize| -> Value {
        (0..3).map(|part| numbered(&format!("evt-{n}-{part}"))).collect::<Vec<_>>().into()
    };
    let organization = |n: usize| {
        format!(
            r#"mutation {{ createOrganization(input: {{id: "org-{n}", name: "N", parent_id: "acme"}}) {{
                messages {{ field }}
            }} }}"#
        )
    };
    const REQUESTS: usize = 300;
    let mut tasks = JoinSet::new();
    for n in 0..REQUESTS {
        let (recorder, owner) = (recorder.clone(), owner.clone());
        let (batch, organization) = (batch(n), organization(n));
        tasks.spawn(async move {
            let times = 1 + n / 10 % 15;
            if n % 10 == 0 {
                abandon(owner.query(&organization), times).await;
            } else {
                abandon(recorder.record(batch), times).await;
            }
        });
    }
    tasks.join_all().await;

    // The server goes on. This also waits for what is still in the queue.
    assert_eq!(recorder.recorded(event("acme", "1")).await["recorded"], 1);
    let mut given_up = 0;
    for n in 0..REQUESTS {
        if n % 10 == 0 {
            // Either there with its event, or neither is.
            let added =
                owner.query(&organization(n)).await["createOrganization"]["messages"].clone();
            assert!(added == json!([]) || added == json!([{"field": "id"}]), "{added}");
        } else {
            let receipt = recorder.recorded(batch(n)).await;
            let (new, old) = (count(&receipt, "recorded"), count(&receipt, "duplicates"));
            assert!((new, old) == (3, 0) || (new, old) == (0, 3), "{receipt}");
            given_up += usize::from(new == 3);
        }
    }
    assert!(
        (1..REQUESTS).contains(&given_up),
        "{given_up} were given up before they were recorded"
    );
    let log = whole_log(&owner, "external_id resource_name resource_id").await;
    assert_gapless(&log, 1);
    assert_eq!(by_id(&log).len(), REQUESTS * 9 / 10 * 3);
    let added: Vec<_> = log
        .iter()
        .filter(|event| event["resource_name"] == "ORGANIZATION")
        .map(|event| event["resource_id"].as_str().unwrap())
        .filter(|id| id.starts_with("org-"))
        .collect();
    assert_eq!(added.len(), REQUESTS / 10);
    no_transaction_is_open(&world).await;
}

async fn no_transaction_is_open(world: &World) {
    let db = direct::connect(&world.database.url).await;
    if world.database.on == On::Sqlite {
        // Nobody holds the write lock: it is to be had soon.
        direct::run(&db, "PRAGMA busy_timeout = 1000; BEGIN IMMEDIATE; ROLLBACK").await;
        return;
    }
    let open = "SELECT count(*)::text FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(direct::text(&db, open).await, "0");
}
