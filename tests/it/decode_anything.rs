//! The event decoder, given whatever: it answers, in few words.

use auditlog::domain::event::NewEvent;
use auditlog::ingest::Batch;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::scan::cut_up;
use crate::support::property::cases;

/// Events of every kind, good and bad, to be cut up.
fn corpus() -> Vec<String> {
    [
        r#"{"id": "evt-1", "organization_id": "clinic-7", "acting_user_id": "12345", "type": "UPDATE",
            "resource_name": "APPOINTMENT", "resource_id": "543",
            "occurred_at": "2026-10-02T09:30:00-04:00",
            "before": {"pm_status": "Confirmed", "length": 30, "address": {"city": "Rom", "a.b": [1]}},
            "after": {"pm_status": "Rescheduled", "length": 1e400, "address": null},
            "ip_address": "203.0.113.9", "user_agent": "…", "url": "https://…", "page": "Calendar",
            "description": "…", "request_id": "…", "metadata": {"any": "JSON object"}}"#,
        r#"{"organization_id":"a","type":"CREATE","resource_name":"TASK","resource_id":"1","after":{"a":[[[[]]]]}}"#,
        r#"{"organization_id":"a","type":"DESTROY","resource_name":"TASK","resource_id":"1","before":{}}"#,
        r#"{"organization_id":"a","type":"CUSTOM","custom_type":"x","resource_name":"CUSTOM",
            "custom_resource":"y","resource_id":"1","changes":[{"field":"f","before":-0.0,"after":"\ud83c\udfe5"}]}"#,
        r#"{"organization_id":"a","type":"SIGN_IN_FAILED","resource_name":"USER","resource_id":"\u0000",
            "outcome":"FAILURE","purpose":"TREAT","occurred_at":"0001-01-01"}"#,
        r#"{"a":1,"a":2}"#,
        "[]",
        "null",
        "",
        "\u{feff}{}",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn soup() -> impl Strategy<Value = String> {
    let signs = vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        ",",
        ":",
        "1",
        "-",
        ".",
        "e",
        "null",
        "true",
        "\"type\":",
        "\"before\":",
        "\"changes\":",
        "\"CREATE\"",
        " ",
        "\n",
        "\u{e9}",
        "\u{1f3e5}",
        "\"organization_id\":\"a\"",
        "9999999999999999999999",
    ];
    let run = (select(signs), 1..6_usize).prop_map(|(sign, times)| sign.repeat(times));
    vec(run, 0..60).prop_map(|runs| runs.concat())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn whatever_it_is_given_it_answers_in_few_words(
        text in prop_oneof![3 => cut_up(corpus()), 1 => soup(), 1 => any::<String>()],
    ) {
        if let Err(message) = NewEvent::parse(&text) {
            prop_assert!(!message.is_empty() && message.len() < 4_000, "{}", message);
        }
        // As a batch it is as long as it has lines, or no batch.
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        prop_assert_eq!(Batch::from_ndjson(text.as_bytes()).unwrap().len(), lines);
        drop(Batch::from_json(text.as_bytes()));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused(bytes in vec(any::<u8>(), 0..200)) {
        let is_text = std::str::from_utf8(&bytes).is_ok();
        prop_assert_eq!(Batch::from_ndjson(&bytes).is_ok(), is_text);
    }
}

#[test]
fn what_nests_without_end_is_refused() {
    for depth in [64, 65, 100, 10_000, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let value = format!("{}{}{}", open.repeat(depth), "1", close.repeat(depth));
            let event = format!(
                r#"{{"organization_id":"a","type":"UPDATE","resource_name":"TASK","resource_id":"1","metadata":{{"a":{value}}}}}"#
            );
            assert!(NewEvent::parse(&event).is_err(), "{depth}");
        }
    }
}
