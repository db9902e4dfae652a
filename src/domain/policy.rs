//! What is recorded of a kind of record, and how: set for organizations, inherited down the tree.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::diff::Change;
use super::event::{Context, NewEvent};
use super::id::Id;
use super::json::Json;
use super::kind::{EventType, ResourceName};
use super::pattern::{self, Pattern, Patterns};
use super::redaction::{Mask, Selection};
use super::secret::hide_parameters;

/// A kind of record: one of the registry's, or one of the tenant's own definition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType {
    /// The registry's name for it.
    pub resource_name: ResourceName,
    /// The tenant's name for it.
    pub custom_resource: Option<Id>,
}

/// A policy as it was set in one organization for one kind of record, or for all. What is `None` is
/// inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether anything is recorded.
    pub recorded: Option<bool>,
    /// The types of event that are recorded.
    pub event_types: Option<Vec<EventType>>,
    /// Of the events of type CUSTOM, the tenant's types that are recorded.
    pub custom_types: Option<Vec<Id>>,
    /// The fields of which changes are recorded.
    pub recorded_fields: Option<Vec<Pattern>>,
    /// The fields of which it is recorded that they changed, their values withheld.
    pub masked_fields: Option<Vec<Pattern>>,
    /// The fields of which nothing is recorded.
    pub dropped_fields: Option<Vec<Pattern>>,
    /// Whether fields that are named like secrets are masked …
    pub mask_secrets: Option<bool>,
    /// … and which of them are none.
    pub plain_fields: Option<Vec<Pattern>>,
}

impl Policy {
    /// The attributes that are set, as JSON: the stored form, and what the log keeps of a change.
    pub fn to_json(&self) -> Json {
        let Self {
            recorded,
            event_types,
            custom_types,
            recorded_fields,
            masked_fields,
            dropped_fields,
            mask_secrets,
            plain_fields,
        } = self;
        let text = |text: &str| Json::String(text.to_owned());
        let types = event_types.as_ref().map(|types| types.iter().map(|t| text(t.as_str())));
        let customs = custom_types.as_ref().map(|types| types.iter().map(|t| text(t.as_str())));
        let fields = |list: &Option<Vec<Pattern>>| list.as_deref().map(pattern::to_json);
        let members = [
            ("recorded", recorded.map(Json::Bool)),
            ("event_types", types.map(|types| Json::Array(types.collect()))),
            ("custom_types", customs.map(|types| Json::Array(types.collect()))),
            ("recorded_fields", fields(recorded_fields)),
            ("masked_fields", fields(masked_fields)),
            ("dropped_fields", fields(dropped_fields)),
            ("mask_secrets", mask_secrets.map(Json::Bool)),
            ("plain_fields", fields(plain_fields)),
        ];
        let members = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Json::Object(members.collect())
    }

    /// Reads the stored form back; nothing when storage was tampered with.
    pub fn from_json(json: &Json) -> Option<Self> {
        fn list<T>(
            json: &Json,
            key: &str,
            item: impl Fn(&str) -> Option<T>,
        ) -> Option<Option<Vec<T>>> {
            let item = |value: &Json| match value {
                Json::String(text) => item(text),
                _ => None,
            };
            match json.get(key) {
                None => Some(None),
                Some(Json::Array(items)) => items.iter().map(item).collect::<Option<_>>().map(Some),
                Some(_) => None,
            }
        }
        let flag = |key| match json.get(key) {
            None => Some(None),
            Some(Json::Bool(flag)) => Some(Some(*flag)),
            Some(_) => None,
        };
        let fields = |key| match json.get(key) {
            None => Some(None),
            Some(list) => pattern::from_json(list).map(Some),
        };
        Some(Self {
            recorded: flag("recorded")?,
            event_types: list(json, "event_types", EventType::parse)?,
            custom_types: list(json, "custom_types", |t| Some(Id::trusted(t.to_owned())))?,
            recorded_fields: fields("recorded_fields")?,
            masked_fields: fields("masked_fields")?,
            dropped_fields: fields("dropped_fields")?,
            mask_secrets: flag("mask_secrets")?,
            plain_fields: fields("plain_fields")?,
        })
    }
}

/// An attribute in force, and the organization it is inherited from: none for a built-in default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited<T> {
    /// What is in force.
    pub value: T,
    /// Where it was set.
    pub from: Option<Id>,
}

