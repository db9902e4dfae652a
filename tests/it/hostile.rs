//! A server in a hostile world: whatever it is sent it answers in words, goes on answering everybody
//! else, and needs no more memory than it should.

#[path = "hostile/documents.rs"]
pub mod documents;
#[path = "hostile/requests.rs"]
mod requests;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use insta::assert_snapshot;
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::On;
use crate::support::binary::{Installation, Server, http_client};
use requests::Request;

on_both!(
    whatever_document_it_is_sent_it_answers_and_lives,
    whatever_request_it_is_sent_it_answers_and_lives,
    whatever_bytes_it_is_sent_it_lives,
);

/// By how much the most memory that the server ever used may grow: for documents,
const DOCUMENTS_MAY_TAKE: u64 = 64 * 1024;
/// and for bodies of up to 16 MiB, which are read whole.
const BODIES_MAY_TAKE: u64 = 160 * 1024;
/// The default limit on bodies.
const LARGEST_BODY: usize = 16 * 1024 * 1024;
/// How long a refusal may be: of a batch it lists every bad event, of anything else little.
const LONGEST_REFUSAL: usize = 1024 * 1024;

struct Victim {
    server: Server,
    key: String,
    client: Client,
    _installation: Installation,
}

impl Victim {
    async fn new(on: On) -> Self {
        let installation = Installation::new(on).await;
        let key = installation.set_up();
        installation.done(&["organization", "create", "globex", "--name", "Globex"]);
        let ann = ["user", "create", "bob", "--organization", "acme", "--can-record", "--owner"];
        installation.done(&ann);
        let server = installation.command(&["serve", "--listen", "127.0.0.1:0", "--log", "error"]);
        let this = Self {
            server: server.serving(),
            key: installation.key_for("bob"),
            client: http_client(),
            _installation: installation,
        };
        assert_ne!(key, this.key);
        this.lives("the start").await;
        this
    }

    /// Sends a request with a good credential, unless it has one.
    async fn send(&self, request: &Request) -> reqwest::Result<(u16, String)> {
        let url = format!("{}{}", self.server.url, request.path);
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap();
        let mut sent = self.client.request(method, url).body(request.body.clone());
        for (name, value) in &request.headers {
            sent = sent.header(*name, value);
        }
        if !request.headers.iter().any(|(name, _)| *name == "authorization") {
            sent = sent.header("authorization", format!("Bearer {}", self.key));
        }
        let answer = sent.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Holds that it answers somebody else as if nothing had happened.
    async fn lives(&self, after: &str) {
        let (status, answer) = self.server.graphql(&self.key, "{viewer{is_owner}}").await;
        assert_eq!((status, &answer["data"]["viewer"]["is_owner"]), (200, &json!(true)), "{after}");
    }

    /// The most memory that it ever used, in KiB.
    fn peak(&mut self) -> u64 {
        let id = self.server.process().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// A line for the snapshot: the status, the code and the message of the first error, and how many more
/// there are.
fn told(name: &str, status: u16, body: &str) -> String {
    let answer: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    let Some(error) = errors.first() else { return format!("{name}: {status}") };
    assert!(body.len() <= LONGEST_REFUSAL, "{name}: {} bytes", body.len());
    assert_ne!(status, 500, "{name}: {body}");
    let code = error.get("code").unwrap_or(&error["extensions"]["code"]).as_str().unwrap();
    let message = nameless(&error["message"].as_str().unwrap().replace('\n', " "));
    let shown: String = message.chars().take(200).collect();
    let cut = if shown.len() < message.len() { "…" } else { "" };
    let more = if errors.len() > 1 { format!(" (of {})", errors.len()) } else { String::new() };
    format!("{name}: {status} {code}: {shown}{cut}{more}")
}

/// A message without the number in its first name: of many that are alike, validation names any.
fn nameless(message: &str) -> String {
    let mut parts = message.splitn(3, '"');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(before @ ("Variable " | "Fragment ")), Some(name), Some(after)) => {
            format!("{before}\"{}\"{after}", name.trim_end_matches(|c: char| c.is_ascii_digit()))
        }
        _ => message.to_owned(),
    }
}

async fn whatever_document_it_is_sent_it_answers_and_lives(on: On) {
    let mut victim = Victim::new(on).await;
    let before = victim.peak();
    let mut lines = Vec::new();
    for (name, document) in documents::all() {
        assert!(document.len() <= documents::BYTES, "{name}: {} bytes", document.len());
        let body = json!({"query": document}).to_string().into_bytes();
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/graphql-response+json".to_owned()),
        ];
        let request = Request { method: "POST", path: "/graphql".to_owned(), headers, body };
        let (status, body) = victim.send(&request).await.unwrap();
        lines.push(told(name, status, &body));
        victim.lives(name).await;
    }
    let grown = victim.peak() - before;
    println!("{grown} KiB more for documents");
    assert!(grown <= DOCUMENTS_MAY_TAKE, "{grown} KiB more");
    assert_snapshot!("hostile_documents", lines.join("\n"));
}

