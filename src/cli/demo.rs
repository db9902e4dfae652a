//! `auditlog demo`

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use clap::Args;

use super::serve::{listen, serve, stop};
use super::{clock, made, print, random};
use crate::admin::{self, Actor, Kind, NewPolicy, NewRule, NewUser, Rights};
use crate::config::{Serving, Settings};
use crate::demo::{User, World};
use crate::domain::event::{Context, Event};
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::page::{End, Order, PageRequest, Purpose};
use crate::domain::status_note::Field;
use crate::domain::time::Clock;
use crate::domain::viewer::Scope;
use crate::error::{Error, Result};
use crate::ingest::{self, Batch, MAX_EVENTS};
use crate::notes::{self, NewNote};
use crate::store::{Database, Store};

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
        let listener = listen(settings.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|error| Error::internal("asking for the own address", error))?;

        eprintln!("filling a temporary database …");
        let (store, accounts) = tokio::select! {
            filled = fill(&url) => filled?,
            () = &mut stop => return Ok(ExitCode::SUCCESS),
        };
        introduce(&format!("http://{address}"), &accounts)?;
        serve(store, settings.jwt, settings.purge_interval, listener, stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes the database and all that is in it. Returns each user with an API key.
async fn fill(url: &str) -> Result<(Store, Vec<(User, String)>)> {
    let database = Database::connect(url).await?;
    database.migrate().await?;
    let days_ago = Arc::new(AtomicI64::new(FOUNDED_DAYS_AGO));
    let store = Store::open(database, past(Arc::clone(&days_ago)), random()).await?;
    let world = World::new();
    let mut tenants = HashMap::new();
    let accounts = found(&store, &world, &mut tenants).await?;
    set_up(&store, &world).await?;
    days_ago.store(0, Ordering::Relaxed);
    live(&store, &world, &tenants).await?;
    note(&store, &world).await?;
    Ok((store, accounts))
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
        let parent = organization.parent_id.map(str::to_owned);
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
                can_view_sensitive_values: user.can_view_sensitive_values,
                ..Rights::default()
            },
        };
        made(admin::create_user(store, &operator, new).await?)?;
        let name = Some("demo".to_owned());
        let answer = admin::create_api_key(store, &operator, user.id.to_owned(), name).await?;
        accounts.push((*user, made(answer)?.0));
    }
    Ok(accounts)
}

/// What the owner chose of how the log is kept: phone numbers are recorded as changed and not what
/// they are, what charting notes say is for those to read who may read what is sensitive, and the
/// server writes status notes on appointments.
async fn set_up(store: &Store, world: &World) -> Result<()> {
    let Some(owner) = world.users.iter().find(|user| user.is_owner) else { return Ok(()) };
    let tenant_id = Id::trusted(owner.organization_id.to_owned());
    let viewer = store.viewer(tenant_id, Id::trusted(owner.id.to_owned())).await?;
    let actor = Actor::tenant_owner(store, viewer, Context::default()).await?;
    let of = |resource_name| Kind { resource_name: Some(resource_name), custom_resource: None };
    let masked = NewPolicy {
        masked_fields: Some(vec!["**.phone_number".to_owned()]),
        ..NewPolicy::default()
    };
    let group = owner.organization_id.to_owned();
    let users = of(ResourceName::User);
    made(admin::set_policy(store, &actor, group, users, masked).await?)?;
    let (notes, content) = (of(ResourceName::FormAnswerGroup), vec!["content".to_owned()]);
    made(admin::set_sensitive_fields(store, &actor, notes, content).await?)?;
    let appointments = of(ResourceName::Appointment);
    made(admin::set_status_note_rules(store, &actor, appointments, note_rules()).await?)?;
    Ok(())
}

