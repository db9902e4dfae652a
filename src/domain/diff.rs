//! What changed: two states of a record in, a list of field-level changes out.
//!
//! Two objects, or an object and nothing, are compared key by key down to the leaves; everything
//! else is compared whole. Absent, null and an empty object are the same.

use std::fmt::{Display, Write as _};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Json, Members, merge, sorted, write_string};

/// One field's values before and after. `Json::Null` stands for "not there".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path from the record to the field, joined by dots; a dot inside a key is written `\.`.
    pub field: String,
    /// The value before the event.
    pub before: Json,
    /// The value after the event.
    pub after: Json,
    /// Whether values, or parts of them, were put out of sight: these read [`WITHHELD`].
    pub withheld: bool,
}

/// What a value reads as that is put out of sight.
pub const WITHHELD: &str = "[withheld]";

impl Change {
    /// A change with its values as they are.
    pub const fn new(field: String, before: Json, after: Json) -> Self {
        Self { field, before, after, withheld: false }
    }
}

/// The changes that lead from `before` to `after`, ordered by field name, by code point.
///
/// ```
/// use auditlog::domain::{diff::diff, json::Json};
///
/// let before = Json::parse(r#"{"status": "Confirmed", "length": 30}"#).unwrap();
/// let after = Json::parse(r#"{"status": "Rescheduled", "length": 30}"#).unwrap();
/// let changes = diff(Some(&before), Some(&after));
/// assert_eq!(changes.len(), 1);
/// assert_eq!(changes[0].field, "status");
/// ```
pub fn diff(before: Option<&Json>, after: Option<&Json>) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(None, before, after, &mut changes);
    changes.sort_by(|a, b| a.field.cmp(&b.field));
    changes
}

/// Whether the names of a record's fields take no more than some times the room of the record itself.
///
/// A key is part of the name of every field below it, so that a long one above many would make a
/// record of a megabyte into changes of gigabytes.
pub fn names_fit(record: &Json) -> bool {
    let (mut names, mut given) = (0, 0);
    measure(record, 0, &mut names, &mut given);
    names <= 64 * 1024 + 16 * given
}

/// Adds up the bytes of the names of all fields, and those of the keys and values they are made from.
fn measure(value: &Json, name: usize, names: &mut usize, given: &mut usize) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                *given += key.len() + 4;
                measure(value, name + key.len() + 1, names, given);
            }
        }
        Json::Number(text) | Json::String(text) => {
            *names += name;
            *given += text.len();
        }
        _ => *names += name,
    }
}

fn compare(
    path: Option<&str>,
    before: Option<&Json>,
    after: Option<&Json>,
    changes: &mut Vec<Change>,
) {
    static NOTHING: Members = Members::new();
    let members = match (present(before), present(after)) {
        (None, None) => return,
        (Some(Json::Object(b)), Some(Json::Object(a))) => (b, a),
        (Some(Json::Object(b)), None) => (b, &NOTHING),
        (None, Some(Json::Object(a))) => (&NOTHING, a),
        (b, a) if b == a => return,
        (b, a) => {
            let value = |side: Option<&Json>| side.cloned().unwrap_or(Json::Null);
            changes.push(Change::new(path.unwrap_or_default().to_owned(), value(b), value(a)));
            return;
        }
    };
    merge(&sorted(members.0), &sorted(members.1), |key, b, a| {
        compare(Some(&join(path, key)), b, a, changes);
    });
}

fn present(value: Option<&Json>) -> Option<&Json> {
    value.filter(|value| !value.is_nothing())
}

fn join(path: Option<&str>, key: &str) -> String {
    let key = key.replace('.', r"\.");
    match path {
        None => key,
        Some(path) => format!("{path}.{key}"),
    }
}

/// Changes in their stored form: a JSON list of `[field, before, after]`, values as they were given,
/// and of `[field, before, after, 1]` where something is withheld. They are taken apart only when
/// somebody reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes(String);

/// One change of the stored form, its values still as text.
#[derive(Debug, Clone, Deserialize)]
pub struct StoredChange<'a> {
    /// See [`Change::field`].
    pub field: String,
    /// The value before, as compact JSON.
    #[serde(borrow)]
    pub before: &'a RawValue,
    /// The value after, as compact JSON.
    #[serde(borrow)]
    pub after: &'a RawValue,
    #[serde(default)]
    withheld: u8,
}

/// A change as an audit reader sees it: values as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownChange {
    /// See [`Change::field`].
    pub field: String,
    /// A string as it is, nothing as `None`, anything else as its compact JSON.
    pub before: Option<String>,
    /// As `before`.
    pub after: Option<String>,
    /// See [`Change::withheld`].
    pub withheld: bool,
}

impl StoredChange<'_> {
    /// See [`Change::withheld`].
    pub const fn withheld(&self) -> bool {
        self.withheld != 0
    }
}

impl Changes {
    /// Encodes changes, keeping their order.
    pub fn encode(changes: &[Change]) -> Self {
        let mut stored = Self::none();
        for Change { field, before, after, withheld } in changes {
            stored.push(field, before, after, *withheld);
        }
        stored
    }

    /// No change at all.
    pub fn none() -> Self {
        Self("[]".to_owned())
    }

    /// Adds a change, whose values write themselves as compact JSON.
    pub fn push(&mut self, field: &str, before: impl Display, after: impl Display, withheld: bool) {
        let Self(out) = self;
        out.pop();
        let comma = if out.len() > 1 { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(out, "{comma}[");
        let _ = write_string(field, out);
        let flag = if withheld { ",1" } else { "" };
        let _ = write!(out, ",{before},{after}{flag}]]");
    }

    /// The stored form, read back.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The stored form, to keep.
    pub fn into_text(self) -> String {
        self.0
    }

    /// The stored form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The changes one by one. Fails only when storage was tampered with.
    pub fn parts(&self) -> Result<Vec<StoredChange<'_>>, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The changes as a reader sees them. Fails only when storage was tampered with.
    pub fn shown(&self) -> Result<Vec<ShownChange>, serde_json::Error> {
        let shown = self.parts()?.into_iter().map(|change| {
            Ok(ShownChange {
                withheld: change.withheld(),
                before: show(change.before)?,
                after: show(change.after)?,
                field: change.field,
            })
        });
        shown.collect()
    }
}

/// The stored text of a value is compact already: only strings are unescaped.
fn show(value: &RawValue) -> Result<Option<String>, serde_json::Error> {
    match value.get() {
        "null" => Ok(None),
        text if text.starts_with('"') => serde_json::from_str(text).map(Some),
        text => Ok(Some(text.to_owned())),
    }
}

/// The same as the JSON of a string.
pub fn shown_as_json(value: &RawValue) -> Option<String> {
    match value.get() {
        "null" => None,
        text if text.starts_with('"') => Some(text.to_owned()),
        text => {
            let mut json = String::with_capacity(text.len() + 2);
            // Writing to a String cannot fail.
            let _ = write_string(text, &mut json);
            Some(json)
        }
    }
}
