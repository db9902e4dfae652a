//! The laws of fingerprints, which make recording idempotent: equal for the same content, however it
//! was written, and for no other.

use std::collections::BTreeSet;

use auditlog::domain::event::NewEvent;
use auditlog::domain::json::Json;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::written::shuffled;

/// All that can be given, each key with two different values.
const FIELDS: [(&str, &str, &str); 14] = [
    ("organization_id", r#""clinic-7""#, r#""clinic-8""#),
    ("acting_user_id", r#""1""#, "null"),
    ("type", r#""UPDATE""#, r#""CREATE""#),
    ("resource_name", r#""USER""#, r#""TASK""#),
    ("resource_id", r#""543""#, r#""544""#),
    ("occurred_at", r#""2026-10-02T09:30:00Z""#, r#""2026-10-02T09:30:00.000001Z""#),
    ("after", r#"{"a":1.10,"b":[{"x":1,"y":2}]}"#, r#"{"a":1.1,"b":[{"x":1,"y":2}]}"#),
    ("ip_address", r#""203.0.113.9""#, r#""203.0.113.8""#),
    ("user_agent", r#""a""#, r#""""#),
    ("url", r#""a""#, "null"),
    ("page", r#""a""#, r#""b""#),
    ("description", r#""a""#, r#""A""#),
    ("request_id", r#""a""#, r#""a ""#),
    ("metadata", r#"{"a":1,"b":{"c":1E5,"d":2}}"#, r#"{"a":1,"b":{"c":1e5,"d":2}}"#),
];

fn text(members: &[(&str, &str)]) -> String {
    let members: Vec<_> = members.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn fingerprint(text: &str) -> Vec<u8> {
    NewEvent::parse(text).unwrap_or_else(|problem| panic!("{problem}: {text}")).fingerprint()
}

/// The event with the first value of each field, or the second of those that `changed` names.
fn event(changed: impl Fn(usize) -> bool) -> String {
    let choose = |(i, (key, one, other)): (usize, &(_, _, _))| {
        (*key, if changed(i) { *other } else { *one })
    };
    text(&FIELDS.iter().enumerate().map(choose).collect::<Vec<(&str, &str)>>())
}

/// An event whose texts are so alike that they would run together if nothing kept them apart.
fn alike() -> impl Strategy<Value = String> {
    let context = ["user_agent", "url", "page", "description", "request_id"];
    let texts = prop::collection::vec(select(vec!["null", r#""""#, r#""a""#, r#""aa""#]), 5);
    let sides = select(vec!["null", r#""a""#, "1", "{}"]);
    let change = (select(vec![r#""""#, r#""a""#]), sides.clone(), sides);
    (texts, prop::collection::vec(change, 0..3)).prop_map(move |(texts, changes)| {
        let changes = changes.iter().map(|(field, before, after)| {
            text(&[("field", field), ("before", before), ("after", after)])
        });
        let changes = format!("[{}]", changes.collect::<Vec<_>>().join(","));
        let required = FIELDS[..5].iter().map(|(key, value, _)| (*key, *value));
        let members = required.chain(context.into_iter().zip(texts));
        text(&members.chain([("changes", &*changes)]).collect::<Vec<_>>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_order_of_keys_does_not_matter_at_any_depth(
        order in prop::collection::vec(any::<Index>(), FIELDS.len()),
        spaces in "[ \t\r\n]{0,3}",
    ) {
        let written = event(|_| false);
        let other = shuffled(&Json::parse(&written).unwrap(), &order).to_string();
        prop_assert_eq!(fingerprint(&format!("{spaces}{other}{spaces}")), fingerprint(&written));
    }

    #[test]
    fn any_other_content_has_another(
        changed in any::<[bool; FIELDS.len()]>(),
        also in prop::collection::btree_set(0..FIELDS.len(), 0..3),
    ) {
        let one = event(|i| changed[i]);
        let other = event(|i| changed[i] != also.contains(&i));
        prop_assert_eq!(fingerprint(&one) == fingerprint(&other), also.is_empty());
    }

    #[test]
    fn texts_never_run_together(a in alike(), b in alike()) {
        let same = NewEvent::parse(&a) == NewEvent::parse(&b);
        prop_assert_eq!(fingerprint(&a) == fingerprint(&b), same, "{} {}", a, b);
    }
}

#[test]
fn every_field_counts() {
    let one_changed = (0..FIELDS.len()).map(|changed| event(move |i| i == changed));
    let all = one_changed.chain([event(|_| false)]).map(|text| fingerprint(&text));
    assert_eq!(all.collect::<BTreeSet<_>>().len(), FIELDS.len() + 1);
}

#[test]
fn the_id_it_is_filed_under_does_not_count() {
    let with = |id| event(|_| false).replacen('{', &format!(r#"{{"id":{id},"#), 1);
    assert_eq!(fingerprint(&with(r#""evt-1""#)), fingerprint(&with(r#""evt-2""#)));
    assert_eq!(fingerprint(&with(r#""evt-1""#)), fingerprint(&event(|_| false)));
}

#[test]
fn the_same_content_said_otherwise_is_the_same() {
    let required = FIELDS[..5].iter().map(|(key, value, _)| (*key, *value)).collect::<Vec<_>>();
    let with = |more: &[(&str, &str)]| fingerprint(&text(&[&required, more].concat()));
    type Members<'a> = &'a [(&'a str, &'a str)];
    let pairs: &[(Members<'_>, Members<'_>)] = &[
        // What changed, computed or given.
        (
            &[("before", r#"{"b":1,"a":{"c":2}}"#), ("after", r#"{"a":{"c":3},"b":1.0}"#)],
            &[(
                "changes",
                r#"[{"field":"a.c","before":2,"after":3},{"after":1.0,"before":1,"field":"b"}]"#,
            )],
        ),
        (&[("before", r#"{"a":1}"#), ("after", r#"{"a":1}"#)], &[("changes", "[]")]),
        (&[("before", r#"{"a":1,"b":2}"#), ("after", r#"{"a":1}"#)], &[("before", r#"{"b":2}"#)]),
        // Absent, null and an empty object.
        (&[("before", "{}"), ("after", r#"{"a":1,"b":null}"#)], &[("after", r#"{"a":1}"#)]),
        (&[("url", "null"), ("metadata", "null"), ("occurred_at", "null")], &[]),
        // The same moment, the same address, the same string.
        (
            &[("occurred_at", r#""2026-10-02T09:30:00-04:00""#)],
            &[("occurred_at", r#""2026-10-02T13:30:00.0000001Z""#)],
        ),
        (&[("ip_address", r#""2001:DB8::0:1""#)], &[("ip_address", r#""2001:db8::1""#)]),
        (&[("page", r#""\u00e9\/""#)], &[("page", r#""é/""#)]),
        (&[("metadata", r#"{ "a" : "\u0041" }"#)], &[("metadata", r#"{"a":"A"}"#)]),
    ];
    for (one, other) in pairs {
        assert_eq!(with(one), with(other), "{one:?} and {other:?}");
    }
}

#[test]
fn the_order_of_given_changes_counts() {
    let required = FIELDS[..5].iter().map(|(key, value, _)| (*key, *value)).collect::<Vec<_>>();
    let with = |list| fingerprint(&text(&[&required[..], &[("changes", list)]].concat()));
    let one_way = with(r#"[{"field":"a","after":1},{"field":"b","after":2}]"#);
    assert_ne!(one_way, with(r#"[{"field":"b","after":2},{"field":"a","after":1}]"#));
}
