//! The laws of `domain::diff`, against a model made from the contract's words alone.

use std::collections::{BTreeMap, BTreeSet};

use auditlog::domain::diff::{Change, Changes, diff, shown_as_json};
use auditlog::domain::json::{Json, MAX_DEPTH};
use proptest::prelude::*;
use proptest::sample::select;

use crate::written::{numbers, objects_of};

type Path = Vec<String>;

/// The model: the leaves of both sides by path; a leaf that stands where the other side has an
/// object is compared whole; leaves that read the same are no change.
fn model(before: Option<&Json>, after: Option<&Json>) -> Vec<(String, String, String)> {
    let (before, after) = (before.unwrap_or(&Json::Null), after.unwrap_or(&Json::Null));
    let (old, new) = (leaves(before), leaves(after));
    let mut places = BTreeSet::new();
    for (path, other) in old.iter().map(|p| (p, &new)).chain(new.iter().map(|p| (p, &old))) {
        let prefixes = (0..path.len()).map(|end| path[..end].to_vec());
        let whole = prefixes.into_iter().find(|prefix| other.contains(prefix));
        places.insert(whole.unwrap_or_else(|| path.clone()));
    }
    let changes = places.into_iter().map(|path| {
        let field = path.iter().map(|key| key.replace('.', "\\.")).collect::<Vec<_>>().join(".");
        (field, plain(at(before, &path)), plain(at(after, &path)))
    });
    let mut changes: Vec<_> = changes.filter(|(_, before, after)| before != after).collect();
    changes.sort();
    changes
}

/// The paths of all that is neither null nor an object.
fn leaves(value: &Json) -> BTreeSet<Path> {
    match value {
        Json::Null => BTreeSet::new(),
        Json::Object(members) => {
            let below = |(key, value): &(String, Json)| {
                let key = key.clone();
                leaves(value).into_iter().map(move |path| [vec![key.clone()], path].concat())
            };
            members.iter().flat_map(below).collect()
        }
        _ => BTreeSet::from([Path::new()]),
    }
}

fn at<'a>(value: &'a Json, path: &[String]) -> &'a Json {
    path.iter().fold(value, |value, key| value.get(key).unwrap_or(&Json::Null))
}

/// A text for what `==` must tell apart, and nothing else.
fn plain(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(inner).collect::<String>()),
        Json::Object(members) if members.is_empty() => plain(&Json::Null),
        other => inner(other),
    }
}

fn inner(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().map(|(k, v)| (k, inner(v))).collect();
            format!("{members:?}")
        }
        Json::Array(_) => plain(value),
        leaf => format!("{leaf:?},"),
    }
}

fn found(changes: &[Change]) -> Vec<(String, String, String)> {
    let mut found: Vec<_> = changes
        .iter()
        .map(|change| (change.field.clone(), plain(&change.before), plain(&change.after)))
        .collect();
    found.sort();
    found
}

/// Few keys and values, so that the two sides meet.
fn records(keys: &'static [&'static str]) -> impl Strategy<Value = Option<Json>> + Clone {
    let text = |t: &str| Json::String(t.to_owned());
    let few = ["1", "1.0", "1.1", "1.10"].map(|n| Json::Number(n.to_owned())).to_vec();
    let leaves = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        select(few),
        numbers(),
        select(vec![text(""), text("1"), text("x")]),
    ];
    let keys = select(keys).prop_map(str::to_owned);
    let inner = leaves.prop_recursive(4, 30, 5, {
        let keys = keys.clone();
        move |inner| {
            prop_oneof![
                1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
                3 => objects_of(keys.clone(), inner),
            ]
        }
    });
    let inner = inner.boxed();
    prop::option::weighted(0.9, objects_of(keys, inner).boxed())
}

/// Two records: unrelated, or the second one like the first except for some members.
fn pairs(keys: &'static [&'static str]) -> impl Strategy<Value = (Option<Json>, Option<Json>)> {
    (records(keys), records(keys), any::<bool>()).prop_map(|(before, other, related)| {
        let after = match (&before, other) {
            (Some(before), Some(other)) if related => Some(overlaid(before, &other)),
            (_, other) => other,
        };
        (before, after)
    })
}

fn overlaid(below: &Json, above: &Json) -> Json {
    let (Json::Object(below), Json::Object(above)) = (below, above) else {
        return above.clone();
    };
    let mut members: Vec<_> = above.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (key, value) in below {
        match members.iter_mut().find(|(k, _)| k == key) {
            Some((_, member)) => *member = overlaid(value, member),
            None => members.push((key.clone(), value.clone())),
        }
    }
    Json::Object(members)
}

