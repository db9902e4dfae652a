//! A tenant's own types of events and kinds of records: who defines them, how they are versioned, what
//! is answered, and what is recorded of it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::client::{Client, pretty};
use crate::support::log::{Poller, whole_log};
use crate::support::property::for_all;
use crate::support::world::{NOTHING, OWN, RECORD, VIEW, World};
use crate::support::{On, direct};

on_both!(
    each_mutation_answers_what_it_did_and_is_recorded,
    what_can_be_mended_is_said_and_nothing_is_done,
    only_the_owner_of_the_whole_tenant_defines,
    whoever_views_records_or_administers_reads_definitions,
    a_tenant_has_its_own_definitions,
    a_tenant_has_a_limited_number_of_definitions,
    versions_are_those_of_a_naive_model,
);

pub const DEFINITION: &str = "name retired_at
    current { version description metadata_schema defined_at defined_by { id full_name } }
    versions { version description metadata_schema defined_at defined_by { id } }";

fn field(mutation: &str) -> &'static str {
    if mutation.ends_with("EventType") { "audit_event_type" } else { "audit_resource" }
}

fn mutation(name: &str) -> String {
    let (field, input) = (field(name), format!("{}{}Input", name[..1].to_uppercase(), &name[1..]));
    format!(
        "mutation($input: {input}!) {{
            {name}(input: $input) {{ {field} {{ {DEFINITION} }} messages {{ field message }} }}
        }}"
    )
}

/// What a mutation of definitions answers, which must be no error.
async fn administer(client: &Client, name: &str, input: Value) -> Value {
    client.data(&mutation(name), json!({"input": input})).await[name].clone()
}

/// The definition, when nothing must be left to mend.
pub async fn done(client: &Client, name: &str, input: Value) -> Value {
    let answer = administer(client, name, input).await;
    assert_eq!(answer["messages"], json!([]), "{name}");
    answer[field(name)].clone()
}

async fn listed(client: &Client, query: &str, include_retired: bool) -> Value {
    let text = format!("{{ {query}(include_retired: {include_retired}) {{ {DEFINITION} }} }}");
    client.query(&text).await[query].clone()
}

