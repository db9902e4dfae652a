//! The four products whose logs this server can be, each rebuilt by configuration and API calls alone.

use serde_json::{Value, json};

use crate::administration::done;
use crate::definitions;
use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::retention::purge;
use crate::support::world::{May, NOTHING, OWN, VIEW, World, event_with};

on_both!(
    healthie_audit_events,
    halaxy_user_action_history,
    nextvisit_activity_log,
    mystratus_time_stamps_status_notes_and_audit_logs,
);

/// An event in Portland, by Mark, on the client's chart.
fn done_by_mark(event_type: &str, more: Value) -> Value {
    let mut event = event_with("portland", "7", more);
    event["type"] = json!(event_type);
    event["acting_user_id"] = json!("mark");
    event
}

/// What a query for events answers, as `type resource_name` a line.
async fn found(viewer: &Client, arguments: &str) -> Vec<String> {
    let query =
        format!("{{ auditLog{arguments} {{ nodes {{ type custom_type resource_name }} }} }}");
    let nodes = viewer.query(&query).await["auditLog"]["nodes"].take();
    let line = |node: &Value| {
        let own = node["custom_type"].as_str().or(node["type"].as_str()).unwrap();
        format!("{own} {}", node["resource_name"].as_str().unwrap())
    };
    nodes.as_array().unwrap().iter().map(line).collect()
}

/// Who changed what, over sub-organizations, and the custom events that Healthie plans.
async fn healthie_audit_events(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    world.user("mark", "portland", NOTHING).await;
    let schema = json!({"type": "object", "required": ["form"]});
    let consent = json!({"name": "patient.consent_signed", "metadata_schema": schema});
    definitions::done(&owner, "defineAuditEventType", consent).await;
    let signed = |metadata: Value| {
        let custom = json!({"custom_type": "patient.consent_signed", "metadata": metadata});
        done_by_mark("CUSTOM", custom)
    };
    let change = json!({"before": {"pm_status": "Confirmed"}, "after": {"pm_status": "Cancelled"}});
    recorder
        .recorded(json!([done_by_mark("UPDATE", change), signed(json!({"form": "HIPAA"}))]))
        .await;
    assert_eq!(recorder.record(signed(json!({}))).await.status, 422, "the form is missing");
    // As an integrator of Healthie asks, for the parent organization.
    let query =
        "query auditLog($resource_name: AuditEventResourceName, $event_type: AuditEventType) {
        auditLog(resource_name: $resource_name, event_type: $event_type, first: 10) {
            total_count
            nodes {
                type resource_name resource_id
                acting_user { id full_name } organization { name }
                resource_changes { field value_before_change value_after_change }
            }
        }
    }";
    let asked = json!({"resource_name": "APPOINTMENT", "event_type": "UPDATE"});
    insta::assert_snapshot!("healthie_audit_log", pretty(&owner.data(query, asked).await));
    assert_eq!(
        found(&owner, "(custom_types: [\"patient.consent_signed\"])").await,
        ["patient.consent_signed APPOINTMENT"]
    );
    assert_eq!(
        found(&owner, "(resource_name: APPOINTMENT, order_by: TYPE_DESC)").await,
        ["UPDATE APPOINTMENT", "patient.consent_signed APPOINTMENT"]
    );
    assert_eq!(
        found(&owner, "(resource_name: APPOINTMENT, event_types: [CREATE, UPDATE, DESTROY])").await,
        ["UPDATE APPOINTMENT"],
        "clients that know three types ask for those"
    );
}

/// Every action with page, URL and IP; sorted and searched; one's own alone; as far back as the plan shows.
async fn halaxy_user_action_history(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let own = May { view: true, only_own_actions: true, ..NOTHING };
    let mark = world.user("mark", "portland", own).await;
    let on_page = |event_type: &str, page: &str, ip: &str, at: &str| {
        let context = json!({
            "page": page, "url": format!("https://app.example/{}", page.to_lowercase()),
            "ip_address": ip, "occurred_at": at,
        });
        done_by_mark(event_type, context)
    };
    let mut somebody = on_page("VIEW", "Calendar", "2001:db8::7", "2026-10-13T09:00:00Z");
    somebody["acting_user_id"] = json!("nina");
    recorder
        .recorded(json!([
            on_page("SIGN_IN", "Login", "203.0.113.9", "2026-10-14T09:00:00Z"),
            on_page("PRINT", "Invoices", "203.0.113.77", "2026-10-14T10:00:00Z"),
            on_page("UPDATE", "Calendar", "203.0.113.9", "2026-08-01T09:00:00Z"),
            somebody,
        ]))
        .await;
    let on_record = "resource_name: APPOINTMENT, ";
    let ask =
        async |client: &Client, more: &str| found(client, &format!("({on_record}{more})")).await;
    assert_eq!(ask(&owner, "pages: [\"Invoices\"]").await, ["PRINT APPOINTMENT"]);
    assert_eq!(
        ask(&owner, "url_prefixes: [\"https://app.example/cal\"]").await,
        ["VIEW APPOINTMENT", "UPDATE APPOINTMENT"]
    );
    assert_eq!(
        ask(&owner, "ip_addresses: [\"203.0.113.0/24\"], order_by: IP_ADDRESS_ASC").await,
        ["UPDATE APPOINTMENT", "SIGN_IN APPOINTMENT", "PRINT APPOINTMENT"]
    );
    assert_eq!(
        ask(&owner, "order_by: TYPE_ASC").await,
        ["PRINT APPOINTMENT", "SIGN_IN APPOINTMENT", "UPDATE APPOINTMENT", "VIEW APPOINTMENT"]
    );
    assert_eq!(ask(&mark, "order_by: PAGE_ASC").await.len(), 3, "not what Nina did");
    // Seven days without a subscription; with one, from 30 days before it began; then lapsed.
    world.assign("acme", "free").await;
    assert_eq!(ask(&owner, "first: 10").await.len(), 3);
    world.assign_for("acme", "subscribed", Some("2026-08-20"), Some("2026-10-01")).await;
    assert_eq!(ask(&owner, "first: 10").await.len(), 3, "it has lapsed");
    world.assign_for("acme", "subscribed", Some("2026-08-20"), None).await;
    assert_eq!(ask(&owner, "first: 10").await.len(), 4);
    world.assign("acme", "free").await;
    purge(&world.store, 500).await;
    world.assign_for("acme", "subscribed", Some("2026-08-20"), None).await;
    assert_eq!(ask(&owner, "first: 10").await.len(), 3, "what was purged is gone for good");
}

