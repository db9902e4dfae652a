//! Events: as they are given to be recorded, and as they are read back.

use std::net::IpAddr;
use std::sync::LazyLock;

use aws_lc_rs::digest;

use super::diff::{Change, Changes, diff, names_fit};
use super::id::Id;
use super::json::{Json, shortened};
use super::kind::{EventType, Outcome, ResourceName};
use super::page::Position;
use super::policy::RecordType;
use super::time::{self, Time};
use super::tree::Path;

/// The most bytes one event may be given in.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// Where an event came from and what was said about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The address the acting user came from.
    pub ip_address: Option<String>,
    /// The program the acting user used.
    pub user_agent: Option<String>,
    /// The URL the action went to.
    pub url: Option<String>,
    /// The page or screen it was done on.
    pub page: Option<String>,
    /// What happened, in words.
    pub description: Option<String>,
    /// The request of the audited application that did it.
    pub request_id: Option<String>,
    /// Anything else: a JSON object, as compact text.
    pub metadata: Option<String>,
}

/// Something of the tenant's own definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defined {
    /// Its name.
    pub name: Id,
    /// The version of the definition that the event was checked against; none before it was.
    pub version: Option<i64>,
}

/// A checked event that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The recorder's own id for it, which makes recording it idempotent.
    pub external_id: Option<Id>,
    /// Where it happened.
    pub organization_id: Id,
    /// Who did it; nobody for an automatic action.
    pub acting_user_id: Option<Id>,
    /// What was done …
    pub event_type: EventType,
    /// … by the tenant's own definition, for [`EventType::Custom`] only …
    pub custom_type: Option<Defined>,
    /// … to which kind of record …
    pub resource_name: ResourceName,
    /// … by the tenant's own definition, for [`ResourceName::Custom`] only …
    pub custom_resource: Option<Defined>,
    /// … and to which one.
    pub resource_id: Id,
    /// When; the moment of recording when not given.
    pub occurred_at: Option<Time>,
    /// How it ended.
    pub outcome: Outcome,
    /// What for: the purpose of use, such as `TREAT` or `HPAYMT`.
    pub purpose: Option<String>,
    /// What changed.
    pub changes: Vec<Change>,
    /// Where from, and what was said about it.
    pub context: Context,
}

/// A recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the tenant's log.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Time,
    /// The recorder's own id for it.
    pub external_id: Option<Id>,
    /// Where it happened.
    pub organization_id: Id,
    /// Who did it; nobody for an automatic action.
    pub acting_user_id: Option<Id>,
    /// What was done …
    pub event_type: EventType,
    /// … by the tenant's own definition, for [`EventType::Custom`] only …
    pub custom_type: Option<Defined>,
    /// … to which kind of record …
    pub resource_name: ResourceName,
    /// … by the tenant's own definition, for [`ResourceName::Custom`] only …
    pub custom_resource: Option<Defined>,
    /// … and to which one.
    pub resource_id: Id,
    /// How it ended.
    pub outcome: Outcome,
    /// What for: the purpose of use.
    pub purpose: Option<String>,
    /// The organizations it was recorded under.
    pub organization_path: Path,
    /// What changed.
    pub changes: Changes,
    /// Where from, and what was said about it.
    pub context: Context,
}

/// An event as it was given, before any rule was applied. All ways of recording make one of these.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // the fields are those of the recording contract, one for one
pub struct Draft {
    pub id: Option<String>,
    pub organization_id: Option<String>,
    pub acting_user_id: Option<String>,
    pub event_type: Option<String>,
    pub resource_name: Option<String>,
    pub resource_id: Option<String>,
    pub occurred_at: Option<String>,
    pub before: Option<Json>,
    pub after: Option<Json>,
    pub changes: Option<Vec<Change>>,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
    pub url: Option<String>,
    pub page: Option<String>,
    pub description: Option<String>,
    pub request_id: Option<String>,
    pub metadata: Option<Json>,
    pub outcome: Option<String>,
    pub purpose: Option<String>,
    pub custom_type: Option<String>,
    pub custom_resource: Option<String>,
}

const KEYS: &str = "id, organization_id, acting_user_id, type, custom_type, resource_name, \
                    custom_resource, resource_id, occurred_at, outcome, purpose, before, after, \
                    changes, ip_address, user_agent, url, page, description, request_id, metadata";

/// The types of event that recorders may record.
static RECORDED_TYPES: LazyLock<Vec<EventType>> =
    LazyLock::new(|| EventType::ALL.iter().copied().filter(|t| !t.is_reserved()).collect());

