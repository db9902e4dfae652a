//! What is recorded is what is read: every digit, every character, every microsecond; and what
//! cannot be kept on every database is refused on each.

use auditlog::admin::{self, Actor, NewUser, Rights};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Answer, Client, pretty};
use crate::support::ways::RECORD_BY_GRAPHQL;
use crate::support::world::{RECORD, VIEW, World, event_with};

on_both!(
    rest_keeps_every_digit_and_the_order_of_keys,
    graphql_variables_keep_every_digit_and_the_order_of_keys,
    graphql_literals_keep_every_digit,
    text_is_kept_to_the_letter,
    ids_of_the_greatest_length_are_kept,
    what_no_database_can_hold_is_refused_by_rest,
    what_no_database_can_hold_is_refused_by_graphql,
    times_are_kept_to_the_microsecond_and_put_in_order,
    what_is_no_time_is_refused,
);

/// Numbers as people write them; each must come back as it is.
const NUMBERS: &str = "0,-0,-0.0,1.10,1e2,1E2,1e+2,1.0E-7,-1.50,1e400,-1e-400,9007199254740993,\
    18446744073709551616,123456789012345678901234567890.12345678901234567890,0.1000";

/// Objects in lists, with keys in an order of their own, and keys that JSON libraries use for
/// themselves.
const LIST: &str = r#"[{"z":1,"a":{"y":2.50,"b":[{"d":1,"c":2}]}},{"$serde_json::private::Number":"7"},{"$serde_json::private::RawValue":"{"},{"":0}]"#;

/// A recorder and a viewer of everything.
async fn people(world: &World) -> (Client, Client) {
    (world.user("rex", "acme", RECORD).await, world.user("ann", "acme", VIEW).await)
}

async fn send(client: &Client, uri: &str, body: impl Into<String>) -> Answer {
    client.send(Method::POST, uri, Some("application/json"), body.into()).await
}

/// The text of the answer about the event that was recorded last.
async fn last(viewer: &Client) -> String {
    let query = "{
        auditLog(order_by: SEQUENCE_DESC, first: 1) {
            nodes { metadata resource_changes { field value_before_change value_after_change } }
        }
    }";
    viewer.graphql(query, json!({})).await.body
}

/// An event, as text, whose before, after and metadata say something of numbers.
fn exact_event() -> String {
    let leaves: Vec<String> =
        NUMBERS.split(',').enumerate().map(|(n, text)| format!(r#""{n:02}":{text}"#)).collect();
    format!(
        r#"{{"organization_id":"acme","type":"UPDATE","resource_name":"TASK","resource_id":"1",
            "before":{{"list":{LIST}, "gone":1e2}},
            "after":{{"list":[{NUMBERS}],{}}},
            "metadata":{{"numbers" : [ {NUMBERS} ],"list":{LIST},"last":{{"z":0,"a":0}} }} }}"#,
        leaves.join(",")
    )
}

