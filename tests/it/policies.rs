//! Audit policies: who may set them, what is answered and recorded of it, and what they do to what is
//! recorded.

use serde_json::{Value, json};

use crate::administration::{administer, done};
use crate::support::client::{Client, pretty};
use crate::support::direct;
use crate::support::log::{Poller, whole_log};
use crate::support::ways::{OF_BATCHES, record};
use crate::support::world::{OWN, VIEW, World, event, event_with};
use crate::support::{On, TestDatabase};

on_both!(
    setting_a_policy_is_answered_and_recorded,
    what_can_be_mended_is_said_and_nothing_is_set,
    an_owner_sets_policies_below_and_nowhere_else,
    attributes_are_inherited_one_by_one,
    masked_values_never_reach_the_database,
    what_a_policy_leaves_out_is_skipped_and_counted,
    a_policy_is_for_a_kind_of_record,
    what_the_server_does_itself_is_recorded_whatever_the_policy,
    the_same_id_with_another_secret_is_another_event,
    each_event_is_recorded_by_the_policy_at_its_place_in_the_log,
);

/// Sets a policy, which must be taken.
pub async fn set(owner: &Client, policy: Value) {
    done(owner, "setAuditPolicy", policy).await;
}

const EFFECTIVE: &str = "query($organization: ID!, $resource: AuditEventResourceName) {
    effectiveAuditPolicy(organization_id: $organization, resource_name: $resource) {
        recorded { value is_default organization_id }
        event_types { value is_default organization_id }
        custom_types { value is_default organization_id }
        recorded_fields { value is_default organization_id }
        masked_fields { value is_default organization_id }
        dropped_fields { value is_default organization_id }
        mask_secrets { value is_default organization_id }
        plain_fields { value is_default organization_id }
    }
}";

const POLICIES: &str = "query($organization: ID!) {
    auditPolicies(organization_id: $organization) {
        organization_id resource_name custom_resource recorded event_types custom_types
        recorded_fields masked_fields dropped_fields mask_secrets plain_fields
    }
}";

const CHANGES: &str = "type resource_name resource_id url metadata
    resource_changes { field value_before_change value_after_change withheld }";

/// What the log shows of the changes of events on appointments, oldest first.
async fn recorded(viewer: &Client) -> Vec<Value> {
    let log = whole_log(viewer, CHANGES).await;
    log.into_iter().filter(|event| event["resource_name"] == "APPOINTMENT").collect()
}

/// One event's changes, a line each.
fn lines(event: &Value) -> Vec<String> {
    let line = |change: &Value| {
        let side = |key: &str| change[key].as_str().unwrap_or("-").to_owned();
        let (before, after) = (side("value_before_change"), side("value_after_change"));
        let flag = if change["withheld"] == true { " withheld" } else { "" };
        format!("{}: {before} -> {after}{flag}", change["field"].as_str().unwrap())
    };
    event["resource_changes"].as_array().unwrap().iter().map(line).collect()
}

async fn setting_a_policy_is_answered_and_recorded(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let mut log = Poller::new(
        &owner,
        "type resource_name resource_id acting_user { id } organization { id }
         resource_changes { field value_before_change value_after_change withheld }",
    );
    log.rest().await;
    let everything = json!({
        "organization_id": "west", "resource_name": "APPOINTMENT", "recorded": true,
        "event_types": ["UPDATE", "CUSTOM"], "custom_types": ["visit.held"],
        "recorded_fields": ["status", "*.city"], "masked_fields": ["**.ssn"],
        "dropped_fields": [], "mask_secrets": false, "plain_fields": ["design.token"],
    });
    let other = json!({
        "organization_id": "west", "resource_name": "APPOINTMENT", "masked_fields": ["ssn"],
        "event_types": null,
    });
    let custom = json!({
        "organization_id": "west", "resource_name": "CUSTOM", "custom_resource": "lab_order",
        "recorded": false,
    });
    let kind = json!({"organization_id": "west", "resource_name": "APPOINTMENT"});
    let mut answers = Vec::new();
    for (name, input) in [
        ("setAuditPolicy", everything.clone()),
        ("setAuditPolicy", everything),
        ("setAuditPolicy", other),
        ("setAuditPolicy", custom),
        ("setAuditPolicy", json!({"organization_id": "west", "mask_secrets": true})),
    ] {
        answers.push(json!({name: done(&owner, name, input).await}));
    }
    let west = json!({"organization": "west"});
    answers.push(owner.data(POLICIES, west).await);
    answers.push(
        owner.data(EFFECTIVE, json!({"organization": "portland", "resource": "APPOINTMENT"})).await,
    );
    answers.push(json!({"removeAuditPolicy": done(&owner, "removeAuditPolicy", kind).await}));
    answers.push(
        owner.data(EFFECTIVE, json!({"organization": "portland", "resource": "APPOINTMENT"})).await,
    );
    insta::assert_snapshot!("what_setting_policies_answers", pretty(&json!(answers)));
    insta::assert_snapshot!("what_setting_policies_records", pretty(&json!(log.rest().await)));
}

