//! JSON as it was written: numbers keep every digit, strings every code point, objects their key order.
//!
//! `serde_json::Value` would round `1.10`, or, told not to, mistake an object with a magic key for a
//! number. [`Json`] keeps a number's own text instead. It is also the edge at which text that no
//! database of ours can hold is refused, the same on all of them: U+0000, lone surrogates, an object
//! that says a key twice, and nesting beyond [`MAX_DEPTH`].

mod read;

use std::cmp::Ordering;
use std::fmt;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 64;

/// How many characters are shown of where something is wrong.
const SHOWN: usize = 200;

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
        read::read(text, MAX_DEPTH + levels)
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

/// The first characters of a text that somebody else made as long as they liked.
pub fn shortened(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
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
        // Its beginning is shown. What is longer is not carried along from level to level.
        let step = shortened(&step, SHOWN);
        self.path = format!("{step}{joint}{}", shortened(&self.path, SHOWN));
        self
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.what);
        }
        // A path is the client's own text: quote it, and keep a hostile one from filling the log.
        write!(f, "at {:?}: {}", shortened(&self.path, SHOWN), self.what)
    }
}

impl std::error::Error for JsonError {}
