//! JSON Web Tokens, by the rules of RFC 8725. Which keys and algorithms are trusted is configuration,
//! never the token's say: a secret is for HS256, and a key of a set for the one algorithm of its type.
//!
//! Signatures are checked by `jsonwebtoken`. Headers and claims are read here: its own checks know no
//! clock but the system's, and by default skip `nbf`, take a token without `aud` and an empty secret.

mod claims;
mod key;
mod key_set;
mod token;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Reason, Refusal};
use crate::domain::id::Id;
use crate::domain::time::Time;
use crate::error::{Error, Result};

use claims::Claims;
use key::Key;
use key_set::KeySet;
pub use token::MAX_TOKEN_BYTES;
use token::Token;

/// The shortest HS256 secret, in bytes: that of the hash.
pub const MIN_SECRET_BYTES: usize = 32;

/// Where the keys come from.
#[derive(Clone)]
pub enum KeySource {
    /// A shared secret, for HS256.
    Secret(String),
    /// A JSON Web Key Set in a file, read again every minute.
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
    Secret(Key),
    Set(Arc<KeySet>),
}

impl KeySource {
    /// Refuses a secret that could be guessed, and a URL that anybody on the way could answer for.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Secret(secret) if secret.len() < MIN_SECRET_BYTES => {
                Err(Error::bad_input(format!(
                    "jwt_secret must have at least {MIN_SECRET_BYTES} bytes, and has {}",
                    secret.len()
                )))
            }
            Self::Url(url) => key_set::check_url(url).map(drop),
            Self::Secret(_) | Self::File(_) => Ok(()),
        }
    }
}

/// Without the secret, and without a password in a URL.
impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Url(_) => f.write_str("Url(..)"),
        }
    }
}

impl Verifier {
    /// Reads the keys, except those at a URL, which need not be up yet.
    pub fn new(settings: Settings) -> Result<Self> {
        let Settings { keys, issuer, audience } = settings;
        keys.check()?;
        let keys = match keys {
            KeySource::Secret(secret) => Keys::Secret(Key::secret(&secret)),
            KeySource::File(path) => Keys::Set(Arc::new(KeySet::in_file(path)?)),
            KeySource::Url(url) => Keys::Set(Arc::new(KeySet::at_url(&url)?)),
        };
        Ok(Self { inner: Arc::new(Inner { issuer, audience, keys }) })
    }

    /// The `sub` of a token, if the token is signed by a trusted key and valid at this time.
    pub async fn verify(&self, token: &str, now: Time) -> Result<String, Refusal> {
        let token = Token::parse(token)?;
        let Inner { issuer, audience, keys } = &*self.inner;
        if !keys.matching(&token, now).await?.iter().any(|key| key.signed(&token)) {
            let message = "the token is signed by no key that is trusted here";
            return Err(Refusal::new(Reason::UntrustedToken, message));
        }
        let unreadable = "the token's claims must be one JSON object, with no name twice";
        let claims = Claims::parse(token.claims)
            .ok_or_else(|| Refusal::new(Reason::UnfitToken, unreadable))?;
        claims.check(issuer.as_deref(), audience.as_deref(), now)
    }
}

impl Keys {
    /// The trusted keys that a token with this header may be signed by.
    async fn matching(&self, token: &Token<'_>, now: Time) -> Result<Vec<Key>> {
        match self {
            Self::Secret(key) if key.may_have_signed(token) => Ok(vec![key.clone()]),
            Self::Secret(_) => Ok(Vec::new()),
            Self::Set(set) => set.matching(token, now).await,
        }
    }
}

/// The `sub` that a credential claims, if it has the form of a token. Nothing is checked: it says
/// whom somebody tried to be.
pub fn claimed_subject(credential: &str) -> Option<Id> {
    if credential.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (signed, _) = credential.rsplit_once('.')?;
    let (_, claims) = signed.split_once('.')?;
    Id::user(Claims::parse(claims)?.subject()?.to_owned()).ok()
}
