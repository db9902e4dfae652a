//! Who signs in and out, who fails to, and who only guesses.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};

use super::calendar::{LocalTime, is_workday, iso, later, time_on};
use super::ledger::Record;
use super::request::{Page, Request};
use super::simulation::Simulation;
use super::vocabulary::GUESSED_NAMES;
use super::world::{GROUP, Role, User};

/// When somebody did something first and last on a day.
struct Day {
    first: LocalTime,
    last: LocalTime,
}

impl Simulation<'_> {
    pub(super) fn guesses(&mut self) {
        if let Some(target) = self.someone("cedar-central", Role::FrontDesk) {
            self.lock_out(target);
        }
        self.spray();
    }

    /// One evening somebody guesses at a password, until the application locks the account for
    /// an hour.
    fn lock_out(&mut self, target: User) {
        let account = account(target);
        let evening = self.rng.between(20 * 3600, 22 * 3600);
        let offset = self.world.workplace(target).offset();
        let mut at = time_on(self.workday(), evening, offset);
        for attempts in 1..=5 {
            let request = Request::by_stranger(0x66, at, &mut self.rng);
            let request = request.failed("Sign-in failed: wrong password");
            let patch = json!({"failed_attempts": attempts});
            self.ledger.change(&request, &account, "SIGN_IN_FAILED", patch);
            at = later(at, 0, 1, &mut self.rng);
        }
        let request = Request::automatic("AccountLockJob", at, &mut self.rng);
        let request = request.describe("Account locked after too many failed sign-ins");
        self.ledger.update(&request, &account, json!({"locked_at": iso(at)}));

        let once_more = later(at, 1, 3, &mut self.rng);
        let request = Request::by_stranger(0x66, once_more, &mut self.rng);
        let request = request.failed("Sign-in failed: the account is locked");
        self.ledger.touch(&request, &account, "SIGN_IN_FAILED");

        let unlocked = at + TimeDelta::hours(1);
        let request = Request::automatic("AccountUnlockJob", unlocked, &mut self.rng);
        let patch = json!({"failed_attempts": 0, "locked_at": null});
        self.ledger.update(&request, &account, patch);
    }

    /// One night somebody tries names that nobody has, from several computers of one network.
    fn spray(&mut self) {
        let Some(owner) = self.manager(GROUP) else {
            return;
        };
        let night = self.rng.between(2 * 3600, 4 * 3600);
        let offset = self.world.workplace(owner).offset();
        let mut at = time_on(self.workday(), night, offset);
        for name in GUESSED_NAMES {
            let account =
                Record { resource_name: "USER", id: name.to_owned(), organization_id: GROUP };
            self.ledger.assume(&account, json!({}));
            let host = self.rng.between(0x10, 0x1f);
            let request = Request::by_stranger(host, at, &mut self.rng);
            let request = request.failed(&format!("Sign-in failed: no account is named {name}"));
            self.ledger.touch(&request, &account, "SIGN_IN_FAILED");
            at += TimeDelta::milliseconds(self.rng.between(400, 2500) as i64);
        }
    }

    /// Whoever did something had signed in before, that day or with a session of the day before.
    pub(super) fn sign_ins(&mut self) {
        let people = self.world.users.iter();
        for user in people.filter(|user| user.role != Role::Integration) {
            let mut days = self.days(*user);
            self.drop_in(*user, &mut days);
            self.sessions(*user, days);
        }
    }

    /// The days on which somebody did something.
    fn days(&self, user: User) -> BTreeMap<NaiveDate, Day> {
        let offset = self.world.workplace(user).offset();
        let mut days = BTreeMap::new();
        let requests = self.ledger.requests();
        for request in requests.filter(|r| r.acting_user.is_some_and(|actor| actor.id == user.id)) {
            let at = request.at.with_timezone(&offset);
            let day = days.entry(at.date_naive()).or_insert(Day { first: at, last: at });
            day.first = at.min(day.first);
            day.last = at.max(day.last);
        }
        days
    }

    /// On most working days everybody comes by, if only to read the messages.
    fn drop_in(&mut self, user: User, days: &mut BTreeMap<NaiveDate, Day>) {
        let today = self.now.date_naive();
        for date in self.eve().iter_days().take_while(|date| *date <= today) {
            if is_workday(date) && self.rng.chance(85) {
                let at = self.office_time(user, date);
                days.entry(date).or_insert(Day { first: at, last: at });
            }
        }
    }

    /// As Devise records sign-ins for Ruby on Rails applications.
    fn sessions(&mut self, user: User, days: BTreeMap<NaiveDate, Day>) {
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
        let mut is_signed_in = false;
        for day in days.into_values() {
            if !is_signed_in {
                let at = later(day.first - TimeDelta::minutes(20), 0, 18, &mut self.rng);
                self.mistype(user, &account, at);
                count += 1;
                let request = self.request(user, &Page::SignIn, at);
                let ip_address = request.context.get("ip_address").cloned().unwrap_or_default();
                let current = (Value::from(iso(request.at)), ip_address);
                let patch = json!({
                    "sign_in_count": count,
                    "failed_attempts": 0,
                    "last_sign_in_at": last.0,
                    "last_sign_in_ip": last.1,
                    "current_sign_in_at": current.0,
                    "current_sign_in_ip": current.1,
                });
                last = current;
                self.ledger.change(&request, &account, "SIGN_IN", patch);
            }
            // Some stay signed in until the next day.
            is_signed_in = self.rng.chance(12);
            if !is_signed_in {
                self.sign_out(user, &account, day.last);
            }
        }
    }

    /// Now and then the first try fails.
    fn mistype(&mut self, user: User, account: &Record, signed_in: LocalTime) {
        let at = signed_in - TimeDelta::seconds(self.rng.between(12, 50) as i64);
        let request = self.request(user, &Page::SignIn, at);
        match self.rng.below(100) {
            0..4 => {
                // Until the password is right it could be anybody.
                let request = request.anonymous().failed("Sign-in failed: wrong password");
                let patch = json!({"failed_attempts": 1});
                self.ledger.change(&request, account, "SIGN_IN_FAILED", patch);
            }
            4..6 => {
                let request = request.failed("Sign-in failed: the one-time code had expired");
                self.ledger.touch(&request, account, "SIGN_IN_FAILED");
            }
            _ => {}
        }
    }

    fn sign_out(&mut self, user: User, account: &Record, last_seen: LocalTime) {
        let request = if self.rng.chance(85) {
            let at = later(last_seen, 2, 25, &mut self.rng);
            self.request(user, &Page::SignOut, at)
        } else {
            let at = last_seen + TimeDelta::minutes(30);
            let request = Request::automatic("SessionExpiryJob", at, &mut self.rng);
            request.describe("Signed out after 30 minutes without activity")
        };
        self.ledger.touch(&request, account, "SIGN_OUT");
    }
}

/// A user's own record in the application.
fn account(user: User) -> Record {
    Record { resource_name: "USER", id: user.id.to_owned(), organization_id: user.organization_id }
}
