//! What `auditLog` finds by where an event came from, by values, by words, and in which order.

use auditlog::store::Database;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::property::for_all;
use crate::support::world::{RECORD, VIEW, World, event_with};
use crate::support::{On, direct};

on_both!(
    a_search_finds_what_it_says,
    a_value_is_found_as_it_is_shown,
    a_value_that_was_withheld_is_not_found,
    words_are_found_as_a_naive_search_finds_them,
    words_are_found_again_after_a_vacuum,
    words_of_one_tenant_are_not_found_in_another,
    what_was_recorded_before_it_could_be_searched_is_found,
    lists_may_be_long,
    an_order_goes_by_what_it_says,
);

/// Acme's log in which some events were recorded, each with its id, and somebody who sees it.
async fn with_events(on: On, events: &[(&str, Value)]) -> (World, Client) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let events = events.iter().map(|(id, more)| event_with("acme", id, more.clone()));
    recorder.recorded(events.collect()).await;
    (world, viewer)
}

const SEARCH: &str = "
query(
    $pages: [String!], $url_prefixes: [String!], $ip_addresses: [String!],
    $outcome: AuditEventOutcome, $purposes: [String!], $resource_ids: [ID!], $resource_id: ID,
    $changed_field: String, $changed_fields: [String!], $value_before: String,
    $value_after: String, $description: String, $order_by: AuditEventOrderKeys = SEQUENCE_ASC
) {
    auditLog(
        pages: $pages, url_prefixes: $url_prefixes, ip_addresses: $ip_addresses,
        outcome: $outcome, purposes: $purposes, resource_ids: $resource_ids,
        resource_id: $resource_id, changed_field: $changed_field, changed_fields: $changed_fields,
        value_before: $value_before, value_after: $value_after, description: $description,
        order_by: $order_by, resource_names: [APPOINTMENT, TASK, GOAL], first: 1000
    ) { total_count nodes { resource_id } }
}";

/// The ids of the records whose events are found, in their order.
async fn found(viewer: &Client, variables: Value) -> Vec<String> {
    let log = viewer.data(SEARCH, variables.clone()).await["auditLog"].take();
    let nodes = log["nodes"].as_array().unwrap();
    assert_eq!(log["total_count"], nodes.len(), "{variables}");
    nodes.iter().map(|node| node["resource_id"].as_str().unwrap().to_owned()).collect()
}

async fn check(viewer: &Client, table: &[(Value, &str)]) {
    for (variables, expected) in table {
        assert_eq!(found(viewer, variables.clone()).await.concat(), *expected, "{variables}");
    }
}

