//! JSON Web Tokens: which keys and algorithms are trusted is configuration, never the token's say.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, RwLock};

use super::{Reason, Refusal};
use crate::domain::id::Id;
use crate::domain::time::Time;
use crate::error::{Error, Result};

/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// How long a fetched key set is used before it is fetched again, and how long at least between two
/// fetches when tokens name keys that are not in it.
const REFRESH_AFTER: TimeDelta = TimeDelta::minutes(10);
const FETCH_AT_MOST_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The shortest HS256 secret, in bytes: that of the hash.
pub const MIN_SECRET_BYTES: usize = 32;

/// Refuses a secret that could be guessed.
pub fn check_secret(secret: &str) -> Result<()> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(Error::bad_input(format!(
            "jwt_secret must have at least {MIN_SECRET_BYTES} bytes"
        )));
    }
    Ok(())
}

/// Where the keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A shared secret, for HS256.
    Secret(String),
    /// A JSON Web Key Set in a file, read at start.
    File(PathBuf),
    /// A JSON Web Key Set at a URL, fetched when needed.
    Url(String),
}

/// What to check tokens against.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the keys come from.
    pub keys: KeySource,
    /// The `iss` a token must have, if any.
    pub issuer: Option<String>,
    /// The `aud` a token must have, if any.
    pub audience: Option<String>,
}

/// Verifies tokens.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: Option<String>,
    audience: Option<String>,
    keys: Keys,
}

enum Keys {
    Fixed(Vec<Key>),
    Fetched(Arc<KeySet>),
}

/// A set at a URL, as it was when it was last fetched.
struct KeySet {
    url: String,
    client: reqwest::Client,
    cache: RwLock<Cache>,
    fetching: Mutex<()>,
}

#[derive(Default)]
struct Cache {
    keys: Vec<Key>,
    fetched_at: Option<Time>,
    tried_at: Option<Time>,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The claims that are checked here. jsonwebtoken checks `iss` and `aud`; its own reading of times
/// knows no clock but the system's, and no fraction when serde_json keeps numbers as they are.
#[derive(Deserialize)]
struct Claims {
    sub: Option<Value>,
    exp: Option<Value>,
    nbf: Option<Value>,
}

impl Verifier {
    /// Reads the keys, except those at a URL, which need not be up yet.
    pub fn new(settings: Settings) -> Result<Self> {
        let Settings { keys, issuer, audience } = settings;
        let keys = match keys {
            KeySource::Secret(secret) => {
                check_secret(&secret)?;
                let key = DecodingKey::from_secret(secret.as_bytes());
                Keys::Fixed(vec![Key { id: None, algorithm: Algorithm::HS256, key }])
            }
            KeySource::File(path) => {
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    Error::bad_input(format!("jwt_jwks_file {}: {error}", path.display()))
                })?;
                let keys = read_keys(&text).map_err(|problem| {
                    Error::bad_input(format!("jwt_jwks_file {}: {problem}", path.display()))
                })?;
                Keys::Fixed(keys)
            }
            KeySource::Url(url) => Keys::Fetched(Arc::new(KeySet {
                url,
                client: reqwest::Client::builder()
                    .timeout(Duration::from_secs(5))
                    .build()
                    .map_err(|error| Error::internal("preparing to fetch keys", error))?,
                cache: RwLock::default(),
                fetching: Mutex::default(),
            })),
        };
        Ok(Self { inner: Arc::new(Inner { issuer, audience, keys }) })
    }

    /// The `sub` of a token, if the token is signed by a trusted key and valid at this time.
    pub async fn verify(&self, token: &str, now: Time) -> Result<String, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| {
            let message = "the credential is neither an API key nor a JSON Web Token";
            Refusal::new(Reason::Malformed, message)
        })?;
        let keys = self.inner.keys.matching(header.kid.as_deref(), header.alg, now).await?;
        for Key { algorithm, key, .. } in keys {
            match jsonwebtoken::decode::<Claims>(token, &key, &self.inner.validation(algorithm)) {
                Ok(token) => return token.claims.subject(now),
                Err(error) => {
                    if let Some(problem) = of_signed(&error) {
                        return Err(Refusal::new(Reason::UnfitToken, problem));
                    }
                }
            }
        }
        let message = "the token is signed by no key that is trusted here";
        Err(Refusal::new(Reason::UntrustedToken, message))
    }
}

/// The `sub` that a credential claims, if it has the form of a token. Nothing is checked: it says
/// whom somebody tried to be.
pub fn claimed_subject(credential: &str) -> Option<Id> {
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(credential).ok()?;
    match claims.sub {
        Some(Value::String(subject)) => Id::user(subject).ok(),
        _ => None,
    }
}

