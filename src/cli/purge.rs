//! `auditlog purge`

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{open_store, print};
use crate::config::Settings;
use crate::domain::json::Json;
use crate::domain::time;
use crate::error::{Error, Result};
use crate::retention::{self, Purged};

/// How long to wait for a server that is purging.
const WAIT: Duration = Duration::from_secs(60);

#[derive(Args)]
pub struct Purge {
    /// Remove nothing; say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Print what was, or would be, removed as a JSON list
    #[arg(long)]
    json: bool,
}

impl Purge {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode> {
        let store = open_store(settings).await?;
        let purged = if self.dry_run {
            retention::would_purge(&store).await?
        } else {
            let purge = retention::Purge { wait: WAIT, ..retention::Purge::default() };
            let purged = retention::purge(&store, &purge).await?;
            purged.ok_or_else(|| {
                Error::bad_input(
                    "a server is purging; what it leaves can be purged when it is done",
                )
            })?
        };
        if self.json {
            print(Json::Array(purged.iter().map(json).collect()))?;
        } else {
            for purged in &purged {
                print(line(purged))?;
            }
        }
        let events: u64 = purged.iter().map(|purged| purged.removed.count).sum();
        let (how, tenants) =
            (if self.dry_run { "would be purged" } else { "purged" }, purged.len());
        eprintln!("{how}: {events} events of {tenants} tenants");
        Ok(ExitCode::SUCCESS)
    }
}

fn line(purged: &Purged) -> String {
    let Purged { tenant_id, kept_since, removed, partitions } = purged;
    let range = removed.range.map_or_else(String::new, |(oldest, newest)| {
        format!(", from {} to {}", time::format(oldest), time::format(newest))
    });
    let dropped = match partitions.as_slice() {
        [] => String::new(),
        months => format!("; partitions dropped: {}", months.join(", ")),
    };
    format!(
        "{tenant_id}: {} events from before {}{range}{dropped}",
        removed.count,
        time::format(*kept_since)
    )
}

fn json(purged: &Purged) -> Json {
    let Purged { tenant_id, kept_since, removed, partitions } = purged;
    let (oldest, newest) = removed.range.unzip();
    let time = |time| Json::String(time::format(time));
    let members = [
        ("tenant_id", Json::String(tenant_id.to_string())),
        ("kept_since", time(*kept_since)),
        ("removed", Json::Number(removed.count.to_string())),
        ("oldest_removed", oldest.map_or(Json::Null, time)),
        ("newest_removed", newest.map_or(Json::Null, time)),
        ("partitions_dropped", Json::Array(partitions.iter().cloned().map(Json::String).collect())),
    ];
    Json::Object(members.map(|(key, value)| (key.to_owned(), value)).into())
}
