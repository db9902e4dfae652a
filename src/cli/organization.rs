//! `auditlog organization`

use std::process::ExitCode;

use clap::Subcommand;

use super::{made, open_store};
use crate::admin::{self, Actor};
use crate::config::Settings;
use crate::error::Result;

#[derive(Subcommand)]
pub enum Organization {
    /// Add an organization: the root of a new tenant, or below a parent
    Create {
        /// The id it has in your application; unique in the installation
        id: String,
        /// The name, for people
        #[arg(long)]
        name: String,
        /// The organization above it; without, it becomes the root of a new tenant
        #[arg(long, value_name = "ID")]
        parent: Option<String>,
    },
}

impl Organization {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode> {
        let Self::Create { id, name, parent } = self;
        let store = open_store(settings).await?;
        let answer =
            admin::create_organization(&store, &Actor::operator(), id, name, parent).await?;
        let organization = made(answer)?;
        match &organization.parent_id {
            Some(parent) => eprintln!("added organization {} below {parent}", organization.id),
            None => eprintln!("added organization {}, the root of a new tenant", organization.id),
        }
        Ok(ExitCode::SUCCESS)
    }
}
