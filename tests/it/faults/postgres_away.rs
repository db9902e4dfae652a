//! PostgreSQL stops and starts, or has no connections left, while the server runs.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database as SeaDatabase, DatabaseConnection};

use super::ledger::{Attempt, Batch, check};
use super::load::Load;
use super::{QUERY, SOON, is_unavailable, serve, set_up, wait_until};
use crate::support::binary::{Installation, http_client};
use crate::support::postgres::Temporary;
use crate::support::{On, TestDatabase, direct};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stops_and_starts_again_under_load_is_recovered_from() {
    let postgres = tokio::task::spawn_blocking(|| Temporary::start(60)).await.unwrap();
    let database = TestDatabase::at(On::Postgres, postgres.new_database("away").await);
    let installation = Installation::over(database);
    let (ann, app) = set_up(&installation);
    let server = serve(&installation);

    let load = Load::start(&server, &app);
    for mode in ["immediate", "fast"] {
        load.is_acknowledged().await;
        let refused = load.refused();
        tokio::task::block_in_place(|| postgres.stop(mode));
        is_unavailable(&server, &ann).await;
        load.is_refused_since(refused).await;
        tokio::task::block_in_place(|| postgres.start_again());
        wait_until("it is ready", async || server.get("/readyz").await.0 == 200).await;
    }
    load.is_acknowledged().await;
    let (batches, slowest) = load.stop().await;
    println!("the slowest refusal took {slowest:?}");
    assert!(slowest < SOON, "it took {slowest:?} to say that the database is away");
    assert_eq!(check(&batches, &installation, &ann).await, batches.len());
    assert_eq!(server.graphql(&ann, QUERY).await.0, 200);
}

/// Connections until there are no more to have: until one does not come for far longer than one takes.
async fn take_all(url: &str, taken: &mut Vec<DatabaseConnection>) {
    loop {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_secs(2));
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
