//! The laws of `domain::json`: JSON is kept as it was written, and what no database holds is refused.

use auditlog::domain::json::{Json, MAX_DEPTH};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::property::cases;
use crate::written::{shuffled, texts, values, write};

/// Alike to the last digit and in the order of keys, which `==` does not ask for.
fn spelled(value: &Json) -> String {
    format!("{value:?}")
}

fn parsed(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn refusal(text: &str) -> String {
    match Json::parse(text) {
        Ok(value) => panic!("{text} was read as {value:?}"),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn what_was_written_is_what_is_read(
        value in values(texts().boxed()),
        choices in prop::collection::vec(any::<u8>(), 1..60),
    ) {
        let mut text = String::new();
        write(&value, &mut choices.into_iter().cycle(), &mut text);
        prop_assert_eq!(spelled(&parsed(&text)), spelled(&value));
        prop_assert_eq!(spelled(&parsed(&value.to_string())), spelled(&value));
    }

    #[test]
    fn the_order_of_keys_does_not_matter_to_equality(
        value in values(texts().boxed()),
        order in prop::collection::vec(any::<Index>(), 6),
    ) {
        let other = shuffled(&value, &order);
        prop_assert_eq!(&value, &other);
        prop_assert_eq!(value.canonical(), other.canonical());
        prop_assert_eq!(parsed(&value.canonical()), value);
    }

    #[test]
    fn two_values_are_equal_when_their_canonical_texts_are(
        keys in prop::collection::vec(texts(), 1..3),
        index in any::<Index>(),
        (a, b) in (values(Just("a".to_owned()).boxed()), values(Just("a".to_owned()).boxed())),
    ) {
        prop_assert_eq!(a == b, a.canonical() == b.canonical());
        let key = index.get(&keys).clone();
        let (a, b) = (Json::Object(vec![(key.clone(), a)]), Json::Object(vec![(key, b)]));
        prop_assert_eq!(a == b, a.canonical() == b.canonical());
    }

    #[test]
    fn no_text_makes_it_panic_or_answer_at_length(text in any::<String>()) {
        if let Err(error) = Json::parse(&text) {
            prop_assert!(error.to_string().len() < 200, "{}", error);
        }
    }

    #[test]
    fn no_alteration_makes_it_panic(
        value in values(texts().boxed()),
        (at, character) in (any::<Index>(), any::<char>()),
    ) {
        let mut text: Vec<char> = value.to_string().chars().collect();
        *at.get_mut(&mut text) = character;
        let text = String::from_iter(text);
        if let Ok(read) = Json::parse(&text) {
            prop_assert_eq!(spelled(&parsed(&read.to_string())), spelled(&read));
        }
    }
}

#[test]
fn numbers_are_equal_only_when_written_alike() {
    for (a, b) in [("1.10", "1.1"), ("1E5", "100000"), ("1e5", "1E5"), ("-0", "0"), ("1", "1.0")] {
        assert_ne!(parsed(a), parsed(b));
        assert_ne!(parsed(a).canonical(), parsed(b).canonical());
        assert_eq!(parsed(a), parsed(a));
    }
    assert_ne!(parsed("1"), parsed(r#""1""#));
}

#[test]
fn the_keys_of_serde_jsons_own_tricks_are_only_keys() {
    for text in [
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"$serde_json::private::RawValue":"[1]"}"#,
        r#"[{"$serde_json::private::Number":"not a number","b":2}]"#,
    ] {
        assert_eq!(parsed(text).to_string(), text);
    }
}

#[test]
fn a_value_is_shown_as_text() {
    let shown = |text| parsed(text).into_shown();
    assert_eq!(shown("null"), None);
    assert_eq!(shown(r#""a \"b\"""#).as_deref(), Some("a \"b\""));
    assert_eq!(shown(r#""""#).as_deref(), Some(""));
    assert_eq!(shown(" 1.10 ").as_deref(), Some("1.10"));
    assert_eq!(
        shown(r#"[ 1, {"b" : null, "a": "x"} ]"#).as_deref(),
        Some(r#"[1,{"b":null,"a":"x"}]"#)
    );
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "tru",
        "{",
        "}",
        "[1,]",
        "[1 2]",
        r#"{"a":1,}"#,
        r#"{"a"}"#,
        "{a:1}",
        "'a'",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "NaN",
        "Infinity",
        "0x1",
        "1_000",
        "1 2",
        "\u{feff}1",
        "\"a",
        "\"\t\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "// 1\n1",
        "[1]]",
        "\u{a0}1",
    ] {
        let message = refusal(text);
        assert!(message.starts_with("it is not valid JSON: "), "{message}");
        assert!(!message.contains(" line "), "{message}");
    }
}

#[test]
fn what_no_database_holds_is_refused_and_the_message_says_where() {
    let zero = "it holds U+0000, which no database can store as text";
    let half = "it holds half of a surrogate pair, which is not a character";
    let twice = r#"the key "a" stands in the same object twice"#;
    for (text, message) in [
        (r#""\u0000""#, zero.to_owned()),
        (r#"{"\u0000":1}"#, zero.to_owned()),
        (r#"{"b":[0,{"a\u0000":1}]}"#, format!(r#"at "b[1]": {zero}"#)),
        (r#"{"b":{"c":["x\u0000"]}}"#, format!(r#"at "b.c[0]": {zero}"#)),
        (r#""\ud83d""#, half.to_owned()),
        (r#""\ud83dx""#, half.to_owned()),
        (r#""\ud83d\n""#, half.to_owned()),
        (r#""\ud83d\u0041""#, half.to_owned()),
        (r#""\ud83d\ud83d""#, half.to_owned()),
        (r#""\ude00""#, half.to_owned()),
        (r#""\ude00\ud83d""#, half.to_owned()),
        (r#"{"a":{"\ude00":1}}"#, format!(r#"at "a": {half}"#)),
        (r#"{"\ud83d":1}"#, half.to_owned()),
        (r#"{"a":1,"a":1}"#, twice.to_owned()),
        (r#"{"a":1,"b":2,"\u0061":3}"#, twice.to_owned()),
        (r#"[[{"x":{"a":{},"a":null}}]]"#, format!(r#"at "[0][0].x": {twice}"#)),
    ] {
        assert_eq!(refusal(text), message, "{text}");
    }
    assert_eq!(parsed(r#""\ud83d\ude00""#).into_shown().as_deref(), Some("😀"));
}

#[test]
fn it_nests_to_the_limit_and_no_deeper() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":"#, "}]")] {
        let levels = open.matches(['[', '{']).count();
        let nested = |times| format!("{}1{}", open.repeat(times), close.repeat(times));
        let deepest = nested(MAX_DEPTH / levels);
        assert_eq!(parsed(&deepest).to_string(), deepest);
        let message = refusal(&format!("[{deepest}]"));
        assert!(message.ends_with("it nests more than 64 levels deep"), "{message}");
    }
    assert_eq!(MAX_DEPTH, 64);
}

#[test]
fn a_megabyte_of_anything_is_answered() {
    const SIZE: usize = 1024 * 1024;
    assert_eq!(refusal(&"[".repeat(SIZE)), "it is not valid JSON: EOF while parsing a list");
    for text in [
        "[".repeat(100_000) + &"]".repeat(100_000),
        r#"{"a":"#.repeat(20_000) + "1" + &"}".repeat(20_000),
    ] {
        assert!(refusal(&text).ends_with("it nests more than 64 levels deep"));
    }
    let digits = "7".repeat(SIZE);
    assert_eq!(parsed(&digits).to_string(), digits);
    let members: Vec<String> = (0..100_000).map(|i| format!(r#""{i}":{i}"#)).collect();
    let reversed: Vec<String> = members.iter().rev().cloned().collect();
    let object = |members: &[String]| parsed(&format!("{{{}}}", members.join(",")));
    assert_eq!(object(&members), object(&reversed));
    assert_ne!(object(&members), object(&members[1..]));
}

#[test]
fn a_message_stays_short_whatever_the_keys() {
    for key in ["x".repeat(500_000), "\u{10ffff}".repeat(100_000), r"\u0001".repeat(80_000)] {
        for text in [
            format!(r#"{{"{key}":{{"{key}":"\u0000"}}}}"#),
            format!(r#"{{"{key}":1,"{key}":1}}"#),
            format!(r#"{{"{key}\u0000":1}}"#),
            format!(r#"{{"{key}":{}{}}}"#, "[".repeat(70), "]".repeat(70)),
        ] {
            let message = refusal(&text);
            assert!(message.len() < 3_000, "{} bytes", message.len());
        }
    }
}
