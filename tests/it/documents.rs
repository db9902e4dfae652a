//! What a document may say, beyond the one query in it.

use axum::http::Method;
use serde_json::json;

use crate::support::On;
use crate::support::world::{NOTHING, OWN, VIEW, World};

on_both!(
    fields_come_in_the_order_in_which_they_are_selected,
    a_variable_that_is_not_set_has_its_default_in_directives_too,
    a_root_field_that_fails_is_null_and_the_others_answer,
    no_mutation_is_executed_by_get_however_it_is_written,
    a_document_that_was_sent_before_is_held_to_what_comes_with_it_now,
);

async fn fields_come_in_the_order_in_which_they_are_selected(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let query = "
        query Named { b: viewer { can_record is_owner } ...Log ... { c: viewer { is_owner } } a: __typename }
        fragment Log on Query { auditLog(first: 1) { total_count page_info { has_previous_page has_next_page } nodes { type } } }";
    for _ in 0..5 {
        let answer = viewer.graphql(query, json!({})).await;
        assert_eq!(
            answer.body,
            r#"{"data":{"b":{"can_record":false,"is_owner":false},"auditLog":{"total_count":9,"page_info":{"has_previous_page":false,"has_next_page":true},"nodes":[{"type":"CREATE"}]},"c":{"is_owner":false},"a":"Query"}}"#
        );
    }
}

async fn a_variable_that_is_not_set_has_its_default_in_directives_too(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let query = "query ($with: Boolean! = true, $without: Boolean! = true) {
        viewer { is_owner can_record @include(if: $with) can_view_audit_log @skip(if: $without) }
    }";
    let by_default = viewer.data(query, json!({})).await;
    assert_eq!(by_default, json!({"viewer": {"is_owner": false, "can_record": false}}));
    let set = viewer.data(query, json!({"with": false, "without": false})).await;
    assert_eq!(set, json!({"viewer": {"is_owner": false, "can_view_audit_log": true}}));
}

async fn a_root_field_that_fails_is_null_and_the_others_answer(on: On) {
    let world = World::new(on).await;
    let member = world.user("bob", "acme", NOTHING).await;
    let answer = member.graphql("{ log: auditLog { total_count } viewer { is_owner } }", json!({}));
    let answer = answer.await.json();
    assert_eq!(answer["data"], json!({"log": null, "viewer": {"is_owner": false}}));
    assert_eq!(answer["errors"][0]["path"], json!(["log"]));
}

async fn no_mutation_is_executed_by_get_however_it_is_written(on: On) {
    let world = World::new(on).await;
    let owner = world.user("ann", "acme", OWN).await;
    let create = r#"createOrganization(input: {id: "made", name: "Made", parent_id: "acme"}) { messages { message } }"#;
    for (document, operation) in [
        (format!("mutation {{ {create} }}"), ""),
        (format!("mutation M {{ {create} }}"), ""),
        (format!("mutation M {{ {create} }}"), "&operationName=M"),
        (format!("query Q {{ __typename }} mutation M {{ {create} }}"), "&operationName=M"),
        (format!("# a comment\n,,mutation M {{ ...F }} fragment F on Mutation {{ {create} }}"), ""),
    ] {
        let document: String = form_urlencoded(&document);
        let answer = owner.get(&format!("/graphql?query={document}{operation}")).await;
        assert_eq!(answer.status, 405, "{}", answer.body);
        assert_eq!(answer.headers["allow"], "POST");
    }
    let made = "{ viewer { organizations { id } } }";
    assert!(!owner.query(made).await.to_string().contains("made"));
}

fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Its text is known already; its variables, the operation that is meant and who sends it are not.
async fn a_document_that_was_sent_before_is_held_to_what_comes_with_it_now(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let nobody = world.user("bob", "acme", NOTHING).await;
    let fields = "id url page description resource_changes { field value_after_change }";
    let logs = (0..20).map(|n| format!("a{n}: auditLog(first: $n) {{ nodes {{ {fields} }} }}"));
    let logs = format!("query($n: Int!) {{ {} }}", logs.collect::<Vec<_>>().join(" "));
    for _ in 0..2 {
        let few = viewer.data(&logs, json!({"n": 2})).await;
        assert_eq!(few["a19"]["nodes"].as_array().unwrap().len(), 2);
        assert_eq!(viewer.error_code(&logs, json!({"n": 1_000})).await, "BAD_USER_INPUT");
        assert_eq!(viewer.error_code(&logs, json!({})).await, "BAD_USER_INPUT");
        assert_eq!(nobody.error_code(&logs, json!({"n": 2})).await, "FORBIDDEN");
    }
    let two = "query A { viewer { user { id } } } query B { viewer { is_owner } }";
    for (name, expected) in
        [("A", json!({"user": {"id": "ann"}})), ("B", json!({"is_owner": false}))]
    {
        let body = json!({"query": two, "operationName": name}).to_string();
        let answer = viewer.send(Method::POST, "/graphql", Some("application/json"), body).await;
        assert_eq!(answer.json()["data"]["viewer"], expected);
    }
    // Many others in between.
    for n in 0..600 {
        viewer.query(&format!("{{ v{n}: viewer {{ is_owner }} }}")).await;
    }
    assert_eq!(
        viewer.data(&logs, json!({"n": 1})).await["a0"]["nodes"].as_array().unwrap().len(),
        1
    );
}
