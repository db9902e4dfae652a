//! Events of a tenant's own types and on its own kinds of records: recorded by the definition in force,
//! by every way in.

use std::sync::Arc;

use auditlog::auth::Authenticator;
use auditlog::http;
use auditlog::ingest::{self, Batch};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::definitions::done;
use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::log::{Poller, whole_log};
use crate::support::ways::{OF_BATCHES, record};
use crate::support::world::{OWN, VIEW, World, event_with};

on_both!(
    every_way_in_records_custom_events_with_their_versions,
    every_way_in_refuses_what_the_definition_does_not_take,
    an_event_is_recorded_by_the_definitions_at_its_place_in_the_log,
    what_was_recorded_of_a_retired_definition_is_read_and_found,
    a_definition_of_another_tenant_is_none,
    a_recorded_event_is_a_duplicate_whatever_became_of_its_definition,
    clients_that_know_three_types_get_just_those,
);

const CUSTOM: &str = "external_id type custom_type custom_type_version
    resource_name custom_resource custom_resource_version resource_id metadata";

fn consent(more: Value) -> Value {
    let mut event = event_with("portland", "c-1", more);
    event["type"] = json!("CUSTOM");
    event["custom_type"] = event.get("custom_type").cloned().unwrap_or(json!("consent.signed"));
    event
}

/// Defines `consent.signed` (with a schema) and `consent-form` (without one).
async fn define(owner: &Client) {
    let schema = json!({
        "type": "object", "required": ["form"], "additionalProperties": false,
        "properties": {"form": {"enum": ["HIPAA", "photo"]}, "copies": {"type": "integer", "minimum": 1}},
    });
    let input = json!({"name": "consent.signed", "metadata_schema": schema});
    done(owner, "defineAuditEventType", input).await;
    done(owner, "defineAuditResource", json!({"name": "consent-form"})).await;
}

async fn every_way_in_records_custom_events_with_their_versions(on: On) {
    for way in OF_BATCHES {
        let world = World::new(on).await;
        let owner = world.user("olga", "acme", OWN).await;
        let recorder = world.recorder("acme").await;
        define(&owner).await;
        let input = json!({"name": "consent-form", "metadata_schema": {"properties": {"form": {"type": "string"}}}});
        done(&owner, "defineAuditResource", input).await;
        let mut log = Poller::new(&owner, CUSTOM);
        log.rest().await;
        let on_custom =
            json!({"type": "VIEW", "resource_name": "CUSTOM", "custom_resource": "consent-form"});
        let events = [
            consent(json!({"metadata": {"form": "HIPAA", "copies": 2.0}})),
            consent(
                json!({"metadata": {"form": "photo"}, "resource_name": "CUSTOM", "custom_resource": "consent-form"}),
            ),
            event_with("west", "c-2", on_custom),
        ];
        let receipt = record(way, &recorder, &events).await;
        assert_eq!(receipt["recorded"], 3, "{receipt}");
        let mut recorded = log.rest().await;
        recorded.iter_mut().for_each(|event| event["sequence"] = json!(null));
        insta::assert_snapshot!("custom_events_as_recorded", pretty(&json!(recorded)));
    }
}

