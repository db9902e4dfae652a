//! A recorder's own ids: what is a duplicate, and what a conflict.

use auditlog::domain::event::NewEvent;
use auditlog::domain::id::Id;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::policies::set;
use crate::support::log::whole_log;
use crate::support::ways::{OF_BATCHES, Way, post, record};
use crate::support::world::{OWN, RECORD, VIEW, World, event, event_with};
use crate::support::{On, direct};

on_both!(
    an_id_makes_recording_idempotent,
    events_without_an_id_are_never_duplicates,
    an_id_is_the_tenants_own,
    a_duplicate_within_a_batch_is_told_from_a_conflict,
    conflicts_are_listed_with_all_else_that_is_wrong,
    what_is_sent_again_is_a_duplicate_whatever_was_masked_meanwhile,
    ids_are_looked_up_one_by_one_whatever_statistics_say,
);

async fn an_id_makes_recording_idempotent(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let body = |after: &str, more: &str| {
        format!(
            r#"{{"id":"evt-1","organization_id":"portland","type":"UPDATE","resource_name":"TASK",
                "resource_id":"1","after":{after}{more}}}"#
        )
    };
    let first = body(r#"{"a":1.10,"b":{"c":"x","d":null}}"#, r#","metadata":{"p":1,"q":[2]}"#);
    let receipt = post(&recorder, "application/json", first).await.json();
    assert_eq!((&receipt["recorded"], &receipt["duplicates"]), (&json!(1), &json!(0)));
    let before = whole_log(&viewer, "id external_id").await;

    // The same again: also in another order of keys, and by another way in.
    let again = body(r#"{"b":{"d":null,"c":"x"},"a":1.10}"#, r#","metadata":{"q":[2],"p":1}"#);
    let nothing_new = json!({
        "recorded": 0, "duplicates": 1, "first_sequence": null, "last_sequence": null,
    });
    let answer = post(&recorder, "application/json", again.clone()).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, nothing_new.clone()));
    let event: Value = serde_json::from_str(&again).unwrap();
    for way in OF_BATCHES {
        assert_eq!(
            record(way, &recorder, std::slice::from_ref(&event)).await,
            nothing_new,
            "{way:?}"
        );
    }

    // Anything else is a conflict: 1.1 is not 1.10, nor is [2.0] [2].
    let conflict = json!({"errors": [{
        "index": 0, "code": "CONFLICT",
        "message": "id \"evt-1\" was recorded before, with other content",
    }]});
    for other in [
        body(r#"{"a":1.1,"b":{"c":"x"}}"#, r#","metadata":{"p":1,"q":[2]}"#),
        body(r#"{"a":1.10,"b":{"c":"x"}}"#, r#","metadata":{"p":1,"q":[2.0]}"#),
        body(r#"{"a":1.10,"b":{"c":"x"}}"#, ""),
        again.replace("portland", "seattle"),
        again.replace("UPDATE", "CREATE"),
        again.replace(r#""resource_id":"1""#, r#""resource_id":"2""#),
        again.replace(r#""id""#, r#""occurred_at":"2026-01-01","id""#),
        again.replace(r#""id""#, r#""acting_user_id":"ann","id""#),
        again.replace(r#""id""#, r#""description":"","id""#),
    ] {
        let answer = post(&recorder, "application/json", other.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{other}");
        assert_eq!(answer.json(), conflict, "{other}");
        let event: Value = serde_json::from_str(&other).unwrap();
        assert_eq!(record(Way::GraphQl, &recorder, &[event]).await, conflict, "{other}");
    }
    assert_eq!(whole_log(&viewer, "id external_id").await, before);
}

async fn events_without_an_id_are_never_duplicates(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let twins = json!([event("acme", "1"), event("acme", "1")]);
    for _ in 0..2 {
        assert_eq!(recorder.recorded(twins.clone()).await["recorded"], 2);
    }
}

async fn an_id_is_the_tenants_own(on: On) {
    let world = World::new(on).await;
    let (acme, globex) = (world.recorder("acme").await, world.recorder("globex").await);
    let id = json!({"id": "evt-1"});
    assert_eq!(acme.recorded(event_with("acme", "1", id.clone())).await["recorded"], 1);
    // In another tenant the id means nothing, whether the content is other or the same.
    let other = globex.recorded(event_with("globex", "2", id.clone())).await;
    assert_eq!((&other["recorded"], &other["duplicates"]), (&json!(1), &json!(0)));
    // And an event is found by it only where it was recorded.
    let find = "{ auditEvent(external_id: \"evt-1\") { resource_id } }";
    for (organization, resource_id) in [("acme", "1"), ("globex", "2")] {
        let viewer = world.user(&format!("{organization}-viewer"), organization, VIEW).await;
        assert_eq!(viewer.query(find).await["auditEvent"]["resource_id"], resource_id);
    }
    // A recorder of a part of the tenant shares the tenant's ids.
    let east = world.user("eve", "east", RECORD).await;
    let answer = east.record(event_with("east", "1", id)).await;
    assert_eq!(answer.json()["errors"][0]["code"], "CONFLICT");
}

async fn a_duplicate_within_a_batch_is_told_from_a_conflict(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let one = |id: &str| event_with("acme", "1", json!({"id": id}));
    let two = |id: &str| event_with("acme", "2", json!({"id": id}));
    let bad = async |events: &[Value]| -> Vec<u64> {
        let answer = recorder.record(json!(events)).await.json();
        let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert!(errors.iter().all(|error| error["code"] == "CONFLICT"), "{answer}");
        errors.iter().map(|error| error["index"].as_u64().unwrap()).collect()
    };
    let receipt = recorder.recorded(json!([one("a"), one("b"), one("a"), one("a")])).await;
    assert_eq!((&receipt["recorded"], &receipt["duplicates"]), (&json!(2), &json!(2)));
    assert_eq!(bad(&[one("c"), two("c")]).await, [1]);
    // It is the first one that the others are held against.
    assert_eq!(bad(&[one("c"), two("c"), one("c")]).await, [1]);
    assert_eq!(bad(&[one("c"), two("c"), two("c"), one("a"), two("a"), one("d")]).await, [1, 2, 4]);
    // Nothing of any of these was recorded.
    let receipt = recorder.recorded(json!([two("c"), two("c"), one("d")])).await;
    assert_eq!((&receipt["recorded"], &receipt["duplicates"]), (&json!(2), &json!(1)));
}

async fn conflicts_are_listed_with_all_else_that_is_wrong(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    recorder.recorded(event_with("acme", "1", json!({"id": "taken"}))).await;
    let batch = [
        event_with("acme", "1", json!({"id": "taken"})),
        event_with("nowhere", "1", json!({"id": "new"})),
        event_with("acme", "2", json!({"id": "taken"})),
        event_with("acme", "1", json!({"ip_address": "here"})),
        event_with("acme", "1", json!({"id": "twice"})),
        event_with("acme", "2", json!({"id": "twice"})),
        event("acme", "1"),
    ];
    for way in OF_BATCHES {
        let answer = record(way, &recorder, &batch).await;
        let errors = answer["errors"].as_array().unwrap();
        let found: Vec<_> = errors
            .iter()
            .map(|e| (e["index"].as_u64().unwrap(), e["code"].as_str().unwrap()))
            .collect();
        let expected = [(1, "NOT_FOUND"), (2, "CONFLICT"), (3, "BAD_USER_INPUT"), (5, "CONFLICT")];
        assert_eq!(found, expected, "{way:?}");
    }
}

async fn what_is_sent_again_is_a_duplicate_whatever_was_masked_meanwhile(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let event = |id: &str, ssn: &str| {
        event_with("acme", "1", json!({"id": id, "after": {"ssn": ssn, "city": "Salem"}}))
    };
    let masks = |fields: Value| json!({"organization_id": "acme", "masked_fields": fields});
    recorder.recorded(event("plain", "123")).await;
    set(&owner, masks(json!(["ssn"]))).await;
    recorder.recorded(event("masked", "123")).await;
    for fields in [json!(["ssn"]), json!(["city"]), json!([])] {
        set(&owner, masks(fields.clone())).await;
        for id in ["plain", "masked"] {
            let again = recorder.recorded(event(id, "123")).await;
            assert_eq!((&again["recorded"], &again["duplicates"]), (&json!(0), &json!(1)));
            let other = recorder.record(event(id, "124")).await;
            assert_eq!(other.json()["errors"][0]["code"], "CONFLICT", "{id} {fields}");
        }
    }
    // What is stored of it cannot be tried out by whoever knows all but the number.
    let given = NewEvent::parse(&event("masked", "123").to_string()).unwrap().fingerprint();
    let given: String = given.iter().map(|byte| format!("{byte:02x}")).collect();
    let (hex, bytes) = match on {
        On::Sqlite => ("lower(hex(fingerprint))", format!("x'{given}'")),
        On::Postgres => ("encode(fingerprint, 'hex')", format!("'\\x{given}'")),
    };
    let db = direct::connect(&world.database.url).await;
    let stored = format!("SELECT {hex} FROM idempotency_records WHERE external_id = 'masked'");
    let stored = direct::text(&db, &stored).await;
    assert!(stored.len() == 32 && !given.contains(&stored), "{stored}");

    // An installation from before there were masks stored it plainly.
    let earlier = format!(
        "UPDATE idempotency_records SET fingerprint = {bytes} WHERE external_id = 'masked'"
    );
    direct::run(&db, &earlier).await;
    let again = recorder.recorded(event("masked", "123")).await;
    assert_eq!(again["duplicates"], 1);
}

/// Those of a table that has just grown are of how it was before.
async fn ids_are_looked_up_one_by_one_whatever_statistics_say(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let ids = |from: usize, upto: usize| (from..upto).map(|n| format!("evt-{n}"));
    let record = async |from, upto| {
        let events = ids(from, upto).map(|id| event_with("west", "1", json!({"id": id})));
        recorder.recorded(Value::from_iter(events)).await;
    };
    record(0, 10).await;
    if on == On::Postgres {
        let db = direct::connect(&world.database.url).await;
        let stale = "ALTER TABLE idempotency_records SET (autovacuum_enabled = false)";
        direct::run(&db, stale).await;
        direct::run(&db, "ANALYZE idempotency_records").await;
    }
    record(10, 3_000).await;
    let acme = Id::new("acme").unwrap();
    for asked in [1, 1_000] {
        let plan =
            world.store.explain_ids(&acme, ids(2_500, 2_500 + asked).collect()).await.unwrap();
        match on {
            On::Sqlite => {
                assert!(plan.contains("(tenant_id=? AND external_id=?)"), "{plan}");
                assert!(!plan.contains("SCAN idempotency_records"), "{plan}");
            }
            On::Postgres => {
                assert!(plan.contains("Index Scan using idempotency_records_pkey"), "{plan}");
                assert!(plan.contains(" AND (external_id = "), "{plan}");
                assert!(plan.contains(&format!("loops={asked}")), "{plan}");
                assert!(!plan.contains("Removed by"), "{plan}");
            }
        }
    }
}