async fn what_can_be_mended_is_said_and_nothing_is_set(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let before = whole_log(&owner, "id").await;
    let many = vec!["a"; 201];
    let policy = |more: Value| {
        let mut policy = json!({"organization_id": "west"});
        more.as_object().unwrap().iter().for_each(|(k, v)| policy[k] = v.clone());
        policy
    };
    let mut said = Vec::new();
    for (name, input) in [
        ("setAuditPolicy", policy(json!({}))),
        ("setAuditPolicy", policy(json!({"recorded": null}))),
        ("setAuditPolicy", policy(json!({"masked_fields": ["a", "b..c", ""]}))),
        ("setAuditPolicy", policy(json!({"masked_fields": [""], "dropped_fields": ["*x"]}))),
        ("setAuditPolicy", policy(json!({"recorded_fields": many}))),
        ("setAuditPolicy", policy(json!({"plain_fields": ["a.**"]}))),
        ("setAuditPolicy", policy(json!({"event_types": ["CREATE", "NOTE"]}))),
        ("setAuditPolicy", policy(json!({"custom_types": ["a\nb"]}))),
        ("setAuditPolicy", policy(json!({"recorded": true, "resource_name": "AUDIT_POLICY"}))),
        ("setAuditPolicy", policy(json!({"recorded": true, "resource_name": "CUSTOM"}))),
        ("setAuditPolicy", policy(json!({"recorded": true, "custom_resource": "x"}))),
        (
            "setAuditPolicy",
            policy(json!({"recorded": true, "resource_name": "USER", "custom_resource": "x"})),
        ),
        ("setAuditPolicy", json!({"organization_id": "", "recorded": true})),
        ("setAuditPolicy", json!({"organization_id": "nowhere", "recorded": true})),
        ("setAuditPolicy", json!({"organization_id": "hammock", "recorded": true})),
        ("removeAuditPolicy", policy(json!({}))),
        ("removeAuditPolicy", policy(json!({"resource_name": "USER"}))),
        ("removeAuditPolicy", json!({"organization_id": "hammock"})),
        ("setSensitiveFields", json!({"fields": ["a", "*b"]})),
        ("setSensitiveFields", json!({"fields": many})),
        ("setSensitiveFields", json!({"resource_name": "CUSTOM", "fields": ["a"]})),
    ] {
        let answer = administer(&owner, name, input.clone()).await;
        let input = if input.to_string().len() > 300 { json!("too many") } else { input };
        said.push(json!({name: input, "messages": answer["messages"]}));
        let made = answer.as_object().unwrap().iter().filter(|(key, _)| *key != "messages");
        made.for_each(|(key, value)| assert!(value.is_null(), "{key}"));
    }
    insta::assert_snapshot!("what_can_be_mended_of_a_policy", pretty(&json!(said)));
    assert_eq!(whole_log(&owner, "id").await, before);
}

async fn an_owner_sets_policies_below_and_nowhere_else(on: On) {
    let world = World::new(on).await;
    let root = world.user("olga", "acme", OWN).await;
    let west = world.user("wes", "west", OWN).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    set(&root, json!({"organization_id": "acme", "masked_fields": ["ssn"]})).await;
    set(&west, json!({"organization_id": "portland", "recorded": true})).await;
    for place in ["acme", "east", "boston", "globex"] {
        let answer = administer(
            &west,
            "setAuditPolicy",
            json!({"organization_id": place, "recorded": false}),
        );
        assert_eq!(
            answer.await["messages"][0]["message"],
            "there is no such organization that you may administer"
        );
        let code = west.error_code(POLICIES, json!({"organization": place})).await;
        assert_eq!(code, "NOT_FOUND", "{place}");
        let code = west.error_code(EFFECTIVE, json!({"organization": place})).await;
        assert_eq!(code, "NOT_FOUND", "{place}");
    }
    // What is inherited from above is told, but not from where.
    let effective = west.data(EFFECTIVE, json!({"organization": "portland"})).await;
    let effective = &effective["effectiveAuditPolicy"];
    assert_eq!(
        effective["masked_fields"],
        json!({"value": ["ssn"], "is_default": false, "organization_id": null})
    );
    assert_eq!(
        effective["recorded"],
        json!({"value": true, "is_default": false, "organization_id": "portland"})
    );
    for query in [POLICIES, EFFECTIVE] {
        let code = viewer.error_code(query, json!({"organization": "acme"})).await;
        assert_eq!(code, "FORBIDDEN");
    }
    // Sensitive fields are the whole tenant's.
    let set = "mutation { setSensitiveFields(input: {fields: []}) { messages { field } } }";
    for somebody in [&west, &viewer] {
        assert_eq!(somebody.error_code(set, json!({})).await, "FORBIDDEN");
        let query = "{ sensitiveFields { fields } }";
        assert_eq!(somebody.error_code(query, json!({})).await, "FORBIDDEN");
    }
}

