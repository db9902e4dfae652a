//! Recording over REST.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::{App, credentials, respond};
use crate::error::{Error, Result};
use crate::ingest::{self, Batch};
use crate::store::Appended;

/// What recording did.
#[derive(Serialize)]
struct Receipt {
    recorded: usize,
    duplicates: usize,
    #[serde(skip_serializing_if = "is_zero")]
    skipped: usize,
    first_sequence: Option<String>,
    last_sequence: Option<String>,
}

/// Whoever has no policy that leaves events out need not know of it.
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
const fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Ndjson,
}

/// `POST /v1/audit-events`
pub async fn post(State(app): State<App>, request: Request) -> Response {
    match record(&app, request).await {
        Ok(Appended { recorded, duplicates, skipped, sequences }) => {
            app.metrics.recorded(recorded, duplicates);
            let receipt = Receipt {
                recorded,
                duplicates,
                skipped,
                first_sequence: sequences.map(|(first, _)| first.to_string()),
                last_sequence: sequences.map(|(_, last)| last.to_string()),
            };
            respond::json(StatusCode::OK, &receipt)
        }
        Err(error) => respond::failure(&error),
    }
}

async fn record(app: &App, request: Request) -> Result<Appended> {
    let (parts, body) = request.into_parts();
    // Whoever may not record is told so before a byte of the body is read.
    let requester = credentials::requester(app, &parts).await?;
    ingest::may_record(&requester.viewer)?;
    let format = format(&parts.headers)?;
    let (body, seat) = app.room.whole(Request::from_parts(parts, body)).await?;
    let read = move || {
        let _seat = seat;
        match format {
            Format::Json => Batch::from_json(&body),
            Format::Ndjson => Batch::from_ndjson(&body),
        }
    };
    let batch = tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| Error::internal("reading a batch", error))??;
    ingest::record(&app.store, &requester.viewer, batch).await
}

fn format(headers: &HeaderMap) -> Result<Format> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(Format::Json)
    } else if essence.eq_ignore_ascii_case("application/x-ndjson") {
        Ok(Format::Ndjson)
    } else {
        Err(Error::bad_input(
            "Content-Type must be application/json (an event or a list) or application/x-ndjson (an event a line)",
        ))
    }
}
