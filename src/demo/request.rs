//! One request to the audited application: whoever made it, when, and from where. Every event that
//! a request causes shares all of this.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::calendar::LocalTime;
use super::clinic::Clinic;
use super::rng::SplitMix64;
use super::vocabulary::{BROWSERS, PHONES};
use super::world::User;

const SITE: &str = "https://app.cedar-health.example";

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) at: LocalTime,
    /// Nobody, when the application acted by itself.
    pub(super) acting_user: Option<User>,
    /// The context fields of the event.
    pub(super) context: Map<String, Value>,
}

impl Request {
    /// Somebody on a page, at their desk in `workplace` or at home.
    pub(super) fn by(
        user: User,
        workplace: Clinic,
        page: &Page<'_>,
        at: LocalTime,
        rng: &mut SplitMix64,
    ) -> Self {
        let session = Session::of(user, workplace, at.date_naive());
        let request = Self::new(Some(user), at, rng)
            .with("ip_address", session.ip_address)
            .with("user_agent", session.user_agent)
            .with("url", format!("{SITE}{}", page.path()))
            .with("page", page.name());
        let request = match page.purpose() {
            Some(purpose) => request.for_purpose(purpose),
            None => request,
        };
        if rng.chance(12) {
            request.with("metadata", json!({"client": "web", "app_version": "4.18.2"}))
        } else {
            request
        }
    }

    /// The application's own scheduler: no user, no browser.
    pub(super) fn automatic(job: &str, at: LocalTime, rng: &mut SplitMix64) -> Self {
        Self::new(None, at, rng).with("metadata", json!({"job": job, "attempt": 1}))
    }

    /// Somebody who has not signed in, from elsewhere: from the `host`th computer of one network.
    pub(super) fn by_stranger(host: u64, at: LocalTime, rng: &mut SplitMix64) -> Self {
        Self::new(None, at, rng)
            .with("ip_address", format!("2001:db8:bad::{host:x}"))
            .with("user_agent", "python-requests/2.32.5")
            .with("url", format!("{SITE}{}", Page::SignIn.path()))
            .with("page", Page::SignIn.name())
    }

    /// A service account, by the application's API.
    pub(super) fn by_integration(user: User, at: LocalTime, rng: &mut SplitMix64) -> Self {
        let batch = format!("{}-{:03}", at.format("%Y%m%d"), rng.between(1, 40));
        Self::new(Some(user), at, rng)
            .with("ip_address", "2001:db8:c1ea::10")
            .with("user_agent", "cedar-clearinghouse/2.4.1")
            .with("url", format!("{SITE}/graphql"))
            .with("metadata", json!({"client": "api", "batch": batch}))
    }

    /// A query of a service account, and how it was answered.
    pub(super) fn call(
        user: User,
        operation: &str,
        status: u64,
        at: LocalTime,
        rng: &mut SplitMix64,
    ) -> Self {
        let milliseconds = rng.between(60, 900);
        let metadata = json!({
            "client": "api",
            "operation": operation,
            "status": status,
            "milliseconds": milliseconds,
        });
        Self::by_integration(user, at, rng).with("metadata", metadata).for_purpose("HPAYMT")
    }

    fn new(acting_user: Option<User>, at: LocalTime, rng: &mut SplitMix64) -> Self {
        let request = Self { at, acting_user, context: Map::new() };
        request.with("request_id", rng.uuid())
    }

    pub(super) fn describe(self, description: &str) -> Self {
        self.with("description", description)
    }

    /// What it was for, by the codes of HL7's value set PurposeOfUse.
    pub(super) fn for_purpose(self, purpose: &str) -> Self {
        self.with("purpose", purpose)
    }

    /// It was tried and not done, and why.
    pub(super) fn failed(self, reason: &str) -> Self {
        self.with("outcome", "FAILURE").describe(reason)
    }

    pub(super) fn tell(self, metadata: Value) -> Self {
        self.with("metadata", metadata)
    }

    /// An event of one of the group's own types, entered as of type CUSTOM.
    pub(super) fn of_type(self, custom_type: &str) -> Self {
        self.with("custom_type", custom_type)
    }

    /// An event on a record of one of the group's own kinds, which is a CUSTOM one.
    pub(super) fn on(self, custom_resource: &str) -> Self {
        self.with("custom_resource", custom_resource)
    }

    /// The same from somebody who has not said yet who they are.
    pub(super) fn anonymous(self) -> Self {
        Self { acting_user: None, ..self }
    }

    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.context.insert(field.to_owned(), value.into());
        self
    }
}

/// The network and the browser of one person on one day.
struct Session {
    ip_address: String,
    user_agent: &'static str,
}

impl Session {
    /// Drawn from the person and the day alone: whatever somebody does on a day comes from one
    /// place, and their computer is the same every day.
    fn of(user: User, workplace: Clinic, date: NaiveDate) -> Self {
        let mut own = SplitMix64::keyed(user.id);
        let browser = own.pick(&BROWSERS);
        let home = format!("2001:db8:{:x}::{:x}", own.below(0xffff), own.below(0xff));
        let mut today = SplitMix64::keyed(&format!("{} {date}", user.id));
        Self {
            ip_address: if today.chance(80) { workplace.ip_address.to_owned() } else { home },
            user_agent: if today.chance(10) { own.pick(&PHONES) } else { browser },
        }
    }
}

/// A page of the application, some of them a patient's.
pub(super) enum Page<'a> {
    Calendar,
    Chart(&'a str),
    Billing(&'a str),
    Profile(&'a str),
    Report(&'a str),
    Tasks,
    Team,
    Settings,
    SignIn,
    SignOut,
}

impl Page<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Calendar => "Calendar",
            Self::Chart(_) => "Chart",
            Self::Billing(_) => "Billing",
            Self::Profile(_) => "Client Profile",
            Self::Tasks => "Tasks",
            Self::Team => "Team",
            Self::Settings => "Settings",
            Self::Report(_) => "Reports",
            Self::SignIn => "Sign In",
            Self::SignOut => "Sign Out",
        }
    }

    /// What people use it for: treatment, payment, or the running of the practice.
    fn purpose(&self) -> Option<&'static str> {
        match self {
            Self::Chart(_) => Some("TREAT"),
            Self::Billing(_) => Some("HPAYMT"),
            Self::Report(_) => Some("HOPERAT"),
            _ => None,
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Calendar => "/appointments".into(),
            Self::Chart(patient) => format!("/users/{patient}/charting"),
            Self::Billing(patient) => format!("/users/{patient}/billing"),
            Self::Profile(patient) => format!("/users/{patient}"),
            Self::Tasks => "/tasks".into(),
            Self::Team => "/organization/members".into(),
            Self::Settings => "/settings".into(),
            Self::Report(name) => format!("/reports/{name}"),
            Self::SignIn => "/users/sign_in".into(),
            Self::SignOut => "/users/sign_out".into(),
        }
    }
}
