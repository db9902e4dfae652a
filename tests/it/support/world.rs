//! A small world that most tests start from.
//!
//! ```text
//! acme                      globex
//! ├── west                  └── hammock
//! │   ├── portland
//! │   └── seattle
//! └── east
//!     └── boston
//! ```

use auditlog::admin::{self, Actor, NewKey, NewUser, Rights};
use auditlog::auth::{Authenticator, jwt};
use auditlog::domain::id::Id;
use auditlog::domain::kind::{LogOfReads, View};
use auditlog::domain::limits::Limits;
use auditlog::domain::settings::Settings;
use auditlog::http;
use auditlog::store::{Store, settings};
use axum::Router;
use serde_json::{Value, json};

use super::client::Client;
use super::{On, TestClock, TestDatabase};

pub const ORGANIZATIONS: [(&str, &str, Option<&str>); 8] = [
    ("acme", "Acme Health", None),
    ("west", "Acme West", Some("acme")),
    ("portland", "Portland Clinic", Some("west")),
    ("seattle", "Seattle Clinic", Some("west")),
    ("east", "Acme East", Some("acme")),
    ("boston", "Boston Clinic", Some("east")),
    ("globex", "Globex", None),
    ("hammock", "Hammock District", Some("globex")),
];

/// A server over a database of its own, with the organizations above.
pub struct World {
    pub database: TestDatabase,
    pub clock: TestClock,
    pub store: Store,
    pub router: Router,
    /// Its tenants' reads of the log leave events only where a test is about that.
    log_of_reads: LogOfReads,
}

/// What a test user may do.
#[derive(Debug, Clone, Copy, Default)]
pub struct May {
    pub own: bool,
    pub view: bool,
    pub record: bool,
    /// Viewing shows one's own actions alone.
    pub only_own_actions: bool,
    pub sensitive: bool,
    pub history: bool,
    pub notes: bool,
}

impl May {
    fn rights(self) -> Rights {
        Rights {
            is_owner: self.own,
            can_view_audit_log: self.view,
            can_record: self.record,
            view: if self.only_own_actions { View::Own } else { View::All },
            can_view_sensitive_values: self.sensitive,
            can_view_resource_history: self.history,
            can_add_notes: self.notes,
        }
    }
}

pub const NOTHING: May = May {
    own: false,
    view: false,
    record: false,
    only_own_actions: false,
    sensitive: false,
    history: false,
    notes: false,
};
pub const OWN: May = May { own: true, ..NOTHING };
pub const VIEW: May = May { view: true, ..NOTHING };
pub const RECORD: May = May { record: true, ..NOTHING };

impl World {
    pub async fn new(on: On) -> Self {
        Self::with_tokens(on, None).await
    }

    pub async fn with_tokens(on: On, tokens: Option<jwt::Settings>) -> Self {
        Self::empty(on, tokens).await.with_organizations().await
    }

    /// As it is out of the box: reads of the log leave events.
    pub async fn logging_reads(on: On) -> Self {
        let world = Self::empty(on, None).await;
        let log_of_reads = LogOfReads::EveryRequest;
        Self { log_of_reads, ..world }.with_organizations().await
    }

    pub async fn with_organizations(self) -> Self {
        for (id, name, parent) in ORGANIZATIONS {
            self.organization(id, name, parent).await;
        }
        self
    }

    /// Without any organization.
    pub async fn empty(on: On, tokens: Option<jwt::Settings>) -> Self {
        Self::over(TestDatabase::new(on).await, tokens).await
    }

    /// As [`Self::empty`], over this database.
    pub async fn over(database: TestDatabase, tokens: Option<jwt::Settings>) -> Self {
        let clock = TestClock::new();
        let store = database.store(clock.clock()).await;
        let tokens = tokens.map(|settings| jwt::Verifier::new(settings).unwrap());
        let authenticator = Authenticator::new(store.clone(), tokens);
        let router = http::router(store.clone(), authenticator).await;
        Self { database, clock, store, router, log_of_reads: LogOfReads::Off }
    }

    /// A further server over the same database, for requests within these limits.
    pub async fn server_within(&self, limits: Limits) -> Router {
        let authenticator = Authenticator::new(self.store.clone(), None);
        let authenticator = authenticator.with_rate(limits.max_requests_a_minute);
        http::router_within(limits, self.store.clone(), authenticator).await
    }

    pub async fn organization(&self, id: &str, name: &str, parent: Option<&str>) {
        let parent = parent.map(str::to_owned);
        let (id, name) = (id.to_owned(), name.to_owned());
        let operator = Actor::operator();
        let made = admin::create_organization(&self.store, &operator, id, name, parent).await;
        let made = made.unwrap().unwrap();
        if made.parent_id.is_none() && self.log_of_reads != LogOfReads::EveryRequest {
            self.set_quietly(
                &made.id,
                Settings { log_of_reads: self.log_of_reads, ..Settings::default() },
            )
            .await;
        }
    }

    /// Gives a tenant settings, which leaves no event.
    async fn set_quietly(&self, tenant_id: &Id, settings: Settings) {
        let tenant_id = tenant_id.clone();
        let set = self.store.write(move |_, transaction| {
            Box::pin(async move { settings::save(transaction, &tenant_id, &settings).await })
        });
        set.await.unwrap();
    }

    /// Adds a user and signs them in with a key of their own.
    pub async fn user(&self, id: &str, organization: &str, may: May) -> Client {
        let new = NewUser {
            id: id.to_owned(),
            organization_id: organization.to_owned(),
            first_name: Some(capitalized(id)),
            last_name: Some("Doe".to_owned()),
            email: Some(format!("{id}@example.com")),
            rights: may.rights(),
        };
        admin::create_user(&self.store, &Actor::operator(), new).await.unwrap().unwrap();
        self.key_for(id).await
    }

    /// Makes an existing user a member of a further organization.
    pub async fn member(&self, id: &str, organization: &str, may: May) {
        let (user, organization) = (id.to_owned(), organization.to_owned());
        let operator = Actor::operator();
        let rights = may.rights();
        let made = admin::create_membership(&self.store, &operator, user, organization, rights);
        made.await.unwrap().unwrap();
    }

    /// Signs a user in with a new key.
    pub async fn key_for(&self, id: &str) -> Client {
        Client::bearer(&self.router, &self.secret_for(id).await)
    }

    /// A new key for a user.
    pub async fn secret_for(&self, id: &str) -> String {
        let operator = Actor::operator();
        let new = NewKey { user_id: id.to_owned(), ..NewKey::default() };
        let made = admin::create_api_key(&self.store, &operator, new).await;
        made.unwrap().unwrap().0
    }

    /// Somebody who may record for the whole of a tenant.
    pub async fn recorder(&self, tenant: &str) -> Client {
        self.user(&format!("{tenant}-recorder"), tenant, RECORD).await
    }

    pub fn anonymous(&self) -> Client {
        Client::anonymous(&self.router)
    }
}

/// An event with only what is required, on an appointment.
pub fn event(organization: &str, resource_id: &str) -> Value {
    json!({
        "organization_id": organization, "type": "UPDATE",
        "resource_name": "APPOINTMENT", "resource_id": resource_id,
    })
}

/// An event with further keys.
pub fn event_with(organization: &str, resource_id: &str, more: Value) -> Value {
    let mut event = event(organization, resource_id);
    for (key, value) in more.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

/// The default limits, but for these.
pub fn limits(set: &[(&str, u64)]) -> Limits {
    let given = |name| set.iter().find(|(set, _)| *set == name).map(|(_, value)| *value);
    Limits::new(|rule| Ok(given(rule.name))).unwrap()
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
