//! Purging: what is left is what a plan keeps or a hold covers, whatever interrupts it, and reading
//! and recording go on meanwhile.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use auditlog::admin::{self, NewPlan};
use auditlog::auth::Authenticator;
use auditlog::error::Error;
use auditlog::http;
use auditlog::retention::{self, Purge};
use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::pretty;
use crate::support::log::{assert_gapless, sequence, whole_log};
use crate::support::property::for_all;
use crate::support::retention::{hold, purge, release, said};
use crate::support::world::{OWN, RECORD, World, event_with};

on_both!(
    what_is_left_is_what_a_plan_keeps_or_a_hold_covers,
    a_purge_that_was_interrupted_is_resumed_and_told_of_once,
    reading_and_recording_go_on_while_it_purges,
    a_dry_run_says_what_would_go_and_changes_nothing,
    what_was_purged_can_be_recorded_again_under_the_same_id,
    a_plan_or_a_hold_that_comes_in_between_is_heeded_at_once,
    several_servers_purge_at_once_and_count_right,
    what_is_shown_stays_whole_when_a_plan_becomes_wider,
);

const PLANS: [&str; 5] = ["free", "subscribed", "short", "enterprise", "none"];
const PLACES: [&str; 6] = ["acme", "west", "portland", "seattle", "east", "globex"];
const DAY: i64 = 24;

/// An event, by how long ago it happened and what a hold can be on.
#[derive(Debug, Clone)]
struct Made {
    minutes_ago: i64,
    place: usize,
    user: Option<u8>,
    /// On a user's record, and not on an appointment.
    is_on_user: bool,
    record: u8,
}

#[derive(Debug, Clone)]
enum Held {
    Place(usize),
    User(u8),
    Record(u8),
}

#[derive(Debug, Clone)]
struct Case {
    plans: [usize; 2],
    lapses: bool,
    /// Of the hour in which it begins.
    minute: i64,
    events: Vec<Made>,
    moves: bool,
    holds: Vec<(Held, bool)>,
    batch: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let made = (
        prop_oneof![0..40 * DAY, 0..130 * DAY],
        0..60_i64,
        0..PLACES.len(),
        prop::option::of(0..4_u8),
        any::<bool>(),
        0..5_u8,
    )
        .prop_map(|(hours_ago, minutes, place, user, is_on_user, record)| Made {
            minutes_ago: hours_ago * 60 + minutes,
            place,
            user,
            is_on_user,
            record,
        });
    let held = prop_oneof![
        // Not a whole tenant, which would leave nothing to see.
        (1..5_usize).prop_map(Held::Place),
        (0..4_u8).prop_map(Held::User),
        (0..5_u8).prop_map(Held::Record),
    ];
    (
        [0..PLANS.len(), 0..PLANS.len()],
        any::<bool>(),
        0..60_i64,
        prop::collection::vec(made, 1..60),
        any::<bool>(),
        prop::collection::vec((held, any::<bool>()), 0..3),
        1..20_u64,
    )
        .prop_map(|(plans, lapses, minute, events, moves, holds, batch)| Case {
            plans,
            lapses,
            minute,
            events,
            moves,
            holds,
            batch,
        })
}

impl Made {
    fn id(&self, i: usize) -> String {
        format!("event-{i:03}")
    }

    fn json(&self, i: usize, world: &World) -> Value {
        let at = world.clock.now() - TimeDelta::minutes(self.minutes_ago);
        let mut event = event_with(
            PLACES[self.place],
            &format!("record-{}", self.record),
            json!({
                "id": self.id(i), "occurred_at": at.to_rfc3339(), "description": "Moved to Monday",
            }),
        );
        if self.is_on_user {
            event["resource_name"] = json!("USER");
            event["resource_id"] = json!(format!("user-{}", self.record));
        }
        if let Some(user) = self.user {
            event["acting_user_id"] = json!(format!("user-{user}"));
        }
        event
    }

