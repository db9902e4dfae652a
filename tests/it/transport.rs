//! GraphQL over HTTP: what is taken, what is refused, and what no answer may ever say.

use axum::http::{Method, StatusCode};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Answer, Client};
use crate::support::world::{May, NOTHING, World, event};

on_both!(
    a_query_by_get_is_answered_as_by_post,
    a_mutation_by_get_is_405_and_not_run,
    another_content_type_is_415,
    a_body_that_is_no_request_is_400,
    keys_beside_the_request_are_ignored,
    no_refusal_speaks_of_the_database,
    a_broken_database_is_an_internal_error_and_no_more,
);

const ALL: May = May { own: true, view: true, record: true, ..NOTHING };

async fn olga(on: On) -> (World, Client) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", ALL).await;
    (world, owner)
}

fn url(parameters: &[(&str, &str)]) -> String {
    let mut url = "/graphql?".to_owned();
    for (name, value) in parameters {
        let bytes = value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        url.push_str(&format!("{name}={bytes}&"));
    }
    url
}

async fn post(client: &Client, body: &str) -> Answer {
    client.send(Method::POST, "/graphql", Some("application/json"), body.to_owned()).await
}

fn code(answer: &Answer) -> Value {
    answer.json()["errors"][0]["extensions"]["code"].clone()
}

async fn count(client: &Client) -> Value {
    client.query("{ auditLog { total_count } }").await["auditLog"]["total_count"].take()
}

