//! `auditlog import`

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{made, open_store, print};
use crate::admin::{self, Actor};
use crate::config::Settings;
use crate::domain::event::{MAX_EVENT_BYTES, NewEvent};
use crate::domain::id::Id;
use crate::domain::page::PositionCodec;
use crate::error::{Error, Result};
use crate::ingest::{self, Batch};
use crate::store::Store;

/// What is worked on at once, at most: so much that a tenant with few events does not need a commit for each
/// of them. Together with [`BATCHES_WAITING`] it bounds the memory.
const LINES_PER_BATCH: usize = 6_000;
const BYTES_PER_BATCH: usize = 8 * 1024 * 1024;
const BATCHES_WAITING: usize = 1;

/// How many unacceptable lines are named; the others are only counted.
const SHOWN_PROBLEMS: u64 = 100;

#[derive(Args)]
pub struct Import {
    /// The file, one event a line; - for standard input; .gz and .zst are unpacked. A line without an
    /// id is known by its number and its text when the file is imported again
    file: PathBuf,
    /// Add organizations that events name and that do not exist, below this one. In an empty
    /// database this one is added too, as the root
    #[arg(long, value_name = "ID")]
    create_organizations_under: Option<String>,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// What an import did.
#[derive(Debug, Default, Serialize)]
struct Report {
    recorded: u64,
    duplicates: u64,
    skipped: u64,
    rejected: u64,
    organizations_created: u64,
    seconds: f64,
}

/// Lines on their way to the database.
struct Lines {
    batch: Batch,
    /// The number of each event's line, from 1.
    numbers: Vec<u64>,
}

impl Import {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode> {
        let store = open_store(settings).await?;
        let progress = progress(&self.file)?;
        let input = open(&self.file, &progress)?;
        let mut organizations =
            Organizations::new(&store, self.create_organizations_under.clone()).await?;
        let (sender, mut batches) = mpsc::channel(BATCHES_WAITING);
        // Reading, parsing and comparing run beside the database's work.
        let name = self.file.display().to_string();
        let signer = store.positions().clone();
        let reader = std::thread::spawn(move || read(&name, input, &signer, &sender));

        let start = Instant::now();
        let mut report = Report::default();
        while let Some(Lines { batch, numbers }) = batches.recv().await {
            organizations.learn(&store, &batch).await?;
            let (appended, problems) =
                ingest::import(&store, &organizations.tenants, batch).await?;
            report.recorded += count(appended.recorded);
            report.duplicates += count(appended.duplicates);
            report.skipped += count(appended.skipped);
            for problem in problems {
                report.rejected += 1;
                if report.rejected <= SHOWN_PROBLEMS {
                    let number = numbers.get(problem.index).copied().unwrap_or_default();
                    progress.suspend(|| eprintln!("line {number}: {}", problem.message));
                }
            }
            let done = report.recorded + report.duplicates + report.skipped + report.rejected;
            progress.set_message(rate(done, start.elapsed()));
        }
        let read =
            reader.join().map_err(|_| Error::internal("reading events", "the reader stopped"))?;
        progress.finish_and_clear();
        report.organizations_created = organizations.created;
        report.seconds = start.elapsed().as_secs_f64();
        self.say(&report)?;
        read?;
        ingest::count_imported(&store, &organizations.tenants).await?;
        Ok(if report.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn say(&self, report: &Report) -> Result<()> {
        if self.json {
            let json = serde_json::to_string(report);
            print(json.map_err(|error| Error::internal("writing the report", error))?)?;
        } else {
            print(format_args!(
                "recorded {} events, {} were recorded before, {} rejected, in {:.1} s",
                report.recorded, report.duplicates, report.rejected, report.seconds
            ))?;
        }
        if report.skipped > 0 {
            eprintln!("left out by the audit policies of their organizations: {}", report.skipped);
        }
        if report.rejected > 0 {
            eprintln!(
                "rejected lines: {}; mend them where they stand and run the import again, what is recorded is passed over",
                report.rejected
            );
        }
        Ok(())
    }
}

/// Which tenant each organization that was met belongs to.
struct Organizations {
    tenants: HashMap<Id, Id>,
    parent: Option<Id>,
    created: u64,
}

impl Organizations {
    async fn new(store: &Store, parent: Option<String>) -> Result<Self> {
        let mut organizations = Self { tenants: HashMap::new(), parent: None, created: 0 };
        if let Some(parent) = parent {
            let id = Id::new(parent.as_str()).map_err(|problem| {
                Error::bad_input(format!("--create-organizations-under {problem}"))
            })?;
            if store.organization_anywhere(&id).await?.is_none() {
                // A mistyped id must not become a tenant of its own beside the real one.
                if store.has_organizations().await? {
                    return Err(Error::bad_input(format!(
                        "--create-organizations-under: there is no organization {id}; add it with `auditlog organization create`"
                    )));
                }
                organizations.create(store, &id, None).await?;
            }
            organizations.parent = Some(id);
        }
        Ok(organizations)
    }

