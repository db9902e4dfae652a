//! What an audit log is, with nothing around it: events, their changes, filters, pages, viewers.
//!
//! Pure: it knows no database, no GraphQL, no HTTP, no clock, and does no I/O.

pub mod calendar;
pub mod definition;
pub mod diff;
pub mod event;
pub mod filter;
pub mod hold;
pub mod id;
pub mod json;
pub mod kind;
pub mod limits;
pub mod network;
pub mod note;
pub mod organization;
pub mod page;
pub mod pattern;
pub mod period;
pub mod plan;
pub mod policy;
pub mod pulls;
pub mod rate;
pub mod read;
pub mod redaction;
pub mod scan;
pub mod schema;
pub mod secret;
pub mod sensitive;
pub mod settings;
pub mod status_note;
pub mod style;
pub mod tally;
pub mod tenant;
pub mod throttle;
pub mod time;
pub mod tree;
pub mod viewer;
pub mod words;
