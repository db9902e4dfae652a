//! How far back somebody sees: pages, counts, one event, a record's history and cursors all obey the
//! plan, and an answer that is narrowed says so.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::retention::purge;
use crate::support::world::{OWN, VIEW, World, event_with};

on_both!(
    a_window_narrows_every_way_of_reading,
    asking_for_older_is_narrowed_and_said_so,
    a_subscription_grows_lapses_and_begins_anew,
    the_plan_can_be_asked_for,
    a_window_is_of_its_tenant_alone,
    a_cursor_from_before_the_window_reads_on_from_its_beginning,
);

/// Events so many days ago, the newest last.
async fn record(world: &World, recorder: &Client, days: &[i64]) {
    for day in days {
        let at = (world.clock.now() - TimeDelta::days(*day)).to_rfc3339();
        let id = format!("{day}-days-ago");
        let event = event_with("portland", "1", json!({"id": id, "occurred_at": at}));
        recorder.recorded(event).await;
    }
}

const ON_RECORD: &str = "resource_name: APPOINTMENT, resource_id: \"1\"";

async fn seen(viewer: &Client) -> Vec<String> {
    let query = format!("{{ auditLog({ON_RECORD}) {{ nodes {{ external_id }} }} }}");
    let log = viewer.query(&query).await["auditLog"]["nodes"].take();
    let nodes = log.as_array().unwrap().iter();
    nodes.map(|node| node["external_id"].as_str().unwrap().to_owned()).collect()
}

async fn a_window_narrows_every_way_of_reading(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    record(&world, &recorder, &[40, 20, 8, 7, 3, 0]).await;
    let viewers =
        [world.user("ann", "acme", VIEW).await, world.user("pete", "portland", OWN).await];
    let old = "{ auditEvent(external_id: \"8-days-ago\") { id } }";
    let id = viewers[0].query(old).await["auditEvent"]["id"].take();
    world.assign("acme", "free").await;
    for viewer in viewers {
        let expected = ["0-days-ago", "3-days-ago", "7-days-ago"];
        assert_eq!(seen(&viewer).await, expected, "seven days ago to the microsecond is in it");
        let page = format!(
            "{{ auditLog({ON_RECORD}, last: 2, order_by: OCCURRED_AT_DESC) {{
                total_count visible_since page_info {{ has_next_page has_previous_page }}
                nodes {{ external_id }}
            }} }}"
        );
        let page = viewer.query(&page).await["auditLog"].take();
        assert_eq!(
            page,
            json!({
                "total_count": 3, "visible_since": "2026-10-08T12:00:00Z",
                "page_info": {"has_next_page": false, "has_previous_page": true},
                "nodes": [{"external_id": "3-days-ago"}, {"external_id": "7-days-ago"}],
            })
        );
        let history = "{ resourceHistory(resource_name: APPOINTMENT, resource_id: \"1\") {
            total_count visible_since } }";
        let history = viewer.query(history).await["resourceHistory"].take();
        assert_eq!(history, json!({"total_count": 3, "visible_since": "2026-10-08T12:00:00Z"}));
        for old in [json!({"id": id}), json!({"external_id": "8-days-ago"})] {
            let query = "query($id: ID, $external_id: ID) {
                auditEvent(id: $id, external_id: $external_id) { id } }";
            assert_eq!(viewer.data(query, old).await["auditEvent"], Value::Null);
        }
        let there = "{ auditEvent(external_id: \"7-days-ago\") { external_id } }";
        assert_ne!(viewer.query(there).await["auditEvent"], Value::Null);
    }
}

