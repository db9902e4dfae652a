//! No secret, nor a piece of one, in a log at its most talkative, in the metrics, in an answer or in a
//! message of the command line.

use std::net::TcpListener;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::binary::{Installation, Ran, http_client};
use crate::support::tokens::Signer;

on_both!(a_server_keeps_every_secret, a_set_of_keys_behind_a_password_is_fetched_in_silence);

const JWT_SECRET: &str = "vX7-the-secret-of-all-tokens-pQ93kfmZ0aL2";
const PASSWORD: &str = "hunter2-kd83hHGq-of-the-database";

/// How long a piece of a secret counts.
const PIECE: usize = 12;

/// Texts that must not be seen, by what they are.
#[derive(Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn add(&mut self, what: &'static str, secret: &str) -> String {
        self.0.push((what, secret.to_owned()));
        secret.to_owned()
    }

    /// A token, of which the claims and the signature are nobody's to read. (A header says no more
    /// than an algorithm.)
    fn add_token(&mut self, what: &'static str, token: &str) -> String {
        self.0.extend(token.split('.').skip(1).map(|part| (what, part.to_owned())));
        token.to_owned()
    }

    /// Holds that no piece of any is in a text.
    fn are_not_in(&self, place: &str, text: &str) {
        for (what, secret) in &self.0 {
            assert!(secret.is_ascii() && secret.len() >= PIECE, "{what} is no secret to look for");
            for at in 0..=secret.len() - PIECE {
                let piece = &secret[at..at + PIECE];
                if let Some(found) = text.find(piece) {
                    let start = text[..found].rfind('\n').map_or(0, |at| at + 1);
                    let line: String = text[start..].chars().take(400).collect();
                    panic!("{what} is in {place}: {piece} in {line}");
                }
            }
        }
    }
}

fn by(signer: &Signer, sub: &str, more: Value) -> String {
    let mut claims = json!({"sub": sub, "exp": 4_102_444_800_u32, "session": "s-1Kq8xWn40PzR"});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    signer.sign(&claims)
}

/// A database's URL with a password in it, where it can have one; the tests' server asks for none.
fn with_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    match rest.split_once('@') {
        Some((user, rest)) if !user.contains(':') => format!("{scheme}://{user}:{PASSWORD}@{rest}"),
        _ => url.to_owned(),
    }
}

async fn a_server_keeps_every_secret(on: On) {
    let installation = Installation::new(on).await;
    let mut secrets = Secrets::default();
    secrets.add("the secret of tokens", JWT_SECRET);
    secrets.add("the password of the database", PASSWORD);
    let good = secrets.add("a key", &installation.set_up());
    let make = |expiry: &[&str]| -> (String, String) {
        let create = ["api-key", "create", "--user", "ann", "--json"];
        let made = installation.done(&[&create[..], expiry].concat());
        let made: Value = serde_json::from_str(&made).unwrap();
        (made["api_key"].as_str().unwrap().into(), made["id"].as_str().unwrap().into())
    };
    let expired = secrets.add("an expired key", &make(&["--expires-in", "1s"]).0);
    let (deleted, id) = make(&[]);
    secrets.add("a deleted key", &deleted);
    installation.done(&["api-key", "revoke", &id]);

    let trusted = Signer::secret(JWT_SECRET.as_bytes());
    let stranger = Signer::secret(b"another secret of more than thirty-two bytes");
    let pair = Signer::pair(Algorithm::ES256, "ec");
    let nothing = || json!({});
    let filling = "r4Gt".repeat(3_000);
    let tokens = [
        ("a token", by(&trusted, "ann", nothing())),
        ("an expired token", by(&trusted, "ann", json!({"exp": 1}))),
        ("a token of the future", by(&trusted, "ann", json!({"iat": 4_102_444_700_u32}))),
        ("a token of nobody", by(&trusted, "nobody-4Jd92", nothing())),
        ("a forged token", by(&stranger, "ann", nothing())),
        ("a token of a stranger", by(&pair, "ann", nothing())),
        ("a token that is too long", by(&trusted, "ann", json!({"x": filling}))),
    ];
    let mut credentials = vec![good.clone(), expired.clone(), deleted];
    credentials.extend(tokens.iter().map(|(what, token)| secrets.add_token(what, token)));
    credentials
        .push(secrets.add("an unknown key", "al_kDq82hGz0SxwPm4nVbYt71LcRjUeAoFi5HsQ9yTMNWE"));
    credentials.push(secrets.add("a key that is cut short", &good[..30]));
    credentials.push(secrets.add("a password in place of a key", "Tr0ub4dor-and-3-more-words"));
    credentials.push(secrets.add("a key with more behind it", &format!("{good}Zz9Zz9Zz9Zz9Zz9")));

    let server = installation
        .command(&["serve", "--listen", "127.0.0.1:0", "--log", "trace"])
        .env("AUDITLOG_JWT_SECRET", JWT_SECRET)
        .env("AUDITLOG_DATABASE_URL", with_password(installation.url()))
        .serving();
    // The one that expires has had its second when the server runs, or will have had it soon.
    let ends = async {
        while server.graphql(&expired, "{ __typename }").await.0 == 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ends).await.expect("it expires");
    let client = http_client();
    let mut taken = 0;
    for credential in &credentials {
        for scheme in ["Bearer", "Basic", "Token"] {
            for (path, body) in [
                (
                    "/graphql",
                    "{\"query\": \"{ viewer { user { id } } auditLog { total_count } }\"}",
                ),
                ("/graphql", "{\"query\": \"{ nonsense }\"}"),
                ("/graphql", "no JSON"),
                ("/v1/audit-events", "[{\"type\": \"NONSENSE\"}]"),
            ] {
                let request = client
                    .post(format!("{}{path}", server.url))
                    .header("authorization", format!("{scheme} {credential}"))
                    .header("authorizationsource", "API")
                    .header("content-type", "application/json")
                    .body(body);
                let answer = request.send().await.unwrap();
                taken += usize::from(answer.status() == 200);
                let headers = format!("{:?}", answer.headers());
                let said = format!("{headers} {}", answer.text().await.unwrap());
                secrets.are_not_in("an answer", &said);
            }
        }
        // Where no credential belongs.
        for path in ["/healthz", "/readyz", "/nowhere", "/v1/audit-events"] {
            let url = format!("{}{path}?api_key={credential}", server.url);
            let cookie = format!("session={credential}");
            let request = client.get(url).header("x-api-key", credential).header("cookie", cookie);
            secrets.are_not_in("an answer", &request.send().await.unwrap().text().await.unwrap());
        }
    }
    assert!(taken >= 2, "the good ones are taken");
    let metrics = server.get("/metrics").await.1;
    for reason in ["unknown_key", "deleted_key", "expired_key", "untrusted_token", "too_long"] {
        assert!(metrics.contains(&format!("{{reason=\"{reason}\"}}")), "{reason}: {metrics}");
    }
    secrets.are_not_in("the metrics", &metrics);
    let log = "{ auditLog(first: 1000) { nodes {
        type resource_id description metadata url user_agent request_id
        resource_changes { field value_before_change value_after_change }
    } } }";
    let (status, log) = server.graphql(&good, log).await;
    assert!(status == 200 && log.to_string().contains("SIGN_IN_FAILED"), "{log}");
    secrets.are_not_in("the audit log", &log.to_string());
    server.signal("TERM");
    let Ran { stdout, stderr, .. } = server.ended().exited(0);
    for reason in ["no_credential", "unknown_key", "deleted_key", "expired_token", "malformed"] {
        let told = format!("a sign-in failed reason=\"{reason}\" ip_address=\"127.0.0.1\"");
        assert_eq!(stderr.matches(&told).count().clamp(1, 10), stderr.matches(&told).count());
    }
    secrets.are_not_in("its output", &stdout);
    secrets.are_not_in("its log", &stderr);
}

