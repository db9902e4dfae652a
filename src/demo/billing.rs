//! What a visit costs: a claim on the insurance, or a payment at the front desk.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::calendar::{LocalTime, iso, later, time_on, workdays_after};
use super::ledger::Record;
use super::request::{Page, Request};
use super::simulation::Simulation;
use super::visits::Visit;
use super::vocabulary::{DIAGNOSES, PROCEDURES};
use super::world::{GROUP, Role, User};

pub(super) struct Claim {
    pub(super) record: Record,
    /// Cents.
    charge: u64,
    pub(super) biller: User,
    patient_id: String,
}

impl Simulation<'_> {
    pub(super) fn bill(&mut self, visit: &Visit<'_>, end: LocalTime) {
        match &visit.patient.policy {
            Some(policy) => {
                self.check_eligibility(visit, policy);
                self.claim(visit, policy, end);
            }
            None => self.collect(visit, end),
        }
    }

    fn claim(&mut self, visit: &Visit<'_>, policy: &Record, end: LocalTime) {
        let Some(biller) = self.someone(GROUP, Role::Biller) else {
            return;
        };
        let date = workdays_after(end.date_naive(), self.rng.between(1, 3));
        let drafted = self.office_time(biller, date);
        let claim = self.draft(visit, policy, biller, drafted);
        let submitted = self.submit(&claim, drafted);
        self.check_claim(&claim, submitted);
        self.settle(&claim, submitted);
    }

    /// The claim with its line and its policy, all in one request.
    fn draft(
        &mut self,
        visit: &Visit<'_>,
        policy: &Record,
        biller: User,
        drafted: LocalTime,
    ) -> Claim {
        let patient = visit.patient;
        let organization_id = patient.clinic.organization_id;
        let (procedure, charge) = self.rng.pick(&PROCEDURES);
        let claim = Claim {
            record: self.record("CMS1500", organization_id),
            charge,
            biller,
            patient_id: patient.record.id.clone(),
        };
        let request = self.at_billing(&claim, drafted);
        let state = json!({
            "patient_id": patient.record.id,
            "rendering_provider_id": patient.practitioner.id,
            "appointment_id": visit.appointment.id,
            "service_date": visit.start.date_naive().to_string(),
            "icd_codes": [self.rng.pick(&DIAGNOSES).0],
            "status": "draft",
            "total_charge": dollars(charge),
            "amount_paid": dollars(0),
        });
        self.ledger.create(&request, &claim.record, state);

        let line = self.record("CPT_CODES_CMS1500", organization_id);
        let state = json!({
            "cms1500_id": claim.record.id,
            "cpt_code": procedure,
            "units": 1,
            "fee": dollars(charge),
        });
        self.ledger.create(&request, &line, state);
        if self.rng.chance(40) {
            let coverage = self.record("CMS1500_POLICY", organization_id);
            let state = json!({
                "cms1500_id": claim.record.id,
                "policy_id": policy.id,
                "is_primary": true,
            });
            self.ledger.create(&request, &coverage, state);
        }
        claim
    }

    /// By the biller, or at night by the application. Says when.
    fn submit(&mut self, claim: &Claim, drafted: LocalTime) -> LocalTime {
        let request = if self.rng.chance(35) {
            self.nightly_submission(drafted)
        } else {
            let at = later(drafted, 5, 90, &mut self.rng);
            self.at_billing(claim, at)
        };
        let number = format!("CLM{}", self.rng.between(10_000_000, 99_999_999));
        let patch = json!({
            "status": "submitted",
            "submitted_at": iso(request.at),
            "clearinghouse": {"claim_number": number, "response": "accepted"},
        });
        self.ledger.update(&request, &claim.record, patch);
        request.at
    }

    fn nightly_submission(&mut self, drafted: LocalTime) -> Request {
        let night = workdays_after(drafted.date_naive(), 1);
        let at = time_on(night, 2 * 3600 + self.rng.below(900), *drafted.offset());
        let request = Request::automatic("ClaimSubmissionJob", at, &mut self.rng);
        request.describe("Claim submitted automatically")
    }

    /// The payer's answer comes in by the clearinghouse some weeks later.
    fn settle(&mut self, claim: &Claim, submitted: LocalTime) {
        let answered_on = workdays_after(submitted.date_naive(), self.rng.between(6, 18));
        if !self.rng.chance(10) {
            self.pay(claim, answered_on);
            return;
        }
        let Some(request) = self.remittance(answered_on) else {
            return;
        };
        let patch = json!({
            "status": "rejected",
            "clearinghouse": {"response": "rejected", "reason": "Subscriber id does not match"},
        });
        self.ledger.update(&request, &claim.record, patch);

        let again_on = workdays_after(request.at.date_naive(), self.rng.between(1, 4));
        let again = self.office_time(claim.biller, again_on);
        let request = self.at_billing(claim, again);
        let request = request.describe("Resubmitted with the corrected subscriber id");
        let patch = json!({
            "status": "submitted",
            "submitted_at": iso(again),
            "clearinghouse": {"response": "accepted", "reason": null},
        });
        self.ledger.update(&request, &claim.record, patch);
        let paid_on = workdays_after(again_on, self.rng.between(6, 18));
        self.pay(claim, paid_on);
    }

    fn pay(&mut self, claim: &Claim, date: NaiveDate) {
        let Some(request) = self.remittance(date) else {
            return;
        };
        let paid = claim.charge * self.rng.between(62, 96) / 100;
        let patch = json!({
            "status": "paid",
            "amount_paid": dollars(paid),
            "patient_responsibility": dollars(claim.charge - paid),
        });
        self.ledger.update(&request, &claim.record, patch);
    }

    fn remittance(&mut self, date: NaiveDate) -> Option<Request> {
        let clearinghouse = self.someone(GROUP, Role::Integration)?;
        let at = self.office_time(clearinghouse, date);
        Some(Request::by_integration(clearinghouse, at, &mut self.rng))
    }

    /// The patient pays at the front desk.
    fn collect(&mut self, visit: &Visit<'_>, end: LocalTime) {
        let patient = &visit.patient.record;
        let item = self.record("BILLING_ITEM", patient.organization_id);
        let (procedure, amount) = self.rng.pick(&PROCEDURES);
        let page = Page::Billing(&patient.id);
        let billed = later(end, 1, 6, &mut self.rng);
        let request = self.request(visit.front_desk, &page, billed);
        let state = json!({
            "recipient_id": patient.id,
            "appointment_id": visit.appointment.id,
            "cpt_code": procedure,
            "amount": dollars(amount),
            "currency": "USD",
            "state": "draft",
        });
        self.ledger.create(&request, &item, state);

        let paid = later(billed, 1, 10, &mut self.rng);
        let request = self.request(visit.front_desk, &page, paid);
        if self.rng.chance(4) {
            let request = request.describe("Entered for the wrong client");
            self.ledger.destroy(&request, &item);
            return;
        }
        let method = self.rng.pick(&["card", "card", "cash", "check"]);
        let patch = json!({"state": "paid", "payment": {"method": method, "paid_at": iso(paid)}});
        self.ledger.update(&request, &item, patch);
        self.hand_out_invoice(visit, &item, paid);
        if self.rng.chance(5) {
            self.refund(visit, &item, amount, paid);
        }
    }

    fn refund(&mut self, visit: &Visit<'_>, item: &Record, amount: u64, paid: LocalTime) {
        let Some(biller) = self.someone(GROUP, Role::Biller) else {
            return;
        };
        let date = workdays_after(paid.date_naive(), self.rng.between(2, 12));
        let at = self.office_time(biller, date);
        let request = self.request(biller, &Page::Billing(&visit.patient.record.id), at);
        let patch = json!({"state": "refunded", "refunded_amount": dollars(amount / 2)});
        self.ledger.update(&request, item, patch);
    }

    pub(super) fn at_billing(&mut self, claim: &Claim, at: LocalTime) -> Request {
        self.request(claim.biller, &Page::Billing(&claim.patient_id), at)
    }
}

/// An amount as accountants write it, always with two decimals: the JSON number `125.50`.
fn dollars(cents: u64) -> Value {
    let text = format!("{}.{:02}", cents / 100, cents % 100);
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
