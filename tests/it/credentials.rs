//! What is taken as a credential, in which header, and what is not.

use auditlog::auth::jwt::{KeySource, Settings};
use axum::http::{Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Answer, Client};
use crate::support::world::{May, NOTHING, World, event};

on_both!(
    each_form_of_a_credential_is_taken_everywhere,
    no_credential_or_a_wrong_one_is_401_everywhere,
    a_token_of_no_good_is_401,
    without_a_trusted_key_no_token_is_taken,
    the_version_header_is_ignored,
);

const SECRET: &str = "a secret of more than thirty-two bytes";

/// 2100-01-01: the tokens' library has a clock of its own.
const LATER: i64 = 4_102_444_800;

fn settings() -> Settings {
    let keys = KeySource::Secret(SECRET.to_owned());
    Settings { keys, issuer: None, audience: None }
}

fn token(secret: &str, claims: &Value) -> String {
    signed(Algorithm::HS256, secret, claims)
}

fn signed(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

/// A world with "vera", who may do everything; a key of hers and a token.
async fn vera(on: On) -> (World, String, String) {
    let world = World::with_tokens(on, Some(settings())).await;
    world.user("vera", "acme", May { own: true, view: true, record: true, ..NOTHING }).await;
    let key = world.secret_for("vera").await;
    (world, key, token(SECRET, &json!({"sub": "vera", "exp": LATER})))
}

fn with(world: &World, headers: &[(&str, &str)]) -> Client {
    headers.iter().fold(world.anonymous(), |client, (name, value)| client.with(name, value))
}

/// The three ways in that want a credential.
async fn everywhere(client: &Client) -> [Answer; 3] {
    [
        client.graphql("{ viewer { user { id } } }", json!({})).await,
        client.get("/graphql?query=%7Bviewer%7Buser%7Bid%7D%7D%7D").await,
        client.record(event("acme", "1")).await,
    ]
}

async fn each_form_of_a_credential_is_taken_everywhere(on: On) {
    let (world, key, token) = vera(on).await;
    let api = ("AuthorizationSource", "API");
    let good: [Vec<(&str, String)>; 7] = [
        vec![("Authorization", format!("Bearer {key}"))],
        vec![("Authorization", format!("bearer {key}"))],
        vec![("Authorization", format!("Bearer {key}")), (api.0, api.1.to_owned())],
        vec![("Authorization", format!("Bearer {token}"))],
        vec![("authorization", format!("BEARER {token}"))],
        vec![("Authorization", format!("Basic {key}")), (api.0, api.1.to_owned())],
        vec![("authorization", format!("basic {key}")), ("authorizationsource", "API".to_owned())],
    ];
    let vera = json!({"data": {"viewer": {"user": {"id": "vera"}}}});
    for headers in good {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let [post, get, rest] = everywhere(&with(&world, &headers)).await;
        assert_eq!(post.json(), vera, "{headers:?}");
        assert_eq!(get.json(), vera, "{headers:?}");
        assert_eq!(rest.json()["recorded"], 1, "{headers:?}");
    }
}

async fn refused(world: &World, headers: &[(&str, &str)]) {
    for answer in everywhere(&with(world, headers)).await {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}: {}", answer.body);
        assert_eq!(answer.headers["www-authenticate"], "Bearer", "{headers:?}");
        let error = &answer.json()["errors"][0];
        let code = error.get("code").unwrap_or(&error["extensions"]["code"]);
        assert_eq!(code, "UNAUTHENTICATED", "{headers:?}");
        let message = error["message"].as_str().unwrap();
        for (_, value) in headers {
            let credential = value.rsplit(' ').next().unwrap_or_default();
            assert!(credential.len() < 10 || !message.contains(credential), "it is not repeated");
        }
    }
}

