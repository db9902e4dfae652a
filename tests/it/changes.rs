//! What changed, as an event gives it to be recorded: two states, or a list.

use auditlog::domain::diff::Changes;
use auditlog::domain::event::NewEvent;
use insta::assert_snapshot;

use crate::decode::{accepted, refused};

/// The changes as a reader sees them, `field: before -> after`.
pub fn shown(event: &NewEvent) -> Vec<String> {
    let shown = Changes::encode(&event.changes).shown().unwrap();
    shown.iter().map(|c| format!("{}: {:?} -> {:?}", c.field, c.before, c.after)).collect()
}

#[test]
fn what_changed_is_given_one_way_and_as_the_type_allows() {
    let (old, new) = (("before", r#"{"a":1}"#), ("after", r#"{"a":2}"#));
    let list = ("changes", r#"[{"field":"a","before":1,"after":2}]"#);
    let (create, destroy) = (("type", r#""CREATE""#), ("type", r#""DESTROY""#));
    let both = "give what changed as before and after or as changes, not both";
    for given in [&[old, list][..], &[new, list], &[old, new, list], &[old, ("changes", "[]")]] {
        assert_eq!(refused(given), both);
    }
    for given in [&[create, old][..], &[create, old, new], &[create, list]] {
        assert_eq!(refused(given), "a CREATE has only after: there was nothing before it");
    }
    for given in [&[destroy, new][..], &[destroy, old, new], &[destroy, list]] {
        assert_eq!(refused(given), "a DESTROY has only before: there is nothing after it");
    }
    let one_sided = |side| format!(r#"[{{"field":"a","{side}":1}}]"#);
    let (appears, vanishes) = (one_sided("after"), one_sided("before"));
    // Absent, null and an empty object are the same.
    for nothing in ["null", "{}"] {
        for (given, change) in [
            (&[create, ("before", nothing), new][..], r#"a: None -> Some("2")"#),
            (&[destroy, old, ("after", nothing)], r#"a: Some("1") -> None"#),
            (&[create, ("changes", &appears), ("before", nothing)], r#"a: None -> Some("1")"#),
            (&[destroy, ("changes", &vanishes), ("after", nothing)], r#"a: Some("1") -> None"#),
            (&[("before", nothing), new], r#"a: None -> Some("2")"#),
            (&[old, ("after", nothing)], r#"a: Some("1") -> None"#),
        ] {
            assert_eq!(shown(&accepted(given)), [change]);
        }
    }
}

#[test]
fn given_changes_keep_their_order_and_their_values() {
    let list = r#"[{"field":"z","before":1.10,"after":"x"},{"after":{"b":[1, 2]},"field":"a"},
                   {"field":"z","before":null,"after":""},{"field":"","before":true}]"#;
    assert_eq!(
        shown(&accepted(&[("changes", list)])),
        [
            r#"z: Some("1.10") -> Some("x")"#,
            r#"a: None -> Some("{\"b\":[1,2]}")"#,
            r#"z: None -> Some("")"#,
            r#": Some("true") -> None"#,
        ]
    );
    let refused = |list| refused(&[("changes", list)]);
    assert_snapshot!(refused("{}"), @"changes must be a list, not an object");
    assert_snapshot!(refused(r#"["a"]"#), @"changes[0] must be an object, not a string");
    assert_snapshot!(refused(r#"[{"field":"a"},{"before":1}]"#), @"changes[1] has no field");
    assert_snapshot!(refused(r#"[{"field":null}]"#), @"changes[0] has no field");
    assert_snapshot!(
        refused(r#"[{"field":1}]"#),
        @"changes[0] field must be a string, not a number"
    );
    assert_snapshot!(
        refused(r#"[{"field":"a","old":1}]"#),
        @"changes[0] has a key other than field, before and after"
    );
}

/// A key is part of the name of every field below it: unlimited, this one event of less than a
/// megabyte would be changes of 15 GB.
#[test]
fn a_long_key_above_many_fields_is_refused_before_it_fills_the_memory() {
    let many: Vec<String> = (0..50_000).map(|i| format!(r#""{i}":1"#)).collect();
    let many = format!("{{{}}}", many.join(","));
    let wide = format!(r#"{{"{}":{many}}}"#, "x".repeat(300_000));
    for side in ["before", "after"] {
        let message = format!("{side} has keys too long for the many fields below them");
        assert_eq!(refused(&[(side, &wide)]), message);
    }
    // Long keys, many fields and deep nesting are no trouble by themselves.
    let long = format!(r#"{{"{}":{{"a":1}}}}"#, "x".repeat(300_000));
    let deep = r#"{"a key of thirty characters...":"#.repeat(63) + "1" + &"}".repeat(63);
    let usual = ["patient", "insurance", "policies", "primary", "holder", "postal_address"];
    let usual = usual.iter().rfold(many.clone(), |inner, key| format!("{{{key:?}:{inner}}}"));
    for (given, fields) in [(many, 50_000), (long, 1), (deep, 1), (usual, 50_000)] {
        assert_eq!(accepted(&[("after", &given)]).changes.len(), fields);
    }
}
