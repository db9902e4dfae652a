//! Which events somebody asks for.

use super::diff::Change;
use super::id::{Id, NO_AUTHOR};
use super::json::{Json, write_string};
use super::kind::{EventType, Outcome, ResourceName};
use super::network::Range;
use super::time::{self, Time};
use super::words::Query;

/// The most values a filter takes a list of.
pub const MAX_VALUES: usize = 1_000;

/// Conditions on events; they combine with AND, and one that is `None` selects everything.
///
/// The organizations asked for are not here: they narrow the [`Scope`](super::viewer::Scope).
/// `store::filter` takes this apart without `..`, so a field added here does not compile until it
/// is translated there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Who acted.
    pub acting_users: Option<ActingUsers>,
    /// One of these types.
    pub event_types: Option<Vec<EventType>>,
    /// One of these kinds of record.
    pub resource_names: Option<Vec<ResourceName>>,
    /// None of these kinds of record.
    pub excluded_resource_names: Option<Vec<ResourceName>>,
    /// One of the tenant's own types.
    pub custom_types: Option<Vec<Id>>,
    /// One of the tenant's own kinds of record.
    pub custom_resources: Option<Vec<Id>>,
    /// The records with these ids.
    pub resource_ids: Option<Vec<Id>>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// For one of these purposes.
    pub purposes: Option<Vec<String>>,
    /// A change of exactly this field.
    pub changed_field: Option<String>,
    /// A change of any of these fields.
    pub changed_fields: Option<Vec<String>>,
    /// A change from or to a value.
    pub changed_value: Option<ChangedValue>,
    /// One of these pages.
    pub pages: Option<Vec<String>>,
    /// A URL that begins with one of these.
    pub url_prefixes: Option<Vec<String>>,
    /// An address in one of these ranges.
    pub ip_addresses: Option<Vec<Range>>,
    /// A description with these words.
    pub description: Option<Query>,
    /// At this time or later.
    pub occurred_after: Option<Time>,
    /// At this time or earlier.
    pub occurred_before: Option<Time>,
    /// With this number or one before it.
    pub up_to_sequence: Option<i64>,
}

impl EventFilter {
    /// The names of what it asks for, without the values.
    pub fn names(&self) -> Vec<&'static str> {
        let Self {
            acting_users,
            event_types,
            resource_names,
            excluded_resource_names,
            custom_types,
            custom_resources,
            resource_ids,
            outcome,
            purposes,
            changed_field,
            changed_fields,
            changed_value,
            pages,
            url_prefixes,
            ip_addresses,
            description,
            occurred_after,
            occurred_before,
            up_to_sequence,
        } = self;
        let asked = [
            ("acting_users", acting_users.is_some()),
            ("event_types", event_types.is_some()),
            ("resource_names", resource_names.is_some()),
            ("exclude_resource_names", excluded_resource_names.is_some()),
            ("custom_types", custom_types.is_some()),
            ("custom_resources", custom_resources.is_some()),
            ("resource_ids", resource_ids.is_some()),
            ("outcome", outcome.is_some()),
            ("purposes", purposes.is_some()),
            ("changed_field", changed_field.is_some()),
            ("changed_fields", changed_fields.is_some()),
            ("changed_value", changed_value.is_some()),
            ("pages", pages.is_some()),
            ("url_prefixes", url_prefixes.is_some()),
            ("ip_addresses", ip_addresses.is_some()),
            ("description", description.is_some()),
            ("occurred_after", occurred_after.is_some()),
            ("occurred_before", occurred_before.is_some()),
            ("up_to_sequence", up_to_sequence.is_some()),
        ];
        asked.into_iter().filter(|(_, is_asked)| *is_asked).map(|(name, _)| name).collect()
    }
}

/// The users an event may be by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingUsers {
    /// One of these users …
    pub ids: Vec<Id>,
    /// … or nobody: an automatic action.
    pub or_nobody: bool,
}

/// A change of a field from or to a value. A value that was withheld when it was recorded is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedValue {
    /// The field.
    pub field: String,
    /// What it was before …
    pub before: Option<Value>,
    /// … and after.
    pub after: Option<Value>,
}

impl ChangedValue {
    /// A change that reads as is asked, for looking at what it would show.
    pub fn change(&self) -> Change {
        let json =
            |value: &Option<Value>| value.as_ref().and_then(Value::json).unwrap_or(Json::Null);
        Change::new(self.field.clone(), json(&self.before), json(&self.after))
    }
}

/// A value as a reader is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// The value that is shown as this text.
    pub const fn shown(text: String) -> Self {
        Self(text)
    }

    /// What may be stored of a value that is shown like this: a string, and what that text is as JSON.
    pub fn stored(&self) -> Vec<String> {
        let mut string = String::new();
        // Writing to a String cannot fail.
        let _ = write_string(&self.0, &mut string);
        let json = self.json().map(|_| self.0.clone());
        [Some(string), json].into_iter().flatten().collect()
    }

    /// What is shown like this, if it is no string.
    fn json(&self) -> Option<Json> {
        let is_shown_as_it_is = |json: &Json| {
            !matches!(json, Json::Null | Json::String(_)) && json.to_string() == self.0
        };
        Json::parse(&self.0).ok().filter(is_shown_as_it_is)
    }
}

