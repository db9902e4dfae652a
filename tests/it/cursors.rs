//! Cursors: what is refused as one, and what reading on from one promises.

use auditlog::domain::id::Id;
use auditlog::domain::page::{List, Order, Position, PositionCodec, Purpose};
use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::world::{RECORD, VIEW, World, event, event_with};

on_both!(
    a_page_holds_a_hundred_events_unless_told,
    a_cursor_of_another_order_is_refused,
    a_foreign_or_altered_cursor_is_refused,
    a_cursor_holds_for_every_viewer_of_the_tenant,
    a_cursor_of_another_filter_is_refused,
    polling_by_sequence_meets_every_event_once_late_ones_included,
    polling_goes_on_when_the_clock_goes_back,
    polling_while_many_record_meets_every_event_once,
    a_list_that_ends_where_the_cursor_stands_still_has_what_came_before,
);

const ORDERS: [&str; 14] = [
    "OCCURRED_AT_ASC",
    "OCCURRED_AT_DESC",
    "SEQUENCE_ASC",
    "SEQUENCE_DESC",
    "ACTING_USER_ASC",
    "ACTING_USER_DESC",
    "TYPE_ASC",
    "TYPE_DESC",
    "RESOURCE_ASC",
    "RESOURCE_DESC",
    "PAGE_ASC",
    "PAGE_DESC",
    "IP_ADDRESS_ASC",
    "IP_ADDRESS_DESC",
];

const PAGE: &str = "
query($order: AuditEventOrderKeys, $after: String, $before: String, $first: Int, $last: Int) {
    auditLog(
        order_by: $order, after: $after, before: $before, first: $first, last: $last,
        resource_name: APPOINTMENT
    ) {
        nodes { sequence resource_id }
        edges { cursor }
        page_info { start_cursor end_cursor has_next_page has_previous_page }
    }
}";

async fn page(viewer: &Client, variables: Value) -> Value {
    viewer.data(PAGE, variables).await["auditLog"].take()
}

fn resource_ids(page: &Value) -> Vec<String> {
    let nodes = page["nodes"].as_array().unwrap().iter();
    nodes.map(|node| node["resource_id"].as_str().unwrap().to_owned()).collect()
}

/// Some events in acme and somebody who sees them.
async fn some_events(on: On, count: usize) -> (World, Client) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    recorder.recorded((0..count).map(|i| event("west", &i.to_string())).collect()).await;
    (world, viewer)
}

async fn a_page_holds_a_hundred_events_unless_told(on: On) {
    let (_world, viewer) = some_events(on, 250).await;
    let all = page(&viewer, json!({"order": "SEQUENCE_ASC", "first": 1000})).await;
    let ids: Vec<String> = (0..250).map(|i| i.to_string()).collect();
    assert_eq!(resource_ids(&all), ids);

    let first = page(&viewer, json!({"order": "SEQUENCE_ASC"})).await;
    assert_eq!(resource_ids(&first), ids[..100]);
    let end = &first["page_info"]["end_cursor"];
    let second = page(&viewer, json!({"order": "SEQUENCE_ASC", "after": end})).await;
    assert_eq!(resource_ids(&second), ids[100..200]);
    // With `before` alone it is the page just before.
    let cursor = &all["edges"][230]["cursor"];
    let before = page(&viewer, json!({"order": "SEQUENCE_ASC", "before": cursor})).await;
    assert_eq!(resource_ids(&before), ids[130..230]);
    let bounded = json!({"order": "SEQUENCE_ASC", "after": end, "before": cursor});
    assert_eq!(resource_ids(&page(&viewer, bounded).await), ids[100..200]);
}

