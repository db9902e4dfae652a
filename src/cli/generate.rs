//! `auditlog generate`

use std::collections::HashMap;
use std::io::{BufWriter, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio::sync::mpsc;

use super::{made, open_store, open_store_at, print};
use crate::admin::{self, Actor};
use crate::config::Settings;
use crate::demo::load;
use crate::domain::id::Id;
use crate::error::{Error, Result};
use crate::ingest::{self, Batch};
use crate::store::Store;

/// How many events are handed over at once.
const EVENTS_PER_BATCH: usize = 6_000;

#[derive(Args)]
pub struct Generate {
    /// How many events
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// What they are drawn from: the same seed makes the same events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The time just after the last one, in ISO 8601 [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Record them in the database of the settings, with the organizations they need, instead of
    /// printing them
    #[arg(long)]
    load: bool,
}

impl Generate {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode> {
        let until = match &self.until {
            None => (super::clock())(),
            Some(text) => crate::domain::time::parse(text)
                .map_err(|problem| Error::bad_input(format!("--until: {problem}")))?,
        };
        let events = load::events(self.seed, self.events, until);
        if self.load {
            // The organizations are there before the first event, as in a log that grew.
            let start = load::start(until);
            let before = open_store_at(settings, Arc::new(move || start)).await?;
            let tenants = found(&before).await?;
            drop(before);
            let store = open_store(settings).await?;
            let recorded = record(&store, &tenants, events).await?;
            print(format_args!("recorded {recorded} events"))?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        for event in events {
            match writeln!(out, "{event}") {
                // Whoever reads it has had enough.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
                done => done.map_err(|error| Error::internal("printing events", error))?,
            }
        }
        match out.flush() {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Error::internal("printing events", error))
            }
            _ => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Adds the organizations that are not there. Returns the tenant of each.
async fn found(store: &Store) -> Result<HashMap<Id, Id>> {
    let operator = Actor::operator();
    let mut tenants = HashMap::new();
    for (id, parent_id) in load::organizations() {
        let organization = store.organization_anywhere(&Id::trusted(id.clone())).await?;
        let organization = match organization {
            Some(organization) => organization,
            None => {
                let name = id.clone();
                made(admin::create_organization(store, &operator, id, name, parent_id).await?)?
            }
        };
        tenants.insert(organization.id, organization.tenant_id);
    }
    Ok(tenants)
}

/// Records events, which are made and read beside the database's work.
async fn record(
    store: &Store,
    tenants: &HashMap<Id, Id>,
    events: impl Iterator<Item = String> + Send + 'static,
) -> Result<usize> {
    let (sender, mut batches) = mpsc::channel(1);
    let maker = std::thread::spawn(move || {
        let mut events = events.peekable();
        while events.peek().is_some() {
            let mut batch = Batch::default();
            events.by_ref().take(EVENTS_PER_BATCH).for_each(|event| batch.add_text(&event));
            if sender.blocking_send(batch).is_err() {
                return; // the database's side failed, and says so
            }
        }
    });
    let mut recorded = 0;
    while let Some(batch) = batches.recv().await {
        let (appended, problems) = ingest::import(store, tenants, batch).await?;
        if !problems.is_empty() {
            return Err(Error::batch(problems));
        }
        recorded += appended.recorded;
    }
    ingest::count_imported(store, tenants).await?;
    maker.join().map_err(|_| Error::internal("generating events", "the generator stopped"))?;
    Ok(recorded)
}
