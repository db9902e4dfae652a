//! Recorders that go on, whatever happens to the database meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::ledger::{Attempt, Batch};
use super::wait_until;
use crate::support::binary::{Server, http_client};

const RECORDERS: usize = 4;

/// How often each recorder met something.
type Counts = [AtomicUsize; RECORDERS];

/// Recorders at work, each of which sends a batch again until it is acknowledged, and then the next one.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Counts>,
    refused: Arc<Counts>,
    recorders: JoinSet<(Vec<Batch>, Duration)>,
}

impl Load {
    pub fn start(server: &Server, key: &str) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            acknowledged: Arc::default(),
            refused: Arc::default(),
            recorders: JoinSet::new(),
        };
        for recorder in 0..RECORDERS {
            let (url, key, stop) = (server.url.clone(), key.to_owned(), Arc::clone(&load.stop));
            let (acknowledged, refused) =
                (Arc::clone(&load.acknowledged), Arc::clone(&load.refused));
            load.recorders.spawn(async move {
                let client = http_client();
                let (mut sent, mut slowest) = (Vec::new(), Duration::ZERO);
                while !stop.load(Ordering::Relaxed) {
                    let mut batch = Batch::new(format!("{recorder}-{}", sent.len()), 3);
                    loop {
                        match batch.send(&client, &url, &key).await {
                            Attempt::Acknowledged => break,
                            Attempt::Unavailable(message, took) => {
                                let says = ["nothing was recorded", "it may have been done or not"];
                                assert!(says.iter().any(|it| message.contains(it)), "{message}");
                                slowest = slowest.max(took);
                                refused[recorder].fetch_add(1, Ordering::Relaxed);
                            }
                            Attempt::Broken => panic!("the server is to stay"),
                        }
                    }
                    acknowledged[recorder].fetch_add(1, Ordering::Relaxed);
                    sent.push(batch);
                }
                (sent, slowest)
            });
        }
        load
    }

    /// How often each was refused.
    pub fn refused(&self) -> [usize; RECORDERS] {
        counted(&self.refused)
    }

    /// Waits until each was refused again.
    pub async fn is_refused_since(&self, before: [usize; RECORDERS]) {
        wait_until("recorders are refused", async || grown(&self.refused, before)).await;
    }

    /// Waits until each recorded something more.
    pub async fn is_acknowledged(&self) {
        let before = counted(&self.acknowledged);
        wait_until("recorders record", async || grown(&self.acknowledged, before)).await;
    }

    /// Ends it: every batch, each of which was acknowledged, and how long the slowest refusal took.
    pub async fn stop(self) -> (Vec<Batch>, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let all = self.recorders.join_all().await;
        let slowest = all.iter().map(|(_, slowest)| *slowest).max().unwrap_or_default();
        (all.into_iter().flat_map(|(sent, _)| sent).collect(), slowest)
    }
}

fn counted(counts: &Counts) -> [usize; RECORDERS] {
    counts.each_ref().map(|count| count.load(Ordering::Relaxed))
}

fn grown(counts: &Counts, before: [usize; RECORDERS]) -> bool {
    counted(counts).iter().zip(before).all(|(now, before)| *now > before)
}
