//! Asking what a tenant is numbered by, once for many requests.
//!
//! Every request must know the numbers as they are after it arrived. Whoever arrives while they are being
//! asked for waits for the next time, together with all who arrive meanwhile: a crowd asks as often as the
//! database answers, and not as often as it has heads.

use std::collections::HashMap;
use std::mem::take;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::domain::id::Id;
use crate::error::Result;

/// How long the answer is waited for together. One that takes longer may be on a connection that is lost,
/// and then comes never.
const TOGETHER: Duration = Duration::from_secs(1);

/// Those who wait for the next time, by tenant. A tenant that is being asked for has an entry.
#[derive(Clone)]
pub(super) struct Arrivals<T>(Arc<Mutex<HashMap<Id, Group<T>>>>);

type Group<T> = Vec<oneshot::Sender<T>>;

impl<T> Default for Arrivals<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Copy + Send + 'static> Arrivals<T> {
    /// What asking answers that begins after this was called. Nothing where that fails: then everybody asks
    /// by themselves, and hears why.
    pub async fn ask<F>(&self, tenant_id: &Id, ask: impl Fn() -> F + Send + 'static) -> Option<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        if let Some(first) = self.wait(tenant_id, tell) {
            // In a task of its own: whoever asks first may go away, and the others still wait.
            tokio::spawn(self.clone().ask_for(tenant_id.clone(), vec![first], ask));
        }
        told.await.ok()
    }

    /// Gives the sender back to whoever has to ask, as nobody does.
    fn wait(&self, tenant_id: &Id, tell: oneshot::Sender<T>) -> Option<oneshot::Sender<T>> {
        let mut all = self.lock();
        match all.get_mut(tenant_id) {
            Some(next) => {
                next.push(tell);
                None
            }
            None => {
                all.insert(tenant_id.clone(), Vec::new());
                Some(tell)
            }
        }
    }

    async fn ask_for<F>(self, tenant_id: Id, mut group: Group<T>, ask: impl Fn() -> F + Send)
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        loop {
            let answer = AssertUnwindSafe(timeout(TOGETHER, ask())).catch_unwind().await;
            if let Ok(Ok(Ok(answer))) = answer {
                for tell in group {
                    let _ = tell.send(answer); // or they have gone away
                }
            } // else they are dropped, which tells them
            let mut all = self.lock();
            group = all.get_mut(&tenant_id).map(take).unwrap_or_default();
            if group.is_empty() {
                all.remove(&tenant_id);
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Group<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
