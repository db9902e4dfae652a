//! `auditLog`, `auditEvent` and `viewer`.

use serde_json::json;

use crate::support::On;
use crate::support::client::pretty;
use crate::support::world::{VIEW, World, event_with};

on_both!(a_whole_answer);

async fn a_whole_answer(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("ann", "west", VIEW).await;
    let changes = json!({
        "id": "evt-1", "acting_user_id": "ann", "occurred_at": "2026-10-02T09:30:00-04:00",
        "before": {"pm_status": "Confirmed", "length": 30},
        "after": {"pm_status": "Rescheduled", "length": 30},
    });
    recorder.recorded(event_with("portland", "543", changes)).await;
    let answer = viewer
        .query(
            "{
                auditLog(resource_name: APPOINTMENT) {
                    total_count
                    nodes {
                        id sequence external_id type resource_name resource_id
                        occurred_at recorded_at
                        acting_user { id full_name }
                        organization { id name parent_id }
                        resource_changes { field value_before_change value_after_change }
                    }
                }
            }",
        )
        .await;
    insta::assert_snapshot!("a_whole_answer", pretty(&answer));
}
