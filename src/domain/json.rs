//! JSON as it was written: numbers keep every digit, strings every code point, objects their key order.
//!
//! `serde_json::Value` would round `1.10`, or, told not to, mistake an object with a magic key for a
//! number. [`Json`] keeps a number's own text instead. It is also the edge at which text that no
//! database of ours can hold is refused, the same on all of them: U+0000, lone surrogates, an object
//! that says a key twice, and nesting beyond [`MAX_DEPTH`].

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 64;

/// The members of an object, in the order they were written, no key twice.
pub type Members = Vec<(String, Json)>;

/// A JSON value. Equality is that of JSON: the order of an object's keys does not matter, and numbers
/// are equal when they are written alike (`1.10` is not `1.1`).
#[derive(Debug, Clone)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as its own text.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// A list.
    Array(Vec<Self>),
    /// An object.
    Object(Members),
}

/// Why a text is not acceptable JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    path: String,
    what: String,
}

impl Json {
    /// Reads one JSON text.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        Self::parse_within(text, 0)
    }

    /// Reads one JSON text that wraps others in this many levels of its own.
    pub fn parse_within(text: &str, levels: usize) -> Result<Self, JsonError> {
        let raw: &RawValue = serde_json::from_str(text).map_err(JsonError::from_serde)?;
        decode(raw, MAX_DEPTH + levels)
    }

    /// At most how many values a JSON text holds, told without reading it as JSON.
    pub fn most_values_in(text: &str) -> usize {
        let mut quoted = false;
        let mut bytes = text.bytes();
        let mut values = 1;
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => quoted = !quoted,
                b'\\' if quoted => {
                    bytes.next();
                }
                b',' | b'[' | b'{' if !quoted => values += 1,
                _ => {}
            }
        }
        values
    }

    /// The value under `key`, when this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// Whether it says nothing, as an absent value does: null, or an empty object.
    pub const fn is_nothing(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Object(members) => members.is_empty(),
            _ => false,
        }
    }

    /// What kind of value it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// The value as an audit reader sees it: a string as it is, null as nothing, anything else as
    /// compact JSON.
    pub fn into_shown(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// Compact JSON with the keys of every object sorted: two equal values have the same text.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = write_json(self, &mut out, true);
        out
    }
}

/// Compact JSON, keys in the order they were written.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_json(self, f, false)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) | (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => a.len() == b.len() && sorted(a) == sorted(b),
            _ => false,
        }
    }
}

impl Eq for Json {}

/// The members ordered by key, so that two objects can be walked side by side in linear time.
pub fn sorted(members: &Members) -> Vec<(&str, &Json)> {
    let mut refs: Vec<_> = members.iter().map(|(k, v)| (k.as_str(), v)).collect();
    refs.sort_unstable_by(|a, b| a.0.cmp(b.0));
    refs
}

/// Walks two sorted member lists side by side: each key once, with the value each side has for it.
pub fn merge<'a>(
    left: &[(&'a str, &'a Json)],
    right: &[(&'a str, &'a Json)],
    mut visit: impl FnMut(&'a str, Option<&'a Json>, Option<&'a Json>),
) {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(l), Some(r)) => l.0.cmp(r.0),
        };
        let l = if order.is_le() { left.next() } else { None };
        let r = if order.is_ge() { right.next() } else { None };
        if let Some((key, _)) = l.or(r) {
            visit(key, l.map(|(_, v)| *v), r.map(|(_, v)| *v));
        }
    }
}

fn write_json(value: &Json, out: &mut impl fmt::Write, canonical: bool) -> fmt::Result {
    match value {
        Json::Null => out.write_str("null"),
        Json::Bool(b) => write!(out, "{b}"),
        Json::Number(text) => out.write_str(text),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.write_char('[')?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.write_char(',')?;
                }
                write_json(item, out, canonical)?;
            }
            out.write_char(']')
        }
        Json::Object(members) if canonical => write_members(sorted(members), out, true),
        Json::Object(members) => {
            write_members(members.iter().map(|(k, v)| (k.as_str(), v)), out, false)
        }
    }
}

