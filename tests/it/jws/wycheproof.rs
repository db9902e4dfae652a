//! Vectors of Project Wycheproof (`testvectors/json_web_signature_test.json` in C2SP/wycheproof, under the
//! Apache License 2.0), by their numbers there, decoded through our verifier.
//!
//! None of their payloads is a set of claims, so nobody is ever signed in. A vector that is valid there
//! must get past its signature, and be refused for its payload; one that is not must be refused before,
//! but where a valid signature stands over a payload that is not encoded as it must be.
//!
//! Of the 401 these are not brought:
//! * 1 to 17, 348 and 352 (HS256): their secrets are bytes that are no text, and a secret here is text.
//!   The same alterations are among 357 to 377, whose secret is 32 zeros.
//! * 264 to 340, 346, 347, 350 and 351: RS384, RS512, PS256, PS384, PS512 and ES512, which are not taken.
//! * 367 and 370: they are called invalid, and are to the letter 357, which is valid.
//! * 259, 260, 262 and 263: as 261, with other payloads.
//! * of 46 to 258, which alter the padding of an RSA signature, all but the 15 below, of as many kinds.

mod paddings;

use auditlog::auth::jwt::{KeySource, Settings, Verifier};
use auditlog::auth::{Reason, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::public_keys::P256_ORDER;
use crate::support::TestClock;
use crate::support::tokens::part;
use paddings::PADDINGS;

/// How far a vector gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its signature is good: it is refused for its payload.
    Payload,
    /// No trusted key signed it.
    Signature,
    /// It is no token in compact serialization.
    Form,
}

use Fate::{Form, Payload, Signature};

/// A vector: its number, what it is, how far it gets, and its text.
type Vector = (u16, &'static str, Fate, String);

const HEADER_HS: &str = "eyJraWQiOiJoczI1Ni1rZXkiLCJhbGciOiJIUzI1NiJ9";
const HEADER_ES: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImtpZC1lYy1zaWduIn0";
const HEADER_RS: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImtpZC1yc2Etc2lnbiJ9";

/// The MAC of 357.
const MAC: &str = "c1LROH7eNQwUT8KMVEO52VC3WZ9e_AnDWbZ7aMmowV8";
/// The signature of 18.
const SIGNED_ES: &str =
    "5cA0OHyMP7ezamUd5c9kV-FrGxdx4hbGXOdplQkutrqWrte5P-pAvsE3Ve6xSyU3YDQwUHjVVOtvcrEbbnZ8yA";
/// The signature of 33 but for its first letter.
const SIGNED_RS: &str = "UwxI1-cZrZgcuOgBQ7G7NE-GrqK79l6GV1KT4DKXnSMFwC8pfZCzE7pmLE7mYpLCIvzC87yuOjuhT0uW5oe6aaAEtR978cm-q8dfly45flqMrd_ifhi9GCsMlyi8dpQ42Ou1etZljFZuWjfyk8CN1c5DaHRwhqjScAPIFp6xmzKIRUJ_xdQfUSfSlujLaixtScU518EoNP4oo1v7E8RAz6ZO4g2N4Xqs8OvSxYydcoTEg42QnLHe9JnXgI37Q5gSwinwaPsG3Ry56UYiLoL8mCUa74S51y02VsIgVmmGWgaXjM-i_lCiKQDBiBnvWlka4XhVuvd6ZWibM9cbCPtPg";

/// A group's public key, with more members or others.
fn with(mut jwk: Value, member: &str, value: Value) -> Value {
    jwk[member] = value;
    jwk
}

fn key_es() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "kid": "kid-ec-sign", "alg": "ES256", "use": "sig",
        "x": "04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY",
        "y": "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw",
    })
}

