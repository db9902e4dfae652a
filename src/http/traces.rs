//! A span for each request, which goes on with the trace of whoever sent it.

use axum::extract::Request;
use axum::http::StatusCode;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceState};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::store::SPANS;

/// The span of a request, by OpenTelemetry's names for it. What the path and the headers say is not in it.
pub fn of_request(request: &Request, method: &'static str, route: &str) -> Span {
    let method = if method == "other" { "_OTHER" } else { method };
    let span = tracing::trace_span!(
        target: SPANS,
        "request",
        "otel.name" = %format_args!("{method} {route}"),
        "otel.kind" = "server",
        "otel.status_code" = Empty,
        "http.request.method" = method,
        "http.route" = route,
        "http.response.status_code" = Empty,
    );
    if !span.is_disabled()
        && let Some(sender) = sender(request)
    {
        // Where spans only go to the server's log, there are no traces to go on with.
        let _ = span.set_parent(sender);
    }
    span
}

/// Whoever sent a request, as far as it says so. What else a client put into its `tracestate` goes nowhere.
fn sender(request: &Request) -> Option<Context> {
    let said = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    let span = said.span().span_context().clone();
    if !span.is_valid() {
        return None;
    }
    let (trace, flags) = (span.trace_id(), span.trace_flags());
    let sender = SpanContext::new(trace, span.span_id(), flags, true, TraceState::NONE);
    Some(Context::new().with_remote_span_context(sender))
}

/// How the request was answered.
pub fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}