async fn every_way_in_refuses_what_the_definition_does_not_take(on: On) {
    let events = [
        consent(json!({"metadata": {"form": "HIPAA"}})),
        consent(json!({})),
        consent(json!({"metadata": null})),
        consent(json!({"metadata": {"form": "fax", "copies": 0, "z": 1}})),
        consent(
            json!({"metadata": {"form": "HIPAA", "copies": {"$serde_json::private::Number": "7"}}}),
        ),
        consent(json!({"custom_type": "consent.revoked"})),
        consent(json!({"custom_type": "CONSENT.SIGNED"})),
        consent(
            json!({"custom_type": "retired", "resource_name": "CUSTOM", "custom_resource": "nothing"}),
        ),
        consent(json!({"metadata": {}, "resource_name": "CUSTOM", "custom_resource": "strict"})),
    ];
    for way in OF_BATCHES {
        let world = World::new(on).await;
        let owner = world.user("olga", "acme", OWN).await;
        let recorder = world.recorder("acme").await;
        define(&owner).await;
        done(&owner, "defineAuditEventType", json!({"name": "retired"})).await;
        done(&owner, "retireAuditEventType", json!({"name": "retired"})).await;
        done(&owner, "defineAuditResource", json!({"name": "strict"})).await;
        let strict = json!({"name": "strict", "metadata_schema": {"minProperties": 1}});
        done(&owner, "defineAuditResource", strict).await;
        let before = whole_log(&owner, "id").await;
        let refused = record(way, &recorder, &events).await;
        insta::assert_snapshot!("what_definitions_do_not_take", pretty(&refused));
        assert_eq!(whole_log(&owner, "id").await, before, "{way:?}");
    }
    // What is imported is recorded but for those.
    let world = World::new(on).await;
    define(&world.user("olga", "acme", OWN).await).await;
    let mut batch = Batch::default();
    events.iter().take(4).for_each(|event| batch.add_text(&event.to_string()));
    let id = |id: &str| auditlog::domain::id::Id::new(id).unwrap();
    let tenants = [(id("portland"), id("acme"))].into();
    let (appended, problems) = ingest::import(&world.store, &tenants, batch).await.unwrap();
    assert_eq!(appended.recorded, 1);
    assert_eq!(problems.iter().map(|problem| problem.index).collect::<Vec<_>>(), [1, 2, 3]);
}

