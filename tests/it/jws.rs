//! Tokens as forgers make them: what a JSON Web Signature can be bent into, and that none of it is
//! taken. The cases are in two tables, of a shared secret and of public keys; each has a name, and
//! whether a token is good.

mod public_keys;
mod shared_secret;
mod wycheproof;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use auditlog::auth::jwt::{KeySource, Settings, Verifier};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use proptest::prelude::*;
use serde_json::json;

use crate::support::client::Client;
use crate::support::tokens::{from_now, part};
use crate::support::world::{VIEW, World};
use crate::support::{On, TestClock};

on_both!(a_handful_over_http);

/// A token, and whether it signs Ann in.
pub struct Vector {
    pub name: &'static str,
    pub token: String,
    pub is_good: bool,
}

pub const fn good(name: &'static str, token: String) -> Vector {
    Vector { name, token, is_good: true }
}

pub const fn bad(name: &'static str, token: String) -> Vector {
    Vector { name, token, is_good: false }
}

/// The claims of Ann, which are good for a day.
pub fn claims() -> String {
    json!({"sub": "ann", "exp": from_now(86_400)}).to_string()
}

/// A token with this header and these claims, whatever texts they are, and its signature.
pub fn signed(header: &str, claims: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    let text = format!("{}.{}", part(header), part(claims));
    let signature = crypto::sign(text.as_bytes(), key, algorithm).unwrap();
    format!("{text}.{signature}")
}

/// A token with another signature.
pub fn with_signature(token: &str, signature: impl AsRef<str>) -> String {
    let (text, _) = token.rsplit_once('.').unwrap();
    format!("{text}.{}", signature.as_ref())
}

/// The same letters but for the last one, whose unused bits are set: another text of the same bytes.
pub fn with_stray_bits(part: &str) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(part.len() % 4, 0, "there are no unused bits");
    let (start, last) = part.split_at(part.len() - 1);
    let at = LETTERS.find(last).unwrap();
    format!("{start}{}", &LETTERS[at + 1..at + 2])
}

async fn hold(keys: KeySource, vectors: Vec<Vector>, at_least: usize) {
    let names: BTreeSet<_> = vectors.iter().map(|vector| vector.name).collect();
    assert_eq!(names.len(), vectors.len(), "each has a name of its own");
    assert!(vectors.len() >= at_least, "{}", vectors.len());
    let verifier = Verifier::new(Settings { keys, issuer: None, audience: None }).unwrap();
    for Vector { name, token, is_good } in vectors {
        let verified = verifier.verify(&token, TestClock::new().now()).await;
        match verified {
            Ok(subject) => assert!(is_good && subject == "ann", "{name}: {token} is taken"),
            Err(refusal) => assert!(!is_good, "{name}: {token} is not taken: {refusal:?}"),
        }
    }
}

#[tokio::test]
async fn of_a_shared_secret() {
    hold(KeySource::Secret(shared_secret::SECRET.to_owned()), shared_secret::vectors(), 130).await;
}

#[tokio::test]
async fn of_public_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, public_keys::set()).unwrap();
    hold(KeySource::File(path), public_keys::vectors(), 60).await;
}

/// A character of a token put in, taken out or changed.
fn altered(token: &str, at: usize, what: char, how: u8) -> String {
    let mut letters: Vec<char> = token.chars().collect();
    let at = at % letters.len();
    match how % 3 {
        0 => letters.insert(at, what),
        1 => drop(letters.remove(at)),
        _ => letters[at] = what,
    }
    letters.into_iter().collect()
}

/// Whether a token signs anybody in, by the keys of both tables.
fn is_taken(token: &str) -> bool {
    static KEYS: LazyLock<[Verifier; 2]> = LazyLock::new(|| {
        // The file goes at once; its keys go on being trusted.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks.json");
        std::fs::write(&path, public_keys::set()).unwrap();
        let keys = [KeySource::Secret(shared_secret::SECRET.to_owned()), KeySource::File(path)];
        let verifier = |keys| Verifier::new(Settings { keys, issuer: None, audience: None });
        keys.map(|keys| verifier(keys).unwrap())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let now = TestClock::new().now();
    KEYS.iter().any(|verifier| runtime.block_on(verifier.verify(token, now)).is_ok())
}

proptest! {
    #[test]
    fn a_token_that_is_altered_anywhere_is_not_taken(
        which in 0_usize..4,
        at: usize,
        what in "[A-Za-z0-9_.=+/ -]",
        how: u8,
    ) {
        static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
            let vectors = public_keys::vectors().into_iter().chain(shared_secret::vectors());
            let named = ["RS256", "ES256", "EdDSA", "as it should be"];
            vectors.filter(|v| named.contains(&v.name)).map(|v| v.token).collect()
        });
        let token = &TOKENS[which];
        prop_assert!(is_taken(token));
        let altered = altered(token, at, what.chars().next().unwrap(), how);
        prop_assert!(altered == *token || !is_taken(&altered), "{}", altered);
    }

    #[test]
    fn nothing_that_is_made_up_is_taken(
        parts in prop::collection::vec("\\PC{0,40}|[A-Za-z0-9_-]{0,200}", 0..6),
        header in prop::sample::select(vec![
            r#"{"alg":"HS256"}"#, r#"{"alg":"RS256"}"#, r#"{"alg":"ES256"}"#, r#"{"alg":"EdDSA"}"#,
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert!(!is_taken(&parts.join(".")));
        let (header, claims, bytes) = (part(header), part(claims()), part(bytes));
        let token = format!("{header}.{claims}.{bytes}");
        prop_assert!(!is_taken(&token));
    }
}

/// Every one that can stand in a header; the good ones sign in.
async fn a_handful_over_http(on: On) {
    let keys = KeySource::Secret(shared_secret::SECRET.to_owned());
    let settings = Settings { keys, issuer: None, audience: None };
    let world = World::with_tokens(on, Some(settings)).await;
    world.user("ann", "acme", VIEW).await;
    let mut sent = 0;
    // Spaces around a credential are HTTP's, and no part of it.
    let can_be_sent = |vector: &Vector| {
        vector.token.bytes().all(|b| b.is_ascii_graphic()) && vector.name != "empty"
    };
    for Vector { name, token, is_good } in shared_secret::vectors().into_iter().filter(can_be_sent)
    {
        let client = Client::bearer(&world.router, &token);
        let answer = client.graphql("{ viewer { user { id } } }", json!({})).await;
        assert_eq!(answer.status == 200, is_good, "{name}: {}", answer.body);
        assert_eq!(answer.status == 401, !is_good, "{name}: {}", answer.body);
        sent += 1;
    }
    assert!(sent > 50, "{sent}");
}
