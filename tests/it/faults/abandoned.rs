//! Statements that nobody waits for any more.

use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{SERVE, set_up, wait_until};
use crate::support::binary::Installation;
use crate::support::raw::head_of_post;
use crate::support::{On, direct};

/// How many of the server's statements sleep.
async fn sleeping(db: &DatabaseConnection) -> usize {
    let running = "SELECT query FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'auditlog' AND wait_event = 'PgSleep'";
    direct::texts(db, running).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_longer_than_its_request_may_is_stopped() {
    let installation = Installation::new(On::Postgres).await;
    let (ann, _) = set_up(&installation);
    let server = installation.command(&SERVE).env("AUDITLOG_MAX_REQUEST_SECONDS", "2").serving();
    direct::slow_down_reading(installation.url(), Duration::from_secs(600)).await;
    let behind = direct::connect(installation.url()).await;
    let (status, answer) = server.graphql(&ann, "{ auditLog { nodes { id } } }").await;
    assert_eq!(status, 503, "{answer}");
    let message = answer["errors"][0]["message"].as_str().unwrap();
    let says = ["max_request_seconds", "the database stopped doing this"];
    assert!(says.iter().any(|it| message.contains(it)), "{message}");
    wait_until("it is stopped", async || sleeping(&behind).await == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_does_not_wait_for_any_more_is_stopped() {
    let installation = Installation::new(On::Postgres).await;
    let (ann, _) = set_up(&installation);
    let server = installation.command(&SERVE).env("AUDITLOG_MAX_REQUEST_SECONDS", "3600").serving();
    direct::slow_down_reading(installation.url(), Duration::from_secs(600)).await;
    let behind = direct::connect(installation.url()).await;
    // More than there are connections to read with.
    let mut clients = Vec::new();
    for _ in 0..20 {
        let body = r#"{"query": "{ auditLog { nodes { id } } }"}"#;
        let request = head_of_post("/graphql", &ann, body.len()) + body;
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        clients.push(client);
    }
    wait_until("all connections are taken", async || sleeping(&behind).await == 16).await;
    drop(clients);
    wait_until("they are stopped", async || sleeping(&behind).await == 0).await;
    wait_until("it is ready", async || server.get("/readyz").await.0 == 200).await;
}
