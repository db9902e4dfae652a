//! The playground, in a real browser that has no internet access, and what it is made of.

use std::io::Read as _;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use flate2::read::GzDecoder;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::On;
use crate::support::binary::{Installation, Server};
use crate::support::browser::Browser;
use crate::support::world::World;

const ANSWER: &str =
    "document.querySelector('.graphiql-response .CodeMirror')?.CodeMirror.getValue()";
const RUN: &str = "button.graphiql-execute-button";
const DOCUMENTATION: &str = "button[aria-label=\"Show Documentation Explorer\"]";

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_typed_in_it_shows_the_log() {
    let installation = Installation::bare();
    let server = installation.command(&["demo", "--listen", "127.0.0.1:0"]).serving();
    let (_, key) = server.introduction.split_once("#key=").unwrap();
    let key = key.split_whitespace().next().unwrap();
    let browser = Browser::start().await;
    browser.open(&format!("{}/playground", server.url)).await;
    browser.type_into("#credential", key).await;
    browser.click(RUN).await;
    let answer = browser.until(ANSWER, |answer| answer.contains("\"nodes\"")).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let log = &answer["data"]["auditLog"];
    assert!(log["total_count"].as_u64().unwrap() > 100, "{answer}");
    let nodes = log["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 10);
    for node in nodes {
        assert_eq!(node["type"], "UPDATE");
        let organization = node["organization"]["id"].as_str().unwrap();
        assert!(organization.starts_with("c"), "not of the sample data: {node}");
        assert!(!node["resource_changes"].as_array().unwrap().is_empty(), "{node}");
    }

    assert_eq!(browser.console().await, Vec::<String>::new(), "the console has something to say");
    let loaded = "return performance.getEntriesByType('resource').map(entry => entry.name)";
    let loaded = browser.run(loaded).await;
    let loaded: Vec<_> = loaded.as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
    for part in ["playground.js", "playground.css", "schema.json", "graphql"] {
        assert!(loaded.iter().any(|address| address.ends_with(part)), "{part}: {loaded:?}");
    }
    let own = |address: &&str| {
        address.starts_with(&server.url)
            || address.starts_with("data:")
            || address.starts_with("blob:")
    };
    assert!(loaded.iter().all(own), "from elsewhere: {loaded:?}");
}

/// A server with a tenant `acme`; its owner's key.
fn small_server(installation: &Installation) -> (Server, String) {
    let key = installation.set_up();
    (installation.command(&["serve", "--listen", "127.0.0.1:0"]).serving(), key)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_it_explains_the_schema_and_is_refused_the_log() {
    let installation = Installation::bare();
    let (server, _) = small_server(&installation);
    let browser = Browser::start().await;
    browser.open(&format!("{}/playground", server.url)).await;

    browser.click(DOCUMENTATION).await;
    let documentation = "document.querySelector('.graphiql-plugin')?.innerText";
    browser.until(documentation, |text| text.contains("query: Query")).await;
    browser.click(".graphiql-plugin a.graphiql-doc-explorer-type-name").await;
    let query = browser.until(documentation, |text| text.contains("The root of all queries")).await;
    assert!(query.contains("Newest first unless"), "{query}");
    assert_eq!(browser.console().await, Vec::<String>::new());

    browser.click(RUN).await;
    let answer = browser.until(ANSWER, |answer| answer.contains("errors")).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
    let refused = browser.console().await;
    assert!(refused.iter().all(|line| line.contains("401")), "{refused:?}");

    // The policy holds, and the console is where one would see that something breaks it.
    browser.run("new Image().src = 'http://127.0.0.1:1/elsewhere.png'").await;
    browser
        .run("document.body.append(Object.assign(document.createElement('script'), {text: '0'}))")
        .await;
    let stopped = browser.console().await.join("\n");
    assert_eq!(stopped.matches("Content Security Policy").count(), 2, "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_address_is_taken_and_disappears_from_it() {
    let installation = Installation::bare();
    let (server, key) = small_server(&installation);
    let browser = Browser::start().await;
    let page = format!("{}/playground", server.url);
    browser.open(&format!("{page}#key={key}")).await;
    let credential = "document.querySelector('#credential')?.value";
    assert_eq!(browser.until(credential, |_| true).await, key);
    assert_eq!(browser.run("return location.href").await, page.as_str());
    let shown = browser.run("return document.querySelector('#credential').type").await;
    assert_eq!(shown, "password", "whoever looks on reads it");
    browser.click(RUN).await;
    browser.until(ANSWER, |answer| answer.contains("\"total_count\": 0")).await;

    // It lasts as long as the tab does: past a reload, and no longer.
    browser.open(&page).await;
    assert_eq!(browser.until(credential, |_| true).await, key);
    let kept = browser.run("return JSON.stringify([{...localStorage}, document.cookie])").await;
    assert!(!kept.as_str().unwrap().contains(&key), "{kept}");
    assert_eq!(browser.console().await, Vec::<String>::new());
}

/// A part of the playground, as a client gets it that says what it can unpack.
async fn part(
    router: &Router,
    path: &str,
    accepts: Option<&str>,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(Method::GET).uri(path);
    if let Some(accepts) = accepts {
        request = request.header("accept-encoding", accepts);
    }
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, body.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn its_page_holds_only_what_its_policy_allows() {
    let world = World::empty(On::Sqlite, None).await;
    let page = world.anonymous().get("/playground").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("http"), "it lets something in from elsewhere: {policy}");
    for (at, _) in page.body.match_indices("src=\"").chain(page.body.match_indices("href=\"")) {
        let address = page.body[at..].split('"').nth(1).unwrap();
        assert!(address.starts_with('/') || address.starts_with("data:"), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_parts_are_packed_for_who_can_unpack_them() {
    let World { router, .. } = World::empty(On::Sqlite, None).await;
    for (path, content_type) in [
        ("/playground/playground.js", "text/javascript; charset=utf-8"),
        ("/playground/playground.css", "text/css; charset=utf-8"),
    ] {
        let (status, headers, packed) = part(&router, path, Some("gzip, deflate, br")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-type"], content_type);
        assert_eq!(headers["content-encoding"], "gzip");
        assert_eq!(headers["vary"], "Accept-Encoding");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let mut unpacked = Vec::new();
        GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
        for accepts in [None, Some("identity"), Some("br"), Some("gzip;q=0, identity")] {
            let (status, headers, plain) = part(&router, path, accepts).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(headers["content-type"], content_type);
            assert_eq!(headers.get("content-encoding"), None, "{accepts:?}");
            assert_eq!(headers["vary"], "Accept-Encoding");
            assert!(plain == unpacked, "{path} is another one for {accepts:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_schema_is_there_without_a_credential() {
    let world = World::empty(On::Sqlite, None).await;
    let schema = world.anonymous().get("/playground/schema.json").await;
    assert_eq!(schema.status, StatusCode::OK);
    assert_eq!(schema.headers["content-type"], "application/json");
    let schema = schema.json();
    assert_eq!(schema.get("errors"), None);
    assert_eq!(schema["data"]["__schema"]["queryType"]["name"], "Query");
    assert_eq!(schema["data"]["__schema"]["mutationType"]["name"], "Mutation");
}
