//! Leaving parts of a record out, and putting values out of sight.
//!
//! Both go down a record key by key: in the names of changes, in their values (where a whole object or
//! a list was kept as one value), and in `metadata`. What has nothing for them to do is not copied.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::diff::{Change, Changes, WITHHELD};
use super::json::Json;
use super::pattern::{Patterns, Reach, keys};
use super::secret::{is_secret, may_hold_secret};

/// Which fields of a record are kept.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// These and no others; all of them when it is `None`.
    pub only: Option<Patterns>,
    /// These too.
    pub also: Patterns,
    /// These never.
    pub never: Patterns,
}

/// How far down a record a selection has got.
struct Selected {
    only: Reach,
    also: Reach,
    never: Reach,
}

impl Selection {
    /// Whether it leaves out something of a change, or all of it.
    pub fn trims(&self, change: &Change) -> bool {
        if self.only.is_none() && self.never.is_empty() {
            return false;
        }
        self.down(&change.field)
            .is_none_or(|at| !self.keeps(&at, &change.before) || !self.keeps(&at, &change.after))
    }

    /// Leaves out of a change what is not kept; whether any change is left.
    pub fn apply(&self, change: &mut Change) -> bool {
        if !self.trims(change) {
            return true;
        }
        let Some(at) = self.down(&change.field) else { return false };
        let Change { before, after, .. } = change;
        for side in [&mut *before, &mut *after] {
            if !self.prune(&at, side) {
                *side = Json::Null;
            }
        }
        before != after && !(before.is_nothing() && after.is_nothing())
    }

    /// Whether a record's field with this name is never kept.
    pub fn drops(&self, name: &str) -> bool {
        !self.never.is_empty() && self.never.under(&self.never.record(), name).is_whole()
    }

    /// Whether an object has a field that is never kept.
    pub fn excludes_of(&self, object: &Json) -> bool {
        !self.never.is_empty() && !self.keeps(&self.all(), object)
    }

    /// Leaves the fields that are never kept out of an object.
    pub fn exclude_from(&self, object: &mut Json) {
        self.prune(&self.all(), object);
    }

    fn record(&self) -> Selected {
        Selected {
            only: self.only.as_ref().map_or(Reach::Whole, Patterns::record),
            also: self.also.record(),
            never: self.never.record(),
        }
    }

    /// As if every field were kept but those that never are.
    fn all(&self) -> Selected {
        Selected { only: Reach::Whole, also: Reach::Nothing, never: self.never.record() }
    }

    /// Under a key; nothing when all of that is left out.
    fn under(&self, at: &Selected, key: &str) -> Option<Selected> {
        let only = self.only.as_ref().map_or(Reach::Whole, |only| only.under(&at.only, key));
        let next = Selected {
            only: if at.only.is_whole() { Reach::Whole } else { only },
            also: self.also.under(&at.also, key),
            never: self.never.under(&at.never, key),
        };
        let is_out = next.never.is_whole() || (next.only.is_nothing() && next.also.is_nothing());
        (!is_out).then_some(next)
    }

    fn down(&self, field: &str) -> Option<Selected> {
        keys(field).try_fold(self.record(), |at, key| self.under(&at, &key))
    }

    /// Whether a value stays as it is.
    fn keeps(&self, at: &Selected, value: &Json) -> bool {
        match value {
            Json::Object(members) if !members.is_empty() => members
                .iter()
                .all(|(key, value)| self.under(at, key).is_some_and(|at| self.keeps(&at, value))),
            Json::Array(items) if !items.is_empty() => {
                items.iter().all(|item| self.keeps(at, item))
            }
            _ => at.is_kept(),
        }
    }

    /// Leaves out of a value what is not kept; whether anything is left.
    fn prune(&self, at: &Selected, value: &mut Json) -> bool {
        match value {
            Json::Object(members) => {
                members.retain_mut(|(key, value)| {
                    self.under(at, key).is_some_and(|at| self.prune(&at, value))
                });
                at.is_kept() || !members.is_empty()
            }
            Json::Array(items) => {
                items.retain_mut(|item| self.prune(at, item));
                at.is_kept() || !items.is_empty()
            }
            _ => at.is_kept(),
        }
    }
}

impl Selected {
    /// Whether what has no fields of its own is kept here.
    const fn is_kept(&self) -> bool {
        self.only.is_whole() || self.also.is_whole()
    }
}

/// Which values are put out of sight.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    /// Those of these fields.
    pub fields: Patterns,
    /// Those whose keys are named like secrets …
    pub secrets: bool,
    /// … but for these fields.
    pub plain: Patterns,
}

