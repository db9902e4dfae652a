//! Limits on what a request may take: what is just within one is answered, and what is just beyond is
//! refused with the limit, its setting, and how to mend it.

use axum::Router;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{Method, StatusCode};
use futures_util::{StreamExt as _, stream};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::sync::oneshot::{Receiver, Sender, channel};

use auditlog::auth::Authenticator;
use auditlog::auth::jwt::{self, KeySource, Verifier};
use auditlog::domain::limits::Limits;
use auditlog::http;

use crate::hostile::documents::page;
use crate::support::On;
use crate::support::client::{Answer, Client};
use crate::support::direct;
use crate::support::tokens::{Signer, from_now};
use crate::support::world::{May, OWN, RECORD, World, event, limits};

on_both!(
    a_document_within_its_limits_is_answered_and_one_beyond_is_refused,
    variables_within_their_limits_are_taken_and_others_are_refused,
    a_body_may_be_as_large_as_its_limit,
    one_full_page_is_allowed_and_twenty_are_not,
    what_tools_ask_of_the_schema_is_allowed,
    a_credential_may_send_so_many_requests_a_minute,
    all_tokens_of_a_subject_count_as_one_credential,
    so_many_requests_may_be_under_way,
    an_export_is_under_way_until_its_end,
    a_tenant_has_a_share_of_the_requests_under_way,
    bodies_together_take_so_much_memory,
    a_request_may_take_so_long,
    a_body_that_nobody_reads_does_not_stop_the_clock,
);

const ALL: May = May { record: true, ..OWN };

/// A query with this piece so many times.
fn with(before: &str, piece: &str, times: usize, after: &str) -> String {
    format!("{before}{}{after}", piece.repeat(times))
}

/// The code and message of why a request was not executed.
fn refusal(answer: &Answer) -> String {
    let answer = answer.json();
    assert_eq!(answer.get("data"), None, "{answer}");
    let error = &answer["errors"][0];
    format!(
        "{}: {}",
        error["extensions"]["code"].as_str().unwrap(),
        error["message"].as_str().unwrap()
    )
}

type Make = fn(usize) -> String;

/// A limit, set to this value, and the most of something that a document may have then.
const DOCUMENTS: [(&str, u64, usize, Make); 16] = [
    ("max_document_bytes", 1_024, 1_011, |n| with("{__typename}#", "x", n, "")),
    ("max_document_tokens", 100, 92, |n| with("{auditLog{nodes{", "id ", n, "}}}")),
    ("max_document_nesting", 16, 15, |n| {
        format!("{}{{__typename}}{}", "{...".repeat(n), "}".repeat(n))
    }),
    ("max_depth", 16, 15, |n| format!("{}{{__typename}}{}", "{...".repeat(n), "}".repeat(n))),
    ("max_depth", 16, 13, |n| {
        let chain: String =
            (0..n).map(|i| format!("fragment f{i} on Query{{...f{}}} ", i + 1)).collect();
        format!("{{...{{...f0}}}} {chain} fragment f{n} on Query{{__typename}}")
    }),
    ("max_fields", 100, 98, |n| with("{viewer{user{", "id ", n, "}}}")),
    // What is in the fragment counts once by itself and twice where it is spread.
    ("max_fields", 100, 32, |n| {
        with("{viewer{user{...f ...f}}} fragment f on User{", "id ", n, "}")
    }),
    ("max_root_fields", 3, 3, |n| with("{", "__typename ", n, "}")),
    ("max_root_fields", 3, 1, |n| {
        with("{a:__typename ...f ...{b:__typename}} fragment f on Query{", "__typename ", n, "}")
    }),
    ("max_aliases", 3, 3, |n| with("{viewer{", "a:is_owner ", n, "}}")),
    ("max_directives", 3, 3, |n| with("{viewer{", "is_owner @skip(if:false) ", n, "}}")),
    // Each but the first has its two arguments compared with two and with how many there are.
    ("max_comparisons", 100, 17, |n| {
        with("{", "auditLog(first:1 organization_id:\"acme\"){__typename} ", n, "}")
    }),
    ("max_complexity", 10_000, 9, |n| with("{auditLog(first:1000){nodes{", "id ", n, "}}}")),
    // A count of the whole log stands for 5,000.
    ("max_complexity", 10_100, 2, |n| {
        let counts = (0..n).map(|i| format!("c{i}:auditLog{{total_count}} "));
        format!("{{{}}}", counts.collect::<String>())
    }),
    // 100 events, each with 5 changes.
    ("max_complexity", 10_000, 19, |n| {
        with("{auditLog{nodes{resource_changes{", "field ", n, "}}}}")
    }),
    ("max_complexity", 10_000, 99, |n| with("{auditLog(last:100){edges{", "cursor ", n, "}}}")),
];

