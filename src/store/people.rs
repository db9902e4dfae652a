//! Who signs in, what they may do and what users are called, kept in memory and known to be current.
//!
//! Every change of a tenant's users, memberships or API keys raises one number in its head row. A request
//! asks for that number once, together with the one of the settings, when it signs in; whatever was read
//! under the same number still holds, and a right or a key that was taken away is gone at once, on every
//! server. What a request learns after that is as it was when it signed in, or newer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Store;
use super::api_keys::{self, ApiKey};
use super::directory::{self, Kind};
use super::users::{self, User};
use crate::domain::id::Id;
use crate::domain::time::Time;
use crate::domain::viewer::{Membership, Viewer};
use crate::error::Result;

/// How many keys, users and users' memberships are kept in memory in all; beyond that, all are read again.
const MAX_KEPT: usize = 100_000;

/// The people that were read, by tenant.
#[derive(Clone, Default)]
pub(super) struct People(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Which tenant a credential is of, which never changes.
    tenants_of: HashMap<(Kind, String), Id>,
    of: HashMap<Id, OfTenant>,
    count: usize,
}

/// A tenant's people at one revision. Whatever was put in was read when that was known.
#[derive(Default)]
struct OfTenant {
    revision: i64,
    /// By the hash of the secret.
    keys: HashMap<String, Arc<ApiKey>>,
    memberships: HashMap<Id, Vec<Membership>>,
    /// None for an id of which nobody was told.
    users: HashMap<Id, Option<User>>,
}

impl People {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn revision(&self, tenant_id: &Id) -> Option<i64> {
        self.lock().of.get(tenant_id).map(|of| of.revision)
    }

    /// Forgets what was read under another number than the current one. `before` is the number that was
    /// known when that was asked for: if somebody else has learnt a newer one meanwhile, that stands.
    fn learn(&self, tenant_id: &Id, before: Option<i64>, revision: i64) {
        let mut kept = self.lock();
        let now = kept.of.get(tenant_id).map(|of| of.revision);
        if now == before && now != Some(revision) || now < Some(revision) {
            kept.of.insert(tenant_id.clone(), OfTenant { revision, ..OfTenant::default() });
        }
    }

    fn get<T>(&self, tenant_id: &Id, find: impl FnOnce(&OfTenant) -> Option<T>) -> Option<T> {
        self.lock().of.get(tenant_id).and_then(find)
    }

    /// Keeps so many things that were read while this revision was known, if it still is.
    fn put(
        &self,
        tenant_id: &Id,
        revision: Option<i64>,
        count: usize,
        put: impl FnOnce(&mut OfTenant),
    ) {
        let mut kept = self.lock();
        kept.make_room(count);
        if let Some(of) = kept.of.get_mut(tenant_id)
            && Some(of.revision) == revision
        {
            put(of);
        }
    }

    fn forget(&self, tenant_id: &Id) {
        self.lock().of.remove(tenant_id);
    }

    fn tenant_of(&self, kind: Kind, id: &str) -> Option<Id> {
        self.lock().tenants_of.get(&(kind, id.to_owned())).cloned()
    }

    fn put_tenant_of(&self, kind: Kind, id: &str, tenant_id: &Id) {
        let mut kept = self.lock();
        kept.make_room(1);
        kept.tenants_of.insert((kind, id.to_owned()), tenant_id.clone());
    }
}

impl Kept {
    /// Counts what is to be kept. Revisions stay: what is being read meanwhile is still good.
    fn make_room(&mut self, count: usize) {
        self.count += count;
        if self.count > MAX_KEPT {
            self.count = count;
            self.tenants_of.clear();
            for of in self.of.values_mut() {
                *of = OfTenant { revision: of.revision, ..OfTenant::default() };
            }
        }
    }
}

impl Store {
    /// The key whose secret has this hash, deleted or not, as it is at this moment.
    pub async fn api_key_by_hash(&self, secret_hash: &str) -> Result<Option<Arc<ApiKey>>> {
        let Some(tenant_id) = self.arrive(Kind::ApiKey, secret_hash).await? else {
            return Ok(None);
        };
        if let Some(key) = self.people.get(&tenant_id, |of| of.keys.get(secret_hash).cloned()) {
            return Ok(Some(key));
        }
        let revision = self.people.revision(&tenant_id);
        let found = api_keys::by_hash(self.readers(), &tenant_id, secret_hash).await?;
        Ok(found.map(|key| {
            let key = Arc::new(key);
            self.people.put(&tenant_id, revision, 1, |of| {
                of.keys.insert(secret_hash.to_owned(), Arc::clone(&key));
            });
            key
        }))
    }

