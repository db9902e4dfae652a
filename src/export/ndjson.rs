//! One JSON object a line, as GraphQL answers it.

use super::Format;
use crate::domain::json::Json;

/// Newline-delimited JSON.
pub const FORMAT: Format =
    Format { name: "ndjson", media_type: "application/x-ndjson", head: String::new, event: line };

fn line(event: &Json) -> String {
    format!("{event}\n")
}