/// Sets what stands at a path, making objects on the way.
fn set(value: &mut Json, path: &[String], to: Json) {
    let Some((key, rest)) = path.split_first() else {
        *value = to;
        return;
    };
    if !matches!(value, Json::Object(_)) {
        *value = Json::Object(Vec::new());
    }
    let Json::Object(members) = value else { unreachable!() };
    if members.iter().all(|(k, _)| k != key) {
        members.push((key.clone(), Json::Null));
    }
    let member = members.iter_mut().find(|(k, _)| k == key);
    set(&mut member.unwrap().1, rest, to);
}

/// The path a field's name stands for, when no key of it has a backslash.
fn path(field: &str) -> Path {
    let hidden = field.replace("\\.", "\0");
    hidden.split('.').map(|key| key.replace('\0', ".")).collect()
}

const KEYS: &[&str] = &[
    "",
    ".",
    "Z",
    "a",
    "a!",
    "a.b",
    "b",
    "é",
    "\u{e000}",
    "\u{ffff}",
    "\u{10000}",
    "a\\",
    "\\",
    "\"",
];
const PLAIN_KEYS: &[&str] = &["", ".", "..", "Z", "a", "a!", "a.b", "b", "\u{ffff}", "\u{10000}"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_finds_what_the_contract_says(pair in pairs(KEYS)) {
        let (before, after) = (pair.0.as_ref(), pair.1.as_ref());
        prop_assert_eq!(found(&diff(before, after)), model(before, after));
    }

    #[test]
    fn equal_sides_are_no_change(record in records(KEYS)) {
        prop_assert_eq!(diff(record.as_ref(), record.as_ref()), vec![]);
    }

    #[test]
    fn swapping_the_sides_swaps_the_values((before, after) in pairs(KEYS)) {
        let forth = diff(before.as_ref(), after.as_ref());
        let mut back = diff(after.as_ref(), before.as_ref());
        back.iter_mut().for_each(|c| std::mem::swap(&mut c.before, &mut c.after));
        prop_assert_eq!(forth, back);
    }

    #[test]
    fn fields_come_each_once_in_the_order_of_code_points((before, after) in pairs(PLAIN_KEYS)) {
        let changes = diff(before.as_ref(), after.as_ref());
        let fields: Vec<Vec<char>> = changes.iter().map(|c| c.field.chars().collect()).collect();
        prop_assert!(fields.is_sorted_by(|a, b| a < b), "{:?}", fields);
    }

    #[test]
    fn fields_are_in_order_even_where_backslashes_make_names_meet((before, after) in pairs(KEYS)) {
        let changes = diff(before.as_ref(), after.as_ref());
        prop_assert!(changes.is_sorted_by_key(|c| c.field.chars().collect::<Vec<_>>()));
    }

    #[test]
    fn applying_the_changes_to_before_gives_after((before, after) in pairs(PLAIN_KEYS)) {
        let mut record = before.clone().unwrap_or(Json::Null);
        for change in diff(before.as_ref(), after.as_ref()) {
            prop_assert_eq!(plain(at(&record, &path(&change.field))), plain(&change.before));
            set(&mut record, &path(&change.field), change.after);
        }
        prop_assert_eq!(diff(Some(&record), after.as_ref()), vec![]);
    }

    #[test]
    fn what_is_stored_is_shown_as_text((before, after) in pairs(KEYS)) {
        let changes = diff(before.as_ref(), after.as_ref());
        let stored = Changes::encode(&changes);
        let (parts, shown) = (stored.parts().unwrap(), stored.shown().unwrap());
        prop_assert_eq!(shown.len(), changes.len());
        for ((part, shown), change) in parts.iter().zip(shown).zip(changes) {
            for (value, shown) in [(part.before, &shown.before), (part.after, &shown.after)] {
                let as_json = shown.as_ref().map(|text| serde_json::to_string(text).unwrap());
                prop_assert_eq!(shown_as_json(value), as_json);
            }
            prop_assert_eq!(shown.field, change.field);
            prop_assert_eq!(shown.before, change.before.into_shown());
            prop_assert_eq!(shown.after, change.after.into_shown());
        }
    }
}

/// The changes between two JSON texts, `-` for an absent side: `field: before -> after`.
fn lines(before: &str, after: &str) -> Vec<String> {
    let side = |text: &str| (text != "-").then(|| Json::parse(text).unwrap());
    let changes = diff(side(before).as_ref(), side(after).as_ref());
    changes.iter().map(|c| format!("{}: {} -> {}", c.field, c.before, c.after)).collect()
}

