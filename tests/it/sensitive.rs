//! Sensitive fields: who reads their values, and that nothing else tells them.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::administration::done;
use crate::paging::ORDERS;
use crate::policies::set;
use crate::support::client::{Client, pretty};
use crate::support::log::{Poller, whole_log};
use crate::support::property::for_all;
use crate::support::world::{May, NOTHING, OWN, VIEW, World, event_with};
use crate::support::{On, direct};

on_both!(
    values_are_read_by_those_who_may_and_withheld_from_all_others,
    setting_sensitive_fields_is_answered_and_recorded,
    it_holds_at_once_for_what_was_recorded_before,
    a_value_is_found_where_it_may_be_read_and_nowhere_else,
    worlds_that_differ_in_sensitive_values_alone_answer_alike,
);

const CHANGES: &str = "resource_id metadata
    resource_changes { field value_before_change value_after_change withheld }";

const SENSITIVE: May = May { view: true, sensitive: true, ..NOTHING };

/// Marks the fields of these tests.
async fn mark(owner: &Client) {
    let fields = json!(["ssn", "contacts.phone", "**.hiv"]);
    let fields = json!({"resource_name": "APPOINTMENT", "fields": fields});
    done(owner, "setSensitiveFields", fields).await;
    done(owner, "setSensitiveFields", json!({"fields": ["dea"]})).await;
}

async fn values_are_read_by_those_who_may_and_withheld_from_all_others(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let viewer = world.user("vera", "acme", SENSITIVE).await;
    let partly = world.user("pat", "acme", VIEW).await;
    world.member("pat", "west", SENSITIVE).await;
    let recorder = world.recorder("acme").await;
    mark(&owner).await;
    let mut log = Poller::new(&owner, "id");
    log.rest().await;
    let record = json!({
        "before": {"ssn": "1", "contacts": [{"name": "Ann", "phone": "2"}], "status": "a"},
        "after": {"contacts": [{"name": "Bob"}], "status": "b", "a": {"hiv": "+"}, "dea": "3"},
        "metadata": {"ssn": "1", "hiv": null, "other": 1.10},
    });
    recorder.recorded(event_with("boston", "boston", record.clone())).await;
    recorder.recorded(event_with("portland", "portland", record)).await;
    let task = json!({"resource_name": "TASK", "after": {"ssn": "4", "dea": "5"}});
    recorder.recorded(event_with("boston", "task", task)).await;
    let mut seen = Vec::new();
    for (name, client) in [("owner", &owner), ("viewer", &viewer), ("partly", &partly)] {
        let events = whole_log(client, CHANGES).await;
        let events: Vec<_> = events.into_iter().rev().take(3).collect();
        seen.push(json!({name: events}));
    }
    insta::assert_snapshot!("who_reads_sensitive_values", pretty(&json!(seen)));
    assert_eq!(log.rest().await.len(), 3);
}

async fn setting_sensitive_fields_is_answered_and_recorded(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let mut log = Poller::new(
        &owner,
        "type resource_name resource_id organization { id }
         resource_changes { field value_before_change value_after_change }",
    );
    log.rest().await;
    let custom = json!({"resource_name": "CUSTOM", "custom_resource": "lab", "fields": ["result"]});
    let mut answers = Vec::new();
    for input in [
        json!({"resource_name": "TASK", "fields": ["note", "**.ssn"]}),
        json!({"resource_name": "TASK", "fields": ["note", "**.ssn"]}),
        json!({"resource_name": "TASK", "fields": ["note"]}),
        json!({"fields": ["dea"]}),
        custom,
        json!({"resource_name": "TASK", "fields": []}),
    ] {
        answers.push(done(&owner, "setSensitiveFields", input).await);
    }
    let query = "{ sensitiveFields { resource_name custom_resource fields } }";
    answers.push(owner.query(query).await);
    insta::assert_snapshot!("what_setting_sensitive_fields_answers", pretty(&json!(answers)));
    let recorded = log.rest().await;
    insta::assert_snapshot!("what_setting_sensitive_fields_records", pretty(&json!(recorded)));
}

