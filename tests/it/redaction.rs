//! What policies leave out and put out of sight, against a model that looks at whole paths.

use auditlog::domain::diff::{Change, Changes, WITHHELD};
use auditlog::domain::event::Context;
use auditlog::domain::json::Json;
use auditlog::domain::pattern::{Pattern, Patterns, keys};
use auditlog::domain::policy::{Effective, Policy, Rules, Set};
use auditlog::domain::redaction::Mask;
use auditlog::domain::secret::is_secret;
use proptest::prelude::*;

use crate::patterns::{Meant, meant, some_keys};
use crate::written::objects_of;

const KEYS: &[&str] = &["a", "b", "c", "a.b", "password", "headers", "authorization"];

/// A policy as its author means it.
#[derive(Debug, Clone)]
struct Intent {
    recorded: Option<Vec<Meant>>,
    masked: Vec<Meant>,
    dropped: Vec<Meant>,
    plain: Vec<Meant>,
    secrets: bool,
}

fn intents() -> impl Strategy<Value = Intent> {
    let list = || prop::collection::vec(meant(KEYS), 0..3);
    (prop::option::of(list()), list(), list(), list(), any::<bool>()).prop_map(
        |(recorded, masked, dropped, plain, secrets)| Intent {
            recorded,
            masked,
            dropped,
            plain,
            secrets,
        },
    )
}

fn any_of(patterns: &[Meant], path: &[String]) -> bool {
    patterns.iter().any(|pattern| pattern.reaches(path))
}

impl Intent {
    fn rules(&self) -> Rules {
        let patterns = |list: &[Meant]| Some(list.iter().map(Meant::pattern).collect::<Vec<_>>());
        let policy = Policy {
            recorded_fields: self.recorded.as_deref().and_then(patterns),
            masked_fields: patterns(&self.masked),
            dropped_fields: patterns(&self.dropped),
            plain_fields: patterns(&self.plain),
            mask_secrets: Some(self.secrets),
            ..Policy::default()
        };
        let organization_id = auditlog::domain::id::Id::new("acme").unwrap();
        Rules::new(&Effective::of(&[&Set { organization_id, record_type: None, policy }]))
    }

    /// Whether anything that stands at a place may be kept, but for what is below it.
    fn keeps(&self, path: &[String]) -> bool {
        let recorded = self.recorded.as_ref().is_none_or(|recorded| any_of(recorded, path));
        !any_of(&self.dropped, path) && (recorded || any_of(&self.masked, path))
    }

    fn hides(&self, path: &[String]) -> bool {
        let secret = |end: usize| {
            let above = end.checked_sub(2).map(|above| path[above].as_str());
            is_secret(above, &path[end - 1]) && !any_of(&self.plain, &path[..end])
        };
        any_of(&self.masked, path) || (self.secrets && (1..=path.len()).any(secret))
    }

    /// What is left of a value when what is not kept is left out.
    fn trimmed(&self, path: &[String], value: &Json) -> Option<Json> {
        if !path.is_empty() && any_of(&self.dropped, path) {
            return None;
        }
        let left = match value {
            Json::Object(members) => {
                let members = members.iter().filter_map(|(key, value)| {
                    Some((key.clone(), self.trimmed(&below(path, key), value)?))
                });
                Json::Object(members.collect())
            }
            Json::Array(items) => {
                Json::Array(items.iter().filter_map(|item| self.trimmed(path, item)).collect())
            }
            leaf => leaf.clone(),
        };
        let is_empty = match &left {
            Json::Object(members) => members.is_empty(),
            Json::Array(items) => items.is_empty(),
            _ => true,
        };
        (self.keeps(path) || !is_empty).then_some(left)
    }

    fn hidden(&self, path: &[String], value: &Json) -> Json {
        if !path.is_empty() && self.hides(path) {
            return Json::String(WITHHELD.to_owned());
        }
        match value {
            Json::Object(members) => {
                let member = |(k, v): &(String, Json)| (k.clone(), self.hidden(&below(path, k), v));
                Json::Object(members.iter().map(member).collect())
            }
            Json::Array(items) => {
                Json::Array(items.iter().map(|item| self.hidden(path, item)).collect())
            }
            leaf => leaf.clone(),
        }
    }

    fn change(&self, change: &Change) -> Option<Change> {
        let path: Vec<String> = keys(&change.field).map(String::from).collect();
        let trim = |side: &Json| self.trimmed(&path, side).unwrap_or(Json::Null);
        let (before, after) = (trim(&change.before), trim(&change.after));
        let is_as_it_was = [(&before, &change.before), (&after, &change.after)]
            .iter()
            .all(|(now, then)| now == then && (self.keeps(&path) || !then.is_nothing()));
        let is_none = before == after || (before.is_nothing() && after.is_nothing());
        if any_of(&self.dropped, &path) || (is_none && !is_as_it_was) {
            return None;
        }
        let (seen, then) = (self.hidden(&path, &before), self.hidden(&path, &after));
        let withheld = self.hides(&path) || seen != before || then != after;
        Some(Change { field: change.field.clone(), before: seen, after: then, withheld })
    }
}

fn below(path: &[String], key: &str) -> Vec<String> {
    [path, &[key.to_owned()]].concat()
}

