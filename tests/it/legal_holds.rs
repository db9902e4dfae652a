//! Legal holds: who may place and release them, on what, and what that leaves in the log.

use serde_json::{Value, json};

use crate::definitions;
use crate::support::client::{Client, pretty};
use crate::support::retention::{hold, purge, release};
use crate::support::world::{OWN, VIEW, World, event_with};
use crate::support::{On, direct};

on_both!(
    a_hold_is_placed_listed_and_released_and_each_is_in_the_log,
    an_owner_holds_what_is_theirs_and_sees_no_more,
    what_cannot_be_held_is_said,
    what_is_held_is_kept_but_not_shown_and_goes_when_it_is_released,
    the_root_can_be_held_and_a_custom_record,
    a_thousand_holds_stop_purging_no_more_than_they_cover,
);

const PLACE: &str = "mutation($input: PlaceLegalHoldInput!) { placeLegalHold(input: $input) {
    legal_hold {
        organization_id user_id resource_name custom_resource resource_id reason placed_at placed_by
        released_at released_by
    }
    messages { field message }
} }";

async fn place(owner: &Client, mut input: Value) -> Value {
    if input.get("reason").is_none() {
        input["reason"] = json!("Doe v. Acme");
    }
    owner.data(PLACE, json!({"input": input})).await["placeLegalHold"].take()
}

async fn a_hold_is_placed_listed_and_released_and_each_is_in_the_log(on: On) {
    let world = World::new(on).await;
    let owner = world.user("ann", "acme", OWN).await;
    let mut placed = Vec::new();
    for target in [
        json!({"organization_id": "west"}),
        json!({"user_id": "unknown-here"}),
        json!({"resource_name": "APPOINTMENT", "resource_id": "7"}),
    ] {
        placed.push(place(&owner, target).await);
        world.clock.advance(chrono::TimeDelta::minutes(1));
    }
    let list = "query($all: Boolean) { legalHolds(include_released: $all) {
        id organization_id user_id resource_id released_at released_by } }";
    let holds = owner.query(list).await["legalHolds"].take();
    let ids: Vec<&str> =
        holds.as_array().unwrap().iter().map(|h| h["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    let count = "{ auditPlan { legal_holds } }";
    assert_eq!(owner.query(count).await["auditPlan"]["legal_holds"], 3);
    release(&owner, ids[1]).await;
    assert_eq!(owner.query(count).await["auditPlan"]["legal_holds"], 2);
    let again =
        "mutation($id: ID!) { releaseLegalHold(input: {id: $id}) { messages { message } } }";
    let again = owner.data(again, json!({"id": ids[1]})).await["releaseLegalHold"].take();
    assert_eq!(again["messages"][0]["message"], "the hold was released before");

    let mut lists = [owner.query(list).await, owner.data(list, json!({"all": true})).await];
    let log = "{ auditLog(resource_name: LEGAL_HOLD, order_by: SEQUENCE_ASC) { nodes {
        type resource_id organization { id } acting_user { id }
        resource_changes { field value_before_change value_after_change }
    } } }";
    let mut log = owner.query(log).await;
    for (event, id) in log["auditLog"]["nodes"].as_array_mut().unwrap().iter_mut().zip(
        // The last placed comes first in the list; the fourth event is the release.
        [ids[2], ids[1], ids[0], ids[1]],
    ) {
        assert_eq!(event["resource_id"].take(), id);
    }
    for list in &mut lists {
        list["legalHolds"].as_array_mut().unwrap().iter_mut().for_each(|hold| {
            hold["id"].take();
        });
    }
    let all = json!({"placed": placed, "held": lists[0], "ever_held": lists[1], "log": log});
    insta::assert_snapshot!("legal_holds", pretty(&all));
}

async fn an_owner_holds_what_is_theirs_and_sees_no_more(on: On) {
    let world = World::new(on).await;
    let (ann, wes) = (world.user("ann", "acme", OWN).await, world.user("wes", "west", OWN).await);
    let gil = world.user("gil", "globex", OWN).await;
    let on_acme = hold(&ann, "organization_id: \"acme\"").await;
    let on_portland = hold(&wes, "organization_id: \"portland\"").await;
    hold(&ann, "user_id: \"7\"").await;

    // Not above, not beside, not another tenant's, and nothing that is the whole tenant's.
    for (target, field) in [
        (json!({"organization_id": "acme"}), "organization_id"),
        (json!({"organization_id": "east"}), "organization_id"),
        (json!({"organization_id": "globex"}), "organization_id"),
        (json!({"organization_id": "nowhere"}), "organization_id"),
        (json!({"user_id": "7"}), "user_id"),
        (json!({"resource_name": "TASK", "resource_id": "1"}), "resource_id"),
    ] {
        let refused = place(&wes, target.clone()).await;
        assert_eq!(refused["messages"][0]["field"], field, "{target}");
        assert_eq!(refused["legal_hold"], Value::Null);
    }
    let list = "{ legalHolds { id } }";
    let count =
        async |owner: &Client| owner.query(list).await["legalHolds"].as_array().unwrap().len();
    assert_eq!((count(&ann).await, count(&wes).await, count(&gil).await), (3, 1, 0));
    let mutation = "mutation($id: ID!) { releaseLegalHold(input: {id: $id}) {
        legal_hold { id } messages { field message } } }";
    let mut messages = Vec::new();
    for (owner, id) in [(&wes, &on_acme), (&gil, &on_portland), (&gil, &"nothing".to_owned())] {
        let refused = owner.data(mutation, json!({"id": id})).await["releaseLegalHold"].take();
        assert_eq!(refused["legal_hold"], Value::Null);
        messages.push(refused["messages"].clone());
    }
    assert!(messages.iter().all(|one| *one == messages[0]), "{messages:?}");
    release(&ann, &on_portland).await;

    let viewer = world.user("vic", "acme", VIEW).await;
    for query in [list, "mutation { releaseLegalHold(input: {id: \"1\"}) { messages { field } } }"]
    {
        assert_eq!(viewer.error_code(query, json!({})).await, "FORBIDDEN");
    }
    let place_one = json!({"input": {"organization_id": "acme", "reason": "r"}});
    assert_eq!(viewer.error_code(PLACE, place_one).await, "FORBIDDEN");
}