async fn a_document_within_its_limits_is_answered_and_one_beyond_is_refused(on: On) {
    let world = World::new(on).await;
    let client = world.user("ann", "acme", OWN).await;
    let mut refusals = Vec::new();
    for (name, value, most, make) in DOCUMENTS {
        let client = client.at(&world.server_within(limits(&[(name, value)])).await);
        client.query(&make(most)).await;
        let answer = client.graphql(&make(most + 1), json!({})).await;
        refusals.push(format!("{} {}", answer.status, refusal(&answer)));
        assert!(refusals.last().unwrap().contains(&format!("{value} ")), "{refusals:?}");
        assert!(answer.body.contains(name), "{}", answer.body);
    }
    refusals.dedup();
    assert_snapshot!("documents_beyond_limits", refusals.join("\n"));
}

async fn variables_within_their_limits_are_taken_and_others_are_refused(on: On) {
    let world = World::new(on).await;
    let client = world.user("ann", "acme", OWN).await;
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({"a": inner}));
    let id = "query($a: String){auditLog(changed_field: $a){total_count}}";
    let ids = "query($a: [ID!]){auditLog(acting_user_ids: $a){total_count}}";
    let twice = "query($a: String){
        a:auditLog(changed_field: $a){total_count} b:auditLog(changed_field: $a){total_count}
    }";
    let json = "query($a: JSON){__typename @include(if: true)}";
    let first = "query($a: Int){auditLog(first: $a){nodes{id id id id id id id id id id}}}";
    let mut refusals = Vec::new();
    for (name, value, document, within, beyond) in [
        ("max_variables_bytes", 1_024, id, json!("x".repeat(1_014)), json!("x".repeat(1_016))),
        ("max_variables_bytes", 1_024, twice, json!("x".repeat(509)), json!("x".repeat(510))),
        ("max_variables_values", 100, ids, json!(vec!["x"; 95]), json!(vec!["x"; 101])),
        ("max_variables_depth", 4, json, nested(3), nested(4)),
        ("max_complexity", 10_000, first, json!(999), json!(1_000)),
    ] {
        let client = client.at(&world.server_within(limits(&[(name, value)])).await);
        let taken = client.graphql(document, json!({"a": within})).await;
        // The one that nothing uses is refused for that, later.
        assert!(!taken.body.contains(name), "{}", taken.body);
        let answer = client.graphql(document, json!({"a": beyond})).await;
        refusals.push(format!("{} {}", answer.status, refusal(&answer)));
        assert!(answer.body.contains(name), "{}", answer.body);
    }
    // A default counts as the value that it stands for.
    let client = client.at(&world.server_within(limits(&[("max_complexity", 10_000)])).await);
    let answer = client.graphql(&first.replace("Int", "Int = 1000"), json!({})).await;
    assert!(answer.body.contains("max_complexity"), "{}", answer.body);
    refusals.dedup();
    assert_snapshot!("variables_beyond_limits", refusals.join("\n"));
}