async fn a_cursor_of_another_order_is_refused(on: On) {
    let (_world, viewer) = some_events(on, 3).await;
    for made_in in ORDERS {
        let made = page(&viewer, json!({"order": made_in})).await;
        for cursor in ["start_cursor", "end_cursor"].map(|name| &made["page_info"][name]) {
            for order in ORDERS {
                for argument in ["after", "before"] {
                    let answer = viewer
                        .graphql(PAGE, json!({"order": order, argument: cursor}))
                        .await
                        .json();
                    let code = answer["errors"][0]["extensions"]["code"].as_str();
                    let expected = (order != made_in).then_some("BAD_USER_INPUT");
                    assert_eq!(code, expected, "made in {made_in}, given in {order}");
                }
            }
        }
    }
}

async fn a_foreign_or_altered_cursor_is_refused(on: On) {
    let (world, viewer) = some_events(on, 3).await;
    let stranger = world.user("hank", "globex", VIEW).await;
    world.recorder("globex").await.recorded(event("globex", "1")).await;

    let cursor = page(&viewer, json!({})).await["page_info"]["end_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    let foreign = page(&stranger, json!({})).await["page_info"]["end_cursor"].clone();
    let id = viewer.query("{ auditLog(resource_name: APPOINTMENT) { nodes { id } } }").await;
    let id = id["auditLog"]["nodes"][2]["id"].as_str().unwrap().to_owned();
    let position = Position { occurred_at: world.clock.now(), sequence: 13 };
    let elsewhere = PositionCodec::new(&[7; 32]).encode(
        &Id::new("acme").unwrap(),
        Purpose::Cursor(Order::OccurredAtDesc, List::of("auditLog", vec![])),
        position,
    );

    let mut wrong = vec![
        foreign.as_str().unwrap().to_owned(),
        id,
        elsewhere,
        String::new(),
        format!("{cursor}="),
        format!("{cursor}A"),
        format!("{cursor}AAAA"),
        format!("{cursor} "),
        format!(" {cursor}"),
        format!("{cursor}\0"),
        cursor.to_lowercase(),
        cursor.repeat(2),
        cursor.chars().rev().collect(),
        "A".repeat(100_000),
        "\u{1f3e5}".to_owned(),
    ];
    wrong.extend((0..cursor.len()).map(|length| cursor[..length].to_owned()));
    // Any one character changed, whichever.
    wrong.extend((0..cursor.len()).map(|at| {
        let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &cursor[..at], &cursor[at + 1..])
    }));
    let query = "query($it: String) {
        auditLog(resource_name: APPOINTMENT, after: $it) { nodes { id } }
    }";
    let backward = "query($it: String) {
        auditLog(resource_name: APPOINTMENT, before: $it) { nodes { id } }
    }";
    for cursor in wrong {
        for query in [query, backward] {
            let answer = viewer.graphql(query, json!({"it": cursor})).await.json();
            let code = &answer["errors"][0]["extensions"]["code"];
            assert_eq!(code, "BAD_USER_INPUT", "{cursor:.99}");
        }
    }
    // It is the alteration that is refused.
    assert_eq!(viewer.graphql(query, json!({"it": cursor})).await.status, StatusCode::OK);
}

/// A cursor is a place in a list of the tenant's log: no rights are in it.
async fn a_cursor_holds_for_every_viewer_of_the_tenant(on: On) {
    let (world, viewer) = some_events(on, 3).await;
    let eastern = world.user("emma", "east", VIEW).await;
    let recorder = world.recorder("east").await;
    recorder.recorded(json!([event("east", "e0"), event("boston", "e1")])).await;

    let first = page(&viewer, json!({"order": "SEQUENCE_ASC", "first": 1})).await;
    let cursor = first["page_info"]["end_cursor"].clone();
    let seen = page(&eastern, json!({"order": "SEQUENCE_ASC", "after": cursor})).await;
    assert_eq!(resource_ids(&seen), ["e0", "e1"]);
    assert_eq!(seen["page_info"]["has_previous_page"], false, "{seen}");
    let before = page(&eastern, json!({"order": "SEQUENCE_ASC", "before": cursor})).await;
    assert_eq!(resource_ids(&before), [""; 0]);
    assert_eq!(before["page_info"]["has_next_page"], true, "{before}");
}