/// Chart views, sign-ins, downloads, failures; and who looked at the log, or took it away.
async fn nextvisit_activity_log(on: On) {
    let world = World::logging_reads(on).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let recorder = world.recorder("acme").await;
    let kinds = ["SIGN_IN", "VIEW", "DOWNLOAD", "PRINT", "EXPORT", "API_CALL", "SIGN_OUT"];
    let all = kinds.into_iter().enumerate().map(|(n, kind)| {
        let at = format!("2026-10-15T11:0{n}:00Z");
        done_by_mark(kind, json!({"page": "Chart", "purpose": "TREAT", "occurred_at": at}))
    });
    recorder.recorded(Value::from_iter(all)).await;
    let failed = json!({"outcome": "FAILURE", "description": "Wrong password, third time"});
    recorder.recorded(done_by_mark("SIGN_IN_FAILED", failed)).await;
    let filter = "(pages: [\"Chart\"], purposes: [\"TREAT\"], order_by: OCCURRED_AT_ASC)";
    assert_eq!(found(&viewer, filter).await, kinds.map(|kind| format!("{kind} APPOINTMENT")));
    let failures = "(outcome: FAILURE, description: \"password\")";
    assert_eq!(found(&viewer, failures).await, ["SIGN_IN_FAILED APPOINTMENT"]);
    let file = viewer.get("/v1/audit-events?format=csv&event_type=PRINT").await;
    assert_eq!(file.body.lines().count(), 2, "a head and one event: {}", file.body);
    // All of that reading is in it.
    let told = "{ auditLog(resource_name: AUDIT_LOG, order_by: SEQUENCE_ASC) {
        nodes { type acting_user { id } metadata }
    } }";
    insta::assert_snapshot!("nextvisit_who_read_the_log", pretty(&viewer.query(told).await));
}

/// Ctrl+T, what the system notes by itself, and the Notes tab that shows both with the audit log.
async fn mystratus_time_stamps_status_notes_and_audit_logs(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", May { view: true, ..OWN }).await;
    let recorder = world.recorder("acme").await;
    let mkh = world.user("mark", "portland", May { notes: true, history: true, ..NOTHING }).await;
    let zone = json!({"time_zone": "America/New_York"});
    done(&owner, "updateAuditSettings", zone).await;
    let rule = |field: &str, becomes: Value, text: &str| json!({"fields": [{"field": field, "label": "Date"}], "becomes": becomes, "text": text});
    let rules = json!([
        rule("pm_status", json!([]), "Status changed: {before} → {after}"),
        rule("pm_status", json!(["Cancelled"]), "Cancelled"),
        rule("pm_status", json!(["Rescheduled"]), "Rescheduled"),
        rule("pm_status", json!(["On Hold"]), "On hold"),
        rule("date", json!([]), "Date or time changed: {changes}"),
        rule("reminder_sent_at", json!([]), "Automatic communication sent"),
    ]);
    let set = "mutation($rules: [StatusNoteRuleInput!]!) {
        setStatusNoteRules(input: {resource_name: APPOINTMENT, rules: $rules}) {
            messages { field message }
        }
    }";
    let answer = owner.data(set, json!({"rules": rules})).await;
    assert_eq!(answer["setStatusNoteRules"]["messages"], json!([]));
    let mut reminder = done_by_mark("UPDATE", json!({"after": {"reminder_sent_at": "now"}}));
    reminder["acting_user_id"] = Value::Null;
    let changes =
        [("Confirmed", "On Hold"), ("On Hold", "Rescheduled"), ("Rescheduled", "Cancelled")];
    for (before, after) in changes {
        let change = json!({"before": {"pm_status": before}, "after": {"pm_status": after}});
        recorder.recorded(done_by_mark("UPDATE", change)).await;
    }
    recorder.recorded(reminder).await;
    let moved = json!({"before": {"date": "10/18"}, "after": {"date": "10/19"}});
    recorder.recorded(done_by_mark("UPDATE", moved)).await;
    let note = "mutation { addTimestampNote(input: {
        organization_id: \"portland\", resource_name: APPOINTMENT, resource_id: \"7\",
        text: \"Old Email Address: info@example.com\"
    }) { note { line } messages { field } } }";
    mkh.query(note).await;
    let tab =
        "{ resourceNotes(resource_name: APPOINTMENT, resource_id: \"7\", order_by: SEQUENCE_ASC) {
        nodes { line }
    } }";
    let tab = mkh.query(tab).await["resourceNotes"]["nodes"].take();
    let lines = tab.as_array().unwrap().iter().map(|node| node["line"].as_str().unwrap());
    insta::assert_snapshot!("mystratus_notes_tab", lines.collect::<Vec<_>>().join("\n"));
}