    /// The model: it is covered where it was recorded and where it is now; holds are acme's.
    fn is_held(&self, held: &Held, moved: bool) -> bool {
        let place = PLACES[self.place];
        place != "globex"
            && match held {
                Held::Place(held) => match PLACES[*held] {
                    "west" => matches!(place, "west" | "portland" | "seattle"),
                    "east" => place == "east" || (place == "portland" && moved),
                    other => place == other,
                },
                Held::User(user) => {
                    self.user == Some(*user) || (self.is_on_user && self.record == *user)
                }
                Held::Record(record) => !self.is_on_user && self.record == *record,
            }
    }
}

/// The model: how many minutes ago what is not purged begins, so many days after the plan was given in a minute
/// of an hour. What moves on goes by full hours.
fn kept_minutes(plan: &str, lapses: bool, days: i64, minute: i64) -> i64 {
    let (hours, moves_on) = match plan {
        "free" => (30 * DAY, true),
        "subscribed" if lapses && days >= 10 => (30 * DAY, true),
        "subscribed" => ((30 + days) * DAY, false),
        // From 15 October or 4 November: July has 31 days, August 31, September 30, October 31.
        "short" => (92 * DAY, true),
        _ => return i64::MAX,
    };
    hours * 60 + if moves_on { minute } else { 0 }
}

async fn what_is_left_is_what_a_plan_keeps_or_a_hold_covers(on: On) {
    let cases_of = if on == On::Sqlite { 24 } else { 8 };
    for_all(cases_of, cases(), async |case| {
        let world = World::new(on).await;
        world.clock.advance(TimeDelta::minutes(case.minute));
        let new = NewPlan {
            name: "short".to_owned(),
            kept: Some("P3M".to_owned()),
            ..NewPlan::default()
        };
        admin::define_plan(&world.store, new).await.unwrap().unwrap();
        let owner = world.user("ann", "acme", OWN).await;
        let recorders = [world.recorder("acme").await, world.recorder("globex").await];
        for (i, made) in case.events.iter().enumerate() {
            let recorder = &recorders[usize::from(PLACES[made.place] == "globex")];
            recorder.recorded(made.json(i, &world)).await;
        }
        if case.moves {
            let moved =
                "mutation { moveOrganization(input: {id: \"portland\", parent_id: \"east\"}) {
                messages { message } } }";
            assert_eq!(owner.query(moved).await["moveOrganization"]["messages"], json!([]));
        }
        for (tenant, plan) in ["acme", "globex"].into_iter().zip(case.plans) {
            let until = world.clock.now() + TimeDelta::days(10);
            let until = (PLANS[plan] == "subscribed" && case.lapses).then(|| until.to_rfc3339());
            if PLANS[plan] != "none" {
                world.assign_for(tenant, PLANS[plan], None, until.as_deref()).await;
            }
        }
        let mut holds = Vec::new();
        for (held, _) in &case.holds {
            let target = match held {
                Held::Place(place) => format!("organization_id: \"{}\"", PLACES[*place]),
                Held::User(user) => format!("user_id: \"user-{user}\""),
                Held::Record(record) => {
                    format!("resource_name: APPOINTMENT, resource_id: \"record-{record}\"")
                }
            };
            holds.push(hold(&owner, &target).await);
        }

        let mut there: BTreeSet<usize> = (0..case.events.len()).collect();
        let mut gone = Vec::new();
        for days in [0, 20] {
            if days > 0 {
                world.clock.advance(TimeDelta::days(days));
                for (id, (_, is_released)) in holds.iter().zip(&case.holds) {
                    if *is_released {
                        release(&owner, id).await;
                    }
                }
            }
            let expected: BTreeSet<usize> = there
                .iter()
                .copied()
                .filter(|i| {
                    let made = &case.events[*i];
                    let plan = case.plans[usize::from(PLACES[made.place] == "globex")];
                    let kept = kept_minutes(PLANS[plan], case.lapses, days, case.minute);
                    made.minutes_ago + days * DAY * 60 <= kept
                        || case.holds.iter().any(|(held, is_released)| {
                            !(*is_released && days > 0) && made.is_held(held, case.moves)
                        })
                })
                .collect();
            gone.push(there.len() - expected.len());
            there = expected;

            let would: u64 = retention::would_purge(&world.store)
                .await
                .unwrap()
                .iter()
                .map(|purged| purged.removed.count)
                .sum();
            let purged = purge(&world.store, case.batch).await;
            let removed: u64 = purged.iter().map(|purged| purged.removed.count).sum();
            assert_eq!(removed, *gone.last().unwrap() as u64);
            assert_eq!(would, removed, "a dry run says the same");
            let left: Vec<String> = there.iter().map(|i| case.events[*i].id(*i)).collect();
            assert_eq!(world.left().await, left);
            let ids = "SELECT external_id FROM idempotency_records ORDER BY 1";
            assert_eq!(world.held(ids).await, left);
            if on == On::Sqlite {
                let indexed = "SELECT CAST(count(*) AS TEXT) FROM audit_event_words";
                // Of what was purged, too, there is a description.
                let told = "SELECT id FROM purge_runs";
                let told = world.held(told).await.len();
                let expected = (left.len() + told).to_string();
                assert_eq!(world.held(indexed).await, [expected], "words of what is left");
            }
        }
        // What was purged is told of, once a run and tenant in which anything was.
        let told = world.held(
            "SELECT metadata FROM audit_events WHERE resource_name = 'AUDIT_LOG' AND event_type = 'DESTROY'",
        );
        let told: u64 = told
            .await
            .iter()
            .map(|metadata| serde_json::from_str::<Value>(metadata).unwrap())
            .map(|metadata| metadata["removed"].as_u64().filter(|n| *n > 0).unwrap())
            .sum();
        assert_eq!(told as usize, gone.iter().sum::<usize>());
        assert_eq!(
            world.held("SELECT id FROM purge_runs WHERE finished_at IS NULL").await,
            [""; 0]
        );
    });
}

