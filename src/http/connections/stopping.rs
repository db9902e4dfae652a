//! What a server that was told to stop answers.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::error::{Code, Error};
use crate::http::respond::Shape;

/// How far the server is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not at all.
    Serving,
    /// It serves everything, and asks not to be sent more.
    Leaving,
    /// It finishes what is under way, and takes nothing new.
    Finishing,
}

impl Stage {
    /// The answer to a request that arrives at this stage; none where it is served.
    pub fn answer(self, request: &Request<Body>) -> Option<Response> {
        let path = request.uri().path();
        let mut response = match self {
            Self::Serving => return None,
            _ if path == "/readyz" => {
                (StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n").into_response()
            }
            Self::Finishing if path != "/healthz" => refusal(request),
            Self::Leaving | Self::Finishing => return None,
        };
        if self == Self::Finishing {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        Some(response)
    }
}

fn refusal(request: &Request<Body>) -> Response {
    let error = Error::client(
        Code::ServiceUnavailable,
        "the server is stopping, and did nothing about this request; send it again",
    );
    Shape::of(request).refuse(StatusCode::SERVICE_UNAVAILABLE, error.after(2))
}
