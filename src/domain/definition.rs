//! A tenant's own types of events and kinds of records: how they are named, versioned and applied.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::event::{Defined, NewEvent};
use super::id::Id;
use super::json::Json;
use super::kind::{EventType, ResourceName};
use super::schema::Schema;

/// The longest name, in characters.
pub const MAX_NAME_CHARS: usize = 100;

/// What is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A type of event.
    EventType,
    /// A kind of record.
    Resource,
}

impl Kind {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventType => "EVENT_TYPE",
            Self::Resource => "RESOURCE",
        }
    }

    /// The kind of this stored form.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::EventType, Self::Resource].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The key of an event that names one.
    pub const fn key(self) -> &'static str {
        match self {
            Self::EventType => "custom_type",
            Self::Resource => "custom_resource",
        }
    }

    /// The mutation that defines one.
    pub const fn mutation(self) -> &'static str {
        match self {
            Self::EventType => "defineAuditEventType",
            Self::Resource => "defineAuditResource",
        }
    }
}

/// Checks the name of a definition: words of letters, digits, `_` and `-`, separated by dots, such as
/// `patient.consent_signed`. The error says what breaks the rule.
pub fn name(text: String) -> Result<String, String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_word = |word: &str| !word.is_empty() && word.chars().all(is_part);
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) || !text.split('.').all(is_word) {
        return Err("must be words of letters, digits, _ and -, separated by dots, the first \
                    character a letter, such as \"patient.consent_signed\""
            .to_owned());
    }
    if text.len() > MAX_NAME_CHARS {
        return Err(format!("must have at most {MAX_NAME_CHARS} characters"));
    }
    let types = EventType::ALL.iter().map(|row| row.as_str());
    let built_in = types.chain(ResourceName::ALL.iter().map(|row| row.as_str()));
    match built_in.into_iter().find(|name| name.eq_ignore_ascii_case(&text)) {
        Some(name) => Err(format!("is taken: {name} is built in")),
        None => Ok(text),
    }
}

/// What a version of a definition says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// What it is for, in words.
    pub description: Option<String>,
    /// The JSON Schema that metadata must satisfy; none takes any.
    pub schema: Option<Json>,
}

/// What stands of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The number of its newest version, from 1.
    pub version: i64,
    /// Whether nothing more is recorded of it.
    pub retired: bool,
    /// What the newest version says.
    pub content: Content,
}

/// The number that a definition gets when it is to say `wanted`; none when it says that already. A
/// retired one is taken up again with a number of its own, whatever it says.
pub fn next_version(standing: Option<&Standing>, wanted: &Content) -> Option<i64> {
    match standing {
        None => Some(1),
        Some(standing) if !standing.retired && standing.content == *wanted => None,
        Some(standing) => Some(standing.version + 1),
    }
}

/// What recording needs of a definition.
#[derive(Debug, Clone)]
pub struct Known {
    /// The number of its newest version.
    pub version: i64,
    /// Whether nothing more is recorded of it.
    pub retired: bool,
    /// The schema of the newest version.
    pub schema: Option<Arc<Schema>>,
}

/// All definitions of a tenant, as recording needs them.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    event_types: HashMap<String, Known>,
    resources: HashMap<String, Known>,
}

impl Definitions {
    /// The definition of this name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Known> {
        match kind {
            Kind::EventType => self.event_types.get(name),
            Kind::Resource => self.resources.get(name),
        }
    }

    /// Adds one.
    pub fn insert(&mut self, kind: Kind, name: String, known: Known) {
        match kind {
            Kind::EventType => self.event_types.insert(name, known),
            Kind::Resource => self.resources.insert(name, known),
        };
    }

    /// The event with the versions of the definitions it names, which its metadata was checked against.
    /// The error says all that is wrong.
    pub fn apply<'a>(&self, event: &'a NewEvent) -> Result<Cow<'a, NewEvent>, String> {
        if event.custom_type.is_none() && event.custom_resource.is_none() {
            return Ok(Cow::Borrowed(event));
        }
        let mut problems = Vec::new();
        // Parsed for the first schema that wants it. It was checked when the event was read.
        let parsed = LazyCell::new(|| match &event.context.metadata {
            Some(text) => Json::parse(text).unwrap_or(Json::Null),
            None => Json::Object(Vec::new()),
        });
        let mut versioned = |kind: Kind, defined: &Option<Defined>| {
            let name = &defined.as_ref()?.name;
            let known = self.known(kind, name.as_str()).map_err(|problem| problems.push(problem));
            let known = known.ok()?;
            if let Some(Err(problem)) = known.schema.as_ref().map(|schema| schema.check(&parsed)) {
                let (key, name, version) = (kind.key(), name.as_str(), known.version);
                problems.push(format!(
                    "metadata is not what {key} {name:?} asks for in version {version}: {problem}"
                ));
            }
            Some(Defined { name: name.clone(), version: Some(known.version) })
        };
        let custom_type = versioned(Kind::EventType, &event.custom_type);
        let custom_resource = versioned(Kind::Resource, &event.custom_resource);
        match problems.is_empty() {
            true => Ok(Cow::Owned(NewEvent { custom_type, custom_resource, ..event.clone() })),
            false => Err(problems.join("; ")),
        }
    }

    /// A kind of record in its version that is in force. The error says why there is none.
    pub fn resource(&self, name: &Id) -> Result<Defined, String> {
        let known = self.known(Kind::Resource, name.as_str())?;
        Ok(Defined { name: name.clone(), version: Some(known.version) })
    }

    /// The definition of this name, if something may be recorded of it.
    fn known(&self, kind: Kind, name: &str) -> Result<&Known, String> {
        let (key, mutation) = (kind.key(), kind.mutation());
        match self.get(kind, name) {
            None => Err(format!(
                "{key} {name:?} is not defined: an owner of the whole tenant defines it with {mutation}"
            )),
            Some(known) if known.retired => Err(format!(
                "{key} {name:?} is retired: an owner of the whole tenant takes it up again with {mutation}"
            )),
            Some(known) => Ok(known),
        }
    }
}
