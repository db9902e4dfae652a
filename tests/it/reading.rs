//! `auditLog` and `viewer`: whole answers, and who is named in them.

use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::world::{NOTHING, OWN, RECORD, VIEW, World, event, event_with};

on_both!(
    a_whole_answer,
    a_whole_connection,
    a_healthie_query_runs_unchanged,
    numbers_and_texts_come_back_as_they_were_given,
    a_user_nobody_told_the_server_about_has_an_id_and_no_name,
    a_user_of_another_tenant_has_no_name_here,
    an_organization_above_the_scope_is_not_named,
    the_viewer_is_told_who_they_are,
    a_viewer_without_rights_is_told_so,
    what_is_given_below_is_seen_at_once,
);

async fn a_whole_answer(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "west", VIEW).await;
    let changes = json!({
        "id": "evt-1", "acting_user_id": "ann", "occurred_at": "2026-10-02T09:30:00-04:00",
        "before": {"pm_status": "Confirmed", "length": 30},
        "after": {"pm_status": "Rescheduled", "length": 30},
    });
    recorder.recorded(event_with("portland", "543", changes)).await;
    let answer = viewer
        .query(
            "{
                auditLog(resource_name: APPOINTMENT) {
                    total_count
                    nodes {
                        id sequence external_id type resource_name resource_id
                        occurred_at recorded_at
                        acting_user { id full_name }
                        organization { id name parent_id }
                        resource_changes { field value_before_change value_after_change }
                    }
                }
            }",
        )
        .await;
    insta::assert_snapshot!("a_whole_answer", pretty(&answer));
}

/// Everything a client can ask of a page, for three events and two pages.
async fn a_whole_connection(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "west", VIEW).await;
    let events = json!([
        {
            "id": "evt-1", "organization_id": "portland", "acting_user_id": "ann", "type": "UPDATE",
            "resource_name": "APPOINTMENT", "resource_id": "543",
            "occurred_at": "2026-10-02T09:30:00.120-04:00",
            "before": {"pm_status": "Confirmed", "length": 30, "notes": null, "tags": []},
            "after": {"pm_status": "Rescheduled", "length": 45.0, "notes": "", "tags": ["a", 1]},
            "ip_address": "2001:DB8::0001", "user_agent": "Mozilla/5.0 (\u{1f3e5})",
            "url": "https://example.com/?a=1&b=%20", "page": "Calendar",
            "description": "Moved by \"phone\"\nand agreed", "request_id": "req-1",
            "metadata": {"b": [1.10, null], "a": {"x": true}},
        },
        {
            "organization_id": "west", "type": "DESTROY", "resource_name": "FORM_ANSWER_GROUP",
            "resource_id": "a/b c", "occurred_at": "2026-10-02T13:30:00.12Z",
            "before": {"answers": {"q.1": "yes", "q2": {"score": 7}}}, "metadata": {},
        },
        {
            "organization_id": "seattle", "acting_user_id": "ghost", "type": "CREATE",
            "resource_name": "CMS1500", "resource_id": "77", "occurred_at": "2026-10-02T13:30:00.119999Z",
        },
    ]);
    recorder.recorded(events).await;
    let query = "
        query($after: String) {
            auditLog(first: 2, after: $after, occurred_before: \"2026-10-03\") {
                edges { cursor node { ...Whole } }
                nodes { id sequence }
                page_info { start_cursor end_cursor has_next_page has_previous_page }
                total_count
            }
        }
        fragment Whole on AuditEvent {
            id sequence external_id type resource_name resource_id occurred_at recorded_at
            acting_user { id first_name last_name full_name email }
            organization { id name parent_id }
            resource_changes { field value_before_change value_after_change }
            ip_address user_agent url page description request_id metadata
        }";
    let first = viewer.data(query, json!({})).await;
    let end = &first["auditLog"]["page_info"]["end_cursor"];
    let second = viewer.data(query, json!({"after": end})).await;
    insta::assert_snapshot!("a_whole_connection", pretty(&json!([first, second])));
}