async fn attributes_are_inherited_one_by_one(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    set(&owner, json!({"organization_id": "acme", "masked_fields": ["a"]})).await;
    let appointments = json!({
        "organization_id": "acme", "resource_name": "APPOINTMENT", "dropped_fields": ["b"],
        "event_types": ["UPDATE"],
    });
    set(&owner, appointments).await;
    set(&owner, json!({"organization_id": "west", "masked_fields": ["c"]})).await;
    set(&owner, json!({"organization_id": "portland", "dropped_fields": []})).await;
    let change = json!({"before": {"a": 1, "b": 1, "c": 1}, "after": {"a": 2, "b": 2, "c": 2}});
    let places = ["acme", "boston", "west", "portland"];
    recorder
        .recorded(places.iter().map(|place| event_with(place, place, change.clone())).collect())
        .await;
    let recorded = recorded(&owner).await;
    let lines: Vec<_> = recorded.iter().map(lines).collect();
    let (hidden, a, b, c) = (
        |field: &str| format!("{field}: [withheld] -> [withheld] withheld"),
        "a: 1 -> 2".to_owned(),
        "b: 1 -> 2".to_owned(),
        "c: 1 -> 2".to_owned(),
    );
    assert_eq!(
        lines,
        [
            vec![hidden("a"), c.clone()],
            vec![hidden("a"), c],
            vec![a.clone(), hidden("c")],
            vec![a, b, hidden("c")],
        ]
    );
}

async fn masked_values_never_reach_the_database(on: On) {
    const SECRET: &str = "hunter2hunter2";
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let policy = json!({
        "organization_id": "acme", "masked_fields": ["ssn", "contacts.phone"],
        "dropped_fields": ["**.scratch"],
    });
    set(&owner, policy).await;
    let secret = json!({
        "id": "evt-1",
        "url": format!("https://ehr.test/reset?reset_token={SECRET}&page=2&ssn={SECRET}&scratch={SECRET}"),
        "before": {
            "ssn": SECRET, "status": "a", "contacts": [{"name": "Ann", "phone": SECRET}],
            "scratch": SECRET, "login": {"password": SECRET},
        },
        "after": {
            "status": "b", "contacts": [{"name": "Bob", "phone": null, "scratch": SECRET}],
            "login": {"password": null, "apiKeys": [SECRET]},
        },
        "metadata": {
            "ssn": SECRET, "scratch": {"deep": SECRET}, "kept": 1.10,
            "request": {"headers": {"Authorization": SECRET, "Accept": "*/*"}},
        },
    });
    recorder.recorded(event_with("portland", "1", secret)).await;
    insta::assert_snapshot!("what_is_kept_of_secrets", pretty(&json!(recorded(&owner).await)));
    let kept = everything_stored(&world.database).await;
    assert!(kept.contains("Bob"), "the search finds what is there");
    assert!(!kept.contains(SECRET));
}

/// All that the events and their idempotency records hold, as text.
async fn everything_stored(database: &TestDatabase) -> String {
    let db = direct::connect(&database.url).await;
    if database.on == On::Sqlite {
        // The file itself, with whatever was left in it.
        direct::run(&db, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        let path = database.url.strip_prefix("sqlite://").unwrap();
        return String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    }
    let mut all = direct::texts(&db, "SELECT e::text FROM audit_events e").await;
    all.extend(direct::texts(&db, "SELECT r::text FROM idempotency_records r").await);
    all.join("\n")
}

async fn what_a_policy_leaves_out_is_skipped_and_counted(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let policy = json!({
        "organization_id": "acme", "recorded_fields": ["status"],
        "event_types": ["UPDATE", "VIEW", "DESTROY"],
    });
    set(&owner, policy).await;
    let update = |id: &str, before: Value, after: Value| {
        event_with("acme", id, json!({"before": before, "after": after}))
    };
    let events = vec![
        update("kept", json!({"status": 1, "note": 1}), json!({"status": 2, "note": 2})),
        update("no change is left", json!({"note": 1}), json!({"note": 2})),
        event("acme", "there was no change"),
        event_with("acme", "not this type", json!({"type": "CREATE"})),
        event_with("acme", "a view has no changes", json!({"type": "VIEW"})),
        event_with("acme", "still gone", json!({"type": "DESTROY", "before": {"note": 1}})),
    ];
    let kept = ["kept", "there was no change", "a view has no changes", "still gone"];
    for way in OF_BATCHES {
        let receipt = record(way, &recorder, &events).await;
        assert_eq!(receipt["recorded"], 4, "{way:?}: {receipt}");
        let found = recorded(&owner).await;
        let last: Vec<_> = found[found.len() - 4..].iter().map(|e| &e["resource_id"]).collect();
        assert_eq!(last, kept, "{way:?}");
    }
    let receipt = recorder.recorded(json!(events)).await;
    assert_eq!(receipt["skipped"], 2);
    let receipt = recorder.recorded(json!([events[1], events[3]])).await;
    assert_eq!(receipt["recorded"], 0);
    assert_eq!(receipt["skipped"], 2);
    assert_eq!(recorded(&owner).await.len(), 4 * 4);
    let query = "mutation($events: [AuditEventInput!]!) {
        recordAuditEvents(input: {events: $events}) { recorded skipped }
    }";
    let receipt = recorder.data(query, json!({"events": events})).await;
    assert_eq!(receipt["recordAuditEvents"], json!({"recorded": 4, "skipped": 2}));
}