#[test]
fn cases_by_hand() {
    let cases: &[(&str, &str, &[&str])] = &[
        // Nested objects, down to the leaves.
        (
            r#"{"a":{"city":"X","zip":1},"n":1}"#,
            r#"{"n":1,"a":{"zip":2,"city":"X"}}"#,
            &["a.zip: 1 -> 2"],
        ),
        ("-", r#"{"b":{"c":1,"a":null,"d":{}},"a":2}"#, &["a: null -> 2", "b.c: null -> 1"]),
        (r#"{"b":{"c":{"d":true}}}"#, "-", &["b.c.d: true -> null"]),
        (r#"{"a":{"b":1}}"#, r#"{"a":null}"#, &["a.b: 1 -> null"]),
        // Lists whole, whatever is in them; the order of keys in them does not matter.
        (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, &["a: [1,2] -> [2,1]"]),
        (r#"{"a":[{"x":1,"y":[{"p":1,"q":2}]}]}"#, r#"{"a":[{"y":[{"q":2,"p":1}],"x":1}]}"#, &[]),
        (r#"{"a":[{"x":null}]}"#, r#"{"a":[{}]}"#, &[r#"a: [{"x":null}] -> [{}]"#]),
        (r#"{"a":[]}"#, r#"{}"#, &["a: [] -> null"]),
        (r#"{"a":[1]}"#, r#"{"a":{"0":1}}"#, &[r#"a: [1] -> {"0":1}"#]),
        // An object and something that is none: whole.
        (r#"{"a":{"b":1,"c":2}}"#, r#"{"a":"x"}"#, &[r#"a: {"b":1,"c":2} -> "x""#]),
        (r#"{"a":7}"#, r#"{"a":{"b":{"c":1}}}"#, &[r#"a: 7 -> {"b":{"c":1}}"#]),
        (r#"{"a":7}"#, r#"{"a":{"b":null}}"#, &[r#"a: 7 -> {"b":null}"#]),
        (r#"{"a":7}"#, r#"{"a":{}}"#, &["a: 7 -> null"]),
        // Absent, null and an empty object are the same.
        ("-", "{}", &[]),
        ("-", "null", &[]),
        ("null", "{}", &[]),
        ("-", r#"{"a":null,"b":{},"c":{"d":{"e":null}}}"#, &[]),
        (r#"{"a":{"b":null}}"#, r#"{"a":{"b":{}}}"#, &[]),
        (r#"{"a":""}"#, r#"{"a":null}"#, &[r#"a: "" -> null"#]),
        (r#"{"a":false}"#, "{}", &["a: false -> null"]),
        (r#"{"a":0}"#, "{}", &["a: 0 -> null"]),
        // Numbers as they were written.
        (r#"{"a":1.10}"#, r#"{"a":1.1}"#, &["a: 1.10 -> 1.1"]),
        (r#"{"a":1E5}"#, r#"{"a":100000}"#, &["a: 1E5 -> 100000"]),
        (r#"{"a":1e5}"#, r#"{"a":1E5}"#, &["a: 1e5 -> 1E5"]),
        (r#"{"a":-0}"#, r#"{"a":0}"#, &["a: -0 -> 0"]),
        (r#"{"a":[1.0]}"#, r#"{"a":[1]}"#, &["a: [1.0] -> [1]"]),
        (r#"{"a":12345678901234567890.10}"#, r#"{"a":12345678901234567890.10}"#, &[]),
        // A dot inside a key is written `\.`; keys may be empty.
        (r#"{"a.b":{"c.":1}}"#, "-", &[r"a\.b.c\.: 1 -> null"]),
        (r#"{"a":{"b":1},"a.b":2}"#, "-", &["a.b: 1 -> null", r"a\.b: 2 -> null"]),
        (r#"{"":1}"#, "-", &[": 1 -> null"]),
        (
            r#"{"":{"":1,"a":2},"a":{"":3}}"#,
            "-",
            &[".: 1 -> null", ".a: 2 -> null", "a.: 3 -> null"],
        ),
        // By code point of the whole name, not by UTF-16 and not key by key.
        (
            r#"{"é":1,"z":1,"Z":1,"😀":1,"\uffff":1,"e\u0301":1}"#,
            "-",
            &[
                "Z: 1 -> null",
                "e\u{301}: 1 -> null",
                "z: 1 -> null",
                "é: 1 -> null",
                "\u{ffff}: 1 -> null",
                "😀: 1 -> null",
            ],
        ),
        (
            r#"{"a":{"b":1},"a!":1,"a0":1}"#,
            "-",
            &["a!: 1 -> null", "a.b: 1 -> null", "a0: 1 -> null"],
        ),
    ];
    for (before, after, expected) in cases {
        assert_eq!(lines(before, after), *expected, "{before} to {after}");
    }
}

#[test]
fn it_goes_down_to_the_limit_of_nesting() {
    let nested =
        |leaf: u8| format!("{}{leaf}{}", r#"{"k":"#.repeat(MAX_DEPTH), "}".repeat(MAX_DEPTH));
    let field = vec!["k"; MAX_DEPTH].join(".");
    assert_eq!(lines(&nested(1), &nested(2)), [format!("{field}: 1 -> 2")]);
    assert_eq!(lines(&nested(1), "-"), [format!("{field}: 1 -> null")]);
}