async fn whatever_request_it_is_sent_it_answers_and_lives(on: On) {
    let mut victim = Victim::new(on).await;
    let before = victim.peak();
    let mut lines = Vec::new();
    for (name, request) in requests::all() {
        let sent = victim.send(&request).await;
        if request.body.len() > LARGEST_BODY {
            // Refused before it is read; its sender may learn that, or only that it cannot go on.
            assert!(sent.is_err() || sent.is_ok_and(|(status, _)| status == 413), "{name}");
            lines.push(format!("{name}: 413"));
        } else {
            let (status, body) = sent.unwrap();
            lines.push(told(name, status, &body));
        }
        victim.lives(name).await;
    }
    let grown = victim.peak() - before;
    println!("{grown} KiB more for bodies");
    assert!(grown <= BODIES_MAY_TAKE, "{grown} KiB more");
    assert_snapshot!("hostile_requests", lines.join("\n"));
}

/// What is hardly HTTP.
async fn whatever_bytes_it_is_sent_it_lives(on: On) {
    let victim = Victim::new(on).await;
    let many: String = (0..200).map(|i| format!("x-{i}: 1\r\n")).collect();
    let long = "x".repeat(600_000);
    let cases: [(&str, String); 12] = [
        ("nothing", String::new()),
        ("no request", "\r\n\r\n".to_owned()),
        ("another protocol", "\x16\x03\x01\x02\0\x01\0\x01\u{7f}".to_owned()),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("a version that nobody knows", "GET / HTTP/9.9\r\nhost: x\r\n\r\n".to_owned()),
        ("200 headers", format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n")),
        ("a header of 600 kilobytes", format!("GET /healthz HTTP/1.1\r\nx: {long}\r\n\r\n")),
        ("a URL of 600 kilobytes", format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n")),
        ("a header without a name", "GET /healthz HTTP/1.1\r\n: x\r\n\r\n".to_owned()),
        ("two lengths", "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_owned()),
        ("a length and pieces", "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n".to_owned()),
        ("a length below nothing", "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned()),
    ];
    for (name, bytes) in cases {
        let address = victim.server.address().to_owned();
        let answer = tokio::task::spawn_blocking(move || exchange(&address, bytes.as_bytes()));
        let answer = answer.await.unwrap();
        let line = answer.lines().next().unwrap_or_default();
        // Refused in HTTP, or hung up on.
        let refused =
            line.is_empty() || line.starts_with("HTTP/1.1 4") || line.starts_with("HTTP/1.0 4");
        assert!(refused || line.contains("505"), "{name}: {line}");
        victim.lives(name).await;
    }
}

/// Sends bytes and nothing more; what comes back.
fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // It may hang up before all is sent, or in the middle of what it says.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
