//! auditlog: who did what to which record, when, from where, and what changed.
//!
//! # The map
//!
//! | layer | owns |
//! | --- | --- |
//! | [`cli`] | the command line: one file a command; where the log and the traces go |
//! | [`http`] | connections, routes, credentials in headers, GraphQL over HTTP; the only layer that knows axum |
//! | [`graphql`] | the GraphQL schema; the only layer that knows async-graphql |
//! | [`ingest`], [`notes`], [`admin`] | what the server does: recording, notes, administration, |
//! | [`reads`], [`retention`] | the log of the log, purging |
//! | [`export`] | events as files: the formats |
//! | [`auth`] | from a credential to a viewer |
//! | [`store`] | what is kept; the only layer that knows SeaORM |
//! | [`domain`] | events, changes, filters, pages, viewers: pure |
//! | [`config`], [`error`], [`demo`] | settings; errors by who may read them; sample data |
//!
//! Imports point down only: `cli -> http -> graphql -> ingest, notes, reads, retention -> admin -> auth
//! -> store -> domain`, and `error` is a leaf. A test reads the `use` lines and fails otherwise.
//!
//! # Where do I add …
//!
//! * **a filter**: a field in [`domain::filter::EventFilter`]; the compiler then names
//!   `store/filter.rs`, where it is translated; then an argument in `graphql/query.rs`.
//! * **an event type or a resource name**: a row in [`domain::kind`].
//! * **a capability** (retention, export, …): a sibling of [`ingest`], with its own GraphQL file and
//!   HTTP file above it.
//! * **an export format**: a file in [`export`], and a row in its registry.
//! * **a command**: a file in `cli/`.
//! * **a setting**: a field in [`config`].
//! * **a metric**: what the store does is counted in `store/activity.rs` and told in
//!   `http/metrics/store.rs`; a span for traces has the target [`store::SPANS`].

#![forbid(unsafe_code)]

pub mod admin;
pub mod auth;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod error;
pub mod export;
pub mod graphql;
pub mod http;
pub mod ingest;
pub mod notes;
pub mod reads;
pub mod retention;
pub mod store;
