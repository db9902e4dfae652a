//! The ways in which events are recorded.

use axum::http::Method;
use serde_json::{Value, json};

use super::client::{Answer, Client};

/// The ways in. The first takes one event at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    One,
    List,
    Ndjson,
    GraphQl,
}

/// Those that take a batch.
pub const OF_BATCHES: [Way; 3] = [Way::List, Way::Ndjson, Way::GraphQl];

/// Takes a list of events as `$events`.
pub const RECORD_BY_GRAPHQL: &str = "mutation($events: [AuditEventInput!]!) {
    recordAuditEvents(input: {events: $events}) {
        recorded duplicates first_sequence last_sequence
    }
}";

/// A receipt, or `{"errors": …}` as REST answers.
pub async fn record(way: Way, client: &Client, events: &[Value]) -> Value {
    let answer = match way {
        Way::One => client.record(events[0].clone()).await,
        Way::List => client.record(Value::from(events)).await,
        Way::Ndjson => ndjson(client, &lines(events)).await,
        Way::GraphQl => {
            let answer = client.graphql(RECORD_BY_GRAPHQL, json!({"events": events})).await.json();
            let receipt = &answer["data"]["recordAuditEvents"];
            if receipt.is_object() {
                return receipt.clone();
            }
            return json!({"errors": answer["errors"][0]["extensions"]["errors"]});
        }
    };
    answer.json()
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

pub async fn ndjson(client: &Client, body: &str) -> Answer {
    post(client, "application/x-ndjson", body.to_owned()).await
}

/// Sends a body to be recorded, whatever it is.
pub async fn post(
    client: &Client,
    content_type: &str,
    body: impl Into<axum::body::Body>,
) -> Answer {
    client.send(Method::POST, "/v1/audit-events", Some(content_type), body).await
}