async fn a_body_may_be_as_large_as_its_limit(on: On) {
    let world = World::new(on).await;
    let client = world.user("ann", "acme", ALL).await;
    let client = client.at(&world.server_within(limits(&[("max_request_bytes", 1_024)])).await);
    let query = json!({"query": "{__typename}"}).to_string();
    let event = event("acme", "1").to_string();
    for (uri, body) in [("/graphql", query), ("/v1/audit-events", event)] {
        let padded = |length: usize| format!("{body}{}", " ".repeat(length - body.len()));
        let post =
            |length| client.send(Method::POST, uri, Some("application/json"), padded(length));
        assert_eq!(post(1_024).await.status, StatusCode::OK, "{uri}");
        let answer = post(1_025).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{uri}");
        for said in ["PAYLOAD_TOO_LARGE", "at most 1024 bytes are taken (max_request_bytes)"] {
            assert!(answer.body.contains(said), "{}", answer.body);
        }
    }
}

async fn one_full_page_is_allowed_and_twenty_are_not(on: On) {
    let world = World::new(on).await;
    let client = world.user("ann", "acme", OWN).await;
    let both = page("p", 1_000).replacen("nodes{", "edges{cursor node{", 1).replace("}} ", "}}} ");
    client.query(&format!("{{{}}}", page("p", 1_000))).await;
    client.query(&format!("{{{both}}}")).await;
    let twenty: String = (0..20).map(|i| page(&format!("p{i}"), 1_000)).collect();
    let answer = client.graphql(&format!("{{{twenty}}}"), json!({})).await;
    assert!(refusal(&answer).contains("(max_complexity)"), "{}", answer.body);
    // Twenty small ones are.
    let twenty: String = (0..20).map(|i| page(&format!("p{i}"), 50)).collect();
    client.query(&format!("{{{twenty}}}")).await;
}

/// What graphql-js asks, which most tools send: descriptions, deprecations, types nine levels deep.
async fn what_tools_ask_of_the_schema_is_allowed(on: On) {
    let world = World::new(on).await;
    let client = world.user("ann", "acme", OWN).await;
    let of_type = (0..9).fold(String::new(), |inner, _| format!("ofType {{ kind name {inner} }}"));
    let query = format!(
        "query IntrospectionQuery {{
            __schema {{
                description queryType {{ name kind }} mutationType {{ name kind }}
                subscriptionType {{ name kind }} types {{ ...FullType }}
                directives {{
                    name description isRepeatable locations
                    args(includeDeprecated: true) {{ ...InputValue }}
                }}
            }}
        }}
        fragment FullType on __Type {{
            kind name description specifiedByURL isOneOf
            fields(includeDeprecated: true) {{
                name description args(includeDeprecated: true) {{ ...InputValue }}
                type {{ ...TypeRef }} isDeprecated deprecationReason
            }}
            inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }}
            enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
            possibleTypes {{ ...TypeRef }}
        }}
        fragment InputValue on __InputValue {{
            name description type {{ ...TypeRef }} defaultValue isDeprecated deprecationReason
        }}
        fragment TypeRef on __Type {{ kind name {of_type} }}"
    );
    let answer = client.query(&query).await;
    assert!(answer["__schema"]["types"].as_array().unwrap().len() > 50);
    // Types of fields of types of fields and so on are an answer without end.
    let around = "fields{type{".repeat(5);
    let nested = format!("{{__schema{{types{{{around}name{}}}}}}}", "}}".repeat(5));
    let answer = client.graphql(&nested, json!({})).await;
    assert!(refusal(&answer).contains("(max_complexity)"), "{}", answer.body);
}

