//! Keys that sign tokens, and which of a JSON Web Key Set are trusted: public ones, each for the one
//! algorithm of its type.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::Value;

use super::token::Token;

/// The shortest RSA key, in bits, and the longest.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The length of a number of P-256, and of an Ed25519 key, in bytes.
const COORDINATE: usize = 32;

/// Members of a key that are not for the public. Whatever has been published with one is known to
/// everybody.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A trusted key, and the only algorithm it is trusted for.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    pub algorithm: Algorithm,
    key: DecodingKey,
}

impl Key {
    /// A shared secret.
    pub fn secret(secret: &str) -> Self {
        let key = DecodingKey::from_secret(secret.as_bytes());
        Self { id: None, algorithm: Algorithm::HS256, key }
    }

    /// Whether the token may be signed by it, going by the token's header: its algorithm is the
    /// key's, and it names this key or none.
    pub fn may_have_signed(&self, token: &Token<'_>) -> bool {
        token.algorithm == Some(self.algorithm)
            && (token.key_id.is_none() || self.id.is_none() || token.key_id == self.id)
    }

    /// Whether it signed the token.
    pub fn signed(&self, token: &Token<'_>) -> bool {
        let Token { signed, signature, .. } = token;
        let verified = crypto::verify(signature, signed.as_bytes(), &self.key, self.algorithm);
        !signature.is_empty() && verified.unwrap_or(false)
    }
}

/// The members of a key that are read.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Value>,
}

/// The usable keys of a set. The others are passed over; if that leaves none, the error says why.
pub(super) fn read_set(text: &[u8]) -> Result<Vec<Key>, String> {
    let set: JwkSet = serde_json::from_slice(text)
        .map_err(|error| format!("it is not a JSON Web Key Set: {error}"))?;
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    for (n, jwk) in set.keys.iter().enumerate() {
        match usable(jwk) {
            Ok(key) => keys.push(key),
            Err(problem) => problems.push(format!("key {}: {problem}", n + 1)),
        }
    }
    if keys.is_empty() {
        let why = if problems.is_empty() { "it is empty".to_owned() } else { problems.join("; ") };
        return Err(format!("it holds no key for RS256, ES256 or EdDSA ({why})"));
    }
    for problem in problems {
        tracing::debug!(problem, "passed over a key of a JSON Web Key Set");
    }
    Ok(keys)
}

fn usable(jwk: &Value) -> Result<Key, String> {
    if let Some(member) = PRIVATE.into_iter().find(|member| jwk.get(member).is_some()) {
        return Err(format!("it has the member {member}, and a published secret is no secret"));
    }
    let jwk = Jwk::deserialize(jwk).map_err(|_| "it is no JSON Web Key".to_owned())?;
    let Jwk { kty, crv, n, e, x, y, alg, kid, purpose, key_ops } = jwk;
    let (algorithm, name, key) = match (kty.as_str(), crv.as_deref()) {
        ("RSA", _) => (Algorithm::RS256, "RS256", rsa(n.as_deref(), e.as_deref())?),
        ("EC", Some("P-256")) => (Algorithm::ES256, "ES256", p256(x.as_deref(), y.as_deref())?),
        ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA", ed25519(x.as_deref())?),
        _ => return Err("it is neither RSA nor of the curves P-256 and Ed25519".to_owned()),
    };
    if alg.is_some_and(|alg| alg != name) {
        return Err(format!("its alg is not {name}, the one for its type"));
    }
    if purpose.is_some_and(|purpose| purpose != "sig") {
        return Err("its use is not sig".to_owned());
    }
    if key_ops.is_some_and(|operations| !operations.iter().any(|one| one == "verify")) {
        return Err("its key_ops are without verify".to_owned());
    }
    Ok(Key { id: kid, algorithm, key })
}

fn rsa(n: Option<&str>, e: Option<&str>) -> Result<DecodingKey, String> {
    let (modulus, exponent) = (bytes("n", n)?, bytes("e", e)?);
    let significant = modulus.iter().skip_while(|byte| **byte == 0);
    let bits = significant.enumerate().fold(0, |bits, (at, byte)| match at {
        0 => 8 - byte.leading_zeros() as usize,
        _ => bits + 8,
    });
    if !RSA_BITS.contains(&bits) {
        let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
        return Err(format!("it is an RSA key of {bits} bits: {least} to {most} are taken"));
    }
    // With an exponent of 1 anybody could sign.
    let is_one = exponent.iter().rev().skip(1).all(|byte| *byte == 0)
        && exponent.last().is_none_or(|byte| *byte < 3);
    if is_one || exponent.last().is_some_and(|byte| byte % 2 == 0) {
        return Err("its exponent must be odd and at least 3".to_owned());
    }
    Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

fn p256(x: Option<&str>, y: Option<&str>) -> Result<DecodingKey, String> {
    // Their bytes are put one behind the other: only of the right length do they stay apart.
    for (name, coordinate) in [("x", x), ("y", y)] {
        if bytes(name, coordinate)?.len() != COORDINATE {
            return Err(format!("its {name} must have {COORDINATE} bytes"));
        }
    }
    DecodingKey::from_ec_components(x.unwrap_or_default(), y.unwrap_or_default())
        .map_err(|_| "its x and y are no point".to_owned())
}

fn ed25519(x: Option<&str>) -> Result<DecodingKey, String> {
    let key = bytes("x", x)?;
    if key.len() != COORDINATE {
        return Err(format!("its x must have {COORDINATE} bytes"));
    }
    Ok(DecodingKey::from_ed_der(&key))
}

fn bytes(name: &str, member: Option<&str>) -> Result<Vec<u8>, String> {
    let decoded = member.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    decoded.ok_or_else(|| format!("it has no {name} in base64url"))
}
