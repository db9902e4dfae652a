//! What other products let their customers choose about the audit log, chosen here.

use serde_json::{Value, json};

use crate::administration::done;
use crate::policies::set;
use crate::support::On;
use crate::support::client::Client;
use crate::support::log::whole_log;
use crate::support::world::{May, NOTHING, OWN, VIEW, World, event_with};

on_both!(
    mystratus_preferences_audit_logging_per_kind_of_record,
    healthie_audited_fields_per_resource,
    halaxy_sensitive_details_are_for_some_roles_only,
    secrets_are_masked_out_of_the_box,
);

/// What was recorded of appointments, tasks and users: `type resource_id: fields`.
async fn seen(viewer: &Client) -> Vec<String> {
    let selection = "type resource_name resource_id acting_user { id }
        resource_changes { field value_after_change }";
    let log = whole_log(viewer, selection).await;
    let recorded = log.iter().filter(|event| event["acting_user"]["id"] == "mkh");
    let line = |event: &Value| {
        let change = |change: &Value| {
            let value = change["value_after_change"].as_str().unwrap_or("-");
            format!("{}={value}", change["field"].as_str().unwrap())
        };
        let changes: Vec<_> =
            event["resource_changes"].as_array().unwrap().iter().map(change).collect();
        let text = |key: &str| event[key].as_str().unwrap();
        format!("{} {}: {}", text("type"), text("resource_name"), changes.join(" "))
    };
    recorded.map(line).collect()
}

fn done_by_mkh(event_type: &str, resource_name: &str, more: Value) -> Value {
    let mut event = event_with("portland", "1", more);
    event["acting_user_id"] = json!("mkh");
    event["type"] = json!(event_type);
    event["resource_name"] = json!(resource_name);
    event
}

/// Preferences > Audit Logging: for each kind of record on or off, and what of it.
async fn mystratus_preferences_audit_logging_per_kind_of_record(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    set(&owner, json!({"organization_id": "acme", "event_types": ["CREATE", "UPDATE", "DESTROY"]}))
        .await;
    let off = json!({"organization_id": "acme", "resource_name": "TASK", "recorded": false});
    set(&owner, off).await;
    let views_too = json!({
        "organization_id": "acme", "resource_name": "USER",
        "event_types": ["CREATE", "UPDATE", "DESTROY", "VIEW"],
    });
    set(&owner, views_too).await;
    let change = || json!({"after": {"a": 1}});
    recorder
        .recorded(json!([
            done_by_mkh("UPDATE", "APPOINTMENT", change()),
            done_by_mkh("VIEW", "APPOINTMENT", json!({})),
            done_by_mkh("UPDATE", "TASK", change()),
            done_by_mkh("VIEW", "USER", json!({})),
        ]))
        .await;
    assert_eq!(seen(&owner).await, ["UPDATE APPOINTMENT: a=1", "VIEW USER: "]);
}

/// The fields of a resource that changes are recorded of, and no others.
async fn healthie_audited_fields_per_resource(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let audited = json!({
        "organization_id": "acme", "resource_name": "APPOINTMENT",
        "recorded_fields": ["pm_status", "location.*"],
    });
    set(&owner, audited).await;
    let record = json!({"after": {
        "pm_status": "Confirmed", "updated_at": "now", "location": {"city": "Salem"}, "notes": "x",
    }});
    let unaudited = json!({"after": {"updated_at": "now"}});
    recorder
        .recorded(json!([
            done_by_mkh("UPDATE", "APPOINTMENT", record.clone()),
            done_by_mkh("UPDATE", "APPOINTMENT", unaudited),
            done_by_mkh("UPDATE", "USER", record),
        ]))
        .await;
    assert_eq!(
        seen(&owner).await,
        [
            "UPDATE APPOINTMENT: location.city=Salem pm_status=Confirmed",
            "UPDATE USER: location.city=Salem notes=x pm_status=Confirmed updated_at=now",
        ]
    );
}

async fn halaxy_sensitive_details_are_for_some_roles_only(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let front_desk = world.user("fay", "portland", VIEW).await;
    let clinician = May { view: true, sensitive: true, ..NOTHING };
    let clinician = world.user("cleo", "portland", clinician).await;
    done(&owner, "setSensitiveFields", json!({"resource_name": "USER", "fields": ["medicare"]}))
        .await;
    let change = json!({"after": {"medicare": "2428 77813 2", "phone": "1"}});
    let recorder = world.recorder("acme").await;
    recorder.recorded(done_by_mkh("UPDATE", "USER", change)).await;
    assert_eq!(seen(&front_desk).await, ["UPDATE USER: medicare=[withheld] phone=1"]);
    assert_eq!(seen(&clinician).await, ["UPDATE USER: medicare=2428 77813 2 phone=1"]);
}

async fn secrets_are_masked_out_of_the_box(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let change = json!({"after": {"encryptedPassword": "x", "api_key": "y", "keyboard": "z"}});
    recorder.recorded(done_by_mkh("UPDATE", "USER", change.clone())).await;
    assert_eq!(
        seen(&owner).await,
        ["UPDATE USER: api_key=[withheld] encryptedPassword=[withheld] keyboard=z"]
    );
    // One that is none is named; or all of it is switched off.
    set(&owner, json!({"organization_id": "acme", "plain_fields": ["api_key"]})).await;
    recorder.recorded(done_by_mkh("UPDATE", "USER", change.clone())).await;
    set(&owner, json!({"organization_id": "portland", "mask_secrets": false})).await;
    recorder.recorded(done_by_mkh("UPDATE", "USER", change)).await;
    assert_eq!(
        seen(&owner).await[1..],
        [
            "UPDATE USER: api_key=y encryptedPassword=[withheld] keyboard=z",
            "UPDATE USER: api_key=y encryptedPassword=x keyboard=z",
        ]
    );
}