/// The kinds of record on which recorders may record events.
static RECORDED_RESOURCES: LazyLock<Vec<ResourceName>> =
    LazyLock::new(|| ResourceName::ALL.iter().copied().filter(|r| !r.is_reserved()).collect());

/// How much that is wrong with one event's shape is said; there may be any number of unknown keys.
const MAX_PROBLEMS: usize = 20;

/// The kind of record of an event that says these names for it.
fn record_type(resource_name: ResourceName, custom_resource: &Option<Defined>) -> RecordType {
    let custom_resource = custom_resource.as_ref().map(|defined| defined.name.clone());
    RecordType { resource_name, custom_resource }
}

impl Event {
    /// How many bytes it takes in memory, about: what of it may be long, and something for the rest.
    pub fn bytes(&self) -> u64 {
        const REST: usize = 512;
        let Context { metadata, description, url, user_agent, page, .. } = &self.context;
        let texts = [metadata, description, url, user_agent, page];
        let bytes = texts.into_iter().flatten().map(String::len).sum::<usize>();
        u64::try_from(bytes + self.changes.as_str().len() + REST).unwrap_or(u64::MAX)
    }

    /// The kind of record it was done to.
    pub fn record_type(&self) -> RecordType {
        record_type(self.resource_name, &self.custom_resource)
    }
}

impl NewEvent {
    /// The kind of record it was done to.
    pub fn record_type(&self) -> RecordType {
        record_type(self.resource_name, &self.custom_resource)
    }

    /// Reads one event of the recording contract. The error says all that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let json = Json::parse(text).map_err(|error| error.to_string())?;
        Draft::from_json(json)?.check()
    }

    /// A digest of all that is kept of the event, equal for two events with the same content whatever
    /// order their keys came in, and however their changes were given.
    pub fn fingerprint(&self) -> Vec<u8> {
        let Self {
            external_id: _, // what the fingerprint is filed under
            organization_id,
            acting_user_id,
            event_type,
            custom_type,
            resource_name,
            custom_resource,
            resource_id,
            occurred_at,
            outcome,
            purpose,
            changes,
            context,
        } = self;
        let Context { ip_address, user_agent, url, page, description, request_id, metadata } =
            context;
        let mut hash = Fingerprint::new();
        hash.add(Some(organization_id.as_str()));
        hash.add(acting_user_id.as_ref().map(Id::as_str));
        hash.add(Some(event_type.as_str()));
        hash.add(Some(resource_name.as_str()));
        hash.add(Some(resource_id.as_str()));
        hash.add(occurred_at.map(time::format).as_deref());
        for text in [ip_address, user_agent, url, page, description, request_id] {
            hash.add(text.as_deref());
        }
        let metadata = metadata.as_deref().map(Json::parse);
        hash.add(metadata.and_then(Result::ok).map(|m| m.canonical()).as_deref());
        for Change { field, before, after, withheld } in changes {
            hash.add(Some(field));
            hash.add(Some(&before.canonical()));
            hash.add(Some(&after.canonical()));
            if *withheld {
                hash.add(None);
            }
        }
        // Each only where it says something, so that events keep the digests they had before these
        // were there. What begins with nothing is no change, which begins with a field.
        let name = |defined: &Option<Defined>| defined.as_ref().map(|d| d.name.to_string());
        let unusual = (*outcome != event_type.usual_outcome()).then(|| outcome.to_string());
        let later = [
            ("outcome", unusual),
            ("purpose", purpose.clone()),
            ("custom_type", name(custom_type)),
            ("custom_resource", name(custom_resource)),
        ];
        for (key, value) in later.into_iter().filter(|(_, value)| value.is_some()) {
            hash.add(None);
            hash.add(Some(key));
            hash.add(value.as_deref());
        }
        hash.finish()
    }
}

/// SHA-256 over a list of optional texts, each with its length before it, so that no two different
/// lists feed it the same bytes.
struct Fingerprint(digest::Context);

impl Fingerprint {
    fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    fn add(&mut self, text: Option<&str>) {
        let length = text.map_or(-1, |t| i64::try_from(t.len()).unwrap_or(i64::MAX));
        self.0.update(&length.to_be_bytes());
        self.0.update(text.unwrap_or_default().as_bytes());
    }

    fn finish(self) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}

