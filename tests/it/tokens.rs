//! JSON Web Tokens signed with a secret, what they must say, and what they have no say in.

use auditlog::auth::jwt::{KeySource, Settings, Verifier};
use auditlog::error::Error;
use axum::http::StatusCode;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::administration::done;
use crate::support::client::Client;
use crate::support::tokens::{Signer, from_now, part};
use crate::support::world::{NOTHING, OWN, VIEW, World, event};
use crate::support::{On, TestClock};

on_both!(
    a_token_says_who_and_memberships_say_what_they_may,
    a_subject_that_is_no_user_is_nobody,
    tokens_are_taken_only_where_they_are_set_up,
);

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const UNTRUSTED: &str = "the token is signed by no key that is trusted here";
const NO_TOKEN: &str = "the credential is neither an API key nor a JSON Web Token";

fn settings() -> Settings {
    Settings { keys: KeySource::Secret(SECRET.to_owned()), issuer: None, audience: None }
}

/// The `sub` of a token, or why it is refused.
async fn verify(settings: Settings, token: &str) -> Result<String, String> {
    let verifier = Verifier::new(settings).unwrap();
    let verified = verifier.verify(token, TestClock::new().now()).await;
    verified.map_err(|refusal| {
        let error = Error::from(refusal);
        assert_eq!(error.code().as_str(), "UNAUTHENTICATED");
        error.to_string()
    })
}

/// Checks tokens with these claims, each with what is to be said of it; `""` for nothing.
async fn check_claims(settings: &Settings, cases: &[(Value, &str)]) {
    for (claims, problem) in cases {
        let token = Signer::secret(SECRET.as_bytes()).sign(claims);
        let expected =
            if problem.is_empty() { Ok("ann".to_owned()) } else { Err((*problem).to_owned()) };
        assert_eq!(verify(settings.clone(), &token).await, expected, "{claims}");
    }
}

#[test]
fn a_secret_has_at_least_32_bytes() {
    let new = |secret: &str| {
        let keys = KeySource::Secret(secret.to_owned());
        Verifier::new(Settings { keys, ..settings() }).map(drop).map_err(|error| error.to_string())
    };
    let too_short = |bytes| Err(format!("jwt_secret must have at least 32 bytes, and has {bytes}"));
    assert_eq!(new(&SECRET[1..]), too_short(31));
    assert_eq!(new(""), too_short(0));
    assert_eq!(new(SECRET), Ok(()));
    assert_eq!(new(&"é".repeat(16)), Ok(()));
}