/// The policy in force for a kind of record in an organization: each attribute from the nearest
/// policy that has it, on the way up the tree, one for the kind before one for all kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // as in `Policy`; a list that is `None` holds everything
pub struct Effective {
    pub recorded: Inherited<bool>,
    pub event_types: Inherited<Option<Vec<EventType>>>,
    pub custom_types: Inherited<Option<Vec<Id>>>,
    pub recorded_fields: Inherited<Option<Vec<Pattern>>>,
    pub masked_fields: Inherited<Vec<Pattern>>,
    pub dropped_fields: Inherited<Vec<Pattern>>,
    pub mask_secrets: Inherited<bool>,
    pub plain_fields: Inherited<Vec<Pattern>>,
}

impl Effective {
    /// What comes of policies, the nearest first.
    pub fn of(chain: &[&Set]) -> Self {
        fn nearest<T: Clone>(
            chain: &[&Set],
            attribute: impl Fn(&Policy) -> &Option<T>,
        ) -> Inherited<Option<T>> {
            let found = chain.iter().find_map(|set| {
                let value = attribute(&set.policy).clone()?;
                Some((value, set.organization_id.clone()))
            });
            let (value, from) = found.unzip();
            Inherited { value, from }
        }
        fn or<T>(Inherited { value, from }: Inherited<Option<T>>, default: T) -> Inherited<T> {
            Inherited { value: value.unwrap_or(default), from }
        }
        Self {
            recorded: or(nearest(chain, |p| &p.recorded), true),
            event_types: nearest(chain, |p| &p.event_types),
            custom_types: nearest(chain, |p| &p.custom_types),
            recorded_fields: nearest(chain, |p| &p.recorded_fields),
            masked_fields: or(nearest(chain, |p| &p.masked_fields), Vec::new()),
            dropped_fields: or(nearest(chain, |p| &p.dropped_fields), Vec::new()),
            mask_secrets: or(nearest(chain, |p| &p.mask_secrets), true),
            plain_fields: or(nearest(chain, |p| &p.plain_fields), Vec::new()),
        }
    }
}

/// A policy where it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// The organization, from which on down it holds.
    pub organization_id: Id,
    /// What it is for; every kind of record when it is `None`.
    pub record_type: Option<RecordType>,
    /// What was set.
    pub policy: Policy,
}

/// All policies of a tenant.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    sets: Vec<Set>,
    places: HashMap<Id, HashMap<Option<RecordType>, usize>>,
    /// The rules that come of a chain of policies, made when they are first needed.
    rules: Arc<Mutex<HashMap<Vec<usize>, Arc<Rules>>>>,
}

impl Policies {
    /// These policies, at most one for an organization and kind of record.
    pub fn new(sets: Vec<Set>) -> Self {
        let mut places: HashMap<Id, HashMap<Option<RecordType>, usize>> = HashMap::new();
        for (index, set) in sets.iter().enumerate() {
            let place = places.entry(set.organization_id.clone()).or_default();
            place.insert(set.record_type.clone(), index);
        }
        Self { sets, places, rules: Arc::default() }
    }

    /// What is set in an organization itself.
    pub fn set_in(&self, organization_id: &Id) -> Vec<&Set> {
        self.sets.iter().filter(|set| set.organization_id == *organization_id).collect()
    }

    /// The policy in force for a kind of record (or for those that have none of their own) in the
    /// first of `upward`, an organization and all above it.
    pub fn effective<'a>(
        &self,
        upward: impl Iterator<Item = &'a Id>,
        record_type: Option<&RecordType>,
    ) -> Effective {
        let chain = self.chain(upward, record_type);
        let sets: Vec<_> = chain.iter().filter_map(|index| self.sets.get(*index)).collect();
        Effective::of(&sets)
    }

    /// The same, ready to be applied to events.
    pub fn rules<'a>(
        &self,
        upward: impl Iterator<Item = &'a Id>,
        record_type: &RecordType,
    ) -> Arc<Rules> {
        let chain = self.chain(upward, Some(record_type));
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = rules.get(&chain) {
            return Arc::clone(known);
        }
        let sets: Vec<_> = chain.iter().filter_map(|index| self.sets.get(*index)).collect();
        let made = Arc::new(Rules::new(&Effective::of(&sets)));
        rules.insert(chain, Arc::clone(&made));
        made
    }

    /// The policies that hold for a kind of record in an organization, the nearest first.
    fn chain<'a>(
        &self,
        upward: impl Iterator<Item = &'a Id>,
        record_type: Option<&RecordType>,
    ) -> Vec<usize> {
        if self.sets.is_empty() {
            return Vec::new();
        }
        let places = upward.filter_map(|id| self.places.get(id));
        let record_type = record_type.cloned();
        let found = places.flat_map(|place| {
            let own = record_type.is_some().then(|| place.get(&record_type)).flatten();
            own.into_iter().chain(place.get(&None))
        });
        found.copied().collect()
    }
}

