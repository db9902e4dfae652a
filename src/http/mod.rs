//! The HTTP server: the only layer that knows axum.
//!
//! [`router`] builds all of it, so that tests can drive it without a socket.

mod body;
mod connections;
mod credentials;
mod export;
mod gate;
mod graphql;
mod health;
mod incoming;
mod media;
mod metrics;
mod playground;
mod record;
mod respond;
mod shares;
mod traces;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::auth::Authenticator;
use crate::domain::limits::Limits;
use crate::graphql::Schema;
use crate::store::Store;

pub use connections::{Limits as ConnectionLimits, listen, serve};
use gate::Gate;
use incoming::Room;
use metrics::Metrics;
use shares::Shares;

/// What every request may need.
#[derive(Clone)]
struct App {
    store: Store,
    authenticator: Authenticator,
    schema: Schema,
    metrics: Metrics,
    introspection: playground::Introspection,
    limits: Limits,
    room: Room,
    shares: Shares,
}

/// Every route of the server, for requests within the default limits.
pub async fn router(store: Store, authenticator: Authenticator) -> Router {
    router_within(Limits::DEFAULT, store, authenticator).await
}

/// Every route of the server, for requests within these limits.
pub async fn router_within(limits: Limits, store: Store, authenticator: Authenticator) -> Router {
    let schema = Schema::new(store.clone(), limits);
    let gate = Gate::new(limits, store.clone());
    let app = App {
        introspection: playground::Introspection::of(&schema).await,
        metrics: Metrics::new(store.clone()),
        schema,
        authenticator,
        store,
        limits,
        room: Room::new(&limits),
        shares: Shares::new(&limits),
    };
    // What does work is behind the gate; what says how the server is must answer when it is full.
    let work = Router::new()
        .route(graphql::ROUTE, post(graphql::post).get(graphql::get))
        .route("/v1/audit-events", post(record::post).get(export::get))
        .layer(from_fn_with_state(gate, gate::pass));
    Router::new()
        .merge(work)
        .route("/playground", get(playground::page))
        .route("/playground/playground.js", get(playground::script))
        .route("/playground/playground.css", get(playground::style))
        .route("/playground/schema.json", get(playground::schema))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::text))
        .fallback(respond::not_found)
        .method_not_allowed_fallback(respond::method_not_allowed)
        .layer(from_fn(body::hold_to_limits))
        .layer(from_fn_with_state(app.metrics.clone(), metrics::measure))
        .with_state(app)
}
