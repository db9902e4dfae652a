//! GraphQL over HTTP, by the draft of that name.
//!
//! The requests are read here and not by an integration, because JSON read the usual way would lose
//! digits, take the last of two equal keys and execute a mutation that came by GET.

use std::time::Instant;

use axum::extract::{RawQuery, Request as HttpRequest, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response as HttpResponse;
use serde::{Deserialize, Serialize};

use super::media::Media;
use super::{App, credentials, respond};
use crate::domain::json::Json;
use crate::domain::limits::Limits;
use crate::error::{Code, Error, Result};
use crate::graphql::{
    self, Asked, OperationType, Prepared, Requester, Response, failure, unavailable,
};

/// How deep in a request's JSON a value of ours may begin: variables, input, events, one of them,
/// its changes, one of them.
const LEVELS_OF_A_REQUEST: usize = 7;

/// From how many bytes on a body is read on a thread where that holds nobody up.
const LARGE_BODY: usize = 64 * 1024;

/// Where GraphQL is.
pub const ROUTE: &str = "/graphql";

/// Why a request is answered without being executed.
enum Refused {
    /// By HTTP: it never became a request of GraphQL, or may not be sent like that.
    Request(StatusCode, Error),
    /// By GraphQL: its document, variables or operation will not do.
    Operation(Box<Response>),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match error.code() {
            Code::NotFound | Code::Conflict => StatusCode::BAD_REQUEST,
            _ => respond::status(&error),
        };
        Self::Request(status, error)
    }
}

/// `POST /graphql`
pub async fn post(State(app): State<App>, request: HttpRequest) -> HttpResponse {
    let (media, answered) = match Media::accepted(request.headers()) {
        Some(media) => (media, by_post(&app, request).await),
        None => (Media::Json, Err(not_acceptable())),
    };
    answer(media, answered)
}

