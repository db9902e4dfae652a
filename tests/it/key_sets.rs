//! JSON Web Key Sets: which of their keys are trusted for what, and how they are fetched.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

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
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::TestClock;
use crate::support::tokens::{Signer, key_set, part};

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
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let operations = |operations: Value| {
        let mut jwk = ec.jwk();
        jwk["key_ops"] = operations;
        jwk
    };
    let unusable = [
        // Of 1,024 bits, one bit less than enough, and more than anybody checks.
        with(RSA.jwk(), "n", &number(&[0xc1; 128])),
        with(RSA.jwk(), "n", &number(&[&[0x7f][..], &[0xc1; 255]].concat())),
        with(RSA.jwk(), "n", &number(&[&[0; 128][..], &[0xc1; 128]].concat())),
        with(RSA.jwk(), "n", &number(&[0xc1; 1025])),
        with(RSA.jwk(), "n", "not base64url!"),
        // With an exponent of 1 a text is its own signature.
        with(RSA.jwk(), "e", &number(&[1])),
        with(RSA.jwk(), "e", &number(&[0, 0, 1])),
        with(RSA.jwk(), "e", &number(&[0])),
        with(RSA.jwk(), "e", ""),
        with(RSA.jwk(), "e", &number(&[1, 0])),
        // Not only the public part of it.
        with(RSA.jwk(), "d", "AQAB"),
        with(ec.jwk(), "d", "AQAB"),
        with(ec.jwk(), "k", "AQAB"),
        with(ec.jwk(), "use", "enc"),
        with(ec.jwk(), "use", ""),
        operations(json!(["sign"])),
        operations(json!(["encrypt", "verifyNot"])),
        operations(json!([])),
        with(ec.jwk(), "x", &number(&[7; 31])),
        with(ec.jwk(), "y", &number(&[7; 33])),
        with(ec.jwk(), "crv", "secp256k1"),
        with(ec.jwk(), "crv", "Ed25519"),
        with(ec.jwk(), "kty", "OKP"),
        with(ec.jwk(), "kty", "ec"),
        with(ec.jwk(), "kty", "AKP"),
        json!({}),
        json!("key"),
        json!(null),
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
        let problem = "jwt_jwks_file FILE: it holds no key for RS256, ES256 or EdDSA (key 1: it";
        let said = from_file(&only).err().unwrap();
        assert!(said.starts_with(problem), "{jwk}: {said}");
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

#[tokio::test]
async fn a_key_may_say_what_it_is_for() {
    let ec = Signer::pair(Algorithm::ES256, "ec");
    for (member, value) in [
        ("use", json!("sig")),
        ("key_ops", json!(["verify"])),
        ("key_ops", json!(["sign", "verify"])),
        ("x5t", json!("whatever")),
        ("kid", json!("é \u{1f511}")),
    ] {
        let mut jwk = ec.jwk();
        jwk[member] = value;
        let named = ec.named(jwk["kid"].as_str());
        let verifier = from_file(&json!({"keys": [jwk]}).to_string()).unwrap();
        assert!(is_trusted(&verifier, &named.token("ann")).await, "{member}");
    }
}

#[test]
fn keys_come_only_from_where_nobody_on_the_way_can_change_them() {
    for url in [
        "http://id.example/keys",
        "http://192.0.2.1/keys",
        "http://localhost.example/keys",
        "http://127.0.0.1.example/keys",
        "ftp://127.0.0.1/keys",
        "file:///etc/keys.json",
        "data:application/json,{}",
        "id.example/keys",
        "nonsense",
        "",
    ] {
        let keys = KeySource::Url(url.to_owned());
        let problem = keys.check().err().unwrap_or_else(|| panic!("{url}")).to_string();
        assert!(problem.starts_with("jwt_jwks_url must be an https:// URL"), "{problem}");
        assert!(Verifier::new(settings(keys)).is_err(), "{url}");
    }
    for url in [
        "https://id.example/keys",
        "https://user:password@id.example/keys?tenant=1",
        "http://localhost:9000/keys",
        "http://127.0.0.1/keys",
        "http://[::1]:9000/keys",
    ] {
        KeySource::Url(url.to_owned()).check().unwrap();
    }
}

/// A file of keys that a verifier trusts.
struct KeyFile {
    path: PathBuf,
    clock: TestClock,
    verifier: Verifier,
    _folder: tempfile::TempDir,
}

impl KeyFile {
    fn with(signers: &[&Signer]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks.json");
        std::fs::write(&path, key_set(signers).to_string()).unwrap();
        let verifier = Verifier::new(settings(KeySource::File(path.clone()))).unwrap();
        Self { path, clock: TestClock::new(), verifier, _folder: folder }
    }

    fn says(&self, text: impl AsRef<[u8]>) {
        std::fs::write(&self.path, text).unwrap();
    }

    async fn trusts(&self, signer: &Signer) -> bool {
        let token = signer.token("ann");
        verify(&self.verifier, &token, self.clock.now()).await == Ok("ann".to_owned())
    }
}

#[tokio::test]
async fn a_file_is_read_again_when_its_keys_change() {
    let old = Signer::pair(Algorithm::EdDSA, "old");
    let new = Signer::pair(Algorithm::ES256, "new");
    let file = KeyFile::with(&[&old]);
    assert!(file.trusts(&old).await);
    // A key is added, and then the old one is taken away: each counts within a minute.
    file.says(key_set(&[&old, &new]).to_string());
    assert!(!file.trusts(&new).await, "it is read once a minute");
    file.clock.advance(TimeDelta::minutes(1));
    assert!(file.trusts(&new).await && file.trusts(&old).await);
    file.says(key_set(&[&new]).to_string());
    file.clock.advance(TimeDelta::seconds(59));
    assert!(file.trusts(&old).await);
    file.clock.advance(TimeDelta::seconds(1));
    assert!(!file.trusts(&old).await && file.trusts(&new).await);
    // While it is half written, away or of no use, the last keys go on being trusted.
    let too_large = format!("{}{}", " ".repeat(300_000), key_set(&[&old]));
    for text in ["", "{\"keys\": [", "{\"keys\": []}", &too_large] {
        file.says(text);
        file.clock.advance(TimeDelta::minutes(1));
        assert!(file.trusts(&new).await && !file.trusts(&old).await, "{:.40}", text);
    }
    std::fs::remove_file(&file.path).unwrap();
    file.clock.advance(TimeDelta::hours(1));
    assert!(file.trusts(&new).await);
    // The clock set back does not put it off.
    file.says(key_set(&[&old]).to_string());
    file.clock.advance(TimeDelta::hours(-5));
    assert!(file.trusts(&old).await && !file.trusts(&new).await);
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
        Self::waiting(signers, Arc::new(Semaphore::new(Semaphore::MAX_PERMITS))).await
    }

    /// One that answers as often as there are permits.
    async fn waiting(signers: &[&Signer], answers: Arc<Semaphore>) -> Self {
        let fetches = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Mutex::new((StatusCode::OK, key_set(signers).to_string())));
        let (counted, said) = (Arc::clone(&fetches), Arc::clone(&answer));
        let keys = get(async move || {
            counted.fetch_add(1, Ordering::SeqCst);
            answers.acquire().await.unwrap().forget();
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
    for minute in 1..=3 {
        let mut tasks = JoinSet::new();
        for n in 0..60 {
            let provider = Arc::clone(&provider);
            let other = format!("kid-{minute}-{n}");
            let signer = if n % 3 == 0 { ed.clone() } else { ed.named(Some(&other)) };
            tasks.spawn(async move { provider.trusts(&signer.token("ann")).await });
        }
        let trusted = tasks.join_all().await.into_iter().filter(|trusted| *trusted).count();
        assert_eq!((trusted, provider.fetches()), (20, minute));
        provider.clock.advance(TimeDelta::minutes(1));
    }
}

/// A provider that answers when it is told to.
struct SlowProvider {
    provider: Provider,
    answers: Arc<Semaphore>,
}

impl SlowProvider {
    async fn with(signers: &[&Signer]) -> Self {
        let answers = Arc::new(Semaphore::new(0));
        Self { provider: Provider::waiting(signers, Arc::clone(&answers)).await, answers }
    }

    async fn verify(&self, token: &str) -> Result<String, String> {
        let Provider { verifier, clock, .. } = &self.provider;
        verify(verifier, token, clock.now()).await
    }

    /// Lets it answer once, and waits until that is known.
    async fn answer(&self, token: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        self.answers.add_permits(1);
        while self.verify(token).await != Ok("ann".to_owned()) {
            assert!(Instant::now() < end, "the keys did not come");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

const NOT_KNOWN_YET: &str = "the keys by which tokens are signed are being fetched, and whether one of them signed this \
                             token is not known yet: try again shortly";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_long_for_a_slow_provider() {
    let ed = Signer::pair(Algorithm::EdDSA, "ed");
    let next = Signer::pair(Algorithm::EdDSA, "next");
    let slow = SlowProvider::with(&[&ed]).await;
    let clock = &slow.provider.clock;
    let hers = || Ok("ann".to_owned());
    // Before the first keys are there, it cannot be said whether a token is good.
    let token = ed.token("ann");
    assert_eq!(slow.verify(&token).await, Err(NOT_KNOWN_YET.to_owned()));
    assert_eq!(slow.provider.fetches(), 1);
    slow.answer(&token).await;
    // A name that is not known has them fetched, and makes only its own token wait.
    clock.advance(TimeDelta::minutes(1));
    assert_eq!(slow.verify(&next.token("ann")).await, Err(NOT_KNOWN_YET.to_owned()));
    for _ in 0..20 {
        assert_eq!(slow.verify(&token).await, hers());
    }
    // Twenty who wait a second each would have outlasted the fetch, which goes on.
    assert_eq!(slow.verify(&next.token("ann")).await, Err(NOT_KNOWN_YET.to_owned()));
    assert_eq!(slow.provider.fetches(), 2);
    slow.provider.says(200, key_set(&[&ed, &next]).to_string());
    slow.answer(&next.token("ann")).await;
    // Keys that are due are fetched behind the backs of those who use them.
    clock.advance(TimeDelta::minutes(5));
    assert_eq!(slow.verify(&token).await, hers());
    slow.provider.says(200, key_set(&[&next]).to_string());
    slow.answers.add_permits(1);
    let end = Instant::now() + Duration::from_secs(60);
    while slow.verify(&token).await == hers() {
        assert!(Instant::now() < end, "the keys did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(slow.provider.fetches(), 3);
    // After a long pause they are waited for a little, and then gone on with.
    clock.advance(TimeDelta::hours(1));
    assert_eq!(slow.verify(&next.token("ann")).await, hers());
    assert_eq!(slow.verify(&next.token("ann")).await, hers());
}

#[tokio::test]
async fn no_set_is_fetched_for_what_no_key_of_it_can_have_signed() {
    let ed = Signer::pair(Algorithm::EdDSA, "ed");
    let provider = Provider::with(&[&ed]).await;
    for alg in ["HS256", "none", "PS256", "ES384", "nonsense"] {
        let header = part(json!({"alg": alg, "kid": "ed"}).to_string());
        let rest = ed.token("ann");
        let (_, rest) = rest.split_once('.').unwrap();
        assert!(!provider.trusts(&format!("{header}.{rest}")).await);
    }
    assert_eq!(provider.fetches(), 0);
    assert!(provider.trusts(&ed.token("ann")).await);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let ed = Signer::pair(Algorithm::EdDSA, "ed");
    let target = Provider::with(&[&ed]).await;
    for status in [301, 302, 303, 307, 308] {
        for to in [target.url.clone(), "file:///etc/hostname".to_owned(), "/keys".to_owned()] {
            let answer = (StatusCode::from_u16(status).unwrap(), [("location", to)]);
            let router = Router::new().route("/keys", get(async move || answer.clone()));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/keys", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, router).await });
            let verifier = Verifier::new(settings(KeySource::Url(url))).unwrap();
            let said = verify(&verifier, &ed.token("ann"), target.clock.now()).await;
            assert_eq!(said, Err(UNTRUSTED.to_owned()));
        }
    }
    assert_eq!(target.fetches(), 0);
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
        (200, format!("{}{set}", " ".repeat(300_000))),
    ] {
        provider.says(status, text.clone());
        let before = provider.fetches();
        provider.clock.advance(TimeDelta::hours(1));
        assert!(provider.trusts(&ed.token("ann")).await, "{status} {text:.40}");
        assert!(!provider.trusts(&ec.token("ann")).await, "{status} {text:.40}");
        assert!(!provider.trusts(&oct.token("ann")).await, "{status} {text:.40}");
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