async fn an_event_is_recorded_by_the_definitions_at_its_place_in_the_log(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    // Another server, which hears of nothing.
    let store = world.database.store(world.clock.clock()).await;
    let authenticator = Authenticator::new(store.clone(), None);
    let elsewhere = recorder.at(&http::router(store, authenticator).await);
    define(&owner).await;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let recorders = [recorder, elsewhere].map(|client| {
        let stop = Arc::clone(&stop);
        tokio::spawn(async move {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let event = consent(json!({"metadata": {"form": "HIPAA"}}));
                let answer = client.record(event).await;
                // Refused only while it is retired.
                assert!(
                    answer.status == StatusCode::OK || answer.body.contains("retired"),
                    "{}",
                    answer.body
                );
            }
        })
    });
    for i in 0..6 {
        let schema = json!({"required": ["form"], "title": i.to_string()});
        let input = json!({"name": "consent.signed", "metadata_schema": schema});
        done(&owner, "defineAuditEventType", input).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        if i % 2 == 1 {
            done(&owner, "retireAuditEventType", json!({"name": "consent.signed"})).await;
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for recorder in recorders {
        recorder.await.unwrap();
    }
    let selection = format!("{CUSTOM} resource_changes {{ field value_after_change }}");
    let (mut version, mut retired, mut recorded) = (json!(null), false, 0);
    for event in whole_log(&owner, &selection).await {
        if event["resource_name"] == "AUDIT_EVENT_TYPE" {
            for change in event["resource_changes"].as_array().unwrap() {
                match change["field"].as_str().unwrap() {
                    "version" => version = change["value_after_change"].clone(),
                    "retired" => retired = change["value_after_change"] == "true",
                    _ => {}
                }
            }
        } else if event["type"] == "CUSTOM" {
            assert_eq!(json!(event["custom_type_version"].to_string()), version);
            assert!(!retired, "{event}");
            recorded += 1;
        }
    }
    assert!(recorded > 0);
}

async fn what_was_recorded_of_a_retired_definition_is_read_and_found(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    define(&owner).await;
    let event = consent(
        json!({"metadata": {"form": "HIPAA"}, "resource_name": "CUSTOM", "custom_resource": "consent-form"}),
    );
    recorder.recorded(event.clone()).await;
    done(&owner, "retireAuditEventType", json!({"name": "consent.signed"})).await;
    done(&owner, "retireAuditResource", json!({"name": "consent-form"})).await;
    assert_eq!(recorder.record(event).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let found = owner
        .query("{ auditLog(event_types: [CUSTOM], resource_names: [CUSTOM]) { nodes { custom_type custom_type_version custom_resource } } }")
        .await;
    let expected = json!([{"custom_type": "consent.signed", "custom_type_version": 1, "custom_resource": "consent-form"}]);
    assert_eq!(found["auditLog"]["nodes"], expected);
}

async fn a_definition_of_another_tenant_is_none(on: On) {
    let world = World::new(on).await;
    define(&world.user("olga", "acme", OWN).await).await;
    let recorder = world.recorder("globex").await;
    let mut event = consent(json!({"metadata": {"form": "HIPAA"}}));
    event["organization_id"] = json!("hammock");
    let answer = recorder.record(event).await;
    assert!(answer.body.contains("is not defined"), "{}", answer.body);
}

async fn a_recorded_event_is_a_duplicate_whatever_became_of_its_definition(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    define(&owner).await;
    let numbered = |id: &str| consent(json!({"id": id, "metadata": {"form": "HIPAA"}}));
    recorder.recorded(json!([numbered("1"), numbered("2")])).await;
    let stricter = json!({"name": "consent.signed", "metadata_schema": {"required": ["copies"]}});
    done(&owner, "defineAuditEventType", stricter).await;
    let plain = event_with("portland", "5", json!({"id": "3"}));
    for way in OF_BATCHES {
        let again = [numbered("2"), plain.clone(), numbered("1")];
        let receipt = record(way, &recorder, &again).await;
        let recorded = if way == OF_BATCHES[0] { 1 } else { 0 };
        assert_eq!(
            (&receipt["recorded"], &receipt["duplicates"]),
            (&json!(recorded), &json!(3 - recorded))
        );
    }
    done(&owner, "retireAuditEventType", json!({"name": "consent.signed"})).await;
    assert_eq!(recorder.recorded(numbered("1")).await["duplicates"], 1);
    // With other content it is a conflict, or not what the definition takes; new, it is refused.
    let mut other = numbered("1");
    other["resource_id"] = json!("c-2");
    let refused = recorder.record(json!([numbered("1"), other, numbered("4")])).await;
    insta::assert_snapshot!("what_is_no_duplicate", pretty(&refused.json()));
}

/// Those written for Healthie's API, with a filter on types.
async fn clients_that_know_three_types_get_just_those(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    define(&owner).await;
    let of_type = |kind: &str| event_with("portland", kind, json!({"type": kind}));
    let more = [
        "VIEW",
        "DOWNLOAD",
        "PRINT",
        "EXPORT",
        "SIGN_IN",
        "SIGN_IN_FAILED",
        "SIGN_OUT",
        "API_CALL",
    ];
    let mut events: Vec<Value> = more.iter().map(|kind| of_type(kind)).collect();
    events.push(consent(json!({"metadata": {"form": "HIPAA"}})));
    events.extend(["CREATE", "UPDATE", "DESTROY"].map(of_type));
    recorder.recorded(json!(events)).await;
    let viewer = world.user("vera", "portland", VIEW).await;
    let healthie = include_str!("../../examples/queries/healthie-audit-log.graphql")
        .replace("$event_type: AuditEventType\n", "$event_types: [AuditEventType!]\n")
        .replace("event_type: $event_type\n", "event_types: $event_types\n");
    let known =
        json!({"event_types": ["CREATE", "UPDATE", "DESTROY"], "resource_name": "APPOINTMENT"});
    let log = viewer.data(&healthie, known).await["auditLog"].clone();
    let types: Vec<_> =
        log["edges"].as_array().unwrap().iter().map(|e| &e["node"]["type"]).collect();
    assert_eq!(types, ["DESTROY", "UPDATE", "CREATE"]);
    assert_eq!(log["total_count"], 3);
    assert_eq!(
        viewer.data(&healthie, json!({"resource_name": "APPOINTMENT"})).await["auditLog"]["total_count"],
        12
    );
}
