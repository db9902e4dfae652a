//! The form of an API key: a prefix that people and secret scanners recognise, then 256 random bits.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Result;
use crate::store::Store;

const PREFIX: &str = "al_";
const SECRET_BYTES: usize = 32;

/// A new secret.
pub fn generate(store: &Store) -> Result<String> {
    let bytes: [u8; SECRET_BYTES] = store.random_bytes()?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Whether a credential is meant to be an API key.
pub fn looks_like(credential: &str) -> bool {
    credential.starts_with(PREFIX)
}

/// Whether a credential has the form of a secret of ours: the prefix and 256 bits. What has not is
/// not looked up.
pub fn is_well_formed(credential: &str) -> bool {
    let decoded = credential.strip_prefix(PREFIX).map(|bits| URL_SAFE_NO_PAD.decode(bits));
    matches!(decoded, Some(Ok(bytes)) if bytes.len() == SECRET_BYTES)
}

/// What is stored of a secret, and looked up. No secret is ever compared, so none can be found out by
/// how long comparing takes: what an index compares is the digest of what was sent, of which a sender
/// cannot choose a byte without trying, and a digest that was found out opens nothing. A slow or a
/// keyed hash would add nothing: 256 random bits are beyond guessing, and there is no other secret
/// from which they could be worked out.
pub fn hash(secret: &str) -> String {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}