    /// Looks up, or creates, the organizations of a batch that were not met before.
    async fn learn(&mut self, store: &Store, batch: &Batch) -> Result<()> {
        for id in batch.organizations() {
            if self.tenants.contains_key(id) {
                continue;
            }
            if let Some(organization) = store.organization_anywhere(id).await? {
                self.tenants.insert(id.clone(), organization.tenant_id);
            } else if let Some(parent) = self.parent.clone() {
                self.create(store, id, Some(parent)).await?;
            }
        }
        Ok(())
    }

    async fn create(&mut self, store: &Store, id: &Id, parent: Option<Id>) -> Result<()> {
        let (id, parent) = (id.to_string(), parent.map(String::from));
        let operator = Actor::operator();
        let answer = admin::create_organization(store, &operator, id.clone(), id, parent).await?;
        let organization = made(answer)?;
        self.tenants.insert(organization.id, organization.tenant_id);
        self.created += 1;
        Ok(())
    }
}

/// Reads lines into batches until the input ends. Memory does not grow with the input: a line that
/// is too long is passed over as it is read.
fn read(
    name: &str,
    mut input: Box<dyn BufRead + Send>,
    signer: &PositionCodec,
    batches: &mpsc::Sender<Lines>,
) -> Result<()> {
    let failed = |error| Error::bad_input(format!("{name}: {error}"));
    let mut lines = Lines { batch: Batch::default(), numbers: Vec::new() };
    let (mut number, mut bytes) = (0_u64, 0);
    let mut line = Vec::new();
    let limit = u64::try_from(MAX_EVENT_BYTES).unwrap_or(u64::MAX) + 1;
    loop {
        line.clear();
        let length = input.by_ref().take(limit).read_until(b'\n', &mut line).map_err(failed)?;
        if length == 0 {
            break;
        }
        number += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > MAX_EVENT_BYTES {
            input.skip_until(b'\n').map_err(failed)?;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        lines.add(number, &line, signer);
        bytes += line.len();
        if lines.numbers.len() >= LINES_PER_BATCH || bytes >= BYTES_PER_BATCH {
            let full = std::mem::replace(
                &mut lines,
                Lines { batch: Batch::default(), numbers: Vec::new() },
            );
            bytes = 0;
            if batches.blocking_send(full).is_err() {
                return Ok(()); // the database's side failed, and says so
            }
        }
    }
    if !lines.numbers.is_empty() {
        let _ = batches.blocking_send(lines);
    }
    Ok(())
}

impl Lines {
    fn add(&mut self, number: u64, line: &[u8], signer: &PositionCodec) {
        self.numbers.push(number);
        if line.len() > MAX_EVENT_BYTES {
            return self.batch.add_too_large();
        }
        let event = std::str::from_utf8(line)
            .map_err(|_| "it is not UTF-8".to_owned())
            .and_then(NewEvent::parse)
            .map(|event| identified(event, number, line, signer));
        self.batch.add(event);
    }
}

/// An event without an id of its own gets one from its place and its text, so that importing the
/// same file again records nothing twice. The digest is keyed: the id is shown to readers, and a value
/// that is withheld from them could be found by trying.
fn identified(mut event: NewEvent, number: u64, line: &[u8], signer: &PositionCodec) -> NewEvent {
    event.external_id.get_or_insert_with(|| {
        let digest: String = signer.digest(line).iter().map(|byte| format!("{byte:02x}")).collect();
        Id::trusted(format!("import-{number}-{digest}"))
    });
    event
}

/// The file's bytes, unpacked if need be; the progress counts them as they are on the disk.
fn open(path: &Path, progress: &ProgressBar) -> Result<Box<dyn BufRead + Send>> {
    let failed = |error| Error::bad_input(format!("{}: {error}", path.display()));
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let file = progress.wrap_read(File::open(path).map_err(failed)?);
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(BufReader::new(MultiGzDecoder::new(file))),
        Some("zst") => Box::new(BufReader::new(zstd::Decoder::new(file).map_err(failed)?)),
        _ => Box::new(BufReader::new(file)),
    })
}

/// A bar with the time left where the size is known; on a terminal only.
fn progress(path: &Path) -> Result<ProgressBar> {
    let size = path.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
    let (bar, template) = match size {
        Some(size) => (
            ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr()),
            "{wide_bar} {percent}%  {msg}  {eta} left",
        ),
        None => (
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            "{spinner} {elapsed}  {msg}",
        ),
    };
    let style = ProgressStyle::with_template(template)
        .map_err(|error| Error::internal("drawing the progress", error))?;
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

fn rate(done: u64, elapsed: Duration) -> String {
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    format!("{done} events, {}/s", done * 1_000 / milliseconds)
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
