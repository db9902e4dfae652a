//! The form of a token, and what its header may say. Nothing here is believed yet: this reads only
//! as much as is needed to choose the keys that may have signed it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;

use crate::auth::{Reason, Refusal};
use crate::domain::json::Json;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Header parameters that change what the rest means. None of them is understood here, and one that
/// is passed over would make a token say what its signer did not.
const NOT_TAKEN: [&str; 4] = ["crit", "b64", "enc", "zip"];

/// What `typ` may be. Tokens of other kinds (of a logout, of possession, of an event) are not for
/// signing in, though the same key may have signed them.
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

const NO_TOKEN: &str = "the credential is neither an API key nor a JSON Web Token";

/// A token in JWS compact serialization, its signature not checked.
pub(super) struct Token<'a> {
    /// None for one that no key here is for.
    pub algorithm: Option<Algorithm>,
    pub key_id: Option<String>,
    /// What the signature is of: header and claims, as they were sent.
    pub signed: &'a str,
    /// The claims, encoded.
    pub claims: &'a str,
    /// The signature, encoded.
    pub signature: &'a str,
}

impl<'a> Token<'a> {
    /// Reads the header. Where to find a key (`jku`, `jwk`, `x5u`, `x5c`) is never the token's say.
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > MAX_TOKEN_BYTES {
            let message = format!(
                "the token has {} bytes, and at most {MAX_TOKEN_BYTES} are taken: ask its issuer for fewer claims",
                text.len()
            );
            return Err(Refusal::new(Reason::TooLong, message));
        }
        let malformed = || Refusal::new(Reason::Malformed, NO_TOKEN);
        let (signed, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        if header.is_empty() || claims.is_empty() || claims.contains('.') {
            return Err(malformed());
        }
        let header = object(header).ok_or_else(malformed)?;
        let Some(Json::String(algorithm)) = header.get("alg") else { return Err(malformed()) };
        check(&header).map_err(|problem| Refusal::new(Reason::Malformed, problem))?;
        Ok(Self {
            algorithm: algorithm_named(algorithm),
            key_id: match header.get("kid") {
                None => None,
                Some(Json::String(id)) => Some(id.clone()),
                Some(_) => return Err(malformed()),
            },
            signed,
            claims,
            signature,
        })
    }
}

/// A part of a token: base64url without padding, spaces or stray bits, of a JSON object that names
/// nothing twice.
pub(super) fn object(part: &str) -> Option<Json> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    let json = Json::parse(std::str::from_utf8(&bytes).ok()?).ok()?;
    matches!(json, Json::Object(_)).then_some(json)
}

/// The algorithms of which there are ever keys; `none` is not among them.
fn algorithm_named(name: &str) -> Option<Algorithm> {
    match name {
        "HS256" => Some(Algorithm::HS256),
        "RS256" => Some(Algorithm::RS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

fn check(header: &Json) -> Result<(), String> {
    if let Some(name) = NOT_TAKEN.into_iter().find(|name| header.get(name).is_some()) {
        return Err(format!("the token's header has {name}, which is not taken here"));
    }
    // A media type, which may leave out "application/" and go by any case.
    let media_type = |name| match header.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => {
            let text = text.to_ascii_lowercase();
            Ok(Some(text.strip_prefix("application/").map(str::to_owned).unwrap_or(text)))
        }
        Some(_) => Err(format!("the token's {name} must be text")),
    };
    if media_type("typ")?.is_some_and(|text| !TYPES.contains(&text.as_str())) {
        return Err("the token's typ must be JWT or at+jwt, if there is one".to_owned());
    }
    if media_type("cty")?.is_some_and(|text| text == "jwt") {
        return Err("the token holds another one (cty), which is not taken here".to_owned());
    }
    Ok(())
}
