//! What people look at, print and download. It changes nothing, and is what an auditor asks about
//! most: who has seen this chart, and what for?

use chrono::TimeDelta;

use super::calendar::{LocalTime, later, workdays_after};
use super::ledger::Record;
use super::request::{Page, Request};
use super::simulation::Simulation;
use super::visits::Visit;
use super::vocabulary::CHART_VIEWS;
use super::world::{GROUP, Role, User};

impl Simulation<'_> {
    /// Just before an appointment.
    pub(super) fn open_chart(&mut self, visit: &Visit<'_>) {
        let at = later(visit.start - TimeDelta::minutes(10), 0, 8, &mut self.rng);
        let request = self.at_chart(visit, at).describe(self.rng.pick(&CHART_VIEWS));
        let chart = &visit.patient.record;
        self.ledger.touch(&request, chart, "VIEW");
        match self.rng.below(100) {
            0..25 => {
                let request = self.request(visit.front_desk, &Page::Profile(&chart.id), at);
                let request = request.describe("Checked address and insurance at arrival");
                self.ledger.touch(&request, chart, "VIEW");
            }
            25..28 => self.pry(visit),
            28..31 => self.cover(visit),
            _ => {}
        }
    }

    /// The front desk may see the profile, not the chart.
    fn pry(&mut self, visit: &Visit<'_>) {
        let at = self.office_time(visit.front_desk, visit.start.date_naive());
        let page = Page::Chart(&visit.patient.record.id);
        let request = self.request(visit.front_desk, &page, at);
        let request = request.failed("Access denied: not on the client's care team");
        self.ledger.touch(&request, &visit.patient.record, "VIEW");
    }

    /// In an emergency another practitioner may open the chart, and has to say so.
    fn cover(&mut self, visit: &Visit<'_>) {
        let patient = visit.patient;
        let colleague = self.someone(patient.clinic.organization_id, Role::Practitioner);
        let Some(colleague) = colleague.filter(|other| other.id != patient.practitioner.id) else {
            return;
        };
        let at = self.office_time(colleague, workdays_after(visit.start.date_naive(), 1));
        let User { first_name, last_name, .. } = patient.practitioner;
        let request = self.request(colleague, &Page::Chart(&patient.record.id), at);
        let request = request
            .for_purpose("ETREAT")
            .describe(&format!("Emergency access: covering for {first_name} {last_name}"));
        self.ledger.touch(&request, &patient.record, "VIEW");
    }

    /// What becomes of a signed note: it is read again, coded, handed out, and sometimes audited.
    pub(super) fn read_note(&mut self, visit: &Visit<'_>, note: &Record, signed: LocalTime) {
        if self.rng.chance(35) {
            let request = self.some_days_after(visit, visit.patient.practitioner, signed, 25);
            let request = request.describe("Read the note of the last visit");
            self.ledger.touch(&request, note, "VIEW");
        }
        if self.rng.chance(30)
            && let Some(biller) = self.someone(GROUP, Role::Biller)
        {
            let request = self.some_days_after(visit, biller, signed, 2);
            let request = request.for_purpose("HPAYMT").describe("Read to code the claim");
            self.ledger.touch(&request, note, "VIEW");
        }
        if self.rng.chance(4)
            && let Some(officer) = self.someone(GROUP, Role::ComplianceOfficer)
        {
            let request = self.some_days_after(visit, officer, signed, 20);
            let request =
                request.for_purpose("HOPERAT").describe("Chart audit: was it signed in time?");
            self.ledger.touch(&request, note, "VIEW");
        }
        self.hand_out_note(visit, note, signed);
    }

    fn hand_out_note(&mut self, visit: &Visit<'_>, note: &Record, signed: LocalTime) {
        let (practitioner, front_desk) = (visit.patient.practitioner, visit.front_desk);
        match self.rng.below(100) {
            0..10 => {
                let at = later(signed, 1, 5, &mut self.rng);
                let request = self.at_chart(visit, at).describe("Printed for the client");
                self.ledger.touch(&request, note, "PRINT");
            }
            10..20 => {
                let request = self.some_days_after(visit, front_desk, signed, 5);
                let request = request.describe("Downloaded as PDF for the referring physician");
                self.ledger.touch(&request, note, "DOWNLOAD");
            }
            20..23 => {
                let request = self.some_days_after(visit, front_desk, signed, 5);
                let request = request.failed("Download failed: the client has not agreed to it");
                self.ledger.touch(&request, note, "DOWNLOAD");
            }
            23..27 => {
                let request = self.some_days_after(visit, practitioner, signed, 9);
                let request = request.failed("Change refused: the note is locked");
                self.ledger.touch(&request, note, "UPDATE");
            }
            _ => {}
        }
    }

    /// The receipt, for the patient who has just paid.
    pub(super) fn hand_out_invoice(
        &mut self,
        visit: &Visit<'_>,
        invoice: &Record,
        paid: LocalTime,
    ) {
        let at = later(paid, 0, 2, &mut self.rng);
        let request = self.request(visit.front_desk, &Page::Billing(&visit.patient.record.id), at);
        match self.rng.below(10) {
            0..4 => {
                let request = request.describe("Receipt printed at the front desk");
                self.ledger.touch(&request, invoice, "PRINT");
            }
            4..6 => {
                let request = request.describe("Invoice downloaded as PDF to send by e-mail");
                self.ledger.touch(&request, invoice, "DOWNLOAD");
            }
            _ => {}
        }
    }

    /// Somebody is on the patient's chart, at most so many working days later.
    fn some_days_after(
        &mut self,
        visit: &Visit<'_>,
        user: User,
        time: LocalTime,
        most: u64,
    ) -> Request {
        let date = workdays_after(time.date_naive(), self.rng.between(1, most));
        let at = self.office_time(user, date);
        self.request(user, &Page::Chart(&visit.patient.record.id), at)
    }
}