/// What is asked for, before any rule was applied: each argument as it was given.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // the fields are the arguments of `auditLog`, one for one
pub struct FilterDraft {
    pub acting_user_id: Option<String>,
    pub acting_user_ids: Option<Vec<String>>,
    pub event_type: Option<EventType>,
    pub event_types: Option<Vec<EventType>>,
    pub resource_name: Option<ResourceName>,
    pub resource_names: Option<Vec<ResourceName>>,
    pub exclude_resource_names: Option<Vec<ResourceName>>,
    pub resource_id: Option<String>,
    pub resource_ids: Option<Vec<String>>,
    pub custom_types: Option<Vec<String>>,
    pub custom_resources: Option<Vec<String>>,
    pub outcome: Option<Outcome>,
    pub purposes: Option<Vec<String>>,
    pub changed_field: Option<String>,
    pub changed_fields: Option<Vec<String>>,
    pub value_before: Option<String>,
    pub value_after: Option<String>,
    pub pages: Option<Vec<String>>,
    pub url_prefixes: Option<Vec<String>>,
    pub ip_addresses: Option<Vec<String>>,
    pub description: Option<String>,
    pub occurred_after: Option<String>,
    pub occurred_before: Option<String>,
}

impl FilterDraft {
    /// Applies every rule. The error begins with the name of the argument that breaks one.
    pub fn check(self) -> Result<EventFilter, String> {
        let changed_field = given("changed_field", self.changed_field, text)?;
        let before = given("value_before", self.value_before, text)?.map(Value::shown);
        let after = given("value_after", self.value_after, text)?.map(Value::shown);
        let changed_value = match &changed_field {
            _ if before.is_none() && after.is_none() => None,
            None => {
                let argument = if before.is_some() { "value_before" } else { "value_after" };
                return Err(format!("{argument} needs changed_field, the field whose value it is"));
            }
            Some(field) => Some(ChangedValue { field: field.clone(), before, after }),
        };
        let ranges = listed("ip_addresses", self.ip_addresses, |text| Range::parse(&text))?;
        Ok(EventFilter {
            acting_users: acting_users(self.acting_user_id, self.acting_user_ids)?,
            event_types: intersect(
                self.event_type.map(|one| vec![one]),
                listed("event_types", self.event_types, Ok)?,
            ),
            resource_names: intersect(
                self.resource_name.map(|one| vec![one]),
                listed("resource_names", self.resource_names, Ok)?,
            ),
            resource_ids: intersect(
                given("resource_id", self.resource_id, Id::new)?.map(|one| vec![one]),
                listed("resource_ids", self.resource_ids, Id::new)?,
            ),
            excluded_resource_names: listed(
                "exclude_resource_names",
                self.exclude_resource_names,
                Ok,
            )?,
            custom_types: listed("custom_types", self.custom_types, Id::new)?,
            custom_resources: listed("custom_resources", self.custom_resources, Id::new)?,
            outcome: self.outcome,
            purposes: listed("purposes", self.purposes, text)?,
            changed_field,
            changed_fields: listed("changed_fields", self.changed_fields, text)?,
            changed_value,
            pages: listed("pages", self.pages, text)?,
            url_prefixes: listed("url_prefixes", self.url_prefixes, text)?,
            ip_addresses: ranges.map(|ranges| Range::merged(ranges.concat())),
            description: given("description", self.description, |text| Query::parse(&text))?,
            occurred_after: given("occurred_after", self.occurred_after, |t| time::parse(&t))?,
            occurred_before: given("occurred_before", self.occurred_before, |t| time::parse(&t))?,
            up_to_sequence: None,
        })
    }
}

/// The value of an argument, if it was given.
fn given<T, U>(
    argument: &str,
    value: Option<T>,
    check: impl Fn(T) -> Result<U, String>,
) -> Result<Option<U>, String> {
    let checked = value.map(check).transpose();
    checked.map_err(|problem| format!("{argument} {problem}"))
}

/// The values of an argument. A list that was given must name something: an empty one could be meant
/// as all or as nothing.
fn listed<T, U>(
    argument: &str,
    values: Option<Vec<T>>,
    check: impl Fn(T) -> Result<U, String>,
) -> Result<Option<Vec<U>>, String> {
    match values.as_ref().map(Vec::len) {
        Some(0) => Err(format!(
            "{argument} is an empty list: name at least one, or leave it out to get all"
        )),
        Some(n) if n > MAX_VALUES => Err(format!("{argument} takes at most {MAX_VALUES} values")),
        _ => given(argument, values, |values| values.into_iter().map(&check).collect()),
    }
}

fn text(text: String) -> Result<String, String> {
    match text.contains('\0') {
        true => Err("must not hold U+0000".to_owned()),
        false => Ok(text),
    }
}

fn acting_users(
    one: Option<String>,
    list: Option<Vec<String>>,
) -> Result<Option<ActingUsers>, String> {
    // Before they are intersected: a bad id must not hide behind one that is not in both.
    let one = given("acting_user_id", one, Id::new)?;
    let list = listed("acting_user_ids", list, Id::new)?;
    let Some(users) = intersect(one.map(|one| vec![one]), list) else { return Ok(None) };
    let (nobody, ids): (Vec<Id>, Vec<Id>) =
        users.into_iter().partition(|id| id.as_str() == NO_AUTHOR);
    Ok(Some(ActingUsers { ids, or_nobody: !nobody.is_empty() }))
}

/// What two conditions on the same thing leave: both must hold.
fn intersect<T: PartialEq>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.into_iter().filter(|item| b.contains(item)).collect()),
        (a, b) => a.or(b),
    }
}
