//! Of HS256.

use auditlog::auth::jwt::MAX_TOKEN_BYTES;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm::{HS256, HS384, HS512};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::json;

use super::{Vector, bad, claims, good, signed, with_signature, with_stray_bits};
use crate::support::tokens::part;

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn key() -> EncodingKey {
    EncodingKey::from_secret(SECRET.as_bytes())
}

/// Ann's token with this header, its signature right.
fn headed(header: &str) -> String {
    signed(header, &claims(), HS256, &key())
}

/// A token with these claims, its signature right.
fn claiming(claims: &str) -> String {
    signed(HEADER, claims, HS256, &key())
}

pub fn vectors() -> Vec<Vector> {
    let parts = [signatures(), algorithms(), encodings(), shapes(), headers(), contents()];
    parts.into_iter().flatten().collect()
}

fn signatures() -> Vec<Vector> {
    let token = headed(HEADER);
    let (text, signature) = token.rsplit_once('.').unwrap();
    let mac = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let with = |bytes: &[u8]| with_signature(&token, part(bytes));
    let flipped = |at: usize, bit: u8| {
        let mut mac = mac.clone();
        mac[at] ^= bit;
        with(&mac)
    };
    let mac_of = |text: &[u8]| crypto::sign(text, &key(), HS256).unwrap();
    let by = |secret: &[u8]| signed(HEADER, &claims(), HS256, &EncodingKey::from_secret(secret));
    vec![
        good("as it should be", token.clone()),
        bad("the first bit of the signature changed", flipped(0, 0x80)),
        bad("the last bit of the signature changed", flipped(31, 1)),
        bad("a bit in the middle of the signature changed", flipped(16, 4)),
        bad("half a signature", with(&mac[..16])),
        bad("a signature without its last byte", with(&mac[..31])),
        bad("a signature without its first byte", with(&mac[1..])),
        bad("a signature with a zero behind it", with(&[&mac[..], &[0]].concat())),
        bad("a signature with a zero before it", with(&[&[0], &mac[..]].concat())),
        bad("the signature twice", with(&[&mac[..], &mac].concat())),
        bad("no signature", format!("{text}.")),
        bad("a signature of zeros", with(&[0; 32])),
        bad("a signature of ones", with(&[0xff; 32])),
        bad("one byte for a signature", with(&mac[..1])),
        bad("a signature of the claims alone", {
            let (_, claims) = text.split_once('.').unwrap();
            with_signature(&token, mac_of(claims.as_bytes()))
        }),
        bad("a signature of what is decoded", {
            with_signature(&token, mac_of(format!("{HEADER}.{}", claims()).as_bytes()))
        }),
        bad("a signature of another token", {
            with_signature(&token, claiming("{}").rsplit_once('.').unwrap().1)
        }),
        bad("another secret", by(b"another secret of thirty-two bytes or more")),
        bad("an empty secret", by(b"")),
        bad("the beginning of the secret", by(&SECRET.as_bytes()[..31])),
        bad("the secret and the end of a line", by(format!("{SECRET}\n").as_bytes())),
        bad("other claims than those signed", {
            let other = part(claims().replace("ann", "eve"));
            format!("{}.{other}.{signature}", part(HEADER))
        }),
        bad("another header than the one signed", {
            let (_, rest) = token.split_once('.').unwrap();
            format!("{}.{rest}", part(r#"{"alg":"HS256"}"#))
        }),
    ]
}

fn algorithms() -> Vec<Vector> {
    let named = |alg: serde_json::Value| headed(&json!({"alg": alg}).to_string());
    let unsigned = |alg: &str| {
        format!("{}.{}.", part(json!({"alg": alg, "typ": "JWT"}).to_string()), part(claims()))
    };
    let really = |named: &str, really: Algorithm| {
        signed(&json!({"alg": named}).to_string(), &claims(), really, &key())
    };
    vec![
        bad("HS384 with the same secret", really("HS384", HS384)),
        bad("HS512 with the same secret", really("HS512", HS512)),
        bad("HS512 said to be HS256", really("HS256", HS512)),
        bad("HS256 said to be HS384", really("HS384", HS256)),
        bad("HS256 said to be RS256", really("RS256", HS256)),
        bad("HS256 said to be ES256", really("ES256", HS256)),
        bad("HS256 said to be EdDSA", really("EdDSA", HS256)),
        bad("hs256 in small letters", named(json!("hs256"))),
        bad("alg with a space", named(json!("HS256 "))),
        bad("none, unsigned", unsigned("none")),
        bad("None, unsigned", unsigned("None")),
        bad("NONE, unsigned", unsigned("NONE")),
        bad("nOnE, unsigned", unsigned("nOnE")),
        bad("none with a signature", named(json!("none"))),
        bad("none with a zero behind it", unsigned("none\0")),
        bad("an empty alg", named(json!(""))),
        bad("an empty alg, unsigned", unsigned("")),
        bad("alg is null", named(json!(null))),
        bad("alg is a number", named(json!(256))),
        bad("alg is a list", named(json!(["HS256"]))),
        bad("alg is an object", named(json!({"name": "HS256"}))),
        bad("no alg", headed(r#"{"typ":"JWT"}"#)),
        bad("ALG in place of alg", headed(r#"{"ALG":"HS256"}"#)),
    ]
}

/// What base64 lets pass where it is read loosely, each signed as it stands where that can be.
fn encodings() -> Vec<Vector> {
    // Texts whose encodings have bits to spare.
    let header = r#"{"alg":"HS256" }"#;
    let claims = format!("{}{}", claims(), " ".repeat(4 - claims().len() % 3));
    let token = signed(header, &claims, HS256, &key());
    let [h, c, s] = <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap();
    let resigned = |header: &str, claims: &str| {
        let text = format!("{header}.{claims}");
        let signature = crypto::sign(text.as_bytes(), &key(), HS256).unwrap();
        format!("{text}.{signature}")
    };
    let inside = |what: &str| format!("{h}.{c}.{}{what}{}", &s[..20], &s[20..]);
    vec![
        good("spaces in the JSON", token.clone()),
        bad("padding behind the signature", format!("{token}=")),
        bad("padding behind the header", resigned(&format!("{h}=="), c)),
        bad("padding behind the claims", resigned(h, &format!("{c}=="))),
        bad("stray bits in the signature", format!("{h}.{c}.{}", with_stray_bits(s))),
        bad("stray bits in the header", resigned(&with_stray_bits(h), c)),
        bad("stray bits in the claims", resigned(h, &with_stray_bits(c))),
        bad("the other base64 alphabet", {
            let plus = (0..).map(|n| claiming(&format!("{claims}{}", " ".repeat(n))));
            let mut plus = plus.filter(|token| token.rsplit_once('.').unwrap().1.contains('-'));
            let token = plus.next().unwrap();
            let signature = token.rsplit_once('.').unwrap().1.replace('-', "+").replace('_', "/");
            with_signature(&token, signature)
        }),
        bad("the end of a line in the signature", inside("\n")),
        bad("a space in the signature", inside(" ")),
        bad("a tab in the signature", inside("\t")),
        bad("a zero in the signature", inside("\0")),
        bad("a quote in the signature", inside("\"")),
        bad("a percent sign in the signature", inside("%2e")),
        bad("a letter that is not ASCII in the signature", inside("é")),
        bad("the end of a line in the header", resigned(&format!("{}\n{}", &h[..8], &h[8..]), c)),
        bad("a space in the claims", resigned(h, &format!("{} {}", &c[..8], &c[8..]))),
        bad("quotes around it", format!("\"{token}\"")),
        bad("a space before it", format!(" {token}")),
        bad("a space behind it", format!("{token} ")),
        bad("the end of a line behind it", format!("{token}\n")),
        bad("a zero behind it", format!("{token}\0")),
        bad("its whole in base64", part(&token)),
    ]
}

fn shapes() -> Vec<Vector> {
    let token = headed(HEADER);
    let [h, c, s] = <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap();
    let flattened = json!({"protected": h, "payload": c, "signature": s});
    let general = json!({"payload": c, "signatures": [{"protected": h, "signature": s}]});
    vec![
        bad("empty", String::new()),
        bad("two dots", "..".to_owned()),
        bad("two parts", format!("{h}.{c}")),
        bad("one part", h.to_owned()),
        bad("four parts", format!("{token}.{s}")),
        bad("five parts, as one that is encrypted", format!("{h}.{s}.{s}.{c}.{s}")),
        bad("a dot before it", format!(".{token}")),
        bad("a dot behind it", format!("{token}.")),
        bad("two dots between", format!("{h}..{c}.{s}")),
        bad("no header", format!(".{c}.{s}")),
        bad("no claims, as one that is detached", format!("{h}..{s}")),
        bad("two tokens", format!("{token},{token}")),
        bad("JSON, flattened", flattened.to_string()),
        bad("JSON, general", general.to_string()),
    ]
}

fn headers() -> Vec<Vector> {
    let with = |more: &str| headed(&format!(r#"{{"alg":"HS256",{more}}}"#));
    vec![
        good("no typ", headed(r#"{"alg":"HS256"}"#)),
        good("typ in small letters", with(r#""typ":"jwt""#)),
        good("typ of an access token", with(r#""typ":"at+jwt""#)),
        good("typ with the whole media type", with(r#""typ":"application/at+JWT""#)),
        good("the name of a file for a key's", with(r#""kid":"../../../../dev/null""#)),
        good("SQL for a key's name", with(r#""kid":"' UNION SELECT 'x' --""#)),
        good("a long name of a key", with(&format!(r#""kid":"{}""#, "k".repeat(4_000)))),
        good("where to find a key, which nobody looks up", with(r#""jku":"http://127.0.0.1:1/""#)),
        bad("the name of a key with U+0000", with(r#""kid":"a\u0000b""#)),
        bad("a number for the name of a key", with(r#""kid":7"#)),
        bad("what must be understood and is not", with(r#""crit":["x"],"x":1"#)),
        bad("crit with nothing in it", with(r#""crit":[]"#)),
        bad("crit of a claim that is known", with(r#""crit":["exp"],"exp":1"#)),
        bad("crit is null", with(r#""crit":null"#)),
        bad("b64 is false", with(r#""b64":false,"crit":["b64"]"#)),
        bad("b64 is false, without crit", with(r#""b64":false"#)),
        bad("b64 is true, without crit", with(r#""b64":true"#)),
        bad("claims that are not encoded", {
            let text = format!("{}.{}", part(r#"{"alg":"HS256","b64":false}"#), claims());
            let signature = crypto::sign(text.as_bytes(), &key(), HS256).unwrap();
            format!("{text}.{signature}")
        }),
        bad("compressed", with(r#""zip":"DEF""#)),
        bad("encrypted", with(r#""enc":"A256GCM""#)),
        bad("one in another", with(r#""cty":"JWT""#)),
        bad("typ of a logout", with(r#""typ":"logout+jwt""#)),
        bad("typ of a proof of possession", with(r#""typ":"dpop+jwt""#)),
        bad("typ of JSON serialization", with(r#""typ":"JOSE+JSON""#)),
        bad("typ is a number", with(r#""typ":1"#)),
        bad("alg twice, the good one first", with(r#""alg":"none""#)),
        bad("alg twice, the good one last", headed(r#"{"alg":"none","alg":"HS256"}"#)),
        bad("alg twice, once escaped", with(r#""\u0061lg":"HS256""#)),
        bad("kid twice", with(r#""kid":"a","kid":"b""#)),
        bad("the header is a list", headed(r#"[{"alg":"HS256"}]"#)),
        bad("the header is text", headed("\"HS256\"")),
        bad("something behind the header", headed(&format!("{HEADER}{{}}"))),
        bad("a byte order mark before the header", headed(&format!("\u{feff}{HEADER}"))),
        bad("a remark in the header", headed(r#"{"alg":"HS256"/**/}"#)),
        bad("a comma too many in the header", headed(r#"{"alg":"HS256",}"#)),
        bad(
            "a header that nests too deep",
            with(&format!(r#""x":{}{}"#, "[".repeat(200), "]".repeat(200))),
        ),
    ]
}

fn contents() -> Vec<Vector> {
    let padded = |bytes: usize| {
        let bare = claims();
        let mut filling = String::new();
        loop {
            let token = claiming(&bare.replacen('{', &format!("{{\"x\":\"{filling}\","), 1));
            if token.len() >= bytes {
                return token;
            }
            filling.push_str(&"x".repeat(1.max((bytes - token.len()) * 3 / 4)));
        }
    };
    let longest = padded(MAX_TOKEN_BYTES);
    assert_eq!(longest.len(), MAX_TOKEN_BYTES);
    let member = |name: &str| claims().replacen('{', &format!("{{{name},"), 1);
    vec![
        good("as long as can be", longest),
        bad("a byte too long", padded(MAX_TOKEN_BYTES + 1)),
        bad("sub twice", claiming(&member(r#""sub":"eve""#))),
        bad("exp twice", claiming(&member(r#""exp":1"#))),
        bad("a claim that nobody reads, twice", claiming(&member(r#""x":1,"x":1"#))),
        bad("sub is a number", claiming(&claims().replace("\"ann\"", "7"))),
        bad("sub is a list", claiming(&claims().replace("\"ann\"", "[\"ann\"]"))),
        bad("sub is missing", claiming(&claims().replace("sub", "user"))),
        bad("exp beyond all numbers", claiming(r#"{"sub":"ann","exp":1e400}"#)),
        bad("exp is no JSON", claiming(r#"{"sub":"ann","exp":NaN}"#)),
        bad("iat beyond all numbers", claiming(&member(r#""iat":1e400"#))),
        bad("the claims are a list", claiming(&format!("[{}]", claims()))),
        bad("the claims are text", claiming("\"ann\"")),
        bad("the claims are another token", claiming(&headed(HEADER))),
        bad("something behind the claims", claiming(&format!("{}x", claims()))),
        bad("claims that are no UTF-8", {
            let bytes = [&b"{\"sub\":\"\xff\",\"exp\":99999999999}"[..]].concat();
            let text = format!("{}.{}", part(HEADER), part(bytes));
            let signature = crypto::sign(text.as_bytes(), &key(), HS256).unwrap();
            format!("{text}.{signature}")
        }),
    ]
}
