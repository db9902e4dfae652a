//! Traces, sent to a collector by OTLP where one is named. Nobody waits for it: spans that it does not
//! take are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use reqwest::{Client, redirect};
use tokio::runtime::Handle;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use crate::error::{Error, Result};
use crate::store::SPANS;

/// How long the collector may take to answer, and a server that stops waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What sends traces.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts sending to a collector's address. What else can be said of traces (how many are sampled,
    /// what the service is called, headers) is read from OpenTelemetry's own variables.
    pub fn start(endpoint: &str, runtime: &Handle) -> Result<Self> {
        let failed = |error| Error::internal("preparing to send traces", error);
        let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none());
        let client = client.build().map_err(|error| failed(error.to_string()))?;
        let is_away = Arc::default();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .with_retry_policy(RetryPolicy::disabled())
            .with_http_client(Collector { client, runtime: runtime.clone(), is_away })
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let provider = SdkTracerProvider::builder()
            // Its queue is bounded, and it sends from a thread of its own.
            .with_span_processor(BatchSpanProcessor::builder(exporter).build())
            .with_resource(resource())
            .build();
        Ok(Self(provider))
    }

    /// What makes traces of spans. Of ours alone: events and others' spans could hold anything.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("auditlog"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::TRACE))
    }

    /// Sends what is left, as far as the collector takes it in time.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            tracing::debug!(%error, "the last traces were not sent");
        }
    }
}

/// Whose traces these are.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version.clone()).build();
    let name = resource.get(&Key::from_static_str("service.name"));
    match name {
        Some(name) if !name.as_str().starts_with("unknown_service") => resource,
        _ => Resource::builder().with_attribute(version).with_service_name("auditlog").build(),
    }
}

/// The collector, asked on the runtime: what sends spans has none on its own thread.
#[derive(Debug)]
struct Collector {
    client: Client,
    runtime: Handle,
    /// Whether it took none when it was asked last; said once, and once that it is back.
    is_away: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let request = reqwest::Request::try_from(request)?;
            let response = client.execute(request).await?;
            Ok::<_, reqwest::Error>(response.status())
        });
        let status = match sent.await? {
            Ok(status) => status,
            Err(error) => {
                let error = error.without_url();
                self.tell(Err(&error));
                return Err(error.into());
            }
        };
        self.tell(match status.is_success() {
            true => Ok(()),
            false => Err(&status),
        });
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        Ok(response)
    }
}

impl Collector {
    fn tell(&self, taken: std::result::Result<(), &dyn std::fmt::Display>) {
        match taken {
            Ok(()) if self.is_away.swap(false, Ordering::Relaxed) => {
                tracing::info!("the collector takes traces again");
            }
            Err(problem) if !self.is_away.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%problem, "the collector of otlp_endpoint takes no traces; they are lost");
            }
            _ => {}
        }
    }
}