async fn it_holds_at_once_for_what_was_recorded_before(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let recorder = world.recorder("acme").await;
    recorder.recorded(event_with("west", "1", json!({"after": {"ssn": "1"}}))).await;
    let value = async || {
        let log = whole_log(&viewer, CHANGES).await;
        let event = log.into_iter().find(|event| event["resource_id"] == "1").unwrap();
        event["resource_changes"][0].clone()
    };
    let shown = |before: Value, after: &str, withheld: bool| {
        json!({
            "field": "ssn", "value_before_change": before, "value_after_change": after,
            "withheld": withheld,
        })
    };
    assert_eq!(value().await, shown(Value::Null, "1", false));
    mark(&owner).await;
    assert_eq!(value().await, shown(json!("[withheld]"), "[withheld]", true));
    // The value itself is kept, for those who may read it.
    let db = direct::connect(&world.database.url).await;
    let kept = direct::texts(&db, "SELECT changes FROM audit_events WHERE resource_id = '1'").await;
    assert_eq!(kept, [r#"[["ssn",null,"1"]]"#]);
    done(&owner, "setSensitiveFields", json!({"resource_name": "APPOINTMENT", "fields": []})).await;
    assert_eq!(value().await, shown(Value::Null, "1", false));
    // What a policy masked when it was recorded is withheld from everybody.
    set(&owner, json!({"organization_id": "acme", "masked_fields": ["ssn"]})).await;
    recorder.recorded(event_with("west", "2", json!({"after": {"ssn": "2"}}))).await;
    let all = world.user("ada", "acme", SENSITIVE).await;
    let log = whole_log(&all, CHANGES).await;
    let event = log.into_iter().find(|event| event["resource_id"] == "2").unwrap();
    assert_eq!(event["resource_changes"][0], shown(json!("[withheld]"), "[withheld]", true));
}

async fn a_value_is_found_where_it_may_be_read_and_nowhere_else(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let viewer = world.user("vera", "acme", SENSITIVE).await;
    let partly = world.user("pat", "acme", VIEW).await;
    world.member("pat", "west", SENSITIVE).await;
    let recorder = world.recorder("acme").await;
    let contacts = r#"[{"name":"Ann","phone":"2"}]"#;
    let record = |place: &str, resource: &str| {
        let listed: Value = serde_json::from_str(contacts).unwrap();
        let after = json!({"ssn": "1", "contacts": listed, "dea": 3, "status": "1"});
        event_with(place, "1", json!({"resource_name": resource, "after": after}))
    };
    let places = ["boston", "portland"];
    let events = places.iter().flat_map(|p| [record(p, "APPOINTMENT"), record(p, "TASK")]);
    recorder.recorded(events.collect()).await;
    mark(&owner).await;
    let found = async |client: &Client, field: &str, value: &str| {
        let query = "query($field: String!, $value: String!) {
            auditLog(changed_field: $field, value_after: $value, order_by: SEQUENCE_ASC) {
                total_count nodes { organization { id } resource_name }
            }
        }";
        let data = client.data(query, json!({"field": field, "value": value})).await;
        let nodes = data["auditLog"]["nodes"].as_array().unwrap();
        assert_eq!(data["auditLog"]["total_count"], nodes.len());
        let line = |event: &Value| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            format!("{} {}", text(&event["organization"]["id"]), text(&event["resource_name"]))
        };
        nodes.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    let all = "boston APPOINTMENT, boston TASK, portland APPOINTMENT, portland TASK";
    let but_boston = "boston TASK, portland APPOINTMENT, portland TASK";
    let tasks = "boston TASK, portland TASK";
    for (field, value, to_partly, to_owner) in [
        // Sensitive on appointments alone; of lists, a part of them.
        ("ssn", "1", but_boston, tasks),
        ("contacts", contacts, but_boston, tasks),
        // On every kind of record; and on none.
        ("dea", "3", "portland APPOINTMENT, portland TASK", ""),
        ("status", "1", all, all),
    ] {
        assert_eq!(found(&viewer, field, value).await, all, "{field}");
        assert_eq!(found(&partly, field, value).await, to_partly, "{field}");
        assert_eq!(found(&owner, field, value).await, to_owner, "{field}");
        assert_eq!(found(&owner, field, "[withheld]").await, "", "{field}");
    }
}

/// The same thing in two worlds.
type Twin = (Value, Value);

fn same(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Twin> {
    value.prop_map(|value| (value.clone(), value))
}

fn leaves() -> impl Strategy<Value = Value> + Clone {
    select(vec![json!(null), json!("x"), json!("y"), json!(1), json!({"k": "x"}), json!(["x"])])
}

/// What must not be told.
fn secret() -> impl Strategy<Value = Twin> + Clone {
    (leaves(), leaves())
}

/// An object of twins.
fn object(members: Vec<(&'static str, BoxedStrategy<Twin>)>) -> BoxedStrategy<Twin> {
    let (keys, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    values
        .prop_map(move |values| {
            let (mut a, mut b) = (json!({}), json!({}));
            for (key, (one, other)) in keys.iter().zip(values) {
                (a[*key], b[*key]) = (one, other);
            }
            (a, b)
        })
        .boxed()
}

fn list(item: impl Strategy<Value = Twin> + 'static) -> BoxedStrategy<Twin> {
    prop::collection::vec(item, 0..3)
        .prop_map(|items| {
            let (a, b): (Vec<_>, Vec<_>) = items.into_iter().unzip();
            (json!(a), json!(b))
        })
        .boxed()
}

fn contacts() -> BoxedStrategy<Twin> {
    list(object(vec![("name", same(leaves()).boxed()), ("phone", secret().boxed())]))
}

/// A change of a field, whose values are partly secret.
fn changes() -> BoxedStrategy<Twin> {
    let profile = || object(vec![("x", same(leaves()).boxed()), ("hiv", secret().boxed())]);
    let sides = |field: &'static str, value: BoxedStrategy<Twin>| {
        object(vec![
            ("field", same(Just(json!(field))).boxed()),
            ("before", value.clone()),
            ("after", value),
        ])
    };
    prop_oneof![
        sides("ssn", secret().boxed()),
        sides("ssn.area", secret().boxed()),
        sides("contacts.phone", secret().boxed()),
        sides("a.b.hiv", secret().boxed()),
        sides("dea", secret().boxed()),
        sides("contacts", contacts()),
        sides("profile", profile()),
        sides("status", same(leaves()).boxed()),
    ]
    .boxed()
}

/// Events that differ only in what is sensitive, and in `west` not at all.
fn events() -> impl Strategy<Value = Vec<Twin>> {
    let place = select(vec!["acme", "west", "portland", "east", "boston"]);
    let metadata = object(vec![
        ("ssn", secret().boxed()),
        ("dea", secret().boxed()),
        ("contacts", contacts()),
        ("note", same(leaves()).boxed()),
    ]);
    let event = (place, any::<bool>(), list(changes()), prop::option::of(metadata));
    prop::collection::vec(event, 4..24).prop_map(|events| {
        let numbered =
            events.into_iter().enumerate().map(|(number, (place, has_id, changes, metadata))| {
                let (id, metadata) = (format!("evt-{number}"), metadata.unwrap_or_default());
                let event = |changes: &Value, metadata: &Value| {
                    let id = has_id.then_some(&id);
                    let event = json!({"id": id, "changes": changes, "metadata": metadata});
                    event_with(place, &(number % 4).to_string(), event)
                };
                let first = event(&changes.0, &metadata.0);
                match place {
                    "west" | "portland" => (first.clone(), first),
                    _ => (first, event(&changes.1, &metadata.1)),
                }
            });
        numbered.collect()
    })
}

/// Whoever may not read the sensitive values that differ.
async fn readers(on: On, events: Vec<Value>) -> (World, Vec<Client>) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let partly = world.user("pat", "acme", VIEW).await;
    world.member("pat", "west", May { view: false, ..SENSITIVE }).await;
    mark(&owner).await;
    let rules = json!([
        {"fields": [{"field": "ssn"}, {"field": "contacts"}], "text": "{changes}"},
        {"fields": [{"field": "ssn"}, {"field": "profile"}], "becomes": ["x"], "text": "It is x"},
        {"fields": [{"field": "status"}], "becomes": ["x"], "text": "{label} was {before}"},
    ]);
    let query = "mutation($rules: [StatusNoteRuleInput!]!) {
        setStatusNoteRules(input: {resource_name: APPOINTMENT, rules: $rules}) {
            messages { message }
        }
    }";
    let answer = owner.data(query, json!({"rules": rules})).await;
    assert_eq!(answer["setStatusNoteRules"]["messages"], json!([]));
    world.recorder("acme").await.recorded(json!(events)).await;
    (world, vec![owner, viewer, partly])
}

/// Everything that can be asked about the events.
fn questions() -> Vec<(String, Value)> {
    const ALL: &str = "id sequence external_id type resource_name resource_id occurred_at metadata
        resource_changes { field value_before_change value_after_change withheld }";
    let mut questions = Vec::new();
    let mut ask = |arguments: &str, page: &str| {
        let query = format!(
            "{{ auditLog({arguments}) {{
                total_count nodes {{ {ALL} }} page_info {{ {page} end_cursor }}
            }} }}"
        );
        questions.push((query, json!({})));
    };
    for (_, order) in ORDERS {
        ask(&format!("order_by: {order}, first: 3"), "has_next_page");
        ask(&format!("order_by: {order}, last: 3"), "has_previous_page");
    }
    let fields =
        ["ssn", "ssn.area", "contacts", "contacts.phone", "profile", "a.b.hiv", "dea", "status"];
    for field in fields {
        ask(&format!("changed_field: {}", json!(field)), "has_next_page");
    }
    // Every value that a field of these has, and what a hidden one reads as.
    for field in fields {
        let mut counts = String::from("{");
        for (n, value) in
            ["x", "y", "1", r#"{"k":"x"}"#, r#"["x"]"#, "[]", "[withheld]"].iter().enumerate()
        {
            for side in ["before", "after"] {
                write!(
                    counts,
                    "{side}{n}: auditLog(changed_field: {}, value_{side}: {}) {{
                        total_count nodes {{ sequence }}
                    }}",
                    json!(field),
                    json!(value)
                )
                .unwrap();
            }
        }
        questions.push((counts + "}", json!({})));
    }
    for word in ["x", "y", "was"] {
        let query = format!("{{ auditLog(description: \"{word}\") {{ total_count }} }}");
        questions.push((query, json!({})));
    }
    // What a list that holds something hidden may be, and how it reads.
    for phone in ["x", "[withheld]"] {
        let value = json!([{"name": "x", "phone": phone}]).to_string();
        let asked = format!("changed_field: \"contacts\", value_after: {}", json!(value));
        let query = format!("{{ auditLog({asked}) {{ total_count nodes {{ sequence }} }} }}");
        questions.push((query, json!({})));
    }
    for id in 0..4 {
        questions.push((
            format!(
                "{{ resourceNotes(resource_name: APPOINTMENT, resource_id: \"{id}\") {{
                    total_count nodes {{ line event {{ {ALL} description }} }}
                }} }}"
            ),
            json!({}),
        ));
        questions.push((
            format!(
                "{{ resourceHistory(resource_name: APPOINTMENT, resource_id: \"{id}\") {{
                    total_count nodes {{ {ALL} }}
                }} }}"
            ),
            json!({}),
        ));
    }
    questions
}

async fn worlds_that_differ_in_sensitive_values_alone_answer_alike(on: On) {
    for_all(6, events(), async |twins: Vec<Twin>| {
        let (first, second): (Vec<_>, Vec<_>) = twins.into_iter().unzip();
        let (one, other) = (readers(on, first).await, readers(on, second).await);
        for (a, b) in one.1.iter().zip(&other.1) {
            for (query, variables) in questions() {
                let answer = a.graphql(&query, variables.clone()).await.body;
                assert_eq!(answer, b.graphql(&query, variables).await.body, "{query}");
                assert!(!answer.contains("\"errors\""), "{answer}");
            }
        }
    });
}
