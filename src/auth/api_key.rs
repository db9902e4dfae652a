//! The form of an API key: a prefix that people and secret scanners recognise, then 256 random bits.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Result;
use crate::store::Store;

const PREFIX: &str = "al_";

/// A new secret.
pub fn generate(store: &Store) -> Result<String> {
    let bytes: [u8; 32] = store.random_bytes()?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Whether a credential is meant to be an API key.
pub fn looks_like(credential: &str) -> bool {
    credential.starts_with(PREFIX)
}

/// What is stored of a secret. Looking a key up by its hash tells nothing of the secret by how long
/// it takes, and 256 random bits need no slow hash.
pub fn hash(secret: &str) -> String {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}