fn key_rs() -> Value {
    json!({
        "kty": "RSA", "kid": "kid-rsa-sign", "alg": "RS256", "use": "sig", "e": "AQAB",
        "n": "kqGboBfAWttWPCA-0cGRgsY6SaYoIARt0B_PkaEcIq9HPYNdu9n6UuWHuuTHrjF_ZoQW97r5HaAorNvrMEGTGdxCHZdEtkHvNVVmrtxTBLiQCbCozXhFoIrVcr3qUBrdGnNn_M3jJi7Wg7p_-x62nS5gNG875oyheRkutHsQXikFZwsN3q_TsPNOVlCiHy8mxzaFTUQGm-X8UYexFyAivlDSjgDJLAZSWfxd7k9Gxuwa3AUfQqQcVcegmgKGCaErQ3qQbh1x7WB6iopE3_-GZ8HMAVtR9AmrVscqYsnjhaCehfAI0iKKs8zXr8tISc0ORbaalrkk03H1ZrsEnDKEWQ",
    })
}

/// Of 259 to 263.
fn key_rs_2048() -> Value {
    json!({
        "kty": "RSA", "kid": "RS256_2048", "alg": "RS256", "e": "AQAB",
        "n": "orRRoH0KpfluRVZxUTVQUUqKW0YuvvcXCU-h_ugiJOY3-XRtP3yv0xh42AMltu9aFwD2WQO0aUKeidbqyIRQl7WrOTGJ25JRLtincRoSU_rNIPecFegkfz0-QuRuSMmOJUov6XZTE6A-_48X4aApOXofomqNzib0kO2BKZYV2YFMItphBCjgnH2WWFlCZvXAIdD87KCNlFoSvoLeTR7Oa0wDFFtdNJXU7VQR64eNrwX9evw-Ca2g8RJkIvWQl1oZaYFvSGmLy7obTZyuedRg2Pn4Xnl1AF2bwixOWsD3waRdElaaYoB9O5oC5aUw53MGb0U9H1tMLpz3ggKD90K51Q",
    })
}

/// Of RFC 7520.
fn key_rfc7520() -> Value {
    json!({
        "kty": "RSA", "kid": "bilbo.baggins@hobbiton.example", "alg": "RS256", "use": "sig", "e": "AQAB",
        "n": "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
    })
}

/// Of 32 zeros as the secret.
fn of_the_secret() -> Vec<Vector> {
    let jws = |payload: &str, mac: &str| format!("{HEADER_HS}.{payload}.{mac}");
    let low = "AAAtBuQqoI9HuBeAsgjL4nx8sCGYJa5-G2OrureLO4";
    let high = "ETVRY0lRV9XgQeYX6ixdGT0NLHYb-wZem_ifJ5k";
    let headed = |header: &str, mac: &str| format!("{header}.VGVzdA.{mac}");
    vec![
        (357, "valid", Payload, jws("VGVzdA", MAC)),
        (358, "valid, the MAC begins with zeros", Payload, jws("VDIxMzI1NjY4", &format!("A{low}"))),
        (
            359,
            "valid, the MAC begins with ones",
            Payload,
            jws("VDgxMjM0MTM", &format!("____{high}")),
        ),
        (360, "spaces before the MAC", Signature, jws("VGVzdA", &format!("    {MAC}"))),
        (
            361,
            "no letter of base64url before the MAC",
            Signature,
            jws("VGVzdA", &format!("?{MAC}")),
        ),
        (362, "the same behind it", Signature, jws("VGVzdA", &format!("{MAC}?"))),
        (363, "the same for a zero", Signature, jws("VDIxMzI1NjY4", &format!("?{low}"))),
        (364, "the same for ones", Signature, jws("VDgxMjM0MTM", &format!("????{high}"))),
        (
            365,
            "spaces behind the header, signed",
            Form,
            headed(&format!("{HEADER_HS}    "), "DR-cdw2cCB53b3mpzMfk2gKTeyN0PhXBrTW1atMfSdM"),
        ),
        (
            366,
            "no letters of base64url behind the header, signed",
            Form,
            headed(&format!("{HEADER_HS}####"), "23srvDiEYo7665_26qKv4D-0E2a149WRWH_av2ki2I4"),
        ),
        // A MAC over a payload that is not encoded as it must be: what was signed is refused.
        (
            368,
            "spaces before the payload, signed",
            Payload,
            jws("    VGVzdA", "AbPJgmXfihyNBUYpbdPK8qRpPjNuTE-Z_wYQyrU2lMQ"),
        ),
        (
            369,
            "no letters of base64url before the payload, signed",
            Payload,
            jws("####VGVzdA", "Ixs2CdBkk8qjqe2-hq2dobqVvv9iDcDS6gPNgoXJyFY"),
        ),
        (
            371,
            "one such letter before the payload, signed",
            Payload,
            jws("?VGVzdA", "q0zEA3Js33N6HcOFfBK875qJ_nFwSzI9SN9qJnx5sOc"),
        ),
        // These two are called valid there, of who skips such letters. Here nothing is skipped.
        (
            372,
            "no letter of base64url in the header",
            Form,
            headed("eyJraWQiOiJoczI1Ni1rZXkiLCJhbGciOiJIUzI1NiJ?9", MAC),
        ),
        (373, "the same in the payload", Signature, jws("VGVzdA?", MAC)),
        (
            374,
            "stray bits in the payload, and the MAC of it without them",
            Signature,
            jws("AB", "8sL_ycV8G_D-K_2A3I0EW3NoPMeQzv13cAzuHlQ5TAE"),
        ),
        (
            375,
            "stray bits in the payload, signed",
            Payload,
            jws("AB", "9phoKDvkBMAqTgeVIYeqAi6-lvC0pbKg9ER--3T97w0"),
        ),
        (
            376,
            "valid, spaces in the header's JSON",
            Payload,
            headed(
                "eyAia2lkIiA6ICJoczI1Ni1rZXkiLCAiYWxnIiA6ICJIUzI1NiIgfQ",
                "3nl1C7dKVGLfNyALp4ZKkmNFBJlFP8M9VGzCyil9S1c",
            ),
        ),
        (
            377,
            "valid, line breaks and tabs in the header's JSON",
            Payload,
            headed(
                "eyJraWQiOiJoczI1Ni1rZXkiLAoJImFsZyI6IkhTMjU2In0",
                "Yxn8cTl7IHpFIoEPOFrWmjm-GQlr_RMqHNJOp1ZuweY",
            ),
        ),
    ]
}

