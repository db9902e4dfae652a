//! A database that is there, and says nothing: its machine has stopped, or the network has lost connections.

use std::time::Duration;

use super::ledger::check;
use super::load::Load;
use super::{QUERY, SERVE, SOON, is_unavailable, serve, set_up, wait_until};
use crate::support::binary::{Installation, Server};
use crate::support::postgres::Temporary;
use crate::support::proxy::Proxy;
use crate::support::{On, TestDatabase};

/// Holds that recorders who were at work meanwhile were answered within a time and lost nothing.
async fn recovers(
    load: Load,
    soon: Duration,
    installation: &Installation,
    server: Server,
    key: &str,
) {
    wait_until("it is ready", async || server.get("/readyz").await.0 == 200).await;
    load.is_acknowledged().await;
    let (batches, slowest) = load.stop().await;
    println!("the slowest refusal took {slowest:?}");
    assert!(slowest < soon, "it took {slowest:?} to say that the database is silent");
    assert_eq!(check(&batches, installation, key).await, batches.len());
    let (status, answer) = server.graphql(key, QUERY).await;
    if status != 200 {
        server.signal("TERM");
        panic!("{answer}; the server said {}", server.ended().stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stands_still_is_given_up_and_recovered_from() {
    let postgres = tokio::task::spawn_blocking(|| Temporary::start(60)).await.unwrap();
    let database = TestDatabase::at(On::Postgres, postgres.new_database("still").await);
    let installation = Installation::over(database);
    let (ann, app) = set_up(&installation);
    let server = serve(&installation);
    let load = Load::start(&server, &app);
    for _ in 0..2 {
        load.is_acknowledged().await;
        let refused = load.refused();
        let still = tokio::task::block_in_place(|| postgres.stand_still());
        is_unavailable(&server, &ann).await;
        load.is_refused_since(refused).await;
        // Also those who come later, when everything that was open is known to be of no use.
        is_unavailable(&server, &ann).await;
        tokio::task::block_in_place(|| drop(still));
        wait_until("it is ready", async || server.get("/readyz").await.0 == 200).await;
    }
    recovers(load, SOON, &installation, server, &ann).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_loses_connections_is_given_up_and_recovered_from() {
    let installation = Installation::new(On::Postgres).await;
    let (ann, app) = set_up(&installation);
    let proxy = Proxy::to(installation.url()).await;
    let server = installation.command(&SERVE).env("AUDITLOG_DATABASE_URL", proxy.url()).serving();
    let load = Load::start(&server, &app);

    // It takes connections and says nothing.
    load.is_acknowledged().await;
    let refused = load.refused();
    proxy.pass(false);
    is_unavailable(&server, &ann).await;
    load.is_refused_since(refused).await;
    is_unavailable(&server, &ann).await;
    proxy.pass(true);
    wait_until("it is ready", async || server.get("/readyz").await.0 == 200).await;

    // It forgets all that were open, without a word to either side; new ones work.
    load.is_acknowledged().await;
    let refused = load.refused();
    proxy.forget_all_but(None);
    load.is_refused_since(refused).await;
    recovers(load, SOON, &installation, server, &ann).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_among_others_are_given_up_in_the_end() {
    /// Those that the server opens first are one to write with, one to read with, and the one that
    /// tells whether the database answers.
    const TELLS: usize = 2;
    let installation = Installation::new(On::Postgres).await;
    let (ann, app) = set_up(&installation);
    let proxy = Proxy::to(installation.url()).await;
    let server = installation
        .command(&[&SERVE[..], &["--no-migrate"]].concat())
        .env("AUDITLOG_DATABASE_URL", proxy.url())
        .serving();
    let load = Load::start(&server, &app);
    load.is_acknowledged().await;
    proxy.forget_all_but(Some(TELLS));
    load.is_acknowledged().await;
    // One that had all it needed, and only did not end.
    let soon = Duration::from_secs(20) + SOON;
    recovers(load, soon, &installation, server, &ann).await;
}
