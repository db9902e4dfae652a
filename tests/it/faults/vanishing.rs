//! Clients that vanish, at every moment of a request.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::ledger::{Batch, check, send_again};
use super::{Numbers, serve, set_up};
use crate::support::On;
use crate::support::binary::{Installation, Server, http_client};
use crate::support::raw::head_of_post;

on_both!(a_thousand_clients_that_vanish_leave_nothing_torn_and_nothing_open);

const CLIENTS: usize = 1_000;

/// When a client goes.
#[derive(Clone, Copy)]
enum Until {
    /// It sent so many bytes.
    Sent(usize),
    /// It sent everything, and waited so long.
    Whole(Duration),
    /// It read the answer.
    Answered,
}

/// Sends a batch and vanishes; as a crashed client would, or as one that closes its connection.
async fn vanish(
    address: String,
    mut batch: Batch,
    key: String,
    until: Until,
    crash: bool,
) -> Batch {
    let body = batch.body();
    let request = head_of_post("/v1/audit-events", &key, body.len()) + &body;
    loop {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        if crash {
            stream.set_zero_linger().unwrap();
        }
        let length = match until {
            Until::Sent(at) => at % request.len(),
            Until::Whole(_) | Until::Answered => request.len(),
        };
        stream.write_all(&request.as_bytes()[..length]).await.unwrap();
        if let Until::Whole(wait) = until {
            tokio::time::sleep(wait).await;
        }
        if !matches!(until, Until::Answered) {
            return batch;
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"\"}") && !answer.ends_with(b"]}") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "no answer");
        }
        let answer = String::from_utf8(answer).unwrap();
        if answer.starts_with("HTTP/1.1 503") {
            continue; // a machine with much else to do
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let receipt = answer.split("\r\n\r\n").nth(1).unwrap();
        batch.acknowledge(&serde_json::from_str(receipt).unwrap());
        return batch;
    }
}

/// How many files and sockets a process has open.
fn open_files(server: &mut Server) -> usize {
    let folder = format!("/proc/{}/fd", server.process().id());
    std::fs::read_dir(folder).unwrap().count()
}

async fn a_thousand_clients_that_vanish_leave_nothing_torn_and_nothing_open(on: On) {
    let installation = Installation::new(on).await;
    let (ann, app) = set_up(&installation);
    let mut server = serve(&installation);
    let before = open_files(&mut server);
    let mut numbers = Numbers(6);
    let mut clients = JoinSet::new();
    let mut batches = Vec::new();
    for n in 0..CLIENTS {
        let batch = Batch::new(n.to_string(), 3);
        let until = match n % 10 {
            0 => Until::Answered,
            1 => Until::Whole(Duration::ZERO),
            2..5 => Until::Whole(Duration::from_micros(numbers.below(200_000) as u64)),
            _ => Until::Sent(numbers.below(1_000_000)),
        };
        let crash = numbers.below(2) == 0;
        clients.spawn(vanish(server.address().to_owned(), batch, app.clone(), until, crash));
        if clients.len() >= 64 {
            batches.push(clients.join_next().await.unwrap().unwrap());
        }
    }
    batches.extend(clients.join_all().await);

    // Nothing of them is left but the connections to the database, of which there may be more now.
    const POOLS: usize = 24;
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, metrics) = server.get("/metrics").await;
        let after = open_files(&mut server);
        if metrics.contains("auditlog_connections 1\n") && after <= before + POOLS {
            break;
        }
        assert!(Instant::now() < end, "{after} files, {before} before: {metrics}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let acknowledged = batches.iter().filter(|batch| batch.is_acknowledged()).count();
    assert_eq!(acknowledged, CLIENTS / 10);
    let there = check(&batches, &installation, &ann).await;
    println!("{acknowledged} acknowledged, {there} recorded");
    assert!((acknowledged..CLIENTS).contains(&there), "{there}");
    // What was not wholly sent is surely not there; the rest either way, and whole.
    send_again(&mut batches, &server, &app).await;
    assert_eq!(check(&batches, &installation, &ann).await, CLIENTS);
    assert_eq!(server.get("/readyz").await.0, 200);
    let mut last = Batch::new("last".to_owned(), 1);
    last.send(&http_client(), &server.url, &app).await;
    assert!(last.is_acknowledged());
}