/// What is done to a valid one, numbered from its own number on.
fn altered(first: u16, header: &str, other_header: &str, signature: &str) -> Vec<Vector> {
    let other = format!("X{}", &signature[1..]);
    let texts = [
        ("valid", Payload, format!("{header}.Zm9v.{signature}")),
        ("another signature", Signature, format!("{header}.Zm9v.{other}")),
        ("an empty signature", Signature, format!("{header}.Zm9v.")),
        ("no signature", Form, format!("{header}.Zm9v")),
        ("another payload", Signature, format!("{header}.WG9v.{signature}")),
        ("an empty payload", Form, format!("{header}..{signature}")),
        ("no payload", Form, format!("{header}.{signature}")),
        ("another header", Signature, format!("{other_header}.Zm9v.{signature}")),
        ("an empty header", Form, format!(".Zm9v.{signature}")),
        ("no header", Form, format!("Zm9v.{signature}")),
        ("a payload alone, with separators", Form, ".Zm9v.".to_owned()),
        ("a payload alone", Form, "Zm9v".to_owned()),
        ("nothing", Form, String::new()),
    ];
    (first..).zip(texts).map(|(number, (name, fate, text))| (number, name, fate, text)).collect()
}

fn of_p256() -> Vec<Vector> {
    let signed_es = URL_SAFE_NO_PAD.decode(SIGNED_ES).unwrap();
    // Ours may have some zeros more or less.
    let (r, s) = signed_es.split_at(32);
    let wide = [&[0; 240], r, &[0; 240], s].concat();
    let jws = |signature: &str| format!("{HEADER_ES}.Zm9v.{signature}");
    let mut all =
        altered(18, HEADER_ES, "eyJhbGciOiJFUzI1NiIsImtpZCI6IlhpZC1lYy1zaWduIn0", SIGNED_ES);
    all.extend([
        (
            31,
            "HS256 with the public key as the secret",
            Signature,
            "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC1lYy1zaWduIn0.Zm9v.TgWtz2FIRukBQ_mA5sgHa0Ybtgn7bl-YBPAi7Z0XdHU"
                .to_owned(),
        ),
        (
            32,
            "the forger's own key in the header",
            Signature,
            "eyJhbGciOiJFUzI1NiIsImtpZCI6ImtpZC1lYy1zaWduIiwiandrIjp7Imt0eSI6IkVDIiwia2lkIjoia2lkLWVjLXNpZ24iLCJ1c2UiOiJzaWciLCJhbGciOiJFUzI1NiIsIngiOiJNZG5UWkRJaERKYmZBU2RGcWFtY3BPMkNoOUdOS0sybTBNUWxoNDAyU3BvIiwieSI6Ijdhdko0bHFfV3l4LW5MUERCUTJZcHl0dUh5TWlvMDdCVXl2bDNqYUMtMVkiLCJjcnYiOiJQLTI1NiJ9fQ.Zm9v.4jmsollQD8ZxvySzXYnIEYA4fwaZi2ZbC0aI1J4LYmW2Bn31NhKdjms2N6o51Dff5-InWXQF9m45VtTexl6yjg"
                .to_owned(),
        ),
        (341, "none", Signature, "eyJhbGciOiJub25lIn0.MTIzNDAw.".to_owned()),
        (342, "NONE", Signature, "eyJhbGciOiJOT05FIn0.MTIzNDAw.".to_owned()),
        (343, "none, of a key of that name", Signature, "eyJhbGciOiJub25lIiwia2lkIjoibm9uZSJ9.MTIzNDAw.".to_owned()),
        (344, "none, of another key", Signature, "eyJhbGciOiJub25lIiwia2lkIjoiUFM1MTJfMjA0OCJ9.MTIzNDAw.".to_owned()),
        (
            378,
            "valid, with the other s for the same r",
            Payload,
            jws("5cA0OHyMP7ezamUd5c9kV-FrGxdx4hbGXOdplQkutrppUShFwBW_Qj7IqhFOtNrIXLLKXS5CSZmERxmnjeyoiQ"),
        ),
        (379, "a zero before each number", Signature, jws("AOXANDh8jD-3s2plHeXPZFfhaxsXceIWxlznaZUJLra6AJau17k_6kC-wTdV7rFLJTdgNDBQeNVU629ysRtudnzI")),
        (380, "a zero behind each number", Signature, jws("5cA0OHyMP7ezamUd5c9kV-FrGxdx4hbGXOdplQkutroAlq7XuT_qQL7BN1XusUslN2A0MFB41VTrb3KxG252fMgA")),
        (381, "r and the order", Signature, jws("AeXANDd8jD-4s2plHeXPZFeeUhXFGPm1S1ChNFgFkdwLAJau17k_6kC-wTdV7rFLJTdgNDBQeNVU629ysRtudnzI")),
        (382, "s and the order", Signature, jws("AOXANDh8jD-3s2plHeXPZFfhaxsXceIWxlznaZUJLra6AZau17g_6kC_wTdV7rFLJTcdGyr-H-zzcGMse95q2aIZ")),
        (383, "r and 2 to the 256th", Signature, jws("AeXANDh8jD-3s2plHeXPZFfhaxsXceIWxlznaZUJLra6AJau17k_6kC-wTdV7rFLJTdgNDBQeNVU629ysRtudnzI")),
        (384, "s and 2 to the 256th", Signature, jws("AOXANDh8jD-3s2plHeXPZFfhaxsXceIWxlznaZUJLra6AZau17k_6kC-wTdV7rFLJTdgNDBQeNVU629ysRtudnzI")),
        (385, "hundreds of zeros before each number", Signature, jws(&part(wide))),
    ]);
    // 0, 1, the order less 1 and the order, each as r with each as s.
    let zero = [0; 32];
    let mut one = [0; 32];
    one[31] = 1;
    let order = P256_ORDER;
    let mut less = order;
    less[31] -= 1;
    let numbers = [zero, one, less, order];
    let pairs = numbers.iter().flat_map(|r| numbers.iter().map(move |s| [*r, *s].concat()));
    all.extend(
        (386..)
            .zip(pairs)
            .map(|(number, pair)| (number, "r and s at the edges", Signature, jws(&part(pair)))),
    );
    all
}

