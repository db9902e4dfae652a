//! Who may do what: members come and go, keys are made and revoked, people sign in.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};

use super::calendar::{LocalTime, is_workday, iso, later, time_on, workdays_after};
use super::ledger::Record;
use super::request::{Page, Request};
use super::simulation::Simulation;
use super::world::{GROUP, Role, User};

impl Simulation<'_> {
    pub(super) fn access(&mut self) {
        let Some(owner) = self.manager(GROUP) else {
            return;
        };
        for clinic_id in ["clinic-seattle", "clinic-austin", "clinic-raleigh"] {
            self.substitute(owner, clinic_id);
        }
        self.grants(owner);
        for name in ["Clearinghouse", "Lab results", "Reporting warehouse"] {
            self.api_key(owner, name);
        }
        if let Some(target) = self.someone("cedar-central", Role::FrontDesk) {
            self.lock_out(target);
        }
    }

    /// A substitute practitioner: an account for some weeks.
    fn substitute(&mut self, owner: User, clinic_id: &'static str) {
        let account = self.record("USER", clinic_id);
        let membership = self.record("ORGANIZATION_MEMBERSHIP", clinic_id);
        let hired_on = self.workday();
        let hiring = self.at_team(owner, hired_on);
        let name = self.rng.pick(&["Baptiste Moreau", "Ngozi Eze", "Ji-woo Park"]);
        let state = json!({"full_name": name, "role": "practitioner", "active": true});
        self.ledger.create(&hiring, &account, state);
        let state = json!({
            "user_id": account.id,
            "organization_id": clinic_id,
            "role": "substitute practitioner",
            "permissions": {"can_view_audit_log": false, "can_edit_notes": true},
        });
        self.ledger.create(&hiring, &membership, state);

        let left_on = workdays_after(hired_on, self.rng.between(15, 40));
        let leaving = self.at_team(owner, left_on);
        let leaving = leaving.describe("Substitution ended");
        self.ledger.destroy(&leaving, &membership);
        self.ledger.update(&leaving, &account, json!({"active": false}));
    }

    /// Permissions of the staff change; those to see the audit log end as the memberships say.
    fn grants(&mut self, owner: User) {
        for user in &self.world.users {
            let sees = user.is_owner || user.can_view_audit_log;
            let state = json!({
                "user_id": user.id,
                "role": user.role.title(),
                "permissions": {
                    "can_view_audit_log": sees && user.role == Role::Owner,
                    "can_export_reports": false,
                },
            });
            let membership = self.existing("ORGANIZATION_MEMBERSHIP", user.organization_id, state);
            if sees || self.rng.chance(40) {
                let date = self.workday();
                let request = self.at_team(owner, date);
                let patch = json!({"permissions": {"can_view_audit_log": sees, "can_export_reports": true}});
                self.ledger.update(&request, &membership, patch);
            }
        }
    }

    /// The name and the scopes of a key; the key itself never gets into a log.
    fn api_key(&mut self, owner: User, name: &str) {
        let key = self.record("API_KEY", GROUP);
        let made_on = self.workday();
        let request = self.at_team(owner, made_on);
        let state = json!({"name": name, "scopes": ["audit_events:write"], "expires_at": null});
        self.ledger.create(&request, &key, state);
        let later_on = self.workday_since(made_on);
        let request = self.at_team(owner, later_on);
        if self.rng.chance(50) {
            self.ledger.destroy(&request.describe("Key rotated"), &key);
        } else {
            let expiry = workdays_after(later_on, 120).to_string();
            self.ledger.update(&request, &key, json!({"expires_at": expiry}));
        }
    }

    /// One evening somebody guesses at a password, until the application locks the account for
    /// an hour.
    fn lock_out(&mut self, target: User) {
        let account = account(target);
        let evening = self.rng.between(20 * 3600, 22 * 3600);
        let offset = self.world.workplace(target).offset();
        let mut at = time_on(self.workday(), evening, offset);
        for attempts in 1..=5 {
            let request = Request::by_stranger(at, &mut self.rng).describe("Sign-in failed");
            self.ledger.update(&request, &account, json!({"failed_attempts": attempts}));
            at = later(at, 0, 1, &mut self.rng);
        }
        let request = Request::automatic("AccountLockJob", at, &mut self.rng);
        let request = request.describe("Account locked after too many failed sign-ins");
        self.ledger.update(&request, &account, json!({"locked_at": iso(at)}));

        let unlocked = at + TimeDelta::hours(1);
        let request = Request::automatic("AccountUnlockJob", unlocked, &mut self.rng);
        let patch = json!({"failed_attempts": 0, "locked_at": null});
        self.ledger.update(&request, &account, patch);
    }

    fn at_team(&mut self, owner: User, date: NaiveDate) -> Request {
        let at = self.office_time(owner, date);
        self.request(owner, &Page::Team, at)
    }

    /// Whoever did something had signed in before, that day or with a session of the day before.
    pub(super) fn sign_ins(&mut self) {
        let people = self.world.users.iter();
        for user in people.filter(|user| user.role != Role::Integration) {
            let mut arrivals = self.first_requests(*user);
            if !matches!(user.role, Role::Practitioner | Role::FrontDesk) {
                self.drop_in(*user, &mut arrivals);
            }
            self.sign_in(*user, arrivals);
        }
    }

    /// When somebody first did something, by day.
    fn first_requests(&self, user: User) -> BTreeMap<NaiveDate, LocalTime> {
        let offset = self.world.workplace(user).offset();
        let mut first = BTreeMap::new();
        let requests = self.ledger.requests();
        for request in requests.filter(|r| r.acting_user.is_some_and(|actor| actor.id == user.id)) {
            let at = request.at.with_timezone(&offset);
            let earliest = first.entry(at.date_naive()).or_insert(at);
            *earliest = at.min(*earliest);
        }
        first
    }

    /// Those who mostly read come by without changing anything.
    fn drop_in(&mut self, user: User, arrivals: &mut BTreeMap<NaiveDate, LocalTime>) {
        let today = self.now.date_naive();
        for date in self.eve().iter_days().take_while(|date| *date <= today) {
            if is_workday(date) && self.rng.chance(45) {
                let at = self.office_time(user, date);
                arrivals.entry(date).or_insert(at);
            }
        }
    }

    /// As Devise records sign-ins for Ruby on Rails applications.
    fn sign_in(&mut self, user: User, arrivals: BTreeMap<NaiveDate, LocalTime>) {
        let mut count = self.rng.between(150, 1200);
        let state = json!({
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "sign_in_count": count,
            "failed_attempts": 0,
            "locked_at": null,
        });
        let account = account(user);
        self.ledger.assume(&account, state);
        let mut last = (Value::Null, Value::Null);
        for arrival in arrivals.into_values() {
            // Some stayed signed in from the day before.
            if self.rng.chance(35) {
                continue;
            }
            let at = later(arrival - TimeDelta::minutes(20), 0, 18, &mut self.rng);
            let request = self.request(user, &Page::SignIn, at);
            let ip_address = request.context.get("ip_address").cloned().unwrap_or_default();
            count += 1;
            let current = (Value::from(iso(request.at)), ip_address);
            let patch = json!({
                "sign_in_count": count,
                "last_sign_in_at": last.0,
                "last_sign_in_ip": last.1,
                "current_sign_in_at": current.0,
                "current_sign_in_ip": current.1,
            });
            last = current;
            self.ledger.update(&request, &account, patch);
        }
    }
}

/// A user's own record in the application.
fn account(user: User) -> Record {
    Record { resource_name: "USER", id: user.id.to_owned(), organization_id: user.organization_id }
}
