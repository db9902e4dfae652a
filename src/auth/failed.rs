//! Failed sign-ins, as events in the tenant of whom the credential names.
//!
//! They are written by a task of its own: whoever is refused must not be able to tell, by how long it
//! takes, whether there is anybody behind the credential. How much of it there can be is bounded, for
//! anybody can send credentials.

use chrono::TimeDelta;
use tokio::sync::{mpsc, oneshot};

use super::Reason;
use crate::domain::event::{Context, NewEvent};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::domain::throttle::{Limits, Throttle};
use crate::domain::time::Time;
use crate::error::Result;
use crate::store::Store;
use crate::store::api_keys::ApiKey;

/// How many of them become events.
const LIMITS: Limits =
    Limits { window: TimeDelta::minutes(1), per_key: 10, per_tenant: 60, tenants: 10_000 };

/// How many may wait to be written; more are only counted by the server's metrics.
const QUEUE: usize = 1_000;

/// Where failed sign-ins go.
#[derive(Clone)]
pub(super) struct FailedSignIns {
    queue: mpsc::Sender<Queued>,
}

/// What stands in the queue.
enum Queued {
    Attempt(Box<Attempt>),
    /// Somebody who wants to know when all before them are written.
    Waiting(oneshot::Sender<()>),
}

/// A failed sign-in.
pub(super) struct Attempt {
    pub whose: Whose,
    pub reason: Reason,
    pub at: Time,
    /// Where from; its description says why it failed.
    pub context: Context,
}

/// Whom the credential names.
pub(super) enum Whose {
    /// The user of this key.
    Key(ApiKey),
    /// This user, if there is one.
    UserOfToken(Id),
}

impl FailedSignIns {
    /// Starts the task that writes them.
    pub fn start(store: &Store) -> Self {
        let (queue, attempts) = mpsc::channel(QUEUE);
        tokio::spawn(write(store.clone(), attempts));
        Self { queue }
    }

    /// Takes a failed sign-in, and does not wait for anything.
    pub fn attempt(&self, attempt: Attempt) {
        let _ = self.queue.try_send(Queued::Attempt(Box::new(attempt)));
    }

    /// Returns once all that were taken before are written.
    pub async fn settled(&self) {
        let (written, is_written) = oneshot::channel();
        if self.queue.send(Queued::Waiting(written)).await.is_ok() {
            let _ = is_written.await;
        }
    }
}

async fn write(store: Store, mut attempts: mpsc::Receiver<Queued>) {
    let mut throttle = Throttle::new(LIMITS);
    while let Some(queued) = attempts.recv().await {
        match queued {
            Queued::Attempt(attempt) => {
                if let Err(error) = write_one(&store, &mut throttle, *attempt).await {
                    tracing::error!(
                        error = error.for_the_log(),
                        "a failed sign-in was not recorded"
                    );
                }
            }
            Queued::Waiting(written) => {
                let _ = written.send(());
            }
        }
    }
}

async fn write_one(store: &Store, throttle: &mut Throttle, attempt: Attempt) -> Result<()> {
    let Attempt { whose, reason, at, context } = attempt;
    let (tenant_id, user_id, resource_name, resource_id) = match whose {
        Whose::Key(key) => (key.tenant_id, key.user_id, ResourceName::ApiKey, key.id),
        Whose::UserOfToken(id) => match store.user_anywhere(&id).await? {
            Some(user) => (user.tenant_id, user.id.clone(), ResourceName::User, user.id),
            None => return Ok(()),
        },
    };
    let key = format!("{resource_name}\n{resource_id}");
    let Some(suppressed) = throttle.ask(&tenant_id, &key, at) else { return Ok(()) };
    let viewer = store.viewer(tenant_id, user_id).await?;
    let tenant = store.tenant(&viewer.tenant_id).await?;
    let memberships = viewer.memberships.iter().map(|membership| &membership.organization_id);
    let organization_id = tenant.tree.topmost(memberships).unwrap_or(&tenant.id).clone();
    let mut metadata = vec![("reason".to_owned(), Json::String(reason.as_str().to_owned()))];
    if suppressed > 0 {
        metadata.push(("suppressed".to_owned(), Json::Number(suppressed.to_string())));
    }
    let event = NewEvent {
        external_id: None,
        organization_id,
        // Anybody can send a token that says it is somebody's.
        acting_user_id: reason.proves_whose().then_some(viewer.user_id),
        event_type: EventType::SignInFailed,
        custom_type: None,
        resource_name,
        custom_resource: None,
        resource_id,
        occurred_at: Some(at),
        outcome: Outcome::Failure,
        purpose: None,
        changes: Vec::new(),
        context: Context { metadata: Some(Json::Object(metadata).to_string()), ..context },
    };
    store.append_own_event(&tenant.id, &event).await
}