/// What is to be read of [`exact_event`].
fn assert_exact(answer: &str) {
    let metadata =
        format!(r#""metadata":{{"numbers":[{NUMBERS}],"list":{LIST},"last":{{"z":0,"a":0}}}}"#);
    assert!(answer.contains(&metadata), "{answer}");
    let change = |field: &str, before: &str, after: &str| {
        format!(
            r#"{{"field":"{field}","value_before_change":{before},"value_after_change":{after}}}"#
        )
    };
    let mut changes: Vec<String> = NUMBERS
        .split(',')
        .enumerate()
        .map(|(n, number)| change(&format!("{n:02}"), "null", &format!("{number:?}")))
        .collect();
    changes.push(change("gone", "\"1e2\"", "null"));
    changes.push(change("list", &json!(LIST).to_string(), &format!("\"[{NUMBERS}]\"")));
    let changes = format!(r#""resource_changes":[{}]"#, changes.join(","));
    assert!(answer.contains(&changes), "{changes}\nis not in\n{answer}");
}

async fn rest_keeps_every_digit_and_the_order_of_keys(on: On) {
    let world = World::new(on).await;
    let (recorder, viewer) = people(&world).await;
    let answer = send(&recorder, "/v1/audit-events", exact_event()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_exact(&last(&viewer).await);
}

async fn graphql_variables_keep_every_digit_and_the_order_of_keys(on: On) {
    let world = World::new(on).await;
    let (recorder, viewer) = people(&world).await;
    let body = format!(
        r#"{{"query":{},"variables":{{"events":[{}]}}}}"#,
        json!(RECORD_BY_GRAPHQL),
        exact_event()
    );
    let answer = send(&recorder, "/graphql", body).await;
    assert_eq!(answer.json()["data"]["recordAuditEvents"]["recorded"], 1, "{}", answer.body);
    assert_exact(&last(&viewer).await);
}

async fn graphql_literals_keep_every_digit(on: On) {
    let world = World::new(on).await;
    let (recorder, viewer) = people(&world).await;
    // Of a number in the document only the spelling of its exponent is put in one form.
    let mutation = format!(
        r#"mutation {{ recordAuditEvents(input: {{events: [{{
            organization_id: "acme", type: UPDATE, resource_name: TASK, resource_id: "1",
            metadata: {{numbers: [{NUMBERS}], z: {{y: 1, x: [{{b: 1.10, a: "😀"}}]}}, b: true}}
        }}]}}) {{ recorded }} }}"#
    );
    assert_eq!(recorder.query(&mutation).await["recordAuditEvents"]["recorded"], 1);
    let numbers = NUMBERS.replace("1e2", "1e+2").replace("1E2", "1e+2").replace("E-7", "e-7");
    let numbers = numbers.replace("1e400", "1e+400");
    let metadata = format!(
        r#""metadata":{{"numbers":[{numbers}],"z":{{"y":1,"x":[{{"b":1.10,"a":"😀"}}]}},"b":true}}"#
    );
    let answer = last(&viewer).await;
    assert!(answer.contains(&metadata), "{metadata}\nis not in\n{answer}");
}

async fn text_is_kept_to_the_letter(on: On) {
    let world = World::new(on).await;
    let (recorder, viewer) = people(&world).await;
    let texts = [
        "",
        " ",
        "\u{1}\u{1f}\u{7f}\u{85}",
        "\r\n\t\u{2028}\u{2029}",
        "a\"b\\c/d'e`f;--%_*?",
        "\\u0000 \\n",
        "e\u{301} is not é, ﬁ is not fi",
        "😀𝒳🏳️‍🌈\u{10ffff}",
        "\u{fffd}\u{fffe}\u{ffff}\u{feff}\u{200b}",
        "עברית العربية \u{202e}right to left",
        "null",
        "{\"a\":1}",
    ];
    for text in texts {
        let key = format!("k.{text}");
        let event = json!({
            "organization_id": "acme", "type": "UPDATE", "resource_name": "TASK", "resource_id": "1",
            "changes": [{"field": text, "before": text, "after": [text]}],
            "user_agent": text, "url": text, "page": text, "description": text, "request_id": text,
            "metadata": {&key: text, "in": [text, {&key: {"deep": text}}]},
        });
        for way in ["REST", "GraphQL"] {
            match way {
                "REST" => drop(recorder.recorded(event.clone()).await),
                _ => drop(recorder.data(RECORD_BY_GRAPHQL, json!({"events": [event]})).await),
            }
            let query = "{
                auditLog(order_by: SEQUENCE_DESC, first: 1) {
                    nodes {
                        user_agent url page description request_id metadata
                        resource_changes { field value_before_change value_after_change }
                    }
                }
            }";
            let read = &viewer.query(query).await["auditLog"]["nodes"][0];
            for field in ["user_agent", "url", "page", "description", "request_id", "metadata"] {
                assert_eq!(read[field], event[field], "{way}");
            }
            let change = json!([{
                "field": text, "value_before_change": text,
                "value_after_change": json!([text]).to_string(),
            }]);
            assert_eq!(read["resource_changes"], change, "{way}");
        }
    }
}

