//! Four months of the practice group's life. This module holds the simulation's state and what all
//! stories share; each story is an `impl Simulation` in a module of its own.

use std::collections::BTreeMap;

use chrono::{DateTime, Months, NaiveDate, Utc};
use serde_json::Value;

use super::calendar::{LocalTime, office_time, workdays_after, workdays_before};
use super::ledger::{Event, Ledger, Record};
use super::request::{Page, Request};
use super::rng::SplitMix64;
use super::world::{Role, User, World};

pub(super) struct Simulation<'w> {
    pub(super) world: &'w World,
    pub(super) rng: SplitMix64,
    pub(super) ledger: Ledger,
    pub(super) start: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
    /// The number last given to a record, by resource name.
    numbers: BTreeMap<&'static str, u64>,
}

impl<'w> Simulation<'w> {
    pub(super) fn new(world: &'w World, seed: u64, now: DateTime<Utc>) -> Self {
        Self {
            world,
            rng: SplitMix64::new(seed),
            ledger: Ledger::default(),
            start: now.checked_sub_months(Months::new(4)).unwrap_or(now),
            now,
            numbers: BTreeMap::new(),
        }
    }

    pub(super) fn run(mut self) -> Vec<Event> {
        let patients = self.patients();
        self.visits(&patients);
        self.practice();
        self.access();
        self.reports();
        self.guesses();
        // Last, because people sign in before whatever else they do.
        self.sign_ins();
        self.ledger.play(self.start, self.now, &mut self.rng)
    }

    /// A record with the next number of its table. A table's numbers start anywhere: the
    /// application is older than the four months told here.
    pub(super) fn record(
        &mut self,
        resource_name: &'static str,
        organization_id: &'static str,
    ) -> Record {
        let number =
            self.numbers.entry(resource_name).or_insert_with(|| self.rng.between(20_000, 90_000));
        *number += 1;
        Record { resource_name, id: number.to_string(), organization_id }
    }

    /// A record that was there before the four months began.
    pub(super) fn existing(
        &mut self,
        resource_name: &'static str,
        organization_id: &'static str,
        state: Value,
    ) -> Record {
        let record = self.record(resource_name, organization_id);
        self.ledger.assume(&record, state);
        record
    }

    pub(super) fn request(&mut self, user: User, page: &Page<'_>, at: LocalTime) -> Request {
        Request::by(user, self.world.workplace(user), page, at, &mut self.rng)
    }

    /// Some moment of the day in the user's office hours.
    pub(super) fn office_time(&mut self, user: User, date: NaiveDate) -> LocalTime {
        let offset = self.world.workplace(user).offset();
        office_time(date, offset, &mut self.rng)
    }

    /// Some working day of the four months.
    pub(super) fn workday(&mut self) -> NaiveDate {
        let start = self.start.date_naive();
        self.workday_since(start)
    }

    /// Some working day after `date`, not long past `now`.
    pub(super) fn workday_since(&mut self, date: NaiveDate) -> NaiveDate {
        let days = (self.now.date_naive() - date).num_days();
        let workdays = u64::try_from(days * 5 / 7).unwrap_or_default();
        workdays_after(date, self.rng.between(1, workdays.max(1)))
    }

    /// The day the simulation begins: earlier than the log does, so that the log's first days
    /// already have appointments, notes and claims to go on with.
    pub(super) fn eve(&self) -> NaiveDate {
        workdays_before(self.start.date_naive(), 20)
    }

    /// Any one who has the role in the organization or above it.
    pub(super) fn someone(&mut self, organization_id: &'static str, role: Role) -> Option<User> {
        let staff = self.world.staff(organization_id, role);
        self.rng.choose(&staff).copied()
    }

    /// Who runs the organization: its nearest manager, or the owner of the group.
    pub(super) fn manager(&self, organization_id: &'static str) -> Option<User> {
        let staff = |role| self.world.staff(organization_id, role).into_iter();
        staff(Role::Manager).chain(staff(Role::Owner)).next()
    }
}
