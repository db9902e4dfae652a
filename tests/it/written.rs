//! JSON values and their spellings, for properties over all of them.

use std::collections::BTreeSet;

use auditlog::domain::json::Json;
use proptest::prelude::*;
use proptest::sample::Index;

/// Numbers in every spelling JSON has.
pub fn numbers() -> impl Strategy<Value = Json> {
    let odd = prop::sample::select(vec![
        "0",
        "-0",
        "-0.0",
        "1.1",
        "1.10",
        "1E5",
        "1e5",
        "1e+5",
        "1E-05",
        "100000",
        "0.10",
        "1e999999999",
        "123456789012345678901234567890.123",
    ]);
    let any = "-?(0|[1-9][0-9]{0,200})(\\.[0-9]{1,200})?([eE][+-]?[0-9]{1,9})?";
    prop_oneof![odd.prop_map(str::to_owned), any].prop_map(Json::Number)
}

/// Any text but U+0000, with the characters that JSON or UTF-16 treat on their own.
pub fn texts() -> impl Strategy<Value = String> {
    let special = "\"\\/\u{1}\u{8}\t\n\u{c}\r\u{1f}\u{7f}\u{85}é\u{d7ff}\u{e000}\u{feff}\u{ffff}";
    let special: Vec<char> =
        special.chars().chain(['\u{10000}', '😀', '\u{10ffff}', '.']).collect();
    let character = prop_oneof![prop::sample::select(special), any::<char>()]
        .prop_map(|c| if c == '\0' { ' ' } else { c });
    prop::collection::vec(character, 0..12).prop_map(String::from_iter)
}

/// Any value, its objects keyed by `keys`.
pub fn values(keys: impl Strategy<Value = String> + Clone + 'static) -> BoxedStrategy<Json> {
    let leaves = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        numbers(),
        texts().prop_map(Json::String),
    ];
    let any = leaves.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            objects_of(keys.clone(), inner),
        ]
    });
    any.boxed()
}

/// Objects with these members, no key twice, in any order.
pub fn objects_of(
    keys: impl Strategy<Value = String>,
    values: impl Strategy<Value = Json>,
) -> impl Strategy<Value = Json> {
    prop::collection::vec((keys, values), 0..6).prop_map(|mut members| {
        let mut seen = BTreeSet::new();
        members.retain(|(key, _)| seen.insert(key.clone()));
        Json::Object(members)
    })
}

/// Writes a value as JSON text, with spaces and escapes as `choices` have it.
pub fn write(value: &Json, choices: &mut impl Iterator<Item = u8>, out: &mut String) {
    const SPACES: [&str; 6] = ["", "", " ", "\n", "\t", "\r\n "];
    let space = |choice: Option<u8>| SPACES[usize::from(choice.unwrap()) % SPACES.len()];
    out.push_str(space(choices.next()));
    match value {
        Json::String(text) => write_text(text, choices, out),
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                write(item, choices, out);
            }
            out.push_str(space(choices.next()));
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (i, (key, value)) in members.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                out.push_str(space(choices.next()));
                write_text(key, choices, out);
                out.push_str(space(choices.next()));
                out.push(':');
                write(value, choices, out);
            }
            out.push_str(space(choices.next()));
            out.push('}');
        }
        Json::Null => out.push_str("null"),
        Json::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Json::Number(text) => out.push_str(text),
    }
    out.push_str(space(choices.next()));
}

fn write_text(text: &str, choices: &mut impl Iterator<Item = u8>, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        let short = "\"\"\\\\//\u{8}b\u{c}f\nn\rr\tt".chars().collect::<Vec<_>>();
        let short = short.chunks(2).find(|pair| pair[0] == c).map(|pair| pair[1]);
        let must = c < ' ' || c == '"' || c == '\\';
        match (choices.next().unwrap() % 4, short) {
            (0 | 1, _) if !must => out.push(c),
            (0..=2, Some(short)) => out.extend(['\\', short]),
            (3, _) => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|u| *out += &format!("\\u{u:04X}"))
            }
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|u| *out += &format!("\\u{u:04x}")),
        }
    }
    out.push('"');
}

/// The same value with the members of every object in another order.
pub fn shuffled(value: &Json, order: &[Index]) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.iter().map(|v| shuffled(v, order)).collect()),
        Json::Object(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(k, v)| (k.clone(), shuffled(v, order))).collect();
            for (i, index) in (0..members.len()).zip(order) {
                let other = index.index(members.len());
                members.swap(i, other);
            }
            Json::Object(members)
        }
        leaf => leaf.clone(),
    }
}