/// A world in which acme is free, with events of 40 days ago and some of today.
async fn with_old_events(on: On, old: usize, new: usize) -> World {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let day = world.clock.now() - TimeDelta::days(40);
    let old = (0..old).map(|i| {
        let at = (day + TimeDelta::minutes(i64::try_from(i).unwrap())).to_rfc3339();
        event_with("portland", "1", json!({"id": format!("old-{i:04}"), "occurred_at": at}))
    });
    let new = (0..new).map(|i| event_with("west", "2", json!({"id": format!("new-{i:04}")})));
    let events: Vec<Value> = old.chain(new).collect();
    recorder.recorded(json!(events)).await;
    world.assign("acme", "free").await;
    world
}

async fn a_purge_that_was_interrupted_is_resumed_and_told_of_once(on: On) {
    let world = with_old_events(on, 25, 3).await;
    let viewer = world.user("ann", "acme", OWN).await;
    let before = whole_log(&viewer, "external_id").await;
    // It ends without a word after three batches, three times over.
    for round in 1..=3 {
        let batches = AtomicU64::new(0);
        let dies = |_: &_, _| match batches.fetch_add(1, Ordering::SeqCst) {
            2 => Err(Error::internal("purging", "killed")),
            _ => Ok(()),
        };
        let interrupted = Purge { batch: 2, watch: &dies, ..Purge::default() };
        assert!(retention::purge(&world.store, &interrupted).await.is_err());
        assert_eq!(world.left().await.len(), 28 - 6 * round);
        assert_eq!(said(&viewer).await, [json!(null); 0], "nothing is told of before it is done");
        world.clock.advance(TimeDelta::hours(1));
    }
    let elsewhere = world.database.store(world.clock.clock()).await;
    let purged = purge(&elsewhere, 2).await;
    assert_eq!(purged.len(), 1);
    assert_eq!(purged[0].removed.count, 25, "all of the run, not of its last part alone");
    assert_eq!(world.left().await, ["new-0000", "new-0001", "new-0002"]);
    insta::assert_snapshot!("what_the_log_says_of_a_purge", pretty(&json!(said(&viewer).await)));

    // Another time there is nothing to do, and nothing is said.
    assert_eq!(purge(&world.store, 2).await, []);
    assert_eq!(said(&viewer).await.len(), 1);

    // The numbers of what is left stay.
    let after = whole_log(&viewer, "external_id").await;
    let left = before
        .iter()
        .filter(|event| !event["external_id"].as_str().is_some_and(|id| id.starts_with("old-")));
    let numbers: Vec<i64> = left.map(sequence).collect();
    assert_eq!(after.iter().map(sequence).take(numbers.len()).collect::<Vec<_>>(), numbers);
    assert_gapless(&after[numbers.len()..], sequence(before.last().unwrap()) + 1);
}

