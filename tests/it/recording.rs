//! Recording: one set of rules and answers, whichever way events come in.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Answer, Client, pretty};
use crate::support::log::{assert_gapless, whole_log};
use crate::support::world::{RECORD, VIEW, World, event, event_with};

on_both!(
    every_way_in_records_the_same,
    every_way_in_refuses_the_same,
    rest_names_every_event_that_cannot_be_read,
    an_id_makes_recording_idempotent,
    events_without_an_id_are_never_duplicates,
    an_id_is_the_tenants_own,
    a_duplicate_within_a_batch_is_told_from_a_conflict,
    conflicts_are_listed_with_all_else_that_is_wrong,
    an_event_without_a_time_happened_when_it_was_recorded,
    the_receipt_names_the_first_and_the_last_number,
    a_body_that_cannot_be_read_is_refused_as_a_whole,
);

/// The ways in. The first takes one event at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    One,
    List,
    Ndjson,
    GraphQl,
}

const OF_BATCHES: [Way; 3] = [Way::List, Way::Ndjson, Way::GraphQl];

pub const RECORD_BY_GRAPHQL: &str = "mutation($events: [AuditEventInput!]!) {
    recordAuditEvents(input: {events: $events}) {
        recorded duplicates first_sequence last_sequence
    }
}";