async fn asking_for_older_is_narrowed_and_said_so(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    record(&world, &recorder, &[40, 20, 3]).await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let asked = "{
        old: auditLog(resource_id: \"1\", occurred_before: \"2026-09-30\") { total_count nodes { id } }
        auditLog(resource_id: \"1\", occurred_after: \"2026-09-01T00:00:00Z\") {
            total_count visible_since
        }
        new: auditLog(resource_id: \"1\", occurred_after: \"2026-10-08T12:00:00Z\") { total_count }
        all: auditLog(resource_id: \"1\") { total_count }
        history: resourceHistory(resource_name: APPOINTMENT, resource_id: \"1\",
            occurred_after: \"2000-01-01\", occurred_before: \"2026-10-14\") { total_count }
    }";
    let answer = viewer.graphql(asked, json!({})).await.json();
    assert_eq!(answer.get("extensions"), None, "without a plan nothing is narrowed");
    assert_eq!(answer["data"]["auditLog"], json!({"total_count": 3, "visible_since": null}));
    world.assign("acme", "free").await;
    let answer = viewer.graphql(asked, json!({})).await.json();
    assert_eq!(answer.get("errors"), None);
    insta::assert_snapshot!("asking_for_older_is_narrowed_and_said_so", pretty(&answer));

    // The next request begins with none.
    let answer = viewer.graphql("{ auditLog { total_count } }", json!({})).await.json();
    assert_eq!(answer.get("extensions"), None);
}

async fn a_subscription_grows_lapses_and_begins_anew(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "acme", VIEW).await;
    let since = async || {
        let log = viewer.query("{ auditLog { visible_since } }").await;
        log["auditLog"]["visible_since"].as_str().map(str::to_owned)
    };
    record(&world, &recorder, &[35, 29, 1]).await;
    world.assign("acme", "free").await;
    purge(&world.store, 10).await;
    assert_eq!(seen(&viewer).await, ["1-days-ago"]);
    // Free kept 30 days: they are there when the subscription begins.
    let until = world.clock.now() + TimeDelta::days(365);
    world.assign_for("acme", "subscribed", None, Some(&until.to_rfc3339())).await;
    assert_eq!(since().await.as_deref(), Some("2026-09-15T12:00:00Z"));
    assert_eq!(seen(&viewer).await, ["1-days-ago", "29-days-ago"]);

    world.clock.advance(TimeDelta::days(200));
    world.store.prepare_partitions().await.unwrap();
    assert_eq!(purge(&world.store, 10).await, [], "nothing goes while it lasts");
    assert_eq!(since().await.as_deref(), Some("2026-09-15T12:00:00Z"), "without a break");
    // Renewed, it goes on from where it began.
    let until = world.clock.now() + TimeDelta::days(365);
    world.assign_for("acme", "subscribed", None, Some(&until.to_rfc3339())).await;
    assert_eq!(since().await.as_deref(), Some("2026-09-15T12:00:00Z"));
    world.clock.advance(TimeDelta::days(340));
    let recent = event_with("portland", "1", json!({"id": "recent"}));
    recorder.recorded(recent).await;
    world.clock.advance(TimeDelta::days(25) - TimeDelta::microseconds(1));
    assert_eq!(seen(&viewer).await, ["recent", "1-days-ago", "29-days-ago"]);
    // It lapses: free again.
    world.clock.advance(TimeDelta::microseconds(1));
    assert_eq!(since().await.as_deref(), Some("2028-04-25T12:00:00Z"));
    assert_eq!(seen(&viewer).await, [""; 0], "older than seven days");
    let plan = "{ auditPlan { name lapsed_from since until lapses_to kept_since } }";
    assert_eq!(
        viewer.query(plan).await["auditPlan"],
        json!({
            "name": "free", "lapsed_from": "subscribed", "since": "2028-05-02T12:00:00Z",
            "until": null, "lapses_to": null, "kept_since": "2028-04-02T12:00:00Z",
        })
    );
    purge(&world.store, 10).await;
    assert_eq!(world.left().await, ["recent"], "what is older than thirty days is gone for good");
    // A new one begins thirty days before itself.
    world.assign("acme", "subscribed").await;
    assert_eq!(since().await.as_deref(), Some("2028-04-02T12:00:00Z"));
    assert_eq!(seen(&viewer).await, ["recent"]);
}

async fn the_plan_can_be_asked_for(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("ann", "portland", VIEW).await;
    let query = "{ auditPlan {
        name description visible_period kept_period subscription_lead since until lapses_to
        lapsed_from visible_since kept_since legal_holds
    } }";
    let mut answers = vec![viewer.query(query).await];
    world.assign_for("acme", "subscribed", Some("2026-10-01"), Some("2027-10-01")).await;
    answers.push(viewer.query(query).await);
    world.assign("acme", "enterprise").await;
    answers.push(viewer.query(query).await);
    insta::assert_snapshot!("the_plan_can_be_asked_for", pretty(&json!(answers)));
    let nobody = world.user("nora", "acme", crate::support::world::RECORD).await;
    assert_eq!(nobody.error_code(query, json!({})).await, "FORBIDDEN");
}

async fn a_window_is_of_its_tenant_alone(on: On) {
    let world = World::new(on).await;
    world.assign("acme", "free").await;
    let (ann, gil) =
        (world.user("ann", "acme", VIEW).await, world.user("gil", "globex", VIEW).await);
    let recorder = world.recorder("globex").await;
    let old = event_with("hammock", "1", json!({"occurred_at": "2020-01-01"}));
    recorder.recorded(old).await;
    let query = "{ auditLog(resource_id: \"1\") { total_count visible_since } auditPlan { name } }";
    let gil = gil.query(query).await;
    assert_eq!(gil["auditLog"], json!({"total_count": 1, "visible_since": null}));
    assert_eq!(gil["auditPlan"]["name"], "unlimited");
    assert_eq!(ann.query(query).await["auditPlan"]["name"], "free");
    purge(&world.store, 10).await;
    assert_eq!(
        world.held("SELECT resource_id FROM audit_events WHERE resource_id = '1'").await,
        ["1"]
    );
}

async fn a_cursor_from_before_the_window_reads_on_from_its_beginning(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    record(&world, &recorder, &[40, 20, 5, 3]).await;
    let viewer = world.user("ann", "acme", VIEW).await;
    for order in ["OCCURRED_AT_ASC", "SEQUENCE_ASC"] {
        world.assign("acme", "unlimited").await;
        let page = format!(
            "query($after: String) {{ auditLog({ON_RECORD}, order_by: {order}, first: 1, after: $after) {{
                nodes {{ external_id }} page_info {{ end_cursor }}
            }} }}"
        );
        let first = viewer.data(&page, json!({})).await["auditLog"].take();
        assert_eq!(first["nodes"][0]["external_id"], "40-days-ago");
        world.assign("acme", "free").await;
        let after = json!({"after": first["page_info"]["end_cursor"]});
        let next = viewer.data(&page, after).await["auditLog"].take();
        assert_eq!(next["nodes"], json!([{"external_id": "5-days-ago"}]), "{order}");
    }
}