async fn reading_and_recording_go_on_while_it_purges(on: On) {
    let world = with_old_events(on, 400, 10).await;
    let viewer = world.user("ann", "acme", OWN).await;
    let recorder = world.user("app", "acme", RECORD).await;
    let done = AtomicBool::new(false);
    let (recorded, read) = (AtomicU64::new(0), AtomicU64::new(0));
    let purging = async {
        let purged = purge(&world.store, 4).await;
        done.store(true, Ordering::SeqCst);
        purged
    };
    let recording = async {
        // Late events too, of a time that is being purged.
        let old = (world.clock.now() - TimeDelta::days(40)).to_rfc3339();
        while !done.load(Ordering::SeqCst) {
            let i = recorded.fetch_add(1, Ordering::SeqCst);
            let id = format!("meanwhile-{i:05}");
            let late =
                event_with("west", "1", json!({"id": format!("late-{i:05}"), "occurred_at": old}));
            recorder.recorded(json!([event_with("west", "3", json!({"id": id})), late])).await;
        }
    };
    let reading = async {
        while !done.load(Ordering::SeqCst) {
            let log = viewer
                .query("{ auditLog(resource_id: \"2\", first: 20) { total_count nodes { id } } }");
            let log = log.await["auditLog"].take();
            assert_eq!(log["total_count"], 10);
            assert_eq!(log["nodes"].as_array().unwrap().len(), 10);
            read.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (purged, (), ()) = tokio::join!(purging, recording, reading);
    let (recorded, read) = (recorded.into_inner(), read.into_inner());
    assert!(recorded > 10 && read > 10, "{recorded} were recorded and {read} read in 100 batches");
    assert!(purged[0].removed.count >= 400);
    let total: u64 = {
        let more: u64 = purge(&world.store, 100).await.iter().map(|p| p.removed.count).sum();
        purged[0].removed.count + more
    };
    assert_eq!(total, 400 + recorded, "every late event is counted once");
    let left = world.left().await;
    assert_eq!(left.len() as u64, 10 + recorded);
    let log = whole_log(&viewer, "external_id").await;
    let meanwhile =
        log.iter().filter(|e| e["external_id"].as_str().is_some_and(|id| id.starts_with("m")));
    assert_eq!(meanwhile.count() as u64, recorded, "none of them is lost");
}

async fn a_dry_run_says_what_would_go_and_changes_nothing(on: On) {
    let world = with_old_events(on, 5, 2).await;
    let everything =
        "SELECT tenant_id || ' ' || CAST(sequence AS TEXT) FROM audit_events ORDER BY 1";
    let before = world.held(everything).await;
    let would = retention::would_purge(&world.store).await.unwrap();
    assert_eq!(would.len(), 1);
    assert_eq!((would[0].tenant_id.as_str(), would[0].removed.count), ("acme", 5));
    assert_eq!(world.held(everything).await, before);
    assert_eq!(world.held("SELECT id FROM purge_runs").await, [""; 0]);
    let purged = purge(&world.store, 500).await;
    assert_eq!(purged, would);
}

async fn what_was_purged_can_be_recorded_again_under_the_same_id(on: On) {
    let world = with_old_events(on, 1, 1).await;
    purge(&world.store, 500).await;
    let recorder = world.user("app", "acme", RECORD).await;
    let again = event_with("west", "other", json!({"id": "old-0000"}));
    assert_eq!(recorder.recorded(again.clone()).await["recorded"], 1);
    assert_eq!(recorder.recorded(again).await["duplicates"], 1);
    let new = event_with("west", "2", json!({"id": "new-0000"}));
    assert_eq!(recorder.recorded(new).await["duplicates"], 1, "what is left keeps its id");
}

async fn a_plan_or_a_hold_that_comes_in_between_is_heeded_at_once(on: On) {
    let handle = tokio::runtime::Handle::current();
    // A wider plan.
    let world = with_old_events(on, 20, 2).await;
    let change = || handle.block_on(world.assign("acme", "enterprise"));
    purge_and_between(&world, &change).await;
    assert_eq!(world.left().await.len(), 22 - 10, "two batches, and none after it");

    // A hold on those of an organization.
    let world = with_old_events(on, 20, 2).await;
    let owner = world.user("ann", "acme", OWN).await;
    let change = || {
        handle.block_on(async {
            hold(&owner, "organization_id: \"west\"").await;
        });
    };
    purge_and_between(&world, &change).await;
    assert_eq!(world.left().await.len(), 22 - 10);
    assert_eq!(said(&owner).await[0]["removed"], 10);
}

/// Purges in batches of five, and does something after the second one.
async fn purge_and_between(world: &World, change: &(dyn Fn() + Sync)) {
    let batches = AtomicU64::new(0);
    let watch = |_: &_, _| {
        if batches.fetch_add(1, Ordering::SeqCst) == 1 {
            tokio::task::block_in_place(change);
        }
        Ok(())
    };
    let purge = Purge { batch: 5, watch: &watch, ..Purge::default() };
    retention::purge(&world.store, &purge).await.unwrap();
}

async fn several_servers_purge_at_once_and_count_right(on: On) {
    let world = with_old_events(on, 60, 2).await;
    let viewer = world.user("ann", "acme", OWN).await;
    let stores = [
        world.store.clone(),
        world.database.store(world.clock.clock()).await,
        world.database.store(world.clock.clock()).await,
    ];
    let purge = Purge { batch: 3, ..Purge::default() };
    let [a, b, c] = stores.each_ref().map(|store| retention::purge(store, &purge));
    let (a, b, c) = tokio::join!(a, b, c);
    let outcomes = [a.unwrap(), b.unwrap(), c.unwrap()];
    if on == On::Postgres {
        assert_eq!(outcomes.iter().flatten().count(), 1, "one at a time");
    }
    assert_eq!(world.left().await, ["new-0000", "new-0001"]);
    let told: u64 = said(&viewer).await.iter().map(|said| said["removed"].as_u64().unwrap()).sum();
    assert_eq!(told, 60);
}

async fn what_is_shown_stays_whole_when_a_plan_becomes_wider(on: On) {
    let world = with_old_events(on, 4, 2).await;
    let viewer = world.user("ann", "acme", OWN).await;
    let since = async || {
        let log = viewer.query("{ auditLog { visible_since } }").await;
        log["auditLog"]["visible_since"].clone()
    };
    assert_eq!(since().await, "2026-10-08T12:00:00Z");
    purge(&world.store, 500).await;
    let kept_since = json!("2026-09-15T12:00:00Z");
    // The other server has not been told either.
    let elsewhere = world.database.store(world.clock.clock()).await;
    let router = http::router(elsewhere.clone(), Authenticator::new(elsewhere, None)).await;
    for plan in ["unlimited", "enterprise"] {
        world.assign("acme", plan).await;
        assert_eq!(since().await, kept_since, "{plan}");
        let log = viewer.at(&router).query("{ auditLog { visible_since } }").await;
        assert_eq!(log["auditLog"]["visible_since"], kept_since);
    }
}
