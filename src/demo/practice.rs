//! How the practice itself changes: its sites, hours and settings, and who is available when.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::clinic::{CLINICS, Clinic};
use super::ledger::Record;
use super::request::{Page, Request};
use super::simulation::Simulation;
use super::vocabulary::FEATURES;
use super::world::{GROUP, Role, User};

impl Simulation<'_> {
    pub(super) fn practice(&mut self) {
        for organization in &self.world.organizations {
            self.information(organization.id, organization.name);
        }
        for clinic in CLINICS {
            self.site(clinic);
            for practitioner in self.world.staff(clinic.organization_id, Role::Practitioner) {
                self.availability(clinic, practitioner);
            }
        }
        self.features();
    }

    /// Name, hours and contact of an organization.
    fn information(&mut self, organization_id: &'static str, name: &'static str) {
        let state = json!({
            "name": name,
            "phone": "+1-800-555-0140",
            "hours": {"weekdays": "08:00-17:30", "saturday": "closed"},
            "cancellation_policy": {"notice_hours": 24, "fee": null},
        });
        let information = self.existing("ORGANIZATION_INFO", organization_id, state);
        if self.rng.chance(30) {
            let last_digits = self.rng.between(100, 199);
            self.set_up(&information, json!({"phone": format!("+1-800-555-0{last_digits}")}));
        }
        if self.rng.chance(40) {
            let saturday = self.rng.pick(&["09:00-12:00", "09:00-13:00"]);
            self.set_up(&information, json!({"hours": {"saturday": saturday}}));
        }
        if self.rng.chance(50) {
            let notice = self.rng.pick(&[12, 24, 48]);
            let policy = json!({"notice_hours": notice, "fee": "half"});
            self.set_up(&information, json!({"cancellation_policy": policy}));
        }
    }

    /// The clinic's building, and how appointments are made in it.
    fn site(&mut self, clinic: Clinic) {
        let organization_id = clinic.organization_id;
        let address = json!({
            "name": format!("{} Clinic", clinic.city),
            "address": {
                "line1": clinic.street,
                "line2": null,
                "city": clinic.city,
                "state": clinic.state,
                "zip": format!("{}01", clinic.zip_prefix),
            },
            "npi": null,
        });
        let location = self.existing("LOCATION", organization_id, address);
        let settings = json!({
            "buffer_minutes": 0,
            "cancellation_window_hours": 24,
            "reminders": {"email": true, "text_message": false},
        });
        let settings = self.existing("APPOINTMENT_SETTING", organization_id, settings);

        let suite = format!("Suite {}", self.rng.between(100, 480));
        self.set_up(&location, json!({"address": {"line2": suite}}));
        if self.rng.chance(60) {
            let buffer = self.rng.pick(&[5, 10, 15]);
            self.set_up(&settings, json!({"buffer_minutes": buffer}));
        }
        if self.rng.chance(70) {
            self.set_up(&settings, json!({"reminders": {"text_message": true}}));
        }
        self.rooms(clinic);
    }

    /// A treatment room is opened, and sometimes given up again.
    fn rooms(&mut self, clinic: Clinic) {
        let organization_id = clinic.organization_id;
        let room = self.record("APPOINTMENT_LOCATION", organization_id);
        let opened_on = self.workday();
        let Some(opening) = self.at_settings(organization_id, opened_on) else {
            return;
        };
        let state = json!({"name": format!("Room {}", self.rng.between(7, 12)), "capacity": 2});
        self.ledger.create(&opening, &room, state);
        let closed_on = self.workday_since(opened_on);
        if self.rng.chance(40)
            && let Some(closing) = self.at_settings(organization_id, closed_on)
        {
            self.ledger.destroy(&closing, &room);
        }
    }

    /// Weekly hours at a clinic, changed now and then, and extra ones for some weeks.
    fn availability(&mut self, clinic: Clinic, practitioner: User) {
        let organization_id = clinic.organization_id;
        let day_of_week = self.rng.between(1, 5);
        let state = weekly_hours(practitioner, day_of_week, "09:00", "17:00");
        let weekly = self.existing("AVAILABILITY", organization_id, state);
        for _ in 0..self.rng.between(1, 4) {
            let start = self.rng.pick(&["08:00", "08:30", "09:00", "10:00"]);
            let end = self.rng.pick(&["15:00", "16:00", "17:00", "17:30"]);
            let changed_on = self.workday();
            let request = self.at_calendar(practitioner, changed_on);
            let patch = json!({"range_start": start, "range_end": end});
            self.ledger.update(&request, &weekly, patch);
        }
        for _ in 0..self.rng.between(1, 3) {
            let extra = self.record("AVAILABILITY", organization_id);
            let offered_on = self.workday();
            let request = self.at_calendar(practitioner, offered_on);
            let day_of_week = self.rng.between(1, 6);
            let state = weekly_hours(practitioner, day_of_week, "17:30", "19:30");
            self.ledger.create(&request, &extra, state);
            if self.rng.chance(50) {
                let withdrawn_on = self.workday_since(offered_on);
                let request = self.at_calendar(practitioner, withdrawn_on);
                self.ledger.destroy(&request, &extra);
            }
        }
    }

    /// Features are tried at some clinics, then switched on for a region or the group.
    fn features(&mut self) {
        for feature in FEATURES {
            for organization_id in [GROUP, "cedar-west", "cedar-east", "clinic-portland"] {
                let state = json!({"feature": feature, "enabled": false});
                let toggle = self.existing("FEATURE_TOGGLE", organization_id, state);
                for _ in 0..self.rng.below(3) {
                    let enabled = self.rng.chance(65);
                    self.set_up(&toggle, json!({"enabled": enabled}));
                }
            }
        }
    }

    fn at_settings(&mut self, organization_id: &'static str, date: NaiveDate) -> Option<Request> {
        let manager = self.manager(organization_id)?;
        let at = self.office_time(manager, date);
        Some(self.request(manager, &Page::Settings, at))
    }

    fn at_calendar(&mut self, practitioner: User, date: NaiveDate) -> Request {
        let at = self.office_time(practitioner, date);
        self.request(practitioner, &Page::Calendar, at)
    }

    /// A change of settings on some day.
    fn set_up(&mut self, record: &Record, patch: Value) {
        let date = self.workday();
        if let Some(request) = self.at_settings(record.organization_id, date) {
            self.ledger.update(&request, record, patch);
        }
    }
}

fn weekly_hours(practitioner: User, day_of_week: u64, start: &str, end: &str) -> Value {
    json!({
        "user_id": practitioner.id,
        "day_of_week": day_of_week,
        "range_start": start,
        "range_end": end,
    })
}
