//! Rights and keys that are taken away: gone at the next request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use auditlog::auth::Authenticator;
use auditlog::auth::jwt::{KeySource, Settings};
use auditlog::http;

use crate::support::client::Client;
use crate::support::world::{OWN, VIEW, World, event, event_with};
use crate::support::{On, direct};

on_both!(
    a_right_taken_away_is_gone_at_the_next_request,
    a_deleted_key_opens_nothing_from_the_next_request_on,
    a_token_gives_only_what_the_memberships_give_now,
    what_changes_here_counts_at_every_server,
    a_crowd_is_refused_from_the_next_request_on,
    a_crowd_that_is_held_up_is_answered,
);

async fn a_right_taken_away_is_gone_at_the_next_request(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let viewer = world.user("vera", "west", VIEW).await;
    let viewer_id = viewer
        .query("{ viewer { organization_memberships { id } } }")
        .await
        .pointer("/viewer/organization_memberships/0/id")
        .unwrap()
        .clone();
    let set = |right: &str, to: bool| {
        let document = format!(
            "mutation($id: ID!) {{
                updateOrganizationMembership(input: {{id: $id, {right}: {to}}}) {{ messages {{ field }} }}
            }}"
        );
        let (owner, id) = (owner.clone(), viewer_id.clone());
        async move {
            let answer = owner.data(&document, json!({"id": id})).await;
            assert_eq!(answer["updateOrganizationMembership"]["messages"], json!([]));
        }
    };
    let log = "{ auditLog { total_count } }";
    let sees = async || viewer.graphql(log, json!({})).await.json().get("errors").is_none();
    let records = async || viewer.record(event("west", "1")).await.status;
    let owns = "mutation { createApiKey(input: {user_id: \"vera\"}) { messages { field } } }";
    let owns = async || viewer.graphql(owns, json!({})).await.json().get("errors").is_none();

    assert!(sees().await);
    set("can_view_audit_log", false).await;
    assert_eq!(viewer.error_code(log, json!({})).await, "FORBIDDEN");
    set("is_owner", true).await;
    assert!(sees().await && owns().await, "an owner may view");
    set("is_owner", false).await;
    assert!(!sees().await && !owns().await);
    set("can_view_audit_log", true).await;
    assert!(sees().await && !owns().await);

    assert_eq!(records().await, StatusCode::FORBIDDEN);
    set("can_record", true).await;
    assert_eq!(records().await, StatusCode::OK);
    set("can_record", false).await;
    assert_eq!(records().await, StatusCode::FORBIDDEN);
}

async fn a_deleted_key_opens_nothing_from_the_next_request_on(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let first = world.user("vera", "west", VIEW).await;
    let made = "mutation { createApiKey(input: {user_id: \"vera\", name: \"second\"}) {
        api_key api_key_object { id }
    } }";
    let made = owner.query(made).await["createApiKey"].take();
    let second = Client::bearer(&world.router, made["api_key"].as_str().unwrap());
    let log = "{ auditLog { total_count } }";
    second.query(log).await;

    let delete = "mutation($id: ID!) { deleteApiKey(input: {id: $id}) { messages { field } } }";
    let id = &made["api_key_object"]["id"];
    let deleted = owner.data(delete, json!({"id": id})).await;
    assert_eq!(deleted["deleteApiKey"]["messages"], json!([]));
    let json = Some("application/json");
    let refused = [
        second.graphql(log, json!({})).await,
        second.get("/graphql?query=%7B__typename%7D").await,
        second.send(Method::POST, "/v1/audit-events", json, "[]").await,
    ];
    for answer in refused {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let error = &answer.json()["errors"][0];
        assert_eq!(*error.get("code").unwrap_or(&error["extensions"]["code"]), "UNAUTHENTICATED");
    }
    first.query(log).await;
    let again = owner.data(delete, json!({"id": id})).await;
    assert_ne!(again["deleteApiKey"]["messages"], json!([]), "it is not there any more");
}

