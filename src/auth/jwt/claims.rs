//! What a token that a trusted key signed must say.

use std::time::Duration;

use super::token::object;
use crate::auth::{Reason, Refusal};
use crate::domain::json::Json;
use crate::domain::time::Time;

/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// A token's claims.
pub(super) struct Claims(Json);

impl Claims {
    /// Reads them; none if they are not one JSON object with no name twice.
    pub fn parse(encoded: &str) -> Option<Self> {
        object(encoded).map(Self)
    }

    /// Whom they are about.
    pub fn subject(&self) -> Option<&str> {
        match self.0.get("sub") {
            Some(Json::String(subject)) => Some(subject),
            _ => None,
        }
    }

    /// The subject, if they are fit for the issuer and the audience that are set, and for this time.
    pub fn check(
        &self,
        issuer: Option<&str>,
        audience: Option<&str>,
        now: Time,
    ) -> Result<String, Refusal> {
        let unfit = |problem| Refusal::new(Reason::UnfitToken, problem);
        issuer.map_or(Ok(()), |issuer| self.check_issuer(issuer)).map_err(unfit)?;
        audience.map_or(Ok(()), |audience| self.check_audience(audience)).map_err(unfit)?;
        self.check_times(now)?;
        self.subject().map(str::to_owned).ok_or_else(|| unfit("the token has no sub"))
    }

    fn check_issuer(&self, issuer: &str) -> Result<(), &'static str> {
        match self.0.get("iss") {
            Some(Json::String(iss)) if iss == issuer => Ok(()),
            Some(Json::String(_)) => Err("the token's iss is not the one trusted here"),
            _ => Err("the token has no iss"),
        }
    }

    fn check_audience(&self, audience: &str) -> Result<(), &'static str> {
        let is_us = |aud: &Json| matches!(aud, Json::String(aud) if aud == audience);
        let all_are_text = |list: &[Json]| list.iter().all(|aud| matches!(aud, Json::String(_)));
        match self.0.get("aud") {
            None | Some(Json::Null) => Err("the token has no aud"),
            Some(Json::Array(list)) if all_are_text(list) && list.iter().any(is_us) => Ok(()),
            Some(aud) if is_us(aud) => Ok(()),
            Some(_) => Err("the token's aud is not this server"),
        }
    }

    fn check_times(&self, now: Time) -> Result<(), Refusal> {
        let now = now.timestamp_micros() as f64 / 1e6;
        let leeway = LEEWAY.as_secs_f64();
        let unfit = |problem| Refusal::new(Reason::UnfitToken, problem);
        let expired = |problem| Refusal::new(Reason::ExpiredToken, problem);
        let expires = self.0.get("exp").and_then(seconds);
        let expires = expires.ok_or_else(|| unfit("the token has no exp"))?;
        if expires < now - leeway {
            return Err(expired("the token has expired"));
        }
        // Neither is required; one that is there must be a time that has come.
        match self.0.get("nbf").map(seconds) {
            Some(None) => return Err(unfit("the token's nbf is no time")),
            Some(Some(begins)) if begins > now + leeway => {
                return Err(expired("the token is not valid yet (nbf)"));
            }
            _ => {}
        }
        match self.0.get("iat").map(seconds) {
            Some(None) => Err(unfit("the token's iat is no time")),
            Some(Some(issued)) if issued > now + leeway => {
                Err(unfit("the token's iat is in the future: its issuer's clock is ahead"))
            }
            _ => Ok(()),
        }
    }
}

/// Seconds since 1970, and maybe a fraction of one.
fn seconds(claim: &Json) -> Option<f64> {
    match claim {
        Json::Number(text) => text.parse().ok().filter(|seconds: &f64| seconds.is_finite()),
        _ => None,
    }
}