async fn ids_of_the_greatest_length_are_kept(on: On) {
    let world = World::new(on).await;
    // 255 characters are 1,020 bytes here, in every column of every index.
    let long = |c: char| c.to_string().repeat(255);
    let (tenant, clinic, person) = (long('𝒯'), long('𝒞'), long('𝒫'));
    world.organization(&tenant, "Long", None).await;
    world.organization(&clinic, "Longer", Some(&tenant)).await;
    let new = NewUser {
        id: person.clone(),
        organization_id: clinic.clone(),
        rights: Rights { can_record: true, ..Rights::default() },
        ..NewUser::default()
    };
    admin::create_user(&world.store, &Actor::operator(), new).await.unwrap().unwrap();
    let (recorder, viewer) = (world.key_for(&person).await, world.user("ann", &tenant, VIEW).await);
    let ids = json!({"id": long('𝐸'), "acting_user_id": person, "occurred_at": "2026-01-01"});
    let event = event_with(&clinic, &long('𝑅'), ids);
    recorder.recorded(event.clone()).await;
    assert_eq!(recorder.recorded(event.clone()).await["duplicates"], 1);
    let query = "query($id: ID!, $user: ID!, $resource: ID!, $organization: ID!) {
        auditLog(
            acting_user_id: $user, resource_id: $resource, organization_id: $organization,
            resource_name: APPOINTMENT
        ) { nodes { external_id resource_id acting_user { id } organization { id } } }
        auditEvent(external_id: $id) { resource_id }
    }";
    let variables = json!({
        "id": event["id"], "user": person, "resource": event["resource_id"], "organization": clinic,
    });
    let data = viewer.data(query, variables).await;
    let expected = json!([{
        "external_id": event["id"], "resource_id": event["resource_id"],
        "acting_user": {"id": person}, "organization": {"id": clinic},
    }]);
    assert_eq!(data["auditLog"]["nodes"], expected);
    assert_eq!(data["auditEvent"]["resource_id"], event["resource_id"]);
}

/// Members of an event that would have to be cut or changed to be kept.
const UNSTORABLE: [&str; 12] = [
    r#""id":"a\u0000b""#,
    r#""acting_user_id":"\u0000""#,
    r#""description":"nul \u0000 inside""#,
    r#""metadata":{"a":["\u0000"]}"#,
    r#""metadata":{"\u0000":1}"#,
    r#""after":{"a":{"b":"\u0000"}}"#,
    r#""changes":[{"field":"\u0000"}]"#,
    r#""description":"\ud800""#,
    r#""page":"\udc00 alone""#,
    r#""metadata":{"a":{"b":["\ude00\ud83d"]}}"#,
    r#""metadata":{"\ud800":1}"#,
    r#""metadata":{"a":{"b":1,"c":2,"b":1}}"#,
];

fn with_member(member: &str) -> String {
    format!(
        r#"{{"organization_id":"acme","type":"UPDATE","resource_name":"TASK","resource_id":"1",{member}}}"#
    )
}

async fn what_no_database_can_hold_is_refused_by_rest(on: On) {
    let world = World::new(on).await;
    let (recorder, _) = people(&world).await;
    let events = UNSTORABLE.map(with_member);
    let answer = send(&recorder, "/v1/audit-events", format!("[{}]", events.join(","))).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_snapshot!("what_no_database_can_hold_by_rest", pretty(&answer.json()));
}

async fn what_no_database_can_hold_is_refused_by_graphql(on: On) {
    let world = World::new(on).await;
    let (recorder, viewer) = people(&world).await;
    let before = last(&viewer).await;
    for event in UNSTORABLE.map(with_member) {
        let body = format!(
            r#"{{"query":{},"variables":{{"events":[{event}]}}}}"#,
            json!(RECORD_BY_GRAPHQL)
        );
        let answer = send(&recorder, "/graphql", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{event}");
        let code = &answer.json()["errors"][0]["extensions"]["code"];
        assert_eq!(code, "BAD_USER_INPUT", "{event}: {}", answer.body);
    }
    for member in [
        r#"id: "a\u0000b""#,
        r#"description: "nul \u0000 inside""#,
        r#"metadata: {a: ["\u0000"]}"#,
        r#"after: {a: {b: "\u0000"}}"#,
        r#"changes: [{field: "\u0000"}]"#,
        r#"changes: [{field: "a", after: "\u0000"}]"#,
        r#"description: "\ud800""#,
    ] {
        let mutation = format!(
            r#"mutation {{ recordAuditEvents(input: {{events: [{{
                organization_id: "acme", type: UPDATE, resource_name: TASK, resource_id: "1", {member}
            }}]}}) {{ recorded }} }}"#
        );
        let answer = recorder.graphql(&mutation, json!({})).await;
        let code = &answer.json()["errors"][0]["extensions"]["code"];
        assert_eq!(code, "BAD_USER_INPUT", "{member}: {}", answer.body);
    }
    assert_eq!(last(&viewer).await, before);
}

