//! The notes that the server writes by itself: `setStatusNoteRules`, and what follows from it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::administration::done;
use crate::definitions;
use crate::policies;
use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::log::{Poller, assert_gapless};
use crate::support::property::for_all;
use crate::support::world::{May, OWN, VIEW, World, event_with};

on_both!(
    rules_are_set_and_recorded,
    who_may_set_rules,
    what_are_no_rules,
    what_the_server_notes,
    notes_follow_their_events,
    a_note_is_written_once,
    rules_hold_at_once_and_on_every_server,
    a_note_shows_what_its_reader_may_see,
    random_events_get_the_notes_that_a_naive_model_gives_them,
);

const SET: &str = "mutation ($input: SetStatusNoteRulesInput!) {
    setStatusNoteRules(input: $input) {
        status_note_rules {
            resource_name custom_resource
            rules { event_types custom_types fields { field label } becomes text }
        }
        messages { field message }
    }
}";

/// The rules of the example `set-status-note-rules`: everything that myStratus notes of a session.
fn example() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/queries/set-status-note-rules.variables.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn rules(rules: Value) -> Value {
    json!({"input": {"resource_name": "APPOINTMENT", "rules": rules}})
}

async fn set(owner: &Client, input: Value) -> Value {
    let answer = owner.data(SET, input).await["setStatusNoteRules"].clone();
    assert_eq!(answer["messages"], json!([]));
    answer["status_note_rules"].clone()
}

/// The timeline of appointment 543, oldest first.
async fn lines(client: &Client, kinds: &str) -> Vec<String> {
    let query = format!(
        r#"{{ resourceNotes(resource_name: APPOINTMENT, resource_id: "543", {kinds}
                            order_by: OCCURRED_AT_ASC) {{ nodes {{ line }} }} }}"#
    );
    let data = client.query(&query).await;
    let nodes = data["resourceNotes"]["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["line"].as_str().unwrap().to_owned()).collect()
}

async fn rules_are_set_and_recorded(on: On) {
    let world = World::new(on).await;
    let owner = world.user("owner", "acme", OWN).await;
    let rule = json!({"fields": [{"field": "status", "label": "Status"}], "text": "{changes}"});
    let first = set(&owner, rules(json!([rule]))).await;
    insta::assert_snapshot!("rules", pretty(&first));
    set(&owner, rules(json!([rule]))).await; // as it is already: no event
    let other =
        json!({"event_types": ["UPDATE", "DESTROY"], "custom_types": ["a.b"], "text": "{{x}}"});
    set(&owner, rules(json!([rule, other]))).await;
    let own = json!({"input": {"resource_name": "CUSTOM", "custom_resource": "session", "rules": [other]}});
    set(&owner, own).await;
    let listed = owner
        .query(
            "{ statusNoteRules {
                resource_name custom_resource
                rules { event_types custom_types fields { field label } becomes text }
            } }",
        )
        .await;
    insta::assert_snapshot!("all_rules", pretty(&listed));
    set(&owner, rules(json!([]))).await;
    let left = owner.query("{ statusNoteRules { resource_name } }").await;
    assert_eq!(left, json!({"statusNoteRules": [{"resource_name": "CUSTOM"}]}));
    let recorded = owner
        .query(
            "{ auditLog(resource_name: STATUS_NOTE_RULE, order_by: SEQUENCE_ASC) { nodes {
                type resource_id acting_user { id } organization { id }
                resource_changes { field value_before_change value_after_change }
            } } }",
        )
        .await;
    insta::assert_snapshot!("what_setting_rules_records", pretty(&recorded["auditLog"]["nodes"]));
}

async fn who_may_set_rules(on: On) {
    let world = World::new(on).await;
    for (id, organization, may) in [
        ("viewer", "acme", VIEW),
        ("recorder", "acme", May { record: true, notes: true, ..VIEW }),
        ("wes", "west", OWN),
    ] {
        let client = world.user(id, organization, may).await;
        assert_eq!(client.error_code(SET, rules(json!([]))).await, "FORBIDDEN", "{id}");
        let list = "{ statusNoteRules { resource_name } }";
        assert_eq!(client.error_code(list, json!({})).await, "FORBIDDEN", "{id}");
    }
    // Another tenant's rules are its own.
    let owner = world.user("owner", "acme", OWN).await;
    set(&owner, example()).await;
    let gus = world.user("gus", "globex", OWN).await;
    let listed = gus.query("{ statusNoteRules { resource_name } }").await;
    assert_eq!(listed, json!({"statusNoteRules": []}));
}

