//! Naming fields of records: `address.city`, `*.city`, `**.ssn`.
//!
//! A field is named by its path as the API shows it: keys joined by dots, a dot inside a key written
//! `\.`. A pattern names a field and all below it. `*` stands for any one key, and `**.` in front for
//! any number of keys. Lists are not in the path: the keys of objects in a list follow right on the
//! list's own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::json::Json;

/// The longest pattern, in characters.
pub const MAX_CHARS: usize = 255;

/// The name of one or more fields, checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(String);

/// One step of a pattern.
enum Segment {
    /// Any one key.
    Any,
    /// This key.
    Key(String),
}

impl Pattern {
    /// Checks the rule; the error says what breaks it.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        if text.chars().count() > MAX_CHARS {
            return Err(format!("must have at most {MAX_CHARS} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("must not hold control characters".to_owned());
        }
        if text.trim() != text {
            return Err("must not begin or end with a space".to_owned());
        }
        let (_, rest) = anchored(&text);
        for segment in split(rest) {
            check(segment)?;
        }
        Ok(Self(text))
    }

    /// A pattern read back from our own storage, where only checked ones are written.
    pub const fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Patterns as a JSON list: the stored form.
pub fn to_json(patterns: &[Pattern]) -> Json {
    let texts = patterns.iter().map(|pattern| Json::String(pattern.0.clone()));
    Json::Array(texts.collect())
}

/// Reads the stored form back; nothing when storage was tampered with.
pub fn from_json(json: &Json) -> Option<Vec<Pattern>> {
    let Json::Array(items) = json else { return None };
    let pattern = |item: &Json| match item {
        Json::String(text) => Some(Pattern::trusted(text.clone())),
        _ => None,
    };
    items.iter().map(pattern).collect()
}

/// The keys of a field's path, from the record down.
pub fn keys(field: &str) -> impl Iterator<Item = Cow<'_, str>> {
    split(field).map(|key| match key.contains(r"\.") {
        true => Cow::Owned(key.replace(r"\.", ".")),
        false => Cow::Borrowed(key),
    })
}

/// Whether a pattern starts at the record (or else anywhere), and what follows.
fn anchored(text: &str) -> (bool, &str) {
    text.strip_prefix("**.").map_or((true, text), |rest| (false, rest))
}

/// The parts between dots that have no backslash before them.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut dots = text.match_indices('.').map(|(at, _)| at);
        let dot = dots.find(|at| !text.get(..*at).is_some_and(|key| key.ends_with('\\')));
        let (part, after) = match dot {
            Some(at) => (text.get(..at)?, text.get(at + 1..)),
            None => (text, None),
        };
        rest = after;
        Some(part)
    })
}

fn check(segment: &str) -> Result<(), String> {
    if segment.is_empty() {
        return Err(
            "must have a key, * or (at its start alone) ** on each side of a dot".to_owned()
        );
    }
    if segment == "**" {
        return Err("may have ** only at its start, with a dot and a key after it".to_owned());
    }
    if segment != "*" && segment.replace(r"\*", "").contains('*') {
        return Err(format!(
            "has a * in {segment:?}, where it stands for a part of a key: it can only stand for a \
             whole one, and a key's own * is written \\*"
        ));
    }
    Ok(())
}

/// Patterns made ready to be matched: a field is looked up key by key, all patterns at once.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    /// A tree of segments. The first node is the record; the second one, where patterns that start
    /// anywhere begin.
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    keys: HashMap<String, usize>,
    any: Option<usize>,
    /// Whether a pattern ends here.
    ends: bool,
}

/// What patterns say about a place in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// They name it.
    Whole,
    /// They may name something below it: the nodes from which the next key leads on.
    Part(Vec<usize>),
    /// They name nothing here.
    Nothing,
}

impl Reach {
    /// Whether patterns name the place itself.
    pub const fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }

    /// Whether patterns name neither the place nor anything below it.
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

const RECORD: usize = 0;
const ANYWHERE: usize = 1;

impl Patterns {
    /// The patterns, ready to be matched.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Self {
        let mut nodes = Vec::new();
        for pattern in patterns {
            if nodes.is_empty() {
                nodes.extend([Node::default(), Node::default()]);
            }
            let (at_the_record, rest) = anchored(pattern.as_str());
            let mut at = if at_the_record { RECORD } else { ANYWHERE };
            for segment in split(rest).map(Segment::new) {
                let new = nodes.len();
                let Some(node) = nodes.get_mut(at) else { break };
                at = match segment {
                    Segment::Any => *node.any.get_or_insert(new),
                    Segment::Key(key) => *node.keys.entry(key).or_insert(new),
                };
                if at == new {
                    nodes.push(Node::default());
                }
            }
            if let Some(node) = nodes.get_mut(at) {
                node.ends = true;
            }
        }
        Self { nodes }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What they say about a whole record.
    pub fn record(&self) -> Reach {
        if self.is_empty() { Reach::Nothing } else { Reach::Part(vec![RECORD]) }
    }

    /// What they say about what stands under a key.
    pub fn under(&self, reach: &Reach, key: &str) -> Reach {
        let Reach::Part(nodes) = reach else { return reach.clone() };
        let mut next = Vec::new();
        for node in nodes.iter().chain(&[ANYWHERE]).filter_map(|node| self.nodes.get(*node)) {
            next.extend(node.keys.get(key).into_iter().chain(&node.any).copied());
        }
        if next.iter().any(|node| self.nodes.get(*node).is_some_and(|node| node.ends)) {
            Reach::Whole
        } else if next.is_empty() && !self.is_anywhere() {
            Reach::Nothing
        } else {
            Reach::Part(next)
        }
    }

    /// Whether any pattern may start below any key.
    fn is_anywhere(&self) -> bool {
        let start = self.nodes.get(ANYWHERE);
        start.is_some_and(|node| node.any.is_some() || !node.keys.is_empty())
    }
}

impl Segment {
    fn new(text: &str) -> Self {
        match text {
            "*" => Self::Any,
            key => Self::Key(key.replace(r"\.", ".").replace(r"\*", "*")),
        }
    }
}
