//! Who may record where, and how much at once.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::ways::{RECORD_BY_GRAPHQL, post};
use crate::support::world::{May, NOTHING, OWN, RECORD, VIEW, World, event, event_with};

on_both!(
    who_may_record_nowhere_is_told_so_whatever_they_send,
    without_a_credential_nothing_is_read,
    the_right_to_record_reaches_down_and_not_up_or_across,
    what_is_missing_and_what_is_not_theirs_read_alike,
    five_thousand_events_are_taken_and_one_more_is_not,
    sixteen_mebibytes_are_taken_and_one_byte_more_is_not,
    an_event_of_one_mebibyte_is_taken_and_a_larger_one_is_named,
);

const MIB: usize = 1024 * 1024;

async fn who_may_record_nowhere_is_told_so_whatever_they_send(on: On) {
    let world = World::new(on).await;
    let all_else = May { own: true, view: true, ..NOTHING };
    let people = [
        world.user("nobody", "acme", NOTHING).await,
        world.user("viewer", "acme", VIEW).await,
        world.user("owner", "acme", OWN).await,
        world.user("boss", "portland", all_else).await,
    ];
    let bodies = [
        ("application/json", event("acme", "1").to_string()),
        ("application/json", "{{{".to_owned()),
        ("application/x-ndjson", "\u{0}\n".to_owned()),
        ("text/html", "<p>".to_owned()),
        ("application/json", " ".repeat(16 * MIB + 1)),
    ];
    let mut answers = Vec::new();
    for person in &people {
        for (content_type, body) in bodies.clone() {
            let answer = post(person, content_type, body).await;
            answers.push((answer.status.as_u16(), answer.body));
        }
        let nothing = json!({"events": []});
        assert_eq!(person.error_code(RECORD_BY_GRAPHQL, nothing).await, "FORBIDDEN");
    }
    answers.dedup();
    let message = "recording needs can_record on a membership, which you have nowhere";
    let body = json!({"errors": [{"code": "FORBIDDEN", "message": message}]}).to_string();
    assert_eq!(answers, [(403, body)]);
}

async fn without_a_credential_nothing_is_read(on: On) {
    let world = World::new(on).await;
    let strangers = [
        world.anonymous(),
        Client::bearer(&world.router, "al_AAAA"),
        world.anonymous().with("x", "y"),
    ];
    for stranger in strangers {
        for body in ["{{{".to_owned(), event("acme", "1").to_string()] {
            let answer = post(&stranger, "application/json", body).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            assert_eq!(answer.json()["errors"][0]["code"], "UNAUTHENTICATED");
        }
    }
}

async fn the_right_to_record_reaches_down_and_not_up_or_across(on: On) {
    let world = World::new(on).await;
    let west = world.user("wes", "west", RECORD).await;
    world.member("wes", "east", VIEW).await;
    let both = world.user("bo", "boston", RECORD).await;
    world.member("bo", "portland", RECORD).await;
    let whole = world.recorder("acme").await;
    let all = ["acme", "west", "portland", "seattle", "east", "boston", "globex", "hammock"];
    for (recorder, allowed) in [
        (&west, &["west", "portland", "seattle"][..]),
        (&both, &["portland", "boston"]),
        (&whole, &all[..6]),
    ] {
        let events: Vec<Value> = all.iter().map(|organization| event(organization, "1")).collect();
        let refused: Vec<usize> =
            (0..all.len()).filter(|&index| !allowed.contains(&all[index])).collect();
        // All at once: those that are not theirs are listed; and each alone.
        let answer = recorder.record(json!(events)).await.json();
        let errors = answer["errors"].as_array().unwrap();
        let listed: Vec<_> = errors.iter().map(|e| e["index"].as_u64().unwrap()).collect();
        assert_eq!(listed, refused.iter().map(|&index| index as u64).collect::<Vec<_>>());
        assert!(errors.iter().all(|error| error["code"] == "NOT_FOUND"), "{answer}");
        for (index, event) in events.into_iter().enumerate() {
            let status = recorder.record(event.clone()).await.status;
            let answer =
                recorder.graphql(RECORD_BY_GRAPHQL, json!({"events": [event]})).await.json();
            if refused.contains(&index) {
                assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{}", all[index]);
                assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
            } else {
                assert_eq!(status, StatusCode::OK, "{}", all[index]);
                assert_eq!(answer["data"]["recordAuditEvents"]["recorded"], 1);
            }
        }
    }
}

