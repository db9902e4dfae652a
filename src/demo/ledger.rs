//! What people did to which records, and how each of those deeds looks as an audit event.
//!
//! Stories enter deeds in any order. Playing the ledger puts them in the order of time, carries
//! every record's state along, and takes the value before each change from that state: so a
//! record's history is coherent however stories interleave.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::request::Request;
use super::rng::SplitMix64;

/// A record of the audited application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) resource_name: &'static str,
    pub(super) id: String,
    pub(super) organization_id: &'static str,
}

/// An event without its id, in the fields of the recording contract.
pub(super) type Event = Map<String, Value>;

enum Deed {
    Create(Value),
    /// An event of this type that changes the record: by a JSON merge patch (RFC 7396), except that
    /// null is a value like any other.
    Change(&'static str, Value),
    /// An event of this type that leaves the record as it is: it was looked at, say, or what was
    /// tried failed.
    Touch(&'static str),
    Destroy,
}

struct Entry {
    request: Request,
    record: Record,
    deed: Deed,
}

#[derive(Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    states: BTreeMap<Record, Value>,
}

impl Ledger {
    /// A record from before the time the ledger covers.
    pub(super) fn assume(&mut self, record: &Record, state: Value) {
        self.states.insert(record.clone(), state);
    }

    pub(super) fn create(&mut self, request: &Request, record: &Record, state: Value) {
        self.enter(request, record, Deed::Create(state));
    }

    pub(super) fn update(&mut self, request: &Request, record: &Record, patch: Value) {
        self.change(request, record, "UPDATE", patch);
    }

    pub(super) fn change(
        &mut self,
        request: &Request,
        record: &Record,
        event_type: &'static str,
        patch: Value,
    ) {
        self.enter(request, record, Deed::Change(event_type, patch));
    }

    pub(super) fn touch(&mut self, request: &Request, record: &Record, event_type: &'static str) {
        self.enter(request, record, Deed::Touch(event_type));
    }

    pub(super) fn destroy(&mut self, request: &Request, record: &Record) {
        self.enter(request, record, Deed::Destroy);
    }

    fn enter(&mut self, request: &Request, record: &Record, deed: Deed) {
        self.entries.push(Entry { request: request.clone(), record: record.clone(), deed });
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.entries.iter().map(|entry| &entry.request)
    }

    /// The events from `start` to `end`, oldest first; what was entered first wins a tie.
    /// Deeds that cannot be or change nothing leave no event.
    pub(super) fn play(
        mut self,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        rng: &mut SplitMix64,
    ) -> Vec<Event> {
        self.entries.sort_by_key(|entry| entry.request.at);
        let mut events = Vec::new();
        for entry in self.entries {
            let shown = (start..=end).contains(&entry.request.at.to_utc());
            // What happened before the start is played all the same: later events build on it.
            if let Some(change) = change(&entry, &mut self.states, rng)
                && shown
            {
                events.push(event(entry, change));
            }
        }
        events
    }
}

/// Does the deed to the record's state, and says what changed: the event's `type` and values.
fn change(
    entry: &Entry,
    states: &mut BTreeMap<Record, Value>,
    rng: &mut SplitMix64,
) -> Option<Value> {
    match (&entry.deed, states.entry(entry.record.clone())) {
        (Deed::Create(state), Slot::Vacant(slot)) => {
            slot.insert(state.clone());
            Some(json!({"type": "CREATE", "after": state}))
        }
        (Deed::Change(event_type, patch), Slot::Occupied(mut slot)) => {
            update(slot.get_mut(), event_type, patch, rng)
        }
        (Deed::Touch(event_type), Slot::Occupied(_)) => Some(json!({"type": event_type})),
        (Deed::Destroy, Slot::Occupied(slot)) => {
            Some(json!({"type": "DESTROY", "before": slot.remove()}))
        }
        _ => None,
    }
}

/// Applications differ in how they tell a change, and the demo shows all three ways: the fields
/// that were touched, the record as a whole, or a list of changes.
fn update(
    state: &mut Value,
    event_type: &str,
    patch: &Value,
    rng: &mut SplitMix64,
) -> Option<Value> {
    let mut changes = Vec::new();
    list_changes(state, patch, "", &mut changes);
    if changes.is_empty() {
        return None;
    }
    let before = state.clone();
    merge(state, patch);
    Some(match rng.below(10) {
        0..5 => json!({
            "type": event_type,
            "before": touched(&before, patch),
            "after": touched(state, patch),
        }),
        5..7 => json!({"type": event_type, "before": before, "after": state}),
        _ => json!({"type": event_type, "changes": changes}),
    })
}

/// The fields of `state` that `patch` names.
fn touched(state: &Value, patch: &Value) -> Value {
    let fields = patch.as_object().into_iter().flat_map(Map::keys);
    fields.filter_map(|field| Some((field.clone(), state.get(field)?.clone()))).collect()
}

fn merge(state: &mut Value, patch: &Value) {
    match (state, patch) {
        (Value::Object(fields), Value::Object(patch)) => {
            for (field, value) in patch {
                merge(fields.entry(field.clone()).or_insert(Value::Null), value);
            }
        }
        (state, patch) => *state = patch.clone(),
    }
}

/// Every leaf of `patch` that differs from `state`, its path in dots.
fn list_changes(state: &Value, patch: &Value, path: &str, changes: &mut Vec<Value>) {
    let Value::Object(fields) = patch else {
        if state != patch {
            changes.push(json!({"field": path, "before": state, "after": patch}));
        }
        return;
    };
    for (field, value) in fields {
        let state = state.get(field).unwrap_or(&Value::Null);
        if path.is_empty() {
            list_changes(state, value, field, changes);
        } else {
            list_changes(state, value, &format!("{path}.{field}"), changes);
        }
    }
}

fn event(entry: Entry, change: Value) -> Event {
    let Request { at, acting_user, context } = entry.request;
    let mut event = context;
    event.insert("acting_user_id".into(), acting_user.map(|user| user.id).into());
    event.insert("occurred_at".into(), at.to_rfc3339_opts(SecondsFormat::Millis, false).into());
    event.insert("organization_id".into(), entry.record.organization_id.into());
    event.insert("resource_name".into(), entry.record.resource_name.into());
    event.insert("resource_id".into(), entry.record.id.into());
    if let Value::Object(change) = change {
        event.extend(change);
    }
    event
}
