//! Traces by OpenTelemetry: what a collector is sent, what it is never sent, and that nobody waits for it.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use prost::Message as _;
use serde_json::json;

use crate::support::On;
use crate::support::binary::{Installation, Run, Server, http_client};
use crate::support::direct;
use crate::support::world::{event, event_with};

on_both!(
    a_collector_is_sent_the_trace_of_each_request,
    a_commit_is_linked_to_the_appends_that_it_took,
);

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const UNSAMPLED: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A collector, and what it was sent.
#[derive(Clone, Default)]
struct Collector {
    sent: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Collector {
    async fn start() -> (Self, String) {
        let this = Self::default();
        let sent = Arc::clone(&this.sent);
        let take = async move |headers: HeaderMap, body: Bytes| {
            sent.lock().unwrap().push((headers, body));
        };
        let router = Router::new().route("/v1/traces", post(take));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (this, url)
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let sent = self.sent.lock().unwrap();
        let decoded = |(headers, body): &(HeaderMap, Bytes)| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let mut text = Vec::new();
            match headers.get("content-encoding") {
                Some(_) => GzDecoder::new(body.as_ref()).read_to_end(&mut text).unwrap(),
                None => body.as_ref().read_to_end(&mut text).unwrap(),
            };
            ExportTraceServiceRequest::decode(text.as_slice()).unwrap()
        };
        sent.iter().map(decoded).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|spans| spans.scope_spans);
        scopes.flat_map(|spans| spans.spans).collect()
    }
}

fn serve(installation: &Installation, more: &[&str]) -> Run {
    installation.command(&[&["serve", "--listen", "127.0.0.1:0"], more].concat())
}

fn stop(server: Server) -> (String, Duration) {
    server.signal("TERM");
    let start = Instant::now();
    let log = server.ended().exited(0).stderr;
    (log, start.elapsed())
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        Any::StringValue(text) => Some(text),
        Any::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

async fn a_collector_is_sent_the_trace_of_each_request(on: On) {
    let installation = Installation::new(on).await;
    let owner = installation.set_up();
    installation.done(&["user", "create", "rob", "--organization", "acme", "--can-record"]);
    let recorder = installation.key_for("rob");
    let (collector, url) = Collector::start().await;
    let server = serve(&installation, &["--otlp-endpoint", &url])
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        .serving();
    let send = async |path: &str, credential: &str, parent: Option<String>, body: String| {
        let request = http_client()
            .post(format!("{}{path}", server.url))
            .header("authorization", format!("Bearer {credential}"))
            .header("content-type", "application/json")
            .header("user-agent", "agent-of-nobody");
        let request = match parent {
            Some(parent) => {
                request.header("traceparent", parent).header("tracestate", "x=mr_famous_too")
            }
            None => request,
        };
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    };
    let changes = json!([{"field": "doctor", "before": null, "after": "mr_famous"}]);
    let event = event_with("acme", "patient-of-whom", json!({"id": "of-rob", "changes": changes}));
    send("/v1/audit-events?of=secret", &recorder, None, event.to_string()).await;
    let query = "query Mine { auditLog(resource_ids: [\"patient-of-whom\"], pages: [\"Ward\"]) {
        total_count nodes { id }
    } }";
    let query = json!({"query": query}).to_string();
    send("/graphql", &owner, Some(format!("00-{TRACE}-{CALLER}-01")), query.clone()).await;
    let one = json!({"query": "{ auditEvent(external_id: \"of-rob\") { id } }"}).to_string();
    send("/graphql", &owner, None, one).await;
    // Whoever asks says that this one is not to be kept.
    send("/graphql", &owner, Some(format!("00-{UNSAMPLED}-{CALLER}-00")), query).await;
    let file = http_client()
        .get(format!("{}/v1/audit-events?format=csv&resource_name=APPOINTMENT", server.url))
        .header("authorization", format!("Bearer {owner}"));
    assert!(file.send().await.unwrap().text().await.unwrap().contains("mr_famous"));
    stop(server);

    let spans = collector.spans();
    let of = |name: &str, above: Option<&Span>| {
        let is_below =
            |span: &&Span| above.is_none_or(|above| span.parent_span_id == above.span_id);
        let found = spans.iter().filter(|span| span.name == name).find(is_below);
        found.unwrap_or_else(|| panic!("no {name} below {above:?} in {spans:#?}"))
    };
    let asked = of("POST /graphql", None);
    assert_eq!((hex(&asked.trace_id), hex(&asked.parent_span_id)), (TRACE.into(), CALLER.into()));
    assert_eq!(asked.kind, i32::from(SpanKind::Server as u8));
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/graphql"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(attribute(&asked.attributes, key).as_deref(), Some(value), "{asked:#?}");
    }
    let operation = of("query auditLog", Some(asked));
    let ty = attribute(&operation.attributes, "graphql.operation.type");
    assert_eq!(ty.as_deref(), Some("query"));
    let system = if on == On::Sqlite { "sqlite" } else { "postgresql" };
    // What reading leaves in the log is part of it.
    for name in ["page", "count", "append"] {
        let read = of(name, Some(operation));
        assert_eq!(hex(&read.trace_id), TRACE);
        let said = attribute(&read.attributes, "db.system.name");
        assert_eq!(said.as_deref(), Some(system), "{read:#?}");
    }
    assert_eq!(
        attribute(&of("count", Some(operation)).attributes, "db.response.returned_rows").as_deref(),
        Some("0"),
    );
    let one = of("event", Some(of("query auditEvent", None)));
    let rows = attribute(&one.attributes, "db.response.returned_rows");
    assert_eq!(rows.as_deref(), Some("1"), "{one:#?}");
    let recorded = of("POST /v1/audit-events", None);
    assert!(recorded.parent_span_id.is_empty());
    let append = of("append", Some(recorded));
    let commit = of("commit", Some(append));
    for span in [append, commit] {
        let events = attribute(&span.attributes, "db.operation.batch.size");
        assert_eq!(events.as_deref(), Some("1"), "{span:#?}");
    }
    let exported = of("GET /v1/audit-events", None);
    of("count", Some(exported));
    of("export", Some(exported));

    let resource = collector.requests()[0].resource_spans[0].resource.clone().unwrap();
    for (key, value) in [
        ("service.name", "auditlog"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", "test"),
    ] {
        assert_eq!(attribute(&resource.attributes, key).as_deref(), Some(value));
    }
    let all = format!("{:?}", collector.requests());
    for never in [
        &owner,
        &recorder,
        "patient-of-whom",
        "mr_famous",
        "Ward",
        "secret",
        "Mine",
        "agent-of-nobody",
        "of-rob",
        "acme",
        "APPOINTMENT",
    ] {
        assert!(!all.contains(never), "{never} is in the traces: {all}");
    }
    assert!(spans.iter().all(|span| hex(&span.trace_id) != UNSAMPLED));
    assert!(spans.iter().all(|span| span.events.is_empty()));
}

