//! Every test of the project, in one binary: a file a feature.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[macro_use]
mod support;

mod access;
mod administration;
mod api_keys;
mod appending;
mod arguments;
mod batch;
mod changes;
mod cli;
mod costs;
mod credentials;
mod cursors;
mod database;
mod decode;
mod demo;
mod demo_command;
mod diff;
mod documents;
mod dropped_partitions;
mod exactness;
mod examples;
mod filters;
mod fingerprint;
mod histories;
mod history_windows;
mod idempotency;
mod import_at_scale;
mod import_organizations;
mod importing;
mod inheritance;
mod json;
mod key_sets;
mod layers;
mod legal_holds;
mod moves;
mod network;
mod note_text;
mod notes;
mod paging;
mod patterns;
mod periods;
mod plan_commands;
mod plan_windows;
mod plans;
mod playground;
mod policies;
mod positions;
mod preferences;
mod purging;
mod reading;
mod recording;
mod recording_rights;
mod redaction;
mod revocation;
mod schema;
mod schemas;
mod scopes;
mod searching;
mod secrets;
mod selections;
mod sensitive;
mod serve_command;
mod settings;
mod single_event;
mod status_note;
mod status_notes;
mod time;
mod tokens;
mod transport;
mod words;
mod written;