    /// The user with this id, of whatever tenant, who is about to sign in.
    pub async fn user_signing_in(&self, id: &Id) -> Result<Option<User>> {
        let Some(tenant_id) = self.arrive(Kind::User, id.as_str()).await? else { return Ok(None) };
        let found = self.users_in(&tenant_id, vec![id.clone()]).await?;
        Ok(found.into_iter().next())
    }

    /// The tenant of a credential; from now on what is known of it is as of this moment.
    async fn arrive(&self, kind: Kind, id: &str) -> Result<Option<Id>> {
        let known = self.people.tenant_of(kind, id);
        let tenant_id = match known {
            Some(tenant_id) => tenant_id,
            None => {
                let Some(found) = directory::tenant_of(self.readers(), kind, id).await? else {
                    return Ok(None);
                };
                self.people.put_tenant_of(kind, id, &found);
                found
            }
        };
        self.refresh(&tenant_id).await?;
        Ok(Some(tenant_id))
    }

    /// From now on what is known of a tenant, its settings included, is as of this moment.
    async fn refresh(&self, tenant_id: &Id) -> Result<()> {
        let before = self.people.revision(tenant_id);
        let (_, revision) = self.current(tenant_id).await?;
        self.people.learn(tenant_id, before, revision);
        Ok(())
    }

    /// A user with the memberships they hold at this moment.
    pub async fn viewer(&self, tenant_id: Id, user_id: Id) -> Result<Viewer> {
        self.refresh(&tenant_id).await?;
        self.known_viewer(tenant_id, user_id).await
    }

    /// The same for somebody who just arrived.
    pub async fn known_viewer(&self, tenant_id: Id, user_id: Id) -> Result<Viewer> {
        let known = self.people.get(&tenant_id, |of| of.memberships.get(&user_id).cloned());
        let memberships = match known {
            Some(memberships) => memberships,
            None => {
                let revision = self.people.revision(&tenant_id);
                let read = users::memberships_of(self.readers(), &tenant_id, &user_id).await?;
                self.people.put(&tenant_id, revision, 1, |of| {
                    of.memberships.insert(user_id.clone(), read.clone());
                });
                read
            }
        };
        Ok(Viewer { memberships, tenant_id, user_id })
    }

    /// Those of `ids` that are users of the tenant.
    pub async fn users_in(&self, tenant_id: &Id, ids: Vec<Id>) -> Result<Vec<User>> {
        // In one look: others may forget or learn meanwhile.
        let known = self.people.get(tenant_id, |of| {
            let (mut found, mut missing) = (Vec::with_capacity(ids.len()), Vec::new());
            for id in &ids {
                match of.users.get(id) {
                    Some(user) => found.extend(user.clone()),
                    None => missing.push(id.clone()),
                }
            }
            Some((Some(of.revision), found, missing))
        });
        let (revision, mut found, missing) = known.unwrap_or_else(|| (None, Vec::new(), ids));
        if !missing.is_empty() {
            let (db, backend) = (self.readers(), self.backend());
            let read = users::among(db, backend, tenant_id, missing.clone()).await?;
            self.people.put(tenant_id, revision, missing.len(), |of| {
                of.users.extend(missing.into_iter().map(|id| (id, None)));
                of.users.extend(read.iter().map(|user| (user.id.clone(), Some(user.clone()))));
            });
            found.extend(read);
        }
        Ok(found)
    }

    /// What is known of a tenant's people is read again, by whoever is in the middle of a request too. For
    /// whoever changed them.
    pub fn forget_people(&self, tenant_id: &Id) {
        self.people.forget(tenant_id);
    }

    /// Whether the use of a key at this moment is to be kept; from now on it counts as kept.
    pub fn is_use_due(&self, key: &ApiKey, secret_hash: &str, now: Time) -> bool {
        let is_due =
            |last: Option<Time>| last.is_none_or(|last| last <= now - api_keys::LAST_USE_PRECISION);
        if !is_due(key.last_used_at) {
            return false;
        }
        let revision = self.people.revision(&key.tenant_id);
        self.people.put(&key.tenant_id, revision, 0, |of| {
            if let Some(kept) = of.keys.get_mut(secret_hash) {
                Arc::make_mut(kept).last_used_at = Some(now);
            }
        });
        true
    }
}
