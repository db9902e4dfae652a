//! Subtrees of several organizations are counted by the hour, as long as all hours of a day are there.

use auditlog::admin::{self, NewPlan};
use auditlog::domain::filter::EventFilter;
use auditlog::domain::id::Id;
use auditlog::domain::time::Time;
use auditlog::domain::tree::Tree;
use auditlog::domain::viewer::Descendants;
use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use crate::counting::{MOVE, RESOURCES, all, is_counted, places, whole};
use crate::support::property::for_all;
use crate::support::retention::purge;
use crate::support::world::{OWN, VIEW, event_with};
use crate::support::{On, direct};

on_both!(
    large_subtrees_are_counted_by_the_hour,
    hours_from_which_a_move_took_events_are_given_up,
    hours_are_purged_whole,
    what_a_large_part_does_not_hold_is_not_counted,
);

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

proptest! {
    #[test]
    fn a_tree_knows_whether_it_has_so_many(
        parents in vec(any::<Index>(), 0..12),
        which: Index,
        count in 0..8_usize,
    ) {
        let name = |n: usize| id(&n.to_string());
        let above = |(n, parent): (usize, &Index)| (name(n + 1), Some(name(parent.index(n + 1))));
        let all = parents.iter().enumerate().map(above);
        let tree = Tree::new([(name(0), None)].into_iter().chain(all));
        let which = name(which.index(parents.len() + 1));
        let below = tree.below(std::slice::from_ref(&which)).len();
        prop_assert_eq!(tree.has_so_many(&which, count), below >= count);
        prop_assert!(!tree.has_so_many(&id("elsewhere"), count.max(1)));
    }
}

/// Of a part of a day, too, only the parts of hours are read, as long as all of its hours are counted.
async fn large_subtrees_are_counted_by_the_hour(on: On) {
    let world = places(on).await;
    let recorder = world.recorder("acme").await;
    let owner = world.user("olga", "acme", OWN).await;
    let viewer = world.user("vera", "west", VIEW).await;
    let event = |hour: usize| {
        let at = format!("2026-10-{}T{:02}:30:00Z", 10 + hour / 24, hour % 24);
        let page = if (6..43).contains(&hour) { "inner" } else { "outer" };
        event_with("portland", "1", json!({"occurred_at": at, "page": page}))
    };
    recorder.recorded((0..48).map(event).collect()).await;
    world.store.settle_counts(&id("acme")).await.unwrap();
    let counted = async || {
        let query = r#"{ auditLog(
            organization_id: "west", resource_name: APPOINTMENT,
            occurred_after: "2026-10-10T05:15:00Z", occurred_before: "2026-10-11T20:45:00Z"
        ) { total_count } }"#;
        viewer.query(query).await["auditLog"]["total_count"].take()
    };
    assert_eq!(counted().await, 40);
    // Whoever counts by hours need not see these.
    let behind = direct::connect(&world.database.url).await;
    direct::run(&behind, "DELETE FROM audit_events WHERE page = 'inner'").await;
    assert_eq!(counted().await, 40);
    // With one that leaves, hours are given up, and what is there is read.
    owner.data(MOVE, json!({"id": "eugene", "to": "east"})).await;
    assert_eq!(counted().await, 3);
    // Back again: they are not all there again.
    owner.data(MOVE, json!({"id": "eugene", "to": "west"})).await;
    recorder.recorded((44..48).map(event).collect()).await;
    world.store.settle_counts(&id("acme")).await.unwrap();
    assert_eq!(counted().await, 4);
}

/// Or else an event that is counted by the day only, while the subtree is small, would stand for one that left.
async fn hours_from_which_a_move_took_events_are_given_up(on: On) {
    let world = places(on).await;
    let recorder = world.recorder("acme").await;
    let owner = world.user("olga", "acme", OWN).await;
    let viewer = world.user("vera", "west", VIEW).await;
    let record = async |place: &str, at: &str| {
        recorder.recorded(event_with(place, "1", json!({"occurred_at": at}))).await;
        world.store.settle_counts(&id("acme")).await.unwrap();
    };
    record("portland", "2026-10-10T03:30:00Z").await;
    owner.data(MOVE, json!({"id": "portland", "to": "east"})).await;
    record("seattle", "2026-10-10T08:30:00Z").await;
    world.organization("bend", "bend", Some("west")).await;
    for (hour, expected) in [("03", 0), ("08", 1)] {
        let query = format!(
            r#"{{ auditLog(
                organization_id: "west", resource_name: APPOINTMENT,
                occurred_after: "2026-10-10T{hour}:00:00Z",
                occurred_before: "2026-10-10T{hour}:59:59.999999Z"
            ) {{ total_count }} }}"#
        );
        assert_eq!(viewer.query(&query).await["auditLog"]["total_count"], expected, "{hour}");
    }
}

