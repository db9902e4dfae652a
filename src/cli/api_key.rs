//! `auditlog api-key`

use std::process::ExitCode;
use std::time::Duration;

use chrono::{Datelike as _, TimeDelta};
use clap::{Args, Subcommand};

use super::{made, members, open_store, print};
use crate::admin::{self, Actor, NewKey, Rotation};
use crate::config::{Settings, interval};
use crate::domain::json::Json;
use crate::domain::time::{self, Time};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::api_keys::ApiKey as Key;

#[derive(Subcommand)]
pub enum ApiKey {
    /// Make an API key for a user and print it, alone, on standard output; it is not shown again
    Create {
        /// The user the key signs in
        #[arg(long, value_name = "ID")]
        user: String,
        /// What the key is for
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        expiry: Expiry,
        /// Print the key and its id as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make an API key in place of another one, and print it, alone, on standard output
    Rotate {
        /// The key's id, as `list` prints it
        id: String,
        /// How long the old key goes on working, as 90s, 15m, 24h or 7d; 0 or off for not at all,
        /// 7d at most
        #[arg(long, value_name = "TIME SPAN", default_value = "0")]
        overlap: String,
        #[command(flatten)]
        expiry: Expiry,
        /// Print the key and its id as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take an API key away; from then on it opens nothing
    Revoke {
        /// The key's id, as `list` prints it
        id: String,
    },
    /// List the API keys of a user, without their secrets
    List {
        /// The user they sign in
        #[arg(long, value_name = "ID")]
        user: String,
        /// Print them as a JSON list
        #[arg(long)]
        json: bool,
    },
}

/// Until when a new key is good; for ever, if it is not said.
#[derive(Args)]
pub struct Expiry {
    /// How long the key is good, as 90s, 15m, 24h or 90d; off for ever [default: off]
    #[arg(long, value_name = "TIME SPAN", conflicts_with = "expires_at")]
    expires_in: Option<String>,
    /// From when on the key opens nothing
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

impl Expiry {
    fn time(self, store: &Store) -> Result<Option<String>> {
        let Some(span) = self.expires_in else { return Ok(self.expires_at) };
        if span == "off" {
            return Ok(None);
        }
        let span = interval("--expires-in", &span)?
            .ok_or_else(|| Error::bad_input("--expires-in must be longer than 0, such as 90d"))?;
        let at = store.now().checked_add_signed(delta(span)).filter(|at| at.year() <= 9999);
        let at =
            at.ok_or_else(|| Error::bad_input("--expires-in must end before the year 10000"))?;
        Ok(Some(time::format(at)))
    }
}

impl ApiKey {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode> {
        let store = open_store(settings).await?;
        let operator = Actor::operator();
        match self {
            Self::Create { user, name, expiry, json } => {
                let new = NewKey { user_id: user, name, expires_at: expiry.time(&store)? };
                let (secret, key) = made(admin::create_api_key(&store, &operator, new).await?)?;
                show(&secret, &key, json)?;
            }
            Self::Rotate { id, overlap, expiry, json } => {
                let overlap = interval("--overlap", &overlap)?.unwrap_or_default();
                let expires_at = expiry.time(&store)?;
                let rotation = Rotation { id, overlap: delta(overlap), expires_at };
                let rotated = made(admin::rotate_api_key(&store, &operator, rotation).await?)?;
                let ((secret, key), old) = rotated;
                let until = old.expires_at.filter(|_| old.revoked_at.is_none());
                let until = until.map(|at| format!("expires at {}", time::format(at)));
                let until = until.unwrap_or_else(|| "opens nothing any more".to_owned());
                eprintln!("API key {} {until}", old.id);
                show(&secret, &key, json)?;
            }
            Self::Revoke { id } => {
                let key = made(admin::delete_api_key(&store, &operator, id).await?)?;
                eprintln!("revoked API key {} of user {}", key.id, key.user_id);
            }
            Self::List { user, json } => {
                let keys = admin::api_keys(&store, &operator, Some(user)).await?;
                if json {
                    print(Json::Array(keys.iter().map(|key| about(key, None)).collect()))?;
                } else {
                    keys.iter().try_for_each(|key| print(line(key)))?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// No span of a command line is beyond what a clock can say.
fn delta(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
}

/// Prints a secret, for the only time.
fn show(secret: &str, key: &Key, json: bool) -> Result<()> {
    eprintln!("made API key {} for user {}; keep it, it is not shown again", key.id, key.user_id);
    if json { print(about(key, Some(secret))) } else { print(secret) }
}

/// A key in one line, for people.
fn line(key: &Key) -> String {
    let mut line = format!("{}: made {}", key.id, time::format(key.created_at));
    let times = [("last used", key.last_used_at), ("expires", key.expires_at)];
    for (what, at) in times.into_iter().filter_map(|(what, at)| Some((what, at?))) {
        line.push_str(&format!(", {what} {}", time::format(at)));
    }
    key.name.as_ref().map_or(line.clone(), |name| format!("{line} ({name})"))
}

fn about(key: &Key, secret: Option<&str>) -> Json {
    let time = |time: Option<Time>| time.map(time::format);
    let (expires_at, last_used_at) = (time(key.expires_at), time(key.last_used_at));
    let created_at = time(Some(key.created_at));
    let of_secret = secret.map(|secret| ("api_key", Some(secret)));
    let of_key = [
        ("id", Some(key.id.as_str())),
        ("user_id", Some(key.user_id.as_str())),
        ("name", key.name.as_deref()),
        ("created_at", created_at.as_deref()),
        ("last_used_at", last_used_at.as_deref()),
        ("expires_at", expires_at.as_deref()),
    ];
    members(of_secret.into_iter().chain(of_key))
}
