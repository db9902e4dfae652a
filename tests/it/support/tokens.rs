//! JSON Web Tokens, and keys to sign them with.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::TestClock;

/// Somebody who signs tokens.
#[derive(Clone)]
pub struct Signer {
    pub id: Option<String>,
    pub algorithm: Algorithm,
    pub key: EncodingKey,
}

impl Signer {
    pub fn secret(secret: &[u8]) -> Self {
        let key = EncodingKey::from_secret(secret);
        Self { id: None, algorithm: Algorithm::HS256, key }
    }

    /// With a new key pair for RS256, ES256 or EdDSA.
    pub fn pair(algorithm: Algorithm, id: &str) -> Self {
        let random = SystemRandom::new();
        let key = match algorithm {
            Algorithm::RS256 => {
                let pair = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
                let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
                // The RSA key itself stands inside, behind a header of this length.
                EncodingKey::from_rsa_der(&der.as_ref()[26..])
            }
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                EncodingKey::from_ec_der(pair.unwrap().as_ref())
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate_pkcs8v1(&random);
                EncodingKey::from_ed_der(pair.unwrap().as_ref())
            }
            other => panic!("{other:?}?"),
        };
        Self { id: Some(id.to_owned()), algorithm, key }
    }

    /// The public key, as a member of a JSON Web Key Set.
    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id.clone_from(&self.id);
        serde_json::to_value(jwk).unwrap()
    }

    /// A token with these claims, whatever they are.
    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&self.id);
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    /// A token that says who somebody is, good for a day.
    pub fn token(&self, subject: &str) -> String {
        self.sign(&json!({"sub": subject, "exp": from_now(86_400)}))
    }

    /// The same key under another name, or none.
    pub fn named(&self, id: Option<&str>) -> Self {
        Self { id: id.map(str::to_owned), ..self.clone() }
    }
}

/// The JSON Web Key Set of some signers' public keys.
pub fn key_set(signers: &[&Signer]) -> Value {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()})
}

/// A time as tokens have it, so many seconds from when the tests' clocks start.
pub fn from_now(seconds: i64) -> i64 {
    TestClock::new().now().timestamp() + seconds
}

/// A part of a token made by hand.
pub fn part(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}
