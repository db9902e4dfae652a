//! Our JSON as the validator reads it, in place: nothing is built anew for a value that is right.
//!
//! A schema that refers to itself more than once can ask about one value exponentially often, and find
//! any number of problems. So each look at a value costs a step, and once they are spent every value
//! looks like null: nothing below it is asked about any more, and the validator soon comes to an end.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Write as _;

use jsonschema::json::{self, JsonNumber, Node, NodeIdentity};
use jsonschema::{JsonType, ValidationError};
use serde_json::{Number, Value};

use super::to_value;
use crate::domain::json::{Json, Members, shortened, sorted, write_string};

/// The steps that any value may take to check, and those that each part of it may take on top.
const STEPS: u64 = 100_000;
const STEPS_PER_PART: u64 = 400;

/// How many bytes of text a step goes through.
const BYTES_PER_STEP: usize = 1_024;

/// The most problems that are found with one value, those included that turn out not to matter because
/// an alternative matches.
const PROBLEMS: u32 = 500;

/// What a value looks like in a problem that was found when the steps were spent: no number.
const SPENT: &str = "spent";

/// How many looks at a value are left.
pub struct Steps {
    looks: Cell<u64>,
    problems: Cell<u32>,
}

impl Steps {
    /// As many as a value of this size may take.
    pub fn for_value(value: &Json) -> Self {
        Self::new(STEPS + STEPS_PER_PART * parts(value))
    }

    const fn new(looks: u64) -> Self {
        Self { looks: Cell::new(looks), problems: Cell::new(PROBLEMS) }
    }

    /// Whether there is none left, so that what the validator said of the value does not hold.
    pub fn are_spent(&self) -> bool {
        self.looks.get() == 0
    }

    fn spend(&self, steps: u64) -> bool {
        self.looks.set(self.looks.get().saturating_sub(steps));
        !self.are_spent()
    }

    fn spend_a_problem(&self) {
        self.problems.set(self.problems.get().saturating_sub(1));
        if self.problems.get() == 0 {
            self.looks.set(0);
        }
    }
}

/// Whether a problem was found by looking, and not because there were no steps left for that.
pub fn holds(error: &ValidationError<'_>) -> bool {
    !matches!(&**error.instance(), Value::Number(number) if number.as_str() == SPENT)
}

fn steps_of(text: &str) -> u64 {
    u64::try_from(text.len() / BYTES_PER_STEP).unwrap_or(u64::MAX)
}

fn parts(value: &Json) -> u64 {
    match value {
        Json::Array(items) => 1 + items.iter().map(parts).sum::<u64>(),
        Json::Object(members) => 1 + members.iter().map(|(_, value)| parts(value)).sum::<u64>(),
        _ => 1,
    }
}

/// The representation.
#[derive(Debug)]
pub struct DomainJson;

/// A value, and the steps that are left for looking at it.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    json: &'a Json,
    steps: &'a Steps,
}

impl<'a> Instance<'a> {
    pub const fn new(json: &'a Json, steps: &'a Steps) -> Self {
        Self { json, steps }
    }

    /// The value, for one step.
    fn look(&self) -> &'a Json {
        if self.steps.spend(1) { self.json } else { &Json::Null }
    }
}

/// Where the name of a member is kept while it is checked as if it were a value.
pub struct NameBuffer {
    json: Json,
    steps: Steps,
}

impl Default for NameBuffer {
    fn default() -> Self {
        Self { json: Json::Null, steps: Steps::new(u64::MAX) }
    }
}

impl json::Json for DomainJson {
    type Node<'a> = Instance<'a>;
    type PreparedKey = String;
    type StringBuffer = NameBuffer;

    // A lookup goes through all members.
    const KEYS_PER_LOOKUP: usize = 8;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(
        buffer: &mut NameBuffer,
        string: &str,
        f: impl FnOnce(Instance<'_>) -> T,
    ) -> T {
        buffer.json = Json::String(string.to_owned());
        f(Instance::new(&buffer.json, &buffer.steps))
    }
}

impl<'a> Node<'a, DomainJson> for Instance<'a> {
    type Object = ObjectInstance<'a>;
    type Array = ArrayInstance<'a>;
    type Number = NumberText<'a>;

    fn as_object(&self) -> Option<ObjectInstance<'a>> {
        match self.look() {
            Json::Object(members) => Some(ObjectInstance { members, steps: self.steps }),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<ArrayInstance<'a>> {
        match self.look() {
            Json::Array(items) => Some(ArrayInstance { items, steps: self.steps }),
            _ => None,
        }
    }

    /// For one step more each so many bytes: whoever asks goes through the text.
    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.look() {
            Json::String(text) => {
                self.steps.spend(steps_of(text)).then_some(Cow::Borrowed(text.as_str()))
            }
            _ => None,
        }
    }

    fn as_number(&self) -> Option<NumberText<'a>> {
        match self.look() {
            Json::Number(text) => Some(NumberText(text)),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.look() {
            Json::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.look(), Json::Null)
    }

    fn json_type(&self) -> JsonType {
        match self.look() {
            Json::Null => JsonType::Null,
            Json::Bool(_) => JsonType::Boolean,
            Json::Number(_) => JsonType::Number,
            Json::String(_) => JsonType::String,
            Json::Array(_) => JsonType::Array,
            Json::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        equals(self.look(), expected, self.steps)
    }

    /// The value for a problem, which says what kind of value it is and only that much more: there
    /// may be many problems with one large value.
    fn to_value(&self) -> Cow<'a, Value> {
        self.steps.spend_a_problem();
        Cow::Owned(match self.look() {
            _ if self.steps.are_spent() => {
                Value::Number(Number::from_string_unchecked(SPENT.into()))
            }
            Json::String(text) => Value::String(shortened(text, 100).to_owned()),
            Json::Array(_) => Value::Array(Vec::new()),
            Json::Object(_) => Value::Object(serde_json::Map::new()),
            scalar => to_value(scalar),
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.json).addr()))
    }
}

