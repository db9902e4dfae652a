//! From a request's headers to who sends it, and where from.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::App;
use super::gate::Seat;
use crate::auth::{Reason, Refusal};
use crate::domain::event::Context;
use crate::domain::json::shortened;
use crate::domain::viewer::Viewer;
use crate::error::Result;
use crate::graphql::Requester;

/// How much is kept of what a header says, in characters.
const MAX_HEADER_CHARS: usize = 1_000;

/// Who sends this request, with their rights at this moment.
pub async fn requester(app: &App, parts: &Parts) -> Result<Requester> {
    let context = context(parts);
    match sign_in(app, parts, &context).await {
        Ok(viewer) => {
            let share = app.shares.take(&viewer.tenant_id)?;
            if let Some(seat) = parts.extensions.get::<Seat>() {
                seat.keep_share(share);
            }
            Ok(Requester { viewer, context })
        }
        Err(refusal) => {
            if let Refusal::Credential { reason, .. } = &refusal {
                app.metrics.sign_in_failed(*reason);
                app.authenticator.refused(*reason, &context);
            }
            Err(refusal.into())
        }
    }
}

async fn sign_in(app: &App, parts: &Parts, context: &Context) -> Result<Viewer, Refusal> {
    let from = Context { url: Some(parts.uri.path().to_owned()), ..context.clone() };
    app.authenticator.authenticate(credential(&parts.headers)?, &from).await
}

/// The credential, in one of the three forms: `Bearer` with a JSON Web Token or an API key, or, as
/// Healthie's clients send it, `Basic` with an API key and `AuthorizationSource: API`.
fn credential(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let given = all.next().ok_or_else(|| missing("there is no Authorization header"))?;
    if all.next().is_some() {
        return Err(missing("there is more than one Authorization header"));
    }
    let given = given.to_str().map_err(|_| missing("the Authorization header is not ASCII"))?;
    let (scheme, credential) = given.trim().split_once(' ').unwrap_or((given, ""));
    let credential = credential.trim();
    let from_api = || {
        let source = headers.get("authorizationsource").and_then(|value| value.to_str().ok());
        source.is_some_and(|source| source.eq_ignore_ascii_case("API"))
    };
    if credential.is_empty() {
        return Err(missing("the Authorization header holds no credential"));
    }
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok(credential),
        "basic" if from_api() => Ok(credential),
        "basic" => Err(missing("Basic is taken only together with AuthorizationSource: API")),
        _ => Err(missing("the Authorization header is of another scheme")),
    }
}

fn missing(what: &str) -> Refusal {
    Refusal::new(
        Reason::NoCredential,
        format!("{what}: send Authorization: Bearer, followed by an API key or a JSON Web Token"),
    )
}

/// Where a request comes from, for what it leaves in the log.
fn context(parts: &Parts) -> Context {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let text = |name| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.map(|value| shortened(value, MAX_HEADER_CHARS).to_owned())
    };
    Context {
        ip_address: peer.map(|ConnectInfo(peer)| peer.ip().to_canonical().to_string()),
        user_agent: text("user-agent"),
        request_id: text("x-request-id"),
        ..Context::default()
    }
}
