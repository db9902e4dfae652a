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

    /// Somebody who has not signed in, from elsewhere.
    pub(super) fn by_stranger(at: LocalTime, rng: &mut SplitMix64) -> Self {
        Self::new(None, at, rng)
            .with("ip_address", "2001:db8:bad::66")
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

    fn new(acting_user: Option<User>, at: LocalTime, rng: &mut SplitMix64) -> Self {
        let request = Self { at, acting_user, context: Map::new() };
        request.with("request_id", rng.uuid())
    }

    pub(super) fn describe(self, description: &str) -> Self {
        self.with("description", description)
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
    Tasks,
    Team,
    Settings,
    SignIn,
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
            Self::SignIn => "Sign In",
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
            Self::SignIn => "/users/sign_in".into(),
        }
    }
}