fn values() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        "[xyz]".prop_map(Json::String),
        (0..3u8).prop_map(|n| Json::Number(n.to_string())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            objects_of(some_keys(KEYS), inner),
        ]
    })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let path = prop::collection::vec(some_keys(KEYS), 1..4);
    let change = (path, values(), values()).prop_map(|(path, before, after)| {
        let keys: Vec<_> = path.iter().map(|key| key.replace('.', "\\.")).collect();
        Change::new(keys.join("."), before, after)
    });
    prop::collection::vec(change, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn changes_are_kept_as_meant(intent in intents(), changes in changes()) {
        let kept = intent.rules().keep(&changes, &Context::default()).changes.into_owned();
        let model: Vec<_> = changes.iter().filter_map(|change| intent.change(change)).collect();
        prop_assert_eq!(kept, model);
    }

    #[test]
    fn metadata_is_kept_as_meant(
        intent in intents(),
        metadata in objects_of(some_keys(KEYS), values()),
    ) {
        // Which fields are recorded is said of a record's fields alone.
        let intent = Intent { recorded: None, ..intent };
        let context = Context { metadata: Some(metadata.to_string()), ..Context::default() };
        let rules = intent.rules();
        let kept = rules.keep(&[], &context).metadata.unwrap();
        let trimmed = intent.trimmed(&[], &metadata).unwrap();
        prop_assert_eq!(kept, intent.hidden(&[], &trimmed).to_string());
    }

    #[test]
    fn what_is_stored_is_masked_as_if_it_had_been_when_recorded(
        fields in prop::collection::vec(meant(KEYS), 0..3),
        changes in changes(),
    ) {
        let fields: Vec<Pattern> = fields.iter().map(Meant::pattern).collect();
        let mask = Mask { fields: Patterns::new(&fields), ..Mask::default() };
        let masked = changes.iter().cloned().map(|mut change| { mask.apply(&mut change); change });
        let masked = Changes::encode(&masked.collect::<Vec<_>>());
        let stored = mask.apply_to_stored(Changes::encode(&changes)).unwrap();
        prop_assert_eq!(&stored, &masked);
        // Again changes nothing more.
        prop_assert_eq!(mask.apply_to_stored(stored).unwrap(), masked);
    }
}

/// A change before and after the rules of a policy, in the stored form.
fn kept(policy: Policy, field: &str, before: &str, after: &str) -> String {
    let organization_id = auditlog::domain::id::Id::new("acme").unwrap();
    let rules = Rules::new(&Effective::of(&[&Set { organization_id, record_type: None, policy }]));
    let json = |text| Json::parse(text).unwrap();
    let changes = [Change::new(field.to_owned(), json(before), json(after))];
    Changes::encode(&rules.keep(&changes, &Context::default()).changes).as_str().to_owned()
}

fn fields(patterns: &[&str]) -> Option<Vec<Pattern>> {
    Some(patterns.iter().map(|text| Pattern::new(*text).unwrap()).collect())
}

#[test]
fn cases_by_hand() {
    let masked = |list| Policy { masked_fields: fields(list), ..Policy::default() };
    let dropped = |list| Policy { dropped_fields: fields(list), ..Policy::default() };
    let recorded = |list| Policy { recorded_fields: fields(list), ..Policy::default() };
    let seen = r#"["ssn","[withheld]","[withheld]",1]"#;
    // Nothing tells what was there from what was not.
    assert_eq!(kept(masked(&["ssn"]), "ssn", "null", r#""1""#), format!("[{seen}]"));
    assert_eq!(kept(masked(&["ssn"]), "ssn", r#""1""#, "null"), format!("[{seen}]"));
    // Into objects in lists.
    assert_eq!(
        kept(masked(&["contacts.ssn"]), "contacts", r#"[{"n":1,"ssn":2}]"#, r#"[{"ssn":null}]"#),
        r#"[["contacts",[{"n":1,"ssn":"[withheld]"}],[{"ssn":"[withheld]"}],1]]"#
    );
    // What is left of a change may be none.
    assert_eq!(kept(dropped(&["a.b"]), "a", r#"[{"b":1}]"#, r#"[{"b":2}]"#), "[]");
    assert_eq!(
        kept(recorded(&["a.c"]), "a", r#"[{"b":1,"c":3},7]"#, r#"[{"b":2,"c":4}]"#),
        r#"[["a",[{"c":3}],[{"c":4}]]]"#
    );
    assert_eq!(kept(recorded(&["a"]), "b", "1", "2"), "[]");
    // Dropped wins over masked, masked over recorded.
    let all = Policy {
        recorded_fields: fields(&["status"]),
        masked_fields: fields(&["ssn", "note"]),
        dropped_fields: fields(&["note"]),
        ..Policy::default()
    };
    assert_eq!(kept(all.clone(), "ssn", "1", "2"), format!("[{seen}]"));
    assert_eq!(kept(all.clone(), "note", "1", "2"), "[]");
    assert_eq!(kept(all.clone(), "status", "1", "2"), r#"[["status",1,2]]"#);
    assert_eq!(kept(all, "other", "1", "2"), "[]");
    // Secrets without being told, and an exception.
    let plain = Policy { plain_fields: fields(&["design.token"]), ..Policy::default() };
    assert_eq!(kept(plain.clone(), "design.token", "1", "2"), r#"[["design.token",1,2]]"#);
    assert_eq!(
        kept(plain, "other.token", "1", "2"),
        r#"[["other.token","[withheld]","[withheld]",1]]"#
    );
}

#[test]
fn what_is_stored_without_a_flag_is_read_as_before() {
    let stored = Changes::stored(r#"[["a",1,"x"],["b","[withheld]","[withheld]",1]]"#.to_owned());
    let shown: Vec<_> =
        stored.shown().unwrap().into_iter().map(|c| (c.field, c.withheld)).collect();
    assert_eq!(shown, [("a".to_owned(), false), ("b".to_owned(), true)]);
}