async fn each_mutation_answers_what_it_did_and_is_recorded(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let mut log = Poller::new(
        &owner,
        "type resource_name resource_id occurred_at acting_user { id } organization { id } user_agent
         resource_changes { field value_before_change value_after_change }",
    );
    log.rest().await;
    let owner = owner.with("user-agent", "console/1");
    let schema = json!({"type": "object", "required": ["form"], "properties": {"copies": {"maximum": 1.50}}});
    let signed = |more: Value| {
        let mut input = json!({"name": "patient.consent_signed"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let mut answers = Vec::new();
    for (name, input) in [
        ("defineAuditEventType", signed(json!({}))),
        (
            "defineAuditEventType",
            signed(json!({"description": "A consent was signed.\nOn paper, too."})),
        ),
        (
            "defineAuditEventType",
            signed(json!({"description": "Signed.", "metadata_schema": schema})),
        ),
        // In another order, which is the same, so that nothing is done.
        (
            "defineAuditEventType",
            signed(
                json!({"metadata_schema": {"required": ["form"], "properties": {"copies": {"maximum": 1.50}}, "type": "object"}, "description": "Signed."}),
            ),
        ),
        ("retireAuditEventType", signed(json!({}))),
        ("retireAuditEventType", signed(json!({}))),
        (
            "defineAuditEventType",
            signed(json!({"description": "Signed.", "metadata_schema": schema})),
        ),
        ("defineAuditResource", json!({"name": "Consent-Form_2", "metadata_schema": {}})),
        ("defineAuditResource", json!({"name": "Consent-Form_2", "metadata_schema": null})),
        ("retireAuditResource", json!({"name": "Consent-Form_2"})),
    ] {
        world.clock.advance(chrono::TimeDelta::seconds(1));
        answers.push(json!({name: done(&owner, name, input).await}));
    }
    insta::assert_snapshot!("what_each_mutation_answers", pretty(&json!(answers)));
    insta::assert_snapshot!("what_each_mutation_records", pretty(&json!(log.rest().await)));
    let lists = json!({
        "types": listed(&owner, "auditEventTypes", false).await,
        "resources": listed(&owner, "auditResources", false).await,
        "retired resources too": listed(&owner, "auditResources", true).await,
        "one": owner.query(r#"{ auditEventTypes(name: "patient.consent_signed") { name current { version } } }"#).await,
        "none": owner.query(r#"{ auditEventTypes(name: "Consent-Form_2", include_retired: true) { name } }"#).await,
    });
    insta::assert_snapshot!("what_is_listed", pretty(&lists));
}

async fn what_can_be_mended_is_said_and_nothing_is_done(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let before = whole_log(&owner, "id").await;
    let mut said = Vec::new();
    for (name, input) in [
        ("defineAuditEventType", json!({"name": ""})),
        ("defineAuditEventType", json!({"name": "a..b"})),
        ("defineAuditEventType", json!({"name": "a."})),
        ("defineAuditEventType", json!({"name": "1a"})),
        ("defineAuditEventType", json!({"name": "a b"})),
        ("defineAuditEventType", json!({"name": "é"})),
        ("defineAuditEventType", json!({"name": "a\n"})),
        ("defineAuditEventType", json!({"name": "a".repeat(101)})),
        ("defineAuditEventType", json!({"name": "Create"})),
        ("defineAuditResource", json!({"name": "appointment"})),
        ("defineAuditResource", json!({"name": "CUSTOM"})),
        ("defineAuditResource", json!({"name": "a", "description": "d".repeat(2_001)})),
        ("defineAuditResource", json!({"name": "a", "description": "\u{1b}"})),
        ("defineAuditResource", json!({"name": "a", "metadata_schema": []})),
        ("defineAuditResource", json!({"name": "a", "metadata_schema": {"type": "strng"}})),
        (
            "defineAuditEventType",
            json!({"name": "a", "metadata_schema": {"$ref": "https://example.com/a.json"}}),
        ),
        (
            "defineAuditEventType",
            json!({"name": "", "description": "\u{1b}", "metadata_schema": 5}),
        ),
        ("retireAuditEventType", json!({"name": "a"})),
        ("retireAuditResource", json!({"name": ""})),
    ] {
        let answer = administer(&owner, name, input.clone()).await;
        assert_eq!(answer[field(name)], json!(null), "{input}");
        said.push(json!({"input": input, "messages": answer["messages"]}));
    }
    insta::assert_snapshot!("what_can_be_mended", pretty(&json!(said)));
    assert_eq!(whole_log(&owner, "id").await, before);
    assert_eq!(listed(&owner, "auditEventTypes", true).await, json!([]));
}

async fn only_the_owner_of_the_whole_tenant_defines(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    done(&owner, "defineAuditEventType", json!({"name": "a"})).await;
    let others = [
        world.user("wendy", "west", OWN).await,
        world.user("vera", "acme", VIEW).await,
        world.user("rob", "acme", RECORD).await,
    ];
    for other in others {
        for name in [
            "defineAuditEventType",
            "retireAuditEventType",
            "defineAuditResource",
            "retireAuditResource",
        ] {
            let code = other.error_code(&mutation(name), json!({"input": {"name": "a"}})).await;
            assert_eq!(code, "FORBIDDEN", "{name}");
        }
    }
    assert_eq!(listed(&owner, "auditEventTypes", false).await[0]["current"]["version"], 1);
    assert_eq!(listed(&owner, "auditResources", true).await, json!([]));
}

async fn whoever_views_records_or_administers_reads_definitions(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    done(&owner, "defineAuditEventType", json!({"name": "a"})).await;
    for (user, may) in [("wendy", OWN), ("vera", VIEW), ("rob", RECORD)] {
        let reader = world.user(user, "portland", may).await;
        assert_eq!(listed(&reader, "auditEventTypes", false).await[0]["name"], "a", "{user}");
    }
    let nobody = world.user("ned", "acme", NOTHING).await;
    for query in ["auditEventTypes", "auditResources"] {
        let code = nobody.error_code(&format!("{{ {query} {{ name }} }}"), json!({})).await;
        assert_eq!(code, "FORBIDDEN");
    }
}

async fn a_tenant_has_its_own_definitions(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let gina = world.user("gina", "globex", OWN).await;
    done(&olga, "defineAuditEventType", json!({"name": "a", "description": "Acme's"})).await;
    done(&olga, "defineAuditEventType", json!({"name": "b"})).await;
    let of_globex =
        done(&gina, "defineAuditEventType", json!({"name": "a", "description": "Globex'"})).await;
    assert_eq!(of_globex["versions"].as_array().unwrap().len(), 1);
    done(&gina, "retireAuditEventType", json!({"name": "a"})).await;
    let other = administer(&gina, "retireAuditEventType", json!({"name": "b"})).await;
    assert_eq!(other["messages"][0]["field"], "name");
    let of_acme = listed(&olga, "auditEventTypes", true).await;
    let shown = of_acme.as_array().unwrap().iter();
    let shown: Vec<_> =
        shown.map(|d| (&d["name"], &d["retired_at"], &d["current"]["description"])).collect();
    let nothing = json!(null);
    assert_eq!(
        shown,
        [(&json!("a"), &nothing, &json!("Acme's")), (&json!("b"), &nothing, &nothing)]
    );
    assert_eq!(listed(&gina, "auditEventTypes", false).await, json!([]));
}

async fn a_tenant_has_a_limited_number_of_definitions(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let define = |name: &str| administer(&owner, "defineAuditResource", json!({"name": name}));
    let message = |answer: Value| answer["messages"][0].clone();
    done(&owner, "defineAuditResource", json!({"name": "first"})).await;
    let db = direct::connect(&world.database.url).await;
    direct::run(
        &db,
        "INSERT INTO definitions (tenant_id, kind, name, version)
         WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000)
         SELECT 'acme', 'RESOURCE', 'r' || n, 1 FROM numbers",
    )
    .await;
    insta::assert_snapshot!("one_definition_too_many", pretty(&message(define("last").await)));
    // A type is another kind, and another version is no other definition.
    done(&owner, "defineAuditEventType", json!({"name": "first"})).await;
    done(&owner, "defineAuditResource", json!({"name": "first", "description": "Again"})).await;
    direct::run(
        &db,
        "UPDATE definition_versions SET bytes = 16 * 1024 * 1024 - 250 WHERE version = 2",
    )
    .await;
    insta::assert_snapshot!(
        "one_byte_too_many",
        pretty(&message(administer(&owner, "defineAuditEventType", json!({"name": "x"})).await))
    );
}

/// What somebody does to one of three definitions.
#[derive(Debug, Clone)]
enum Step {
    Define(usize, Option<usize>, Option<usize>),
    Retire(usize),
}

#[derive(Debug, Clone, Default)]
struct Model {
    versions: Vec<(Option<usize>, Option<usize>)>,
    retired: bool,
}

async fn versions_are_those_of_a_naive_model(on: On) {
    const NAMES: [&str; 3] = ["a", "a.b", "B"];
    let schemas = [json!({}), json!({"type": "object"}), json!({"required": ["é"]})];
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let content = || prop::option::of(0..3usize);
    let step = prop_oneof![
        3 => (0..3usize, content(), content()).prop_map(|(n, d, s)| Step::Define(n, d, s)),
        1 => (0..3usize).prop_map(Step::Retire),
    ];
    let case = std::cell::Cell::new(0);
    for_all(6, prop::collection::vec(step, 1..12), async |steps| {
        // Each case has names of its own.
        case.set(case.get() + 1);
        let name = |n: usize| format!("{}-{}", NAMES[n], case.get());
        let mut model: BTreeMap<String, Model> = BTreeMap::new();
        let before = whole_log(&owner, "id").await.len();
        let mut changes = 0;
        for step in &steps {
            match *step {
                Step::Define(n, description, schema) => {
                    let input = json!({
                        "name": name(n), "description": description.map(|d| d.to_string()),
                        "metadata_schema": schema.map(|s| &schemas[s]),
                    });
                    done(&owner, "defineAuditEventType", input).await;
                    let of = model.entry(name(n)).or_default();
                    if of.retired || of.versions.last() != Some(&(description, schema)) {
                        of.versions.push((description, schema));
                        of.retired = false;
                        changes += 1;
                    }
                }
                Step::Retire(n) => {
                    let input = json!({"name": name(n)});
                    let answer = administer(&owner, "retireAuditEventType", input).await;
                    let of = model.get_mut(&name(n));
                    assert_eq!(answer["messages"] == json!([]), of.is_some());
                    if let Some(of) = of {
                        changes += usize::from(!of.retired);
                        of.retired = true;
                    }
                }
            }
        }
        let expected: Vec<Value> = model
            .iter()
            .map(|(name, of)| {
                let version = |(i, (description, schema)): (usize, &(Option<usize>, Option<usize>))| {
                    json!({
                        "version": i + 1, "description": description.map(|d| d.to_string()),
                        "metadata_schema": schema.map(|s| &schemas[s]),
                    })
                };
                let versions: Vec<_> = of.versions.iter().enumerate().map(version).collect();
                json!({"name": name, "retired": of.retired, "current": versions.last(), "versions": versions})
            })
            .collect();
        let ending = format!("-{}", case.get());
        let listed = listed(&owner, "auditEventTypes", true).await;
        let listed = listed.as_array().unwrap().iter();
        let of_case = listed.filter(|d| d["name"].as_str().unwrap().ends_with(&ending));
        let shown: Vec<Value> = of_case
            .map(|d| {
                let version = |v: &Value| json!({"version": v["version"], "description": v["description"], "metadata_schema": v["metadata_schema"]});
                let versions: Vec<_> = d["versions"].as_array().unwrap().iter().map(version).collect();
                json!({"name": d["name"], "retired": !d["retired_at"].is_null(), "current": version(&d["current"]), "versions": versions})
            })
            .collect();
        assert_eq!(shown, expected, "{steps:?}");
        assert_eq!(whole_log(&owner, "id").await.len() - before, changes, "{steps:?}");
    });
}
