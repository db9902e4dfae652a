//! Fields whose values not everybody who may read the log may read.

use std::collections::HashMap;

use super::diff::Change;
use super::event::{Context, Event};
use super::json::Json;
use super::pattern::{Pattern, Patterns};
use super::policy::RecordType;
use super::redaction::Mask;

/// The sensitive fields of all kinds of record of a tenant.
#[derive(Debug, Clone, Default)]
pub struct SensitiveFields {
    fields: Vec<(Option<RecordType>, Vec<Pattern>)>,
    /// What each kind hides that has fields of its own, and (under `None`) what every other one does.
    masks: HashMap<Option<RecordType>, Mask>,
}

impl SensitiveFields {
    /// These fields, each list for one kind of record, or for all.
    pub fn new(fields: Vec<(Option<RecordType>, Vec<Pattern>)>) -> Self {
        let all = || fields.iter().filter(|(kind, _)| kind.is_none()).flat_map(|(_, list)| list);
        let masks = fields.iter().map(|(kind, own)| {
            let fields = Patterns::new(all().chain(own));
            (kind.clone(), Mask { fields, ..Mask::default() })
        });
        let masks = masks.collect();
        Self { fields, masks }
    }

    /// The lists as they were set.
    pub fn lists(&self) -> &[(Option<RecordType>, Vec<Pattern>)] {
        &self.fields
    }

    /// The fields that were set for a kind of record, or for all.
    pub fn of(&self, record_type: Option<&RecordType>) -> &[Pattern] {
        let found = self.fields.iter().find(|(kind, _)| kind.as_ref() == record_type);
        found.map_or(&[], |(_, fields)| fields)
    }

    /// What hides the sensitive fields of a kind of record; nothing when it has none.
    pub fn mask(&self, record_type: &RecordType) -> Option<&Mask> {
        if self.masks.is_empty() {
            return None;
        }
        let own = self.masks.get(&Some(record_type.clone()));
        own.or_else(|| self.masks.get(&None)).filter(|mask| !mask.is_empty())
    }

    /// An event as somebody reads it who may not read sensitive values. Fails only when storage was
    /// tampered with.
    pub fn hide(&self, event: Event) -> Result<Event, String> {
        let Some(mask) = self.mask(&event.record_type()) else { return Ok(event) };
        let changes = mask.apply_to_stored(event.changes)?;
        // What this server says of its own notes there is no field of the record.
        let is_own = event.event_type.is_reserved();
        let metadata = match event.context.metadata {
            Some(text) if !is_own => {
                let mut metadata = Json::parse(&text).map_err(|error| error.to_string())?;
                mask.apply_to(&mut metadata);
                Some(metadata.to_string())
            }
            own => own,
        };
        Ok(Event { changes, context: Context { metadata, ..event.context }, ..event })
    }

    /// In which kinds of record a change would be hidden, or a part of its values.
    pub fn hiding(&self, change: &Change) -> Hiding {
        let is_hidden = |mask: &Mask| mask.covers(change);
        if self.masks.get(&None).is_some_and(is_hidden) {
            return Hiding::InAll;
        }
        let hidden = self.masks.iter().filter(|(_, mask)| is_hidden(mask));
        let mut kinds: Vec<RecordType> = hidden.filter_map(|(kind, _)| kind.clone()).collect();
        kinds.sort_unstable();
        Hiding::In(kinds)
    }
}

/// The kinds of record in which something is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hiding {
    /// All of them.
    InAll,
    /// These.
    In(Vec<RecordType>),
}
