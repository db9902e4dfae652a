//! Whatever way a field is selected (under another name, by a fragment, twice), it is answered. The
//! server looks ahead at what is selected and reads no more; here it must not overlook anything.

use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::world::{RECORD, VIEW, World, event_with};

on_both!(
    every_way_of_selecting_is_seen,
    one_event_may_be_selected_in_every_way,
    what_is_skipped_is_left_out_and_what_is_included_is_answered,
    a_document_of_several_operations_runs_the_named_one,
    several_lists_in_one_request_do_not_mix,
    fields_come_in_the_order_they_were_asked_for,
    a_field_that_fails_is_null_and_the_others_are_answered,
);

/// The four fields that need more than the event's own row, or work.
fn parts() -> [Value; 4] {
    [
        json!({"full_name": "Ann Doe"}),
        json!({"name": "Portland Clinic"}),
        json!([{"field": "status"}]),
        json!({"shift": "night"}),
    ]
}

const PARTS: [&str; 4] = ["acting_user", "organization", "resource_changes", "metadata"];

/// A log with one event that has all of them.
async fn one_event(on: On) -> (World, Client) {
    let world = World::new(on).await;
    world.user("ann", "portland", VIEW).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let more = json!({
        "id": "evt-1", "acting_user_id": "ann", "before": {"status": "a"}, "after": {"status": "b"},
        "metadata": {"shift": "night"},
    });
    recorder.recorded(event_with("portland", "1", more)).await;
    (world, viewer)
}

/// Documents, and where in their answers the four parts are; the names that stand for them are put
/// in for `LOG`, `WHO`, `WHERE`, `CHANGES` and `META`.
const DOCUMENTS: [(&str, [&str; 4]); 17] = [
    ("{ LOG { nodes { WHO WHERE CHANGES META } } }", NODE),
    ("{ LOG { edges { node { WHO WHERE CHANGES META } } } }", EDGE),
    // Each in one of the two lists only.
    (
        "{ LOG { nodes { WHO CHANGES } edges { node { WHERE META } } } }",
        [NODE[0], EDGE[1], NODE[2], EDGE[3]],
    ),
    (
        "{ LOG { edges { cursor node { CHANGES WHO } } nodes { META WHERE id } } }",
        [EDGE[0], NODE[1], EDGE[2], NODE[3]],
    ),
    // Fragments: on the event, on the list, on the root, nested, without a type.
    ("{ LOG { nodes { ...E } } } fragment E on AuditEvent { WHO WHERE CHANGES META }", NODE),
    (
        "{ LOG { nodes { id ...A } } }
         fragment A on AuditEvent { WHO ...B } fragment B on AuditEvent { WHERE ...C }
         fragment C on AuditEvent { CHANGES META }",
        NODE,
    ),
    (
        "{ LOG { ...L } }
         fragment L on AuditEventPaginationConnection { nodes { ...E } edges { ...G } }
         fragment G on AuditEventEdge { node { META } }
         fragment E on AuditEvent { WHO WHERE CHANGES }",
        [NODE[0], NODE[1], NODE[2], EDGE[3]],
    ),
    (
        "query { ...Q } fragment Q on Query { LOG { ...L } }
         fragment L on AuditEventPaginationConnection { edges { node { ...E } } }
         fragment E on AuditEvent { WHO WHERE CHANGES META }",
        EDGE,
    ),
    (
        "{ ... on Query { LOG { ... { nodes { ... on AuditEvent { WHO ... { WHERE } } } }
         ... on AuditEventPaginationConnection { nodes { CHANGES ... { ... { META } } } } } } }",
        NODE,
    ),
    // The same key more than once: what is selected of it adds up.
    ("{ LOG { nodes { WHO } nodes { WHERE } nodes { CHANGES } nodes { META } } }", NODE),
    ("{ LOG { nodes { WHO WHERE } } LOG { nodes { CHANGES META } } }", NODE),
    ("{ LOG { edges { node { WHO } node { WHERE } } edges { node { CHANGES META } } } }", EDGE),
    (
        "{ LOG { nodes { id } ...A ...B } }
         fragment A on AuditEventPaginationConnection { nodes { WHO WHERE } }
         fragment B on AuditEventPaginationConnection { nodes { CHANGES META } }",
        NODE,
    ),
    // Under other names.
    (
        "{ LOG { mine: nodes { WHO META } yours: nodes { WHERE CHANGES } } }",
        [
            "mine/0/acting_user",
            "yours/0/organization",
            "yours/0/resource_changes",
            "mine/0/metadata",
        ],
    ),
    (
        "{ LOG { list: edges { it: node { a: WHO b: WHERE c: CHANGES d: META } } } }",
        ["list/0/it/a", "list/0/it/b", "list/0/it/c", "list/0/it/d"],
    ),
    (
        "{ LOG { nodes { acting_user: id organization: sequence who: WHO where: WHERE c: CHANGES META } } }",
        ["nodes/0/who", "nodes/0/where", "nodes/0/c", "nodes/0/metadata"],
    ),
    (
        "{ LOG { nodes { __typename ...E @include(if: true) ... @skip(if: false) { META } } } }
         fragment E on AuditEvent {
            acting_user @skip(if: false) { full_name } WHERE CHANGES
         }",
        NODE,
    ),
];

