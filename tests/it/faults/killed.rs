//! The server is killed while it records.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::ledger::{Attempt, Batch, check, send_again};
use super::{Numbers, serve, set_up};
use crate::support::On;
use crate::support::binary::{Installation, http_client};

on_both!(nothing_acknowledged_is_lost_when_the_server_is_killed);

const ROUNDS: usize = 20;
const RECORDERS: usize = 6;

async fn nothing_acknowledged_is_lost_when_the_server_is_killed(on: On) {
    let installation = Installation::new(on).await;
    let (ann, app) = set_up(&installation);
    let mut numbers = Numbers(4);
    let mut batches = Vec::new();
    for round in 0..ROUNDS {
        let mut server = serve(&installation);
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut recorders = Vec::new();
        for recorder in 0..RECORDERS {
            let (url, app) = (server.url.clone(), app.clone());
            let acknowledged = Arc::clone(&acknowledged);
            recorders.push(tokio::spawn(async move {
                let client = http_client();
                let mut sent: Vec<Batch> = Vec::new();
                for n in 0.. {
                    let name = format!("{round}-{recorder}-{n}");
                    let mut batch = Batch::new(name, 1 + (n + recorder) % 6);
                    let attempt = batch.send(&client, &url, &app).await;
                    sent.push(batch);
                    match attempt {
                        Attempt::Acknowledged => acknowledged.fetch_add(1, Ordering::Relaxed),
                        _ => break,
                    };
                }
                sent
            }));
        }
        // At some moment while it records: at once in some rounds, in full swing in others.
        let enough = numbers.below(60);
        while acknowledged.load(Ordering::Relaxed) < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(numbers.below(20_000) as u64)).await;
        server.process().kill();
        server.ended();
        for recorder in recorders {
            batches.extend(recorder.await.unwrap());
        }
    }
    let unheard = batches.iter().filter(|batch| !batch.is_acknowledged()).count();
    assert!(unheard >= ROUNDS, "it was never killed while somebody waited: {unheard}");

    let server = serve(&installation);
    let before = check(&batches, &installation, &ann).await;
    println!("{} batches, {unheard} unheard, {before} recorded", batches.len());
    send_again(&mut batches, &server, &app).await;
    assert_eq!(check(&batches, &installation, &ann).await, batches.len());
}
