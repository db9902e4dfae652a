//! Of RS256, ES256 and EdDSA.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{Vector, bad, claims, good, signed, with_signature};
use crate::support::tokens::{Signer, key_set, part};

static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::pair(Algorithm::RS256, "rsa"));
static EC: LazyLock<Signer> = LazyLock::new(|| Signer::pair(Algorithm::ES256, "ec"));
static ED: LazyLock<Signer> = LazyLock::new(|| Signer::pair(Algorithm::EdDSA, "ed"));

/// How many points P-256 has.
pub const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// How many points Ed25519 works with, the last byte first.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10,
];

/// The trusted keys.
pub fn set() -> String {
    key_set(&[&RSA, &EC, &ED]).to_string()
}

pub fn vectors() -> Vec<Vector> {
    [keys(), confusions(), of_rsa(), of_p256(), of_ed25519()].into_iter().flatten().collect()
}

/// Ann's token by one of them, with this header.
fn headed(header: &Value, by: &Signer) -> String {
    signed(&header.to_string(), &claims(), by.algorithm, &by.key)
}

fn signature(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.rsplit_once('.').unwrap().1).unwrap()
}

fn keys() -> Vec<Vector> {
    let stranger = Signer::pair(Algorithm::ES256, "ec");
    let embedded = |member: &str, value: Value| {
        headed(&json!({"alg": "ES256", "kid": "ec", member: value}), &stranger)
    };
    let jwk = stranger.jwk();
    vec![
        good("RS256", RSA.token("ann")),
        good("ES256", EC.token("ann")),
        good("EdDSA", ED.token("ann")),
        good("RS256 without the name of a key", RSA.named(None).token("ann")),
        good("ES256 without the name of a key", EC.named(None).token("ann")),
        good("EdDSA without the name of a key", ED.named(None).token("ann")),
        bad("a key that is not there", EC.named(Some("other")).token("ann")),
        bad("an empty name of a key", EC.named(Some("")).token("ann")),
        bad("the name of a key in capitals", EC.named(Some("EC")).token("ann")),
        bad("the name of a key of another type", EC.named(Some("ed")).token("ann")),
        bad("another key under the same name", stranger.token("ann")),
        bad("another key without a name", stranger.named(None).token("ann")),
        bad("the key that it brings along", embedded("jwk", jwk.clone())),
        bad("the key at an address that it names", embedded("jku", json!("https://x.test/jwks"))),
        bad("the certificate that it brings along", embedded("x5c", json!(["MIIB"]))),
        bad("the key it brings along, in place of a name", {
            headed(&json!({"alg": "ES256", "jwk": jwk}), &stranger)
        }),
    ]
}

/// A key used for what it is not there for.
fn confusions() -> Vec<Vector> {
    let by_secret = |secret: &[u8], kid: &str| {
        let key = EncodingKey::from_secret(secret);
        let header = json!({"alg": "HS256", "kid": kid}).to_string();
        signed(&header, &claims(), Algorithm::HS256, &key)
    };
    let bytes = |signer: &Signer, member: &str| {
        URL_SAFE_NO_PAD.decode(signer.jwk()[member].as_str().unwrap()).unwrap()
    };
    let point = [&[4], &bytes(&EC, "x")[..], &bytes(&EC, "y")].concat();
    let rsa_as = |algorithm| Signer { algorithm, ..RSA.clone() }.token("ann");
    let said = |alg: &str, by: &Signer| headed(&json!({"alg": alg, "kid": by.id}), by);
    vec![
        bad("HS256 with the RSA key's JSON", by_secret(RSA.jwk().to_string().as_bytes(), "rsa")),
        bad("HS256 with the RSA modulus", by_secret(&bytes(&RSA, "n"), "rsa")),
        bad("HS256 with the RSA modulus as text", {
            by_secret(RSA.jwk()["n"].as_str().unwrap().as_bytes(), "rsa")
        }),
        bad("HS256 with the point of P-256", by_secret(&point, "ec")),
        bad("HS256 with the Ed25519 key", by_secret(&bytes(&ED, "x"), "ed")),
        bad("HS256 with the whole key set", by_secret(set().as_bytes(), "rsa")),
        bad("HS256 with nothing", by_secret(b"", "rsa")),
        bad("RS384 with the key for RS256", rsa_as(Algorithm::RS384)),
        bad("RS512 with the key for RS256", rsa_as(Algorithm::RS512)),
        bad("PS256 with the key for RS256", rsa_as(Algorithm::PS256)),
        bad("PS256 said to be RS256", {
            let token = rsa_as(Algorithm::PS256);
            with_signature(&RSA.token("ann"), token.rsplit_once('.').unwrap().1)
        }),
        bad("RS256 said to be ES256", said("ES256", &RSA)),
        bad("ES256 said to be RS256", said("RS256", &EC)),
        bad("ES256 said to be EdDSA", said("EdDSA", &EC)),
        bad("EdDSA said to be ES256", said("ES256", &ED)),
        bad("ES256 said to be ES256K", said("ES256K", &EC)),
        bad("ES256 said to be ES384", said("ES384", &EC)),
        bad("ES256 said to be none", said("none", &EC)),
        bad("P-384 said to be ES256", {
            let pair = EcdsaKeyPair::generate_pkcs8(
                &ECDSA_P384_SHA384_FIXED_SIGNING,
                &SystemRandom::new(),
            );
            let key = EncodingKey::from_ec_der(pair.unwrap().as_ref());
            let header = json!({"alg": "ES256", "kid": "ec"}).to_string();
            signed(&header, &claims(), Algorithm::ES384, &key)
        }),
    ]
}

