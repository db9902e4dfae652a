//! What a read of the log says of itself in the log.

use super::diff::WITHHELD;
use super::id::Id;
use super::json::{Json, Members, shortened};

/// The arguments that say which page, and not of which list.
pub const PAGING: [&str; 4] = ["first", "last", "after", "before"];

/// The arguments that say which values of a changed field.
const VALUES: [&str; 2] = ["value_before", "value_after"];

/// The most bytes that one argument's value takes in the log.
const MAX_ARGUMENT_BYTES: usize = 1_024;

/// What is left of a text that is longer.
const SHORTENED_CHARS: usize = 150;

/// The most bytes that all reads of one request take in the log.
pub const MAX_BYTES: usize = 32 * 1_024;

/// What stands where something was cut.
const CUT: &str = "…";

/// One field of a request that read the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The query's name, such as `auditLog`.
    pub field: String,
    /// The filter, order and page as they were given, without those that were null.
    pub arguments: Members,
    /// How many events were answered.
    pub count: usize,
    /// How many the filter selects in all, if that was asked.
    pub total_count: Option<u64>,
}

impl Read {
    /// The text of an argument that was given as one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|(key, value)| match value {
            Json::String(text) if key == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// The read without the values that a field was searched for.
    pub fn without_values(&self) -> Self {
        let withheld = |(name, value): &(String, Json)| match VALUES.contains(&name.as_str()) {
            true => (name.clone(), Json::String(WITHHELD.to_owned())),
            false => (name.clone(), value.clone()),
        };
        Self { arguments: self.arguments.iter().map(withheld).collect(), ..self.clone() }
    }

    /// Whether it reads on from a page before it.
    pub fn continues(&self) -> bool {
        self.arguments.iter().any(|(key, _)| key == "after" || key == "before")
    }

    /// The filter and the order, alike for all pages of one list.
    pub fn without_paging(&self) -> String {
        let rest = self.arguments.iter().filter(|(key, _)| !PAGING.contains(&key.as_str()));
        Json::Object(rest.cloned().collect()).canonical()
    }

    fn to_json(&self, with_arguments: bool) -> Json {
        let arguments = match with_arguments {
            true => Json::Object(
                self.arguments.iter().map(|(key, value)| (key.clone(), cut(value))).collect(),
            ),
            false => Json::String(CUT.to_owned()),
        };
        let mut members = vec![
            ("field".to_owned(), Json::String(self.field.clone())),
            ("arguments".to_owned(), arguments),
            ("count".to_owned(), number(self.count)),
        ];
        if let Some(total) = self.total_count {
            members.push(("total_count".to_owned(), number(total)));
        }
        Json::Object(members)
    }
}

/// The argument on which all reads agree, if it is an id.
pub fn common(reads: &[Read], argument: &str) -> Option<Id> {
    let first = reads.first()?.text(argument)?;
    let all = reads.iter().all(|read| read.text(argument) == Some(first));
    all.then(|| Id::new(first).ok()).flatten()
}

/// The reads of a request as an event's metadata says them, in at most [`MAX_BYTES`] and some: what
/// is too long is cut, and `…` stands there; what does not fit is only counted.
pub fn metadata(reads: &[Read]) -> Members {
    let mut room = MAX_BYTES;
    let mut fits = |read: &Json| {
        let bytes = read.to_string().len() + 1;
        let fits = bytes <= room;
        room -= if fits { bytes } else { 0 };
        fits
    };
    let (mut told, mut untold, mut untold_events) = (Vec::new(), 0_usize, 0_usize);
    for read in reads {
        match [true, false].map(|arguments| read.to_json(arguments)).into_iter().find(&mut fits) {
            Some(json) => told.push(json),
            None => {
                untold += 1;
                untold_events += read.count;
            }
        }
    }
    let mut members = vec![("reads".to_owned(), Json::Array(told))];
    if untold > 0 {
        let further = [("reads", number(untold)), ("count", number(untold_events))];
        let further = further.map(|(key, value)| (key.to_owned(), value)).into();
        members.push(("further".to_owned(), Json::Object(further)));
    }
    members
}

fn number(n: impl std::fmt::Display) -> Json {
    Json::Number(n.to_string())
}

/// The value, or what fits of it.
fn cut(value: &Json) -> Json {
    if value.to_string().len() <= MAX_ARGUMENT_BYTES {
        return value.clone();
    }
    match value {
        Json::String(text) => Json::String(format!("{}{CUT}", shortened(text, SHORTENED_CHARS))),
        Json::Array(items) => {
            let mut kept: Vec<Json> = Vec::new();
            let mut bytes = 0;
            for item in items.iter().map(cut) {
                bytes += item.to_string().len() + 1;
                if bytes > MAX_ARGUMENT_BYTES {
                    break;
                }
                kept.push(item);
            }
            let left_out = items.len() - kept.len();
            kept.push(Json::String(format!("{CUT} and {left_out} more")));
            Json::Array(kept)
        }
        _ => Json::String(CUT.to_owned()),
    }
}