#[tokio::test]
async fn a_token_must_be_valid_now() {
    let expired = "the token has expired";
    let no_exp = "the token has no exp";
    let early = "the token is not valid yet (nbf)";
    let ahead = "the token's iat is in the future: its issuer's clock is ahead";
    check_claims(
        &settings(),
        &[
            (json!({"sub": "ann", "exp": from_now(60)}), ""),
            (json!({"sub": "ann", "exp": from_now(60) as f64 + 0.5}), ""),
            (json!({"sub": "ann", "exp": 253_402_300_799_u64}), ""),
            // Clocks may differ by half a minute.
            (json!({"sub": "ann", "exp": from_now(-30)}), ""),
            (json!({"sub": "ann", "exp": from_now(-31)}), expired),
            (json!({"sub": "ann", "exp": from_now(-31) as f64 + 0.9}), expired),
            (json!({"sub": "ann", "exp": -1}), expired),
            (json!({"sub": "ann", "exp": 0}), expired),
            (json!({"sub": "ann"}), no_exp),
            (json!({"sub": "ann", "exp": null}), no_exp),
            (json!({"sub": "ann", "exp": "never"}), no_exp),
            (json!({"sub": "ann", "exp": from_now(60).to_string()}), no_exp),
            (json!({"sub": "ann", "exp": from_now(60), "nbf": from_now(-60)}), ""),
            (json!({"sub": "ann", "exp": from_now(60), "nbf": from_now(30)}), ""),
            (json!({"sub": "ann", "exp": from_now(60), "nbf": from_now(29) as f64 + 0.5}), ""),
            (json!({"sub": "ann", "exp": from_now(600), "nbf": from_now(30) as f64 + 0.5}), early),
            (json!({"sub": "ann", "exp": from_now(600), "nbf": from_now(31)}), early),
            (
                json!({"sub": "ann", "exp": from_now(600), "nbf": "now"}),
                "the token's nbf is no time",
            ),
            (json!({"sub": "ann", "exp": from_now(60), "nbf": null}), "the token's nbf is no time"),
            (json!({"sub": "ann", "exp": from_now(60), "iat": from_now(-900)}), ""),
            (json!({"sub": "ann", "exp": from_now(60), "iat": from_now(30)}), ""),
            (json!({"sub": "ann", "exp": from_now(600), "iat": from_now(30) as f64 + 0.5}), ahead),
            (json!({"sub": "ann", "exp": from_now(600), "iat": from_now(31)}), ahead),
            (
                json!({"sub": "ann", "exp": from_now(60), "iat": "now"}),
                "the token's iat is no time",
            ),
            (json!({"sub": "ann", "exp": from_now(60), "iat": null}), "the token's iat is no time"),
            (json!({"sub": "ann", "exp": from_now(60), "iat": true}), "the token's iat is no time"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_token_must_say_who() {
    let exp = from_now(60);
    let no_sub = "the token has no sub";
    check_claims(
        &settings(),
        &[
            (json!({"exp": exp}), no_sub),
            (json!({"exp": exp, "sub": null}), no_sub),
            (json!({"exp": exp, "sub": 12345}), no_sub),
            (json!({"exp": exp, "sub": true}), no_sub),
            (json!({"exp": exp, "user_id": "ann"}), no_sub),
        ],
    )
    .await;
}

#[tokio::test]
async fn issuer_and_audience_are_checked_when_they_are_set() {
    let exp = from_now(60);
    let claims = |iss: Value, aud: Value| {
        let mut claims = json!({"sub": "ann", "exp": exp});
        for (key, value) in [("iss", iss), ("aud", aud)] {
            if !value.is_null() {
                claims[key] = value;
            }
        }
        claims
    };
    let (us, them) = ("https://id.example", "https://id.example/");
    let none = Value::Null;
    // Nothing is asked of them when they are not set.
    let cases = [
        (claims(json!(them), json!("other")), ""),
        (claims(json!(them), json!(["a", "b"])), ""),
        (claims(none.clone(), none.clone()), ""),
    ];
    check_claims(&settings(), &cases).await;

    let issuer = Settings { issuer: Some(us.to_owned()), ..settings() };
    let wrong = "the token's iss is not the one trusted here";
    let cases = [
        (claims(json!(us), none.clone()), ""),
        (claims(json!(us), json!("anybody")), ""),
        (claims(none.clone(), none.clone()), "the token has no iss"),
        (claims(json!(them), none.clone()), wrong),
        (claims(json!(""), none.clone()), wrong),
        (claims(json!(7), none.clone()), "the token has no iss"),
    ];
    check_claims(&issuer, &cases).await;

    let both = Settings { audience: Some("auditlog".to_owned()), ..issuer };
    let wrong = "the token's aud is not this server";
    let cases = [
        (claims(json!(us), json!("auditlog")), ""),
        (claims(json!(us), json!(["other", "auditlog"])), ""),
        (claims(json!(us), json!("Auditlog")), wrong),
        (claims(json!(us), json!(["other"])), wrong),
        (claims(json!(us), json!([])), wrong),
        (claims(json!(us), json!(["auditlog", 7])), wrong),
        (claims(json!(us), json!({"auditlog": true})), wrong),
        (claims(json!([us]), json!("auditlog")), "the token has no iss"),
        (claims(json!(us), none.clone()), "the token has no aud"),
        (claims(none, json!("auditlog")), "the token has no iss"),
    ];
    check_claims(&both, &cases).await;
}

#[tokio::test]
async fn only_what_the_secret_signed_is_believed() {
    let signer = Signer::secret(SECRET.as_bytes());
    let token = signer.token("ann");
    assert_eq!(verify(settings(), &token).await.as_deref(), Ok("ann"));
    // A key's name means nothing where there is one key.
    let named = signer.named(Some("some-kid")).token("ann");
    assert_eq!(verify(settings(), &named).await.as_deref(), Ok("ann"));

    let [header, claims, signature]: [&str; 3] =
        token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = part(json!({"sub": "olga", "exp": from_now(600)}).to_string());
    let mut tampered = signature.to_owned();
    tampered.replace_range(..1, if signature.starts_with('A') { "B" } else { "A" });
    let signed_by = |secret: &str| Signer::secret(secret.as_bytes()).token("ann");
    for forged in [
        format!("{header}.{other}.{signature}"),
        format!("{header}.{claims}.{tampered}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{}", &signature[..20]),
        format!("{header}.{claims}.{signature}AA"),
        format!("{}.{claims}.{signature}", part(r#"{"alg":"HS256"}"#)),
        signed_by("another secret of at least 32 bytes"),
        signed_by(""),
        // The right secret, and a hash that is not the one that is set up.
        Signer { algorithm: Algorithm::HS384, ..signer.clone() }.token("ann"),
        Signer { algorithm: Algorithm::HS512, ..signer.clone() }.token("ann"),
        // A key pair of whoever wants in.
        Signer::pair(Algorithm::ES256, "kid").token("ann"),
        Signer::pair(Algorithm::EdDSA, "kid").token("ann"),
    ] {
        assert_eq!(verify(settings(), &forged).await, Err(UNTRUSTED.to_owned()), "{forged}");
    }
    let none = |alg: &str| part(json!({"alg": alg, "typ": "JWT"}).to_string());
    for garbage in [
        String::new(),
        "token".to_owned(),
        "a.b".to_owned(),
        "a.b.c".to_owned(),
        "..".to_owned(),
        format!("{token}.{token}"),
        format!("{}.{claims}.{signature}", part("{}")),
        // Without a signature, in every spelling.
        format!("{}.{claims}.", none("none")),
        format!("{}.{claims}.{signature}", none("none")),
        format!("{}.{claims}.", none("None")),
        format!("{}.{claims}.", none("NONE")),
        format!("{}.{claims}.{signature}", none("hs256")),
        format!("{}.{claims}.", none("")),
    ] {
        let problem = verify(settings(), &garbage).await.unwrap_err();
        assert!(problem == NO_TOKEN || problem == UNTRUSTED, "{garbage}: {problem}");
    }
}

async fn a_token_says_who_and_memberships_say_what_they_may(on: On) {
    let world = World::with_tokens(on, Some(settings())).await;
    let olga = world.user("olga", "acme", OWN).await;
    world.user("uma", "west", NOTHING).await;
    let claims = json!({
        "sub": "uma", "exp": from_now(600), "tenant_id": "globex", "organization_id": "acme",
        "is_owner": true, "can_view_audit_log": true, "can_record": true, "scope": "admin",
        "roles": ["owner"], "user_id": "olga",
    });
    let token = Signer::secret(SECRET.as_bytes()).sign(&claims);
    let uma = Client::bearer(&world.router, &token);
    let query = "{ viewer {
        user { id } is_owner can_view_audit_log can_record
        organization_memberships { id organization_id } organizations { id }
    } }";
    let viewer = uma.query(query).await["viewer"].clone();
    let membership = viewer["organization_memberships"][0]["id"].clone();
    let expected = json!({
        "user": {"id": "uma"}, "is_owner": false, "can_view_audit_log": false, "can_record": false,
        "organization_memberships": [{"id": membership, "organization_id": "west"}],
        "organizations": [],
    });
    assert_eq!(viewer, expected);
    let read = "{ auditLog(first: 1) { total_count } }";
    assert_eq!(uma.error_code(read, json!({})).await, "FORBIDDEN");
    assert_eq!(uma.record(event("west", "1")).await.status, StatusCode::FORBIDDEN);

    // The same token says the same; what they may has changed.
    let change = json!({"id": membership, "can_view_audit_log": true, "can_record": true});
    done(&olga, "updateOrganizationMembership", change).await;
    assert_eq!(uma.record(event("west", "1")).await.status, StatusCode::OK);
    assert_eq!(uma.record(event("acme", "1")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    uma.query(read).await;
    let change = json!({"id": membership, "can_view_audit_log": false, "can_record": false});
    done(&olga, "updateOrganizationMembership", change).await;
    assert_eq!(uma.error_code(read, json!({})).await, "FORBIDDEN");
}

async fn a_subject_that_is_no_user_is_nobody(on: On) {
    let world = World::with_tokens(on, Some(settings())).await;
    world.user("ann", "acme", VIEW).await;
    let signer = Signer::secret(SECRET.as_bytes());
    let query = "{ viewer { user { id } } }";
    let mut answers = Vec::new();
    let long = "x".repeat(5_000);
    for subject in ["nobody", "Ann", "ann ", "", "acme", "no_author", "' OR 1=1 --", &long] {
        let answer =
            Client::bearer(&world.router, &signer.token(subject)).graphql(query, json!({})).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{subject:?}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].contains("the token's sub is no user of this server"), "{answers:?}");
    // What no database's text can hold is not read at all.
    let unreadable = Client::bearer(&world.router, &signer.token("a\u{0}"));
    assert_eq!(unreadable.graphql(query, json!({})).await.status, StatusCode::UNAUTHORIZED);
    Client::bearer(&world.router, &signer.token("ann")).query(query).await;
}

async fn tokens_are_taken_only_where_they_are_set_up(on: On) {
    let world = World::new(on).await;
    world.user("ann", "acme", VIEW).await;
    let token = Signer::secret(SECRET.as_bytes()).token("ann");
    let answer =
        Client::bearer(&world.router, &token).get("/graphql?query={viewer{is_owner}}").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let message = "the credential is no API key, and this server takes no JSON Web Tokens";
    let error = &answer.json()["errors"][0];
    assert_eq!(
        (&error["message"], &error["extensions"]["code"]),
        (&json!(message), &json!("UNAUTHENTICATED"))
    );
}