async fn a_credential_may_send_so_many_requests_a_minute(on: On) {
    let world = World::new(on).await;
    let ann = world.user("ann", "acme", ALL).await;
    let router = world.server_within(limits(&[("max_requests_a_minute", 3)])).await;
    let (first, second) = (ann.at(&router), world.key_for("ann").await.at(&router));
    // Who is not signed in spends nothing of anybody's.
    for _ in 0..5 {
        let stranger = Client::bearer(&router, "al_no_such_key");
        assert_eq!(stranger.graphql("{__typename}", json!({})).await.status, 401);
    }
    for _ in 0..2 {
        first.query("{__typename}").await;
    }
    first.recorded(event("acme", "1")).await;
    let answer = first.graphql("{__typename}", json!({})).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(retry_after(&answer) <= 20, "one comes back every 20 seconds");
    assert_snapshot!("too_many_requests", refusal(&answer));
    let answer = first.record(event("acme", "2")).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.json()["errors"][0]["code"], "TOO_MANY_REQUESTS");
    let answer = first.get("/v1/audit-events?format=csv").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=20).contains(&retry_after(&answer)));
    // Another key of the same user is another credential.
    second.query("{__typename}").await;
}

async fn all_tokens_of_a_subject_count_as_one_credential(on: On) {
    const SECRET: &str = "a-secret-of-thirty-two-bytes-or-more";
    let world = World::new(on).await;
    for id in ["ann", "bob"] {
        world.user(id, "acme", OWN).await;
    }
    let limits = limits(&[("max_requests_a_minute", 2)]);
    let keys = KeySource::Secret(SECRET.to_owned());
    let tokens = Verifier::new(jwt::Settings { keys, issuer: None, audience: None }).unwrap();
    let authenticator = Authenticator::new(world.store.clone(), Some(tokens));
    let authenticator = authenticator.with_rate(limits.max_requests_a_minute);
    let router = http::router_within(limits, world.store.clone(), authenticator).await;
    let ask = async |subject: &str, lifetime: i64| {
        let claims = json!({"sub": subject, "exp": from_now(lifetime)});
        let token = Signer::secret(SECRET.as_bytes()).sign(&claims);
        Client::bearer(&router, &token).graphql("{__typename}", json!({})).await.status
    };
    assert_eq!(ask("ann", 100).await, StatusCode::OK);
    assert_eq!(ask("ann", 200).await, StatusCode::OK);
    assert_eq!(ask("ann", 300).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask("bob", 300).await, StatusCode::OK);
}

fn retry_after(answer: &Answer) -> u64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

/// A body of which nothing more comes after its first bytes until the sender says so. The receiver learns
/// when they are read.
fn slow(body: impl Into<String>, first: usize) -> (Body, Receiver<()>, Sender<()>) {
    let (reading, read) = channel();
    let (go, gone) = channel();
    let mut start = body.into();
    let end = start.split_off(first);
    let pieces = stream::iter([start]).chain(stream::once(async move {
        let _ = reading.send(());
        let _ = gone.await;
        end
    }));
    let body = Body::from_stream(pieces.map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece))));
    (body, read, go)
}

const QUERY: &str = r#"{"query":"{__typename}"}"#;

async fn so_many_requests_may_be_under_way(on: On) {
    let world = World::new(on).await;
    let ann = world.user("ann", "acme", ALL).await;
    let ann = ann.at(&world.server_within(limits(&[("max_concurrent_requests", 2)])).await);
    let mut under_way = Vec::new();
    for _ in 0..2 {
        let ((body, read, go), ann) = (slow(QUERY, 1), ann.clone());
        let sent = tokio::spawn(async move {
            ann.send(Method::POST, "/graphql", Some("application/json"), body).await
        });
        read.await.unwrap();
        under_way.push((go, sent));
    }
    let answer = ann.graphql("{__typename}", json!({})).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_snapshot!("too_many_under_way", refusal(&answer));
    let answer = ann.record(event("acme", "1")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["errors"][0]["code"], "SERVICE_UNAVAILABLE");
    // Whoever watches the server still learns how it is.
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ann.get(path).await.status, StatusCode::OK, "{path}");
    }
    for (go, sent) in under_way {
        go.send(()).unwrap();
        assert_eq!(sent.await.unwrap().body, r#"{"data":{"__typename":"Query"}}"#);
    }
    ann.query("{__typename}").await;
}