/// As an integrator of Healthie's API sends it, variables declared with Healthie's types.
async fn a_healthie_query_runs_unchanged(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    world.user("ann", "acme", VIEW).await;
    let key = world.secret_for("ann").await;
    let viewer = world
        .anonymous()
        .with("Authorization", &format!("Basic {key}"))
        .with("AuthorizationSource", "API")
        .with("Healthie-GraphQL-API-Version", "2026-01-01");
    let changes = json!({
        "acting_user_id": "ann", "occurred_at": "2026-01-02T00:00:00Z",
        "before": {"pm_status": "Confirmed"}, "after": {"pm_status": "Rescheduled"},
    });
    recorder.recorded(event_with("portland", "543", changes)).await;
    let query = "
        query auditLog(
            $acting_user_id: ID, $resource_name: AuditEventResourceName, $resource_id: ID,
            $event_type: AuditEventType, $occurred_after: ISO8601DateTime,
            $occurred_before: ISO8601DateTime, $order_by: AuditEventOrderKeys, $after: String,
            $before: String, $first: Int, $last: Int
        ) {
            auditLog(
                acting_user_id: $acting_user_id, resource_name: $resource_name,
                resource_id: $resource_id, event_type: $event_type,
                occurred_after: $occurred_after, occurred_before: $occurred_before,
                order_by: $order_by, after: $after, before: $before, first: $first, last: $last
            ) {
                edges { cursor node { resource_id } }
                nodes {
                    acting_user { id first_name last_name full_name email }
                    occurred_at resource_id resource_name type
                    resource_changes { field value_before_change value_after_change }
                }
                page_info { end_cursor has_next_page has_previous_page start_cursor }
                total_count
            }
        }";
    let variables = json!({
        "acting_user_id": "ann", "resource_name": "APPOINTMENT", "resource_id": "543",
        "event_type": "UPDATE", "occurred_after": "2026-01-01T00:00:00Z",
        "occurred_before": "2026-12-31T23:59:59Z", "order_by": "OCCURRED_AT_DESC", "first": 10,
    });
    let log = viewer.data(query, variables).await["auditLog"].take();
    let node = json!({
        "acting_user": {
            "id": "ann", "first_name": "Ann", "last_name": "Doe", "full_name": "Ann Doe",
            "email": "ann@example.com",
        },
        "occurred_at": "2026-01-02T00:00:00Z", "resource_id": "543",
        "resource_name": "APPOINTMENT", "type": "UPDATE",
        "resource_changes": [{
            "field": "pm_status", "value_before_change": "Confirmed",
            "value_after_change": "Rescheduled",
        }],
    });
    assert_eq!(log["nodes"], json!([node]));
    assert_eq!(log["edges"][0]["node"], json!({"resource_id": "543"}));
    assert_eq!(log["total_count"], 1);
    let cursor = &log["edges"][0]["cursor"];
    let page_info = json!({
        "end_cursor": cursor, "has_next_page": false, "has_previous_page": false,
        "start_cursor": cursor,
    });
    assert_eq!(log["page_info"], page_info);
}

/// To the letter, in the text of the answer: read as JSON, what is compared may be respelt.
async fn numbers_and_texts_come_back_as_they_were_given(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let metadata = r#"{"z":1.10,"a":-0.0,"big":123456789012345678901234567890,"e":1e400,"E":2.50E-3,"list":[0.1,1,{"b":1.0,"a":null}],"text":"\u00e9\n\"\\/"}"#;
    let event = format!(
        r#"{{"organization_id":"acme","type":"UPDATE","resource_name":"TASK","resource_id":"1",
            "before":{{"n":1.1,"same":1.10,"list":[1.10]}},
            "after":{{"n":1.10,"same":1.10,"list":[1.1],"big":123456789012345678901234567890}},
            "metadata":{metadata}}}"#
    );
    let sent = recorder.send(
        axum::http::Method::POST,
        "/v1/audit-events",
        Some("application/json"),
        event,
    );
    assert_eq!(sent.await.status, 200);
    let query = "{ auditLog(resource_name: TASK) { nodes {
        metadata resource_changes { field value_before_change value_after_change }
    } } }";
    let answer = viewer.graphql(query, json!({})).await;
    let expected = concat!(
        r#"{"data":{"auditLog":{"nodes":[{"#,
        r#""metadata":{"z":1.10,"a":-0.0,"big":123456789012345678901234567890,"e":1e400,"#,
        r#""E":2.50E-3,"list":[0.1,1,{"b":1.0,"a":null}],"text":"\u{e9}\n\"\\/"},"#,
        r#""resource_changes":["#,
        r#"{"field":"big","value_before_change":null,"#,
        r#""value_after_change":"123456789012345678901234567890"},"#,
        r#"{"field":"list","value_before_change":"[1.10]","value_after_change":"[1.1]"},"#,
        r#"{"field":"n","value_before_change":"1.1","value_after_change":"1.10"}"#,
        r#"]}]}}}"#,
    )
    .replace(r"\u{e9}", "\u{e9}");
    assert_eq!(answer.body, expected);
}

async fn the_users(viewer: &Client) -> Value {
    let query = "{ auditLog(resource_name: APPOINTMENT, order_by: SEQUENCE_ASC) {
        nodes { acting_user { id first_name last_name full_name email } }
    } }";
    viewer.query(query).await["auditLog"]["nodes"].take()
}