/// Reads on from a cursor to the end, three events at a time; the new cursor.
async fn poll(viewer: &Client, mut cursor: Value, met: &mut Vec<(String, String)>) -> Value {
    loop {
        let page =
            page(viewer, json!({"order": "SEQUENCE_ASC", "after": cursor, "first": 3})).await;
        met.extend(page["nodes"].as_array().unwrap().iter().map(|node| {
            let text = |key| node[key].as_str().unwrap().to_owned();
            (text("sequence"), text("resource_id"))
        }));
        // An empty page has no cursor: then the last one goes on being the place to read on from.
        if !page["page_info"]["end_cursor"].is_null() {
            cursor = page["page_info"]["end_cursor"].clone();
        }
        if page["page_info"]["has_next_page"] == false {
            return cursor;
        }
    }
}

async fn polling_by_sequence_meets_every_event_once_late_ones_included(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let at =
        |id: &str, occurred_at: &str| event_with("west", id, json!({"occurred_at": occurred_at}));
    let rounds = [
        vec![],
        vec![at("a", "2026-03-01"), at("b", "2026-03-02"), at("c", "2026-03-01")],
        vec![at("d", "1969-07-20T20:17:40Z"), at("e", "2026-03-01")],
        vec![],
        vec![
            at("f", "2200-01-01"),
            at("g", "0001-01-01"),
            at("h", "9999-12-31"),
            event("west", "i"),
        ],
        vec![at("j", "2026-02-28T23:59:59.999999Z")],
    ];
    let (mut met, mut cursor) = (Vec::new(), Value::Null);
    for round in rounds {
        recorder.recorded(Value::from(round)).await;
        cursor = poll(&viewer, cursor, &mut met).await;
    }
    let ids: String = met.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids, "abcdefghij");
    let newest = page(&viewer, json!({})).await;
    assert_eq!(resource_ids(&newest).concat(), "hfibecajdg", "the default order is by time");
}

async fn polling_goes_on_when_the_clock_goes_back(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let (mut met, mut cursor) = (Vec::new(), Value::Null);
    for (id, hours) in [("a", 1), ("b", -5), ("c", 2), ("d", -800), ("e", 0)] {
        world.clock.advance(TimeDelta::hours(hours));
        recorder.recorded(event("west", id)).await;
        cursor = poll(&viewer, cursor, &mut met).await;
    }
    let ids: String = met.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids, "abcde");
    let newest = page(&viewer, json!({})).await;
    assert_eq!(
        resource_ids(&newest).concat(),
        "acbed",
        "of the same moment the later recorded first"
    );
}

async fn polling_while_many_record_meets_every_event_once(on: On) {
    const RECORDERS: usize = 4;
    const BATCHES: usize = 12;
    let world = World::new(on).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let mut people = Vec::new();
    for n in 0..RECORDERS {
        people.push(world.user(&format!("recorder-{n}"), "acme", RECORD).await);
    }
    let recorders = people.into_iter().enumerate().map(|(n, recorder)| {
        tokio::spawn(async move {
            for batch in 0..BATCHES {
                // Each later batch happened earlier.
                let month = BATCHES - batch;
                let events = (0..3).map(|i| {
                    let at = json!({"occurred_at": format!("2026-{month:02}-0{}", i + 1)});
                    event_with("west", &format!("{n}.{batch}.{i}"), at)
                });
                recorder.recorded(events.collect()).await;
            }
        })
    });
    let recorders: Vec<_> = recorders.collect();
    let (mut met, mut cursor) = (Vec::new(), Value::Null);
    while recorders.iter().any(|recorder| !recorder.is_finished()) {
        cursor = poll(&viewer, cursor, &mut met).await;
    }
    for recorder in recorders {
        recorder.await.unwrap();
    }
    poll(&viewer, cursor, &mut met).await;

    let sequences: Vec<u64> = met.iter().map(|(sequence, _)| sequence.parse().unwrap()).collect();
    let first = sequences[0];
    let without_gaps: Vec<u64> = (first..).take(RECORDERS * BATCHES * 3).collect();
    assert_eq!(sequences, without_gaps);
    let mut ids: Vec<_> = met.iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), RECORDERS * BATCHES * 3);
}