async fn an_export_is_under_way_until_its_end(on: On) {
    let world = World::new(on).await;
    let ann = world.user("ann", "acme", ALL).await;
    let router = world.server_within(limits(&[("max_concurrent_requests", 1)])).await;
    let (ann, secret) = (ann.at(&router), world.secret_for("ann").await);
    let pieces = export(&router, &secret).await;
    let answer = ann.graphql("{__typename}", json!({})).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    // Read to its end, or given up.
    drop(pieces);
    ann.query("{__typename}").await;
}

/// An export that has begun and is not read on.
async fn export(router: &Router, secret: &str) -> BodyDataStream {
    let request = axum::http::Request::get("/v1/audit-events?format=csv")
        .header("authorization", format!("Bearer {secret}"))
        .body(Body::empty())
        .unwrap();
    let export = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
    assert_eq!(export.status(), StatusCode::OK);
    let mut pieces = export.into_body().into_data_stream();
    assert!(pieces.next().await.is_some());
    pieces
}

async fn a_tenant_has_a_share_of_the_requests_under_way(on: On) {
    let world = World::new(on).await;
    let ann = world.user("ann", "acme", ALL).await;
    let limits = limits(&[("max_concurrent_requests_per_tenant", 2)]);
    let router = world.server_within(limits).await;
    let gil = world.user("gil", "globex", ALL).await.at(&router);
    let (ann, secret) = (ann.at(&router), world.secret_for("ann").await);
    let hers = Client::bearer(&router, &secret);
    let first = export(&router, &secret).await;
    let second = export(&router, &secret).await;
    let answer = hers.graphql("{__typename}", json!({})).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_snapshot!("too_many_of_a_tenant_under_way", refusal(&answer));
    for answer in [
        // Another key is no way around it.
        ann.graphql("{__typename}", json!({})).await,
        hers.record(event("acme", "1")).await,
        hers.get("/v1/audit-events?format=csv").await,
        hers.get("/graphql?query={__typename}").await,
    ] {
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers["retry-after"], "1");
    }
    // Others are served: other tenants, and whoever has no good credential.
    gil.query("{__typename}").await;
    let stranger = Client::bearer(&router, "al_no_such_key");
    assert_eq!(stranger.graphql("{__typename}", json!({})).await.status, 401);
    // One that ends, or is given up, makes room for one.
    drop(first);
    hers.query("{__typename}").await;
    hers.recorded(event("acme", "1")).await;
    let third = export(&router, &secret).await;
    let answer = hers.graphql("{__typename}", json!({})).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    drop((second, third));
    hers.query("{__typename}").await;
}

