//! The command line: one file a command. Results go to standard output, messages to standard error.

mod api_key;
mod demo;
mod generate;
mod import;
mod migrate;
mod organization;
mod plan;
mod purge;
mod schema;
mod serve;
mod traces;
mod user;

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use traces::Traces;

use crate::admin::Answer;
use crate::config::{General, Serving, Settings};
use crate::domain::json::Json;
use crate::domain::time::Clock;
use crate::error::{Error, Result};
use crate::store::{Backend, Database, Random, Store};

/// The audit-log server: records who did what to which record, when, from where, and what changed,
/// and answers it over GraphQL.
#[derive(Parser)]
#[command(name = "auditlog", version, about, long_about = None, arg_required_else_help = true)]
struct CommandLine {
    #[command(flatten)]
    general: General,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Serve believable sample data from a temporary database, to try things out
    Demo(demo::Demo),
    /// Bring the database's schema up to date and exit
    Migrate,
    /// Manage organizations
    #[command(subcommand)]
    Organization(organization::Organization),
    /// Manage users
    #[command(subcommand)]
    User(user::User),
    /// Manage API keys
    #[command(subcommand)]
    ApiKey(api_key::ApiKey),
    /// Record events from a file of NDJSON, one event a line; safe to run again
    Import(import::Import),
    /// Print made-up events, or load them, to measure with
    Generate(generate::Generate),
    /// Manage plans: how far back each tenant's log is shown, and how long it is kept
    #[command(subcommand)]
    Plan(plan::Plan),
    /// Remove for good what the tenants' plans do not keep, as the server does at intervals
    Purge(purge::Purge),
    /// Print the GraphQL schema
    Schema,
}

/// What clap exits with, and so what settings that cannot be used are answered with too.
const WRONG_USAGE: u8 = 2;

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    // clap prints its own errors and exits with 2, as for every wrong usage.
    let CommandLine { general, command } = CommandLine::parse();
    let serving = match &command {
        Command::Serve(serve) => serve.serving.clone(),
        Command::Demo(demo) => demo.serving.clone(),
        _ => Serving::default(),
    };
    let serves = matches!(command, Command::Serve(_) | Command::Demo(_));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&Error::internal("starting", error));
            return ExitCode::FAILURE;
        }
    };
    let settings = Settings::load(general, serving).and_then(|settings| {
        let traces = settings.otlp_endpoint.as_deref().filter(|_| serves);
        let traces =
            traces.map(|endpoint| Traces::start(endpoint, runtime.handle())).transpose()?;
        log_to_stderr(&settings.log, traces.as_ref())?;
        // Only the store knows what is a database's URL; said before anything is opened.
        Backend::of_url(&settings.database_url)?;
        Ok((settings, traces))
    });
    let (settings, traces) = match settings {
        Ok(settings) => settings,
        Err(error) => {
            report(&error);
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let outcome = runtime.block_on(execute(command, settings));
    if let Some(traces) = traces {
        traces.end();
    }
    outcome.unwrap_or_else(|error| {
        report(&error);
        ExitCode::FAILURE
    })
}

/// Whoever runs the command is the operator: they may read what clients may not.
fn report(error: &Error) {
    match error {
        Error::Client(_) => eprintln!("error: {error}"),
        Error::Internal(internal) => eprintln!("error: {}", internal.for_the_log()),
    }
}

async fn execute(command: Command, settings: Settings) -> Result<ExitCode> {
    match command {
        Command::Serve(serve) => serve.run(settings).await,
        Command::Demo(demo) => demo.run(settings).await,
        Command::Migrate => migrate::run(&settings).await,
        Command::Organization(command) => command.run(&settings).await,
        Command::User(command) => command.run(&settings).await,
        Command::ApiKey(command) => command.run(&settings).await,
        Command::Import(import) => import.run(&settings).await,
        Command::Generate(generate) => generate.run(&settings).await,
        Command::Plan(command) => command.run(&settings).await,
        Command::Purge(purge) => purge.run(&settings).await,
        Command::Schema => schema::run(),
    }
}

/// Writes the log, and makes traces of spans if they are sent anywhere.
fn log_to_stderr(filter: &str, traces: Option<&Traces>) -> Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Error::bad_input(format!("log is not a filter such as \"info\": {error}"))
    })?;
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(filter);
    let subscriber = tracing_subscriber::registry().with(log);
    match traces {
        Some(traces) => subscriber.with(traces.layer()).init(),
        None => subscriber.init(),
    }
    Ok(())
}

/// The database of the settings, its schema up to date.
async fn open_store(settings: &Settings) -> Result<Store> {
    open_store_at(settings, clock()).await
}

/// The same, what is done in it being done at the times of a clock.
async fn open_store_at(settings: &Settings, clock: Clock) -> Result<Store> {
    let database = Database::connect(&settings.database_url).await?;
    database.migrate().await?;
    Store::open(database, clock, random()).await
}

/// The one place where the process asks the system for the time.
#[allow(clippy::disallowed_methods)]
fn clock() -> Clock {
    Arc::new(chrono::Utc::now)
}

/// The one place where the process asks the system for random bytes.
fn random() -> Random {
    Arc::new(|bytes| aws_lc_rs::rand::fill(bytes).map_err(std::io::Error::other))
}

/// Prints a line of a result. Nobody may be reading it, and the disk it goes to may be full.
fn print(line: impl Display) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Error::bad_input(format!("writing to standard output: {error}")))
}

/// Prints what was made as JSON, for scripts.
fn print_json<const N: usize>(texts: [(&str, Option<&str>); N]) -> Result<()> {
    print(members(texts))
}

/// A JSON object of texts.
fn members<'a>(texts: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Json {
    let members = texts.into_iter().map(|(key, value)| {
        (key.to_owned(), value.map_or(Json::Null, |text| Json::String(text.to_owned())))
    });
    Json::Object(members.collect())
}

/// What was made; messages about the input become one error, in the words of the command line.
fn made<T>(answer: Answer<T>) -> Result<T> {
    answer.map_err(|messages| {
        let flag = |field: &str| match field {
            "id" => "ID".to_owned(),
            "parent_id" => "--parent".to_owned(),
            "organization_id" => "--organization".to_owned(),
            "user_id" => "--user".to_owned(),
            "overlap_minutes" => "--overlap".to_owned(),
            field => format!("--{}", field.replace('_', "-")),
        };
        let lines = messages.iter().map(|m| format!("{}: {}", flag(m.field), m.message));
        Error::bad_input(lines.collect::<Vec<_>>().join("\n"))
    })
}
