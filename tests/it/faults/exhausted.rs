//! The database answers, and somebody else holds what is needed: nobody waits for ever.

use std::time::Duration;

use tokio::task::JoinSet;

use super::ledger::{Attempt, Batch, check, send_again};
use super::{serve, set_up};
use crate::support::binary::{Installation, http_client};
use crate::support::{On, direct};

on_both!(recorders_that_cannot_have_the_tenants_lock_are_answered);

/// Far longer than the server promises, for a machine with much else to do.
const SOON: Duration = Duration::from_secs(20);

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_get_no_connection_are_answered() {
    let installation = Installation::new(On::Postgres).await;
    let (ann, _) = set_up(&installation);
    let server = serve(&installation);
    let query = "{ auditLog { total_count } }";
    // More readers than connections, each of which waits for a lock.
    let blocker = direct::connect(installation.url()).await;
    direct::run(&blocker, "BEGIN; LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE").await;
    let mut readers = JoinSet::new();
    let client = http_client();
    for _ in 0..60 {
        let (client, url, ann) = (client.clone(), server.url.clone(), ann.clone());
        readers.spawn(async move {
            let began = std::time::Instant::now();
            let request = client
                .post(format!("{url}/graphql"))
                .bearer_auth(ann)
                .header("content-type", "application/json")
                .body(serde_json::json!({"query": query}).to_string());
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
            assert!(status == 503 && text.contains("SERVICE_UNAVAILABLE"), "{status} {text}");
            began.elapsed()
        });
    }
    let slowest = readers.join_all().await.into_iter().max().unwrap();
    println!("the slowest of 60 took {slowest:?}");
    assert!(slowest < SOON, "{slowest:?}");
    direct::run(&blocker, "ROLLBACK").await;
    assert_eq!(server.graphql(&ann, query).await.0, 200);
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
