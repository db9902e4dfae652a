//! `auditlog generate`: events to measure with.

use auditlog::demo::load;
use auditlog::domain::event::NewEvent;
use chrono::{DateTime, Utc};

use crate::support::On;
use crate::support::binary::Installation;
use crate::support::direct;

on_both!(what_is_generated_can_be_loaded_again_and_again);

fn now() -> DateTime<Utc> {
    "2026-10-15T12:00:00Z".parse().unwrap()
}

#[test]
fn the_same_seed_makes_the_same_events_and_all_are_acceptable() {
    let events: Vec<String> = load::events(1, 2_000, now()).collect();
    assert!(load::events(1, 2_000, now()).eq(events.iter().cloned()));
    assert!(load::events(2, 2_000, now()).ne(events.iter().cloned()));
    let parse = |text: &String| NewEvent::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let parsed: Vec<NewEvent> = events.iter().map(parse).collect();
    assert!(parsed.is_sorted_by_key(|event| event.occurred_at));
    assert!(parsed.iter().all(|event| event.occurred_at.is_some_and(|at| at <= now())));
    let organizations: Vec<String> = load::organizations().map(|(id, _)| id).collect();
    let known =
        |event: &NewEvent| organizations.iter().any(|id| *id == *event.organization_id.as_str());
    assert!(parsed.iter().all(known));
    let large = parsed.iter().filter(|event| event.organization_id.as_str().starts_with("large"));
    assert!((1_600..1_800).contains(&large.count()), "most are of one tenant");
    for (n, (_, parent)) in load::organizations().enumerate() {
        assert!(parent.is_none_or(|parent| organizations[..n].contains(&parent)));
    }
}

async fn what_is_generated_can_be_loaded_again_and_again(on: On) {
    let installation = Installation::new(on).await;
    let arguments = ["--events", "300", "--until", "2026-10-15"];
    let printed = installation.done(&[&["generate"][..], &arguments].concat());
    assert_eq!(printed.lines().count(), 300);
    let load = [&["generate", "--load"][..], &arguments].concat();
    assert_eq!(installation.done(&load), "recorded 300 events\n");
    assert_eq!(installation.done(&load), "recorded 0 events\n");
    let db = direct::connect(installation.url()).await;
    let count = "SELECT CAST(count(*) AS TEXT) FROM audit_events WHERE external_id IS NOT NULL";
    assert_eq!(direct::text(&db, count).await, "300");
    // As in a log that grew.
    let added_later = "SELECT CAST(count(*) AS TEXT) FROM audit_events WHERE external_id IS NULL
        AND occurred_at > (SELECT min(occurred_at) FROM audit_events WHERE external_id IS NOT NULL)";
    assert_eq!(direct::text(&db, added_later).await, "0");
    let wrong = installation.run(&["generate", "--until", "soon"]).failed();
    assert!(wrong.contains("--until: "), "{wrong}");
}
