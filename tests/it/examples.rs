//! Every query of `examples/queries` runs against the demo's data.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use auditlog::admin::{self, Actor, NewUser, Rights};
use auditlog::demo;
use auditlog::domain::definition::Kind;
use auditlog::domain::event::Context;
use auditlog::domain::id::Id;
use auditlog::domain::json::Json;
use auditlog::ingest::{self, Batch, MAX_EVENTS};
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::world::World;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/queries");

const OFFICER: &str = "12302";
const OWNER: &str = "12301";
const RECORDER: &str = "12399";

on_both!(every_example_query_answers);

async fn every_example_query_answers(on: On) {
    let world = demo_world(on).await;
    let (officer, owner) = (world.key_for(OFFICER).await, world.key_for(OWNER).await);
    let recorder = world.key_for(RECORDER).await;
    let mut queries = queries();
    let mut summary = String::new();

    let mut run = async |name: &str, client: &Client, fill: &[(&str, &str)]| {
        let (query, variables) = queries.remove(name).unwrap_or_else(|| panic!("no {name}"));
        let mut variables = variables.to_string();
        for (placeholder, value) in fill {
            assert!(variables.contains(placeholder), "{name} has no {placeholder}");
            variables = variables.replace(placeholder, value);
        }
        let data = client.data(&query, serde_json::from_str(&variables).unwrap()).await;
        for payload in data.as_object().unwrap().values() {
            assert!(payload.get("messages").is_none_or(|m| *m == json!([])), "{name}: {data}");
        }
        writeln!(summary, "{name}: {}", outline(&data)).unwrap();
        data
    };

    run("set-status-note-rules", &owner, &[]).await;
    run("status-note-rules", &owner, &[]).await;
    run("record-events", &recorder, &[]).await;
    run("add-timestamp-note", &recorder, &[]).await;
    run("create-organization", &owner, &[]).await;
    run("move-organization", &owner, &[]).await;
    let made = run("create-user", &owner, &[]).await;
    let membership = made["createUser"]["organization_membership"]["id"].as_str().unwrap();
    run("grant-audit-log", &owner, &[("ID_OF_THE_MEMBERSHIP", membership)]).await;
    let made = run("create-api-key", &owner, &[]).await;
    let key = made["createApiKey"]["api_key_object"]["id"].as_str().unwrap();
    run("rotate-api-key", &owner, &[("ID_OF_THE_KEY", key)]).await;
    run("api-keys", &owner, &[]).await;
    run("delete-api-key", &owner, &[("ID_OF_THE_KEY", key)]).await;
    run("set-audit-policy", &owner, &[]).await;
    run("audit-policies", &owner, &[]).await;
    run("remove-audit-policy", &owner, &[]).await;
    let placed = run("place-legal-hold", &owner, &[]).await;
    let hold = placed["placeLegalHold"]["legal_hold"]["id"].as_str().unwrap();
    run("legal-holds", &owner, &[]).await;
    run("release-legal-hold", &owner, &[("ID_OF_THE_HOLD", hold)]).await;
    run("set-sensitive-fields", &owner, &[]).await;
    run("sensitive-fields", &owner, &[]).await;
    for name in ["define-event-type", "define-resource"] {
        run(name, &owner, &[]).await;
    }
    run("record-custom-events", &recorder, &[]).await;
    for name in ["retire-event-type", "retire-resource"] {
        run(name, &owner, &[]).await;
    }
    for name in [
        "audit-plan",
        "automatic-actions",
        "by-user",
        "count",
        "definitions",
        "deletions",
        "failed-sign-ins",
        "field-history",
        "four-months",
        "from-address",
        "healthie-audit-log",
        "last-page",
        "one-event",
        "poll",
        "record-history",
        "resource-history",
        "resource-notes",
        "search",
        "set-to",
        "sub-organization",
        "tree-of-the-day",
        "user-activity",
        "who-am-i",
    ] {
        run(name, &officer, &[]).await;
    }
    // From here on reads leave events, which would be counted above.
    run("update-audit-settings", &owner, &[]).await;
    run("audit-settings", &officer, &[]).await;
    run("recent-changes", &officer, &[]).await;
    run("who-read-the-log", &officer, &[]).await;

    assert_eq!(queries.into_keys().collect::<Vec<_>>(), Vec::<String>::new(), "not run");
    insta::assert_snapshot!("example_queries", summary);
}

