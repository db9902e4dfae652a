//! Events as files: the formats, and how an event is written in each.
//!
//! To add a format, add a file beside `csv` and a row to [`FORMATS`]. An event comes as the JSON object
//! that GraphQL answers for it, so that a file tells what a query tells and nothing more.

pub mod csv;
pub mod ndjson;

use crate::domain::json::Json;

/// A kind of file.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// What clients call it; the file's extension too.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// What stands before the first event.
    pub head: fn() -> String,
    /// One event.
    pub event: fn(&Json) -> String,
}

/// Every format.
pub const FORMATS: [Format; 2] = [csv::FORMAT, ndjson::FORMAT];

impl Format {
    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        FORMATS.into_iter().find(|format| format.name == name)
    }

    /// The first format that an `Accept` header names.
    pub fn accepted(header: &str) -> Option<Self> {
        header.split(',').find_map(|range| {
            let media_type = range.split(';').next().unwrap_or_default().trim();
            FORMATS.into_iter().find(|format| format.media_type.eq_ignore_ascii_case(media_type))
        })
    }

    /// What clients call them, for messages.
    pub fn names() -> String {
        FORMATS.map(|format| format.name).join(" or ")
    }
}