fn write_members<'a>(
    members: impl IntoIterator<Item = (&'a str, &'a Json)>,
    out: &mut impl fmt::Write,
    canonical: bool,
) -> fmt::Result {
    out.write_char('{')?;
    for (i, (key, value)) in members.into_iter().enumerate() {
        if i > 0 {
            out.write_char(',')?;
        }
        write_string(key, out)?;
        out.write_char(':')?;
        write_json(value, out, canonical)?;
    }
    out.write_char('}')
}

/// Writes `text` as a JSON string.
pub fn write_string(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    out.write_str(&quoted)
}

/// `depth` is how many levels are left.
fn decode(raw: &RawValue, depth: usize) -> Result<Json, JsonError> {
    let text = raw.get();
    let nested = || {
        let too_deep = || JsonError::new(format!("it nests more than {MAX_DEPTH} levels deep"));
        depth.checked_sub(1).ok_or_else(too_deep)
    };
    match text.as_bytes().first() {
        Some(b'n') => Ok(Json::Null),
        Some(b't') => Ok(Json::Bool(true)),
        Some(b'f') => Ok(Json::Bool(false)),
        Some(b'"') => {
            let text: Cow<'_, str> = from_str(text)?;
            storable(&text)?;
            Ok(Json::String(text.into_owned()))
        }
        Some(b'[') => {
            let depth = nested()?;
            let items: Vec<&RawValue> = from_str(text)?;
            let items = items.into_iter().enumerate().map(|(i, item)| {
                decode(item, depth).map_err(|error| error.under(format_args!("[{i}]")))
            });
            items.collect::<Result<_, _>>().map(Json::Array)
        }
        Some(b'{') => {
            let depth = nested()?;
            let RawMembers(members) = from_str(text)?;
            let mut seen = HashSet::with_capacity(members.len());
            if let Some((twice, _)) = members.iter().find(|(key, _)| !seen.insert(key)) {
                let shown = shortened(twice, 50);
                return Err(JsonError::new(format!(
                    "the key {shown:?} stands in the same object twice"
                )));
            }
            let members = members.into_iter().map(|(key, value)| {
                storable(&key)?;
                let value =
                    decode(value, depth).map_err(|error| error.under(format_args!("{key}")))?;
                Ok((key.into_owned(), value))
            });
            members.collect::<Result<_, _>>().map(Json::Object)
        }
        _ => Ok(Json::Number(text.to_owned())),
    }
}

/// The first characters of a text that somebody else made as long as they liked.
pub fn shortened(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Refuses what PostgreSQL's text cannot hold and SQLite's would cut.
fn storable(text: &str) -> Result<(), JsonError> {
    if text.contains('\0') {
        return Err(JsonError::new("it holds U+0000, which no database can store as text"));
    }
    Ok(())
}

fn from_str<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    serde_json::from_str(text).map_err(JsonError::from_serde)
}

/// An object's members before their values are looked at.
struct RawMembers<'a>(Vec<(Key<'a>, &'a RawValue)>);
type Key<'a> = Cow<'a, str>;

impl<'de: 'a, 'a> Deserialize<'de> for RawMembers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(Key<'de>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((Cow::Owned(key), value));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members).map(RawMembers)
    }
}

impl JsonError {
    fn new(what: impl Into<String>) -> Self {
        Self { path: String::new(), what: what.into() }
    }

    /// serde_json's own words, without a position that would be relative to some inner part.
    fn from_serde(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or(&text);
        match what {
            "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
                Self::new("it holds half of a surrogate pair, which is not a character")
            }
            _ => Self::new(format!("it is not valid JSON: {what}")),
        }
    }

    fn under(mut self, step: fmt::Arguments<'_>) -> Self {
        let step = step.to_string();
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{joint}{}", self.path);
        self
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.what);
        }
        // A path is the client's own text: quote it, and keep a hostile one from filling the log.
        write!(f, "at {:?}: {}", shortened(&self.path, 200), self.what)
    }
}

impl std::error::Error for JsonError {}
