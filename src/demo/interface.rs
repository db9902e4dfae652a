//! What the clearinghouse asks of the application by its interface.

use super::billing::Claim;
use super::calendar::{LocalTime, workdays_after, workdays_before};
use super::ledger::Record;
use super::request::Request;
use super::simulation::Simulation;
use super::visits::Visit;
use super::world::{GROUP, Role};

impl Simulation<'_> {
    /// Is the patient insured? Asked the working day before the appointment.
    pub(super) fn check_eligibility(&mut self, visit: &Visit<'_>, policy: &Record) {
        let Some(clearinghouse) = self.someone(GROUP, Role::Integration) else {
            return;
        };
        if !self.rng.chance(45) {
            return;
        }
        let date = workdays_before(visit.start.date_naive(), 1);
        let at = self.office_time(clearinghouse, date);
        let in_time = self.rng.chance(96);
        let status = if in_time { 200 } else { 504 };
        let call = Request::call(clearinghouse, "checkEligibility", status, at, &mut self.rng);
        let call = if in_time {
            call.describe("Eligibility checked for the next visit")
        } else {
            call.failed("Eligibility not known: the payer did not answer in time")
        };
        self.ledger.touch(&call, policy, "API_CALL");
    }

    /// What has become of the claim? Asked some days after it was submitted.
    pub(super) fn check_claim(&mut self, claim: &Claim, submitted: LocalTime) {
        let Some(clearinghouse) = self.someone(GROUP, Role::Integration) else {
            return;
        };
        let date = workdays_after(submitted.date_naive(), self.rng.between(2, 5));
        let at = self.office_time(clearinghouse, date);
        if self.rng.chance(60) {
            let call = Request::call(clearinghouse, "claimStatus", 200, at, &mut self.rng);
            let call = call.describe("Status of the claim looked up");
            self.ledger.touch(&call, &claim.record, "API_CALL");
        }
        if self.rng.chance(10) {
            let at = self.office_time(claim.biller, date);
            let request = self.at_billing(claim, at);
            let request = request.describe("Claim form CMS-1500 downloaded as PDF");
            self.ledger.touch(&request, &claim.record, "DOWNLOAD");
        }
    }
}