/// How far down a record a mask has got.
struct Seen<'a> {
    fields: Reach,
    plain: Reach,
    key: Option<Cow<'a, str>>,
}

impl Mask {
    /// Whether it puts nothing out of sight.
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.secrets
    }

    /// Whether all of a record's field with this name is put out of sight.
    pub fn hides(&self, name: &str) -> bool {
        !self.is_empty() && self.under(&self.record(), Cow::Borrowed(name)).is_none()
    }

    /// Whether a change holds something to put out of sight.
    pub fn covers(&self, change: &Change) -> bool {
        !self.is_empty()
            && self
                .down(&change.field)
                .is_none_or(|at| self.finds(&at, &change.before) || self.finds(&at, &change.after))
    }

    /// Puts what a change holds of it out of sight. Where the field itself is meant, both sides read
    /// the same, even one where there was nothing.
    pub fn apply(&self, change: &mut Change) {
        let Change { field, before, after, withheld } = change;
        *withheld |= match self.down(field) {
            None => {
                (*before, *after) = (out_of_sight(), out_of_sight());
                true
            }
            Some(at) => self.hide(&at, before) | self.hide(&at, after),
        };
    }

    /// The same for changes in their stored form. Fails only when storage was tampered with.
    pub fn apply_to_stored(&self, changes: Changes) -> Result<Changes, String> {
        let parts = changes.parts().map_err(|error| error.to_string())?;
        let (mut masked, mut is_touched) = (Changes::none(), false);
        for part in parts {
            let is_withheld = part.withheld();
            // Only an object or a list has something inside it.
            let is_leaf = |value: &RawValue| !value.get().starts_with(['{', '[']);
            let is_plain = is_leaf(part.before) && is_leaf(part.after);
            if is_plain && self.down(&part.field).is_some() {
                masked.push(&part.field, part.before, part.after, is_withheld);
                continue;
            }
            let value = |text: &RawValue| Json::parse(text.get()).map_err(|e| e.to_string());
            let (before, after) = (value(part.before)?, value(part.after)?);
            let mut change = Change { field: part.field, before, after, withheld: is_withheld };
            is_touched |= self.covers(&change);
            self.apply(&mut change);
            masked.push(&change.field, change.before, change.after, change.withheld);
        }
        Ok(if is_touched { masked } else { changes })
    }

    /// Whether an object, as compact JSON, may hold something to put out of sight, at a glance.
    pub fn may_cover(&self, object: &str) -> bool {
        !self.fields.is_empty() || (self.secrets && may_hold_secret(object))
    }

    /// Whether an object holds something to put out of sight.
    pub fn covers_of(&self, object: &Json) -> bool {
        !self.is_empty() && self.finds(&self.record(), object)
    }

    /// Puts what an object holds of it out of sight.
    pub fn apply_to(&self, object: &mut Json) {
        self.hide(&self.record(), object);
    }

    fn record(&self) -> Seen<'static> {
        Seen { fields: self.fields.record(), plain: self.plain.record(), key: None }
    }

    /// Under a key; nothing when all of that is out of sight.
    fn under<'a>(&self, at: &Seen<'_>, key: Cow<'a, str>) -> Option<Seen<'a>> {
        let fields = self.fields.under(&at.fields, &key);
        let plain = self.plain.under(&at.plain, &key);
        let is_out = fields.is_whole()
            || (self.secrets && !plain.is_whole() && is_secret(at.key.as_deref(), &key));
        (!is_out).then_some(Seen { fields, plain, key: Some(key) })
    }

    fn down<'a>(&self, field: &'a str) -> Option<Seen<'a>> {
        keys(field).try_fold(self.record(), |at, key| self.under(&at, key))
    }

    fn finds(&self, at: &Seen<'_>, value: &Json) -> bool {
        match value {
            Json::Object(members) => members.iter().any(|(key, value)| {
                self.under(at, Cow::Borrowed(key)).is_none_or(|at| self.finds(&at, value))
            }),
            Json::Array(items) => items.iter().any(|item| self.finds(at, item)),
            _ => false,
        }
    }

    fn hide(&self, at: &Seen<'_>, value: &mut Json) -> bool {
        match value {
            Json::Object(members) => members.iter_mut().fold(false, |is_touched, (key, value)| {
                let hidden = match self.under(at, Cow::Borrowed(key)) {
                    Some(at) => self.hide(&at, value),
                    None => {
                        *value = out_of_sight();
                        true
                    }
                };
                is_touched | hidden
            }),
            Json::Array(items) => {
                items.iter_mut().fold(false, |is_touched, item| is_touched | self.hide(at, item))
            }
            _ => false,
        }
    }
}

fn out_of_sight() -> Json {
    Json::String(WITHHELD.to_owned())
}