async fn what_are_no_rules(on: On) {
    let world = World::new(on).await;
    let owner = world.user("owner", "acme", OWN).await;
    let fine = json!({"event_types": ["UPDATE"], "text": "x"});
    let input = json!({
        "resource_name": "AUDIT_LOG", "custom_resource": "session",
        "rules": [
            {"text": "x"},
            fine,
            {"fields": [{"field": "status"}], "text": "{value}"},
            {"event_types": ["NOTE"], "text": "x"},
            {"custom_types": [""], "text": ""},
        ],
    });
    let answer = owner.data(SET, json!({"input": input})).await;
    insta::assert_snapshot!("what_are_no_rules", pretty(&answer["setStatusNoteRules"]));
    for (rules, custom, problem) in [
        (json!(vec![fine.clone(); 21]), json!("a"), "has 21 rules; a kind of record may have 20"),
        (json!([]), Value::Null, "is missing: resource_name is CUSTOM"),
    ] {
        let input = json!({"resource_name": "CUSTOM", "custom_resource": custom, "rules": rules});
        let answer = owner.data(SET, json!({"input": input})).await;
        assert_eq!(answer["setStatusNoteRules"]["messages"][0]["message"], problem);
    }
}

async fn what_the_server_notes(on: On) {
    let world = World::new(on).await;
    let owner = world.user("owner", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    world.user("mary kate", "portland", May::default()).await;
    set(&owner, example()).await;
    definitions::done(&owner, "defineAuditEventType", json!({"name": "communication.sent"})).await;
    let event = |minute: u32, more: Value| {
        let mut event = event_with("portland", "543", more);
        event["occurred_at"] = json!(format!("2018-10-18T11:{minute:02}:04Z"));
        event
    };
    recorder
        .recorded(json!([
            event(0, json!({"type": "CREATE", "acting_user_id": "mary kate",
                "after": {"pm_status": "Booked", "date": "2018-10-20"}})),
            event(1, json!({"acting_user_id": "mary kate",
                "before": {"pm_status": "Booked"}, "after": {"pm_status": "Confirmed"}})),
            event(2, json!({"before": {"date": "2018-10-20", "start": "09:00", "length": 30},
                "after": {"date": "2018-10-21", "start": "10:30", "length": 45}})),
            event(3, json!({"acting_user_id": "unknown-7",
                "before": {"pm_status": "Confirmed"}, "after": {"pm_status": "On Hold"}})),
            event(4, json!({"type": "CUSTOM", "custom_type": "communication.sent"})),
            event(5, json!({"outcome": "FAILURE",
                "before": {"pm_status": "On Hold"}, "after": {"pm_status": "Cancelled"}})),
            event(6, json!({"acting_user_id": "mary kate", "before": {"length": 45}, "after": {"length": 60}})),
            event(7, json!({"type": "VIEW", "acting_user_id": "mary kate"})),
            event(8, json!({"before": {"email": "a@x.org"}, "after": {"email": "b@x.org"}})),
        ]))
        .await;
    insta::assert_snapshot!("status_notes", lines(&owner, "kinds: [STATUS_NOTE]").await.join("\n"));
    insta::assert_snapshot!("status_notes_and_events", lines(&owner, "").await.join("\n"));
}

async fn notes_follow_their_events(on: On) {
    let world = World::new(on).await;
    let owner = world.user("owner", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let note = json!({"fields": [{"field": "a"}], "text": "{field} is {after}"});
    set(&owner, rules(json!([note, {"event_types": ["UPDATE"], "text": "Changed"}]))).await;
    let before =
        owner.query("{ auditLog { total_count } }").await["auditLog"]["total_count"].clone();
    let receipt = recorder
        .recorded(json!([
            event_with(
                "portland",
                "543",
                json!({"id": "e1", "after": {"a": 1}, "request_id": "r1"})
            ),
            event_with("seattle", "543", json!({"id": "e2", "type": "VIEW"})),
            event_with("boston", "543", json!({"id": "e3", "after": {"a": "x", "b": "y"}})),
        ]))
        .await;
    // Notes are numbered, and not counted.
    let before = before.as_i64().unwrap();
    assert_eq!(receipt["recorded"], 3);
    assert_eq!(receipt["first_sequence"], (before + 1).to_string());
    let log = owner
        .query(
            r#"{ auditLog(resource_id: "543", order_by: SEQUENCE_ASC) { nodes {
                sequence type external_id organization { id } occurred_at acting_user { id }
                description request_id metadata
                resource_changes { field value_before_change value_after_change }
            } } }"#,
        )
        .await;
    insta::assert_snapshot!("notes_in_the_log", pretty(&log["auditLog"]["nodes"]));
    // Whoever sees the event sees its notes, and nobody else does.
    let wes = world.user("wes", "west", VIEW).await;
    assert_eq!(lines(&wes, "kinds: [STATUS_NOTE]").await.len(), 2);
}

