//! Patients: registration, demographics and insurance.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::calendar::{LocalTime, is_workday};
use super::clinic::{CLINICS, Clinic};
use super::definitions::{CONSENT_SIGNED, FAX};
use super::ledger::Record;
use super::request::{Page, Request};
use super::simulation::Simulation;
use super::vocabulary::{FIRST_NAMES, LAST_NAMES, MAIL_DOMAINS, PAYERS, STREETS};
use super::world::{Role, User};

/// How many patients every clinic begins with.
const REGULARS: usize = 14;

pub(super) struct Patient {
    pub(super) record: Record,
    pub(super) clinic: Clinic,
    pub(super) practitioner: User,
    pub(super) registered: LocalTime,
    /// The insurance policy; without one the patient pays.
    pub(super) policy: Option<Record>,
}

impl Simulation<'_> {
    /// Everybody the clinics treat.
    pub(super) fn patients(&mut self) -> Vec<Patient> {
        let eve = self.eve();
        let mut arrivals: Vec<(Clinic, NaiveDate)> =
            CLINICS.iter().flat_map(|clinic| [(*clinic, eve); REGULARS]).collect();
        let today = self.now.date_naive();
        for date in eve.iter_days().skip(1).take_while(|date| *date <= today) {
            for clinic in CLINICS {
                // One new patient for every fifteen appointments or so.
                if is_workday(date) && self.rng.below(1500) < clinic.load {
                    arrivals.push((clinic, date));
                }
            }
        }
        arrivals.into_iter().filter_map(|(clinic, date)| self.register(clinic, date)).collect()
    }

    fn register(&mut self, clinic: Clinic, date: NaiveDate) -> Option<Patient> {
        let practitioner = self.someone(clinic.organization_id, Role::Practitioner)?;
        let registrar = self.someone(clinic.organization_id, Role::FrontDesk)?;
        let at = self.office_time(registrar, date);
        let record = self.record("USER", clinic.organization_id);
        let request = self.request(registrar, &Page::Profile(&record.id), at);
        let demographics = self.demographics(clinic, practitioner);
        self.ledger.create(&request, &record, demographics);
        self.sign_consent(&request, &record);
        if self.rng.chance(25) {
            self.receive_referral(&request, &record, clinic);
        }
        let policy = if self.rng.chance(65) { Some(self.insure(&request, &record)) } else { None };
        let patient = Patient { record, clinic, practitioner, registered: at, policy };
        self.change_demographics(&patient, registrar);
        self.change_policy(&patient, registrar);
        Some(patient)
    }

    fn demographics(&mut self, clinic: Clinic, practitioner: User) -> Value {
        let first_name = self.rng.pick(&FIRST_NAMES);
        let last_name = self.rng.pick(&LAST_NAMES);
        let date_of_birth = format!(
            "{}-{:02}-{:02}",
            self.rng.between(1941, 2008),
            self.rng.between(1, 12),
            self.rng.between(1, 28)
        );
        json!({
            "first_name": first_name,
            "last_name": last_name,
            "dob": date_of_birth,
            "email": self.mail_address(),
            "phone_number": self.phone_number(clinic),
            "address": self.address(clinic),
            "provider_id": practitioner.id,
            "active": true,
            "preferred_contact": {"channel": self.rng.pick(&["email", "text message"]), "language": "en"},
        })
    }

    fn sign_consent(&mut self, request: &Request, patient: &Record) {
        let form = self.rng.pick(&["HIPAA", "HIPAA", "TELEHEALTH"]);
        let signed = request.clone().of_type(CONSENT_SIGNED);
        let signed = signed.tell(json!({"form": form, "version": 3}));
        self.ledger.touch(&signed, patient, "CUSTOM");
    }

    /// Another practice sent them here, by fax.
    fn receive_referral(&mut self, request: &Request, patient: &Record, clinic: Clinic) {
        let fax = self.record("CUSTOM", clinic.organization_id);
        let line = format!("+1-{}-555-0199", clinic.area_code);
        let received = request.clone().on(FAX).tell(json!({"line": line}));
        let state = json!({
            "user_id": patient.id,
            "subject": "Referral",
            "pages": self.rng.between(1, 6),
        });
        self.ledger.create(&received, &fax, state);
    }

    fn mail_address(&mut self) -> String {
        let mailbox = self.rng.between(1000, 9999);
        format!("client{mailbox}@{}", self.rng.pick(&MAIL_DOMAINS))
    }

    /// One of the numbers kept for fiction: 555-0100 to 555-0199.
    fn phone_number(&mut self, clinic: Clinic) -> String {
        format!("+1-{}-555-01{:02}", clinic.area_code, self.rng.below(100))
    }

    fn address(&mut self, clinic: Clinic) -> Value {
        json!({
            "line1": self.street_address(),
            "city": clinic.city,
            "state": clinic.state,
            "zip": format!("{}{:02}", clinic.zip_prefix, self.rng.between(1, 39)),
        })
    }

    fn street_address(&mut self) -> String {
        let number = self.rng.between(3, 4800);
        format!("{number} {}", self.rng.pick(&STREETS))
    }

    fn insure(&mut self, request: &Request, patient: &Record) -> Record {
        let policy = self.record("POLICY", patient.organization_id);
        let (payer, payer_id) = self.rng.pick(&PAYERS);
        let state = json!({
            "user_id": patient.id,
            "insurance_plan": {"payer_name": payer, "payer_id": payer_id, "is_accepted": true},
            "num": format!("{payer_id}-{}", self.rng.between(1_000_000, 9_999_999)),
            "holder_relationship": self.rng.pick(&["self", "self", "spouse", "child"]),
            "priority_type": "primary",
            "effective_start": request.at.date_naive().to_string(),
            "copay": {"amount": 25, "currency": "USD"},
        });
        self.ledger.create(request, &policy, state);
        policy
    }

    /// Some move house, some get a new number or address.
    fn change_demographics(&mut self, patient: &Patient, registrar: User) {
        let clinic = patient.clinic;
        let patch = match self.rng.below(10) {
            0 => json!({"address": self.address(clinic)}),
            1 => json!({"address": {"line1": self.street_address()}}),
            2 => json!({"phone_number": self.phone_number(clinic)}),
            3 => json!({"email": self.mail_address(), "preferred_contact": {"channel": "email"}}),
            4 => json!({"preferred_contact": {"language": "es", "channel": "text message"}}),
            5 => json!({"emergency_contact": {"phone_number": self.phone_number(clinic)}}),
            _ => return,
        };
        let request = self.visit_profile(patient, registrar);
        self.ledger.update(&request, &patient.record, patch);
    }

    fn change_policy(&mut self, patient: &Patient, registrar: User) {
        let Some(policy) = &patient.policy else {
            return;
        };
        let request = self.visit_profile(patient, registrar);
        match self.rng.below(20) {
            0..4 => {
                let copay = self.rng.pick(&[15, 20, 30, 40]);
                let patch = json!({"copay": {"amount": copay}});
                let request = request.describe("Copay corrected from the insurance card");
                self.ledger.update(&request, policy, patch);
            }
            4..6 => {
                let date = request.at.date_naive().to_string();
                let patch =
                    json!({"effective_end": date, "insurance_plan": {"is_accepted": false}});
                self.ledger.update(&request, policy, patch);
            }
            6 => self.ledger.destroy(&request, policy),
            _ => {}
        }
    }

    /// Somebody at the front desk opens the profile, on a day after the registration.
    fn visit_profile(&mut self, patient: &Patient, registrar: User) -> Request {
        let date = self.workday_since(patient.registered.date_naive());
        let at = self.office_time(registrar, date);
        self.request(registrar, &Page::Profile(&patient.record.id), at)
    }
}
