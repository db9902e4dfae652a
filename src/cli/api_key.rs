//! `auditlog api-key`

use std::process::ExitCode;

use clap::Subcommand;

use super::{made, open_store, print, print_json};
use crate::admin::{self, Actor};
use crate::config::Settings;
use crate::error::Result;

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
        /// Print the key and its id as JSON
        #[arg(long)]
        json: bool,
    },
}

impl ApiKey {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode> {
        let Self::Create { user, name, json } = self;
        let store = open_store(settings).await?;
        let answer = admin::create_api_key(&store, &Actor::operator(), user, name).await?;
        let (secret, key) = made(answer)?;
        eprintln!(
            "made API key {} for user {}; keep it, it is not shown again",
            key.id, key.user_id
        );
        if json {
            print_json([
                ("api_key", Some(&secret)),
                ("id", Some(key.id.as_str())),
                ("user_id", Some(key.user_id.as_str())),
                ("name", key.name.as_deref()),
            ])?;
        } else {
            print(secret)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
