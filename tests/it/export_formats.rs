//! The formats of an export: what is written can be read back, and a spreadsheet takes none of it for
//! a formula.

use auditlog::domain::json::Json;
use auditlog::export::{FORMATS, Format, csv};
use proptest::option;
use proptest::prelude::*;

fn csv() -> Format {
    Format::named("csv").unwrap()
}

/// A reader of RFC 4180, from its grammar alone.
pub fn records(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut record = Vec::new();
        loop {
            let cell = if let Some(quoted) = rest.strip_prefix('"') {
                let mut cell = String::new();
                rest = quoted;
                loop {
                    let (before, after) = rest.split_once('"').expect("the quote ends");
                    cell.push_str(before);
                    match after.strip_prefix('"') {
                        Some(more) => {
                            cell.push('"');
                            rest = more;
                        }
                        None => {
                            rest = after;
                            break cell;
                        }
                    }
                }
            } else {
                let end = rest.find([',', '\r', '\n', '"']).expect("the record ends");
                let (cell, after) = rest.split_at(end);
                rest = after;
                cell.to_owned()
            };
            record.push(cell);
            if let Some(more) = rest.strip_prefix(',') {
                rest = more;
            } else {
                rest = rest.strip_prefix("\r\n").expect("a record ends with CR LF");
                break;
            }
        }
        records.push(record);
    }
    records
}

#[test]
fn an_event_in_each_format() {
    let event = Json::parse(
        r#"{"id": "x1", "sequence": "12", "external_id": null, "type": "UPDATE",
            "resource_name": "APPOINTMENT", "resource_id": "543", "outcome": "SUCCESS",
            "occurred_at": "2026-10-02T13:30:00Z", "recorded_at": "2026-10-02T13:30:00.5Z",
            "acting_user": {"id": "7", "full_name": "Ann \"Annie\" Doe"}, "organization": null,
            "resource_changes": [{"field": "length", "value_before_change": "30", "value_after_change": null}],
            "description": "=1+1, he said", "metadata": {"n": 1.10}}"#,
    )
    .unwrap();
    let mut all = String::new();
    for format in FORMATS {
        let Format { name, media_type, head, event: write } = format;
        all.push_str(&format!("{name} ({media_type})\n{}{}\n", head(), write(&event)));
    }
    insta::assert_snapshot!("an_event_in_each_format", all.replace('\r', "␍"));
}

#[test]
fn a_format_is_known_by_its_name_or_its_media_type() {
    let name = |format: Option<Format>| format.map(|format| format.name);
    assert_eq!(name(Format::named("csv")), Some("csv"));
    assert_eq!(name(Format::named("CSV")), None);
    assert_eq!(name(Format::named("xlsx")), None);
    assert_eq!(name(Format::accepted("text/csv")), Some("csv"));
    assert_eq!(name(Format::accepted("text/html, application/x-ndjson;q=0.9")), Some("ndjson"));
    assert_eq!(name(Format::accepted("Text/CSV; charset=utf-8")), Some("csv"));
    assert_eq!(name(Format::accepted("*/*")), None);
    assert_eq!(name(Format::accepted("")), None);
}

/// Text with all that means something to CSV or to a spreadsheet.
fn texts() -> impl Strategy<Value = String> {
    let signs = "[=+\\-@'\\t\\r\\n\",;|a1 é😀]{0,12}";
    prop_oneof![signs, "\\PC{0,30}"]
}

fn member(key: &str, text: Option<String>) -> (String, Json) {
    (key.to_owned(), text.map_or(Json::Null, Json::String))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_cell_is_read_back_and_none_is_a_formula(
        description in option::of(texts()),
        page in option::of(texts()),
        user in texts(),
        changed in texts(),
    ) {
        let changes = Json::Array(vec![Json::Object(vec![member("field", Some(changed))])]);
        let event = Json::Object(vec![
            member("description", description.clone()),
            member("page", page.clone()),
            ("acting_user".to_owned(), Json::Object(vec![member("full_name", Some(user.clone()))])),
            ("resource_changes".to_owned(), changes.clone()),
        ]);
        let text = format!("{}{}", (csv().head)(), (csv().event)(&event));
        let records = records(&text);
        prop_assert_eq!(records.len(), 2);
        prop_assert_eq!(records[0].len(), csv::COLUMNS.len());
        prop_assert_eq!(records[1].len(), csv::COLUMNS.len());
        for (name, cell) in records[0].iter().zip(&records[1]) {
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{:?}", cell);
            let read = cell.strip_prefix('\'').unwrap_or(cell);
            let expected = match name.as_str() {
                "description" => description.clone().unwrap_or_default(),
                "page" => page.clone().unwrap_or_default(),
                "acting_user_name" => user.clone(),
                "resource_changes" => changes.to_string(),
                _ => String::new(),
            };
            prop_assert_eq!(read, expected, "{}", name);
        }
        let ndjson = Format::named("ndjson").unwrap();
        let line = (ndjson.event)(&event);
        prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
        prop_assert_eq!(Json::parse(&line).unwrap(), event);
    }
}