async fn times_are_kept_to_the_microsecond_and_put_in_order(on: On) {
    let world = World::new(on).await;
    let (recorder, viewer) = people(&world).await;
    // In the order of time; each is recorded before the one above it.
    let times = [
        ("0001-01-01", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00.000001Z", "0001-01-01T00:00:00.000001Z"),
        ("1582-10-10T12:00:00Z", "1582-10-10T12:00:00Z"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
        ("1970-01-01", "1970-01-01T00:00:00Z"),
        ("2000-02-29T00:00:00-00:00", "2000-02-29T00:00:00Z"),
        ("2026-10-02T09:30-04:00", "2026-10-02T13:30:00Z"),
        ("2026-10-02T13:30:00.0000009Z", "2026-10-02T13:30:00Z"),
        ("2026-10-02T13:30:00.000001Z", "2026-10-02T13:30:00.000001Z"),
        ("2026-10-02T13:30:00.000010Z", "2026-10-02T13:30:00.000010Z"),
        ("2026-10-02T13:30:00.001Z", "2026-10-02T13:30:00.001Z"),
        ("2026-10-02T13:30:00.1Z", "2026-10-02T13:30:00.100Z"),
        ("2026-10-02T19:00:01.5+0530", "2026-10-02T13:30:01.500Z"),
        ("2026-10-03T00:30:02+11", "2026-10-02T13:30:02Z"),
        ("2100-01-01T00:00:00+00:01", "2099-12-31T23:59:00Z"),
        ("2100-01-01", "2100-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999Z"),
    ];
    for (n, (given, _)) in times.iter().enumerate().rev() {
        let event = event_with("acme", &n.to_string(), json!({"occurred_at": given}));
        if n % 2 == 0 {
            recorder.recorded(event).await;
        } else {
            recorder.data(RECORD_BY_GRAPHQL, json!({"events": [event]})).await;
        }
    }
    let list = async |arguments: &str| -> Vec<(String, String)> {
        let query = format!(
            "{{ auditLog(resource_name: APPOINTMENT {arguments}) {{ nodes {{ resource_id occurred_at }} }} }}"
        );
        let data = viewer.query(&query).await;
        let nodes = data["auditLog"]["nodes"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        nodes.iter().map(|e| (text(&e["resource_id"]), text(&e["occurred_at"]))).collect()
    };
    let mut expected: Vec<(String, String)> = times
        .iter()
        .enumerate()
        .map(|(n, (_, shown))| (n.to_string(), (*shown).to_owned()))
        .collect();
    // Two of them are the same time: the one that was recorded first comes first.
    expected.swap(6, 7);
    assert_eq!(list("order_by: OCCURRED_AT_ASC").await, expected);
    // Bounds are inclusive, to the microsecond.
    let bounds = r#"occurred_after: "1969-12-31T23:59:59.999999Z", occurred_before: "2100-01-01""#;
    expected.reverse();
    assert_eq!(list(bounds).await, expected[1..14]);
    let instant = "2026-10-02T13:30:00.000001Z";
    let bounds = format!("occurred_after: {instant:?}, occurred_before: {instant:?}");
    assert_eq!(list(&bounds).await, [("8".to_owned(), instant.to_owned())]);
}

async fn what_is_no_time_is_refused(on: On) {
    let world = World::new(on).await;
    let (recorder, _) = people(&world).await;
    let texts = [
        "",
        "now",
        "1790000000",
        "2026-10-02T09:30:00",
        "2026-10-02 09:30",
        "2026-02-29",
        "2026-13-01",
        "2026-10-32T00:00:00Z",
        "2026-10-02T24:00:00Z",
        "2026-10-02T09:60:00Z",
        "2026-12-31T23:59:60Z",
        "2026-10-02T09:30:00+24:00",
        "02.10.2026",
        "26-10-02",
        "0000-12-31",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "+2026-10-02",
        "-2026-10-02",
        "２０２６-10-02",
    ];
    let events = texts.map(|text| event_with("acme", "1", json!({"occurred_at": text})));
    let answer = recorder.record(json!(events)).await;
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    assert_eq!(errors.len(), texts.len(), "{}", answer.body);
    let said: Vec<_> =
        texts.iter().zip(&errors).map(|(text, e)| json!([text, e["message"]])).collect();
    insta::assert_snapshot!("what_is_no_time", pretty(&json!(said)));
    let answer = recorder.graphql(RECORD_BY_GRAPHQL, json!({"events": events})).await.json();
    assert_eq!(answer["errors"][0]["extensions"]["errors"], json!(errors));
}