impl Draft {
    /// Takes an event's JSON apart. The error says all that is wrong with its shape.
    pub fn from_json(json: Json) -> Result<Self, String> {
        let Json::Object(members) = json else {
            return Err(format!("an event must be a JSON object, not {}", json.kind()));
        };
        let mut draft = Self::default();
        let (mut problems, mut unsaid) = (Vec::new(), 0);
        for (key, value) in members {
            match draft.set(&key, value) {
                Err(problem) if problems.len() < MAX_PROBLEMS => problems.push(problem),
                Err(_) => unsaid += 1,
                Ok(()) => {}
            }
        }
        if unsaid > 0 {
            problems.push(format!("and {unsaid} more"));
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems.join("; ")) }
    }

    fn set(&mut self, key: &str, value: Json) -> Result<(), String> {
        let slot = match key {
            "id" => &mut self.id,
            "organization_id" => &mut self.organization_id,
            "acting_user_id" => &mut self.acting_user_id,
            "type" => &mut self.event_type,
            "resource_name" => &mut self.resource_name,
            "resource_id" => &mut self.resource_id,
            "occurred_at" => &mut self.occurred_at,
            "ip_address" => &mut self.ip_address,
            "user_agent" => &mut self.user_agent,
            "url" => &mut self.url,
            "page" => &mut self.page,
            "description" => &mut self.description,
            "request_id" => &mut self.request_id,
            "outcome" => &mut self.outcome,
            "purpose" => &mut self.purpose,
            "custom_type" => &mut self.custom_type,
            "custom_resource" => &mut self.custom_resource,
            "before" => return object(key, value).map(|v| self.before = v),
            "after" => return object(key, value).map(|v| self.after = v),
            "metadata" => return object(key, value).map(|v| self.metadata = v),
            "changes" => return given_changes(value).map(|v| self.changes = v),
            unknown => {
                let shown = shortened(unknown, 50);
                return Err(format!("{shown:?} is not a key of an event; the keys are {KEYS}"));
            }
        };
        *slot = text(key, value)?;
        Ok(())
    }

    /// Applies every rule of the recording contract. The error says all that is wrong.
    pub fn check(self) -> Result<NewEvent, String> {
        let mut problems = Problems::default();
        // An empty object is the same as an absent one.
        let before = self.before.filter(|side| !side.is_nothing());
        let after = self.after.filter(|side| !side.is_nothing());
        let given_both = self.changes.is_some() && (before.is_some() || after.is_some());
        if given_both {
            problems.add("give what changed as before and after or as changes, not both".into());
        }
        for (i, change) in self.changes.iter().flatten().enumerate() {
            problems.optional(&format!("changes[{i}].field"), Some(change.field.clone()), storable);
        }
        let event_type = problems.named("type", self.event_type, EventType::parse, &RECORDED_TYPES);
        if let Some(event_type) = event_type {
            let mut changes = self.changes.iter().flatten();
            let before = before.is_some() || changes.clone().any(|c| !c.before.is_nothing());
            let after = after.is_some() || changes.any(|c| !c.after.is_nothing());
            match event_type {
                EventType::Create if before => {
                    problems.add("a CREATE has only after: there was nothing before it".into());
                }
                EventType::Destroy if after => {
                    problems.add("a DESTROY has only before: there is nothing after it".into());
                }
                _ => {}
            }
        }
        for (key, side) in [("before", &before), ("after", &after)] {
            if !side.as_ref().is_none_or(names_fit) {
                problems.add(format!("{key} has keys too long for the many fields below them"));
            }
        }
        let resource_name = problems.named(
            "resource_name",
            self.resource_name,
            ResourceName::parse,
            &RECORDED_RESOURCES,
        );
        let is_custom = event_type.map(|event_type| event_type == EventType::Custom);
        let custom_type = problems.defined("custom_type", "type", is_custom, self.custom_type);
        let is_custom = resource_name.map(|name| name == ResourceName::Custom);
        let custom_resource =
            problems.defined("custom_resource", "resource_name", is_custom, self.custom_resource);
        let outcome = match self.outcome {
            None => event_type.map(EventType::usual_outcome),
            given => problems.named("outcome", given, Outcome::parse, Outcome::ALL),
        };
        let organization_id = problems.required("organization_id", self.organization_id);
        let resource_id = problems.required("resource_id", self.resource_id);
        let external_id = problems.optional("id", self.id, Id::new);
        let acting_user_id = problems.optional("acting_user_id", self.acting_user_id, Id::user);
        let occurred_at = problems.optional("occurred_at", self.occurred_at, |t| time::parse(&t));
        let context = Context {
            ip_address: problems.optional("ip_address", self.ip_address, ip_address),
            user_agent: problems.optional("user_agent", self.user_agent, storable),
            url: problems.optional("url", self.url, storable),
            page: problems.optional("page", self.page, storable),
            description: problems.optional("description", self.description, storable),
            request_id: problems.optional("request_id", self.request_id, storable),
            metadata: self.metadata.map(|metadata| metadata.to_string()),
        };
        let purpose =
            problems.optional("purpose", self.purpose, |text| Id::new(text).map(String::from));
        let changes = match self.changes {
            Some(changes) => changes,
            None if problems.0.is_empty() => diff(before.as_ref(), after.as_ref()),
            None => Vec::new(),
        };
        let what = event_type.zip(outcome);
        let on_what = resource_name.zip(resource_id);
        let (
            Some(organization_id),
            Some((event_type, outcome)),
            Some((resource_name, resource_id)),
            true,
        ) = (organization_id, what, on_what, problems.0.is_empty())
        else {
            return Err(problems.0.join("; "));
        };
        Ok(NewEvent {
            external_id,
            organization_id,
            acting_user_id,
            event_type,
            custom_type,
            resource_name,
            custom_resource,
            resource_id,
            occurred_at,
            outcome,
            purpose,
            changes,
            context,
        })
    }
}