async fn what_is_missing_and_what_is_not_theirs_read_alike(on: On) {
    let world = World::new(on).await;
    let recorder = world.user("wes", "west", RECORD).await;
    world.member("wes", "seattle", VIEW).await;
    world.user("gus", "globex", VIEW).await;
    let mut answers = Vec::new();
    for id in ["missing", "acme", "east", "boston", "globex", "hammock", "wes", "gus"] {
        let mut said = Vec::new();
        for events in [
            json!(event(id, "1")),
            json!([event("west", "1"), event(id, "1")]),
            json!(event_with(id, "1", json!({"id": "evt-1", "occurred_at": "0001-01-01"}))),
        ] {
            let answer = recorder.record(events.clone()).await;
            said.push((answer.status, answer.body.replace(id, "ID")));
            let events = if events.is_array() { events } else { json!([events]) };
            let answer = recorder.graphql(RECORD_BY_GRAPHQL, json!({"events": events})).await;
            said.push((answer.status, answer.body.replace(id, "ID")));
        }
        answers.push(said);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

async fn five_thousand_events_are_taken_and_one_more_is_not(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let events: Vec<Value> =
        (0..5_001).map(|n| event_with("acme", "1", json!({"id": format!("evt-{n}")}))).collect();
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let ndjson = "application/x-ndjson";

    let answer = post(&recorder, ndjson, lines.join("\n")).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["errors"][0]["code"], "PAYLOAD_TOO_LARGE");
    let answer = recorder.record(json!(events)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let code = recorder.error_code(RECORD_BY_GRAPHQL, json!({"events": events})).await;
    assert_eq!(code, "PAYLOAD_TOO_LARGE");
    // Too many is too many, whatever they are.
    let answer = post(&recorder, ndjson, "?\n".repeat(5_001)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);

    // Nothing of that was recorded. Lines that are empty do not count.
    let answer = post(&recorder, ndjson, lines[..5_000].join("\n\n")).await.json();
    assert_eq!((&answer["recorded"], &answer["duplicates"]), (&json!(5_000), &json!(0)));
    let answer = recorder.recorded(json!(events[1..])).await;
    assert_eq!((&answer["recorded"], &answer["duplicates"]), (&json!(1), &json!(4_999)));
}

async fn sixteen_mebibytes_are_taken_and_one_byte_more_is_not(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    for content_type in ["application/json", "application/x-ndjson"] {
        let event = format!("{}\n", event("acme", "1"));
        let body = format!("{}{event}", "\n".repeat(16 * MIB - event.len()));
        assert_eq!(body.len(), 16 * MIB);
        let answer = post(&recorder, content_type, body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let answer = post(&recorder, content_type, format!("{body}\n")).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.json()["errors"][0]["code"], "PAYLOAD_TOO_LARGE");
    }
    let query = format!("{{ viewer {{ is_owner }} }}{}", " ".repeat(16 * MIB));
    let answer = recorder.graphql(&query, json!({})).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "PAYLOAD_TOO_LARGE");
}

async fn an_event_of_one_mebibyte_is_taken_and_a_larger_one_is_named(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let small = event("acme", "1");
    let filled = |bytes: usize| {
        let mut event = event_with("acme", "1", json!({"id": "large", "description": ""}));
        let filling = "x".repeat(bytes - event.to_string().len());
        event["description"] = json!(filling);
        assert_eq!(event.to_string().len(), bytes);
        event
    };
    let (largest, too_large) = (filled(MIB), filled(MIB + 1));
    let batch = [small.clone(), too_large.clone(), small, too_large];
    let too_large = |index: usize| {
        json!({
            "index": index, "code": "PAYLOAD_TOO_LARGE",
            "message": "an event takes at most 1048576 bytes",
        })
    };
    let listed = json!({"errors": [too_large(1), too_large(3)]});
    let answer = recorder.record(json!(batch)).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::UNPROCESSABLE_ENTITY, listed.clone()));
    let lines: Vec<String> = batch.iter().map(Value::to_string).collect();
    let answer = post(&recorder, "application/x-ndjson", lines.join("\n")).await;
    assert_eq!(answer.json(), listed);
    // By GraphQL an event has no text of its own: its values are counted.
    let huge = filled(MIB + 1_000);
    let variables = json!({"events": [batch[0], huge, batch[2], huge]});
    let answer = recorder.graphql(RECORD_BY_GRAPHQL, variables).await.json();
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "PAYLOAD_TOO_LARGE");
    assert_eq!(extensions["errors"], listed["errors"]);

    assert_eq!(recorder.recorded(largest.clone()).await["recorded"], 1);
    let find = "{ auditEvent(external_id: \"large\") { description } }";
    assert_eq!(viewer.query(find).await["auditEvent"]["description"], largest["description"]);
}
