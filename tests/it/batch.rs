//! A request's body made into events: what is counted, what is refused, and under which index.

use std::collections::HashMap;

use auditlog::domain::event::MAX_EVENT_BYTES;
use auditlog::error::{Code, Error, Result};
use auditlog::ingest::{self, Batch, MAX_EVENTS};
use insta::assert_snapshot;

use crate::support::{On, TestClock, TestDatabase};

const GOOD: &str =
    r#"{"organization_id":"clinic-7","type":"CREATE","resource_name":"TASK","resource_id":"1"}"#;
/// What becomes of a good event where no organization is known: it came as far as it could.
const UNKNOWN: &str =
    r#"NOT_FOUND: organization_id "clinic-7" names no organization that you may record for"#;

/// What becomes of each event of a batch where no organization is known.
async fn problems(batch: Batch) -> Vec<String> {
    let events = batch.len();
    let store = TestDatabase::new(On::Sqlite).await;
    let store = store.store(TestClock::new().clock()).await;
    let (appended, problems) = ingest::import(&store, &HashMap::new(), batch).await.unwrap();
    assert_eq!(appended.recorded, 0);
    assert!(problems.iter().map(|problem| problem.index).eq(0..events));
    problems.into_iter().map(|p| format!("{}: {}", p.code.as_str(), p.message)).collect()
}

fn refusal(batch: Result<Batch>) -> (Code, String) {
    match batch {
        Err(Error::Client(error)) if error.problems.is_empty() => (error.code, error.message),
        other => panic!("{other:?}"),
    }
}

