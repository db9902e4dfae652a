//! Recording: one set of rules and answers, whichever way events come in.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::log::{assert_gapless, whole_log};
use crate::support::ways::{OF_BATCHES, RECORD_BY_GRAPHQL, Way, ndjson, post, record};
use crate::support::world::{VIEW, World, event, event_with};

on_both!(
    every_way_in_records_the_same,
    every_way_in_refuses_the_same,
    rest_names_every_event_that_cannot_be_read,
    an_event_without_a_time_happened_when_it_was_recorded,
    the_receipt_names_the_first_and_the_last_number,
    a_body_that_cannot_be_read_is_refused_as_a_whole,
);

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
