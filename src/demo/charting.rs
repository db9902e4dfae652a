//! What a practitioner writes after an appointment: the note, and what follows from it.

use serde_json::{Value, json};

use super::calendar::{LocalTime, iso, later, workdays_after};
use super::ledger::Record;
use super::request::{Page, Request};
use super::simulation::Simulation;
use super::visits::Visit;
use super::vocabulary::{
    ASSESSMENTS, CARE_PLANS, DIAGNOSES, GOALS, NOTE_FORMS, PLANS, QUESTIONS, SUBJECTIVE, TASKS,
};

impl Simulation<'_> {
    pub(super) fn chart(&mut self, visit: &Visit<'_>, end: LocalTime) {
        let opened = later(end, 1, 20, &mut self.rng);
        let note = self.open_note(visit, opened);
        let signed = self.sign_note(visit, &note, opened);
        self.read_note(visit, &note, signed);
        if self.rng.chance(4) {
            self.amend_note(visit, &note, signed);
        }
        if self.rng.chance(16) {
            self.diagnose(visit, opened);
        }
        if self.rng.chance(9) {
            self.plan_care(visit, opened);
        }
        if self.rng.chance(14) {
            self.delegate(visit, signed);
        }
    }

    /// The note is opened with the answers of the patient's intake form.
    fn open_note(&mut self, visit: &Visit<'_>, at: LocalTime) -> Record {
        let patient = visit.patient;
        let organization_id = patient.clinic.organization_id;
        let note = self.record("FORM_ANSWER_GROUP", organization_id);
        let request = self.at_chart(visit, at);
        let state = json!({
            "name": self.rng.pick(&NOTE_FORMS),
            "user_id": patient.record.id,
            "filler_id": patient.practitioner.id,
            "appointment_id": visit.appointment.id,
            "finished": false,
            "locked_at": null,
            "content": {"subjective": self.rng.pick(&SUBJECTIVE), "vitals": self.vitals()},
        });
        self.ledger.create(&request, &note, state);
        for _ in 0..self.rng.between(1, 2) {
            self.answer(visit, &note, &request);
        }
        note
    }

    fn vitals(&mut self) -> Value {
        let (systolic, diastolic) = (self.rng.between(104, 148), self.rng.between(62, 94));
        json!({
            "blood_pressure": {"systolic": systolic, "diastolic": diastolic},
            "pulse": self.rng.between(56, 96),
        })
    }

    fn answer(&mut self, visit: &Visit<'_>, note: &Record, request: &Request) {
        let (label, answers) = self.rng.pick(&QUESTIONS);
        let answer = self.record("FORM_ANSWER", note.organization_id);
        let state = json!({
            "form_answer_group_id": note.id,
            "user_id": visit.patient.record.id,
            "label": label,
            "answer": self.rng.pick(&answers),
        });
        self.ledger.create(request, &answer, state);
        if self.rng.chance(8) {
            let at = later(request.at, 1, 5, &mut self.rng);
            let correction = self.at_chart(visit, at);
            let patch = json!({"answer": self.rng.pick(&answers)});
            self.ledger.update(&correction, &answer, patch);
        }
    }

    /// Written up, then finished and locked: most on the same day, some on the next.
    fn sign_note(&mut self, visit: &Visit<'_>, note: &Record, opened: LocalTime) -> LocalTime {
        let practitioner = visit.patient.practitioner;
        let written = later(opened, 5, 60, &mut self.rng);
        let request = self.at_chart(visit, written);
        let (assessment, plan) = (self.rng.pick(&ASSESSMENTS), self.rng.pick(&PLANS));
        let patch = json!({"content": {"assessment": assessment, "plan": plan}});
        self.ledger.update(&request, note, patch);

        let signed = if self.rng.chance(75) {
            later(written, 1, 30, &mut self.rng)
        } else {
            self.office_time(practitioner, workdays_after(written.date_naive(), 1))
        };
        let request = self.at_chart(visit, signed);
        let patch = json!({
            "finished": true,
            "locked_at": iso(signed),
            "locked_by_id": practitioner.id,
        });
        self.ledger.update(&request, note, patch);
        signed
    }

    /// A change to a locked note: what an auditor looks for.
    fn amend_note(&mut self, visit: &Visit<'_>, note: &Record, signed: LocalTime) {
        let date = workdays_after(signed.date_naive(), self.rng.between(1, 9));
        let at = self.office_time(visit.patient.practitioner, date);
        let request = self.at_chart(visit, at);
        let request = request.describe("Addendum to a locked note");
        let patch = json!({
            "locked_at": iso(at),
            "content": {"plan": self.rng.pick(&PLANS), "addendum": "Plan corrected after the lab results."},
        });
        self.ledger.update(&request, note, patch);
    }

    fn diagnose(&mut self, visit: &Visit<'_>, opened: LocalTime) {
        let patient = &visit.patient.record;
        let diagnosis = self.record("DIAGNOSIS", patient.organization_id);
        let at = later(opened, 2, 15, &mut self.rng);
        let request = self.at_chart(visit, at);
        let (code, wording) = self.rng.pick(&DIAGNOSES);
        let state = json!({
            "user_id": patient.id,
            "icd_code": {"code": code, "display_name": wording},
            "active": true,
            "first_symptom_date": null,
        });
        self.ledger.create(&request, &diagnosis, state);
        if self.rng.chance(30) {
            let request = self.follow_up(visit, at);
            let date = request.at.date_naive().to_string();
            let patch = json!({"active": false, "end_date": date});
            self.ledger.update(&request, &diagnosis, patch);
        }
    }

    fn plan_care(&mut self, visit: &Visit<'_>, opened: LocalTime) {
        let patient = &visit.patient.record;
        let plan = self.record("CARE_PLAN", patient.organization_id);
        let goal = self.record("GOAL", patient.organization_id);
        let at = later(opened, 5, 25, &mut self.rng);
        let request = self.at_chart(visit, at);
        let state = json!({
            "patient_id": patient.id,
            "name": self.rng.pick(&CARE_PLANS),
            "is_hidden": true,
        });
        self.ledger.create(&request, &plan, state);
        let state = json!({
            "user_id": patient.id,
            "care_plan_id": plan.id,
            "name": self.rng.pick(&GOALS),
            "repeat": self.rng.pick(&["Daily", "Weekly"]),
            "status": "active",
        });
        self.ledger.create(&request, &goal, state);

        let published = later(at, 1, 10, &mut self.rng);
        let publication = self.at_chart(visit, published);
        self.ledger.update(&publication, &plan, json!({"is_hidden": false}));
        let follow_up = self.follow_up(visit, at);
        if self.rng.chance(60) {
            let patch = json!({"status": "completed", "completed_on": follow_up.at.date_naive().to_string()});
            self.ledger.update(&follow_up, &goal, patch);
        } else if self.rng.chance(20) {
            self.ledger.destroy(&follow_up, &goal);
        }
    }

    /// Something for the front desk to do.
    fn delegate(&mut self, visit: &Visit<'_>, signed: LocalTime) {
        let patient = &visit.patient.record;
        let task = self.record("TASK", patient.organization_id);
        let at = later(signed, 1, 10, &mut self.rng);
        let request = self.request(visit.patient.practitioner, &Page::Tasks, at);
        let done_on = workdays_after(at.date_naive(), self.rng.between(1, 5));
        let state = json!({
            "content": self.rng.pick(&TASKS),
            "client_id": patient.id,
            "user_id": visit.front_desk.id,
            "priority": self.rng.pick(&["low", "normal", "normal", "high"]),
            "due_date": done_on.to_string(),
            "complete": false,
        });
        self.ledger.create(&request, &task, state);

        let done_at = self.office_time(visit.front_desk, done_on);
        let request = self.request(visit.front_desk, &Page::Tasks, done_at);
        if self.rng.chance(8) {
            self.ledger.destroy(&request, &task);
        } else {
            let patch = json!({"complete": true, "completed_at": iso(done_at)});
            self.ledger.update(&request, &task, patch);
        }
    }

    pub(super) fn at_chart(&mut self, visit: &Visit<'_>, at: LocalTime) -> Request {
        let page = Page::Chart(&visit.patient.record.id);
        self.request(visit.patient.practitioner, &page, at)
    }

    /// The chart is opened again some weeks later.
    fn follow_up(&mut self, visit: &Visit<'_>, at: LocalTime) -> Request {
        let date = workdays_after(at.date_naive(), self.rng.between(10, 40));
        let at = self.office_time(visit.patient.practitioner, date);
        self.at_chart(visit, at)
    }
}