/// Gathers what is wrong, so that a caller hears all of it at once.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, problem: String) {
        self.0.push(problem);
    }

    fn optional<T>(
        &mut self,
        key: &str,
        given: Option<String>,
        check: impl FnOnce(String) -> Result<T, String>,
    ) -> Option<T> {
        let checked = check(given?);
        checked.map_err(|problem| self.add(format!("{key} {problem}"))).ok()
    }

    fn required(&mut self, key: &str, given: Option<String>) -> Option<Id> {
        if given.is_none() {
            self.add(format!("{key} is missing"));
        }
        self.optional(key, given, Id::new)
    }

    /// The name of something that the tenant defined: given when, and only when, `of` is CUSTOM.
    fn defined(
        &mut self,
        key: &str,
        of: &str,
        is_custom: Option<bool>,
        given: Option<String>,
    ) -> Option<Defined> {
        match (is_custom, &given) {
            (Some(true), None) => self.add(format!("{key} is missing: {of} is CUSTOM")),
            (Some(false), Some(_)) => self.add(format!("{key} is given only with {of} CUSTOM")),
            _ => {}
        }
        let name = self.optional(key, given, Id::new)?;
        Some(Defined { name, version: None })
    }

    fn named<T: std::fmt::Display + PartialEq + Copy>(
        &mut self,
        key: &str,
        given: Option<String>,
        parse: impl FnOnce(&str) -> Option<T>,
        all: &[T],
    ) -> Option<T> {
        let one_of = || {
            let names: Vec<_> = all.iter().map(ToString::to_string).collect();
            format!("must be one of {}", names.join(", "))
        };
        if given.is_none() {
            self.add(format!("{key} is missing; it {}", one_of()));
        }
        self.optional(key, given, |text| {
            parse(&text).filter(|named| all.contains(named)).ok_or_else(one_of)
        })
    }
}

fn text(key: &str, value: Json) -> Result<Option<String>, String> {
    match value {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text)),
        other => Err(format!("{key} must be a string, not {}", other.kind())),
    }
}

/// A JSON object, or nothing; what `before`, `after` and `metadata` must be.
pub fn object(key: &str, value: Json) -> Result<Option<Json>, String> {
    match value {
        Json::Null => Ok(None),
        Json::Object(_) => Ok(Some(value)),
        other => Err(format!("{key} must be a JSON object, not {}", other.kind())),
    }
}

fn given_changes(value: Json) -> Result<Option<Vec<Change>>, String> {
    let items = match value {
        Json::Null => return Ok(None),
        Json::Array(items) => items,
        other => return Err(format!("changes must be a list, not {}", other.kind())),
    };
    let changes = items
        .into_iter()
        .enumerate()
        .map(|(i, item)| given_change(item).map_err(|problem| format!("changes[{i}] {problem}")));
    changes.collect::<Result<_, _>>().map(Some)
}

fn given_change(item: Json) -> Result<Change, String> {
    let Json::Object(members) = item else {
        return Err(format!("must be an object, not {}", item.kind()));
    };
    let (mut field, mut before, mut after) = (None, Json::Null, Json::Null);
    for (key, value) in members {
        match key.as_str() {
            "field" => field = text("field", value)?,
            "before" => before = value,
            "after" => after = value,
            _ => return Err("has a key other than field, before and after".to_owned()),
        }
    }
    let field = field.ok_or("has no field")?;
    Ok(Change::new(field, before, after))
}

fn ip_address(text: String) -> Result<String, String> {
    let address: IpAddr = text.parse().map_err(|_| "must be an IPv4 or IPv6 address".to_owned())?;
    Ok(address.to_string())
}

/// Text that came past the JSON edge (through a GraphQL literal) meets its rule here.
fn storable(text: String) -> Result<String, String> {
    if text.contains('\0') {
        return Err("must not hold U+0000, which no database can store as text".to_owned());
    }
    Ok(text)
}