async fn a_commit_is_linked_to_the_appends_that_it_took(on: On) {
    let installation = Installation::new(on).await;
    installation.set_up();
    installation.done(&["user", "create", "rob", "--organization", "acme", "--can-record"]);
    let recorder = installation.key_for("rob");
    let (collector, url) = Collector::start().await;
    let server = serve(&installation, &["--otlp-endpoint", &url]).serving();
    let stopped = direct::stop_recording(installation.database(), "acme").await;
    let mut sent = Vec::new();
    for n in 0..4 {
        let request = http_client()
            .post(format!("{}/v1/audit-events", server.url))
            .header("authorization", format!("Bearer {recorder}"))
            .header("content-type", "application/json")
            .body(event("acme", &n.to_string()).to_string());
        sent.push(tokio::spawn(request.send()));
        // The first one has a commit of its own, which is stopped; the others share the next.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    drop(stopped);
    for sent in sent {
        assert_eq!(sent.await.unwrap().unwrap().status(), 200);
    }
    stop(server);
    let spans = collector.spans();
    let appends: Vec<&Span> = spans.iter().filter(|span| span.name == "append").collect();
    let is_append = |id: &[u8]| appends.iter().any(|append| append.span_id == id);
    let commits: Vec<&Span> = spans.iter().filter(|span| span.name == "commit").collect();
    let taken: usize = commits.iter().map(|commit| 1 + commit.links.len()).sum();
    assert!(appends.len() == 4 && taken == 4 && commits.len() < 4, "{commits:#?}");
    for commit in commits {
        assert!(is_append(&commit.parent_span_id), "{commit:#?}");
        assert!(commit.links.iter().all(|link| is_append(&link.span_id)), "{commit:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_unless_our_setting_says_where() {
    let installation = Installation::bare();
    let (collector, url) = Collector::start().await;
    let server = serve(&installation, &[]).env("OTEL_EXPORTER_OTLP_ENDPOINT", &url).serving();
    assert_eq!(server.get("/healthz").await.0, 200);
    stop(server);
    assert_eq!(collector.spans(), []);
    // By the environment, and with what the field's own variables say of it.
    let server = serve(&installation, &[])
        .env("AUDITLOG_OTLP_ENDPOINT", format!("{url}/"))
        .env("OTEL_SERVICE_NAME", "audit-of-all")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of-the-collector")
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .serving();
    assert_eq!(server.get("/healthz").await.0, 200);
    stop(server);
    let spans = collector.spans();
    assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["GET /healthz"]);
    let resource = collector.requests()[0].resource_spans[0].resource.clone().unwrap();
    assert_eq!(attribute(&resource.attributes, "service.name").as_deref(), Some("audit-of-all"));
    let (headers, _) = collector.sent.lock().unwrap().remove(0);
    assert_eq!(
        (&headers["x-key"], &headers["content-encoding"]),
        (&"of-the-collector".parse().unwrap(), &"gzip".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_collector_that_is_away_or_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = TcpListener::bind("127.0.0.1:0").unwrap();
    let (silent_at, away_at) = (silent.local_addr().unwrap(), away.local_addr().unwrap());
    drop(away);
    let installation = Installation::bare();
    for (collector, longest) in [(away_at, 4), (silent_at, 8)] {
        let url = format!("http://{collector}");
        let server = serve(&installation, &["--otlp-endpoint", &url])
            .env("OTEL_BSP_SCHEDULE_DELAY", "50")
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "64")
            .env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
            .serving();
        // More than there is room for.
        for _ in 0..300 {
            let start = Instant::now();
            assert_eq!(server.get("/readyz").await.0, 200);
            assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        }
        let (log, took) = stop(server);
        assert!(took < Duration::from_secs(longest), "{took:?}");
        let told = log.lines().filter(|line| line.contains("takes no traces")).count();
        assert!(told <= 1 && (told == 1 || collector == silent_at), "{log}");
    }
}

#[test]
fn an_endpoint_that_is_none_is_wrong_usage_and_not_shown() {
    let installation = Installation::bare();
    for wrong in [
        "localhost:4318",
        "ftp://ann:password@host",
        "http://ann:password@host",
        "https://host/?password",
        "",
    ] {
        let ran = serve(&installation, &["--otlp-endpoint", wrong]).run().exited(2);
        assert!(ran.stderr.contains("otlp_endpoint must be a URL"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("password"), "{}", ran.stderr);
    }
}
