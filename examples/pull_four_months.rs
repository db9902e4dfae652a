//! Pulls the audit log of the last four months, one JSON line an event, on standard output:
//!
//! ```sh
//! AUDITLOG_API_KEY=… cargo run --example pull_four_months > events.ndjson
//! ```

#![forbid(unsafe_code)]

use std::io::{BufWriter, ErrorKind, Write};
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Months, SecondsFormat, Utc};
use clap::Parser;
use reqwest::{Client, StatusCode, Url, header};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// What is asked for is in a file of its own, to be tried and changed without this program.
const QUERY: &str = include_str!("queries/four-months.graphql");

/// How long to wait before each new try, in seconds; after the last one, the failure stands.
const WAITS: [u64; 5] = [1, 2, 4, 8, 16];

/// Pull the audit log, one JSON line an event, on standard output
#[derive(Parser)]
struct Arguments {
    /// Where the server is
    #[arg(long, env = "AUDITLOG_URL", default_value = "http://127.0.0.1:8080")]
    url: Url,
    /// The key of a user who may view the audit log; better in the environment, where the list of
    /// processes does not show it
    #[arg(long, env = "AUDITLOG_API_KEY", hide_env_values = true)]
    api_key: String,
    /// Where to begin, such as 2026-10-02 or 2026-10-02T09:30:00-04:00 [default: four months ago]
    #[arg(long)]
    since: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<GraphQlError>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "auditLog")]
    audit_log: Option<Page>,
}

#[derive(Deserialize)]
struct Page {
    /// Only with the first page.
    total_count: Option<u64>,
    /// Each event as the server spelled it: nothing here can lose a digit or reorder a key.
    nodes: Vec<Box<RawValue>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct PageInfo {
    end_cursor: Option<String>,
    has_next_page: bool,
}

#[derive(Deserialize)]
struct GraphQlError {
    message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Deserialize, Default)]
struct Extensions {
    code: Option<String>,
}

enum Failure {
    /// May go away by itself: the connection, or a server in trouble.
    Passing(String),
    /// Would only come again: the credential, the question, or our own output.
    Lasting(String),
    /// Whoever reads standard output has had enough, as `head` has.
    NobodyReads,
}

#[tokio::main]
async fn main() -> ExitCode {
    match pull(Arguments::parse()).await {
        Ok(()) | Err(Failure::NobodyReads) => ExitCode::SUCCESS,
        Err(Failure::Passing(message)) => {
            eprintln!("{message}; giving up");
            ExitCode::FAILURE
        }
        Err(Failure::Lasting(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Reads page after page.
///
/// A cursor names an event and not a number of events to skip, so a page begins right behind the
/// one before it, whatever has been recorded meanwhile: nothing comes twice and nothing is passed
/// over. With the oldest first, what happens during the pull comes at its end. Only an event that
/// is recorded late, with a time that has already been read, is not met; a program that must not
/// miss those follows the log with `queries/poll.graphql`.
async fn pull(arguments: Arguments) -> Result<(), Failure> {
    let since = arguments.since.unwrap_or_else(four_months_ago);
    let server = Server::new(&arguments.url, arguments.api_key)?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut after: Option<String> = None;
    let (mut pulled, mut total) = (0, None);
    loop {
        let page = server.page(&since, after.as_deref()).await?;
        for event in &page.nodes {
            writeln!(output, "{event}").map_err(unwritten)?;
        }
        // What was reported as pulled has left this program.
        output.flush().map_err(unwritten)?;

        pulled += page.nodes.len();
        total = total.or(page.total_count);
        let of_total = total.map_or_else(String::new, |total| format!(" of about {total}"));
        eprintln!("{pulled}{of_total} events since {since}");

        let PageInfo { end_cursor, has_next_page } = page.page_info;
        after = end_cursor.filter(|_| has_next_page);
        if after.is_none() {
            return Ok(());
        }
    }
}

#[allow(clippy::disallowed_methods)] // The server's clock is a parameter for its tests' sake.
fn four_months_ago() -> String {
    let now: DateTime<Utc> = Utc::now();
    (now - Months::new(4)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn unwritten(error: std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::NobodyReads,
        _ => Failure::Lasting(format!("writing to standard output: {error}")),
    }
}

struct Server {
    client: Client,
    endpoint: String,
    api_key: String,
}

impl Server {
    fn new(url: &Url, api_key: String) -> Result<Self, Failure> {
        let client = Client::builder().timeout(Duration::from_secs(60)).build().map_err(unsent)?;
        let endpoint = format!("{}/graphql", url.as_str().trim_end_matches('/'));
        Ok(Self { client, endpoint, api_key })
    }

    /// One page. Asking again is safe: the same cursor gives the same page.
    async fn page(&self, since: &str, after: Option<&str>) -> Result<Page, Failure> {
        for wait in WAITS {
            match self.ask(since, after).await {
                Err(Failure::Passing(message)) => {
                    eprintln!("{message}; trying again in {wait} s");
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                }
                outcome => return outcome,
            }
        }
        self.ask(since, after).await
    }

    async fn ask(&self, since: &str, after: Option<&str>) -> Result<Page, Failure> {
        let variables = json!({"occurred_after": since, "after": after, "count": after.is_none()});
        let response = self
            .client
            .post(&self.endpoint)
            .bearer_auth(&self.api_key)
            .header(header::CONTENT_TYPE, "application/json")
            .body(json!({"query": QUERY, "variables": variables}).to_string())
            .send()
            .await
            .map_err(unsent)?;
        let status = response.status();
        let body = response.text().await.map_err(unsent)?;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Passing(format!("{} answered {status}", self.endpoint)));
        }
        let answer: Answer = serde_json::from_str(&body).map_err(|_| {
            Failure::Lasting(format!("{} answered {status} without GraphQL", self.endpoint))
        })?;
        // GraphQL may answer errors beside data. A log with gaps would look like a whole one.
        if !answer.errors.is_empty() {
            let lines: Vec<String> = answer.errors.iter().map(ToString::to_string).collect();
            return Err(Failure::Lasting(lines.join("\n")));
        }
        answer
            .data
            .and_then(|data| data.audit_log)
            .ok_or_else(|| Failure::Lasting("the answer holds neither data nor errors".to_owned()))
    }
}

impl std::fmt::Display for GraphQlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.extensions.code {
            Some(code) => write!(f, "{code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Why no answer came, down to the cause: reqwest's own words end before it.
fn unsent(error: reqwest::Error) -> Failure {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    // Such as a key that no header can hold: it was not sent and never will be.
    if error.is_builder() { Failure::Lasting(message) } else { Failure::Passing(message) }
}