async fn a_query_by_get_is_answered_as_by_post(on: On) {
    let (_world, owner) = olga(on).await;
    owner.recorded(event("west", "caf\u{e9} & co")).await;
    let query = "query List($id: ID) { auditLog(resource_id: $id) { nodes { resource_id } } }
                 query Me { viewer { user { id } } }";
    let variables = json!({"id": "caf\u{e9} & co"}).to_string();
    for name in ["List", "Me"] {
        let get = owner
            .get(&url(&[("query", query), ("variables", &variables), ("operationName", name)]))
            .await;
        let body = json!({
            "query": query, "operationName": name, "variables": {"id": "caf\u{e9} & co"},
        });
        let by_post = post(&owner, &body.to_string()).await;
        assert_eq!(get.status, StatusCode::OK);
        assert_eq!(get.headers["content-type"], "application/json");
        assert_eq!(get.body, by_post.body);
        assert_eq!(get.json().get("errors"), None, "{}", get.body);
    }
    let found = owner.get(&url(&[("query", "{__typename}"), ("variables", "")])).await;
    assert_eq!(found.body, r#"{"data":{"__typename":"Query"}}"#);

    let no_requests = [
        vec![],
        vec![("variables", "{}")],
        vec![("query", "{__typename}"), ("variables", "[]")],
        vec![("query", "{__typename}"), ("variables", "{")],
        vec![("query", "{__typename}"), ("variables", "7")],
        vec![("query", "{__typename}"), ("query", "{__typename}")],
        vec![("query", "\u{0}")],
        vec![("query", "")],
        vec![("query", "{")],
    ];
    for parameters in no_requests {
        let answer = owner.get(&url(&parameters)).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT", "{parameters:?}: {}", answer.body);
    }
    let broken = owner.get("/graphql?query=%FF%FE").await;
    assert_eq!(code(&broken), "BAD_USER_INPUT", "{}", broken.body);
}

async fn a_mutation_by_get_is_405_and_not_run(on: On) {
    let (_world, owner) = olga(on).await;
    let before = count(&owner).await;
    let mutation = r#"createUser(input: {id: "x", organization_id: "acme"}) { user { id } }"#;
    let with_query = format!("query Ask {{ __typename }} mutation Do {{ {mutation} }}");
    let plain = format!("mutation {{ {mutation} }}");
    let fragmented = format!("mutation {{ ...All }} fragment All on Mutation {{ {mutation} }}");
    let mutations = [
        vec![("query", plain.as_str())],
        vec![("query", &fragmented)],
        vec![("query", &with_query), ("operationName", "Do")],
        vec![("query", "subscription { __typename }")],
    ];
    for parameters in mutations {
        let answer = owner.get(&url(&parameters)).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{parameters:?}");
        assert_eq!(answer.headers["allow"], "POST");
        assert_eq!(code(&answer), "BAD_USER_INPUT");
    }
    // Which one is meant must be clear, and what is a query goes on being one.
    let unclear = owner.get(&url(&[("query", &with_query)])).await;
    assert_eq!(code(&unclear), "BAD_USER_INPUT");
    let query = owner.get(&url(&[("query", &with_query), ("operationName", "Ask")])).await;
    assert_eq!(query.body, r#"{"data":{"__typename":"Query"}}"#);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let body = json!({"query": plain}).to_string();
        let answer = owner.send(method, "/graphql", Some("application/json"), body).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(count(&owner).await, before, "nothing was run");
}

async fn another_content_type_is_415(on: On) {
    let (_world, owner) = olga(on).await;
    let before = count(&owner).await;
    let mutation =
        r#"mutation { createUser(input: {id: "x", organization_id: "acme"}) { user { id } } }"#;
    let body = json!({"query": mutation}).to_string();
    let types = [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/graphql"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("text/plain; application/json"),
        Some("application/jsonp"),
        Some("application/json, text/plain"),
    ];
    for content_type in types {
        let answer = owner.send(Method::POST, "/graphql", content_type, body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type:?}");
        assert_eq!(code(&answer), "BAD_USER_INPUT", "{content_type:?}");
    }
    assert_eq!(count(&owner).await, before, "nothing was run");
    let query = json!({"query": "{__typename}"}).to_string();
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/json;"]
    {
        let answer = owner.send(Method::POST, "/graphql", Some(content_type), query.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{content_type}");
    }
}

async fn a_body_that_is_no_request_is_400(on: On) {
    let (_world, owner) = olga(on).await;
    let bodies = [
        "",
        " ",
        "{",
        "}",
        "{}",
        "null",
        "7",
        "\"{ __typename }\"",
        "{ __typename }",
        "{\"query\": \"{ __typename }\"",
        "{\"query\": \"{ __typename }\"} trailing",
        "{\"query\": null}",
        "{\"query\": 7}",
        "{\"query\": [\"{ __typename }\"]}",
        "{\"query\": \"{ __typename }\", \"query\": \"{ __typename }\"}",
        "{\"query\": \"{ __typename }\", \"variables\": []}",
        "{\"query\": \"{ __typename }\", \"variables\": \"{}\"}",
        "{\"query\": \"{ __typename }\", \"variables\": 7}",
        "{\"query\": \"{ __typename }\", \"operationName\": 7}",
        "{\"query\": \"{ __typename }\", \"variables\": {\"a\": \"\\u0000\"}}",
        "{\"query\": \"{ __typename }\", \"variables\": {\"a\": \"\\ud800\"}}",
        "{\"query\": \"{ __typename }\", \"variables\": {\"a\": 1, \"a\": 2}}",
        "{\"operationName\": \"A\"}",
        // Batches.
        "[]",
        "[{\"query\": \"{ __typename }\"}]",
        "[{\"query\": \"{ __typename }\"}, {\"query\": \"{ __typename }\"}]",
    ];
    for body in bodies {
        let answer = post(&owner, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.body);
        assert_eq!(code(&answer), "BAD_USER_INPUT", "{body}");
        assert_eq!(answer.json().get("data").unwrap_or(&Value::Null), &Value::Null, "{body}");
    }
    let not_utf8 = [b"{\"query\": \"".as_slice(), &[0xff, 0xfe], b"\"}"].concat();
    let answer = owner.send(Method::POST, "/graphql", Some("application/json"), not_utf8).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

async fn keys_beside_the_request_are_ignored(on: On) {
    let (_world, owner) = olga(on).await;
    let bodies = [
        json!({"query": "{__typename}", "extensions": {"persistedQuery": {}}, "id": 1}),
        json!({"query": "{__typename}", "variables": null, "operationName": null}),
        json!({"query": "query Q {__typename}", "variables": {"unused": 1}, "operationName": "Q"}),
    ];
    for body in bodies {
        let answer = post(&owner, &body.to_string()).await;
        assert_eq!(answer.body, r#"{"data":{"__typename":"Query"}}"#, "{body}");
    }
}

/// What would tell of the database, of files or of the code; the words our own messages use of the
/// API apart.
fn assert_says_nothing(answer: &Answer, context: &str) {
    let mut text = answer.body.clone();
    for ours in ["application/json", "application/x-ndjson", "(an event or a list)", "/graphql"] {
        text = text.replace(ours, "");
    }
    let lower = text.to_lowercase();
    let telling = [
        "sqlx",
        "sqlite",
        "postgres",
        "sea_orm",
        "select ",
        "insert ",
        "update ",
        "audit_events",
        "constraint",
        "panicked",
        "src",
        "backtrace",
        ".rs",
        "/",
    ];
    for word in telling {
        assert!(!lower.contains(word), "{context}: {word:?} is in {text}");
    }
}

async fn no_refusal_speaks_of_the_database(on: On) {
    let (_world, owner) = olga(on).await;
    let bad = "\\u0000'; DROP TABLE users --";
    let ids = [bad, "", "' OR 1=1", "\\\\", "%", "${jndi}", "\\ud83c\\udfe5"];
    for id in ids {
        let documents = [
            format!(r#"{{ auditLog(acting_user_id: "{id}") {{ total_count nodes {{ id }} }} }}"#),
            format!(r#"{{ auditLog(acting_user_ids: ["{id}", "a"]) {{ total_count }} }}"#),
            format!(r#"{{ auditLog(resource_id: "{id}") {{ total_count }} }}"#),
            format!(r#"{{ auditLog(changed_field: "{id}") {{ total_count }} }}"#),
            format!(r#"{{ auditLog(organization_id: "{id}") {{ total_count }} }}"#),
            format!(r#"{{ auditLog(after: "{id}") {{ total_count }} }}"#),
            format!(r#"{{ auditLog(occurred_after: "{id}") {{ total_count }} }}"#),
            format!(r#"{{ auditEvent(id: "{id}") {{ id }} }}"#),
            format!(r#"{{ auditEvent(external_id: "{id}") {{ id }} }}"#),
            format!(
                r#"mutation {{ createUser(input: {{id: "{id}", organization_id: "{id}"}}) {{ messages {{ message }} }} }}"#
            ),
            format!(
                r#"mutation {{ createOrganization(input: {{id: "olga", name: "{id}", parent_id: "{id}"}}) {{ messages {{ message }} }} }}"#
            ),
            format!(
                r#"mutation {{ deleteApiKey(input: {{id: "{id}"}}) {{ messages {{ message }} }} }}"#
            ),
            format!(
                r#"mutation {{ createApiKey(input: {{user_id: "{id}", name: "{id}"}}) {{ messages {{ message }} }} }}"#
            ),
            format!(
                r#"mutation {{ updateOrganizationMembership(input: {{id: "{id}", is_owner: true}}) {{ messages {{ message }} }} }}"#
            ),
        ];
        for document in documents {
            let answer = owner.graphql(&document, json!({})).await;
            assert_ne!(code(&answer), "INTERNAL_SERVER_ERROR", "{document}");
            assert_says_nothing(&answer, &document);
        }
    }
    // An id that is taken, by an organization and by a user.
    for id in ["acme", "olga"] {
        let document = format!(
            r#"mutation {{
                createOrganization(input: {{id: "{id}", name: "N", parent_id: "acme"}}) {{ messages {{ message }} }}
                createUser(input: {{id: "{id}", organization_id: "acme"}}) {{ messages {{ message }} }}
            }}"#
        );
        let answer = owner.graphql(&document, json!({})).await;
        assert_ne!(code(&answer), "INTERNAL_SERVER_ERROR", "{}", answer.body);
        assert_says_nothing(&answer, &document);
    }
    for body in ["", "{", "[", "{\"query\": \"{ nope }\"}", "{\"query\": \"{\"}", "\u{1f3e5}"] {
        assert_says_nothing(&post(&owner, body).await, body);
    }
}

async fn a_broken_database_is_an_internal_error_and_no_more(on: On) {
    let (world, owner) = olga(on).await;
    let id = "auditEvent(external_id: \"x\")";
    let database = sea_orm::Database::connect(&world.database.url).await.unwrap();
    database.execute_unprepared("DROP TABLE audit_events").await.unwrap();
    database.execute_unprepared("DROP TABLE idempotency_records").await.unwrap();
    database.close().await.unwrap();
    let documents = [
        "{ auditLog { nodes { id } } }".to_owned(),
        "{ auditLog { total_count } viewer { user { id } } }".to_owned(),
        format!("{{ {id} {{ id }} }}"),
        r#"mutation { createUser(input: {id: "x", organization_id: "acme"}) { user { id } } }"#
            .to_owned(),
        r#"mutation { recordAuditEvents(input: {events: [{organization_id: "acme", type: CREATE,
            resource_name: TASK, resource_id: "1"}]}) { recorded } }"#
            .to_owned(),
    ];
    let mut answers = vec![owner.record(event("acme", "1")).await];
    assert_eq!(answers[0].status, StatusCode::INTERNAL_SERVER_ERROR);
    for document in documents {
        answers.push(owner.graphql(&document, json!({})).await);
    }
    for answer in answers {
        let error = answer.json()["errors"][0].take();
        let code = error.get("code").unwrap_or(&error["extensions"]["code"]);
        assert_eq!(*code, "INTERNAL_SERVER_ERROR", "{}", answer.body);
        assert_eq!(
            error["message"],
            "the server could not do this; its log says why, try again later"
        );
        assert_says_nothing(&answer, "a broken database");
    }
    // What does not need what is broken goes on.
    let viewer = owner.query("{ viewer { user { id } } }").await;
    assert_eq!(viewer, json!({"viewer": {"user": {"id": "olga"}}}));
}