const NODE: [&str; 4] =
    ["nodes/0/acting_user", "nodes/0/organization", "nodes/0/resource_changes", "nodes/0/metadata"];
const EDGE: [&str; 4] = [
    "edges/0/node/acting_user",
    "edges/0/node/organization",
    "edges/0/node/resource_changes",
    "edges/0/node/metadata",
];

fn written_out(document: &str) -> String {
    document
        .replace("LOG", "auditLog(resource_name: APPOINTMENT)")
        .replace("WHO", "acting_user { full_name }")
        .replace("WHERE", "organization { name }")
        .replace("CHANGES", "resource_changes { field }")
        .replace("META", "metadata")
}

async fn every_way_of_selecting_is_seen(on: On) {
    let (_world, viewer) = one_event(on).await;
    for (document, places) in DOCUMENTS {
        let answer = viewer.query(&written_out(document)).await;
        for (place, expected) in places.iter().zip(parts()) {
            let found = answer.pointer(&format!("/auditLog/{place}"));
            assert_eq!(found, Some(&expected), "{place} of {document}: {answer}");
        }
    }
}

async fn one_event_may_be_selected_in_every_way(on: On) {
    let (_world, viewer) = one_event(on).await;
    let documents = [
        "{ EVENT { WHO WHERE CHANGES META } }",
        "{ EVENT { ...A } } fragment A on AuditEvent { WHO ...B ... { META } }
         fragment B on AuditEvent { WHERE CHANGES }",
        "query { ...Q } fragment Q on Query { EVENT { WHO } EVENT { WHERE CHANGES META } }",
        "{ EVENT { ... @include(if: true) { WHO WHERE } ... on AuditEvent { CHANGES META } } }",
    ];
    for document in documents {
        let document = document.replace("EVENT", r#"auditEvent(external_id: "evt-1")"#);
        let event = viewer.query(&written_out(&document)).await["auditEvent"].take();
        for (part, expected) in PARTS.iter().zip(parts()) {
            assert_eq!(event[part], expected, "{part} of {document}");
        }
    }
    // Each alone, so that none hangs on another.
    for (part, (expected, selection)) in
        PARTS.iter().zip(parts().iter().zip(["WHO", "WHERE", "CHANGES", "META"]))
    {
        let document = format!(r#"{{ auditEvent(external_id: "evt-1") {{ {selection} }} }}"#);
        let expected = json!({"auditEvent": {*part: expected}});
        assert_eq!(viewer.query(&written_out(&document)).await, expected);
    }
}

async fn what_is_skipped_is_left_out_and_what_is_included_is_answered(on: On) {
    let (_world, viewer) = one_event(on).await;
    let query = written_out(
        "query($yes: Boolean!, $no: Boolean = false) { LOG {
            nodes {
                resource_id
                acting_user @include(if: $yes) { full_name }
                organization @skip(if: $yes) { name }
                ...E @include(if: $no)
                ... @skip(if: $no) { META }
            }
            edges @include(if: $no) { node { WHERE } }
            total_count @include(if: $yes)
        } }
        fragment E on AuditEvent { CHANGES }",
    );
    let [who, place, changes, metadata] = parts();

    let answer = viewer.data(&query, json!({"yes": true})).await;
    let node = json!({"resource_id": "1", "acting_user": who, "metadata": metadata});
    assert_eq!(answer["auditLog"], json!({"nodes": [node], "total_count": 1}));

    let answer = viewer.data(&query, json!({"yes": false, "no": true})).await;
    let node = json!({"resource_id": "1", "organization": place, "resource_changes": changes});
    let edge = json!({"node": {"organization": place}});
    assert_eq!(answer["auditLog"], json!({"nodes": [node], "edges": [edge]}));
}

async fn a_document_of_several_operations_runs_the_named_one(on: On) {
    let (_world, viewer) = one_event(on).await;
    let document = written_out(
        "query Who { LOG { nodes { ...A } } } query Where { LOG { nodes { ...B } } }
         fragment A on AuditEvent { WHO } fragment B on AuditEvent { WHERE META }",
    );
    let send = |name: Value| {
        let body = json!({"query": document, "operationName": name}).to_string();
        viewer.send(axum::http::Method::POST, "/graphql", Some("application/json"), body)
    };
    let [who, place, _, metadata] = parts();
    let answer = send(json!("Who")).await.json();
    assert_eq!(answer["data"]["auditLog"]["nodes"], json!([{"acting_user": who}]));
    let answer = send(json!("Where")).await.json();
    let node = json!({"organization": place, "metadata": metadata});
    assert_eq!(answer["data"]["auditLog"]["nodes"], json!([node]));
    for unclear in [json!("Neither"), json!(""), Value::Null] {
        let answer = send(unclear.clone()).await.json();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{unclear}");
    }
}