async fn a_list_that_ends_where_the_cursor_stands_still_has_what_came_before(on: On) {
    let (_world, viewer) = some_events(on, 1).await;
    for order in ORDERS {
        let only = page(&viewer, json!({"order": order})).await;
        let cursor = &only["page_info"]["end_cursor"];
        assert_eq!(only["page_info"]["start_cursor"], *cursor);
        for size in [json!({}), json!({"first": 1}), json!({"last": 1})] {
            let ask = |argument: &str| {
                let mut variables = size.clone();
                variables["order"] = json!(order);
                variables[argument] = cursor.clone();
                page(&viewer, variables)
            };
            let after = json!({
                "start_cursor": null, "end_cursor": null,
                "has_next_page": false, "has_previous_page": true,
            });
            let before = json!({
                "start_cursor": null, "end_cursor": null,
                "has_next_page": true, "has_previous_page": false,
            });
            assert_eq!(ask("after").await["page_info"], after, "{order} {size}");
            assert_eq!(ask("before").await["page_info"], before, "{order} {size}");
        }
    }
}

async fn a_cursor_of_another_filter_is_refused(on: On) {
    let (_world, viewer) = some_events(on, 3).await;
    const LISTS: [&str; 10] = [
        "auditLog(",
        "auditLog(resource_name: APPOINTMENT, ",
        "auditLog(resource_name: TASK, ",
        "auditLog(resource_names: [APPOINTMENT], ",
        "auditLog(resource_name: APPOINTMENT, organization_id: \"acme\", ",
        "auditLog(resource_name: APPOINTMENT, include_sub_organizations: false, ",
        "auditLog(resource_name: APPOINTMENT, hierarchy: AT_EVENT, ",
        "auditLog(resource_name: APPOINTMENT, occurred_before: \"2027-01-01\", ",
        "resourceHistory(resource_name: APPOINTMENT, resource_id: \"0\", ",
        "resourceNotes(resource_name: APPOINTMENT, resource_id: \"0\", ",
    ];
    for made_in in LISTS {
        let query = format!("{{ it: {made_in}first: 1) {{ page_info {{ end_cursor }} }} }}");
        let cursor = viewer.query(&query).await["it"]["page_info"]["end_cursor"].clone();
        // There are no tasks.
        let Some(cursor) = cursor.as_str() else { continue };
        for given_in in LISTS {
            for argument in ["after", "before"] {
                let query = format!(
                    "{{ {given_in}first: 2, {argument}: \"{cursor}\") {{ nodes {{ id }} }} }}"
                );
                let answer = viewer.graphql(&query, json!({})).await.json();
                let code = answer["errors"][0]["extensions"]["code"].as_str();
                let expected = (given_in != made_in).then_some("BAD_USER_INPUT");
                assert_eq!(code, expected, "made in {made_in}, given in {given_in}: {answer}");
            }
        }
    }
    // The same filter, written otherwise.
    let by_variables = "query($name: AuditEventResourceName, $none: ID, $after: String) {
        auditLog(after: $after, organization_id: $none, resource_name: $name, first: 1) {
            page_info { end_cursor }
        }
    }";
    let variables = json!({"name": "APPOINTMENT", "none": null});
    let first = viewer.data(by_variables, variables).await;
    let cursor = first["auditLog"]["page_info"]["end_cursor"].as_str().unwrap().to_owned();
    let literal = format!(
        "{{ auditLog(resource_name: APPOINTMENT, last: 1, after: \"{cursor}\") {{ nodes {{ id }} }} }}"
    );
    assert_eq!(viewer.query(&literal).await["auditLog"]["nodes"].as_array().unwrap().len(), 1);
}
