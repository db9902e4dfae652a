//! Comma-separated values (RFC 4180), one row an event, safe to open in a spreadsheet.

use super::Format;
use crate::domain::json::Json;

/// Comma-separated values.
pub const FORMAT: Format = Format { name: "csv", media_type: "text/csv", head, event: row };

/// The columns: what stands in the first row, and where in an event the value is.
pub const COLUMNS: [(&str, &[&str]); 24] = [
    ("id", &["id"]),
    ("sequence", &["sequence"]),
    ("occurred_at", &["occurred_at"]),
    ("recorded_at", &["recorded_at"]),
    ("type", &["type"]),
    ("custom_type", &["custom_type"]),
    ("resource_name", &["resource_name"]),
    ("custom_resource", &["custom_resource"]),
    ("resource_id", &["resource_id"]),
    ("outcome", &["outcome"]),
    ("purpose", &["purpose"]),
    ("acting_user_id", &["acting_user", "id"]),
    ("acting_user_name", &["acting_user", "full_name"]),
    ("organization_id", &["organization", "id"]),
    ("organization_name", &["organization", "name"]),
    ("resource_changes", &["resource_changes"]),
    ("ip_address", &["ip_address"]),
    ("user_agent", &["user_agent"]),
    ("url", &["url"]),
    ("page", &["page"]),
    ("description", &["description"]),
    ("request_id", &["request_id"]),
    ("external_id", &["external_id"]),
    ("metadata", &["metadata"]),
];

fn head() -> String {
    line(COLUMNS.map(|(name, _)| name.to_owned()))
}

fn row(event: &Json) -> String {
    line(COLUMNS.map(|(_, path)| {
        let value = path.iter().try_fold(event, |value, key| value.get(key));
        value.cloned().and_then(Json::into_shown).map_or_else(String::new, harmless)
    }))
}

/// Spreadsheets take a cell that begins with one of these for a formula: an apostrophe before it makes
/// it text. One before an apostrophe too, so that whoever reads the file can take it away again.
fn harmless(cell: String) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']) {
        true => format!("'{cell}"),
        false => cell,
    }
}

fn line(cells: [String; COLUMNS.len()]) -> String {
    format!("{}\r\n", cells.map(quoted).join(","))
}

fn quoted(cell: String) -> String {
    match cell.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}
