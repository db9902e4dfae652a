//! `auditEvent`.

use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::world::{OWN, VIEW, World, event, event_with};

on_both!(
    a_single_event_is_found_by_either_id,
    an_event_that_is_not_the_viewers_is_null,
    an_id_is_for_events_and_a_cursor_for_lists,
);

const ONE: &str = "query($id: ID, $external_id: ID) {
    auditEvent(id: $id, external_id: $external_id) { id external_id resource_id sequence }
}";

async fn one(viewer: &Client, variables: Value) -> Value {
    viewer.data(ONE, variables).await["auditEvent"].take()
}

async fn a_single_event_is_found_by_either_id(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "west", VIEW).await;
    // The same moment, so that only the number tells them apart.
    let events =
        ["1", "2", "3"].map(|id| event_with("seattle", id, json!({"id": format!("e/{id}")})));
    recorder.recorded(Value::from(events.to_vec())).await;
    let log = viewer
        .query("{ auditLog(resource_name: APPOINTMENT) { nodes { id external_id resource_id sequence } } }")
        .await;
    let nodes = log["auditLog"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    for node in nodes {
        assert_eq!(one(&viewer, json!({"id": node["id"]})).await, *node);
        assert_eq!(one(&viewer, json!({"external_id": node["external_id"]})).await, *node);
    }
    // The id stays the same whoever looks and when.
    let owner = world.user("olga", "acme", OWN).await;
    recorder.recorded(event("seattle", "4")).await;
    assert_eq!(one(&owner, json!({"external_id": "e/1"})).await["id"], nodes[2]["id"]);
}

async fn an_event_that_is_not_the_viewers_is_null(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("vera", "west", VIEW).await;
    let owner = world.user("olga", "acme", OWN).await;
    let stranger = world.user("hank", "globex", OWN).await;
    let recorder = world.recorder("acme").await;
    let events = ["acme", "west", "portland", "east", "boston"]
        .map(|place| event_with(place, place, json!({"id": place})));
    recorder.recorded(Value::from(events.to_vec())).await;
    let foreign = world.recorder("globex").await;
    foreign.recorded(event_with("globex", "globex", json!({"id": "west"}))).await;
    foreign.recorded(event_with("hammock", "hammock", json!({"id": "hammock"}))).await;

    for (place, seen) in
        [("acme", false), ("west", true), ("portland", true), ("east", false), ("boston", false)]
    {
        let whole = one(&owner, json!({"external_id": place})).await;
        assert_eq!(whole["resource_id"], place);
        let expected = if seen { whole.clone() } else { Value::Null };
        assert_eq!(one(&viewer, json!({"id": whole["id"]})).await, expected, "{place}");
        assert_eq!(one(&viewer, json!({"external_id": place})).await, expected, "{place}");
        assert_eq!(one(&stranger, json!({"id": whole["id"]})).await, Value::Null, "{place}");
    }
    // Ids are a tenant's own: two may use the same.
    assert_eq!(one(&stranger, json!({"external_id": "west"})).await["resource_id"], "globex");
    assert_eq!(one(&stranger, json!({"external_id": "acme"})).await, Value::Null);
    assert_eq!(one(&owner, json!({"external_id": "hammock"})).await, Value::Null);
}

async fn an_id_is_for_events_and_a_cursor_for_lists(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    recorder.recorded(event_with("acme", "1", json!({"id": "evt-1"}))).await;
    let log = viewer.query("{ auditLog(first: 1) { edges { cursor } nodes { id } } }").await;
    let id = log["auditLog"]["nodes"][0]["id"].as_str().unwrap();
    let cursor = log["auditLog"]["edges"][0]["cursor"].as_str().unwrap();
    assert_eq!(one(&viewer, json!({"id": id})).await["resource_id"], "1");

    let mut wrong = vec![
        cursor.to_owned(),
        String::new(),
        "1".to_owned(),
        "evt-1".to_owned(),
        format!("{id}="),
        format!("{id}A"),
        format!(" {id}"),
        id.to_lowercase(),
        "x".repeat(10_000),
    ];
    wrong.extend((0..id.len()).map(|at| {
        let other = if &id[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &id[..at], &id[at + 1..])
    }));
    for id in wrong {
        assert_eq!(one(&viewer, json!({"id": id})).await, Value::Null, "{id:.99}");
    }
}
