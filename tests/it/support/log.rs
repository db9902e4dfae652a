//! Reading the log back, as a poller does.

use serde_json::{Value, json};

use super::client::Client;

/// Every event that somebody may view after a cursor, in the order of recording, but for what the
/// polls themselves leave.
pub struct Poller {
    client: Client,
    query: String,
    cursor: Option<String>,
}

impl Poller {
    pub fn new(client: &Client, selection: &str) -> Self {
        let query = format!(
            "query($after: String, $first: Int!) {{
                auditLog(
                    order_by: SEQUENCE_ASC, after: $after, first: $first,
                    exclude_resource_names: [AUDIT_LOG]
                ) {{
                    page_info {{ end_cursor has_next_page }}
                    nodes {{ sequence {selection} }}
                }}
            }}"
        );
        Self { client: client.clone(), query, cursor: None }
    }

    /// The next page: at most `first` events that were not polled before.
    pub async fn poll(&mut self, first: u32) -> Vec<Value> {
        self.page(first).await.0
    }

    /// As [`Self::poll`], and whether there is more.
    async fn page(&mut self, first: u32) -> (Vec<Value>, bool) {
        let variables = json!({"after": self.cursor, "first": first});
        let mut data = self.client.data(&self.query, variables).await;
        let log = &mut data["auditLog"];
        if let Some(cursor) = log["page_info"]["end_cursor"].as_str() {
            self.cursor = Some(cursor.to_owned());
        }
        let more = log["page_info"]["has_next_page"] == true;
        match log["nodes"].take() {
            Value::Array(events) => (events, more),
            other => panic!("no list: {other}"),
        }
    }

    /// All that was recorded since the last poll. (Not until a page is empty: where reads are logged,
    /// each would find the one before it.)
    pub async fn rest(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let (page, more) = self.page(1_000).await;
            events.extend(page);
            if !more {
                return events;
            }
        }
    }
}

/// Every event that somebody may view, in the order of recording.
pub async fn whole_log(client: &Client, selection: &str) -> Vec<Value> {
    Poller::new(client, selection).rest().await
}

/// An event's number.
pub fn sequence(event: &Value) -> i64 {
    event["sequence"].as_str().unwrap().parse().unwrap()
}

/// Checks that events are numbered from `first` on, in order, without a gap.
pub fn assert_gapless(events: &[Value], first: i64) {
    let numbers: Vec<i64> = events.iter().map(sequence).collect();
    let expected: Vec<i64> = (first..).take(numbers.len()).collect();
    assert_eq!(numbers, expected);
}