async fn a_search_finds_what_it_says(on: On) {
    let events = [
        (
            "a",
            json!({
                "page": "Calendar", "url": "https://ehr.example/calendar?week=1_2",
                "ip_address": "203.0.113.9", "purpose": "TREAT",
                "description": "Appointment re-scheduled by Zo\u{eb}",
                "changes": [{"field": "status", "before": "new", "after": "old"}],
            }),
        ),
        (
            "b",
            json!({
                "page": "calendar", "url": "https://ehr.example/CALENDAR",
                "ip_address": "2001:DB8::1", "outcome": "FAILURE", "purpose": "HPAYMT",
                "description": "scheduled again",
                "changes": [{"field": "status", "before": "old", "after": "new"}, {"field": "length"}],
            }),
        ),
        (
            "c",
            json!({
                "page": "Billing", "url": "https://ehr.example/calendar", "type": "SIGN_IN_FAILED",
                "ip_address": "::ffff:203.0.113.200",
            }),
        ),
        ("d", json!({"page": "%", "url": "%", "ip_address": "10.0.0.1", "purpose": "treat"})),
        ("e", json!({"description": "\u{2014}"})),
    ];
    let (_world, viewer) = with_events(on, &events).await;
    let table = [
        (json!({}), "abcde"),
        (json!({"pages": ["Calendar"]}), "a"),
        (json!({"pages": ["Calendar", "Billing", "none"]}), "ac"),
        (json!({"pages": ["%"]}), "d"),
        (json!({"pages": [""]}), ""),
        (json!({"pages": ["Calendar "]}), ""),
        (json!({"url_prefixes": ["https://ehr.example/calendar"]}), "ac"),
        (json!({"url_prefixes": ["https://ehr.example/calendar?week=1_"]}), "a"),
        (json!({"url_prefixes": ["https://ehr.example/calendar_week"]}), ""),
        (json!({"url_prefixes": ["%", "https://ehr.example/CAL"]}), "bd"),
        (json!({"url_prefixes": [""]}), "abcd"),
        (json!({"url_prefixes": ["ehr.example"]}), ""),
        (json!({"ip_addresses": ["203.0.113.9"]}), "a"),
        (json!({"ip_addresses": ["::ffff:203.0.113.9"]}), "a"),
        (json!({"ip_addresses": ["203.0.113.0/25"]}), "a"),
        (json!({"ip_addresses": ["203.0.113.0/24"]}), "ac"),
        (json!({"ip_addresses": ["2001:db8::/64", "10.0.0.0/8"]}), "bd"),
        (json!({"ip_addresses": ["0.0.0.0/0"]}), "acd"),
        (json!({"ip_addresses": ["::/0"]}), "b"),
        (json!({"ip_addresses": ["::/0", "0.0.0.0/0"]}), "abcd"),
        (json!({"ip_addresses": ["2001:db8::2"]}), ""),
        (json!({"outcome": "FAILURE"}), "bc"),
        (json!({"outcome": "SUCCESS"}), "ade"),
        (json!({"purposes": ["TREAT"]}), "a"),
        (json!({"purposes": ["TREAT", "HPAYMT"]}), "ab"),
        (json!({"resource_ids": ["e", "a", "e", "x"]}), "ae"),
        (json!({"resource_ids": ["e", "a"], "resource_id": "a"}), "a"),
        (json!({"resource_ids": ["e"], "resource_id": "a"}), ""),
        (json!({"changed_fields": ["length", "none"]}), "b"),
        (json!({"changed_fields": ["length", "status"]}), "ab"),
        (json!({"changed_field": "status", "changed_fields": ["length"]}), "b"),
        (json!({"changed_field": "status", "value_before": "new"}), "a"),
        (json!({"changed_field": "status", "value_after": "new"}), "b"),
        (json!({"changed_field": "status", "value_before": "new", "value_after": "old"}), "a"),
        (json!({"changed_field": "status", "value_before": "new", "value_after": "new"}), ""),
        (json!({"changed_field": "length", "value_after": "new"}), ""),
        (json!({"description": "scheduled"}), "ab"),
        (json!({"description": "RE-SCHEDULED zoe"}), "a"),
        (json!({"description": "\"scheduled re\""}), ""),
        (json!({"description": "sched* -again"}), "a"),
        (json!({"description": "-scheduled"}), "cde"),
        (json!({"description": "sched* -again", "purposes": ["HPAYMT"]}), ""),
        (
            json!({"outcome": "FAILURE", "ip_addresses": ["203.0.113.0/24"], "pages": ["Billing"]}),
            "c",
        ),
    ];
    check(&viewer, &table).await;
}

