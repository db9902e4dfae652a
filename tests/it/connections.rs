//! Connections: what each may take, how many there may be, and who goes when there are too many.
//! The timeouts are short here, and everything else waits long.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use tower::ServiceExt as _;

use crate::support::On;
use crate::support::binary::{Installation, Server};
use crate::support::raw::{Raw, head_of_post};
use crate::support::world::{World, event};

mod stopping;

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

fn serving(installation: &Installation, more: &[&str]) -> Server {
    installation.command(&[&SERVE[..], more].concat()).serving()
}

/// The value of a metric without labels.
async fn metric(server: &Server, name: &str) -> u64 {
    let (_, text) = server.get("/metrics").await;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// Waits until a metric has this value.
async fn wait_for_metric(server: &Server, name: &str, wanted: u64) {
    let end = Instant::now() + Duration::from_secs(60);
    while metric(server, name).await != wanted {
        assert!(Instant::now() < end, "{name} is {}, not {wanted}", metric(server, name).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const ALL: &str = "auditlog_connections";
const REFUSED: &str = "auditlog_connections_refused_total";

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_do_not_arrive_are_not_waited_for() {
    let installation = Installation::bare();
    let server = serving(&installation, &["--header-timeout", "1s"]);
    let mut silent = Raw::connect(server.address());
    let mut half = Raw::connect(server.address());
    half.send("POST /graphql HTTP/1.1\r\nhost: loc");
    let mut slow = Raw::connect(server.address());
    slow.send("GET /healthz HTTP/1.1\r\nx-slow: ");
    assert!(slow.trickle(b'x', Duration::from_millis(20), Duration::from_secs(30)));

    assert_eq!(silent.closed(), "", "nothing was asked");
    for connection in [&mut half, &mut slow] {
        let answer = connection.answer();
        assert_eq!(answer.status, 408);
        let (code, message) = answer.error();
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(message.contains("1s, which is header_timeout"), "{message}");
        assert_eq!(connection.closed(), "");
    }
    // The same after a request that was answered.
    let mut second = Raw::connect(server.address());
    assert_eq!(second.get("/healthz", "").status, 200);
    second.send("GET /hea");
    assert_eq!(second.answer().status, 408);
    second.closed();
    wait_for_metric(&server, ALL, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_stall_or_take_too_long_are_answered_408() {
    let installation = Installation::bare();
    let key = installation.set_up();
    installation.done(&["user", "create", "app", "--organization", "acme", "--can-record"]);
    let app = installation.key_for("app");
    let limits = ["--stall-timeout", "1s", "--body-timeout", "2500ms"];
    let server = serving(&installation, &limits);
    for (path, key) in [("/graphql", &key), ("/v1/audit-events", &app)] {
        let mut stalled = Raw::connect(server.address());
        stalled.send(head_of_post(path, key, 1_000));
        stalled.send("{\"query\"");
        let answer = stalled.answer();
        assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
        let (code, message) = answer.error();
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(message.contains("1s, which is stall_timeout"), "{message}");
        assert_eq!(stalled.closed(), "");

        let mut slow = Raw::connect(server.address());
        slow.send(head_of_post(path, key, 1_000_000));
        assert!(slow.trickle(b' ', Duration::from_millis(50), Duration::from_secs(30)));
        let answer = slow.answer();
        assert_eq!(answer.status, 408);
        let (_, message) = answer.error();
        assert!(message.contains("2.5s in all, which is body_timeout"), "{message}");
        slow.closed();
    }
    // One that pauses for less, and in chunks, is taken.
    let mut paused = Raw::connect(server.address());
    let body = event("acme", "paused").to_string();
    let (begin, end) = body.split_at(10);
    let head = head_of_post("/v1/audit-events", &app, 0)
        .replace("content-length: 0", "transfer-encoding: chunked");
    paused.send(format!("{head}{:x}\r\n{begin}\r\n", begin.len()));
    tokio::time::sleep(Duration::from_millis(100)).await;
    paused.send(format!("{:x}\r\n{end}\r\n0\r\n\r\n", end.len()));
    assert_eq!(paused.answer().status, 200);
    let (_, metrics) = server.get("/metrics").await;
    assert!(metrics.contains("route=\"/graphql\",status=\"408\"} 2\n"), "{metrics}");
    assert_eq!(metric(&server, "auditlog_events_recorded_total").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_read_an_answer_does_not_hold_it_for_ever() {
    let installation = Installation::bare();
    let key = installation.set_up();
    // More than the system's buffers take.
    let events: String = (0..24)
        .map(|n| {
            let mut event = event("acme", &n.to_string());
            event["metadata"] = serde_json::json!({"text": "word ".repeat(100_000)});
            format!("{event}\n")
        })
        .collect();
    installation.write("events.ndjson", &events);
    installation.done(&["import", "events.ndjson"]);
    let mut server = serving(&installation, &["--stall-timeout", "2s", "--body-timeout", "2s"]);
    let export = format!(
        "GET /v1/audit-events?format=ndjson HTTP/1.1\r\nhost: localhost\r\n\
         authorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    );
    // Whoever reads slowly, longer than the pause that is allowed, gets all of it.
    let mut reader = Raw::connect_from([127, 0, 0, 1], server.address()).await;
    reader.send(&export);
    let (mut total, began) = (0, Instant::now());
    loop {
        match reader.read(256 * 1024) {
            0 => break,
            length => total += length,
        }
        if began.elapsed() < Duration::from_secs(4) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(total > 12_000_000, "{total}");

    let mut nobody = Raw::connect_from([127, 0, 0, 1], server.address()).await;
    nobody.send(&export);
    assert!(nobody.read(10) > 0);
    wait_for_metric(&server, ALL, 1).await;
    assert!(server.process().is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_kept_for_the_next_request_but_not_for_ever() {
    let installation = Installation::bare();
    let server = serving(&installation, &["--idle-timeout", "4s", "--header-timeout", "1s"]);
    let mut idle = Raw::connect(server.address());
    assert_eq!(idle.get("/healthz", "").status, 200);
    let mut used = Raw::connect(server.address());
    // Idle for longer than headers may take, and used for longer than it may idle.
    for _ in 0..3 {
        assert_eq!(used.get("/healthz", "").status, 200);
        tokio::time::sleep(Duration::from_millis(1_400)).await;
    }
    assert_eq!(idle.closed(), "");
    assert_eq!(used.get("/healthz", "connection: close\r\n").status, 200);
    assert_eq!(used.closed(), "");

    // Several requests at once are answered in their order.
    let mut several = Raw::connect(server.address());
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    several.send(
        [one("/healthz"), one("/nowhere"), one("/readyz"), one("/heal")[..10].into()].concat(),
    );
    assert_eq!(
        [several.answer(), several.answer(), several.answer()].map(|a| a.status),
        [200, 404, 200]
    );
    several.send(&one("/healthz")[10..]);
    several.answer();
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_have_a_size_and_a_number() {
    let installation = Installation::bare();
    let server = serving(&installation, &[]);
    let header = |length: usize| format!("x-long: {}\r\n", "x".repeat(length));
    let many = |count: usize| "x-many: x\r\n".repeat(count);
    for (headers, status) in [
        (header(60_000), 200),
        (header(66_000), 431),
        (header(10_000_000), 431),
        (many(99), 200), // and the host
        (many(100), 431),
        (many(100_000), 431),
    ] {
        let mut connection = Raw::connect(server.address());
        let request = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        // It may answer before it was all sent.
        connection.try_to_send(&request);
        assert_eq!(connection.answer().status, status, "{} bytes", headers.len());
    }
    let mut nonsense = Raw::connect(server.address());
    nonsense.send("\u{16}\u{3}\u{1} this is TLS or so\r\n\r\n");
    assert_eq!(nonsense.closed().split(' ').nth(1), Some("400"));
    // HTTP/2 is for a proxy in front.
    let mut two = Raw::connect(server.address());
    two.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let answer = two.closed();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_reaches_whoever_is_still_sending() {
    let installation = Installation::bare();
    installation.set_up();
    installation.done(&["user", "create", "app", "--organization", "acme", "--can-record"]);
    let app = installation.key_for("app");
    let server = serving(&installation, &[]);
    const MEBIBYTE: usize = 1024 * 1024;
    for (key, length, status) in [("wrong", 8 * MEBIBYTE, 401), (&app, 20 * MEBIBYTE, 413)] {
        let mut connection = Raw::connect(server.address());
        connection.send(head_of_post("/v1/audit-events", key, length));
        // All of it before it listens, which the server does not wait for.
        connection.try_to_send(vec![b' '; length]);
        let answer = connection.answer();
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(connection.closed(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_cap_a_newcomer_does_not_push_out_the_one_before() {
    let installation = Installation::bare();
    let (one, two) = ([127, 0, 0, 2], [127, 0, 0, 3]);
    let mut server = serving(&installation, &["--max-connections", "3"]);
    let (before, next) = loop {
        let began = Instant::now();
        let _at_work = [busy(one, &server).await, busy(one, &server).await];
        let mut before = Raw::connect_from(two, server.address()).await;
        let mut next = Raw::connect_from(two, server.address()).await;
        before.try_to_send("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answers = (before.closed(), next.closed());
        // Unless all this took about as long as a newcomer may be silent: the machine stood still, and
        // the one before had its moment.
        if began.elapsed() < Duration::from_millis(900) {
            break answers;
        }
        server = serving(&installation, &["--max-connections", "3"]);
    };
    assert!(next.starts_with("HTTP/1.1 503 "), "{next:?}");
    assert!(before.starts_with("HTTP/1.1 200 "), "{before:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_bodies_are_refused() {
    let world = World::new(On::Sqlite).await;
    for path in ["/graphql", "/v1/audit-events"] {
        for (encoding, is_taken) in [
            ("gzip", false),
            ("identity, br", false),
            ("", false),
            ("identity", true),
            ("Identity", true),
        ] {
            let request = Request::builder()
                .method(Method::POST)
                .uri(path)
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::CONTENT_ENCODING, encoding)
                .body(Body::from("{}"))
                .unwrap();
            let response = world.router.clone().oneshot(request).await.unwrap();
            let refused = response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE;
            assert_eq!(refused, !is_taken, "{path} {encoding:?}: {}", response.status());
            if refused {
                assert_eq!(response.headers()[header::ACCEPT_ENCODING], "identity");
                let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
                let body = String::from_utf8(body.to_vec()).unwrap();
                assert!(body.contains("Content-Encoding must be identity or absent"), "{body}");
                assert!(body.contains("\"BAD_USER_INPUT\""), "{body}");
            }
        }
    }
}

/// A connection that is at work: its request is half sent.
async fn busy(from: [u8; 4], server: &Server) -> Raw {
    let mut connection = Raw::connect_from(from, server.address()).await;
    connection.send("GET /healthz HTTP/1.1\r\n");
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_every_connection() {
    let installation = Installation::bare();
    let limits = ["--max-connections", "5", "--max-connections-per-address", "3"];
    let server = serving(&installation, &limits);
    let (one, two, three) = ([127, 0, 0, 2], [127, 0, 0, 3], [127, 0, 0, 4]);
    let mut of_one = Vec::new();
    for _ in 0..3 {
        of_one.push(busy(one, &server).await);
    }
    // It has taken a connection once it answers a later one.
    assert_eq!(metric(&server, ALL).await, 4);
    let mut fourth = Raw::connect_from(one, server.address()).await;
    let answer = fourth.answer();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    let (code, message) = answer.error();
    assert_eq!(code, "SERVICE_UNAVAILABLE");
    assert!(message.contains("3 connections, which is max_connections_per_address"), "{message}");
    fourth.closed();

    // Another address has its own share of what there is in all.
    let mut of_two = vec![busy(two, &server).await, busy(two, &server).await];
    let mut sixth = Raw::connect_from(three, server.address()).await;
    let answer = sixth.answer();
    assert_eq!(answer.status, 503);
    let (_, message) = answer.error();
    assert!(message.contains("5 connections, which is max_connections;"), "{message}");

    // A connection that ends makes room, and whoever waited inside is served.
    drop(of_two.pop());
    let mut sixth = loop {
        let mut next = Raw::connect_from(three, server.address()).await;
        next.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
        if next.answer().status == 200 {
            break next;
        }
    };
    for mut connection in of_one.into_iter().chain(of_two) {
        connection.send("host: localhost\r\n\r\n");
        assert_eq!(connection.answer().status, 200);
    }
    assert_eq!(sixth.get("/healthz", "").status, 200);
    assert!(metric(&server, REFUSED).await >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_cap_who_has_been_idle_longest_makes_room() {
    let installation = Installation::bare();
    let limits = ["--max-connections", "4", "--max-connections-per-address", "3"];
    let server = serving(&installation, &limits);
    let (one, two) = ([127, 0, 0, 2], [127, 0, 0, 3]);
    let mut connections = Vec::new();
    for from in [two, one, one, one] {
        let mut connection = Raw::connect_from(from, server.address()).await;
        assert_eq!(connection.get("/healthz", "").status, 200);
        connections.push(connection);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // For its address's cap, the oldest of that address goes.
    let mut next = Raw::connect_from(one, server.address()).await;
    assert_eq!(next.get("/healthz", "").status, 200);
    assert_eq!(connections.remove(1).closed(), "");
    // For the cap in all, the oldest of the address that has most; not the oldest of all.
    let mut next = Raw::connect_from(two, server.address()).await;
    assert_eq!(next.get("/healthz", "").status, 200);
    assert_eq!(connections.remove(1).closed(), "");
    for mut connection in connections {
        assert_eq!(connection.get("/healthz", "").status, 200);
    }
    assert_eq!(metric(&server, REFUSED).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn running_out_of_files_is_survived() {
    let installation = Installation::bare();
    let key = installation.set_up();
    let mut server = installation.limited(&SERVE, "ulimit -n 48").serving();
    let mut crowd: Vec<Raw> = (0..100).map(|_| Raw::connect(server.address())).collect();
    // Idle ones make room, one after the other, and it goes on to answer.
    for _ in 0..3 {
        assert_eq!(server.get("/healthz").await.0, 200);
    }
    // Those that are at work do not; they have their time.
    for connection in &mut crowd {
        connection.try_to_send("GET /healthz HTTP/1.1\r\n");
    }
    drop(crowd);
    assert_eq!(server.get("/readyz").await.0, 200);
    assert_eq!(server.graphql(&key, "{ auditLog { total_count } }").await.0, 200);
    let before = processor_time(server.process().id());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let spent = processor_time(server.process().id()) - before;
    assert!(spent <= 20, "{spent} ticks while nobody asked for anything");
    server.signal("TERM");
    let log = server.ended().exited(0).stderr;
    assert!(log.contains("a connection could not be accepted"), "{log}");
}

/// What a process has used of the processor so far, in hundredths of a second.
fn processor_time(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_peer_reaches_the_log() {
    let installation = Installation::bare();
    let key = installation.set_up();
    let server = serving(&installation, &[]);
    let mut connection = Raw::connect_from([127, 0, 0, 7], server.address()).await;
    let query = r#"{"query": "{ auditLog(resource_name: AUDIT_LOG) { nodes { ip_address } } }"}"#;
    let request = head_of_post("/graphql", &key, query.len()) + query;
    connection.send(&request);
    assert_eq!(connection.answer().status, 200);
    connection.send(&request);
    let answer = connection.answer().json();
    assert_eq!(answer["data"]["auditLog"]["nodes"][0]["ip_address"], "127.0.0.7", "{answer}");
}

#[test]
fn a_limit_that_cannot_be_used_is_wrong_usage_and_is_named() {
    let installation = Installation::bare();
    for (flag, value) in [
        ("header-timeout", "soon"),
        ("body-timeout", "0"),
        ("stall-timeout", "0s"),
        ("idle-timeout", "-1s"),
        ("max-connections", "0"),
        ("max-connections-per-address", "many"),
        ("shutdown-delay", "1"),
        ("shutdown-grace", "1y"),
    ] {
        let ran = installation.run(&["serve", &format!("--{flag}={value}")]).exited(2);
        let named = [flag.to_owned(), flag.replace('-', "_")];
        assert!(named.iter().any(|name| ran.stderr.contains(name)), "{flag}: {}", ran.stderr);
        let setting = flag.replace('-', "_");
        installation.write("other.toml", format!("{setting} = \"{value}\"\n"));
        let ran = installation.run(&["serve", "--config", "other.toml"]).exited(2);
        assert!(ran.stderr.contains(&setting), "{flag}: {}", ran.stderr);
    }
}
