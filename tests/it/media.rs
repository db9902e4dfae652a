//! What GraphQL is answered as, and with which status, by what the client accepts.

use axum::http::{Method, StatusCode};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::world::{OWN, World};

on_both!(
    the_media_type_is_the_one_that_is_accepted,
    the_status_says_as_much_as_the_media_type_allows,
    a_variable_that_must_be_given_must_be_given,
);

const JSON: &str = "application/json";
const RESPONSE: &str = "application/graphql-response+json";
const RESPONSE_ANSWERED: &str = "application/graphql-response+json; charset=utf-8";

async fn post(client: &Client, accept: &[&str], body: &str) -> crate::support::client::Answer {
    let client = accept.iter().fold(client.clone(), |client, accept| client.with("accept", accept));
    client.send(Method::POST, "/graphql", Some(JSON), body.to_owned()).await
}

async fn the_media_type_is_the_one_that_is_accepted(on: On) {
    let world = World::new(on).await;
    let client = world.user("ann", "acme", OWN).await;
    let query = r#"{"query":"{__typename}"}"#;
    let taken: [(&[&str], &str); 18] = [
        (&[], JSON),
        (&["*/*"], JSON),
        (&["application/*"], JSON),
        (&[JSON], JSON),
        (&["Application/JSON; Charset=UTF-8"], JSON),
        (&["application/json;charset=\"utf-8\""], JSON),
        (&[RESPONSE], RESPONSE_ANSWERED),
        (&["application/graphql-response+json; charset=utf-8"], RESPONSE_ANSWERED),
        (&["application/graphql-response+json, application/json"], RESPONSE_ANSWERED),
        (&["application/json, application/graphql-response+json"], RESPONSE_ANSWERED),
        (&[JSON, RESPONSE], RESPONSE_ANSWERED),
        (&["application/graphql-response+json, application/json;q=0.9"], RESPONSE_ANSWERED),
        (&["application/graphql-response+json;q=0.5, application/json"], JSON),
        (&["text/html, */*;q=0.1"], JSON),
        (&["application/json, multipart/mixed"], JSON),
        (&["application/graphql-response+json;q=0, */*"], JSON),
        (&["application/json;q=nonsense"], JSON),
        (&["text/plain, application/json;q=0.001"], JSON),
    ];
    for (accept, expected) in taken {
        let answer = post(&client, accept, query).await;
        assert_eq!(answer.status, StatusCode::OK, "{accept:?}");
        assert_eq!(answer.headers["content-type"], expected, "{accept:?}");
    }
    for accept in [
        "text/html",
        "application/json;q=0",
        "application/json;charset=iso-8859-1",
        "application/jsonp",
        "text/*",
        "",
        "application/json;q=0, */*",
        "application/json;q=0, application/graphql-response+json;q=0.0",
    ] {
        let answer = post(&client, &[accept], query).await;
        assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE, "{accept:?}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], JSON);
        let by_get = client.clone().with("accept", accept).get("/graphql?query={__typename}").await;
        assert_eq!((by_get.status, by_get.body), (answer.status, answer.body));
    }
}

async fn the_status_says_as_much_as_the_media_type_allows(on: On) {
    let world = World::new(on).await;
    let client = world.user("ann", "acme", OWN).await;
    let deep = "[".repeat(100);
    let long = " ".repeat(40_000);
    let requests = [
        ("executed", json!({"query": "{__typename}"})),
        ("executed, and a field failed", json!({"query": "{auditLog(first:0){total_count}}"})),
        ("no JSON", Value::Null),
        ("no query", json!({"variables": {}})),
        ("a query that is no text", json!({"query": 1})),
        ("variables that are no object", json!({"query": "{__typename}", "variables": 1})),
        ("extensions that are no object", json!({"query": "{__typename}", "extensions": []})),
        ("a document that cannot be parsed", json!({"query": "{"})),
        ("a document that is not valid", json!({"query": "{nothing}"})),
        ("a document that nests too deep", json!({"query": format!("{{a(b:{deep}")})),
        ("a document that is too long", json!({"query": format!("{{__typename}}{long}")})),
        (
            "an operation that is not there",
            json!({"query": "query Q{__typename}", "operationName": "R"}),
        ),
        (
            "an operation that is not clear",
            json!({"query": "query Q{__typename} query R{__typename}"}),
        ),
        ("a subscription", json!({"query": "subscription{__typename}"})),
        ("a variable that is missing", json!({"query": "query($id:ID!){auditEvent(id:$id){id}}"})),
        (
            "a variable of another type",
            json!({"query": "query($n:Int){auditLog(first:$n){total_count}}", "variables": {"n": "x"}}),
        ),
    ];
    let mut lines = Vec::new();
    for (what, request) in &requests {
        let body = if request.is_null() { "{".to_owned() } else { request.to_string() };
        let mut statuses = Vec::new();
        for accept in [JSON, RESPONSE] {
            let answer = post(&client, &[accept], &body).await;
            let has_data = answer.json().get("data").is_some();
            // Data is there when, and only when, something was executed.
            assert_eq!(has_data, what.starts_with("executed"), "{what}: {}", answer.body);
            statuses.push(answer.status.as_u16().to_string());
        }
        lines.push(format!("{} {what}", statuses.join(" ")));
    }
    for accept in [JSON, RESPONSE] {
        let answer = post(&world.anonymous(), &[accept], r#"{"query":"{__typename}"}"#).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with(accept));
    }
    assert_snapshot!("statuses_by_media_type", lines.join("\n"));
}

async fn a_variable_that_must_be_given_must_be_given(on: On) {
    let world = World::new(on).await;
    let client = world.user("ann", "acme", OWN).await;
    let query = "query($field: String!, $first: Int! = 1) {
        auditLog(changed_field: $field, first: $first) { total_count }
    }";
    for variables in [json!({}), json!({"field": null}), json!({"field": "x", "first": null})] {
        let answer = client.graphql(query, variables.clone()).await.json();
        assert_eq!(answer.get("data"), None, "{variables}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("is not given or null"), "{message}");
    }
    client.data(query, json!({"field": "x"})).await;
}
