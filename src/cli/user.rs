//! `auditlog user`

use std::process::ExitCode;

use clap::Subcommand;

use super::{made, open_store, print_json};
use crate::admin::{self, Actor, NewUser, Rights};
use crate::config::Settings;
use crate::domain::id::Id;
use crate::domain::kind::View;
use crate::error::Result;

#[derive(Subcommand)]
pub enum User {
    /// Add a user and their membership in an organization; for a user who is there already, add the
    /// membership alone
    Create {
        /// The id they have in your application; unique in the installation
        id: String,
        /// The organization they become a member of
        #[arg(long, value_name = "ID")]
        organization: String,
        /// The given name
        #[arg(long, value_name = "NAME")]
        first_name: Option<String>,
        /// The family name
        #[arg(long, value_name = "NAME")]
        last_name: Option<String>,
        /// The e-mail address
        #[arg(long)]
        email: Option<String>,
        /// May administer the organization and all below it, and view their log
        #[arg(long)]
        owner: bool,
        /// May view the audit log of the organization and of all below it
        #[arg(long)]
        can_view_audit_log: bool,
        /// May record events for the organization and for all below it
        #[arg(long)]
        can_record: bool,
        /// Whose actions viewing the audit log shows: ALL or OWN
        #[arg(long, value_name = "VIEW", default_value = "ALL", value_parser = view)]
        view: View,
        /// May read the values of fields that are marked sensitive
        #[arg(long)]
        can_view_sensitive_values: bool,
        /// May view the whole history of one record at a time
        #[arg(long)]
        can_view_resource_history: bool,
        /// May write notes on records
        #[arg(long)]
        can_add_notes: bool,
        /// Print the user and the membership as JSON
        #[arg(long)]
        json: bool,
    },
}

impl User {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode> {
        let Self::Create {
            id,
            organization,
            first_name,
            last_name,
            email,
            owner: is_owner,
            can_view_audit_log,
            can_record,
            view,
            can_view_sensitive_values,
            can_view_resource_history,
            can_add_notes,
            json,
        } = self;
        let store = open_store(settings).await?;
        let operator = Actor::operator();
        let rights = Rights {
            is_owner,
            can_view_audit_log,
            can_record,
            view,
            can_view_sensitive_values,
            can_view_resource_history,
            can_add_notes,
        };
        let known = match Id::user(id.as_str()) {
            Ok(id) => store.user_anywhere(&id).await?,
            Err(_) => None, // creating says what is wrong with it
        };
        let membership = if known.is_some() {
            let answer = admin::create_membership(&store, &operator, id, organization, rights);
            let membership = made(answer.await?)?;
            eprintln!("user {} is there already", membership.user_id);
            membership
        } else {
            let new =
                NewUser { id, organization_id: organization, first_name, last_name, email, rights };
            made(admin::create_user(&store, &operator, new).await?)?.1
        };
        eprintln!("added user {} to {}", membership.user_id, membership.organization_id);
        if json {
            print_json([
                ("id", Some(membership.user_id.as_str())),
                ("organization_id", Some(membership.organization_id.as_str())),
                ("organization_membership_id", Some(membership.id.as_str())),
            ])?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn view(name: &str) -> std::result::Result<View, String> {
    View::parse(name).ok_or_else(|| "it is ALL or OWN".to_owned())
}