/// A receipt, or `{"errors": …}` as REST answers.
async fn record(way: Way, client: &Client, events: &[Value]) -> Value {
    let answer = match way {
        Way::One => client.record(events[0].clone()).await,
        Way::List => client.record(Value::from(events)).await,
        Way::Ndjson => ndjson(client, &lines(events)).await,
        Way::GraphQl => {
            let answer = client.graphql(RECORD_BY_GRAPHQL, json!({"events": events})).await.json();
            let receipt = &answer["data"]["recordAuditEvents"];
            if receipt.is_object() {
                return receipt.clone();
            }
            return json!({"errors": answer["errors"][0]["extensions"]["errors"]});
        }
    };
    answer.json()
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

async fn ndjson(client: &Client, body: &str) -> Answer {
    post(client, "application/x-ndjson", body.to_owned()).await
}

async fn post(client: &Client, content_type: &str, body: impl Into<axum::body::Body>) -> Answer {
    client.send(Method::POST, "/v1/audit-events", Some(content_type), body).await
}

/// How many events somebody sees who sees the whole tenant.
async fn count(viewer: &Client) -> u64 {
    let data = viewer.query("{ auditLog(first: 1) { total_count } }").await;
    data["auditLog"]["total_count"].as_u64().unwrap()
}

async fn every_way_in_records_the_same(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let before = count(&viewer).await;
    let full = |id: &str| {
        event_with(
            "portland",
            "543",
            json!({
                "id": id, "acting_user_id": "ann", "occurred_at": "2026-10-02T09:30:00.5-04:00",
                "before": {"pm_status": "Confirmed", "length": 30, "address": {"city": "Salem"}},
                "after": {"pm_status": "Rescheduled", "length": 30, "address": {"city": "Bend"}},
                "ip_address": "203.0.113.9", "user_agent": "Firefox", "url": "https://ehr.example/a",
                "page": "Calendar", "description": "Moved", "request_id": "req-1",
                "metadata": {"reason": "patient asked", "codes": [1, 2.5]},
            }),
        )
    };
    let given = |id: &str| {
        let changes = json!([
            {"field": "z", "before": 1, "after": 2},
            {"field": "a", "after": "new"},
            {"field": "m", "before": null, "after": [true, {"x": null}]},
        ]);
        event_with("acme", "9", json!({"id": id, "changes": changes, "acting_user_id": null}))
    };
    for way in [Way::One, Way::List, Way::Ndjson, Way::GraphQl] {
        for event in [full(&format!("full-{way:?}")), given(&format!("given-{way:?}"))] {
            let receipt = record(way, &recorder, &[event]).await;
            assert_eq!((&receipt["recorded"], &receipt["duplicates"]), (&json!(1), &json!(0)));
            assert_eq!(receipt["first_sequence"], receipt["last_sequence"]);
        }
    }
    let selection = "type resource_name resource_id occurred_at recorded_at acting_user { id }
        organization { id } resource_changes { field value_before_change value_after_change }
        ip_address user_agent url page description request_id metadata";
    let mut log = whole_log(&viewer, selection).await.split_off(usize::try_from(before).unwrap());
    assert_eq!(log.len(), 8);
    for event in &mut log {
        event["sequence"] = "each its own".into();
    }
    for way in 1..4 {
        assert_eq!((&log[0], &log[1]), (&log[2 * way], &log[2 * way + 1]));
    }
    insta::assert_snapshot!("every_way_in_records_the_same", pretty(&json!(log[..2])));
}

async fn every_way_in_refuses_the_same(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let before = count(&viewer).await;
    let with = |more: Value| event_with("portland", "1", more);
    let batch = [
        event("portland", "fine"),
        event("nowhere", "1"),
        event("hammock", "1"),
        event("", "1"),
        event("portland", ""),
        event("portland", &"é".repeat(256)),
        with(json!({"id": "a\u{7f}b"})),
        with(json!({"acting_user_id": "no_author"})),
        with(json!({"type": "CREATE", "before": {"a": 1}, "after": {"a": 2}})),
        with(json!({"type": "DESTROY", "changes": [{"field": "a", "after": 2}]})),
        with(json!({"before": {"a": 1}, "changes": []})),
        with(json!({"before": [1]})),
        with(json!({"metadata": "text"})),
        with(json!({"occurred_at": "2026-10-02T09:30:00"})),
        with(json!({"occurred_at": "2026-02-29", "ip_address": "10.0.0.256"})),
        event("portland", "fine as well"),
    ];
    let mut answers = Vec::new();
    for way in OF_BATCHES {
        answers.push(record(way, &recorder, &batch).await);
    }
    insta::assert_snapshot!("every_way_in_refuses_the_same", pretty(&answers[0]));
    assert_eq!((&answers[0], &answers[0]), (&answers[1], &answers[2]));
    // Alone, each says the same, of index 0.
    for error in answers[0]["errors"].as_array().unwrap() {
        let index = usize::try_from(error["index"].as_u64().unwrap()).unwrap();
        let mut alone = error.clone();
        alone["index"] = json!(0);
        let answer = record(Way::One, &recorder, &batch[index..=index]).await;
        assert_eq!(answer, json!({"errors": [alone]}));
    }
    assert_eq!(recorder.record(json!(batch)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(count(&viewer).await, before, "nothing of a bad batch is recorded");
    let code = recorder.error_code(RECORD_BY_GRAPHQL, json!({"events": [batch[1]]})).await;
    assert_eq!(code, "NOT_FOUND");
    let code = recorder.error_code(RECORD_BY_GRAPHQL, json!({"events": batch})).await;
    assert_eq!(code, "BAD_USER_INPUT");
}

async fn rest_names_every_event_that_cannot_be_read(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let nested = format!("{}1{}", r#"{"a":"#.repeat(65), "}".repeat(65));
    let start = r#"{"organization_id":"acme","resource_name":"TASK","resource_id":"1""#;
    let events = [
        format!(r#"{start},"type":"UPDATE"}}"#),
        format!(r#"{start},"type":"UPDATE","colour":"red"}}"#),
        format!(r#"{start},"type":"update"}}"#),
        format!(r#"{start},"type":1}}"#),
        format!(r#"{start},"type":null}}"#),
        "{}".to_owned(),
        "[]".to_owned(),
        r#""event""#.to_owned(),
        "null".to_owned(),
        format!(r#"{start},"type":"UPDATE","type":"UPDATE"}}"#),
        format!(r#"{start},"type":"UPDATE","after":{{"b":{{"c":1,"c":1}}}}}}"#),
        format!(r#"{start},"type":"UPDATE","metadata":{nested}}}"#),
        format!(r#"{start},"type":"UPDATE","description":7,"page":["x"]}}"#),
        format!(r#"{start},"type":"UPDATE","changes":{{"field":"a"}}}}"#),
        format!(r#"{start},"type":"UPDATE","changes":[{{"after":1}}]}}"#),
        format!(r#"{start},"type":"UPDATE","changes":[{{"field":"a","was":1}}]}}"#),
    ];
    let list = post(&recorder, "application/json", format!("[{}]", events.join(","))).await;
    assert_eq!(list.status, StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_snapshot!("rest_names_every_event_that_cannot_be_read", pretty(&list.json()));
    // An empty line is no event, and does not count.
    let by_line = ndjson(&recorder, &format!("\r\n{}\n\n", events.join("\r\n"))).await;
    assert_eq!((by_line.status, &by_line.body), (list.status, &list.body));
    // A line that is not JSON is a bad event; a list that is not JSON is a bad body.
    let answer = ndjson(&recorder, &format!("{}\n{{\"type\": \n", events[0])).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.json()["errors"][0]["index"], 1);
}

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
        assert_eq!(record(way, &recorder, &[event.clone()]).await, nothing_new, "{way:?}");
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

async fn an_event_without_a_time_happened_when_it_was_recorded(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let untimed = event_with("acme", "1", json!({"id": "evt-1"}));
    world.clock.advance(TimeDelta::microseconds(1_500_000));
    recorder.recorded(untimed.clone()).await;
    // A retry comes later, and is a duplicate all the same.
    world.clock.advance(TimeDelta::days(40));
    assert_eq!(recorder.recorded(untimed).await["duplicates"], 1);
    let timed = json!({"id": "evt-2", "occurred_at": "2027-01-01T00:00:00+01:00"});
    recorder.recorded(event_with("acme", "1", timed)).await;
    let find = |id| format!("{{ auditEvent(external_id: {id:?}) {{ occurred_at recorded_at }} }}");
    let now = "2026-10-15T12:00:01.500Z";
    assert_eq!(
        viewer.query(&find("evt-1")).await["auditEvent"],
        json!({"occurred_at": now, "recorded_at": now})
    );
    assert_eq!(
        viewer.query(&find("evt-2")).await["auditEvent"],
        json!({"occurred_at": "2026-12-31T23:00:00Z", "recorded_at": "2026-11-24T12:00:01.500Z"})
    );
}

async fn the_receipt_names_the_first_and_the_last_number(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let before = i64::try_from(count(&viewer).await).unwrap();
    let numbered = |range: std::ops::Range<i64>| -> Vec<Value> {
        range.map(|n| event_with("acme", "1", json!({"id": format!("evt-{n}")}))).collect()
    };
    for (way, range, duplicates) in [
        (Way::One, 0..1, 0),
        (Way::List, 1..4, 0),
        // Duplicates at either end take no number.
        (Way::Ndjson, 2..7, 2),
        (Way::GraphQl, 6..9, 1),
    ] {
        let first = before + range.start + duplicates + 1;
        let last = before + range.end;
        let expected = json!({
            "recorded": last - first + 1, "duplicates": duplicates,
            "first_sequence": first.to_string(), "last_sequence": last.to_string(),
        });
        assert_eq!(record(way, &recorder, &numbered(range)).await, expected, "{way:?}");
    }
    let log = whole_log(&viewer, "external_id").await;
    assert_gapless(&log, 1);
    for (n, event) in log[usize::try_from(before).unwrap()..].iter().enumerate() {
        assert_eq!(event["external_id"], format!("evt-{n}"));
    }
    // Each tenant counts for itself.
    let globex = world.recorder("globex").await;
    let receipt = globex.recorded(event("globex", "1")).await;
    assert_eq!(
        receipt["first_sequence"], "6",
        "2 organizations, a user, a membership and a key came before"
    );
}

async fn a_body_that_cannot_be_read_is_refused_as_a_whole(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let nothing = json!({
        "recorded": 0, "duplicates": 0, "first_sequence": null, "last_sequence": null,
    });
    for (content_type, body) in [
        ("application/json", "[]"),
        ("application/json; charset=utf-8", " [ ] "),
        ("Application/X-NDJSON", ""),
        ("application/x-ndjson", "\n \r\n\n"),
    ] {
        let answer = post(&recorder, content_type, body).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, nothing.clone()), "{body:?}");
    }
    assert_eq!(record(Way::GraphQl, &recorder, &[]).await, nothing);

    let fine = event("acme", "1").to_string();
    let mut answers = Vec::new();
    for (content_type, body) in [
        ("application/json", b"".to_vec()),
        ("application/json", b"{".to_vec()),
        ("application/json", format!("[{fine},]").into_bytes()),
        ("application/json", format!("{fine}{fine}").into_bytes()),
        ("application/json", format!("{fine}\n{fine}").into_bytes()),
        ("application/json", [b"[\"", &[0xff][..], b"\"]"].concat()),
        ("application/x-ndjson", [fine.as_bytes(), b"\n\xff\n"].concat()),
        ("text/plain", fine.clone().into_bytes()),
        ("application/jsonl", fine.clone().into_bytes()),
    ] {
        let answer = post(&recorder, content_type, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
        answers.push(answer.json()["errors"].clone());
    }
    let none = recorder.send(Method::POST, "/v1/audit-events", None, fine).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    insta::assert_snapshot!("a_body_that_cannot_be_read", pretty(&json!(answers)));
}
