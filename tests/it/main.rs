//! Every test of the project, in one binary: a file a feature.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[macro_use]
mod support;

mod documents;
mod examples;
mod reading;