async fn a_note_is_written_once(on: On) {
    let world = World::new(on).await;
    let owner = world.user("owner", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    set(&owner, rules(json!([{"event_types": ["UPDATE"], "text": "Changed"}]))).await;
    let event =
        |id: &str| event_with("acme", "543", json!({"id": id, "occurred_at": "2026-10-01"}));
    recorder.recorded(json!([event("e1"), event("e1")])).await;
    let receipt = recorder.recorded(json!([event("e1"), event("e2")])).await;
    assert_eq!((&receipt["recorded"], &receipt["duplicates"]), (&json!(1), &json!(1)));
    assert_eq!(lines(&owner, "kinds: [STATUS_NOTE]").await.len(), 2);
    // Other rules do not make it another event.
    set(&owner, rules(json!([{"event_types": ["UPDATE"], "text": "Otherwise"}]))).await;
    assert_eq!(recorder.recorded(event("e1")).await["duplicates"], 1);
    assert_eq!(lines(&owner, "kinds: [STATUS_NOTE]").await.len(), 2);
}

async fn rules_hold_at_once_and_on_every_server(on: On) {
    let world = World::new(on).await;
    let owner = world.user("owner", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    // Another server on the same database, which has read the tenant already.
    let store = world.database.store(world.clock.clock()).await;
    let tokens = auditlog::auth::Authenticator::new(store.clone(), None);
    let elsewhere = recorder.at(&auditlog::http::router(store, tokens).await);
    elsewhere.recorded(event_with("acme", "543", json!({}))).await;
    for text in ["One", "Two"] {
        set(&owner, rules(json!([{"event_types": ["UPDATE"], "text": text}]))).await;
        elsewhere.recorded(event_with("acme", "543", json!({}))).await;
    }
    set(&owner, rules(json!([]))).await;
    elsewhere.recorded(event_with("acme", "543", json!({}))).await;
    let at = "10/15/2026 12:00:00 PM SPSA –";
    assert_eq!(
        lines(&owner, "").await,
        ["UPDATE", "UPDATE", "One", "UPDATE", "Two", "UPDATE"].map(|text| format!("{at} {text}")),
    );
}

/// What a status note says is made of its event's changes as its reader sees them.
async fn a_note_shows_what_its_reader_may_see(on: On) {
    let world = World::new(on).await;
    let owner = world.user("owner", "acme", OWN).await;
    let viewer = world.user("vera", "acme", May { sensitive: true, ..VIEW }).await;
    let recorder = world.recorder("acme").await;
    let fields = json!([{"field": "ssn"}, {"field": "b"}]);
    let told = json!([
        {"fields": fields, "text": "{before}|{after}"},
        {"fields": fields, "becomes": ["222"], "text": "It is 222"},
    ]);
    set(&owner, rules(told)).await;
    let event = json!({"before": {"ssn": "111", "b": 1}, "after": {"ssn": "222", "b": "{before}"}});
    recorder.recorded(event_with("acme", "543", event.clone())).await;
    let log = r#"{ auditLog(event_type: STATUS_NOTE, order_by: SEQUENCE_ASC) { nodes {
        description resource_changes { value_before_change value_after_change }
    } } }"#;
    let at = "10/15/2026 12:00:00 PM SPSA –";
    let notes =
        |texts: &[&str]| texts.iter().map(|text| format!("{at} {text}")).collect::<Vec<_>>();
    let all = notes(&["1|{before}; 111|222", "It is 222"]);
    for client in [&owner, &viewer] {
        assert_eq!(lines(client, "kinds: [STATUS_NOTE]").await, all);
    }
    // It becomes sensitive: at once for what was noted before.
    let sensitive = json!({"resource_name": "APPOINTMENT", "fields": ["ssn"]});
    done(&owner, "setSensitiveFields", sensitive).await;
    assert_eq!(
        lines(&owner, "kinds: [STATUS_NOTE]").await,
        notes(&["1|{before}; [withheld]|[withheld]", "[withheld]"]),
    );
    assert_eq!(lines(&viewer, "kinds: [STATUS_NOTE]").await, all);
    for client in [&owner, &viewer] {
        let seen = client.query(log).await.to_string();
        assert_eq!(seen.contains("111") || seen.contains("222"), std::ptr::eq(client, &viewer));
    }
    // From now on no note is written because of it, so that the number of notes tells nothing.
    recorder.recorded(event_with("acme", "543", event.clone())).await;
    assert_eq!(lines(&viewer, "kinds: [STATUS_NOTE]").await.len(), 3);
    // What a policy masks or drops when it is recorded, no note has.
    let policy =
        json!({"organization_id": "acme", "masked_fields": ["ssn"], "dropped_fields": ["b"]});
    policies::set(&owner, policy).await;
    recorder.recorded(event_with("acme", "543", event)).await;
    let last = lines(&viewer, "kinds: [STATUS_NOTE]").await.pop();
    assert_eq!(last, Some(format!("{at} [withheld]|[withheld]")));
}