async fn what_cannot_be_held_is_said(on: On) {
    let world = World::new(on).await;
    let owner = world.user("ann", "acme", OWN).await;
    let mut answers = Vec::new();
    for input in [
        json!({}),
        json!({"organization_id": "acme", "user_id": "7"}),
        json!({"user_id": "7", "resource_name": "TASK", "resource_id": "1"}),
        json!({"resource_name": "TASK"}),
        json!({"resource_id": "1"}),
        json!({"resource_name": "CUSTOM", "resource_id": "1"}),
        json!({"resource_name": "TASK", "custom_resource": "lab", "resource_id": "1"}),
        json!({"user_id": "no_author"}),
        json!({"user_id": ""}),
        json!({"organization_id": "acme", "reason": " "}),
        json!({"organization_id": "acme", "reason": "two\nlines"}),
    ] {
        let answer = place(&owner, input.clone()).await;
        assert_eq!(answer["legal_hold"], Value::Null, "{input}");
        answers.push(json!({"input": input, "messages": answer["messages"]}));
    }
    insta::assert_snapshot!("what_cannot_be_held", pretty(&json!(answers)));
    assert_eq!(world.held("SELECT id FROM legal_holds").await, [""; 0]);
}

async fn what_is_held_is_kept_but_not_shown_and_goes_when_it_is_released(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let owner = world.user("ann", "acme", OWN).await;
    for (id, place) in [("held", "portland"), ("not-held", "boston")] {
        let event = event_with(place, "1", json!({"id": id, "occurred_at": "2026-08-01"}));
        recorder.recorded(event).await;
    }
    let id = hold(&owner, "organization_id: \"west\"").await;
    world.assign("acme", "free").await;
    purge(&world.store, 10).await;
    assert_eq!(world.left().await, ["held"]);
    let query = "{ auditEvent(external_id: \"held\") { id }
        auditLog(resource_id: \"1\") { total_count } }";
    let seen = owner.query(query).await;
    assert_eq!((&seen["auditEvent"], &seen["auditLog"]["total_count"]), (&Value::Null, &json!(0)));
    release(&owner, &id).await;
    purge(&world.store, 10).await;
    assert_eq!(world.left().await, [""; 0]);
}

async fn the_root_can_be_held_and_a_custom_record(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let owner = world.user("ann", "acme", OWN).await;
    let event = |id: &str, custom: &str| {
        event_with(
            "boston",
            "1",
            json!({
                "id": id, "occurred_at": "2026-08-01", "resource_name": "CUSTOM",
                "custom_resource": custom,
            }),
        )
    };
    let kinds = ["lab_result", "lab_order"];
    for kind in kinds {
        define(&owner, kind).await;
        recorder.recorded(event(kind, kind)).await;
    }
    world.assign("acme", "free").await;
    let root = hold(&owner, "organization_id: \"acme\"").await;
    assert_eq!(purge(&world.store, 10).await, []);
    assert_eq!(world.left().await.len(), 2);
    hold(&owner, "resource_name: CUSTOM, custom_resource: \"lab_order\", resource_id: \"1\"").await;
    release(&owner, &root).await;
    purge(&world.store, 10).await;
    assert_eq!(world.left().await, ["lab_order"], "of the same id, and another kind");
}

/// Where kinds of one's own have to be defined, defines one.
async fn define(owner: &Client, kind: &str) {
    definitions::done(owner, "defineAuditResource", json!({"name": kind})).await;
}

async fn a_thousand_holds_stop_purging_no_more_than_they_cover(on: On) {
    let world = World::new(on).await;
    world.user("ann", "acme", OWN).await;
    for tenant in ["acme", "globex"] {
        let recorder = world.recorder(tenant).await;
        let old = json!({"occurred_at": "2020-01-01"});
        recorder.recorded(event_with(tenant, "held", old.clone())).await;
        recorder.recorded(event_with(tenant, "due", old)).await;
        world.assign(tenant, "free").await;
    }
    // As one owner may place them, one after the other.
    let db = direct::connect(&world.database.url).await;
    let hold = |n: usize, column: &str, id: &str| {
        let kind = if column == "resource_id" { "'APPOINTMENT'" } else { "NULL" };
        format!(
            "INSERT INTO legal_holds (tenant_id, id, {column}, resource_name, reason, placed_at)
            VALUES ('acme', 'hold-{n}', '{id}', {kind}, 'x', '2026-10-15 12:00:00+00:00')"
        )
    };
    for n in 0..1_500 {
        direct::run(&db, &hold(n, "organization_id", "boston")).await;
    }
    direct::run(&db, &hold(1_500, "resource_id", "held")).await;
    purge(&world.store, 500).await;
    let left = world
        .held(
            "SELECT tenant_id || ' ' || resource_id FROM audit_events
        WHERE resource_name = 'APPOINTMENT' ORDER BY 1",
        )
        .await;
    assert_eq!(left, ["acme held"]);
}