async fn a_token_gives_only_what_the_memberships_give_now(on: On) {
    const SECRET: &str = "a secret of more than thirty-two bytes";
    let keys = KeySource::Secret(SECRET.to_owned());
    let world = World::with_tokens(on, Some(Settings { keys, issuer: None, audience: None })).await;
    // What a token claims beside who somebody is counts for nothing.
    let claims = json!({
        "sub": "vera", "exp": 4_102_444_800_i64, "is_owner": true, "can_record": true,
        "organization_id": "acme", "tenant_id": "globex",
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
    let by_token = Client::bearer(&world.router, &token);
    let owner = world.user("olga", "acme", OWN).await;
    let log = "{ auditLog { total_count } }";
    assert_eq!(by_token.graphql(log, json!({})).await.status, StatusCode::UNAUTHORIZED);

    world.user("vera", "west", VIEW).await;
    let viewer = by_token
        .query("{ viewer { is_owner can_record organization_memberships { id } organizations { id } } }")
        .await["viewer"]
        .take();
    assert_eq!(viewer["is_owner"], false);
    assert_eq!(viewer["can_record"], false);
    assert_eq!(
        viewer["organizations"],
        json!([{"id": "west"}, {"id": "portland"}, {"id": "seattle"}])
    );
    by_token.query(log).await;
    assert_eq!(by_token.record(event("west", "1")).await.status, StatusCode::FORBIDDEN);

    let id = &viewer["organization_memberships"][0]["id"];
    let revoke = "mutation($id: ID!) {
        updateOrganizationMembership(input: {id: $id, can_view_audit_log: false}) { messages { field } }
    }";
    owner.data(revoke, json!({"id": id})).await;
    assert_eq!(by_token.error_code(log, json!({})).await, "FORBIDDEN");
}

async fn what_changes_here_counts_at_every_server(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let vera = world.user("vera", "west", VIEW).await;
    let store = world.database.store(world.clock.clock()).await;
    let there = vera.at(&http::router(store.clone(), Authenticator::new(store, None)).await);
    let by_nia = event_with("portland", "1", json!({"acting_user_id": "nia"}));
    world.recorder("acme").await.recorded(by_nia).await;
    let log = "{ auditLog(resource_id: \"1\") {
        nodes { acting_user { id first_name } organization { id parent_id } }
    } }";
    let seen = async || there.query(log).await["auditLog"]["nodes"].take();
    let done = async |mutation: &str| {
        let answer = olga.query(&format!("mutation {{ {mutation} }}")).await;
        assert!(answer.to_string().contains("\"messages\":[]"), "{answer}");
    };

    // What there is no user of is remembered as such, until there is one.
    for _ in 0..2 {
        let nobody = json!({"id": "nia", "first_name": null});
        assert_eq!(seen().await[0]["acting_user"], nobody);
    }
    done(
        "createUser(input: {id: \"nia\", organization_id: \"acme\", first_name: \"Nia\"}) {
        messages { field } }",
    )
    .await;
    assert_eq!(seen().await[0]["acting_user"]["first_name"], "Nia");

    assert_eq!(seen().await[0]["organization"], json!({"id": "portland", "parent_id": "west"}));
    done("moveOrganization(input: {id: \"portland\", parent_id: \"east\"}) { messages { field } }")
        .await;
    assert_eq!(seen().await, json!([]));
    done("moveOrganization(input: {id: \"portland\", parent_id: \"west\"}) { messages { field } }")
        .await;
    assert_eq!(seen().await.as_array().unwrap().len(), 1);

    let membership = vera.query("{ viewer { organization_memberships { id } } }").await;
    let id = &membership["viewer"]["organization_memberships"][0]["id"];
    let sees = |may: bool| {
        format!(
            "updateOrganizationMembership(input: {{id: {id}, can_view_audit_log: {may}}}) {{ messages {{ field }} }}"
        )
    };
    done(&sees(false)).await;
    assert_eq!(there.error_code(log, json!({})).await, "FORBIDDEN");
    done(&sees(true)).await;
    assert_eq!(seen().await.as_array().unwrap().len(), 1);
}

async fn a_crowd_is_refused_from_the_next_request_on(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let store = world.database.store(world.clock.clock()).await;
    let other = http::router(store.clone(), Authenticator::new(store, None)).await;
    let made = "mutation { createApiKey(input: {user_id: \"olga\", name: \"second\"}) {
        api_key api_key_object { id }
    } }";
    for _ in 0..5 {
        let made = owner.query(made).await["createApiKey"].take();
        let client = Client::bearer(&world.router, made["api_key"].as_str().unwrap()).at(&other);
        let is_deleted = Arc::new(AtomicBool::new(false));
        let crowd: Vec<_> = (0..16)
            .map(|_| tokio::spawn(ask_until_refused(client.clone(), Arc::clone(&is_deleted))))
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let delete = "mutation($id: ID!) { deleteApiKey(input: {id: $id}) { messages { field } } }";
        owner.data(delete, json!({"id": made["api_key_object"]["id"]})).await;
        is_deleted.store(true, Ordering::SeqCst);
        for one in crowd {
            one.await.unwrap();
        }
    }
}

/// They wait together for longer than anybody waits for an answer to all of them.
async fn a_crowd_that_is_held_up_is_answered(on: On) {
    let world = World::new(on).await;
    let client = world.user("vera", "west", VIEW).await;
    let query = "{ viewer { is_owner } }";
    client.query(query).await;
    if on == On::Postgres {
        let db = direct::connect(&world.database.url).await;
        direct::run(&db, "BEGIN; LOCK TABLE sequence_heads").await;
        let ask = || {
            let client = client.clone();
            tokio::spawn(async move { client.query(query).await })
        };
        let crowd: Vec<_> = (0..12).map(|_| ask()).collect();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(crowd.iter().all(|one| !one.is_finished()));
        direct::run(&db, "ROLLBACK").await;
        for one in crowd {
            one.await.unwrap();
        }
    }
    // Whoever asks goes away, and the others are answered.
    for _ in 0..20 {
        let gone = tokio::spawn({
            let client = client.clone();
            async move { client.query(query).await }
        });
        tokio::task::yield_now().await;
        gone.abort();
        client.query(query).await;
    }
}

/// Asks again and again. What is asked for after the key was deleted must be refused.
async fn ask_until_refused(client: Client, is_deleted: Arc<AtomicBool>) {
    loop {
        let is_after = is_deleted.load(Ordering::SeqCst);
        let status = client.graphql("{ viewer { is_owner } }", json!({})).await.status;
        match status {
            StatusCode::UNAUTHORIZED => return,
            status => assert!(!is_after && status == StatusCode::OK, "{status}"),
        }
    }
}
