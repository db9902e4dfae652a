//! Scalars, and JSON between the wire and the domain without losing a digit or the order of keys.

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, InputValueError, InputValueResult, Name, OutputType, Positioned, Scalar,
    ScalarType, ServerResult, Value, Variables,
};
use serde_json::Number;

use crate::domain::json::{Json as DomainJson, MAX_DEPTH};
use crate::domain::time::{self, Time};
use crate::error::{Error, Result};

/// A place in a list, on the wire.
#[derive(Clone)]
pub struct Cursor(pub String);

/// An opaque place in a list. Give it back as `after` or `before`, to the same list: with the same
/// filter and `order_by`.
#[Scalar(name = "Cursor")]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self).map_err(InputValueError::propagate)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A point in time, on the wire; as given, or formatted.
#[derive(Clone)]
pub struct DateTime(pub String);

/// A point in time. Given: ISO 8601 with an offset, such as `2026-10-02T09:30:00-04:00`, or a date
/// alone, which is its midnight in UTC. Answered: RFC 3339 in UTC, such as `2026-10-02T13:30:00Z`,
/// to the microsecond.
#[Scalar(name = "ISO8601DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self).map_err(InputValueError::propagate)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

impl From<Time> for DateTime {
    fn from(time: Time) -> Self {
        Self(time::format(time))
    }
}

impl DateTime {
    /// The time that was given as the argument of this name.
    pub fn parse_as(self, argument: &str) -> Result<Time> {
        time::parse(&self.0).map_err(|problem| Error::bad_input(format!("{argument} {problem}")))
    }
}

/// A JSON value, on the wire.
#[derive(Clone)]
pub struct Json(pub DomainJson);

/// A JSON value. Numbers keep every digit and objects the order of their keys.
#[Scalar(name = "JSON", specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        from_value(value, 0).map(Self).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        to_value(self.0.clone())
    }
}

/// A value that GraphQL knows as a `T`, kept as JSON and answered as it is.
pub struct JsonText<T> {
    text: String,
    of: PhantomData<fn() -> T>,
}

impl<T> JsonText<T> {
    /// What must be JSON of such a value.
    pub const fn new(text: String) -> Self {
        Self { text, of: PhantomData }
    }

    /// The JSON.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<T> Clone for JsonText<T> {
    fn clone(&self) -> Self {
        Self::new(self.text.clone())
    }
}

impl<T: OutputType> OutputType for JsonText<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Binary(self.text.clone().into_bytes().into()))
    }
}

/// The variables of a request, from the JSON they came as.
pub fn to_variables(json: Option<DomainJson>) -> Result<Variables> {
    match json {
        None | Some(DomainJson::Null) => Ok(Variables::default()),
        Some(json @ DomainJson::Object(_)) => Ok(Variables::from_value(to_value(json))),
        Some(_) => Err(Error::bad_input("variables must be a JSON object")),
    }
}

fn text(value: Value) -> Result<String, InputValueError<String>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::expected_type(other)),
    }
}

fn from_value(value: Value, depth: usize) -> Result<DomainJson, String> {
    if depth > MAX_DEPTH {
        return Err(format!("it nests more than {MAX_DEPTH} levels deep"));
    }
    match value {
        Value::Null => Ok(DomainJson::Null),
        Value::Boolean(flag) => Ok(DomainJson::Bool(flag)),
        Value::Number(number) => Ok(DomainJson::Number(number.to_string())),
        Value::String(text) if text.contains('\0') => {
            Err("it holds U+0000, which no database can store as text".to_owned())
        }
        Value::String(text) => Ok(DomainJson::String(text)),
        Value::List(items) => {
            let items = items.into_iter().map(|item| from_value(item, depth + 1));
            items.collect::<Result<_, _>>().map(DomainJson::Array)
        }
        Value::Object(members) => {
            let members = members
                .into_iter()
                .map(|(key, value)| Ok((key.to_string(), from_value(value, depth + 1)?)));
            members.collect::<Result<_, _>>().map(DomainJson::Object)
        }
        Value::Enum(name) => Err(format!("{name} is a bare word: write strings in quotes")),
        Value::Binary(_) => Err("a file is no JSON value".to_owned()),
    }
}

fn to_value(json: DomainJson) -> Value {
    match json {
        DomainJson::Null => Value::Null,
        DomainJson::Bool(flag) => Value::Boolean(flag),
        // The text was checked when it was read; parsing it again would respell exponents.
        DomainJson::Number(text) => Value::Number(Number::from_string_unchecked(text)),
        DomainJson::String(text) => Value::String(text),
        DomainJson::Array(items) => Value::List(items.into_iter().map(to_value).collect()),
        DomainJson::Object(members) => Value::Object(
            members.into_iter().map(|(key, value)| (Name::new(key), to_value(value))).collect(),
        ),
    }
}