fn of_rsa() -> Vec<Vector> {
    let mut all = altered(
        33,
        HEADER_RS,
        "eyJhbGciOiJSUzI1NiIsImtpZCI6IlhpZC1yc2Etc2lnbiJ9",
        &format!("H{SIGNED_RS}"),
    );
    let text = |signature: &str| format!("{HEADER_RS}.Zm9v.{signature}");
    all.extend(
        PADDINGS.map(|(number, name, signature)| (number, name, Signature, text(signature))),
    );
    all
}

/// Of other keys for RS256.
fn of_other_rsa_keys() -> Vec<Vector> {
    let rfc7520 = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";
    vec![
        (
            261,
            "valid, a payload of one byte",
            Payload,
            "eyJhbGciOiJSUzI1NiIsImtpZCI6IlJTMjU2XzIwNDgifQ.YQ.ohEFKUmxZpQ9SccOgVkk5v4i31IdciaOa0F0tKR8LvnVAE6Brj8Ml9XjZPC8rJBBBOCv2ge2xXRsMN2LuqJK60_EJCmNFzaBFbSM73VFDtFHvC6fyVfEczidN2SInX9meTVjaY1IQhzfe-62-U7L0uKPZoLdnDeHH9U003HbCHWic8w6_w6r7hXZnD5v09Wleah98bKL4g8msmylR9t5wgkWEH4bJKFA7B5es4hiMHx8ilbd4eJ83o-pPRVdJblCRQt3MNa-P3LmPuPrApalYz4Fv3SHgXTHoGC4JthZ3FxjCSxRADfQA51he7LTeUPtmNHozHhui5F4Opr9gXK2Ig"
                .to_owned(),
        ),
        (345, "valid, of RFC 7520", Payload, rfc7520.to_owned()),
    ]
}

