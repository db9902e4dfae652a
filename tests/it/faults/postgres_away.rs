//! PostgreSQL stops and starts, or has no connections left, while the server runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, Database as SeaDatabase, DatabaseConnection};
use tokio::task::JoinSet;

use super::ledger::{Attempt, Batch, check};
use super::{serve, set_up};
use crate::support::binary::{Installation, Server, http_client};
use crate::support::postgres::Temporary;
use crate::support::{On, TestDatabase, direct};

/// Far longer than the server promises, for a machine with much else to do.
const SOON: Duration = Duration::from_secs(20);

const QUERY: &str = "{ auditLog { total_count } }";

/// What the outside sees while a database is away: alive, not ready, 503 with a code.
async fn is_unavailable(server: &Server, key: &str) {
    assert_eq!(server.get("/healthz").await.0, 200);
    let (status, body) = server.get("/readyz").await;
    assert_eq!((status, body.as_str()), (503, "the database does not answer\n"));
    let (status, answer) = server.graphql(key, QUERY).await;
    let error = &answer["errors"][0];
    assert_eq!((status, &error["extensions"]["code"]), (503, &"SERVICE_UNAVAILABLE".into()));
    assert_eq!(
        error["message"],
        "the database does not answer at present: nothing was recorded or changed; try again in a moment"
    );
}

async fn wait_until(what: &str, condition: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(Instant::now() < end, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stops_and_starts_again_under_load_is_recovered_from() {
    const RECORDERS: usize = 4;
    let postgres = tokio::task::spawn_blocking(|| Temporary::start(60)).await.unwrap();
    let database = TestDatabase::at(On::Postgres, postgres.new_database("away").await);
    let installation = Installation::over(database);
    let (ann, app) = set_up(&installation);
    let server = serve(&installation);

    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged: Arc<[AtomicUsize]> = (0..RECORDERS).map(|_| AtomicUsize::new(0)).collect();
    let refused: Arc<[AtomicUsize]> = (0..RECORDERS).map(|_| AtomicUsize::new(0)).collect();
    let mut recorders = JoinSet::new();
    for recorder in 0..RECORDERS {
        let (url, app, stop) = (server.url.clone(), app.clone(), Arc::clone(&stop));
        let (acknowledged, refused) = (Arc::clone(&acknowledged), Arc::clone(&refused));
        recorders.spawn(async move {
            let client = http_client();
            let (mut sent, mut slowest) = (Vec::new(), Duration::ZERO);
            while !stop.load(Ordering::Relaxed) {
                let mut batch = Batch::new(format!("{recorder}-{}", sent.len()), 3);
                // The same batch until it is acknowledged, as a recorder does.
                loop {
                    match batch.send(&client, &url, &app).await {
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
    let all_more = |counts: &[AtomicUsize]| -> Vec<usize> {
        counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    };
    let grown = |counts: &[AtomicUsize], before: &[usize]| {
        counts.iter().zip(before).all(|(count, before)| count.load(Ordering::Relaxed) > *before)
    };
    for mode in ["immediate", "fast"] {
        let before = all_more(&acknowledged);
        wait_until("recorders record", async || grown(&acknowledged, &before)).await;
        let before = all_more(&refused);
        tokio::task::block_in_place(|| postgres.stop(mode));
        is_unavailable(&server, &ann).await;
        wait_until("recorders are refused", async || grown(&refused, &before)).await;
        tokio::task::block_in_place(|| postgres.start_again());
        wait_until("it is ready", async || server.get("/readyz").await.0 == 200).await;
    }
    let before = all_more(&acknowledged);
    wait_until("recorders record", async || grown(&acknowledged, &before)).await;
    stop.store(true, Ordering::Relaxed);
    let mut batches = Vec::new();
    for (sent, slowest) in recorders.join_all().await {
        assert!(slowest < SOON, "it took {slowest:?} to say that the database is away");
        println!("the slowest refusal took {slowest:?}");
        batches.extend(sent);
    }
    assert_eq!(check(&batches, &installation, &ann).await, batches.len());
    assert_eq!(server.graphql(&ann, QUERY).await.0, 200);
}

/// Connections until there are no more to have.
async fn take_all(url: &str, taken: &mut Vec<DatabaseConnection>) {
    loop {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_millis(300));
        match SeaDatabase::connect(options).await {
            Ok(connection) => taken.push(connection),
            Err(_) => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_connections_left_is_waited_for_and_not_for_long() {
    let postgres = tokio::task::spawn_blocking(|| Temporary::start(24)).await.unwrap();
    let url = postgres.new_database("crowded").await;
    let installation = Installation::over(TestDatabase::at(On::Postgres, url.clone()));
    let (ann, app) = set_up(&installation);
    let server = serve(&installation);
    let mut taken = Vec::new();
    take_all(&url, &mut taken).await;
    let end = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
        WHERE application_name = 'auditlog' AND pid <> pg_backend_pid()";
    assert!(!direct::texts(&taken[0], end).await.is_empty());
    take_all(&url, &mut taken).await;

    is_unavailable(&server, &ann).await;
    let mut batch = Batch::new("crowded".to_owned(), 3);
    let attempt = batch.send(&http_client(), &server.url, &app).await;
    let Attempt::Unavailable(message, took) = attempt else { panic!("{attempt:?}") };
    assert!(message.contains("nothing was recorded"), "{message}");
    assert!(took < SOON, "{took:?}");
    for connection in taken {
        connection.close().await.unwrap();
    }
    wait_until("it is ready", async || server.get("/readyz").await.0 == 200).await;
    let attempt = batch.send(&http_client(), &server.url, &app).await;
    assert!(matches!(attempt, Attempt::Acknowledged), "{attempt:?}");
    assert_eq!(check(&[batch], &installation, &ann).await, 1);
}
