//! Answers outside of GraphQL: JSON with a code and a message for every failure.

use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::graphql;
use super::media::Media;
use crate::error::{ClientError, Code, Error, Problem};

/// What a failure says: each thing that is wrong.
#[derive(Serialize)]
struct Failure<'a> {
    errors: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    code: &'static str,
    message: &'a str,
}

/// A value as a JSON answer.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => written(status, body),
        Err(error) => failure(&Error::internal("writing an answer", error)),
    }
}

/// JSON as an answer.
pub fn written(status: StatusCode, json: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], json).into_response()
}

/// A failure as a JSON answer.
pub fn failure<'a>(error: &'a Error) -> Response {
    let message = error.to_string();
    let whole = |code: Code| Item { index: None, code: code.as_str(), message: &message };
    let errors = match error {
        Error::Client(ClientError { problems, .. }) if !problems.is_empty() => {
            let item = |Problem { index, code, message }: &'a Problem| Item {
                index: Some(*index),
                code: code.as_str(),
                message,
            };
            problems.iter().map(item).collect()
        }
        Error::Client(error) => vec![whole(error.code)],
        Error::Internal(internal) => {
            tracing::error!(error = internal.for_the_log(), "a request failed");
            vec![whole(error.code())]
        }
    };
    let mut response = json(status(error), &Failure { errors });
    Hints::of(error).add_to(&mut response);
    response
}

/// The shape of the answer to a request: that of its route, and of what its client takes.
pub struct Shape(Option<Media>);

impl Shape {
    pub fn of<B>(request: &Request<B>) -> Self {
        let media = || Media::accepted(request.headers()).unwrap_or(Media::Json);
        Self((request.uri().path() == graphql::ROUTE).then(media))
    }

    /// A failure in this shape, with a status of its own.
    pub fn refuse(&self, status: StatusCode, error: Error) -> Response {
        let mut response = match self.0 {
            Some(media) => graphql::refuse(media, status, error),
            None => failure(&error),
        };
        *response.status_mut() = status;
        response
    }
}

/// Says when to try again, in seconds from now.
pub fn retry_after(response: &mut Response, seconds: u64) {
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
}

/// The status that goes with a failure.
pub fn status(error: &Error) -> StatusCode {
    match error {
        Error::Client(ClientError { problems, .. }) if !problems.is_empty() => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        _ => match error.code() {
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::BadUserInput => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::Conflict => StatusCode::CONFLICT,
            Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Code::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

/// What the headers of a refusal say of trying again.
pub struct Hints {
    retry_after: Option<u64>,
}

impl Hints {
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Client(ClientError { retry_after, .. }) => Self { retry_after: *retry_after },
            Error::Internal(_) => Self {
                retry_after: error.why_unavailable().map(|why| u64::from(why.retry_after())),
            },
        }
    }

    pub fn add_to(self, response: &mut Response) {
        if let Some(seconds) = self.retry_after {
            retry_after(response, seconds);
        }
        // How to sign in. Not `Basic`, for which browsers would open a dialog.
        if response.status() == StatusCode::UNAUTHORIZED {
            let how = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
        }
    }
}

pub async fn not_found() -> Response {
    failure(&Error::not_found(
        "there is nothing here; the routes are /graphql, /v1/audit-events, /playground, /healthz, /readyz and /metrics",
    ))
}

pub async fn method_not_allowed() -> Response {
    let mut response = failure(&Error::bad_input("this route does not take this method"));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}