/// An event of exactly so many bytes.
fn sized(bytes: usize) -> String {
    let (head, tail) = GOOD.split_at(1);
    let filler = bytes - GOOD.len() - r#""url":"","#.len();
    format!(r#"{head}"url":"{}",{tail}"#, "x".repeat(filler))
}

#[tokio::test]
async fn lines_that_hold_nothing_do_not_count() {
    let body = format!("\n{GOOD}\r\n\r\n  \t\n{GOOD}\n\nnull\n{GOOD}");
    let batch = Batch::from_ndjson(body.as_bytes()).unwrap();
    let null = "BAD_USER_INPUT: an event must be a JSON object, not null";
    assert_eq!(problems(batch).await, [UNKNOWN, UNKNOWN, null, UNKNOWN]);
}

#[tokio::test]
async fn a_line_is_one_event_whole() {
    let body = format!("{GOOD} {GOOD}\n{}\n{}\n[{GOOD}]\n", &GOOD[..9], &GOOD[9..]);
    let problems = problems(Batch::from_ndjson(body.as_bytes()).unwrap()).await;
    assert_snapshot!(problems.join("\n"), @"
    BAD_USER_INPUT: it is not valid JSON: trailing characters
    BAD_USER_INPUT: it is not valid JSON: EOF while parsing a string
    BAD_USER_INPUT: it is not valid JSON: expected value
    BAD_USER_INPUT: an event must be a JSON object, not a list
    ");
}

#[tokio::test]
async fn json_is_an_event_or_a_list_of_them() {
    for body in [GOOD.to_owned(), format!("\r\n [ {GOOD} ]\n"), format!("\t{GOOD} \n")] {
        assert_eq!(problems(Batch::from_json(body.as_bytes()).unwrap()).await, [UNKNOWN]);
    }
    let body = format!("[{GOOD},null,[],{GOOD}]");
    let problems = problems(Batch::from_json(body.as_bytes()).unwrap()).await;
    assert_snapshot!(problems.join("\n"), @r#"
    NOT_FOUND: organization_id "clinic-7" names no organization that you may record for
    BAD_USER_INPUT: an event must be a JSON object, not null
    BAD_USER_INPUT: an event must be a JSON object, not a list
    NOT_FOUND: organization_id "clinic-7" names no organization that you may record for
    "#);
}

#[test]
fn nothing_is_an_empty_batch_but_no_json() {
    for body in ["", "\n", "\r\n \n"] {
        assert!(Batch::from_ndjson(body.as_bytes()).unwrap().is_empty());
        assert_eq!(refusal(Batch::from_json(body.as_bytes())).0, Code::BadUserInput);
    }
    assert!(Batch::from_json(b"[]").unwrap().is_empty());
}

#[test]
fn a_body_that_is_not_json_is_refused_whole() {
    let refused = |body: &str| {
        let (code, message) = refusal(Batch::from_json(body.as_bytes()));
        assert_eq!(code, Code::BadUserInput);
        message
    };
    assert_snapshot!(refused(""), @"the body is not JSON: EOF while parsing a value at line 1 column 0");
    assert_snapshot!(refused(&format!("[{GOOD}")), @"the body is not JSON: EOF while parsing a list at line 1 column 88");
    assert_snapshot!(refused(&format!("{GOOD}\n{GOOD}")), @"the body is not JSON: trailing characters at line 2 column 1");
}

#[test]
fn a_body_that_is_not_utf_8_is_refused_whole() {
    for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\x80"] {
        let body = [GOOD.as_bytes(), bad].concat();
        let message = "the body is not UTF-8: the bytes from 87 on are no character";
        let expected = (Code::BadUserInput, message.to_owned());
        assert_eq!(refusal(Batch::from_ndjson(&body)), expected);
        assert_eq!(refusal(Batch::from_json(&body)), expected);
    }
}

/// RFC 8259 and NDJSON have none; it is refused like any other stray character.
#[tokio::test]
async fn a_byte_order_mark_is_refused() {
    let body = format!("\u{feff}{GOOD}\n{GOOD}");
    let problems = problems(Batch::from_ndjson(body.as_bytes()).unwrap()).await;
    assert_eq!(problems, ["BAD_USER_INPUT: it is not valid JSON: expected value", UNKNOWN]);
    for body in [format!("\u{feff}{GOOD}"), format!("\u{feff}[{GOOD}]")] {
        let (code, message) = refusal(Batch::from_json(body.as_bytes()));
        assert_eq!(code, Code::BadUserInput);
        assert_eq!(message, "the body is not JSON: expected value at line 1 column 1");
    }
}

#[test]
fn a_request_holds_at_most_5000_events() {
    assert_eq!(MAX_EVENTS, 5_000);
    let full = vec![GOOD; MAX_EVENTS];
    assert_eq!(Batch::from_ndjson(full.join("\n\n").as_bytes()).unwrap().len(), 5_000);
    assert_eq!(Batch::from_json(format!("[{}]", full.join(",")).as_bytes()).unwrap().len(), 5_000);

    let over = vec!["{}"; MAX_EVENTS + 1];
    let message = "the request holds 5001 events; at most 5000 are taken at once".to_owned();
    let expected = (Code::PayloadTooLarge, message);
    assert_eq!(refusal(Batch::from_ndjson(over.join("\n").as_bytes())), expected);
    assert_eq!(refusal(Batch::from_json(format!("[{}]", over.join(",")).as_bytes())), expected);
}

#[tokio::test]
async fn an_event_takes_at_most_a_mebibyte_and_the_others_are_still_looked_at() {
    assert_eq!(MAX_EVENT_BYTES, 1024 * 1024);
    let (full, over) = (sized(MAX_EVENT_BYTES), sized(MAX_EVENT_BYTES + 1));
    assert_eq!((full.len(), over.len()), (MAX_EVENT_BYTES, MAX_EVENT_BYTES + 1));
    let too_large = "PAYLOAD_TOO_LARGE: an event takes at most 1048576 bytes";
    let expected =
        [UNKNOWN, too_large, UNKNOWN, "BAD_USER_INPUT: an event must be a JSON object, not null"];
    let events = [&*full, &*over, GOOD, "null"];
    let lines = Batch::from_ndjson(events.join("\r\n").as_bytes()).unwrap();
    assert_eq!(problems(lines).await, expected);
    let list = Batch::from_json(format!("[{}]", events.join(",")).as_bytes()).unwrap();
    assert_eq!(problems(list).await, expected);
}

#[test]
fn it_knows_the_organizations_of_what_may_be_recorded() {
    let other = GOOD.replace("clinic-7", "clinic-8");
    let bad = GOOD.replace("clinic-7", "clinic-9").replace("TASK", "task");
    let batch = Batch::from_ndjson([GOOD, &other, GOOD, &bad].join("\n").as_bytes()).unwrap();
    assert_eq!(batch.len(), 4);
    let organizations: Vec<&str> = batch.organizations().iter().map(|id| id.as_str()).collect();
    assert_eq!(organizations, ["clinic-7", "clinic-8"]);
}
