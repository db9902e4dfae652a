//! Bodies on their way: a request's, which has its time, and an answer's, whose end is noted.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connections::{Activity, Limits as ConnectionLimits};
use super::respond::Shape;
use crate::error::{Error, Result};

/// Refuses bodies in a form that is not taken, and answers for those that did not come in time,
/// whatever the route made of that.
pub async fn hold_to_limits(request: Request, next: Next) -> Response {
    let shape = Shape::of(&request);
    if is_encoded(request.headers()) {
        let error = Error::bad_input(
            "send the body as it is: compressed ones are not taken (Content-Encoding must be identity or absent)",
        );
        let mut response = shape.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, error);
        let taken = HeaderValue::from_static("identity");
        response.headers_mut().insert(header::ACCEPT_ENCODING, taken);
        return response;
    }
    let lateness = request.extensions().get::<Lateness>().cloned();
    let response = next.run(request).await;
    match lateness.as_ref().and_then(Lateness::limit) {
        None => response,
        Some(limit) => {
            let error =
                Error::bad_input(format!("the request's body did not arrive in time: {limit}"));
            let mut response = shape.refuse(StatusCode::REQUEST_TIMEOUT, error);
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            response
        }
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let is_identity = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.split(',').all(|coding| coding.trim().eq_ignore_ascii_case("identity"))
    };
    !headers.get_all(header::CONTENT_ENCODING).iter().all(is_identity)
}

/// Which limit a request's body broke, once it has.
#[derive(Clone, Default)]
pub struct Lateness(Arc<OnceLock<String>>);

impl Lateness {
    fn limit(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// A request's body, which fails when it takes too long: in all, or between two pieces.
pub struct Arriving {
    body: Incoming,
    limits: ConnectionLimits,
    lateness: Lateness,
    activity: Arc<Activity>,
    /// When it was first waited for, and when a piece came last.
    times: Option<(Instant, Instant)>,
    sleep: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl Arriving {
    pub const fn new(
        body: Incoming,
        limits: ConnectionLimits,
        lateness: Lateness,
        activity: Arc<Activity>,
    ) -> Self {
        Self { body, limits, lateness, activity, times: None, sleep: None, is_over: false }
    }

    /// Waits for the moment at which it is too late; which limit that is.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        let now = Instant::now();
        let (began, came) = *self.times.get_or_insert((now, now));
        let ConnectionLimits { body_timeout, stall_timeout, .. } = self.limits;
        let (whole, pause) = (began + body_timeout, came + stall_timeout);
        let deadline = whole.min(pause);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        std::task::ready!(sleep.as_mut().poll(cx));
        Poll::Ready(if whole <= pause {
            format!("it may take {body_timeout:?} in all, which is body_timeout")
        } else {
            format!("it may pause for {stall_timeout:?}, which is stall_timeout")
        })
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let now = Instant::now();
                let (began, _) = this.times.unwrap_or((now, now));
                this.times = Some((began, now));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                this.is_over = true;
                Poll::Ready(end.map(|end| end.map_err(axum::Error::new)))
            }
            Poll::Pending => {
                let limit = std::task::ready!(this.poll_late(cx));
                let late = io::Error::new(io::ErrorKind::TimedOut, limit.clone());
                this.lateness.0.get_or_init(|| limit);
                Poll::Ready(Some(Err(axum::Error::new(late))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if !self.is_over && !self.body.is_end_stream() {
            self.activity.left_unread();
        }
    }
}

/// An answer's body, which says when it is written or given up.
pub struct Answer {
    body: Body,
    activity: Arc<Activity>,
}

impl Answer {
    pub const fn new(body: Body, activity: Arc<Activity>) -> Self {
        Self { body, activity }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.activity.answered();
    }
}
