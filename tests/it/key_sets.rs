//! JSON Web Key Sets: which of their keys are trusted for what, and how they are fetched.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use auditlog::auth::jwt::{KeySource, Settings, Verifier};
use auditlog::domain::time::Time;
use auditlog::error::Error;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::TestClock;
use crate::support::tokens::{Signer, key_set};

const UNTRUSTED: &str = "the token is signed by no key that is trusted here";

/// Made once, because a key for RSA takes its time.
static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::pair(Algorithm::RS256, "rsa"));

fn settings(keys: KeySource) -> Settings {
    Settings { keys, issuer: None, audience: None }
}

/// A verifier that trusts the key set of a file with this text.
fn from_file(text: &str) -> Result<Verifier, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, text).unwrap();
    let verifier = Verifier::new(settings(KeySource::File(path.clone())));
    verifier.map_err(|error| error.to_string().replace(path.to_str().unwrap(), "FILE"))
}

async fn verify(verifier: &Verifier, token: &str, now: Time) -> Result<String, String> {
    verifier.verify(token, now).await.map_err(|refusal| Error::from(refusal).to_string())
}

async fn is_trusted(verifier: &Verifier, token: &str) -> bool {
    match verify(verifier, token, TestClock::new().now()).await {
        Ok(subject) => subject == "ann",
        Err(problem) => {
            assert_eq!(problem, UNTRUSTED);
            false
        }
    }
}