/// Values in JSON, each with what it is shown as.
const VALUES: [(&str, &str); 18] = [
    (r#""text""#, "text"),
    (r#""1""#, "1"),
    ("1", "1"),
    ("1.10", "1.10"),
    ("1E5", "1E5"),
    ("100000", "100000"),
    ("123456789012345678901234567890", "123456789012345678901234567890"),
    ("-0", "-0"),
    ("true", "true"),
    (r#""true""#, "true"),
    (r#""null""#, "null"),
    (r#""""#, ""),
    (r#"{"b": 1, "a": [1.0, null]}"#, r#"{"b":1,"a":[1.0,null]}"#),
    (r#"{"a": [1.0, null], "b": 1}"#, r#"{"a":[1.0,null],"b":1}"#),
    (r#"["\u0001\u001f\"\\\/é😀"]"#, "[\"\\u0001\\u001f\\\"\\\\/\u{e9}\u{1f600}\"]"),
    (r#""\u0001\u001f\"\\\/é😀\n""#, "\u{1}\u{1f}\"\\/\u{e9}\u{1f600}\n"),
    (r#""[1]""#, "[1]"),
    ("[1]", "[1]"),
];

async fn a_value_is_found_as_it_is_shown(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    // A second change of the event has another value, and another field of it that value.
    let events: Vec<String> = VALUES
        .iter()
        .enumerate()
        .map(|(i, (value, _))| {
            format!(
                r#"{{"organization_id": "acme", "type": "UPDATE", "resource_name": "TASK",
                     "resource_id": "{i}", "changes": [
                         {{"field": "other", "before": {value}, "after": {value}}},
                         {{"field": "it", "before": {value}, "after": null}},
                         {{"field": "it", "before": "no", "after": "no"}}
                     ]}}"#
            )
        })
        .collect();
    let body = format!("[{}]", events.join(","));
    let uri = "/v1/audit-events";
    let sent = recorder.send(axum::http::Method::POST, uri, Some("application/json"), body).await;
    assert_eq!(sent.status, axum::http::StatusCode::OK, "{}", sent.body);

    for (_, shown) in VALUES {
        let same = (0..VALUES.len()).filter(|i| VALUES[*i].1 == shown).map(|i| i.to_string());
        let same: Vec<String> = same.collect();
        let of = |field: &str, side: &str| json!({"changed_field": field, side: shown});
        assert_eq!(found(&viewer, of("it", "value_before")).await, same, "{shown}");
        assert_eq!(found(&viewer, of("it", "value_after")).await, [""; 0], "{shown}");
        assert_eq!(found(&viewer, of("other", "value_after")).await, same, "{shown}");
        // Both of one change, not each of some change.
        let both = json!({"changed_field": "it", "value_before": shown, "value_after": "no"});
        assert_eq!(found(&viewer, both).await, [""; 0], "{shown}");
    }
    for shown in ["1.1", "1.100", "1e5", "0", "-0.0", " 1", "TEXT", "[ 1]", r#"{"b":1}"#, "no "] {
        let nothing = json!({"changed_field": "it", "value_before": shown});
        assert_eq!(found(&viewer, nothing).await, [""; 0], "{shown}");
    }
    let every = json!({"changed_field": "it", "value_before": "no", "value_after": "no"});
    assert_eq!(found(&viewer, every).await.len(), VALUES.len());
}

async fn a_value_that_was_withheld_is_not_found(on: On) {
    let secret = json!([{"field": "password", "before": "old", "after": "[withheld]"}]);
    let (_world, viewer) = with_events(on, &[("it", json!({"changes": secret}))]).await;
    assert_eq!(found(&viewer, json!({"changed_field": "password"})).await, ["it"]);
    for value in ["old", "[withheld]"] {
        for side in ["value_before", "value_after"] {
            let asked = json!({"changed_field": "password", side: value});
            assert_eq!(found(&viewer, asked).await, [""; 0], "{side}: {value}");
        }
    }
}

/// Words that are each other's beginnings, and some that only look alike.
const WORDS: [&str; 12] = [
    "card",
    "Card",
    "cards",
    "car",
    "caf\u{e9}",
    "cafe\u{301}",
    "e-mail",
    "mail",
    "\u{60a3}\u{8005}",
    "2026",
    "o'neil",
    "\u{1f3e5}",
];

fn description() -> impl Strategy<Value = Option<String>> {
    let words = vec(select(&WORDS[..]), 0..6).prop_map(|words| words.join(" "));
    prop::option::weighted(0.9, words)
}

/// A term of a query as it is written.
#[derive(Debug, Clone)]
struct Term {
    words: Vec<&'static str>,
    is_excluded: bool,
    is_beginning: bool,
}

fn query() -> impl Strategy<Value = Vec<Term>> {
    let term = (vec(select(&WORDS[..11]), 1..3), any::<bool>(), any::<bool>());
    vec(
        term.prop_map(|(words, excluded, beginning)| Term {
            words,
            is_excluded: excluded && beginning,
            is_beginning: beginning != excluded,
        }),
        1..4,
    )
}

impl Term {
    fn write(&self) -> String {
        let minus = if self.is_excluded { "-" } else { "" };
        let asterisk = if self.is_beginning { "*" } else { "" };
        match self.words.as_slice() {
            [word] => format!("{minus}{word}{asterisk}"),
            words => format!("{minus}\"{}\"{asterisk}", words.join(" ")),
        }
    }

    /// Whether a description has it: looked for at every place, word by word.
    fn is_in(&self, words: &[String]) -> bool {
        let term = split(&self.words.join(" "));
        (0..words.len()).any(|start| {
            let here = words[start..].iter().take(term.len());
            here.len() == term.len()
                && here.zip(&term).enumerate().all(|(i, (word, wanted))| {
                    let is_last = i + 1 == term.len();
                    word == wanted
                        || (is_last && self.is_beginning && word.starts_with(wanted.as_str()))
                })
        })
    }
}

/// The words of what is made of [`WORDS`].
fn split(text: &str) -> Vec<String> {
    let plain = text.to_lowercase().replace('\u{e9}', "e").replace('\u{301}', "");
    let apart = plain.replace("\u{60a3}\u{8005}", "\u{60a3} \u{8005}");
    let words = apart.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

async fn words_are_found_as_a_naive_search_finds_them(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let recorded = std::cell::RefCell::new(Vec::<Option<String>>::new());
    let case = (vec(description(), 1..12), vec(query(), 1..12));
    for_all(12, case, async |(descriptions, queries)| {
        // Each case adds to the log.
        let first = recorded.borrow().len();
        recorded.borrow_mut().extend(descriptions.iter().cloned());
        let events = descriptions.iter().enumerate().map(|(i, description)| {
            event_with("acme", &(first + i).to_string(), json!({"description": description}))
        });
        recorder.recorded(events.collect()).await;
        for terms in queries {
            let text: Vec<String> = terms.iter().map(Term::write).collect();
            let text = text.join(" ");
            let recorded = recorded.borrow().clone();
            let selected = |description: &Option<String>| {
                let words = split(description.as_deref().unwrap_or_default());
                terms.iter().all(|term| term.is_in(&words) != term.is_excluded)
            };
            let expected: Vec<String> = recorded
                .iter()
                .enumerate()
                .filter(|(_, description)| selected(description))
                .map(|(i, _)| i.to_string())
                .collect();
            assert_eq!(found(&viewer, json!({"description": text})).await, expected, "{text}");
        }
    });
}

/// SQLite numbers rows anew when it is vacuumed; what is searched must not go by those numbers.
async fn words_are_found_again_after_a_vacuum(on: On) {
    let events: Vec<(String, Value)> = (0..40)
        .map(|i| (i.to_string(), json!({"description": format!("word{i} and another")})))
        .collect();
    let events: Vec<(&str, Value)> =
        events.iter().map(|(id, e)| (id.as_str(), e.clone())).collect();
    let (world, viewer) = with_events(on, &events).await;
    let db = direct::connect(&world.database.url).await;
    // Without the first events, the others move up.
    direct::run(&db, "DELETE FROM audit_events WHERE sequence % 3 = 0").await;
    direct::run(&db, "VACUUM").await;
    let left = found(&viewer, json!({})).await;
    assert!(left.len() > 20);
    for id in left {
        let words = json!({"description": format!("word{id}")});
        assert_eq!(found(&viewer, words).await, [id]);
    }
}

async fn words_of_one_tenant_are_not_found_in_another(on: On) {
    let (world, viewer) = with_events(on, &[("mine", json!({"description": "secret word"}))]).await;
    let others = world.user("hank", "globex", VIEW).await;
    let recorder = world.recorder("globex").await;
    for id in ["theirs", "too"] {
        let secret = json!({"description": "secret word of ours"});
        recorder.recorded(event_with("hammock", id, secret)).await;
    }
    let query = json!({"description": "secret"});
    assert_eq!(found(&viewer, query.clone()).await, ["mine"]);
    assert_eq!(found(&others, query).await, ["theirs", "too"]);
}

async fn what_was_recorded_before_it_could_be_searched_is_found(on: On) {
    let said = |i: i32| json!({"description": format!("Word{i} of M\u{e4}ny"), "ip_address": format!("10.0.{}.{}", i / 250, i % 250)});
    let ids: Vec<String> = (0..1_200).map(|i| i.to_string()).collect();
    let events: Vec<(&str, Value)> =
        (0..).zip(&ids).map(|(i, id)| (id.as_str(), said(i))).collect();
    let (world, viewer) = with_events(on, &events).await;
    let globex = world.recorder("globex").await;
    globex.recorded(event_with("globex", "other", said(7))).await;

    // As the step of the migration leaves a log that is there already.
    let db = direct::connect(&world.database.url).await;
    direct::run(&db, "UPDATE audit_events SET ip_key = NULL, description_words = NULL").await;
    if on == On::Sqlite {
        let empty = "INSERT INTO audit_event_words (audit_event_words) VALUES ('delete-all')";
        direct::run(&db, empty).await;
    }
    let old = "INSERT INTO search_backlog SELECT tenant_id, 0, last_sequence FROM sequence_heads";
    direct::run(&db, old).await;
    recorded_later(&world).await;
    let one = json!({"description": "many word1150", "ip_addresses": ["10.0.4.150"]});
    assert_eq!(found(&viewer, one.clone()).await, [""; 0]);

    let database = Database::connect(&world.database.url).await.unwrap();
    let (again, also) = (database.clone(), database.clone());
    let (one_server, another) = tokio::join!(again.migrate(), also.migrate());
    one_server.and(another).unwrap();
    assert_eq!(found(&viewer, one).await, ["1150"]);
    assert_eq!(found(&viewer, json!({"ip_addresses": ["10.0.0.0/24"]})).await, ids[..250]);
    let few = json!({"description": "m\u{e1}ny word119*"});
    assert_eq!(found(&viewer, few).await.len(), 11);
    assert_eq!(found(&viewer, json!({"description": "word7"})).await, ["7"]);
    assert_eq!(found(&viewer, json!({"description": "later"})).await, ["later"]);
    let left = "SELECT CAST(count(*) AS TEXT) FROM search_backlog";
    assert_eq!(direct::text(&db, left).await, "0");
}

async fn recorded_later(world: &World) {
    let later = json!({"description": "later of many", "ip_address": "10.9.9.9"});
    let recorder = world.user("later", "acme", RECORD).await;
    recorder.recorded(event_with("acme", "later", later)).await;
}

async fn lists_may_be_long(on: On) {
    let event = json!({
        "page": "Calendar", "url": "https://a", "ip_address": "10.1.2.3", "purpose": "TREAT",
        "changes": [{"field": "status", "after": 1}],
    });
    let (_world, viewer) = with_events(on, &[("it", event)]).await;
    let with = |last: &str| -> Vec<String> {
        (1..1000).map(|i| format!("x{i}")).chain([last.to_owned()]).collect()
    };
    let blocks: Vec<String> =
        (0..1000).map(|i| format!("10.{}.{}.0/24", i / 4, i % 4 * 2)).collect();
    let long = json!({
        "pages": with("Calendar"), "url_prefixes": with("https"), "purposes": with("TREAT"),
        "resource_ids": with("it"), "changed_fields": with("status"), "ip_addresses": blocks,
    });
    assert_eq!(found(&viewer, long.clone()).await, ["it"]);
    for name in
        ["pages", "url_prefixes", "purposes", "resource_ids", "changed_fields", "ip_addresses"]
    {
        let mut longer = long.clone();
        longer[name].as_array_mut().unwrap().push(json!("10.0.0.0"));
        let answer = viewer.graphql(SEARCH, longer).await.json();
        let message = format!("{name} takes at most 1000 values");
        assert_eq!(answer["errors"][0]["message"], message, "{answer}");
    }
}

async fn an_order_goes_by_what_it_says(on: On) {
    let long = "p".repeat(255);
    let of = |id: &str, user: Option<&str>, event_type: &str, kind: &str, more: Value| {
        let mut event = event_with("acme", id, more);
        event["acting_user_id"] = json!(user);
        event["type"] = json!(event_type);
        event["resource_name"] = json!(kind);
        event
    };
    let events = json!([
        of("10", Some("bob"), "UPDATE", "TASK", json!({"page": "b", "ip_address": "10.0.0.10"})),
        of("9", Some("Bob"), "VIEW", "GOAL", json!({"page": "B", "ip_address": "10.0.0.9"})),
        of("2", None, "CREATE", "TASK", json!({"ip_address": "2001:db8::1"})),
        of("11", Some("\u{e9}va"), "UPDATE", "TASK", json!({"page": format!("{long}b")})),
        of("12", Some("zoe"), "UPDATE", "GOAL", json!({"page": format!("{long}a")})),
        of(
            "13",
            Some("\u{1f600}"),
            "UPDATE",
            "TASK",
            json!({"page": "\u{ffff}", "ip_address": "9.255.0.0"})
        ),
        of("14", Some("\u{ffff}"), "UPDATE", "TASK", json!({"page": "\u{10000}"})),
    ]);
    let world = World::new(on).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    world.recorder("acme").await.recorded(events).await;
    let table = [
        ("ACTING_USER", "2 9 10 12 11 14 13"),
        ("TYPE", "2 10 11 12 13 14 9"),
        ("RESOURCE", "12 9 10 11 13 14 2"),
        // What is beyond 255 characters makes no difference.
        ("PAGE", "2 9 10 11 12 13 14"),
        ("IP_ADDRESS", "11 12 14 13 9 10 2"),
    ];
    for (order, expected) in table {
        let ascending = found(&viewer, json!({"order_by": format!("{order}_ASC")})).await;
        assert_eq!(ascending.join(" "), expected, "{order}");
        let mut descending = found(&viewer, json!({"order_by": format!("{order}_DESC")})).await;
        descending.reverse();
        assert_eq!(descending, ascending, "{order}");
    }
}