/// `GET /graphql?query=…`: queries only.
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery, parts: Parts) -> HttpResponse {
    let (media, answered) = match Media::accepted(&parts.headers) {
        Some(media) => (media, by_get(&app, query.as_deref().unwrap_or_default(), &parts).await),
        None => (Media::Json, Err(not_acceptable())),
    };
    let mut response = answer(media, answered);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

async fn by_post(app: &App, request: HttpRequest) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let requester = credentials::requester(app, &parts).await?;
    if !is_json(&parts.headers) {
        let error = Error::bad_input("send the request as application/json");
        return Err(Refused::Request(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    let (body, seat) = app.room.whole(HttpRequest::from_parts(parts, body)).await?;
    let start = Instant::now();
    let read = {
        let (limits, schema) = (app.limits, app.schema.clone());
        let large = body.len() >= LARGE_BODY;
        let read = move || {
            let _seat = seat;
            let asked = from_body(&body, &limits)?;
            schema.prepare(asked).map_err(Refused::Operation)
        };
        match large {
            true => tokio::task::spawn_blocking(read)
                .await
                .map_err(|error| Error::internal("reading a request", error))?,
            false => read(),
        }
    };
    execute(app, read?, requester, start).await
}

async fn by_get(app: &App, query: &str, parts: &Parts) -> Result<Response, Refused> {
    let requester = credentials::requester(app, parts).await?;
    let start = Instant::now();
    let asked = from_query(query, &app.limits)?;
    let prepared = app.schema.prepare(asked).map_err(Refused::Operation)?;
    // Where it is not clear which operation is meant, that is what is answered.
    if prepared.operation.is_some_and(|operation| operation != OperationType::Query) {
        let error = Error::bad_input("only queries are executed by GET: send it by POST");
        return Err(Refused::Request(StatusCode::METHOD_NOT_ALLOWED, error));
    }
    execute(app, prepared, requester, start).await
}

async fn execute(
    app: &App,
    prepared: Prepared,
    requester: Requester,
    start: Instant,
) -> Result<Response, Refused> {
    let counted_as = prepared.counted_as;
    let response = app.schema.execute(prepared, requester, ROUTE).await;
    app.metrics.executed(counted_as, start.elapsed());
    Ok(response)
}

fn from_body(body: &[u8], limits: &Limits) -> Result<Asked> {
    let text = std::str::from_utf8(body).map_err(|_| Error::bad_input("the body is not UTF-8"))?;
    limits.max_variables_values.hold(Json::most_values_in(text))?;
    let json = Json::parse_within(text, LEVELS_OF_A_REQUEST)
        .map_err(|error| Error::bad_input(format!("the body is not acceptable JSON: {error}")))?;
    let Json::Object(members) = json else {
        return Err(Error::bad_input(
            "the body must be one JSON object with the keys query, variables and operationName; batches are not taken",
        ));
    };
    let (mut query, mut operation_name, mut variables) = (None, None, None);
    for (key, value) in members {
        match (key.as_str(), value) {
            ("query", Json::String(text)) => query = Some(text),
            ("operationName", Json::String(name)) => operation_name = Some(name),
            ("query" | "operationName", Json::Null) => {}
            ("query" | "operationName", _) => {
                return Err(Error::bad_input(format!("{key} must be a string")));
            }
            ("variables", value) => variables = map("variables", Some(value))?,
            ("extensions", value) => drop(map("extensions", Some(value))?),
            _ => {} // whatever else clients send along
        }
    }
    asked(query, operation_name, variables)
}

/// The parameters of a GET.
#[derive(Deserialize)]
struct Parameters {
    query: Option<String>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

fn from_query(query: &str, limits: &Limits) -> Result<Asked> {
    let uri = format!("/?{query}").parse().map_err(|_| Error::bad_input("the URL is not valid"))?;
    let axum::extract::Query(parameters) =
        axum::extract::Query::try_from_uri(&uri).map_err(|_| {
            Error::bad_input("the URL's parameters cannot be read, or one stands twice")
        })?;
    let Parameters { query, operation_name, variables, extensions } = parameters;
    let parsed = |name: &str, text: Option<String>| {
        let text = text.filter(|text| !text.is_empty());
        let value = text.map(|text| {
            limits.max_variables_values.hold(Json::most_values_in(&text))?;
            Json::parse(&text).map_err(|error| Error::bad_input(format!("{name}: {error}")))
        });
        map(name, value.transpose()?)
    };
    parsed("extensions", extensions)?;
    asked(query, operation_name.filter(|name| !name.is_empty()), parsed("variables", variables)?)
}

/// A parameter that must be an object, if it is there.
fn map(name: &str, value: Option<Json>) -> Result<Option<Json>> {
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(value @ Json::Object(_)) => Ok(Some(value)),
        Some(_) => Err(Error::bad_input(format!("{name} must be a JSON object"))),
    }
}

fn asked(
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Json>,
) -> Result<Asked> {
    let query = query.ok_or_else(|| Error::bad_input("query is missing"))?;
    Ok(Asked { query, operation_name, variables })
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|text| {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

fn not_acceptable() -> Refused {
    let error = Error::bad_input(
        "the answer is application/graphql-response+json or application/json: accept one of them",
    );
    Refused::Request(StatusCode::NOT_ACCEPTABLE, error)
}

/// A response to what was not executed, which has no data.
#[derive(Serialize)]
struct NotExecuted<'a, E: Serialize> {
    errors: &'a [E],
}

fn answer(media: Media, answered: Result<Response, Refused>) -> HttpResponse {
    match answered {
        Ok(response) => operation(media, &response),
        Err(Refused::Operation(response)) => operation(media, &response),
        Err(Refused::Request(status, error)) => refuse(media, status, error),
    }
}

fn operation(media: Media, response: &Response) -> HttpResponse {
    let Some(why) = unavailable(response) else {
        return write(media, status(media, graphql::code(response)), response);
    };
    let mut http = write(media, StatusCode::SERVICE_UNAVAILABLE, response);
    respond::retry_after(&mut http, why.retry_after().into());
    http
}

/// The status of a response, by the code of why it was not executed. Of well-formed requests
/// application/json says nothing by its status; that one is too large is no matter of form.
fn status(media: Media, code: Option<&str>) -> StatusCode {
    let is = |known: Code| code == Some(known.as_str());
    match (code, media) {
        _ if is(Code::PayloadTooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        _ if is(Code::InternalServerError) => StatusCode::INTERNAL_SERVER_ERROR,
        (Some(_), Media::GraphqlResponse) => StatusCode::BAD_REQUEST,
        (Some(_), Media::Json) | (None, _) => StatusCode::OK,
    }
}

fn write(media: Media, status: StatusCode, response: &Response) -> HttpResponse {
    let mut http = match graphql::code(response) {
        Some(_) => respond::json(status, &NotExecuted { errors: &response.errors }),
        None => respond::written(status, graphql::to_json(response)),
    };
    http.headers_mut().insert(header::CONTENT_TYPE, media.header());
    http
}

/// The answer to a request that is not even looked at.
pub fn refuse(media: Media, status: StatusCode, error: Error) -> HttpResponse {
    let hints = respond::Hints::of(&error);
    let mut response = write(media, status, &failure(error));
    hints.add_to(&mut response);
    response
}