async fn a_user_nobody_told_the_server_about_has_an_id_and_no_name(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let by = |user: Value| event_with("acme", "1", json!({"acting_user_id": user}));
    let users = [json!("ann"), json!("ghost"), Value::Null, json!("ghost"), json!("\u{1f47b}")];
    recorder.recorded(users.map(by).into_iter().collect()).await;
    let ann = json!({
        "id": "ann", "first_name": "Ann", "last_name": "Doe", "full_name": "Ann Doe",
        "email": "ann@example.com",
    });
    let unknown = |id: &str| json!({"id": id, "first_name": null, "last_name": null, "full_name": null, "email": null});
    let users = [ann, unknown("ghost"), Value::Null, unknown("ghost"), unknown("\u{1f47b}")];
    let expected: Value = users.into_iter().map(|user| json!({"acting_user": user})).collect();
    assert_eq!(the_users(&viewer).await, expected);
}

async fn a_user_of_another_tenant_has_no_name_here(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    world.user("hank", "globex", OWN).await;
    recorder.recorded(event_with("acme", "1", json!({"acting_user_id": "hank"}))).await;
    let hank = json!({
        "id": "hank", "first_name": null, "last_name": null, "full_name": null, "email": null,
    });
    assert_eq!(the_users(&viewer).await, json!([{"acting_user": hank}]));
}

async fn an_organization_above_the_scope_is_not_named(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let events = ["acme", "west", "portland"].map(|place| event(place, place));
    recorder.recorded(Value::from(events.to_vec())).await;
    let query = "{ auditLog(resource_name: APPOINTMENT, order_by: SEQUENCE_ASC) {
        nodes { organization { id name parent_id } }
    } }";
    let whole = [
        json!({"id": "acme", "name": "Acme Health", "parent_id": null}),
        json!({"id": "west", "name": "Acme West", "parent_id": "acme"}),
        json!({"id": "portland", "name": "Portland Clinic", "parent_id": "west"}),
    ];
    for (user, place, visible) in [("a", "acme", 0), ("b", "west", 1), ("c", "portland", 2)] {
        let viewer = world.user(user, place, VIEW).await;
        let mut expected = whole[visible..].to_vec();
        expected[0]["parent_id"] = Value::Null;
        let seen = viewer.query(query).await;
        let seen: Vec<_> = seen["auditLog"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["organization"].clone())
            .collect();
        assert_eq!(seen, expected, "{place}");
    }
    // Narrowing tells no less and no more of what is above than the viewer may know.
    let viewer = world.user("d", "acme", VIEW).await;
    let narrowed = query.replace("APPOINTMENT,", "APPOINTMENT, organization_id: \"portland\",");
    let seen = viewer.query(&narrowed).await;
    assert_eq!(seen["auditLog"]["nodes"][0]["organization"], whole[2]);
}

const VIEWER: &str = "{ viewer {
    user { id first_name last_name full_name email }
    is_owner can_view_audit_log can_record
    organization_memberships {
        id user_id organization_id is_owner can_view_audit_log can_record
    }
    organizations { id name parent_id }
} }";

async fn the_viewer_is_told_who_they_are(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("vera", "west", VIEW).await;
    world.member("vera", "boston", OWN).await;
    world.member("vera", "east", RECORD).await;
    insta::assert_snapshot!("the_viewer", pretty(&viewer.query(VIEWER).await));
}

async fn a_viewer_without_rights_is_told_so(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("nora", "acme", NOTHING).await;
    let told = viewer.query(VIEWER).await["viewer"].take();
    assert_eq!(told["user"]["full_name"], "Nora Doe");
    for right in ["is_owner", "can_view_audit_log", "can_record"] {
        assert_eq!(told[right], false, "{right}");
        assert_eq!(told["organization_memberships"][0][right], false, "{right}");
    }
    assert_eq!(told["organizations"], json!([]));
}

/// The tree counts as it stands at the moment of asking.
async fn what_is_given_below_is_seen_at_once(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("vera", "west", VIEW).await;
    let recorder = world.recorder("acme").await;
    world.organization("salem", "Salem Clinic", Some("portland")).await;
    recorder.recorded(event("salem", "1")).await;
    let log =
        "{ auditLog(organization_id: \"salem\", resource_name: APPOINTMENT) { total_count } }";
    assert_eq!(viewer.query(log).await["auditLog"]["total_count"], 1);
    let told = viewer.query(VIEWER).await;
    let ids: Vec<_> = told["viewer"]["organizations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|organization| organization["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["west", "portland", "seattle", "salem"], "parents come before children");
}