async fn a_policy_is_for_a_kind_of_record(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let nothing = |more: Value| {
        let mut policy = json!({"organization_id": "acme", "recorded": false});
        more.as_object().unwrap().iter().for_each(|(k, v)| policy[k] = v.clone());
        policy
    };
    set(&owner, nothing(json!({"resource_name": "TASK"}))).await;
    let back = json!({"organization_id": "portland", "resource_name": "TASK", "recorded": true});
    set(&owner, back).await;
    let task = |place: &str| event_with(place, "1", json!({"resource_name": "TASK"}));
    let receipt = recorder
        .recorded(json!([task("acme"), task("boston"), task("portland"), event("acme", "1")]))
        .await;
    assert_eq!((&receipt["recorded"], &receipt["skipped"]), (&json!(2), &json!(2)));
    // A policy for every kind is below one for the kind at the same place, and above those further up.
    set(&owner, nothing(json!({"organization_id": "west"}))).await;
    let receipt = recorder
        .recorded(json!([
            task("seattle"),
            task("portland"),
            event("west", "1"),
            event("east", "1")
        ]))
        .await;
    assert_eq!((&receipt["recorded"], &receipt["skipped"]), (&json!(2), &json!(2)));
}

async fn what_the_server_does_itself_is_recorded_whatever_the_policy(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let nothing = json!({"organization_id": "acme", "recorded": false, "masked_fields": ["*"]});
    set(&owner, nothing).await;
    assert_eq!(recorder.recorded(event("acme", "1")).await["skipped"], 1);
    let user = json!({"id": "new", "organization_id": "west", "first_name": "Nell"});
    done(&owner, "createUser", user).await;
    let log = whole_log(&owner, CHANGES).await;
    let made = log.iter().find(|e| e["resource_name"] == "USER" && e["resource_id"] == "new");
    assert_eq!(lines(made.unwrap()), ["first_name: - -> Nell"]);
}

async fn the_same_id_with_another_secret_is_another_event(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let with = |password: &str, status: &str| {
        let after = json!({"password": password, "status": status});
        event_with("acme", "1", json!({"id": "evt-1", "after": after}))
    };
    assert_eq!(recorder.recorded(with("one", "x")).await["recorded"], 1);
    assert_eq!(recorder.recorded(with("one", "x")).await["duplicates"], 1);
    assert_eq!(recorder.record(with("two", "x")).await.status, 422);
    assert_eq!(recorder.record(with("one", "y")).await.status, 422);
    assert_eq!(recorded(&owner).await.len(), 1);
}

async fn each_event_is_recorded_by_the_policy_at_its_place_in_the_log(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let setting = async {
        for round in 0..12 {
            let masked = if round % 2 == 0 { json!(["status"]) } else { json!([]) };
            set(&owner, json!({"organization_id": "acme", "masked_fields": masked})).await;
        }
    };
    let recording = async {
        for round in 0..40 {
            let change = json!({"after": {"status": format!("s{round}")}});
            recorder.recorded(event_with("portland", &round.to_string(), change)).await;
        }
    };
    tokio::join!(setting, recording);
    let mut masked = false;
    let mut seen = [0, 0];
    for event in whole_log(&owner, CHANGES).await {
        if event["resource_name"] == "AUDIT_POLICY" {
            masked = lines(&event)[0].ends_with(r#"["status"]"#);
        } else if event["resource_name"] == "APPOINTMENT" {
            assert_eq!(event["resource_changes"][0]["withheld"], masked, "{event}");
            seen[usize::from(masked)] += 1;
        }
    }
    assert_eq!(seen[0] + seen[1], 40);
}