/// Every query with its variables, by name.
fn queries() -> BTreeMap<String, (String, Value)> {
    let mut queries = BTreeMap::new();
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "graphql") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let variables = std::fs::read_to_string(path.with_extension("variables.json"));
            let variables = serde_json::from_str(variables.as_deref().unwrap_or("{}")).unwrap();
            queries.insert(name, (std::fs::read_to_string(&path).unwrap(), variables));
        }
    }
    queries
}

/// How much each root field answered.
fn outline(data: &Value) -> String {
    let mut parts = Vec::new();
    for (name, value) in data.as_object().unwrap() {
        if let Some(list) = value.as_array() {
            parts.push(format!("{name} ({})", list.len()));
            continue;
        }
        let count =
            |field: &str| value[field].as_array().map(|list| format!("{} {field}", list.len()));
        let mut counts: Vec<_> = ["nodes", "edges"].into_iter().filter_map(count).collect();
        if let Some(total) = value.get("total_count") {
            counts.push(format!("of {total}"));
        }
        if let Some(list) = value.as_array() {
            counts.push(format!("{} items", list.len()));
        }
        if counts.is_empty() {
            let keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            counts.push(keys.join(", "));
        }
        parts.push(format!("{name} ({})", counts.join(" ")));
    }
    parts.join("; ")
}

/// The demo's organizations, users and events.
async fn demo_world(on: On) -> World {
    let world = World::empty(on, None).await;
    let sample = demo::World::new();
    let mut tenants = HashMap::new();
    for demo::Organization { id, name, parent_id } in &sample.organizations {
        world.organization(id, name, *parent_id).await;
        tenants.insert(Id::new(*id).unwrap(), Id::new("cedar-health").unwrap());
    }
    for user in &sample.users {
        let new = NewUser {
            id: user.id.to_owned(),
            organization_id: user.organization_id.to_owned(),
            first_name: Some(user.first_name.to_owned()),
            last_name: Some(user.last_name.to_owned()),
            email: Some(user.email.to_owned()),
            rights: Rights {
                is_owner: user.is_owner,
                can_view_audit_log: user.can_view_audit_log,
                can_record: user.can_record,
                ..Rights::default()
            },
        };
        admin::create_user(&world.store, &Actor::operator(), new).await.unwrap().unwrap();
    }
    let owner = sample.users.iter().find(|user| user.is_owner).unwrap().id;
    let tenant_id = || Id::new("cedar-health").unwrap();
    let owner = world.store.viewer(tenant_id(), Id::new(owner).unwrap()).await.unwrap();
    let owner = Actor::tenant_owner(&world.store, owner, Context::default()).await.unwrap();
    for definition in demo::DEFINITIONS {
        let kind = if definition.is_of_records { Kind::Resource } else { Kind::EventType };
        let schema = Json::parse(definition.metadata_schema).unwrap();
        let name = definition.name.to_owned();
        let defined = admin::define(&world.store, &owner, kind, name, None, Some(schema)).await;
        defined.unwrap().unwrap();
    }
    let events: Vec<String> = sample.events(1, world.clock.now()).collect();
    for events in events.chunks(MAX_EVENTS) {
        let mut batch = Batch::default();
        events.iter().for_each(|event| batch.add_text(event));
        let (_, problems) = ingest::import(&world.store, &tenants, batch).await.unwrap();
        assert_eq!(problems, []);
    }
    world
}