fn of_rsa() -> Vec<Vector> {
    let token = RSA.token("ann");
    let right = signature(&token);
    let modulus = URL_SAFE_NO_PAD.decode(RSA.jwk()["n"].as_str().unwrap()).unwrap();
    let with = |bytes: &[u8]| with_signature(&token, part(bytes));
    vec![
        bad("RSA: no signature", with(&[])),
        bad("RSA: zero", with(&[0; 256])),
        bad("RSA: one", with(&[&[0; 255][..], &[1]].concat())),
        bad("RSA: the modulus", with(&modulus)),
        bad("RSA: cut", with(&right[..255])),
        bad("RSA: a zero before it", with(&[&[0], &right[..]].concat())),
        bad("RSA: a bit changed", with(&[&right[..255], &[right[255] ^ 1]].concat())),
    ]
}

fn of_p256() -> Vec<Vector> {
    let token = EC.token("ann");
    let right = signature(&token);
    let (r, s) = right.split_at(32);
    let (zero, order) = ([0; 32], P256_ORDER);
    let with = |r: &[u8], s: &[u8]| with_signature(&token, part([r, s].concat()));
    vec![
        // Either of two numbers will do for ECDSA: this is another spelling of the same signature,
        // and says nothing that its signer did not.
        good("ECDSA: s from the other end", with(r, &minus(&order, s))),
        bad("ECDSA: no signature", with(&[], &[])),
        bad("ECDSA: r and s are 0", with(&zero, &zero)),
        bad("ECDSA: r is 0", with(&zero, s)),
        bad("ECDSA: s is 0", with(r, &zero)),
        bad("ECDSA: r and s are the order", with(&order, &order)),
        bad("ECDSA: r is the order and s is 0", with(&order, &zero)),
        bad("ECDSA: r and s are 1", {
            let mut one = zero;
            one[31] = 1;
            with(&one, &one)
        }),
        bad("ECDSA: r and s are as large as can be", with(&[0xff; 32], &[0xff; 32])),
        bad("ECDSA: r and s the wrong way round", with(s, r)),
        bad("ECDSA: r alone", with(r, &[])),
        bad("ECDSA: cut", with(r, &s[..31])),
        bad("ECDSA: zeros before r and s", with(&[&[0], r].concat(), &[&[0], s].concat())),
        bad("ECDSA: a zero behind it", with(r, &[s, &[0]].concat())),
        bad("ECDSA: in DER", with_signature(&token, part(der(r, s)))),
        bad("ECDSA: a bit changed", with(r, &[&s[..31], &[s[31] ^ 1]].concat())),
    ]
}

fn of_ed25519() -> Vec<Vector> {
    let token = ED.token("ann");
    let right = signature(&token);
    let (r, s) = right.split_at(32);
    let with = |r: &[u8], s: &[u8]| with_signature(&token, part([r, s].concat()));
    let mut identity = [0; 32];
    identity[0] = 1;
    vec![
        bad("EdDSA: no signature", with(&[], &[])),
        bad("EdDSA: zeros", with(&[0; 32], &[0; 32])),
        bad("EdDSA: a point that adds nothing", with(&identity, &[0; 32])),
        bad("EdDSA: s beyond the order", with(r, &plus(s, &ED25519_ORDER))),
        bad("EdDSA: cut", with(r, &s[..31])),
        bad("EdDSA: a zero behind it", with(r, &[s, &[0]].concat())),
        bad("EdDSA: s of another token", {
            let other = signature(&ED.token("eve"));
            with(r, &other[32..])
        }),
    ]
}

/// A difference of two numbers, the first byte the highest.
fn minus(from: &[u8; 32], what: &[u8]) -> Vec<u8> {
    let mut difference = [0; 32];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let digit = i16::from(from[at]) - i16::from(what[at]) - borrow;
        borrow = i16::from(digit < 0);
        difference[at] = digit.rem_euclid(256) as u8;
    }
    difference.to_vec()
}

/// A sum of two numbers, the first byte the lowest.
fn plus(one: &[u8], other: &[u8; 32]) -> Vec<u8> {
    let mut carry = 0;
    let digits = one.iter().zip(other).map(|(a, b)| {
        let sum = u16::from(*a) + u16::from(*b) + carry;
        carry = sum >> 8;
        (sum & 0xff) as u8
    });
    digits.collect()
}

/// The signature as X.509 has it: a list of two whole numbers.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| {
        let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
        let length = u8::try_from(sign.len() + bytes.len()).unwrap();
        [&[2, length], sign, bytes].concat()
    };
    let numbers = [number(r), number(s)].concat();
    [&[0x30, u8::try_from(numbers.len()).unwrap()], &numbers[..]].concat()
}
