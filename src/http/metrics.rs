//! What the server counts, as Prometheus text.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tracing::Instrument as _;

mod store;

use super::connections::Register;
use super::{App, traces};
use crate::auth::Reason;
use crate::graphql::Operation;
use crate::store::Store;

/// The counters of one server.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<Labels, Histogram>,
    operations: Family<Executed, Histogram>,
    recorded: Counter,
    duplicates: Counter,
    sign_ins_failed: Family<Why, Counter>,
    connections: Gauge,
    connections_refused: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Executed {
    operation: &'static str,
    r#type: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Why {
    reason: &'static str,
}

impl Metrics {
    /// Those of a server, and with them what the store counts by itself.
    pub fn new(store: Store) -> Self {
        let requests = Family::new_with_constructor(seconds as fn() -> Histogram);
        let operations = Family::new_with_constructor(seconds as fn() -> Histogram);
        let (recorded, duplicates) = (Counter::default(), Counter::default());
        let sign_ins_failed = Family::<Why, Counter>::default();
        let mut registry = Registry::with_prefix("auditlog");
        registry.register_with_unit(
            "http_request_duration",
            "Time to answer a request",
            Unit::Seconds,
            requests.clone(),
        );
        registry.register_with_unit(
            "graphql_request_duration",
            "Time to parse, execute and settle a GraphQL request, by the field at its root",
            Unit::Seconds,
            operations.clone(),
        );
        registry.register_collector(Box::new(store::Collected(store)));
        registry.register("events_recorded", "Events recorded over REST", recorded.clone());
        registry.register(
            "events_duplicate",
            "Events sent again over REST that had been recorded before",
            duplicates.clone(),
        );
        registry.register(
            "sign_ins_failed",
            "Requests that were refused for their credential, by what is wrong with it",
            sign_ins_failed.clone(),
        );
        let (connections, connections_refused) = (Gauge::default(), Counter::default());
        registry.register("connections", "Connections that are open", connections.clone());
        registry.register(
            "connections_refused",
            "Connections that were refused at a cap",
            connections_refused.clone(),
        );
        let registry = Arc::new(Mutex::new(registry));
        Self {
            registry,
            requests,
            operations,
            recorded,
            duplicates,
            sign_ins_failed,
            connections,
            connections_refused,
        }
    }

    /// Takes over what the register of connections has counted.
    fn count_connections(&self, register: &Register) {
        self.connections.set(i64::try_from(register.open()).unwrap_or(i64::MAX));
        self.connections_refused.inner().store(register.refused(), Ordering::Relaxed);
    }

    /// Counts a GraphQL request that was executed. Its own name for its operation says nothing here: a
    /// client could make up any number of them.
    pub fn executed(&self, Operation { ty, field }: Operation, time: Duration) {
        let labels = Executed { operation: field, r#type: ty };
        self.operations.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// Counts a request that was refused for its credential.
    pub fn sign_in_failed(&self, reason: Reason) {
        self.sign_ins_failed.get_or_create(&Why { reason: reason.as_str() }).inc();
    }

    /// Counts what a request recorded.
    pub fn recorded(&self, recorded: usize, duplicates: usize) {
        self.recorded.inc_by(u64::try_from(recorded).unwrap_or(u64::MAX));
        self.duplicates.inc_by(u64::try_from(duplicates).unwrap_or(u64::MAX));
    }
}

fn seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

/// Measures and traces every request, by route and not by path, of which a client could make up any number.
pub async fn measure(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let method = request.method().as_str();
    let known = ["GET", "POST", "HEAD", "OPTIONS"].into_iter().find(|known| *known == method);
    let method = known.unwrap_or("other");
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let span = traces::of_request(&request, method, route);
    let (method, route) = (method.to_owned(), route.to_owned());
    let start = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    traces::answered(&span, response.status());
    let labels = Labels { method, route, status: response.status().as_u16() };
    metrics.requests.get_or_create(&labels).observe(start.elapsed().as_secs_f64());
    response
}

/// `GET /metrics`
pub async fn text(State(app): State<App>, register: Option<Extension<Arc<Register>>>) -> Response {
    if let Some(Extension(register)) = register {
        app.metrics.count_connections(&register);
    }
    let mut text = String::new();
    let registry = app.metrics.registry.lock().unwrap_or_else(PoisonError::into_inner);
    if encode(&mut text, &registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}
