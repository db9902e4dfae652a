//! `auditlog demo`

mod set_up;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use clap::Args;

use super::serve::{listen, patience, serve, stop};
use super::{clock, made, print, random};
use crate::admin::{self, Actor, NewKey, NewUser, Rights};
use crate::config::{Serving, Settings};
use crate::demo::{self, User, World};
use crate::domain::id::Id;
use crate::domain::kind::View;
use crate::domain::time::Clock;
use crate::error::{Error, Result};
use crate::ingest::{self, Batch, MAX_EVENTS};
use crate::store::{Database, Patience, Store};

/// Every demo tells the same story.
const SEED: u64 = 2026;

/// When its organizations and users were added: before the first of its four months of events.
const FOUNDED_DAYS_AGO: i64 = 150;

#[derive(Args)]
pub struct Demo {
    #[command(flatten)]
    pub serving: Serving,
}

impl Demo {
    pub async fn run(self, settings: Settings) -> Result<ExitCode> {
        // From here on a signal ends this function and not the process: the directory goes with it.
        let mut stop = stop()?;
        let directory = tempfile::Builder::new()
            .prefix("auditlog-demo-")
            .tempdir()
            .map_err(|error| Error::internal("making a temporary directory", error))?;
        let url = format!("sqlite://{}", directory.path().join("demo.db").display());
        // The address first: when it is taken, that is said before the wait.
        let listener = listen(settings.listen)?;
        let address = listener
            .local_addr()
            .map_err(|error| Error::internal("asking for the own address", error))?;

        eprintln!("filling a temporary database …");
        let (store, filled) = tokio::select! {
            filled = fill(&url, patience(&settings)) => filled?,
            () = &mut stop => return Ok(ExitCode::SUCCESS),
        };
        introduce(&format!("http://{address}"), &filled)?;
        serve(store, settings, listener, stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What is told of the demo's data.
struct Filled {
    /// Each user with an API key.
    accounts: Vec<(User, String)>,
    /// An appointment with a long history.
    moved: Option<String>,
}

/// Makes the database and all that is in it.
async fn fill(url: &str, patience: Patience) -> Result<(Store, Filled)> {
    let database = Database::connect_with(url, patience).await?;
    database.migrate().await?;
    let days_ago = Arc::new(AtomicI64::new(FOUNDED_DAYS_AGO));
    let store = Store::open(database, past(Arc::clone(&days_ago)), random()).await?;
    let world = World::new();
    let mut tenants = HashMap::new();
    let accounts = found(&store, &world, &mut tenants).await?;
    set_up::set_up(&store, &world).await?;
    days_ago.store(0, Ordering::Relaxed);
    live(&store, &world, &tenants).await?;
    let moved = set_up::note_and_hold(&store, &world).await?;
    Ok((store, Filled { accounts, moved }))
}

/// A clock that is some days behind: the group was there before its first event.
fn past(days_ago: Arc<AtomicI64>) -> Clock {
    let clock = clock();
    Arc::new(move || clock() - TimeDelta::days(days_ago.load(Ordering::Relaxed)))
}

/// Adds the organizations and the users, by the same services that a real installation uses. Returns
/// each user with an API key.
async fn found(
    store: &Store,
    world: &World,
    tenants: &mut HashMap<Id, Id>,
) -> Result<Vec<(User, String)>> {
    let operator = Actor::operator();
    for organization in &world.organizations {
        let (id, name) = (organization.id.to_owned(), organization.name.to_owned());
        let (moved, parent_at_first) = demo::MOVED;
        let parent =
            if organization.id == moved { Some(parent_at_first) } else { organization.parent_id };
        let parent = parent.map(str::to_owned);
        let answer = admin::create_organization(store, &operator, id, name, parent).await?;
        let made = made(answer)?;
        tenants.insert(made.id, made.tenant_id);
    }
    let mut accounts = Vec::new();
    for user in &world.users {
        let new = NewUser {
            id: user.id.to_owned(),
            organization_id: user.organization_id.to_owned(),
            first_name: Some(user.first_name.to_owned()),
            last_name: Some(user.last_name.to_owned()),
            email: Some(user.email.to_owned()),
            rights: Rights {
                is_owner: user.is_owner,
                can_view_audit_log: user.can_view_audit_log,
                can_record: user.can_record,
                view: if user.only_own_actions { View::Own } else { View::All },
                can_view_sensitive_values: user.can_view_sensitive_values,
                can_view_resource_history: user.can_view_resource_history,
                can_add_notes: user.can_add_notes,
            },
        };
        made(admin::create_user(store, &operator, new).await?)?;
        let name = Some("demo".to_owned());
        let new = NewKey { user_id: user.id.to_owned(), name, expires_at: None };
        let answer = admin::create_api_key(store, &operator, new).await?;
        accounts.push((*user, made(answer)?.0));
    }
    Ok(accounts)
}

/// Records what the group did since. On the way a clinic comes to belong to another region.
async fn live(store: &Store, world: &World, tenants: &HashMap<Id, Id>) -> Result<()> {
    let events: Vec<String> = world.events(SEED, store.now()).collect();
    for (n, events) in events.chunks(MAX_EVENTS).enumerate() {
        let mut batch = Batch::default();
        events.iter().for_each(|event| batch.add_text(event));
        record(store, tenants, batch).await?;
        if n == 0 {
            set_up::move_clinic(store, world).await?;
        }
    }
    Ok(())
}

async fn record(store: &Store, tenants: &HashMap<Id, Id>, batch: Batch) -> Result<()> {
    let (_, problems) = ingest::import(store, tenants, batch).await?;
    if problems.is_empty() { Ok(()) } else { Err(Error::batch(problems)) }
}

/// Says where everything is, and gives a line to paste for each kind of account.
fn introduce(url: &str, filled: &Filled) -> Result<()> {
    let Filled { accounts, moved } = filled;
    print("Cedar Health Group: four months of sample data, in a temporary database.\n")?;
    print(format_args!("playground  {url}/playground"))?;
    if let Some((_, key)) = accounts.iter().find(|(user, _)| user.is_owner) {
        print(format_args!("signed in   {url}/playground#key={key}"))?;
    }
    print("\nOne line to paste for each account:\n")?;
    for (user, key) in accounts {
        print(format_args!("# {} {}, {}", user.first_name, user.last_name, user.about))?;
        print(format_args!("{}\n", curl(url, user, key, moved.as_deref())))?;
    }
    Ok(())
}

/// What the account would do first: the recorder records, everybody else asks.
fn curl(url: &str, user: &User, key: &str, moved: Option<&str>) -> String {
    if user.can_view_resource_history
        && let Some(id) = moved
    {
        return format!(
            "curl -sG {url}/graphql -H 'Authorization: Bearer {key}' --data-urlencode \
             'query={{ resourceNotes(resource_name: APPOINTMENT, resource_id: \"{id}\", \
             time_zone: \"America/Los_Angeles\") {{ nodes {{ kind line }} }} }}'"
        );
    }
    if user.can_record {
        return format!(
            "curl -s {url}/v1/audit-events -H 'Authorization: Bearer {key}' \
             -H 'Content-Type: application/json' \
             -d '{{\"organization_id\": \"{}\", \"type\": \"UPDATE\", \"resource_name\": \"TASK\", \
             \"resource_id\": \"1\", \"before\": {{\"done\": false}}, \"after\": {{\"done\": true}}}}'",
            user.organization_id
        );
    }
    format!(
        "curl -sG {url}/graphql -H 'Authorization: Bearer {key}' --data-urlencode \
         'query={{ auditLog(first: 3) {{ total_count nodes {{ occurred_at type resource_name \
         acting_user {{ full_name }} resource_changes {{ field value_after_change }} }} }} }}'"
    )
}
