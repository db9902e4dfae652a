//! `auditlog serve`: the process, from its start to its end.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use sea_orm::ConnectionTrait as _;

use crate::support::On;
use crate::support::binary::{Installation, Server};
use crate::support::world::event;

on_both!(
    it_migrates_says_where_it_listens_and_serves,
    without_migrating_it_refuses_a_database_with_migrations_to_apply,
    a_request_under_way_is_finished_when_it_is_told_to_stop,
);

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

async fn it_migrates_says_where_it_listens_and_serves(on: On) {
    let installation = Installation::unmigrated(on).await;
    let server = installation.command(&SERVE).serving();
    assert_eq!(server.introduction, "", "the line is the first");
    let port = server.address().strip_prefix("127.0.0.1:").expect("the address it was given");
    assert_ne!(port, "0", "the port it took");

    assert_eq!(server.get("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(server.get("/readyz").await, (200, "ready\n".to_owned()));
    let (status, metrics) = server.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("route=\"/healthz\",status=\"200\"} 1\n"), "{metrics}");

    // The commands work while it serves, and work at once.
    let key = installation.set_up();
    let (status, answer) = server.graphql(&key, "{ auditLog { total_count } }").await;
    assert_eq!((status, &answer["data"]["auditLog"]["total_count"]), (200, &4.into()));
    assert_eq!(server.graphql("wrong", "{ auditLog { total_count } }").await.0, 401);
}

async fn without_migrating_it_refuses_a_database_with_migrations_to_apply(on: On) {
    let installation = Installation::unmigrated(on).await;
    let serve = [&SERVE[..], &["--no-migrate"]].concat();
    let error = installation.run(&serve).failed();
    assert!(error.contains("auditlog migrate"), "{error}");

    let applied = installation.run(&["migrate"]).exited(0).stderr;
    assert!(applied.starts_with("applied "), "it had applied some itself: {applied}");
    installation.command(&serve).serving();
}

async fn a_request_under_way_is_finished_when_it_is_told_to_stop(on: On) {
    let installation = Installation::new(on).await;
    installation.set_up();
    installation.done(&["user", "create", "app", "--organization", "acme", "--can-record"]);
    let (app, ann) = (installation.key_for("app"), installation.key_for("ann"));
    for signal in ["TERM", "INT"] {
        let mut server = installation.command(&SERVE).serving();
        let body = event("acme", signal).to_string();
        let (begin, end) = body.split_at(10);
        let mut connection = TcpStream::connect(server.address()).unwrap();
        let head = format!(
            "POST /v1/audit-events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {app}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{begin}",
            body.len()
        );
        connection.write_all(head.as_bytes()).unwrap();
        // Others that only stay connected do not hold it up.
        let _silent = TcpStream::connect(server.address()).unwrap();
        let mut idle = TcpStream::connect(server.address()).unwrap();
        idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert!(read_some(&mut idle).starts_with("HTTP/1.1 200"));

        server.signal(signal);
        wait_until_stopping(&server).await;
        assert!(server.process().is_running(), "it did not wait for the request");
        connection.write_all(end.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("\"recorded\":1"),
            "{answer}"
        );
        server.ended().exited(0);

        let log = installation.log(&ann).await;
        assert!(log.iter().any(|event| event["resource_id"] == signal), "it is not in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn told_twice_to_stop_it_does_not_wait_for_a_request_that_never_ends() {
    let installation = Installation::bare();
    for signal in ["TERM", "INT"] {
        let mut server = installation.command(&SERVE).serving();
        let mut connection = TcpStream::connect(server.address()).unwrap();
        connection.write_all(b"POST /graphql HTTP/1.1\r\nhost: loc").unwrap();
        // It has taken the connection once it answers a later one.
        assert_eq!(server.get("/healthz").await.0, 200);
        server.signal("TERM");
        wait_until_stopping(&server).await;
        assert!(server.process().is_running(), "it did not wait for the request");
        server.signal(signal);
        server.ended().exited(0);
    }
}

fn read_some(connection: &mut TcpStream) -> String {
    let mut buffer = [0; 1024];
    let length = connection.read(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

async fn wait_until_stopping(server: &Server) {
    for _ in 0..500 {
        if server.get("/readyz").await == (503, "the server is stopping\n".to_owned()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not stop");
}

#[test]
fn a_port_that_is_taken_is_a_failure_that_names_it() {
    let installation = Installation::bare();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["serve", "demo"] {
        let error = installation.run(&[command, "--listen", &address]).exited(1);
        assert_eq!(error.stdout, "");
        assert!(error.stderr.contains(&format!("listen {address}")), "{}", error.stderr);
    }
    assert_eq!(installation.temporary_files(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_database_goes_away_it_is_alive_but_not_ready() {
    let installation = Installation::new(On::Postgres).await;
    let key = installation.set_up();
    let server = installation.command(&SERVE).serving();
    assert_eq!(server.get("/readyz").await.0, 200);

    let (base, name) = installation.url().rsplit_once('/').unwrap();
    let admin = sea_orm::Database::connect(format!("{base}/postgres")).await.unwrap();
    admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    admin.close().await.unwrap();

    assert_eq!(server.get("/healthz").await.0, 200);
    let (status, body) = server.get("/readyz").await;
    assert_eq!((status, body.as_str()), (503, "the database does not answer\n"));
    let (_, answer) = server.graphql(&key, "{ auditLog { total_count } }").await;
    let answer = answer.to_string();
    assert!(answer.contains("SERVICE_UNAVAILABLE") && !answer.contains(name), "{answer}");
}