async fn bodies_together_take_so_much_memory(on: On) {
    const JSON: Option<&str> = Some("application/json");
    let world = World::new(on).await;
    let ann = world.user("ann", "acme", ALL).await;
    let room = [("max_request_bytes", 2_048), ("max_concurrent_body_bytes", 3_000)];
    let router = world.server_within(limits(&room)).await;
    let (ann, gil) = (ann.at(&router), world.user("gil", "globex", ALL).await.at(&router));
    let padded = |length: usize| format!("{QUERY}{}", " ".repeat(length - QUERY.len()));
    // One has sent 2,000 bytes and will send 48 more; of another there are 1,000 at most.
    let (body, read, go) = slow(padded(2_048), 2_000);
    let sender = ann.clone();
    let first =
        tokio::spawn(async move { sender.send(Method::POST, "/graphql", JSON, body).await });
    read.await.unwrap();
    assert_eq!(gil.send(Method::POST, "/graphql", JSON, padded(1_000)).await.status, 200);
    let answer = gil.send(Method::POST, "/graphql", JSON, padded(1_001)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_snapshot!("too_much_sent_at_once", refusal(&answer));
    // Of the same tenant there are 48, which are under way.
    let answer = ann.send(Method::POST, "/graphql", JSON, padded(999)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let large = format!("{}{}", event("acme", "1"), " ".repeat(1_500));
    let answer = ann.send(Method::POST, "/v1/audit-events", JSON, large.clone()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["errors"][0]["code"], "SERVICE_UNAVAILABLE");
    go.send(()).unwrap();
    assert_eq!(first.await.unwrap().status, StatusCode::OK);
    // What was answered, and what was refused, takes no room any more.
    let answer = ann.send(Method::POST, "/v1/audit-events", JSON, large).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(ann.send(Method::POST, "/graphql", JSON, padded(2_048)).await.status, 200);
    // However little room there is, one body of the size that is allowed can be sent.
    let room = [("max_request_bytes", 2_048), ("max_concurrent_body_bytes", 1_024)];
    let ann = ann.at(&world.server_within(limits(&room)).await);
    assert_eq!(ann.send(Method::POST, "/graphql", JSON, padded(2_048)).await.status, 200);
}

async fn a_body_that_nobody_reads_does_not_stop_the_clock(on: On) {
    let world = World::logging_reads(on).await;
    let ann = world.user("ann", "acme", OWN).await;
    let ann = ann.at(&world.server_within(limits(&[("max_request_seconds", 1)])).await);
    // Reading the log is written down in it first, for which this one waits.
    let lock = direct::stop_recording(&world.database, "acme").await;
    for path in ["/graphql?query={auditLog{total_count}}", "/v1/audit-events?format=csv"] {
        let (body, _read, _go) = slow(QUERY, 1);
        let answer = ann.send(Method::GET, path, None, body).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", answer.body);
        assert!(answer.body.contains("(max_request_seconds)"), "{path}: {}", answer.body);
    }
    lock.rollback().await.unwrap();
    let (body, _read, _go) = slow(QUERY, 1);
    let path = "/graphql?query={auditLog{total_count}}";
    assert_eq!(ann.send(Method::GET, path, None, body).await.status, StatusCode::OK);
}

async fn a_request_may_take_so_long(on: On) {
    let world = World::new(on).await;
    let ann = world.user("ann", "acme", RECORD).await;
    let ann = ann.at(&world.server_within(limits(&[("max_request_seconds", 1)])).await);
    let lock = direct::stop_recording(&world.database, "acme").await;
    let recording = "mutation { recordAuditEvents(input: {events: [{
        organization_id: \"acme\", type: UPDATE, resource_name: TASK, resource_id: \"1\"
    }]}) { recorded } }";
    let answer = ann.graphql(recording, json!({})).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_snapshot!("took_too_long", refusal(&answer));
    let answer = ann.record(event("acme", "1")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert_eq!(answer.json()["errors"][0]["code"], "SERVICE_UNAVAILABLE");
    lock.rollback().await.unwrap();
    ann.recorded(event("acme", "2")).await;
}

#[test]
fn a_limit_is_set_within_its_bounds() {
    for rule in Limits::RULES {
        assert!((rule.least..=rule.most).contains(&rule.default), "{rule:?}");
        let set = |value| Limits::new(|other| Ok((other.name == rule.name).then_some(value)));
        assert!(set(rule.least).is_ok() && set(rule.most).is_ok());
        for beyond in [rule.least.checked_sub(1), rule.most.checked_add(1)].into_iter().flatten() {
            let (name, least, most) = (rule.name, rule.least, rule.most);
            assert_eq!(
                set(beyond).unwrap_err().to_string(),
                format!("{name} must be from {least} to {most}, not {beyond}")
            );
        }
    }
}

#[test]
fn the_readme_names_every_limit_with_its_default() {
    let readme = include_str!("../../README.md");
    for rule in Limits::RULES {
        let row = format!("| `{}` | {} |", rule.name, grouped(rule.default));
        assert!(readme.contains(&row), "no row {row} in README.md");
    }
}

/// A number as prose has it: 16,384.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap());
    groups.collect::<Vec<_>>().join(",")
}

#[test]
fn a_limit_that_nobody_set_is_its_default() {
    assert_eq!(Limits::new(|_| Ok(None)).unwrap(), Limits::DEFAULT);
    assert_eq!(Value::from(limits(&[("max_depth", 20)]).max_depth.value()), json!(20));
}
