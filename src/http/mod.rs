//! The HTTP server: the only layer that knows axum.
//!
//! [`router`] builds all of it, so that tests can drive it without a socket.

mod body;
mod connections;
mod credentials;
mod export;
mod graphql;
mod health;
mod metrics;
mod playground;
mod record;
mod respond;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::auth::Authenticator;
use crate::graphql::Schema;
use crate::ingest::MAX_REQUEST_BYTES;
use crate::store::Store;

pub use connections::{Limits, listen, serve};
use metrics::Metrics;

/// What every request may need.
#[derive(Clone)]
struct App {
    store: Store,
    authenticator: Authenticator,
    schema: Schema,
    metrics: Metrics,
    introspection: playground::Introspection,
}

/// Every route of the server.
pub async fn router(store: Store, authenticator: Authenticator) -> Router {
    let schema = Schema::new(store.clone());
    let app = App {
        introspection: playground::Introspection::of(&schema).await,
        metrics: Metrics::new(),
        schema,
        authenticator,
        store,
    };
    Router::new()
        .route(graphql::ROUTE, post(graphql::post).get(graphql::get))
        .route("/v1/audit-events", post(record::post).get(export::get))
        .route("/playground", get(playground::page))
        .route("/playground/playground.js", get(playground::script))
        .route("/playground/playground.css", get(playground::style))
        .route("/playground/schema.json", get(playground::schema))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::text))
        .fallback(respond::not_found)
        .method_not_allowed_fallback(respond::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .layer(from_fn(body::hold_to_limits))
        .layer(from_fn_with_state(app.metrics.clone(), metrics::measure))
        .with_state(app)
}
