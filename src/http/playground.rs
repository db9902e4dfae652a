//! GraphiQL, served whole from the binary: it needs no internet access.
//!
//! The bundle is built from locked npm packages by `playground/build.mjs` and kept compressed.

use std::io::Read as _;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flate2::read::GzDecoder;

use super::App;
use crate::graphql::Schema;

const PAGE: &str = include_str!("playground/index.html");
const SCRIPT: &[u8] = include_bytes!("playground/dist/playground.js.gz");
const STYLE: &[u8] = include_bytes!("playground/dist/playground.css.gz");

/// Nothing but the page's own parts, and requests to this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      connect-src 'self'; img-src 'self' data:; font-src 'self' data:; \
                      worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The schema as GraphiQL wants it. It is public, like the source: documentation and completion
/// work before any credential is entered.
#[derive(Clone)]
pub struct Introspection(Bytes);

impl Introspection {
    pub async fn of(schema: &Schema) -> Self {
        let answer = serde_json::to_vec(&schema.introspection().await);
        Self(answer.unwrap_or_default().into())
    }
}

/// `GET /playground`
pub async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, PAGE).into_response()
}

/// `GET /playground/playground.js`
pub async fn script(headers: HeaderMap) -> Response {
    packed(&headers, "text/javascript; charset=utf-8", SCRIPT)
}

/// `GET /playground/playground.css`
pub async fn style(headers: HeaderMap) -> Response {
    packed(&headers, "text/css; charset=utf-8", STYLE)
}

/// `GET /playground/schema.json`
pub async fn schema(State(app): State<App>) -> Response {
    let Introspection(answer) = app.introspection;
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}

/// Whether a client takes gzip: it names it, and not with a weight of zero.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::parse);
        name.trim().eq_ignore_ascii_case("gzip") && weight != Some(Ok(0.0))
    })
}

/// A part of the bundle, unpacked only for a client that cannot do it itself.
fn packed(headers: &HeaderMap, content_type: &'static str, gzipped: &'static [u8]) -> Response {
    let mut response = if takes_gzip(headers) {
        ([(header::CONTENT_ENCODING, "gzip")], gzipped).into_response()
    } else {
        let mut plain = Vec::new();
        match GzDecoder::new(gzipped).read_to_end(&mut plain) {
            Ok(_) => plain.into_response(),
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    };
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::VARY, "Accept-Encoding"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
