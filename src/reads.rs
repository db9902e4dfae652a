//! The log of the log: who read it, by which filter, how much, and from where.
//!
//! An event is written, durably, before what was read is handed out; whoever reads does not hand it
//! out when that fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use crate::domain::event::{Context, NewEvent};
use crate::domain::id::Id;
use crate::domain::json::{Json, Members};
use crate::domain::kind::{EventType, LogOfReads, Outcome, ResourceName};
use crate::domain::pulls::{Pull, Pulls};
use crate::domain::read::{Read, common, metadata};
use crate::domain::tenant::Tenant;
use crate::domain::throttle::{Limits, Throttle};
use crate::domain::viewer::{Permission, Viewer};
use crate::error::Result;
use crate::store::Store;

/// How many pulls are remembered.
const PULLS: usize = 100_000;

/// How many reads that were refused become events.
const REFUSALS: Limits =
    Limits { window: TimeDelta::minutes(1), per_key: 10, per_tenant: 60, tenants: 10_000 };

/// Writes down who reads.
#[derive(Clone)]
pub struct Reads {
    store: Store,
    pulls: Arc<Mutex<Pulls>>,
    refusals: Arc<Mutex<Throttle>>,
}

/// Who reads, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// Who.
    pub viewer: &'a Viewer,
    /// From where.
    pub context: &'a Context,
}

impl Reads {
    /// Of what is in a store.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            pulls: Arc::new(Mutex::new(Pulls::new(PULLS))),
            refusals: Arc::new(Mutex::new(Throttle::new(REFUSALS))),
        }
    }

    /// Writes down what one request read, by the settings it was read by, and returns when that is
    /// durable.
    pub async fn record(
        &self,
        tenant: &Tenant,
        reader: Reader<'_>,
        mut reads: Vec<Read>,
    ) -> Result<()> {
        let now = self.store.now();
        let pull = |read: &Read| Pull::of(&tenant.id, &reader.viewer.user_id, read);
        match tenant.settings.log_of_reads {
            LogOfReads::Off => return Ok(()),
            LogOfReads::EveryRequest => {}
            LogOfReads::OneAPull => {
                let pulls = lock(&self.pulls);
                reads.retain(|read| !(read.continues() && pulls.was_logged(&pull(read), now)));
            }
        }
        if reads.is_empty() {
            return Ok(());
        }
        let count = events(reads.iter().map(|read| read.count).sum());
        let event = NewEvent {
            context: Context {
                description: Some(format!("{count} read")),
                metadata: Some(Json::Object(told(&reads)).to_string()),
                ..reader.context.clone()
            },
            ..event(tenant, reader, EventType::View, &reads)
        };
        self.store.append_own_event(&tenant.id, &event).await?;
        if tenant.settings.log_of_reads == LogOfReads::OneAPull {
            let mut pulls = lock(&self.pulls);
            reads.iter().for_each(|read| pulls.remember(pull(read), now));
        }
        Ok(())
    }

    /// Writes down that a file is made of all that a filter selects, and returns when that is durable.
    pub async fn record_export(
        &self,
        tenant: &Tenant,
        reader: Reader<'_>,
        read: Read,
        format: &str,
    ) -> Result<()> {
        if tenant.settings.log_of_reads == LogOfReads::Off {
            return Ok(());
        }
        let reads = [read];
        let mut said = told(&reads);
        said.push(("format".to_owned(), Json::String(format.to_owned())));
        let [Read { count, .. }] = &reads;
        let count = events(*count);
        let event = NewEvent {
            context: Context {
                description: Some(format!("{count} exported as {format}")),
                metadata: Some(Json::Object(said).to_string()),
                ..reader.context.clone()
            },
            ..event(tenant, reader, EventType::Export, &reads)
        };
        self.store.append_own_event(&tenant.id, &event).await
    }

    /// Writes down that somebody tried to read what they may not, unless there was too much of it. It
    /// failing holds nothing back: nothing was read.
    pub async fn record_refusal(
        &self,
        reader: Reader<'_>,
        event_type: EventType,
        reads: Vec<Read>,
    ) {
        if let Err(error) = self.try_record_refusal(reader, event_type, reads).await {
            tracing::error!(error = error.for_the_log(), "a refused read was not recorded");
        }
    }

    async fn try_record_refusal(
        &self,
        reader: Reader<'_>,
        event_type: EventType,
        reads: Vec<Read>,
    ) -> Result<()> {
        if reads.is_empty() {
            return Ok(());
        }
        let tenant = self.store.tenant(&reader.viewer.tenant_id).await?;
        if tenant.settings.log_of_reads == LogOfReads::Off {
            return Ok(());
        }
        let (user_id, now) = (&reader.viewer.user_id, self.store.now());
        let asked = lock(&self.refusals).ask(&tenant.id, user_id.as_str(), now);
        let Some(suppressed) = asked else { return Ok(()) };
        let mut said = told(&reads);
        if suppressed > 0 {
            said.push(("suppressed".to_owned(), Json::Number(suppressed.to_string())));
        }
        let event = NewEvent {
            outcome: Outcome::Failure,
            context: Context {
                description: Some("reading the log was refused".to_owned()),
                metadata: Some(Json::Object(said).to_string()),
                ..reader.context.clone()
            },
            ..event(&tenant, reader, event_type, &reads)
        };
        self.store.append_own_event(&tenant.id, &event).await
    }
}

/// What all events about reads have in common.
fn event(
    tenant: &Tenant,
    Reader { viewer, context }: Reader<'_>,
    event_type: EventType,
    reads: &[Read],
) -> NewEvent {
    NewEvent {
        external_id: None,
        organization_id: place(tenant, viewer, reads),
        acting_user_id: Some(viewer.user_id.clone()),
        event_type,
        custom_type: None,
        resource_name: ResourceName::AuditLog,
        custom_resource: None,
        // Who looked at one record's history is found by that record's id.
        resource_id: common(reads, "resource_id").unwrap_or_else(|| tenant.id.clone()),
        occurred_at: None,
        outcome: Outcome::Success,
        purpose: None,
        changes: Vec::new(),
        context: context.clone(),
    }
}

/// What an event about reads says of them. Whoever may read it may not know what a field was searched
/// for, now or once it is sensitive: the values are left out.
fn told(reads: &[Read]) -> Members {
    metadata(&reads.iter().map(Read::without_values).collect::<Vec<_>>())
}

/// Where an event about reads is filed: in the organization they asked for, if they agree on one; else
/// in the lowest one that is above all of what the viewer may read. (What it tells was counted in all of
/// that: nobody may read it who sees a part only.)
fn place(tenant: &Tenant, viewer: &Viewer, reads: &[Read]) -> Id {
    let is_history = |read: &Read| ["resourceHistory", "resourceNotes"].contains(&&*read.field);
    let may_read = viewer.organizations_with(match reads.iter().all(is_history) {
        true => Permission::ViewResourceHistory,
        false => Permission::ViewAuditLog,
    });
    // Nobody leaves anything in the log of an organization that is not theirs to read.
    let asked_for = common(reads, "organization_id")
        .filter(|id| tenant.tree.upward(id).any(|above| may_read.contains(above)));
    asked_for.unwrap_or_else(|| {
        let member_of = viewer.memberships.iter().map(|membership| &membership.organization_id);
        let above = tenant.tree.meeting(&may_read).or_else(|| tenant.tree.meeting(member_of));
        above.unwrap_or(&tenant.id).clone()
    })
}

/// So many, for a sentence to begin with.
fn events(count: usize) -> String {
    if count == 1 { "1 event was".to_owned() } else { format!("{count} events were") }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