async fn a_set_of_keys_behind_a_password_is_fetched_in_silence(on: On) {
    let installation = Installation::new(on).await;
    installation.set_up();
    let mut secrets = Secrets::default();
    let password = secrets.add("the password in a URL", "pw-8dKx0QzLm3Vt");
    let parameter = secrets.add("the parameter of a URL", "tk-Hq72NcZp5Xr1");
    let token = by(&Signer::pair(Algorithm::ES256, "ec"), "ann", json!({}));
    secrets.add_token("a token", &token);
    // Nobody answers there.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://user:{password}@{closed}/keys?token={parameter}");
    let server = installation
        .command(&["serve", "--listen", "127.0.0.1:0", "--log", "debug", "--jwt-jwks-url", &url])
        .serving();
    let (status, answer) = server.graphql(&token, "{ __typename }").await;
    assert_eq!(status, 401);
    secrets.are_not_in("an answer", &answer.to_string());
    server.signal("TERM");
    let Ran { stderr, .. } = server.ended().exited(0);
    assert!(stderr.contains("the JSON Web Key Set was not read"), "{stderr}");
    assert!(stderr.contains(&format!("http://{closed}/keys")), "it says where: {stderr}");
    secrets.are_not_in("its log", &stderr);
}

#[test]
fn what_is_wrong_with_settings_is_said_without_them() {
    let installation = Installation::bare();
    let mut secrets = Secrets::default();
    secrets.add("the secret of tokens", JWT_SECRET);
    secrets.add("the password", PASSWORD);
    secrets.add("a secret of digits", "48201937465029187364");
    secrets.add("a short secret", "only-30-bytes-of-a-secret-Kd82");
    for content in [
        format!("jwt_secret = \"{JWT_SECRET}"),
        format!("jwt_secret = {JWT_SECRET}"),
        format!("jwt_secret \"{JWT_SECRET}\""),
        format!("jwt_secrets = \"{JWT_SECRET}\""),
        format!("jwt_secret = \"{JWT_SECRET}\"\njwt_secret = \"{JWT_SECRET}\""),
        format!("jwt_secret = [\"{JWT_SECRET}\"]"),
        format!("[jwt_secret]\nvalue = \"{JWT_SECRET}\""),
        format!("jwt_secret = \"{JWT_SECRET}\\q\""),
        "jwt_secret = 48201937465029187364".to_owned(),
        "jwt_secret = 4820193746502918".to_owned(),
        "jwt_secret = 48201937465029.187364".to_owned(),
        "jwt_secret = \"only-30-bytes-of-a-secret-Kd82\"".to_owned(),
        format!("jwt_secret = \"{JWT_SECRET}\"\njwt_jwks_file = \"x\""),
        format!("database_url = \"postgres://u:{PASSWORD}@127.0.0.1/x"),
        format!("database_url = postgres://u:{PASSWORD}@127.0.0.1/x"),
        format!("database_url = \"mysql://u:{PASSWORD}@127.0.0.1/x\""),
        format!("database-url = \"postgres://u:{PASSWORD}@127.0.0.1/x\""),
        format!("jwt_jwks_url = \"http://u:{PASSWORD}@id.example/keys\""),
        format!("jwt_jwks_url = \"https://u:{PASSWORD}@id.example:port/keys\""),
    ] {
        installation.write("auditlog.toml", &content);
        let ran = installation.run(&["serve", "--listen", "127.0.0.1:0"]).exited(2);
        assert!(ran.stderr.starts_with("error: "), "{content}: {}", ran.stderr);
        secrets.are_not_in("a message", &format!("{}{}", ran.stdout, ran.stderr));
    }
}