/// An event of the model: its type, whether it succeeded, and the values of two fields.
type Told = (&'static str, bool, [Option<&'static str>; 2], [Option<&'static str>; 2]);

/// A rule of the model: types, fields by their place, values.
type Asked = (Vec<&'static str>, Vec<usize>, Vec<&'static str>);

const FIELDS: [&str; 2] = ["a", "b.c"];

fn some<T: Clone + std::fmt::Debug + 'static>(of: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    subsequence(of.to_vec(), 0..=of.len())
}

fn any_told() -> impl Strategy<Value = Told> {
    let value = || select(vec![None, Some("x"), Some("y"), Some("{after}")]);
    let values = || [value(), value()];
    let nothing = [None, None];
    let told =
        (select(vec!["CREATE", "UPDATE", "VIEW", "DESTROY"]), any::<bool>(), values(), values());
    told.prop_map(move |(kind, done, before, after)| match kind {
        "CREATE" => (kind, done, nothing, after),
        "DESTROY" => (kind, done, before, nothing),
        _ => (kind, done, before, after),
    })
}

fn any_asked() -> impl Strategy<Value = Asked> {
    (some(&["CREATE", "UPDATE", "VIEW"]), some(&[0, 1]), some(&["x", "{after}"])).prop_filter_map(
        "a rule needs a condition",
        |(types, fields, becomes)| match (types.is_empty(), fields.is_empty()) {
            (true, true) => None,
            (_, true) => Some((types, fields, Vec::new())),
            _ => Some((types, fields, becomes)),
        },
    )
}

/// What the model says is written of an event.
fn notes_of((kind, done, before, after): &Told, rules: &[Asked]) -> Vec<String> {
    let shown = |value: Option<&str>| value.unwrap_or("(none)").to_owned();
    let mut notes = Vec::new();
    for (types, fields, becomes) in rules.iter().filter(|_| *done) {
        if !types.is_empty() && !types.contains(kind) {
            continue;
        }
        let matched = fields.iter().filter(|field| {
            let (b, a) = (before[**field], after[**field]);
            b != a && (becomes.is_empty() || a.is_some_and(|value| becomes.contains(&value)))
        });
        let told =
            matched.map(|&f| format!("{}={}>{}", FIELDS[f], shown(before[f]), shown(after[f])));
        let told: Vec<_> = told.collect();
        match (fields.is_empty(), told.is_empty()) {
            (true, _) => notes.push("noted".to_owned()),
            (_, false) => notes.push(told.join("; ")),
            _ => {}
        }
    }
    notes
}

async fn random_events_get_the_notes_that_a_naive_model_gives_them(on: On) {
    let world = World::new(on).await;
    let owner = world.user("owner", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let mut log = Poller::new(&owner, "type description resource_name");
    let log = tokio::sync::Mutex::new((log.rest().await.len(), log));
    let cases = (vec(any_asked(), 0..5), vec(any_told(), 1..8));
    for_all(16, cases, async |(asked, told)| {
        let given = asked.iter().map(|(types, fields, becomes)| {
            let text = if fields.is_empty() { "noted" } else { "{field}={before}>{after}" };
            let fields: Vec<_> = fields.iter().map(|f| json!({"field": FIELDS[*f]})).collect();
            json!({"event_types": types, "fields": fields, "becomes": becomes, "text": text})
        });
        set(&owner, rules(given.collect())).await;
        let events = told.iter().map(|(kind, done, before, after)| {
            let side = |[a, c]: &[Option<&str>; 2]| json!({"a": a, "b": {"c": c}});
            let outcome = if *done { "SUCCESS" } else { "FAILURE" };
            let mut event = json!({"type": kind, "outcome": outcome});
            if *kind != "CREATE" {
                event["before"] = side(before);
            }
            if *kind != "DESTROY" {
                event["after"] = side(after);
            }
            event_with("portland", "543", event)
        });
        recorder.recorded(events.collect()).await;
        let expected = told.iter().flat_map(|told| {
            let notes = notes_of(told, &asked).into_iter();
            let notes = notes.map(|text| ("STATUS_NOTE".to_owned(), Some(text)));
            std::iter::once((told.0.to_owned(), None)).chain(notes)
        });
        let mut log = log.lock().await;
        let new = log.1.rest().await;
        assert_gapless(&new, i64::try_from(log.0).unwrap() + 1);
        log.0 += new.len();
        let of_record = new.iter().filter(|event| event["resource_name"] == "APPOINTMENT");
        let recorded = of_record.map(|event| {
            let text = |key: &str| event[key].as_str().map(str::to_owned);
            (text("type").unwrap(), text("description"))
        });
        assert_eq!(recorded.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    });
}