/// A policy in force, ready to be applied to events.
#[derive(Debug)]
pub struct Rules {
    recorded: bool,
    event_types: Option<Vec<EventType>>,
    custom_types: Option<Vec<Id>>,
    selection: Selection,
    mask: Mask,
}

/// What is recorded of an event's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<'a> {
    /// What changed.
    pub changes: Cow<'a, [Change]>,
    /// The URL.
    pub url: Option<Cow<'a, str>>,
    /// The metadata, as compact JSON.
    pub metadata: Option<Cow<'a, str>>,
}

impl Rules {
    /// The rules of a policy. A field that is dropped is dropped though it is masked too, and one
    /// that is masked is recorded as masked though it is not among the recorded ones.
    pub fn new(policy: &Effective) -> Self {
        Self {
            recorded: policy.recorded.value,
            event_types: policy.event_types.value.clone(),
            custom_types: policy.custom_types.value.clone(),
            selection: Selection {
                only: policy.recorded_fields.value.as_ref().map(Patterns::new),
                also: Patterns::new(&policy.masked_fields.value),
                never: Patterns::new(&policy.dropped_fields.value),
            },
            mask: Mask {
                fields: Patterns::new(&policy.masked_fields.value),
                secrets: policy.mask_secrets.value,
                plain: Patterns::new(&policy.plain_fields.value),
            },
        }
    }

    /// Whether events of this type are recorded.
    pub fn records(&self, event_type: EventType, custom_type: Option<&Id>) -> bool {
        let among = |types: &Option<Vec<Id>>, name: &Id| {
            types.as_ref().is_none_or(|types| types.contains(name))
        };
        self.recorded
            && self.event_types.as_ref().is_none_or(|types| types.contains(&event_type))
            && custom_type.is_none_or(|name| among(&self.custom_types, name))
    }

    /// The event as it is recorded; nothing of one that is not, or of an UPDATE of which no change
    /// is left.
    pub fn apply<'a>(&self, event: &'a NewEvent) -> Option<Cow<'a, NewEvent>> {
        let custom_type = event.custom_type.as_ref().map(|defined| &defined.name);
        if !self.records(event.event_type, custom_type) {
            return None;
        }
        let Kept { changes, url, metadata } = self.keep(&event.changes, &event.context);
        let is_left = !changes.is_empty() || event.changes.is_empty();
        if event.event_type == EventType::Update && !is_left {
            return None;
        }
        let is_owned = |text: &Option<Cow<'_, str>>| matches!(text, Some(Cow::Owned(_)));
        if matches!(changes, Cow::Borrowed(_)) && !is_owned(&url) && !is_owned(&metadata) {
            return Some(Cow::Borrowed(event));
        }
        let context = Context {
            url: url.map(Cow::into_owned),
            metadata: metadata.map(Cow::into_owned),
            ..event.context.clone()
        };
        Some(Cow::Owned(NewEvent { changes: changes.into_owned(), context, ..event.clone() }))
    }

    /// What is kept of an event's content. Nothing is copied that stays as it is.
    pub fn keep<'a>(&self, changes: &'a [Change], context: &'a Context) -> Kept<'a> {
        let is_touched = |c: &Change| self.selection.trims(c) || self.mask.covers(c);
        let kept = |change: &Change| {
            let mut change = change.clone();
            let is_kept = self.selection.apply(&mut change);
            is_kept.then(|| {
                self.mask.apply(&mut change);
                change
            })
        };
        Kept {
            changes: match changes.iter().any(is_touched) {
                true => Cow::Owned(changes.iter().filter_map(kept).collect()),
                false => Cow::Borrowed(changes),
            },
            url: context.url.as_deref().map(|url| {
                hide_parameters(url, |name| self.mask.hides(name) || self.selection.drops(name))
            }),
            metadata: context.metadata.as_deref().map(|text| self.keep_metadata(text)),
        }
    }

    fn keep_metadata<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.selection.never.is_empty() && !self.mask.may_cover(text) {
            return Cow::Borrowed(text);
        }
        // Only checked JSON comes here.
        let Ok(mut metadata) = Json::parse(text) else { return Cow::Borrowed(text) };
        if !self.selection.excludes_of(&metadata) && !self.mask.covers_of(&metadata) {
            return Cow::Borrowed(text);
        }
        self.selection.exclude_from(&mut metadata);
        self.mask.apply_to(&mut metadata);
        Cow::Owned(metadata.to_string())
    }
}