/// What the server notes on appointments by itself.
fn note_rules() -> Vec<NewRule> {
    let rule = |event_types, field: &str, label: &str, becomes: &[&str], text: &str| NewRule {
        event_types,
        fields: vec![Field { field: field.to_owned(), label: Some(label.to_owned()) }],
        becomes: becomes.iter().map(|value| (*value).to_owned()).collect(),
        text: text.to_owned(),
        ..NewRule::default()
    };
    let update = || vec![EventType::Update];
    vec![
        rule(update(), "pm_status", "Status", &[], "Status changed: {before} → {after}"),
        rule(update(), "date", "Date", &[], "Date or time changed: {changes}"),
        rule(Vec::new(), "pm_status", "Status", &["Cancelled"], "Cancelled"),
        rule(Vec::new(), "pm_status", "Status", &["Rescheduled"], "Rescheduled"),
        rule(update(), "reminder_sent_at", "Reminder", &[], "Automatic communication sent"),
    ]
}

/// What the front desk noted on the appointment that was moved last, and what it had to correct.
async fn note(store: &Store, world: &World) -> Result<()> {
    let Some(recorder) = world.users.iter().find(|user| user.can_record) else { return Ok(()) };
    let tenant_id = Id::trusted(recorder.organization_id.to_owned());
    let viewer = store.viewer(tenant_id, Id::trusted(recorder.id.to_owned())).await?;
    let everything = Scope::whole(store.tenant(&viewer.tenant_id).await?);
    let filter =
        EventFilter { event_types: Some(vec![EventType::StatusNote]), ..EventFilter::default() };
    let (order, end) = (Order::OccurredAtDesc, End::First);
    let last = PageRequest { order, after: None, before: None, limit: 500, end };
    let noted = store.events(&everything, &filter, &last).await?.items;
    let is_moved = |event: &Event| event.context.description.as_deref() == Some("Rescheduled");
    let Some(moved) = noted.into_iter().find(is_moved) else { return Ok(()) };
    let mut corrects = None;
    for text in [
        "Client cannot come before noon.",
        "Client cannot come before 2 PM, not noon.\nWants a text message the day before.",
    ] {
        let note = NewNote {
            id: None,
            organization_id: moved.organization_id.to_string(),
            acting_user_id: moved.acting_user_id.as_ref().map(Id::to_string),
            resource_name: moved.resource_name,
            custom_resource: None,
            resource_id: moved.resource_id.to_string(),
            text: text.to_owned(),
            corrects,
        };
        let (written, _) = made(notes::add(store, &viewer, Context::default(), note).await?)?;
        let id = written.position;
        corrects = Some(store.positions().encode(&viewer.tenant_id, Purpose::EventId, id));
    }
    Ok(())
}

/// Records what the group did since.
async fn live(store: &Store, world: &World, tenants: &HashMap<Id, Id>) -> Result<()> {
    let mut batch = Batch::default();
    for event in world.events(SEED, store.now()) {
        batch.add_text(&event);
        if batch.len() == MAX_EVENTS {
            record(store, tenants, std::mem::take(&mut batch)).await?;
        }
    }
    record(store, tenants, batch).await
}

async fn record(store: &Store, tenants: &HashMap<Id, Id>, batch: Batch) -> Result<()> {
    let (_, problems) = ingest::import(store, tenants, batch).await?;
    if problems.is_empty() { Ok(()) } else { Err(Error::batch(problems)) }
}

/// Says where everything is, and gives a line to paste for each kind of account.
fn introduce(url: &str, accounts: &[(User, String)]) -> Result<()> {
    print("Cedar Health Group: four months of sample data, in a temporary database.\n")?;
    print(format_args!("playground  {url}/playground"))?;
    if let Some((_, key)) = accounts.iter().find(|(user, _)| user.is_owner) {
        print(format_args!("signed in   {url}/playground#key={key}"))?;
    }
    print("\nOne line to paste for each account:\n")?;
    for (user, key) in accounts {
        print(format_args!("# {} {}, {}", user.first_name, user.last_name, user.about))?;
        print(format_args!("{}\n", curl(url, user, key)))?;
    }
    Ok(())
}

/// What the account would do first: the recorder records, everybody else asks.
fn curl(url: &str, user: &User, key: &str) -> String {
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
