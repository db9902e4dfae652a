//! `auditlog organization`

use std::process::ExitCode;

use clap::Subcommand;

use super::{made, open_store, print_json};
use crate::admin::{self, Actor};
use crate::config::Settings;
use crate::domain::id::Id;
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
        /// Print what was added as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Organization {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode> {
        let Self::Create { id, name, parent, json } = self;
        let store = open_store(settings).await?;
        let answer =
            admin::create_organization(&store, &Actor::operator(), id, name, parent).await?;
        let organization = made(answer)?;
        let parent = organization.parent_id.as_ref().map(Id::as_str);
        if json {
            print_json([
                ("id", Some(organization.id.as_str())),
                ("name", Some(&organization.name)),
                ("parent_id", parent),
                ("tenant_id", Some(organization.tenant_id.as_str())),
            ])?;
        }
        match parent {
            Some(parent) => eprintln!("added organization {} below {parent}", organization.id),
            None => eprintln!("added organization {}, the root of a new tenant", organization.id),
        }
        Ok(ExitCode::SUCCESS)
    }
}