impl Inner {
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        let mut required = Vec::new();
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

impl Claims {
    /// Who the token is about, if it is valid at this time.
    fn subject(self, now: Time) -> Result<String, Refusal> {
        let unfit = |problem| Refusal::new(Reason::UnfitToken, problem);
        // Seconds since 1970, and maybe a fraction of one.
        let seconds = |claim: Value| claim.as_f64();
        let now = now.timestamp_micros() as f64 / 1e6;
        let leeway = LEEWAY.as_secs_f64();
        let expires = self.exp.and_then(seconds).ok_or_else(|| unfit("the token has no exp"))?;
        if expires < now - leeway {
            return Err(Refusal::new(Reason::ExpiredToken, "the token has expired"));
        }
        if let Some(begins) = self.nbf {
            let begins = seconds(begins).ok_or_else(|| unfit("the token's nbf is no time"))?;
            if begins > now + leeway {
                let message = "the token is not valid yet (nbf)";
                return Err(Refusal::new(Reason::ExpiredToken, message));
            }
        }
        match self.sub {
            Some(Value::String(subject)) => Ok(subject),
            _ => Err(unfit("the token has no sub")),
        }
    }
}

impl Keys {
    /// The trusted keys that a token with this header may be signed by.
    async fn matching(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
        now: Time,
    ) -> Result<Vec<Key>> {
        let select = |keys: &[Key]| -> Vec<Key> {
            let fits = |key: &&Key| {
                key.algorithm == algorithm
                    && (key_id.is_none() || key.id.is_none() || key.id.as_deref() == key_id)
            };
            keys.iter().filter(fits).cloned().collect()
        };
        let set = match self {
            Self::Fixed(keys) => return Ok(select(keys)),
            Self::Fetched(set) => set,
        };
        let (found, fresh, may_fetch) = {
            let cache = set.cache.read().await;
            let fresh = cache.fetched_at.is_some_and(|at| now - at < REFRESH_AFTER);
            (select(&cache.keys), fresh, cache.may_fetch(now))
        };
        // One waits for the set when it is due, so that a withdrawn key is not trusted once more; the
        // others go on with the keys at hand.
        if !found.is_empty() && (fresh || !may_fetch) {
            return Ok(found);
        }
        // In a task of its own: whoever asked may go away, and the one fetch a minute must not be lost.
        let refreshed = tokio::spawn(Arc::clone(set).refresh(now)).await;
        refreshed.map_err(|error| Error::internal("fetching keys", error))?;
        Ok(select(&set.cache.read().await.keys))
    }
}

impl KeySet {
    /// Fetches the set, unless that was tried within the minute. Who comes while another one fetches
    /// waits for that.
    async fn refresh(self: Arc<Self>, now: Time) {
        let _one_at_a_time = self.fetching.lock().await;
        if !self.cache.read().await.may_fetch(now) {
            return;
        }
        self.cache.write().await.tried_at = Some(now);
        match fetch(&self.client, &self.url).await {
            Ok(keys) => {
                let mut cache = self.cache.write().await;
                cache.keys = keys;
                cache.fetched_at = Some(now);
            }
            // The keys at hand go on being trusted: a provider that is away must not lock all out.
            Err(problem) => {
                tracing::warn!(url = self.url, problem, "the JSON Web Key Set was not fetched");
            }
        }
    }
}

impl Cache {
    fn may_fetch(&self, now: Time) -> bool {
        self.tried_at.is_none_or(|at| now - at >= FETCH_AT_MOST_EVERY)
    }
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<Vec<Key>, String> {
    let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    let text = match answer {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    };
    read_keys(&text.map_err(|error| error.to_string())?)
}

/// The usable keys of a set. Keys of other kinds, shared secrets among them, are passed over: a
/// published secret is no secret.
fn read_keys(text: &str) -> Result<Vec<Key>, String> {
    let set: JwkSet = serde_json::from_str(text)
        .map_err(|error| format!("it is not a JSON Web Key Set: {error}"))?;
    let keys: Vec<Key> = set.keys.iter().filter_map(usable).collect();
    if keys.is_empty() {
        return Err("it holds no key for RS256, ES256 or EdDSA".to_owned());
    }
    Ok(keys)
}

fn usable(jwk: &Jwk) -> Option<Key> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let declared = match jwk.common.key_algorithm {
        None => algorithm,
        Some(KeyAlgorithm::RS256) => Algorithm::RS256,
        Some(KeyAlgorithm::ES256) => Algorithm::ES256,
        Some(KeyAlgorithm::EdDSA) => Algorithm::EdDSA,
        Some(_) => return None,
    };
    if jwk.common.public_key_use.as_ref().is_some_and(|it| *it != PublicKeyUse::Signature) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let id = jwk.common.key_id.clone();
    (declared == algorithm).then_some(Key { id, algorithm, key })
}

/// What is wrong with a token that is signed by a trusted key; the signature is checked first.
fn of_signed(error: &jsonwebtoken::errors::Error) -> Option<String> {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidIssuer => Some("the token's iss is not the one trusted here".to_owned()),
        ErrorKind::InvalidAudience => Some("the token's aud is not this server".to_owned()),
        ErrorKind::MissingRequiredClaim(claim) => Some(format!("the token has no {claim}")),
        _ => None,
    }
}
