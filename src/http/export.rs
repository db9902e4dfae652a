//! Exporting over HTTP: a file, written while it is read.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use tracing::{Instrument as _, Span};

use super::gate::Seat;
use super::{App, credentials, respond};
use crate::error::{Error, Result};
use crate::export::Format;
use crate::graphql::Export;

/// `GET /v1/audit-events`
pub async fn get(State(app): State<App>, parts: Parts) -> Response {
    match export(&app, &parts).await {
        Ok(export) => file(export, parts.extensions.get::<Seat>().cloned()),
        Err(error) => respond::failure(&error),
    }
}

async fn export(app: &App, parts: &Parts) -> Result<Export> {
    let requester = credentials::requester(app, parts).await?;
    let Query(mut parameters) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|_| Error::bad_input("the URL's parameters cannot be read"))?;
    let named: Vec<String> =
        parameters.extract_if(.., |(name, _)| name == "format").map(|(_, format)| format).collect();
    let format = match named.as_slice() {
        [] => accepted(&parts.headers),
        [name] => Format::named(name),
        _ => None,
    };
    let format = format.ok_or_else(|| {
        Error::bad_input(format!(
            "say which format: the parameter format, once, is {}, or Accept is one of their media types",
            Format::names()
        ))
    })?;
    app.schema.export(requester, parts.uri.path(), format, parameters).await
}

fn accepted(headers: &HeaderMap) -> Option<Format> {
    let all = headers.get_all(header::ACCEPT).iter();
    all.filter_map(|value| value.to_str().ok()).find_map(Format::accepted)
}

/// The file, which keeps its place among the requests under way until its end.
fn file(export: Export, seat: Option<Seat>) -> Response {
    let Format { name, media_type, .. } = export.format();
    let visible_since = export.visible_since().and_then(|time| HeaderValue::from_str(time).ok());
    // Once it has begun, a failure can only cut it off, which a client sees by the missing end.
    // Its steps belong to the request, whose span ends with the file.
    let span = Span::current();
    let pieces = stream::try_unfold((export, seat, span), |(mut export, seat, span)| async move {
        match export.next().instrument(span.clone()).await {
            Ok(piece) => Ok(piece.map(|piece| (piece, (export, seat, span)))),
            Err(error) => {
                if let Error::Internal(internal) = &error {
                    tracing::error!(error = internal.for_the_log(), "an export was cut off");
                }
                Err(error)
            }
        }
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // Asking for what is older than the plan shows is no error; this says that it was left out.
    if let Some(time) = visible_since {
        headers.insert("x-visible-since", time);
    }
    let disposition = format!("attachment; filename=\"audit-events.{name}\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}