#[tokio::test]
async fn each_key_is_trusted_for_its_own_algorithm_and_name() {
    let ec = Signer::pair(Algorithm::ES256, "ec");
    let ed = Signer::pair(Algorithm::EdDSA, "ed");
    let verifier = from_file(&key_set(&[&RSA, &ec, &ed]).to_string()).unwrap();
    for signer in [&*RSA, &ec, &ed] {
        assert!(is_trusted(&verifier, &signer.token("ann")).await);
        // Without a name every key of the algorithm is tried.
        assert!(is_trusted(&verifier, &signer.named(None).token("ann")).await);
        // Under a name that nobody has, or that another key has, none is.
        for name in ["unknown", "", "rsa", "ec", "ed"] {
            let token = signer.named(Some(name)).token("ann");
            assert_eq!(is_trusted(&verifier, &token).await, signer.id.as_deref() == Some(name));
        }
        // Another key of the same kind and name is another key.
        if signer.algorithm != Algorithm::RS256 {
            let stranger = Signer::pair(signer.algorithm, signer.id.as_deref().unwrap());
            assert!(!is_trusted(&verifier, &stranger.token("ann")).await);
        }
    }
    // The right key, used for what it is not there for.
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let token = Signer { algorithm, ..RSA.clone() }.token("ann");
        assert!(!is_trusted(&verifier, &token).await, "{algorithm:?}");
    }
    // Keys that have no names, and say nothing of their algorithms.
    let mut set = key_set(&[&RSA, &ec, &ed]);
    for jwk in set["keys"].as_array_mut().unwrap() {
        for member in ["kid", "alg"] {
            jwk.as_object_mut().unwrap().remove(member);
        }
    }
    let verifier = from_file(&set.to_string()).unwrap();
    for signer in [&*RSA, &ec, &ed] {
        assert!(is_trusted(&verifier, &signer.token("ann")).await);
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret_to_sign_with() {
    let ec = Signer::pair(Algorithm::ES256, "ec");
    let set = key_set(&[&RSA, &ec]).to_string();
    let verifier = from_file(&set).unwrap();
    let mut texts: Vec<Vec<u8>> = vec![set.clone().into_bytes(), Vec::new()];
    for signer in [&*RSA, &ec] {
        let jwk = signer.jwk();
        texts.push(jwk.to_string().into_bytes());
        let members = jwk.as_object().unwrap().values().filter_map(Value::as_str);
        for member in members {
            texts.push(member.as_bytes().to_vec());
            texts.extend(URL_SAFE_NO_PAD.decode(member).ok());
        }
    }
    for name in [None, Some("rsa"), Some("ec")] {
        for text in &texts {
            let forger = Signer::secret(text).named(name);
            assert!(!is_trusted(&verifier, &forger.token("ann")).await);
        }
    }
}

#[tokio::test]
async fn keys_that_are_no_public_keys_of_ours_are_passed_over() {
    let secret = Signer::secret(b"a published secret of at least 32 bytes").named(Some("oct"));
    let with = |mut jwk: Value, member: &str, value: &str| {
        jwk[member] = json!(value);
        jwk
    };
    let ec = Signer::pair(Algorithm::ES256, "ec");
    let unusable = [
        secret.jwk(),
        with(secret.jwk(), "alg", "HS512"),
        with(RSA.jwk(), "alg", "RS512"),
        with(RSA.jwk(), "alg", "ES256"),
        with(RSA.jwk(), "alg", "RSA-OAEP"),
        with(ec.jwk(), "alg", "RS256"),
        with(ec.jwk(), "crv", "P-384"),
    ];
    for jwk in &unusable {
        let only = json!({"keys": [jwk]}).to_string();
        let problem = "jwt_jwks_file FILE: it holds no key for RS256, ES256 or EdDSA";
        assert_eq!(from_file(&only).err().unwrap(), problem, "{jwk}");
        // Beside one that is usable it does no harm and is not trusted.
        let ed = Signer::pair(Algorithm::EdDSA, "ed");
        let beside = json!({"keys": [jwk, ed.jwk()]}).to_string();
        let verifier = from_file(&beside).unwrap();
        assert!(is_trusted(&verifier, &ed.token("ann")).await, "{jwk}");
        for signer in [&secret, &*RSA, &ec] {
            assert!(!is_trusted(&verifier, &signer.token("ann")).await, "{jwk}");
        }
    }
}

#[test]
fn a_file_that_is_no_key_set_is_named() {
    for text in ["", "[]", "{}", "secret", r#"{"keys": {}}"#] {
        let problem = from_file(text).err().unwrap();
        assert!(
            problem.starts_with("jwt_jwks_file FILE: it is not a JSON Web Key Set: "),
            "{problem}"
        );
    }
    assert!(from_file(r#"{"keys": []}"#).is_err());
    let missing = Verifier::new(settings(KeySource::File(PathBuf::from("/nowhere/jwks.json"))));
    let problem = missing.err().unwrap().to_string();
    assert!(problem.starts_with("jwt_jwks_file /nowhere/jwks.json: "), "{problem}");
}

/// A provider of keys that counts how often it is asked.
struct Provider {
    url: String,
    fetches: Arc<AtomicUsize>,
    answer: Arc<Mutex<(StatusCode, String)>>,
    clock: TestClock,
    verifier: Verifier,
}

impl Provider {
    async fn with(signers: &[&Signer]) -> Self {
        let fetches = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Mutex::new((StatusCode::OK, key_set(signers).to_string())));
        let (counted, said) = (Arc::clone(&fetches), Arc::clone(&answer));
        let keys = get(async move || {
            counted.fetch_add(1, Ordering::SeqCst);
            said.lock().unwrap().clone()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", keys);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let verifier = Verifier::new(settings(KeySource::Url(url.clone()))).unwrap();
        Self { url, fetches, answer, clock: TestClock::new(), verifier }
    }

    fn says(&self, status: u16, text: impl Into<String>) {
        *self.answer.lock().unwrap() = (StatusCode::from_u16(status).unwrap(), text.into());
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    async fn trusts(&self, token: &str) -> bool {
        verify(&self.verifier, token, self.clock.now()).await == Ok("ann".to_owned())
    }
}

#[tokio::test]
async fn keys_at_a_url_are_fetched_when_needed_and_at_most_once_a_minute() {
    let ed = Signer::pair(Algorithm::EdDSA, "ed");
    let stranger = Signer::pair(Algorithm::EdDSA, "stranger");
    let provider = Provider::with(&[&ed]).await;
    assert_eq!(provider.fetches(), 0, "not before anybody signs in");
    assert!(!provider.trusts("garbage").await);
    assert_eq!(provider.fetches(), 0, "nor for what is no token");
    assert!(provider.trusts(&ed.token("ann")).await);
    assert_eq!(provider.fetches(), 1);
    for n in 0..50 {
        assert!(provider.trusts(&ed.token("ann")).await);
        assert!(!provider.trusts(&stranger.token("ann")).await);
        assert!(!provider.trusts(&stranger.named(Some(&format!("kid-{n}"))).token("ann")).await);
        assert!(!provider.trusts(&RSA.token("ann")).await);
        provider.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(provider.fetches(), 1, "whatever keys tokens name");
    provider.clock.advance(TimeDelta::seconds(9));
    assert!(!provider.trusts(&stranger.token("ann")).await);
    assert_eq!(provider.fetches(), 1, "59 seconds after");
    provider.clock.advance(TimeDelta::seconds(1));
    assert!(provider.trusts(&ed.token("ann")).await);
    assert_eq!(provider.fetches(), 1, "known keys need no fetching");
    assert!(!provider.trusts(&stranger.token("ann")).await);
    assert!(!provider.trusts(&stranger.token("ann")).await);
    assert_eq!(provider.fetches(), 2, "a minute after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_sign_in_at_once_fetch_the_keys_once() {
    let ed = Signer::pair(Algorithm::EdDSA, "ed");
    let provider = Arc::new(Provider::with(&[&ed]).await);
    let mut tasks = JoinSet::new();
    for n in 0..30 {
        let provider = Arc::clone(&provider);
        let signer = if n % 3 == 0 { ed.named(Some("other")) } else { ed.clone() };
        tasks.spawn(async move { provider.trusts(&signer.token("ann")).await });
    }
    let trusted = tasks.join_all().await.into_iter().filter(|trusted| *trusted).count();
    assert_eq!((trusted, provider.fetches()), (20, 1));
}

#[tokio::test]
async fn new_keys_are_picked_up_and_withdrawn_ones_forgotten() {
    let old = Signer::pair(Algorithm::EdDSA, "old");
    let new = Signer::pair(Algorithm::ES256, "new");
    let provider = Provider::with(&[&old]).await;
    assert!(provider.trusts(&old.token("ann")).await);
    // A key is added: it is known as soon as a token names it, a minute after the last fetch.
    provider.says(200, key_set(&[&old, &new]).to_string());
    assert!(!provider.trusts(&new.token("ann")).await);
    provider.clock.advance(TimeDelta::minutes(1));
    assert!(provider.trusts(&new.token("ann")).await);
    assert!(provider.trusts(&old.token("ann")).await);
    assert_eq!(provider.fetches(), 2);
    // A key is withdrawn: within ten minutes it is trusted no more, though nobody names another.
    provider.says(200, key_set(&[&new]).to_string());
    provider.clock.advance(TimeDelta::minutes(10));
    assert!(!provider.trusts(&old.token("ann")).await);
    assert!(provider.trusts(&new.token("ann")).await);
    assert_eq!(provider.fetches(), 3);
}

#[tokio::test]
async fn known_keys_go_on_working_while_their_provider_is_away() {
    let ed = Signer::pair(Algorithm::EdDSA, "ed");
    let ec = Signer::pair(Algorithm::ES256, "ec");
    let oct = Signer::secret(b"a published secret of at least 32 bytes");
    let provider = Provider::with(&[&ed]).await;
    assert!(provider.trusts(&ed.token("ann")).await);
    let set = key_set(&[&ec]).to_string();
    for (status, text) in [
        (500, set.clone()),
        (404, set.clone()),
        (200, "<html>Be right back</html>".to_owned()),
        (200, String::new()),
        (200, r#"{"keys": []}"#.to_owned()),
        (200, key_set(&[&oct]).to_string()),
    ] {
        provider.says(status, text.clone());
        let before = provider.fetches();
        provider.clock.advance(TimeDelta::hours(1));
        assert!(provider.trusts(&ed.token("ann")).await, "{status} {text}");
        assert!(!provider.trusts(&ec.token("ann")).await, "{status} {text}");
        assert!(!provider.trusts(&oct.token("ann")).await, "{status} {text}");
        assert_eq!(provider.fetches(), before + 1, "it is not asked again and again");
    }
    provider.says(200, set);
    provider.clock.advance(TimeDelta::minutes(1));
    assert!(provider.trusts(&ec.token("ann")).await);
    assert!(!provider.trusts(&ed.token("ann")).await);

    // One that cannot be reached from the start: nobody gets in, until it can.
    let port = provider.url.clone();
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", nowhere.local_addr().unwrap());
    drop(nowhere);
    assert_ne!(url, port);
    let verifier = Verifier::new(settings(KeySource::Url(url))).unwrap();
    let problem = verify(&verifier, &ed.token("ann"), provider.clock.now()).await;
    assert_eq!(problem, Err(UNTRUSTED.to_owned()));
}
