//! Who sees how much: one's own actions alone, and the whole history of one record.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::world::{May, NOTHING, RECORD, VIEW, World, event, event_with};

on_both!(
    a_view_of_ones_own_actions_shows_no_others,
    the_history_of_a_record_is_for_whoever_may_see_it,
    a_membership_says_how_much_it_shows,
);

const HISTORY: &str = "query($id: ID!) {
    resourceHistory(resource_name: APPOINTMENT, resource_id: $id) {
        total_count nodes { acting_user { id } organization { id } }
    }
}";

async fn actors(client: &Client, query: &str, field: &str, id: &str) -> Vec<String> {
    let log = client.data(query, json!({"id": id})).await;
    let nodes = log[field]["nodes"].as_array().unwrap();
    assert_eq!(log[field]["total_count"], nodes.len());
    let actor = |node: &Value| {
        let user = node["acting_user"]["id"].as_str().unwrap_or("nobody");
        format!("{user} in {}", node["organization"]["id"].as_str().unwrap())
    };
    let mut actors: Vec<String> = nodes.iter().map(actor).collect();
    actors.sort();
    actors
}

/// Vera and somebody else and nobody act on record 1 in every organization of acme.
async fn acted(world: &World) {
    let recorder = world.recorder("acme").await;
    for organization in ["acme", "west", "portland", "boston"] {
        for user in [json!("vera"), json!("walt"), Value::Null] {
            let event = event_with(organization, "1", json!({"acting_user_id": user}));
            recorder.recorded(event).await;
        }
    }
    recorder.recorded(event("west", "2")).await;
}

const LOG: &str = "query($id: ID) { auditLog(resource_id: $id, resource_name: APPOINTMENT) {
    total_count nodes { acting_user { id } organization { id } }
} }";

async fn a_view_of_ones_own_actions_shows_no_others(on: On) {
    let world = World::new(on).await;
    acted(&world).await;
    let own = May { only_own_actions: true, ..VIEW };
    let vera = world.user("vera", "west", own).await;
    let her_own = ["vera in portland", "vera in west"];
    assert_eq!(actors(&vera, LOG, "auditLog", "1").await, her_own);
    assert_eq!(actors(&vera, HISTORY, "resourceHistory", "1").await, her_own);

    // Not by its id either.
    let recorder = world.key_for("acme-recorder").await;
    let theirs = json!({"id": "theirs", "acting_user_id": "walt"});
    let hers = json!({"id": "hers", "acting_user_id": "vera"});
    recorder.recorded(event_with("west", "3", theirs)).await;
    recorder.recorded(event_with("west", "3", hers)).await;
    let one = "query($id: ID) { auditEvent(external_id: $id) { resource_id } }";
    let none = vera.data(one, json!({"id": "theirs"})).await;
    assert_eq!(none, json!({"auditEvent": null}));
    let seen = vera.data(one, json!({"id": "hers"})).await;
    assert_eq!(seen["auditEvent"]["resource_id"], "3");

    // A membership below that shows everybody's adds to it.
    world.member("vera", "portland", VIEW).await;
    let with_portland =
        ["nobody in portland", "vera in portland", "vera in west", "walt in portland"];
    assert_eq!(actors(&vera, LOG, "auditLog", "1").await, with_portland);
}

async fn the_history_of_a_record_is_for_whoever_may_see_it(on: On) {
    let world = World::new(on).await;
    acted(&world).await;
    let may = May { history: true, ..NOTHING };
    let hugo = world.user("hugo", "west", may).await;
    let everybodys = [
        "nobody in portland",
        "nobody in west",
        "vera in portland",
        "vera in west",
        "walt in portland",
        "walt in west",
    ];
    assert_eq!(actors(&hugo, HISTORY, "resourceHistory", "1").await, everybodys);
    assert_eq!(hugo.error_code(LOG, json!({})).await, "FORBIDDEN");
    assert_eq!(
        hugo.error_code("{ auditEvent(external_id: \"1\") { id } }", json!({})).await,
        "FORBIDDEN"
    );

    // Whose view is of their own actions may still see the whole of one record, if given that.
    let may = May { history: true, only_own_actions: true, ..VIEW };
    let vera = world.user("vera", "west", may).await;
    assert_eq!(actors(&vera, HISTORY, "resourceHistory", "1").await, everybodys);
    assert_eq!(actors(&vera, LOG, "auditLog", "1").await, ["vera in portland", "vera in west"]);

    let recorder = world.user("rob", "west", RECORD).await;
    assert_eq!(recorder.error_code(HISTORY, json!({"id": "1"})).await, "FORBIDDEN");
    for (arguments, problem) in [
        (
            "resource_name: CUSTOM, resource_id: \"1\"",
            "custom_resource is missing: resource_name is CUSTOM",
        ),
        (
            "resource_name: TASK, custom_resource: \"x\", resource_id: \"1\"",
            "custom_resource is given only with resource_name CUSTOM",
        ),
        ("resource_name: TASK, resource_id: \"\"", "resource_id must not be empty"),
    ] {
        let query = format!("{{ resourceHistory({arguments}) {{ total_count }} }}");
        let answer = hugo.graphql(&query, json!({})).await.json();
        assert_eq!(answer["errors"][0]["message"], problem);
    }
}

async fn a_membership_says_how_much_it_shows(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", May { own: true, ..NOTHING }).await;
    let made = owner
        .query(
            "mutation { createUser(input: {
                id: \"una\", organization_id: \"west\", can_view_audit_log: true, view: OWN,
                can_view_resource_history: true, can_add_notes: true
            }) { organization_membership {
                id view can_view_sensitive_values can_view_resource_history can_add_notes
            } messages { message } } }",
        )
        .await;
    let membership = &made["createUser"]["organization_membership"];
    let changed = owner
        .data(
            "mutation($id: ID!) { updateOrganizationMembership(input: {
                id: $id, view: ALL, can_view_sensitive_values: true, can_add_notes: false
            }) { organization_membership {
                view can_view_sensitive_values can_view_resource_history can_add_notes
            } } }",
            json!({"id": membership["id"]}),
        )
        .await;
    let log = owner
        .query(
            "{ auditLog(resource_name: ORGANIZATION_MEMBERSHIP, event_type: UPDATE) { nodes {
                resource_changes { field value_before_change value_after_change }
            } } }",
        )
        .await;
    let mut made = made.clone();
    made["createUser"]["organization_membership"]["id"].take();
    assert_snapshot!("how_much_a_membership_shows", pretty(&json!([made, changed, log])));
}