/// Whether a value is what a schema asks for: numbers by what they amount to, objects whatever the order
/// of their members. A step is spent on each part that is compared.
fn equals(json: &Json, expected: &Value, steps: &Steps) -> bool {
    if !steps.spend(1) {
        return false;
    }
    match (json, expected) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(json), Value::Bool(expected)) => json == expected,
        (Json::String(json), Value::String(expected)) => json == expected,
        (Json::Number(json), Value::Number(expected)) => normal(json) == normal(expected.as_str()),
        (Json::Array(json), Value::Array(expected)) => {
            let mut pairs = json.iter().zip(expected);
            json.len() == expected.len() && pairs.all(|(json, value)| equals(json, value, steps))
        }
        (Json::Object(json), Value::Object(expected)) => {
            let mut members = json.iter();
            json.len() == expected.len()
                && members.all(|(key, json)| {
                    expected.get(key).is_some_and(|value| equals(json, value, steps))
                })
        }
        _ => false,
    }
}

/// An object, and the steps that are left.
pub struct ObjectInstance<'a> {
    members: &'a Members,
    steps: &'a Steps,
}

impl<'a> json::Object<'a, DomainJson> for ObjectInstance<'a> {
    type Node = Instance<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.members.len()
    }

    fn get(&self, key: &String) -> Option<Instance<'a>> {
        let length = u64::try_from(self.members.len()).unwrap_or(u64::MAX);
        if !self.steps.spend(1 + length / 16) {
            return None;
        }
        let (_, json) = self.members.iter().find(|(name, _)| name == key)?;
        Some(Instance { json, steps: self.steps })
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter { members: self.members.iter(), steps: self.steps }
    }
}

/// The members of an object in turn.
pub struct MembersIter<'a> {
    members: std::slice::Iter<'a, (String, Json)>,
    steps: &'a Steps,
}

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, Instance<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, json) = self.members.next()?;
        self.steps.spend(1).then_some((name.as_str(), Instance { json, steps: self.steps }))
    }
}

/// A list, and the steps that are left.
pub struct ArrayInstance<'a> {
    items: &'a [Json],
    steps: &'a Steps,
}

impl<'a> json::Array<'a, DomainJson> for ArrayInstance<'a> {
    type Node = Instance<'a>;
    type ElementsIter = ElementsIter<'a>;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn elements(&self) -> ElementsIter<'a> {
        ElementsIter { items: self.items.iter(), steps: self.steps }
    }

    /// In linear time whatever the items are.
    fn is_unique(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.items.len());
        self.items.iter().all(|item| {
            let mut text = String::new();
            write_normal(item, &mut text);
            self.steps.spend(1 + steps_of(&text)) && seen.insert(text)
        })
    }
}

/// The items of a list in turn.
pub struct ElementsIter<'a> {
    items: std::slice::Iter<'a, Json>,
    steps: &'a Steps,
}

impl<'a> Iterator for ElementsIter<'a> {
    type Item = Instance<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let json = self.items.next()?;
        self.steps.spend(1).then_some(Instance { json, steps: self.steps })
    }
}

/// A number as it was written.
pub struct NumberText<'a>(&'a str);

impl JsonNumber for NumberText<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    fn to_number(&self) -> Cow<'_, Number> {
        Cow::Owned(Number::from_string_unchecked(self.0.to_owned()))
    }

    fn is_integer(&self) -> bool {
        let (_, decimals, exponent) = normal(self.0);
        decimals.is_empty() || exponent >= 0
    }
}

/// Writes a value so that two that JSON Schema holds to be equal have the same text.
fn write_normal(value: &Json, out: &mut String) {
    match value {
        Json::Number(text) => {
            let (negative, digits, exponent) = normal(text);
            let sign = if negative { "-" } else { "" };
            // Writing to a String cannot fail, here and below.
            let _ = write!(out, "{sign}{digits}e{exponent}");
        }
        Json::Array(items) => {
            out.push('[');
            for item in items {
                write_normal(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (key, value) in sorted(members) {
                let _ = write_string(key, out);
                out.push(':');
                write_normal(value, out);
                out.push(',');
            }
            out.push('}');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// A number's sign, its digits without zeros at either end, and the power of ten they are multiplied
/// with. Zero has no digits. (An exponent beyond any sense stands for the largest there is.)
fn normal(text: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |m| (true, m));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return (false, String::new(), 0);
    }
    let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let exponent = exponent
        .parse()
        .unwrap_or(beyond)
        .saturating_sub(length(fraction))
        .saturating_add(length(&digits) - length(significant));
    (negative, significant.trim_start_matches('0').to_owned(), exponent)
}
