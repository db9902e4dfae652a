//! The clock is set back an hour while the server runs.

use auditlog::auth::jwt::{KeySource, Settings};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::log::{Poller, assert_gapless, sequence, whole_log};
use crate::support::tokens::{Signer, from_now};
use crate::support::world::{VIEW, World, event, event_with};

on_both!(a_clock_that_is_set_back_changes_no_order);

const SECRET: &str = "0123456789abcdef0123456789abcdef";

async fn a_clock_that_is_set_back_changes_no_order(on: On) {
    let settings =
        Settings { keys: KeySource::Secret(SECRET.to_owned()), issuer: None, audience: None };
    let world = World::with_tokens(on, Some(settings)).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let mut poller = Poller::new(&viewer, "external_id occurred_at recorded_at");
    let earlier = poller.rest().await.len();
    let id = |id: &str| event_with("acme", "1", json!({"id": id}));
    let first = recorder.recorded(json!([id("a"), id("b")])).await;
    let page = "{ auditLog(first: 1, resource_name: APPOINTMENT) {
        page_info { end_cursor } nodes { external_id } } }";
    let cursor = viewer.query(page).await["auditLog"]["page_info"]["end_cursor"].take();
    let token = Signer::secret(SECRET.as_bytes())
        .sign(&json!({"sub": "ann", "exp": from_now(600), "iat": from_now(0)}));
    assert_eq!(poller.rest().await.len(), 2);

    world.clock.advance(-TimeDelta::hours(1));
    // Sequence goes on; the time is the clock's, and what was recorded is no less visible for being
    // in the future now.
    let second = recorder.recorded(json!([id("c"), id("d")])).await;
    let number =
        |receipt: &Value, key: &str| -> i64 { receipt[key].as_str().unwrap().parse().unwrap() };
    assert_eq!(number(&second, "first_sequence"), number(&first, "last_sequence") + 1);
    let met = poller.rest().await;
    let ids: Vec<&Value> = met.iter().map(|event| &event["external_id"]).collect();
    assert_eq!(ids, ["c", "d"], "a poller meets exactly what is new");
    assert_eq!(met[0]["recorded_at"], "2026-10-15T11:00:00Z");
    assert_eq!(met[0]["occurred_at"], "2026-10-15T11:00:00Z");

    let log = whole_log(&viewer, "external_id").await;
    assert_gapless(&log, 1);
    assert_eq!(log.len(), earlier + 4);
    assert!(log.windows(2).all(|pair| sequence(&pair[0]) < sequence(&pair[1])));
    let newest = "{ auditLog(resource_name: APPOINTMENT) { total_count nodes { external_id } } }";
    let newest = viewer.query(newest).await["auditLog"].take();
    assert_eq!(newest["total_count"], 4);
    let order: Vec<&Value> =
        newest["nodes"].as_array().unwrap().iter().map(|node| &node["external_id"]).collect();
    assert_eq!(order, ["b", "a", "d", "c"], "newest first, by when it happened");
    // A page that was begun before goes on where it was.
    let next = "query ($after: String) { auditLog(after: $after, resource_name: APPOINTMENT) {
        nodes { external_id } } }";
    let next = viewer.data(next, json!({"after": cursor})).await;
    assert_eq!(
        next["auditLog"]["nodes"],
        json!([{"external_id": "a"}, {"external_id": "d"}, {"external_id": "c"}])
    );

    // Sent again it is known, whatever time it is.
    let again = recorder.recorded(json!([id("a"), id("b")])).await;
    assert_eq!((&again["recorded"], &again["duplicates"]), (&json!(0), &json!(2)));
    // Keys open what they opened. A token of the future does not have to.
    assert_eq!(recorder.recorded(event("acme", "2")).await["recorded"], 1);
    let status = world.anonymous().with("authorization", &format!("Bearer {token}"));
    let status = status.graphql("{ viewer { user { id } } }", json!({})).await.status.as_u16();
    assert!([200, 401].contains(&status), "{status}");

    // A plan that shows a week shows the future too, and nothing is purged early.
    world.assign("acme", "free").await;
    assert_eq!(viewer.query(newest_count()).await["auditLog"]["total_count"], 5);
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(viewer.query(newest_count()).await["auditLog"]["total_count"], 5);
}

const fn newest_count() -> &'static str {
    "{ auditLog(resource_name: APPOINTMENT) { total_count } }"
}
