//! The database answers, and somebody else holds what is needed: nobody waits for ever.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::ledger::{Attempt, Batch, check, send_again};
use super::{QUERY, SOON, serve, set_up, wait_until};
use crate::support::binary::{Installation, Server, http_client};
use crate::support::{On, direct};

on_both!(recorders_that_cannot_have_the_tenants_lock_are_answered);

async fn recorders_that_cannot_have_the_tenants_lock_are_answered(on: On) {
    let installation = Installation::new(on).await;
    let (ann, app) = set_up(&installation);
    let server = serve(&installation);
    let lock = direct::stop_recording(installation.database(), "acme").await;
    let mut recorders = JoinSet::new();
    let client = http_client();
    for n in 0..60 {
        let (client, url, app) = (client.clone(), server.url.clone(), app.clone());
        recorders.spawn(async move {
            let mut batch = Batch::new(n.to_string(), 2);
            let attempt = batch.send(&client, &url, &app).await;
            (batch, attempt)
        });
    }
    let (mut batches, mut slowest) = (Vec::new(), Duration::ZERO);
    let mut sure = 0;
    for (batch, attempt) in recorders.join_all().await {
        let Attempt::Unavailable(message, took) = attempt else { panic!("{attempt:?}") };
        sure += usize::from(message.contains("nothing was recorded"));
        slowest = slowest.max(took);
        batches.push(batch);
    }
    println!("the slowest of 60 took {slowest:?}; {sure} were told that nothing was recorded");
    assert!(slowest < SOON, "{slowest:?}");
    assert!(sure > 0, "at least the first of them failed for sure");
    assert_eq!(server.get("/healthz").await.0, 200);
    lock.rollback().await.unwrap();

    send_again(&mut batches, &server, &app).await;
    assert_eq!(check(&batches, &installation, &ann).await, batches.len());
}

/// Asks so often at once, of which each must be told soon that it cannot be.
async fn all_are_refused(server: &Server, key: &str, readers: usize) {
    let mut asked = JoinSet::new();
    let client = http_client();
    for _ in 0..readers {
        let (client, url, key) = (client.clone(), server.url.clone(), key.to_owned());
        asked.spawn(async move {
            let began = Instant::now();
            let request = client
                .post(format!("{url}/graphql"))
                .bearer_auth(key)
                .header("content-type", "application/json")
                .body(json!({"query": QUERY}).to_string());
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
            assert!(status == 503 && text.contains("SERVICE_UNAVAILABLE"), "{status} {text}");
            began.elapsed()
        });
    }
    let slowest = asked.join_all().await.into_iter().max().unwrap();
    println!("the slowest of {readers} took {slowest:?}");
    assert!(slowest < SOON, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_get_no_connection_are_answered() {
    let installation = Installation::new(On::Postgres).await;
    let (ann, _) = set_up(&installation);
    let server = serve(&installation);
    // More readers than connections, each of which waits for a lock.
    let blocker = direct::connect(installation.url()).await;
    direct::run(&blocker, "BEGIN; LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE").await;
    all_are_refused(&server, &ann, 60).await;
    direct::run(&blocker, "ROLLBACK").await;
    assert_eq!(server.graphql(&ann, QUERY).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_sqlite_has_no_connection_for_are_answered() {
    let installation = Installation::new(On::Sqlite).await;
    let (ann, _) = set_up(&installation);
    let server = serve(&installation);
    let behind = direct::connect(installation.url()).await;
    // Whose member somebody is; and below, what is asked first.
    direct::make_endless(&behind, "organization_memberships").await;
    all_are_refused(&server, &ann, 4).await;
    // They are given up and do not run on, or there would be no connection from here on.
    tokio::join!(
        all_are_refused(&server, &ann, 12),
        wait_until("it is not ready", async || server.get("/readyz").await.0 == 503),
    );
    assert_eq!(server.get("/healthz").await.0, 200);
    direct::make_ending(&behind, "organization_memberships").await;
    wait_until("it is ready", async || server.get("/readyz").await.0 == 200).await;
    direct::make_endless(&behind, "sequence_heads").await;
    tokio::join!(
        all_are_refused(&server, &ann, 12),
        wait_until("it is not ready", async || server.get("/readyz").await.0 == 503),
    );
    direct::make_ending(&behind, "sequence_heads").await;
    wait_until("it is ready", async || server.get("/readyz").await.0 == 200).await;
    assert_eq!(server.graphql(&ann, QUERY).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_several_times_is_answered_in_the_same_time() {
    const WAIT: Duration = Duration::from_millis(2_000);
    let installation = Installation::new(On::Postgres).await;
    let (_, app) = set_up(&installation);
    let server = serve(&installation);
    let lock = direct::stop_recording(installation.database(), "acme").await;
    // To be signed in it waits twice, each time less long than it may wait for a lock.
    let (first, second) =
        (direct::connect(installation.url()).await, direct::connect(installation.url()).await);
    direct::run(&first, "BEGIN; LOCK TABLE api_keys").await;
    direct::run(&second, "BEGIN; LOCK TABLE organization_memberships").await;
    let release = tokio::spawn(async move {
        for blocker in [first, second] {
            tokio::time::sleep(WAIT).await;
            direct::run(&blocker, "ROLLBACK").await;
        }
    });
    let mut batch = Batch::new("several".to_owned(), 2);
    let attempt = batch.send(&http_client(), &server.url, &app).await;
    let Attempt::Unavailable(message, took) = attempt else { panic!("{attempt:?}") };
    println!("it took {took:?}");
    assert!(message.contains("nothing was recorded"), "{message}");
    assert!(WAIT < took && took < SOON, "{took:?}");
    release.await.unwrap();
    lock.rollback().await.unwrap();
    send_again(std::slice::from_mut(&mut batch), &server, &app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_has_its_connection_and_is_only_slow_is_waited_for() {
    let installation = Installation::new(On::Postgres).await;
    let (ann, _) = set_up(&installation);
    let server = serve(&installation);
    // Longer than a request may wait.
    direct::slow_down_reading(installation.url(), Duration::from_secs(6)).await;
    let began = Instant::now();
    let (status, answer) = server.graphql(&ann, "{ auditLog { nodes { id } } }").await;
    assert_eq!(status, 200, "{answer}");
    assert!(began.elapsed() > Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_has_its_locks_and_is_only_slow_is_waited_for() {
    let installation = Installation::new(On::Postgres).await;
    let (ann, app) = set_up(&installation);
    let server = serve(&installation);
    // Longer than a write may take to begin. If it were given up, none that is large would ever succeed.
    let behind = direct::connect(installation.url()).await;
    direct::run(
        &behind,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_sleep(3); RETURN NEW;
         END $$;
         CREATE TRIGGER slow BEFORE INSERT ON audit_events
         FOR EACH ROW WHEN (NEW.external_id LIKE 'slow-%') EXECUTE FUNCTION slow()",
    )
    .await;
    let mut batch = Batch::new("slow".to_owned(), 2);
    let attempt = batch.send(&http_client(), &server.url, &app).await;
    assert!(matches!(attempt, Attempt::Acknowledged), "{attempt:?}");
    assert_eq!(check(&[batch], &installation, &ann).await, 1);
}