/// Holds each vector to its fate; how many there were.
async fn hold(keys: KeySource, vectors: Vec<Vector>) -> usize {
    let verifier = Verifier::new(Settings { keys, issuer: None, audience: None }).unwrap();
    for (number, name, fate, text) in &vectors {
        let verified = verifier.verify(text, TestClock::new().now()).await;
        let reason = match verified {
            Err(Refusal::Credential { reason, .. }) => reason,
            other => panic!("{number}, {name}: {other:?}"),
        };
        let got = match reason {
            Reason::UnfitToken => Payload,
            Reason::UntrustedToken => Signature,
            Reason::Malformed => Form,
            other => panic!("{number}, {name}: {other:?}"),
        };
        assert_eq!(got, *fate, "{number}, {name}: {text}");
    }
    vectors.len()
}

/// A set of these keys.
fn set(keys: &[Value]) -> (tempfile::TempDir, KeySource) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, json!({"keys": keys}).to_string()).unwrap();
    (folder, KeySource::File(path))
}

#[tokio::test]
async fn vectors_of_wycheproof_get_as_far_as_they_should() {
    let mut held = hold(KeySource::Secret("\0".repeat(32)), of_the_secret()).await;
    let (_folder, keys) = set(&[key_es(), key_rs(), key_rs_2048(), key_rfc7520()]);
    for vectors in [of_p256(), of_rsa(), of_other_rsa_keys()] {
        held += hold(keys.clone(), vectors).await;
    }
    // 349 is 345 with a key that says what it may be used for.
    let for_verifying = with(key_rfc7520(), "key_ops", json!(["verify"]));
    let (_folder, keys) = set(&[for_verifying]);
    let of_rfc7520 = of_other_rsa_keys().into_iter().filter(|(number, ..)| *number == 345);
    held += hold(keys, of_rfc7520.collect()).await;
    // 353 to 356 are 33 and 18 with keys that are for encrypting, beside one that is of no matter.
    for (member, value) in [("use", json!("enc")), ("key_ops", json!(["encrypt"]))] {
        let keys = [key_rs(), key_es()].map(|key| with(key, member, value.clone()));
        let (_folder, keys) = set(&[&keys[..], &[key_rfc7520()]].concat());
        let valid = [of_rsa().remove(0), of_p256().remove(0)];
        let refused = valid.map(|(number, name, _, text)| (number, name, Signature, text));
        held += hold(keys, refused.to_vec()).await;
    }
    assert_eq!(held, 97, "of 401");
}
