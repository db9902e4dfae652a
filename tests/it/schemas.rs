//! The schemas that metadata must satisfy: what they hold, what they refuse to be, what they cost.

use std::time::{Duration, Instant};

use auditlog::domain::json::Json;
use auditlog::domain::schema::{MAX_SCHEMA_BYTES, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// A schema that must be acceptable.
fn schema(text: &str) -> Schema {
    Schema::new(parse(text)).unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

/// What is wrong with a schema that must be refused.
fn refused(text: &str) -> String {
    Schema::new(parse(text)).err().unwrap_or_else(|| panic!("taken: {text}"))
}

#[test]
fn numbers_are_checked_as_they_are_written() {
    let nines = "9".repeat(400);
    let long = format!("1{}", "0".repeat(20_000));
    let tiny = format!("0.{}1", "0".repeat(20_000));
    for (of, fits, does_not) in [
        (
            r#"{"type": "integer"}"#,
            vec![
                "1",
                "1.0",
                "-0",
                "0.0",
                "1e2",
                "1.50e1",
                "100e-2",
                "1e400",
                "9007199254740993",
                &nines,
            ],
            vec!["1.5", "1e-1", "1.00000000000000000000000001", "1e-400", "\"1\"", "true", "null"],
        ),
        (
            r#"{"maximum": 9007199254740992}"#,
            vec!["9007199254740992", "9007199254740992.0", "-1e400"],
            vec!["9007199254740993", "9007199254740992.00000000000001", "1e400", &nines],
        ),
        (
            r#"{"minimum": 0.1}"#,
            vec!["0.1", "0.10", "1e-1", "0.1000000000000000000001"],
            vec!["0.0999999999999999999999", "0", "1e-400"],
        ),
        (
            r#"{"exclusiveMinimum": 18446744073709551616}"#,
            vec!["18446744073709551617", "1e400"],
            vec!["18446744073709551616", "18446744073709551615"],
        ),
        (r#"{"multipleOf": 0.01}"#, vec!["1.10", "0.07", "1070468.14", "0", "1e30"], vec!["0.075"]),
        (
            r#"{"multipleOf": 3}"#,
            vec!["3.0", "3e1", "135107988821114880000000000000"],
            vec!["1", "3.5", "135107988821114880000000000001"],
        ),
        (r#"{"const": 1}"#, vec!["1", "1.0", "10e-1"], vec!["1.0000000000000000000001", "\"1\""]),
        (
            r#"{"enum": [0.1, 1e400]}"#,
            vec!["0.1", "1e-1", "1e400"],
            vec!["0.10000000000000001", "1e401"],
        ),
        (
            r#"{"uniqueItems": true}"#,
            vec![
                "[1, 1.1, \"1\"]",
                "[1e400, 1e401]",
                "[{\"a\": 1}, {\"a\": 2}]",
                "[0, false, null, \"\"]",
            ],
            vec![
                "[1, 1.0]",
                "[100, 1e2]",
                "[0, -0.0]",
                "[1e400, 10e399]",
                "[{\"a\": 1, \"b\": 2}, {\"b\": 2, \"a\": 1.0}]",
            ],
        ),
        // Numbers that nobody would write out do not take the time of writing them out.
        (
            r#"{"type": "integer", "multipleOf": 7, "maximum": 1e1000000000, "not": {"const": 5}}"#,
            vec!["14", "-7e999999999"],
            vec!["1e999999999", "1e-999999999", "7e99999999999999999999", &long, &tiny],
        ),
    ] {
        let schema = schema(of);
        for value in fits {
            assert_eq!(schema.check(&parse(value)), Ok(()), "{of} {value}");
        }
        for value in does_not {
            assert!(schema.check(&parse(value)).is_err(), "{of} {value}");
        }
    }
}

#[test]
fn an_object_that_looks_like_a_number_to_the_parser_is_an_object() {
    let magic = parse(r#"{"$serde_json::private::Number": "7"}"#);
    assert!(schema(r#"{"type": "number"}"#).check(&magic).is_err());
    assert_eq!(schema(r#"{"type": "object"}"#).check(&magic), Ok(()));
    let only_itself = schema(r#"{"const": {"$serde_json::private::Number": "7"}}"#);
    assert_eq!(only_itself.check(&magic), Ok(()));
    assert!(only_itself.check(&parse("7")).is_err());
}

#[test]
fn a_schema_is_read_in_the_draft_it_names() {
    let tuple = |draft: &str| format!(r#"{{{draft} "items": [{{"type": "string"}}]}}"#);
    let seven = schema(&tuple(r#""$schema": "http://json-schema.org/draft-07/schema#","#));
    assert!(seven.check(&parse("[1]")).is_err());
    // In 2020-12, which is the one when none is named, a list under items is no schema.
    let mut said = refused(&tuple(""));
    let four = |uri| format!(r#"{{"$schema": {uri:?}, "type": "integer"}}"#);
    assert!(schema(&four("http://json-schema.org/draft-04/schema#")).check(&parse("1.0")).is_err());
    assert_eq!(schema(r#"{"type": "integer"}"#).check(&parse("1.0")), Ok(()));
    said += "\n";
    said += &refused(&four("https://example.com/my-draft"));
    insta::assert_snapshot!("what_is_not_read_in_the_draft", said);
}

#[test]
fn what_is_no_schema_is_refused_with_what_is_wrong() {
    let mut said: Vec<String> = [
        "true",
        "null",
        "[]",
        r#"{"type": "strin"}"#,
        r#"{"type": 5}"#,
        r#"{"properties": {"a": {"minLength": -1}}}"#,
        r#"{"properties": {"a": {"pattern": "("}}}"#,
        r#"{"required": "a"}"#,
        r#"{"$ref": "https://example.com/consent.json"}"#,
        r##"{"$ref": "https://json-schema.org/draft/2020-12/schema#"}"##,
        r#"{"$ref": "consent.json#/a"}"#,
        r#"{"$ref": "file:///etc/passwd"}"#,
        r##"{"allOf": [{"$ref": "#/$defs/a"}]}"##,
        r##"{"allOf": [{"$dynamicRef": "#nobody"}]}"##,
        r##"{"$defs": {"a": {"$id": "https://example.com/a"}}, "$ref": "#/$defs/a"}"##,
        r#"{"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}}"#,
        r#"{"$schema": 5}"#,
        // What would take more than linear time, or does not exist in it.
        r#"{"pattern": "(a)\\1"}"#,
        r#"{"pattern": "(?=a)b"}"#,
        r#"{"pattern": "(\\w{900}){900}"}"#,
    ]
    .into_iter()
    .map(|text| format!("{text}\n  {}\n", refused(text)))
    .collect();
    let large = format!(r#"{{"title": {:?}}}"#, "x".repeat(MAX_SCHEMA_BYTES));
    said.push(refused(&large));
    insta::assert_snapshot!("what_is_no_schema", said.concat());
}

#[test]
fn what_is_wrong_with_a_value_is_said_without_repeating_it() {
    let schema = schema(
        r##"{
            "type": "object",
            "properties": {
                "form": {"type": "string", "minLength": 3, "pattern": "^[A-Z]+$"},
                "signed_on": {"format": "date"},
                "by": {"$ref": "#/$defs/person"},
                "witnesses": {"type": "array", "items": {"$ref": "#/$defs/person"}, "maxItems": 2},
                "via": {"enum": ["paper", "portal"]},
                "copies": {"type": "integer", "minimum": 1},
                "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]}
            },
            "required": ["form"],
            "additionalProperties": false,
            "$defs": {"person": {"type": "object", "required": ["name"]}}
        }"##,
    );
    let mut said = String::new();
    for value in [
        json!({}),
        json!([]),
        json!({"form": "HIPAA", "secret": 1, "other": 2}),
        json!({"form": "secret"}),
        json!({"form": "A", "signed_on": "2026-02-30", "by": {}, "via": "fax", "copies": 0}),
        json!({"form": "HIPAA", "by": 5, "either": [], "copies": 1.5}),
        json!({"form": "HIPAA", "witnesses": [{}, {"name": ""}, "secret"]}),
        json!({"form": "x".repeat(100_000), "~/": 1}),
        json!({"form": "HIPAA", "witnesses": vec![json!({}); 10_000]}),
        json!({"form": null, "by": null, "witnesses": null, "via": null, "copies": null, "z": null}),
    ] {
        let problem = schema.check(&parse(&value.to_string())).unwrap_err();
        let shown = value.to_string();
        said += &format!("{}\n  {problem}\n", &shown[..shown.len().min(100)]);
    }
    insta::assert_snapshot!("what_is_wrong_with_a_value", said);
}

#[test]
fn a_schema_that_unfolds_without_end_is_refused_or_costs_a_bounded_time() {
    // Thirty definitions, each of which refers to the next one twice.
    let chain = |length: usize, of: &dyn Fn(usize) -> String| {
        let links: Vec<String> = (0..length).map(|i| format!("\"d{i}\": {}", of(i + 1))).collect();
        let last = format!("\"d{length}\": {{\"required\": [\"no\"]}}");
        format!(r##"{{"$ref": "#/$defs/d0", "$defs": {{{}, {last}}}}}"##, links.join(", "))
    };
    let twice = |i| {
        let next = format!(r##"{{"$ref": "#/$defs/d{i}"}}"##);
        format!(r#"{{"anyOf": [{next}, {next}]}}"#)
    };
    let once = |i| format!(r##"{{"$ref": "#/$defs/d{i}"}}"##);
    let circle = |i| format!(r##"{{"allOf": [{{"$ref": "#/$defs/d{i}"}}, {{"$ref": "#"}}]}}"##);
    let patterns: Vec<Value> = (0..201).map(|i| json!({"pattern": format!("a{i}")})).collect();
    let said = [
        refused(&chain(15, &twice)),
        refused(&chain(70, &once)),
        refused(&chain(20, &circle)),
        refused(&json!({"allOf": patterns}).to_string()),
    ];
    insta::assert_snapshot!("what_unfolds_too_far", said.join("\n"));
    assert!(schema(&chain(60, &once)).check(&parse("{}")).is_err());

    // One that goes round in circles: alright as long as it goes down, and never without end.
    let tree = schema(
        r##"{"properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}, "v": {"type": "integer"}}}"##,
    );
    assert_eq!(tree.check(&parse(r#"{"l": {"r": {"v": 1}}, "r": {"v": 2}}"#)), Ok(()));
    assert!(tree.check(&parse(r#"{"l": {"r": {"v": 1.5}}}"#)).is_err());
    assert_eq!(schema(r##"{"allOf": [{"$ref": "#"}]}"##).check(&parse("{}")), Ok(()));
    // At each level of the value, each of these asks twice about the next one.
    let doubled = |keyword: &str| {
        let down = r##"{"properties": {"a": {"$ref": "#"}}}"##;
        format!(r#"{{"{keyword}": [{down}, {down}], "required": ["no"]}}"#)
    };
    let deep = format!("{}1{}", r#"{"a":"#.repeat(60), "}".repeat(60));
    for text in [doubled("allOf"), doubled("anyOf"), doubled("oneOf")] {
        let start = Instant::now();
        assert!(schema(&text).check(&parse(&deep)).is_err(), "{text}");
        assert!(start.elapsed() < Duration::from_secs(10), "{text}: {:?}", start.elapsed());
    }
}

/// On a thread with half the stack of one of the server's.
#[test]
fn a_schema_as_deep_as_it_may_be_is_checked_on_a_value_as_deep_as_it_may_be() {
    let deep = |leaf: &str| format!("{}{leaf}{}", r#"{"a":"#.repeat(63), "}".repeat(63));
    let thread = std::thread::Builder::new().stack_size(1024 * 1024);
    let checked = thread.spawn(move || {
        for around in ["allOf", "anyOf", "oneOf", "then", "not"] {
            let links = (0..6).map(|i| {
                let next = format!(r##"{{"$ref": "#/$defs/d{}"}}"##, i + 1);
                match around {
                    "then" => format!(r#""d{i}": {{"if": true, "then": {next}}}, "#),
                    "not" => format!(r#""d{i}": {{"not": {next}}}, "#),
                    of_some => format!(r#""d{i}": {{"{of_some}": [{next}]}}, "#),
                }
            });
            let links: String = links.collect();
            let schema = schema(&format!(
                r##"{{"$ref": "#/$defs/d0", "$defs": {{{links} "d6": {{
                    "properties": {{"a": {{"$ref": "#/$defs/d0"}}}}, "enum": [2, {{}}],
                    "unevaluatedProperties": {{"$ref": "#/$defs/d0"}}
                }}}}}}"##
            ));
            assert!(schema.check(&parse(&deep("1"))).is_err(), "{around}");
        }
    });
    checked.unwrap().join().unwrap();
}

#[test]
fn many_problems_take_no_more_room_than_few() {
    let words: Vec<String> = (0..5_000).map(|i| format!("word{i}")).collect();
    let schema = schema(&json!({"items": {"enum": words}, "maxItems": 5}).to_string());
    let start = Instant::now();
    let problem = schema.check(&parse(&json!(vec!["no"; 100_000]).to_string())).unwrap_err();
    assert!(problem.len() < 3_000, "{}", problem.len());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

/// Values that meet and miss the schemas below about as often.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![
            "0",
            "1",
            "1.0",
            "-2",
            "2.50",
            "1e1",
            "3e-1",
            "12345678901234567890"
        ])
        .prop_map(|text| serde_json::from_str(text).unwrap()),
        prop::sample::select(vec!["", "a", "ab", "é", "2026-02-28", "x@example.com"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                prop::sample::select(vec!["a", "b", "c", "é/~"]),
                inner,
                0..4
            )
            .prop_map(|members| json!(members)),
        ]
    })
}

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop::sample::select(vec![
        json!({}),
        json!(false),
        json!({"type": "integer"}),
        json!({"type": ["string", "null"], "minLength": 1, "maxLength": 2}),
        json!({"type": "object", "required": ["a"], "maxProperties": 2}),
        json!({"const": 1}),
        json!({"enum": [1, "a", null, [], {"a": 1}, 2.5]}),
        json!({"minimum": 1, "exclusiveMaximum": 10}),
        json!({"multipleOf": 0.5}),
        json!({"pattern": "^.$"}),
        json!({"format": "date"}),
        json!({"uniqueItems": true, "minItems": 1}),
        json!({"propertyNames": {"maxLength": 1}}),
        json!({"dependentRequired": {"a": ["b"]}}),
    ]);
    leaf.prop_recursive(3, 16, 3, |inner| {
        let many = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            (prop::sample::select(vec!["allOf", "anyOf", "oneOf", "prefixItems"]), many)
                .prop_map(|(keyword, schemas)| json!({keyword: schemas})),
            (
                prop::sample::select(vec![
                    "not",
                    "items",
                    "contains",
                    "additionalProperties",
                    "unevaluatedProperties",
                    "unevaluatedItems",
                    "propertyNames",
                ]),
                inner.clone()
            )
                .prop_map(|(keyword, schema)| json!({keyword: schema, "properties": {"b": {}}})),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({
                "properties": {"a": a}, "patternProperties": {"^[bc]$": b},
            })),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| json!({"if": a, "then": b, "else": c})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Our own reading of JSON says what the library's own says.
    #[test]
    fn the_same_values_satisfy_as_by_the_library(schema in schemas(), value in values()) {
        let schema = json!({"allOf": [schema]});
        let library = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let ours = Schema::new(parse(&schema.to_string())).unwrap();
        let said = ours.check(&parse(&value.to_string()));
        prop_assert_eq!(said.is_ok(), library.is_valid(&value), "{} {}: {:?}", schema, value, said);
    }
}
