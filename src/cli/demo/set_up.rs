//! What the demo's owner chose of how the log is kept, and what people added to it by hand.

use std::sync::Arc;

use crate::admin::{self, Actor, Kind, NewHold, NewPlan, NewPolicy, NewRule, NewSubscription};
use crate::cli::made;
use crate::demo::{self, World};
use crate::domain::definition::Kind as Defined;
use crate::domain::event::{Context, Event};
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::page::{End, Order, PageRequest, Purpose};
use crate::domain::status_note::Field;
use crate::domain::tenant::Tenant;
use crate::domain::viewer::{Scope, Viewer};
use crate::error::{Error, Result};
use crate::notes::{self, NewNote};
use crate::store::Store;

/// What was decided before the first event: what is recorded and shown, and for how long.
pub async fn set_up(store: &Store, world: &World) -> Result<()> {
    let actor = owner(store, world).await?;
    define(store, &actor).await?;
    protect(store, &actor, world).await?;
    subscribe(store, world).await
}

/// The owner of the whole group, who acts as through the API.
async fn owner(store: &Store, world: &World) -> Result<Actor> {
    let owner = viewer(store, world, |user| user.is_owner).await?;
    Actor::tenant_owner(store, owner, Context::default()).await
}

async fn viewer(
    store: &Store,
    world: &World,
    is_theirs: impl Fn(&demo::User) -> bool,
) -> Result<Viewer> {
    let user = world.users.iter().find(|user| is_theirs(user));
    let user = user.ok_or_else(|| Error::internal("filling the demo", "nobody may do this"))?;
    let tenant_id = Id::trusted(world.tenant_id().to_owned());
    store.viewer(tenant_id, Id::trusted(user.id.to_owned())).await
}

/// The group's own type of event and kind of record.
async fn define(store: &Store, actor: &Actor) -> Result<()> {
    for demo::Definition { is_of_records, name, description, metadata_schema } in demo::DEFINITIONS
    {
        let kind = if is_of_records { Defined::Resource } else { Defined::EventType };
        let schema = Json::parse(metadata_schema)
            .map_err(|problem| Error::internal("defining the demo's own events", problem))?;
        let (name, description) = (name.to_owned(), Some(description.to_owned()));
        made(admin::define(store, actor, kind, name, description, Some(schema)).await?)?;
    }
    Ok(())
}

/// Phone numbers are recorded as changed and not what they are; what charting notes say is for those to
/// read who may read what is sensitive; one clinic does not record its tasks; and the server writes
/// status notes on appointments.
async fn protect(store: &Store, actor: &Actor, world: &World) -> Result<()> {
    let of = |resource_name| Kind { resource_name: Some(resource_name), custom_resource: None };
    let masked = NewPolicy {
        masked_fields: Some(vec!["**.phone_number".to_owned()]),
        ..NewPolicy::default()
    };
    let group = world.tenant_id().to_owned();
    made(admin::set_policy(store, actor, group, of(ResourceName::User), masked).await?)?;
    let off = NewPolicy { recorded: Some(false), ..NewPolicy::default() };
    let clinic = demo::WITHOUT_TASKS.to_owned();
    made(admin::set_policy(store, actor, clinic, of(ResourceName::Task), off).await?)?;
    let (notes, content) = (of(ResourceName::FormAnswerGroup), vec!["content".to_owned()]);
    made(admin::set_sensitive_fields(store, actor, notes, content).await?)?;
    let appointments = of(ResourceName::Appointment);
    made(admin::set_status_note_rules(store, actor, appointments, note_rules()).await?)?;
    Ok(())
}

/// The owner moves a clinic to the region that it belongs to now.
pub async fn move_clinic(store: &Store, world: &World) -> Result<()> {
    let (moved, _) = demo::MOVED;
    let clinic = world.organizations.iter().find(|organization| organization.id == moved);
    let Some(parent_id) = clinic.and_then(|clinic| clinic.parent_id) else { return Ok(()) };
    let owner = owner(store, world).await?;
    let (moved, parent_id) = (moved.to_owned(), parent_id.to_owned());
    made(admin::move_organization(store, &owner, moved, parent_id).await?)?;
    Ok(())
}

/// The operator gives the group a plan of its own.
async fn subscribe(store: &Store, world: &World) -> Result<()> {
    let plan = NewPlan {
        name: "practice".to_owned(),
        description: Some("The last year; kept for ten years".to_owned()),
        visible: Some("P1Y".to_owned()),
        kept: Some("P10Y".to_owned()),
        ..NewPlan::default()
    };
    made(admin::define_plan(store, plan).await?)?;
    let subscription = NewSubscription {
        tenant_id: world.tenant_id().to_owned(),
        plan: "practice".to_owned(),
        ..NewSubscription::default()
    };
    made(admin::assign_plan(store, subscription).await?)?;
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

/// What the front desk noted on the appointment that was moved last, and what it had to correct. The
/// owner then has that appointment held. It is answered with, if there is one.
pub async fn note_and_hold(store: &Store, world: &World) -> Result<Option<String>> {
    let recorder = viewer(store, world, |user| user.can_record).await?;
    let tenant = store.tenant(&recorder.tenant_id).await?;
    let desk = world.users.iter().find(|user| user.can_add_notes);
    let desk = Id::trusted(desk.map_or(world.tenant_id(), |user| user.organization_id).to_owned());
    let Some(moved) = moved(store, &tenant, &desk).await? else { return Ok(None) };
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
        let (written, _) = made(notes::add(store, &recorder, Context::default(), note).await?)?;
        let id = written.position;
        corrects = Some(store.positions().encode(&tenant.id, Purpose::EventId, id));
    }
    let hold = NewHold {
        resource_name: Some(moved.resource_name),
        resource_id: Some(moved.resource_id.to_string()),
        reason: "Complaint 2026-117: missed appointment".to_owned(),
        ..NewHold::default()
    };
    made(admin::place_hold(store, &owner(store, world).await?, hold).await?)?;
    Ok(Some(moved.resource_id.to_string()))
}

/// The status note of the appointment that was moved last in an organization or below it.
async fn moved(store: &Store, tenant: &Arc<Tenant>, within: &Id) -> Result<Option<Event>> {
    let everything = Scope::whole(Arc::clone(tenant));
    let filter =
        EventFilter { event_types: Some(vec![EventType::StatusNote]), ..EventFilter::default() };
    let (order, end) = (Order::OccurredAtDesc, End::First);
    let last = PageRequest { order, after: None, before: None, limit: 500, end };
    let noted = store.events(&everything, &filter, &last).await?.items;
    let is_moved = |event: &Event| {
        event.context.description.as_deref() == Some("Rescheduled")
            && tenant.tree.upward(&event.organization_id).any(|id| id == within)
    };
    Ok(noted.into_iter().find(is_moved))
}