/// So that those that are left are counted by the hour, as before.
async fn hours_are_purged_whole(on: On) {
    let world = places(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "west", VIEW).await;
    // Thirty days ago: one in each hour, and one more just after noon.
    let event = |at: String, page: &str| {
        event_with("portland", "1", json!({"occurred_at": at, "page": page}))
    };
    let hours = (0..24).map(|hour| {
        let page = if (15..20).contains(&hour) { "inner" } else { "outer" };
        event(format!("2026-09-15T{hour:02}:30:00Z"), page)
    });
    let all = hours.chain([event("2026-09-15T12:10:00Z".to_owned(), "early")]);
    recorder.recorded(all.collect()).await;
    world.store.settle_counts(&id("acme")).await.unwrap();
    world.clock.advance(TimeDelta::minutes(25));
    let plan =
        NewPlan { name: "month".to_owned(), kept: Some("P30D".to_owned()), ..NewPlan::default() };
    admin::define_plan(&world.store, plan).await.unwrap().unwrap();
    world.assign("acme", "month").await;
    let purged = purge(&world.store, 5).await;
    assert_eq!(purged[0].removed.count, 12);
    let counted = async || {
        viewer.query("{ auditLog(resource_name: APPOINTMENT) { total_count } }").await["auditLog"]
            ["total_count"]
            .take()
    };
    assert_eq!(counted().await, 12, "what is kept for some minutes more is not shown");
    // Whoever counts by hours need not see these.
    let behind = direct::connect(&world.database.url).await;
    direct::run(&behind, "DELETE FROM audit_events WHERE page = 'inner'").await;
    assert_eq!(counted().await, 12);
    world.clock.advance(TimeDelta::hours(1));
    purge(&world.store, 5).await;
    assert_eq!(counted().await, 11);
}

/// Of parts of hours and of what is not counted yet, events of the whole tenant are read.
async fn what_a_large_part_does_not_hold_is_not_counted(on: On) {
    let world = places(on).await;
    let recorder = world.recorder("acme").await;
    for n in 0..40 {
        let below = if n < 20 { "west" } else { "east" };
        world.organization(&format!("\"{n}\\"), "a place", Some(below)).await;
    }
    let event = |n: usize| {
        let minute = n * 37 % 2_880;
        let at = format!(
            "2026-10-{}T{:02}:{:02}:00Z",
            10 + minute / 1_440,
            minute / 60 % 24,
            minute % 60
        );
        let name = ["APPOINTMENT", "TASK", "GOAL"][n / 3 % 3];
        let place = format!("\"{}\\", n * 7 % 40);
        event_with(&place, "1", json!({"occurred_at": at, "resource_name": name}))
    };
    recorder.recorded((0..300).map(event).collect()).await;
    world.store.settle_counts(&id("acme")).await.unwrap();
    recorder.recorded((300..450).map(event).collect()).await;
    let events = all(&world).await;
    let west = whole(&world).await.narrow(&id("west"), Descendants::With).unwrap();
    let plan = world.store.explain_count(&west, &EventFilter::default()).await.unwrap();
    assert!(on == On::Postgres || plan.contains("of_whole_tenant"), "it proves nothing: {plan}");
    let minutes = || option::of(0..2_880_i64);
    let question =
        (minutes(), minutes(), option::of(select(&RESOURCES)), option::of(any::<Index>()));
    for_all(60, question, async |(from, until, resource, upto)| {
        let start: Time = "2026-10-10T00:00:00Z".parse().unwrap();
        let at = |minute: Option<i64>| minute.map(|minute| start + TimeDelta::minutes(minute));
        let filter = EventFilter {
            occurred_after: at(from),
            occurred_before: at(until),
            resource_names: resource.map(|resource| vec![resource]),
            up_to_sequence: upto.map(|upto| upto.get(&events).position.sequence),
            ..EventFilter::default()
        };
        let naive = events.iter().filter(|event| is_counted(&west, &filter, event)).count();
        let counted = world.store.count(&west, &filter).await.unwrap();
        assert_eq!(counted, naive as u64, "{filter:?}");
    });
}