async fn several_lists_in_one_request_do_not_mix(on: On) {
    let (world, viewer) = one_event(on).await;
    let recorder = world.user("second-recorder", "acme", RECORD).await;
    recorder.recorded(event_with("boston", "2", json!({"resource_name": "TASK"}))).await;
    let query = written_out(
        "{
            LOG { total_count nodes { resource_id WHO } }
            tasks: auditLog(resource_name: TASK) { total_count nodes { resource_id WHERE META WHO } }
            none: auditLog(resource_name: GOAL) { total_count nodes { resource_id WHO } }
            evt: auditEvent(external_id: \"evt-1\") { META }
            viewer { user { full_name } }
        }",
    );
    let expected = json!({
        "auditLog": {
            "total_count": 1,
            "nodes": [{"resource_id": "1", "acting_user": {"full_name": "Ann Doe"}}],
        },
        "tasks": {
            "total_count": 1,
            "nodes": [{
                "resource_id": "2", "organization": {"name": "Boston Clinic"}, "metadata": null,
                "acting_user": null,
            }],
        },
        "none": {"total_count": 0, "nodes": []},
        "evt": {"metadata": {"shift": "night"}},
        "viewer": {"user": {"full_name": "Vera Doe"}},
    });
    assert_eq!(viewer.query(&query).await, expected);
}

/// The specification of GraphQL asks for it (Serialized Map Ordering), and people read answers.
async fn fields_come_in_the_order_they_were_asked_for(on: On) {
    let (_world, viewer) = one_event(on).await;
    let query = written_out(
        "{
            LOG {
                total_count
                page_info { has_previous_page has_next_page }
                ...L
                edges { node { META resource_id } }
            }
            viewer { organization_memberships { is_owner } user { id } }
            before: auditLog(resource_name: APPOINTMENT, last: 1) { nodes { id: resource_id } total_count }
            __typename
        }
        fragment L on AuditEventPaginationConnection {
            nodes { WHERE resource_id type WHO } total_count edges { node { CHANGES } }
        }",
    );
    let expected = concat!(
        r#"{"data":{"auditLog":{"total_count":1,"#,
        r#""page_info":{"has_previous_page":false,"has_next_page":false},"#,
        r#""nodes":[{"organization":{"name":"Portland Clinic"},"resource_id":"1","type":"UPDATE","#,
        r#""acting_user":{"full_name":"Ann Doe"}}],"#,
        r#""edges":[{"node":{"resource_changes":[{"field":"status"}],"#,
        r#""metadata":{"shift":"night"},"resource_id":"1"}}]},"#,
        r#""viewer":{"organization_memberships":[{"is_owner":false}],"user":{"id":"vera"}},"#,
        r#""before":{"nodes":[{"id":"1"}],"total_count":1},"__typename":"Query"}}"#,
    );
    for _ in 0..20 {
        assert_eq!(viewer.graphql(&query, json!({})).await.body, expected);
    }
}

/// As the specification has it (Handling Execution Errors).
async fn a_field_that_fails_is_null_and_the_others_are_answered(on: On) {
    let (_world, viewer) = one_event(on).await;
    let query = "{
        bad: auditLog(first: 0) { nodes { id } }
        good: auditLog(first: 1) { total_count }
        viewer { user { id } }
        gone: auditLog(organization_id: \"missing\") { nodes { id } }
    }";
    let answer = viewer.graphql(query, json!({})).await;
    let answer = answer.json();
    let good = answer["data"]["good"]["total_count"].as_i64().unwrap();
    let data = json!({
        "bad": null, "good": {"total_count": good}, "viewer": {"user": {"id": "vera"}}, "gone": null,
    });
    assert_eq!(answer["data"], data);
    let errors = answer["errors"].as_array().unwrap();
    let mut met: Vec<_> =
        errors.iter().map(|e| json!([e["path"], e["extensions"]["code"]]).to_string()).collect();
    met.sort_unstable();
    assert_eq!(met, [r#"[["bad"],"BAD_USER_INPUT"]"#, r#"[["gone"],"NOT_FOUND"]"#]);

    let answer = viewer.graphql("{ auditLog(last: 0) { nodes { id } } }", json!({})).await.json();
    assert_eq!(answer["data"], json!({"auditLog": null}));
    // A document that cannot run at all has no data.
    let answer = viewer.graphql("{ auditLog(last: 0) { nodes { nope } } }", json!({})).await.json();
    assert_eq!(answer.get("data").unwrap_or(&Value::Null), &Value::Null);
}
