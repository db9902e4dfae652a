//! Being told to stop: what is under way is finished, what is new is refused, and it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::serving;
use crate::support::On;
use crate::support::binary::{Installation, Server, http_client};
use crate::support::raw::{Raw, head_of_post};
use crate::support::world::{event, event_with};

on_both!(what_is_acknowledged_while_it_stops_is_recorded);

/// Waits until a path is answered with this status.
async fn wait_for(server: &Server, path: &str, status: u16) -> String {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let (answered, body) = server.get(path).await;
        if answered == status {
            return body;
        }
        assert!(Instant::now() < end, "{path} is still answered {answered}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_for_no_more_then_refuses_more_then_ends() {
    let installation = Installation::bare();
    installation.set_up();
    installation.done(&["user", "create", "app", "--organization", "acme", "--can-record"]);
    let app = installation.key_for("app");
    let server = serving(&installation, &["--shutdown-delay", "2s", "--shutdown-grace", "1m"]);
    let body = event("acme", "1").to_string();
    let whole = head_of_post("/v1/audit-events", &app, body.len()) + &body;
    let (begin, end) = whole.split_at(whole.len() - 5);
    let mut under_way = Raw::connect(server.address());
    under_way.send(begin);
    let mut idle = Raw::connect(server.address());
    assert_eq!(idle.get("/readyz", "").status, 200);

    server.signal("TERM");
    let began = Instant::now();
    // For load balancers: not ready any more, and everything is still served.
    assert_eq!(wait_for(&server, "/readyz", 503).await, "the server is stopping\n");
    let mut other = Raw::connect(server.address());
    let still = event("acme", "2").to_string();
    other.send(head_of_post("/v1/audit-events", &app, still.len()) + &still);
    let answer = other.answer();
    if began.elapsed() < Duration::from_secs(2) {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(idle.closed(), "", "it waits for nothing");
    assert!(began.elapsed() >= Duration::from_secs(2), "it was closed before its time");

    // Then what is new is refused, politely, and what is under way is finished.
    assert_eq!(server.get("/readyz").await.0, 503);
    assert_eq!(server.get("/healthz").await, (200, "ok\n".to_owned()));
    let mut refused = Raw::connect(server.address());
    refused.send(&whole);
    let answer = refused.answer();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    assert_eq!(answer.header("connection"), Some("close"));
    let (code, message) = answer.error();
    assert_eq!(code, "SERVICE_UNAVAILABLE");
    assert!(message.contains("did nothing about this request"), "{message}");
    assert_eq!(refused.closed(), "");

    under_way.send(end);
    let answer = under_way.answer();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["recorded"], 1);
    server.ended().exited(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_not_waited_for() {
    let installation = Installation::bare();
    installation.set_up();
    installation.done(&["user", "create", "app", "--organization", "acme", "--can-record"]);
    let app = installation.key_for("app");
    let server = serving(&installation, &["--shutdown-grace", "500ms"]);
    let mut endless = Raw::connect(server.address());
    endless.send(head_of_post("/v1/audit-events", &app, 100));
    assert_eq!(server.get("/healthz").await.0, 200);
    server.signal("INT");
    let ended = server.ended().exited(0);
    assert!(ended.stderr.contains("requests under way that did not end"), "{}", ended.stderr);
    endless.closed();
}

async fn what_is_acknowledged_while_it_stops_is_recorded(on: On) {
    let installation = Installation::new(on).await;
    let ann = installation.set_up();
    installation.done(&["user", "create", "app", "--organization", "acme", "--can-record"]);
    let app = installation.key_for("app");
    let server = serving(&installation, &[]);
    let count = Arc::new(AtomicUsize::new(0));
    let mut recorders = Vec::new();
    for recorder in 0..6 {
        let (url, app) = (server.url.clone(), app.clone());
        let count = Arc::clone(&count);
        recorders.push(tokio::spawn(async move {
            let client = http_client();
            let mut acknowledged = Vec::new();
            for n in 0.. {
                let id = format!("{recorder}-{n}");
                let sent = client
                    .post(format!("{url}/v1/audit-events"))
                    .bearer_auth(&app)
                    .header("content-type", "application/json")
                    .body(event_with("acme", "1", json!({"id": id})).to_string())
                    .send();
                // Refused, or the connection or the server is gone.
                match sent.await {
                    Ok(answer) if answer.status() == 200 => {
                        acknowledged.push(id);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(answer) => {
                        assert_eq!(answer.status(), 503);
                        break;
                    }
                    Err(_) => break,
                }
            }
            acknowledged
        }));
    }
    while count.load(Ordering::Relaxed) < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.signal("TERM");
    server.ended().exited(0);
    let mut acknowledged = Vec::new();
    for recorder in recorders {
        acknowledged.extend(recorder.await.unwrap());
    }
    let log = installation.log(&ann).await;
    let recorded: Vec<&str> =
        log.iter().filter_map(|event| event["external_id"].as_str()).collect();
    for id in acknowledged {
        assert!(recorded.contains(&id.as_str()), "{id} was acknowledged and is not there");
    }
}
