//! GraphQL over HTTP.
//!
//! The requests are read here and not by an integration, because JSON read the usual way would lose
//! digits, take the last of two equal keys and execute a mutation that came by GET.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest as _, RawQuery, Request as HttpRequest, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response as HttpResponse;
use serde::Deserialize;

use super::respond::{self, body_error};
use super::{App, credentials};
use crate::domain::json::Json;
use crate::error::{Code, Error, Result};
use crate::graphql::{
    OperationType, Request, Response, failure, operation_type, to_variables, unavailable,
};

/// How deep in a request's JSON a value of ours may begin: variables, input, events, one of them,
/// its changes, one of them.
const LEVELS_OF_A_REQUEST: usize = 7;

/// Where GraphQL is.
pub const ROUTE: &str = "/graphql";

/// `POST /graphql`
pub async fn post(State(app): State<App>, request: HttpRequest) -> HttpResponse {
    let (parts, body) = request.into_parts();
    let requester = match credentials::requester(&app, &parts).await {
        Ok(requester) => requester,
        Err(error) => return refuse(error),
    };
    if !is_json(&parts.headers) {
        let mut response = refuse(Error::bad_input("send the request as application/json"));
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return response;
    }
    let body = Bytes::from_request(HttpRequest::from_parts(parts, body), &()).await;
    match from_body(body) {
        Ok(request) => answer(app.schema.execute(request, requester, ROUTE).await),
        Err(error) => refuse(error),
    }
}

/// `GET /graphql?query=…`: queries only.
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery, parts: Parts) -> HttpResponse {
    let requester = match credentials::requester(&app, &parts).await {
        Ok(requester) => requester,
        Err(error) => return refuse(error),
    };
    let mut request = match from_query(query.as_deref().unwrap_or_default()) {
        Ok(request) => request,
        Err(error) => return refuse(error),
    };
    // What cannot be parsed goes on, and is answered as any document that cannot be parsed.
    if operation_type(&mut request).is_some_and(|operation| operation != OperationType::Query) {
        let mut response =
            refuse(Error::bad_input("only queries are executed by GET: send it by POST"));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return response;
    }
    answer(app.schema.execute(request, requester, ROUTE).await)
}

fn from_body(body: Result<Bytes, BytesRejection>) -> Result<Request> {
    let body = body.map_err(|rejection| body_error(&rejection))?;
    let text = std::str::from_utf8(&body).map_err(|_| Error::bad_input("the body is not UTF-8"))?;
    let json = Json::parse_within(text, LEVELS_OF_A_REQUEST)
        .map_err(|error| Error::bad_input(format!("the body is not acceptable JSON: {error}")))?;
    let Json::Object(members) = json else {
        return Err(Error::bad_input(
            "the body must be one JSON object with the keys query, variables and operationName; batches are not taken",
        ));
    };
    let (mut query, mut operation, mut variables) = (None, None, None);
    for (key, value) in members {
        match (key.as_str(), value) {
            ("query", Json::String(text)) => query = Some(text),
            ("operationName", Json::String(name)) => operation = Some(name),
            ("query" | "operationName", Json::Null) => {}
            ("query" | "operationName", _) => {
                return Err(Error::bad_input(format!("{key} must be a string")));
            }
            ("variables", value) => variables = Some(value),
            _ => {} // extensions, and whatever else clients send along
        }
    }
    request(query, operation, variables)
}

/// The parameters of a GET.
#[derive(Deserialize)]
struct Parameters {
    query: Option<String>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    variables: Option<String>,
}

fn from_query(query: &str) -> Result<Request> {
    let uri = format!("/?{query}").parse().map_err(|_| Error::bad_input("the URL is not valid"))?;
    let axum::extract::Query(Parameters { query, operation_name, variables }) =
        axum::extract::Query::try_from_uri(&uri).map_err(|_| {
            Error::bad_input("the URL's parameters cannot be read, or one stands twice")
        })?;
    let variables = variables.filter(|text| !text.is_empty()).map(|text| {
        Json::parse(&text).map_err(|error| Error::bad_input(format!("variables: {error}")))
    });
    request(query, operation_name.filter(|name| !name.is_empty()), variables.transpose()?)
}

fn request(
    query: Option<String>,
    operation: Option<String>,
    variables: Option<Json>,
) -> Result<Request> {
    let query = query.ok_or_else(|| Error::bad_input("query is missing"))?;
    let mut request = Request::new(query).variables(to_variables(variables)?);
    request.operation_name = operation;
    Ok(request)
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|text| {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

fn answer(response: Response) -> HttpResponse {
    let Some(why) = unavailable(&response) else {
        return respond::json(StatusCode::OK, &response);
    };
    let mut response = respond::json(StatusCode::SERVICE_UNAVAILABLE, &response);
    respond::retry_after(&mut response, why.retry_after());
    response
}

/// The answer to a request that is not executed.
fn refuse(error: Error) -> HttpResponse {
    let status = match error.code() {
        Code::NotFound | Code::Conflict => StatusCode::BAD_REQUEST,
        _ => respond::status(&error),
    };
    let why = error.why_unavailable();
    let mut response = respond::json(status, &failure(error));
    respond::challenge(&mut response);
    if let Some(why) = why {
        respond::retry_after(&mut response, why.retry_after());
    }
    response
}
