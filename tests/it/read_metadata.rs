//! What a read says of itself in the log: all of it when it is short, and never more than fits.

use auditlog::domain::json::Json;
use auditlog::domain::read::{MAX_BYTES, Read, common, metadata};
use proptest::collection::vec;
use proptest::prelude::*;

fn read(field: &str, arguments: &str, count: usize) -> Read {
    let Json::Object(arguments) = Json::parse(arguments).unwrap() else { panic!("{arguments}") };
    Read { field: field.to_owned(), arguments, count, total_count: None }
}

fn told(reads: &[Read]) -> String {
    Json::Object(metadata(reads)).to_string()
}

#[test]
fn short_reads_are_told_whole() {
    let all = read("auditLog", r#"{"resource_name":"USER","first":10}"#, 7);
    let counted = Read { total_count: Some(3_000_000_000), ..read("auditLog", "{}", 0) };
    assert_eq!(
        told(&[all, counted]),
        r#"{"reads":[{"field":"auditLog","arguments":{"resource_name":"USER","first":10},"count":7},{"field":"auditLog","arguments":{},"count":0,"total_count":3000000000}]}"#
    );
}

#[test]
fn what_is_long_is_cut_where_it_is_long() {
    let ids: Vec<String> = (10_000..11_000).map(|n| format!("\"{n}\"")).collect();
    let arguments = format!(
        r#"{{"changed_field":"{}","acting_user_ids":[{}],"first":5}}"#,
        "é".repeat(5_000),
        ids.join(",")
    );
    let kept = ids[..128].join(",");
    assert_eq!(
        told(&[read("auditLog", &arguments, 5)]),
        format!(
            r#"{{"reads":[{{"field":"auditLog","arguments":{{"changed_field":"{}…","acting_user_ids":[{kept},"… and 872 more"],"first":5}},"count":5}}]}}"#,
            "é".repeat(150)
        )
    );
}

#[test]
fn reads_that_do_not_fit_are_counted() {
    let reads: Vec<Read> = (0..5_000).map(|_| read("auditLog", r#"{"first":2}"#, 2)).collect();
    let told = Json::Object(metadata(&reads));
    let Some(Json::Array(listed)) = told.get("reads") else { panic!("{told}") };
    let rest = reads.len() - listed.len();
    assert!(listed.len() > 500, "{}", listed.len());
    let further = format!(r#"{{"reads":{rest},"count":{}}}"#, rest * 2);
    assert_eq!(told.get("further").unwrap().to_string(), further);
}

#[test]
fn what_all_reads_agree_on() {
    let west = || read("auditLog", r#"{"organization_id":"west"}"#, 0);
    let east = read("auditLog", r#"{"organization_id":"east"}"#, 0);
    let all = read("auditLog", r#"{"organization_ids":["west"],"first":1}"#, 0);
    let common = |reads: &[Read]| common(reads, "organization_id").map(String::from);
    assert_eq!(common(&[]), None);
    assert_eq!(common(&[west()]).as_deref(), Some("west"));
    assert_eq!(common(&[west(), west()]).as_deref(), Some("west"));
    assert_eq!(common(&[west(), east]), None);
    assert_eq!(common(&[west(), all.clone()]), None);
    assert_eq!(common(&[all, west()]), None);
    assert_eq!(common(&[read("auditLog", r#"{"organization_id":""}"#, 0)]), None, "no id");
}

#[test]
fn values_that_are_searched_for_can_be_left_out() {
    let given = r#"{"changed_field":"ssn","value_before":"123","value_after":"456","first":1}"#;
    let withheld = r#"{"changed_field":"ssn","value_before":"[withheld]","value_after":"[withheld]","first":1}"#;
    let (given, withheld) = (read("auditLog", given, 3), read("auditLog", withheld, 3));
    assert_eq!(given.without_values(), withheld);
    assert_eq!(withheld.without_values(), withheld);
}

/// Values of every size, some far beyond what is kept.
fn values() -> impl Strategy<Value = Json> {
    let texts = prop_oneof![
        "\\PC{0,20}",
        ("[\\x01-\\x1f\"\\\\é😀a]", 0..1_500_usize).prop_map(|(text, n)| text.repeat(n)),
    ];
    let leaves = prop_oneof![
        texts.prop_map(Json::String),
        any::<i64>().prop_map(|n| Json::Number(n.to_string())),
        any::<bool>().prop_map(Json::Bool),
    ];
    leaves.prop_recursive(3, 40, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Json::Array),
            vec(inner, 0..4).prop_map(|values| {
                let member = |(n, value): (usize, Json)| (format!("key_{n}"), value);
                Json::Object(values.into_iter().enumerate().map(member).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn it_is_json_within_its_bound_and_loses_no_count(
        reads in vec((vec(values(), 0..12), 0..1_000_usize), 0..40),
    ) {
        let reads: Vec<Read> = reads
            .into_iter()
            .map(|(values, count)| {
                let named = |(n, value): (usize, Json)| (format!("argument_{n}"), value);
                let arguments = values.into_iter().enumerate().map(named).collect();
                Read { field: "auditLog".to_owned(), arguments, count, total_count: Some(9) }
            })
            .collect();
        let told = told(&reads);
        prop_assert!(told.len() <= MAX_BYTES + 100, "{}", told.len());
        let told = Json::parse(&told).unwrap();
        let number = |json: &Json, key: &str| -> usize {
            json.get(key).map_or(0, |n| n.to_string().parse().unwrap())
        };
        let Some(Json::Array(listed)) = told.get("reads") else { panic!("{told}") };
        let further = told.get("further").cloned().unwrap_or(Json::Null);
        let counts: usize = listed.iter().map(|read| number(read, "count")).sum();
        prop_assert_eq!(listed.len() + number(&further, "reads"), reads.len());
        let total: usize = reads.iter().map(|read| read.count).sum();
        prop_assert_eq!(counts + number(&further, "count"), total);
        // What is short is told as it was given.
        for (given, listed) in reads.iter().zip(listed).filter(|_| further == Json::Null) {
            let Some(Json::Object(arguments)) = listed.get("arguments") else { continue };
            for ((name, value), (listed_name, listed)) in given.arguments.iter().zip(arguments) {
                prop_assert_eq!(name, listed_name);
                prop_assert!(listed == value || value.to_string().len() > 1_024);
            }
        }
    }
}