async fn no_credential_or_a_wrong_one_is_401_everywhere(on: On) {
    let (world, key, token) = vera(on).await;
    refused(&world, &[]).await;
    let basic = ("AuthorizationSource", "API");
    let encoded = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("{key}:"))
    };
    // A letter of the key's that holds six bits of it, changed.
    let other = if key.ends_with("AA") { "BA" } else { "AA" };
    let altered = format!("{}{other}", &key[..key.len() - 2]);
    let values = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Basic".to_owned(),
        key.clone(),
        token.clone(),
        format!("Token {key}"),
        format!("Digest {key}"),
        format!("Bearer{key}"),
        format!("Bearer:{key}"),
        format!("Bearer {altered}"),
        format!("Bearer {key}A"),
        format!("Bearer {}", &key[..key.len() - 1]),
        format!("Bearer {}", key.to_lowercase()),
        format!("Bearer {key} {key}"),
        format!("Bearer {key},{key}"),
        format!("Bearer Bearer {key}"),
        format!("Bearer \"{key}\""),
        "Bearer al_".to_owned(),
        "Bearer vera".to_owned(),
        "Bearer null".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Bearer {}", "x".repeat(5_000)),
        // Healthie's form is whole or nothing.
        format!("Basic {key}"),
    ];
    for value in &values {
        refused(&world, &[("Authorization", value)]).await;
    }
    let basics = [
        ("", format!("Basic {encoded}")),
        ("API", format!("Basic {encoded}")),
        ("API", format!("Basic {altered}")),
        ("API", "Basic ".to_owned()),
        ("API", "Basic".to_owned()),
        ("API", key.clone()),
        ("WEB", format!("Basic {key}")),
        ("", format!("Basic {key}")),
        ("API, WEB", format!("Basic {key}")),
    ];
    for (source, value) in &basics {
        refused(&world, &[("Authorization", value), (basic.0, source)]).await;
    }
    // Two credentials: it is not for us to choose.
    let bearer = format!("Bearer {key}");
    refused(&world, &[("Authorization", &bearer), ("Authorization", &bearer)]).await;
    // Elsewhere than in the header.
    let in_url = format!("/graphql?query=%7B__typename%7D&api_key={key}&access_token={token}");
    assert_eq!(world.anonymous().get(&in_url).await.status, StatusCode::UNAUTHORIZED);
    refused(&world, &[("X-Api-Key", &key), ("Cookie", &format!("token={token}"))]).await;
}

async fn a_token_of_no_good_is_401(on: On) {
    let (world, _, good) = vera(on).await;
    let whole = json!({"sub": "vera", "exp": LATER});
    let claims = [
        json!({"sub": "vera"}),
        json!({"exp": LATER}),
        json!({"sub": "vera", "exp": 1}),
        json!({"sub": "vera", "exp": LATER, "nbf": LATER - 1}),
        json!({"sub": "", "exp": LATER}),
        json!({"sub": "nobody", "exp": LATER}),
        json!({"sub": "Vera", "exp": LATER}),
        json!({"sub": "no_author", "exp": LATER}),
        json!({"sub": "acme", "exp": LATER}),
        json!({"sub": ["vera"], "exp": LATER}),
        json!({"sub": null, "exp": LATER}),
        json!({"sub": "vera", "exp": "never"}),
    ];
    let mut tokens: Vec<String> = claims.iter().map(|claims| token(SECRET, claims)).collect();
    tokens.push(token("another secret of more than 32 bytes", &whole));
    tokens.push(token("", &whole));
    tokens.push(signed(Algorithm::HS512, SECRET, &whole));
    let parts: Vec<&str> = good.split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    let encode = |json: Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string())
    };
    let unsigned = encode(json!({"alg": "none", "typ": "JWT"}));
    let other_claims = encode(json!({"sub": "olga", "exp": LATER}));
    tokens.extend([
        format!("{unsigned}.{claims}."),
        format!("{unsigned}.{claims}"),
        format!("{unsigned}.{claims}.{signature}"),
        format!("{header}.{other_claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{good}A"),
    ]);
    world.user("olga", "acme", May { own: true, view: true, record: true, ..NOTHING }).await;
    for token in tokens {
        refused(&world, &[("Authorization", &format!("Bearer {token}"))]).await;
    }
}

async fn without_a_trusted_key_no_token_is_taken(on: On) {
    let world = World::new(on).await;
    world.user("vera", "acme", May { own: true, view: true, record: true, ..NOTHING }).await;
    let claims = json!({"sub": "vera", "exp": LATER});
    for secret in [SECRET, ""] {
        let bearer = format!("Bearer {}", token(secret, &claims));
        refused(&world, &[("Authorization", &bearer)]).await;
    }
}

async fn the_version_header_is_ignored(on: On) {
    let (world, key, _) = vera(on).await;
    let bearer = format!("Bearer {key}");
    let query = json!({"query": "{ viewer { user { id } } }"}).to_string();
    let ask = |version: Option<&'static str>| {
        let mut client = with(&world, &[("Authorization", &bearer)]);
        if let Some(version) = version {
            client = client.with("Healthie-GraphQL-API-Version", version);
        }
        let query = query.clone();
        async move { client.send(Method::POST, "/graphql", Some("application/json"), query).await.body }
    };
    let plain = ask(None).await;
    for version in ["2024-06-01", "2026-01-01", "9999-99-99", "latest", ""] {
        assert_eq!(ask(Some(version)).await, plain, "{version}");
    }
}
