//! What recorders sent and were told, held against what the log has.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Numbers;
use crate::support::binary::{Installation, Server, http_client};
use crate::support::log::{assert_gapless, sequence};
use crate::support::world::event_with;

/// Events that were sent together.
#[derive(Debug, Clone)]
pub struct Batch {
    name: String,
    size: usize,
    filling: usize,
    /// The numbers that an acknowledgement gave them.
    told: Option<(i64, i64)>,
}

/// How an attempt to record ended.
#[derive(Debug)]
pub enum Attempt {
    Acknowledged,
    /// With this message, after this time.
    Unavailable(String, Duration),
    /// The connection broke.
    Broken,
}

impl Batch {
    pub fn new(name: String, size: usize) -> Self {
        Self { name, size, filling: 0, told: None }
    }

    /// With so many bytes in each event.
    pub fn filled(self, filling: usize) -> Self {
        Self { filling, ..self }
    }

    pub const fn is_acknowledged(&self) -> bool {
        self.told.is_some()
    }

    fn id(&self, n: usize) -> String {
        format!("{}-{n}", self.name)
    }

    pub fn body(&self) -> String {
        let one = |n: usize| {
            // Not to be made shorter by the database.
            let mut numbers = Numbers(n as u64);
            let text: String =
                (0..self.filling / 4).map(|_| format!("{:04x}", numbers.below(0x1_0000))).collect();
            let more = json!({"id": self.id(n), "metadata": {"text": text}});
            event_with("acme", &self.name, more)
        };
        Value::from((0..self.size).map(one).collect::<Vec<_>>()).to_string()
    }

    /// Notes what the server answered.
    pub fn acknowledge(&mut self, receipt: &Value) {
        let number = |key: &str| receipt[key].as_u64().map(|n| usize::try_from(n).unwrap());
        let (new, old) = (number("recorded").unwrap(), number("duplicates").unwrap());
        assert!((new, old) == (self.size, 0) || (new, old) == (0, self.size), "torn: {receipt}");
        let sequence = |key: &str| receipt[key].as_str().map(|text| text.parse::<i64>().unwrap());
        let told = sequence("first_sequence").zip(sequence("last_sequence"));
        // One that was recorded unheard is told as duplicates, without numbers.
        self.told = Some(told.unwrap_or((0, 0)));
    }

    /// Sends it once. What is neither an acknowledgement nor a 503 is a failure of the test.
    pub async fn send(&mut self, client: &reqwest::Client, url: &str, key: &str) -> Attempt {
        let began = Instant::now();
        let request = client
            .post(format!("{url}/v1/audit-events"))
            .bearer_auth(key)
            .header("content-type", "application/json")
            .body(self.body());
        let Ok(answer) = request.send().await else { return Attempt::Broken };
        let (status, retry) =
            (answer.status().as_u16(), answer.headers().get("retry-after").cloned());
        let Ok(text) = answer.text().await else { return Attempt::Broken };
        let body: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
        if status == 200 {
            self.acknowledge(&body);
            return Attempt::Acknowledged;
        }
        let error = &body["errors"][0];
        assert_eq!((status, &error["code"]), (503, &json!("SERVICE_UNAVAILABLE")), "{body}");
        assert!(retry.is_some(), "it does not say when to try again");
        let message = error["message"].as_str().unwrap().to_owned();
        Attempt::Unavailable(message, began.elapsed())
    }
}

/// Sends every batch that was not acknowledged again, which must now go well.
pub async fn send_again(batches: &mut [Batch], server: &Server, key: &str) {
    let client = http_client();
    for batch in batches.iter_mut().filter(|batch| !batch.is_acknowledged()) {
        let attempt = batch.send(&client, &server.url, key).await;
        assert!(matches!(attempt, Attempt::Acknowledged), "{batch:?}: {attempt:?}");
    }
}

/// Holds that the log has every acknowledged batch, whole and once and under the numbers that were told,
/// of the others all or nothing, and no gap. How many batches it has.
pub async fn check(batches: &[Batch], installation: &Installation, key: &str) -> usize {
    let log = installation.log_with_reads(key).await;
    assert_gapless(&log, 1);
    let mut found = BTreeMap::new();
    for event in &log {
        if let Some(id) = event["external_id"].as_str() {
            assert_eq!(found.insert(id.to_owned(), sequence(event)), None, "{id} is there twice");
        }
    }
    let mut whole = 0;
    for batch in batches {
        let numbers: Vec<i64> =
            (0..batch.size).filter_map(|n| found.remove(&batch.id(n))).collect();
        assert!(numbers.is_empty() || numbers.len() == batch.size, "torn: {batch:?} {numbers:?}");
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{batch:?} {numbers:?}");
        whole += usize::from(!numbers.is_empty());
        if let Some((first, last)) = batch.told {
            assert!(!numbers.is_empty(), "acknowledged and lost: {batch:?}");
            let there = (numbers[0], numbers[batch.size - 1]);
            assert!(first == 0 || there == (first, last), "{batch:?} has {numbers:?}");
        }
    }
    assert!(found.is_empty(), "nobody sent {found:?}");
    whole
}
