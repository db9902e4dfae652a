//! Appointments: booked, moved, confirmed, and kept or not.

use chrono::{Datelike, Days, NaiveDate, TimeDelta, Weekday};
use serde_json::{Value, json};

use super::calendar::{LocalTime, OPENING, iso, later, time_on, workdays_after, workdays_before};
use super::clinic::{CLINICS, Clinic};
use super::ledger::Record;
use super::patients::Patient;
use super::request::{Page, Request};
use super::simulation::Simulation;
use super::vocabulary::{APPOINTMENT_TYPES, CANCELLATION_REASONS, CONTACT_TYPES};
use super::world::{Role, User};

/// How many days past `now` the calendar is already filling.
const HORIZON: Days = Days::new(18);

pub(super) struct Visit<'p> {
    pub(super) patient: &'p Patient,
    pub(super) front_desk: User,
    pub(super) appointment: Record,
    pub(super) start: LocalTime,
    /// Minutes.
    pub(super) length: u64,
}

impl Simulation<'_> {
    pub(super) fn visits(&mut self, patients: &[Patient]) {
        let today = self.now.date_naive();
        let horizon = today.checked_add_days(HORIZON).unwrap_or(today);
        for date in self.eve().iter_days().take_while(|date| *date <= horizon) {
            for clinic in CLINICS {
                for _ in 0..self.demand(clinic, date) {
                    self.visit(clinic, date, patients);
                }
            }
        }
    }

    /// How many appointments a clinic has on a day. Saturdays are slow, Sundays for emergencies.
    fn demand(&mut self, clinic: Clinic, date: NaiveDate) -> u64 {
        let load = match date.weekday() {
            Weekday::Sat => clinic.load / 5,
            Weekday::Sun => clinic.load / 20,
            _ => clinic.load,
        };
        // On average as many as the load says.
        (load + self.rng.below(100)) / 100
    }

    fn visit(&mut self, clinic: Clinic, date: NaiveDate, patients: &[Patient]) {
        let booked_on = workdays_before(date, self.rng.between(1, 12));
        let candidates: Vec<&Patient> = patients
            .iter()
            .filter(|p| p.clinic.organization_id == clinic.organization_id)
            .filter(|p| p.registered.date_naive() < booked_on)
            .collect();
        let (Some(patient), Some(front_desk)) = (
            self.rng.choose(&candidates).copied(),
            self.someone(clinic.organization_id, Role::FrontDesk),
        ) else {
            return;
        };
        let visit = Visit {
            patient,
            front_desk,
            appointment: self.record("APPOINTMENT", clinic.organization_id),
            start: self.slot(clinic, date),
            length: 0,
        };
        self.live_through(visit, booked_on);
    }

    /// A quarter of an hour of the day when an appointment may begin.
    fn slot(&mut self, clinic: Clinic, date: NaiveDate) -> LocalTime {
        time_on(date, OPENING + 900 * self.rng.below(34), clinic.offset())
    }

    fn live_through(&mut self, mut visit: Visit<'_>, booked_on: NaiveDate) {
        let booking = self.book(&mut visit, booked_on);
        if self.rng.chance(2) {
            self.undo(&visit, &booking);
            return;
        }
        let mut settled = booking.at;
        if self.rng.chance(12) {
            settled = self.reschedule(&mut visit, settled).unwrap_or(settled);
        }
        if self.rng.chance(6) {
            self.cancel(&visit, settled);
            return;
        }
        self.remind(&visit, settled);
        self.confirm(&visit, settled);
        if self.rng.chance(5) {
            self.miss(&visit);
        } else {
            self.attend(&visit);
        }
    }

    fn book(&mut self, visit: &mut Visit<'_>, date: NaiveDate) -> Request {
        let patient = visit.patient;
        let booker = if self.rng.chance(80) { visit.front_desk } else { patient.practitioner };
        let (appointment_type, length) = self.rng.pick(&APPOINTMENT_TYPES);
        visit.length = length;
        let at = self.office_time(booker, date);
        let request = self.request(booker, &Page::Calendar, at);
        let state = json!({
            "user_id": patient.record.id,
            "provider_id": patient.practitioner.id,
            "date": iso(visit.start),
            "length": length,
            "contact_type": self.rng.pick(&CONTACT_TYPES),
            "appointment_type": appointment_type,
            "pm_status": "Scheduled",
            "location": {"name": format!("{} Clinic", patient.clinic.city), "room": self.rng.between(1, 6)},
        });
        self.ledger.create(&request, &visit.appointment, state);
        if self.rng.chance(20) {
            self.include(visit, &request);
        }
        request
    }

    /// Somebody comes along: a relative, an interpreter.
    fn include(&mut self, visit: &Visit<'_>, booking: &Request) {
        let patient = &visit.patient.record;
        let inclusion = self.record("APPOINTMENT_INCLUSION", patient.organization_id);
        let state = json!({
            "appointment_id": visit.appointment.id,
            "user_id": patient.id,
            "attendee": {"role": self.rng.pick(&["relative", "interpreter", "caregiver"]), "attends": true},
        });
        self.ledger.create(booking, &inclusion, state);
        if self.rng.chance(25) {
            let at = later(booking.at, 2, 40, &mut self.rng);
            let request = self.request(visit.front_desk, &Page::Calendar, at);
            self.ledger.destroy(&request, &inclusion);
        }
    }

    /// Booked by mistake.
    fn undo(&mut self, visit: &Visit<'_>, booking: &Request) {
        let at = later(booking.at, 3, 25, &mut self.rng);
        let request = self.request(visit.front_desk, &Page::Calendar, at);
        let request = request.describe("Booked twice by mistake");
        self.ledger.destroy(&request, &visit.appointment);
    }

    /// Moved by some days, if there is a working day left to do so.
    fn reschedule(&mut self, visit: &mut Visit<'_>, booked: LocalTime) -> Option<LocalTime> {
        let date = workdays_after(booked.date_naive(), 1);
        if workdays_after(date, 1) >= visit.start.date_naive() {
            return None;
        }
        let moved_to = workdays_after(visit.start.date_naive(), self.rng.between(1, 6));
        visit.start = self.slot(visit.patient.clinic, moved_to);
        let at = self.office_time(visit.front_desk, date);
        let request = self.request(visit.front_desk, &Page::Calendar, at);
        let request = request.describe("Client called to move the appointment");
        self.set(visit, &request, json!({"pm_status": "Rescheduled", "date": iso(visit.start)}));
        Some(at)
    }

    fn remind(&mut self, visit: &Visit<'_>, settled: LocalTime) {
        let at = visit.start - TimeDelta::days(1);
        if at > settled && self.rng.chance(25) {
            let request = Request::automatic("AppointmentReminderJob", at, &mut self.rng);
            let request = request.describe("Reminder sent by text message");
            self.set(visit, &request, json!({"reminder_sent_at": iso(at)}));
        }
    }

    /// By phone, the working day before.
    fn confirm(&mut self, visit: &Visit<'_>, settled: LocalTime) {
        let at = self.day_before(visit);
        if at > settled && self.rng.chance(85) {
            self.set_at_desk(visit, at, json!({"pm_status": "Confirmed"}));
        }
    }

    fn cancel(&mut self, visit: &Visit<'_>, settled: LocalTime) {
        let soon = later(settled, 5, 45, &mut self.rng);
        let at = self.day_before(visit).max(soon);
        let reason = self.rng.pick(&CANCELLATION_REASONS);
        let patch = json!({"pm_status": "Cancelled", "cancellation_reason": reason});
        self.set_at_desk(visit, at, patch);
    }

    fn day_before(&mut self, visit: &Visit<'_>) -> LocalTime {
        let date = workdays_before(visit.start.date_naive(), 1);
        self.office_time(visit.front_desk, date)
    }

    fn miss(&mut self, visit: &Visit<'_>) {
        let at = later(visit.start, 16, 40, &mut self.rng);
        self.set_at_desk(visit, at, json!({"pm_status": "No-Show"}));
    }

    fn attend(&mut self, visit: &Visit<'_>) {
        let arrival = later(visit.start - TimeDelta::minutes(12), 0, 14, &mut self.rng);
        self.set_at_desk(
            visit,
            arrival,
            json!({"pm_status": "Checked-In", "checked_in_at": iso(arrival)}),
        );

        self.open_chart(visit);
        let end = later(visit.start, visit.length, visit.length + 12, &mut self.rng);
        let minutes = (end - visit.start).num_minutes();
        let request = self.request(visit.patient.practitioner, &Page::Calendar, end);
        self.set(visit, &request, json!({"pm_status": "Completed", "actual_duration": minutes}));

        self.chart(visit, end);
        self.bill(visit, end);
    }

    fn set_at_desk(&mut self, visit: &Visit<'_>, at: LocalTime, patch: Value) {
        let request = self.request(visit.front_desk, &Page::Calendar, at);
        self.set(visit, &request, patch);
    }

    fn set(&mut self, visit: &Visit<'_>, request: &Request, patch: Value) {
        self.ledger.update(request, &visit.appointment, patch);
    }
}
