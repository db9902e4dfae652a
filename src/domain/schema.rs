//! JSON Schemas: what a tenant asks of the metadata of its own kinds of events and records.
//!
//! A schema comes from a client and is run on every event of its kind, so it is held to what is safe to
//! run for anybody: it refers to nothing outside of itself, its patterns match in linear time, it
//! unfolds to a bounded size (`limits`), and checking one event takes a bounded number of steps
//! (`instance`). Numbers are compared as they are written, whatever their size.

mod instance;
mod limits;

use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::{Number, Value};

use super::json::{Json, shortened};
use instance::{DomainJson, Instance, Steps};

/// The most bytes a schema takes as compact JSON.
pub const MAX_SCHEMA_BYTES: usize = 64 * 1024;

/// How much that is wrong with one event's metadata is said.
const MAX_PROBLEMS: usize = 5;

/// The most bytes one pattern takes when it is compiled, and its cache of states.
const MAX_PATTERN_BYTES: usize = 256 * 1024;

/// A schema, compiled when it is first used.
#[derive(Debug)]
pub struct Schema {
    json: Json,
    compiled: OnceLock<Result<Validator<DomainJson>, String>>,
}

impl Schema {
    /// A schema that somebody defines. The error says what is wrong with it, and where.
    pub fn new(json: Json) -> Result<Self, String> {
        if !matches!(json, Json::Object(_)) {
            return Err(format!("must be a JSON Schema as an object, not {}", json.kind()));
        }
        let bytes = json.to_string().len();
        if bytes > MAX_SCHEMA_BYTES {
            return Err(format!("takes {bytes} bytes; at most {MAX_SCHEMA_BYTES} are allowed"));
        }
        let draft = draft_of(&json)?;
        limits::check(&json, draft.id_keyword())?;
        let schema = Self::trusted(json);
        schema.validator()?;
        Ok(schema)
    }

    /// A schema read back from our own storage, where only checked ones are written.
    pub const fn trusted(json: Json) -> Self {
        Self { json, compiled: OnceLock::new() }
    }

    /// The schema itself.
    pub const fn json(&self) -> &Json {
        &self.json
    }

    /// Checks a value. The error says what is wrong with it, each with the JSON pointer to where.
    pub fn check(&self, value: &Json) -> Result<(), String> {
        let validator = self.validator()?;
        let steps = Steps::for_value(value);
        let valid = validator.is_valid(Instance::new(value, &steps));
        if steps.are_spent() {
            return Err("it takes too many steps to check".to_owned());
        }
        if valid {
            return Ok(());
        }
        let steps = Steps::for_value(value);
        let problems = validator.iter_errors(Instance::new(value, &steps));
        let mut problems: Vec<_> =
            problems.filter(instance::holds).map(|error| said(&error)).collect();
        problems.sort();
        problems.dedup();
        let unsaid = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        match (problems.len(), unsaid) {
            (0, _) => problems.push("it does not match".to_owned()),
            (_, 0) => {}
            _ if steps.are_spent() => problems.push("and more".to_owned()),
            (_, more) => problems.push(format!("and {more} more")),
        }
        Err(problems.join("; "))
    }

    fn validator(&self) -> Result<&Validator<DomainJson>, String> {
        self.compiled.get_or_init(|| compile(&self.json)).as_ref().map_err(String::clone)
    }
}

/// Two schemas are the same when their JSON is.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for Schema {}

fn compile(schema: &Json) -> Result<Validator<DomainJson>, String> {
    let patterns =
        PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES);
    jsonschema::options_for::<DomainJson>()
        .with_draft(draft_of(schema)?)
        .with_pattern_options(patterns)
        .should_validate_formats(true)
        .offline()
        .build(&to_value(schema))
        .map_err(|error| format!("is no valid JSON Schema: {}", said(&error)))
}

/// A problem, and the JSON pointer to where it is. It does not repeat the value, which may be long.
fn said(error: &ValidationError<'_>) -> String {
    let pointer = error.instance_path().to_string();
    let problem = match error.kind() {
        ValidationErrorKind::Format { format } if format == "regex" => format!(
            "it is no regular expression, or not one that matches in linear time (without \
             look-around and back-references) and takes at most {MAX_PATTERN_BYTES} bytes compiled"
        ),
        ValidationErrorKind::AdditionalItems { limit } => format!("it has more than {limit} items"),
        _ => error.masked_with("it").to_string(),
    };
    format!("at {:?}: {}", shortened(&pointer, 200), shortened(&problem, 300))
}

/// The draft that a schema is written in: 2020-12, unless its `$schema` says another.
fn draft_of(schema: &Json) -> Result<Draft, String> {
    let draft = match schema.get("$schema") {
        None => Draft::Draft202012,
        Some(Json::String(uri)) => Draft::from_schema_uri(uri),
        Some(_) => Draft::Unknown,
    };
    match draft {
        Draft::Unknown => Err("has a $schema that is not known: draft-04, draft-06, draft-07, \
                               2019-09 and 2020-12 are, such as \
                               \"https://json-schema.org/draft/2020-12/schema\""
            .to_owned()),
        known => Ok(known),
    }
}

/// The value as `serde_json` has it, made member by member: to read it from text would take an object
/// with that library's magic key for a number.
fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(text) => Value::Number(Number::from_string_unchecked(text.clone())),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(to_value).collect()),
        Json::Object(members) => Value::Object(
            members.iter().map(|(key, value)| (key.clone(), to_value(value))).collect(),
        ),
    }
}
