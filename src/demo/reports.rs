//! Reports: lists of records that leave the application as a file.

use chrono::{Datelike, NaiveDate, Weekday};
use serde_json::json;

use super::ledger::Record;
use super::request::Page;
use super::simulation::Simulation;
use super::world::{GROUP, Role};

struct Report {
    name: &'static str,
    title: &'static str,
    /// What it lists.
    resource_name: &'static str,
    organization_id: &'static str,
    /// Who asks for it on Mondays.
    reader: Role,
}

const fn report(
    name: &'static str,
    title: &'static str,
    resource_name: &'static str,
    organization_id: &'static str,
    reader: Role,
) -> Report {
    Report { name, title, resource_name, organization_id, reader }
}

const REPORTS: [Report; 5] = [
    report("claims-by-payer", "Claims by payer and age", "CMS1500", GROUP, Role::Biller),
    report("daily-takings", "Takings at the front desk", "BILLING_ITEM", GROUP, Role::Biller),
    report("no-shows", "Missed appointments", "APPOINTMENT", "cedar-west", Role::Manager),
    report("schedule", "Schedule of the week", "APPOINTMENT", "clinic-portland", Role::Manager),
    report("active-clients", "Active clients", "USER", GROUP, Role::ComplianceOfficer),
];

impl Simulation<'_> {
    pub(super) fn reports(&mut self) {
        for report in REPORTS {
            // A report is no record of its own: it is known by its name.
            let id = format!("report-{}", report.name);
            let Report { resource_name, organization_id, .. } = report;
            let record = Record { resource_name, id, organization_id };
            self.ledger.assume(&record, json!({}));
            let today = self.now.date_naive();
            let mondays = self.eve().iter_days().take_while(|date| *date <= today);
            for date in mondays.filter(|date| date.weekday() == Weekday::Mon) {
                self.export(&report, &record, date);
            }
        }
    }

    fn export(&mut self, report: &Report, record: &Record, date: NaiveDate) {
        let Some(reader) = self.someone(report.organization_id, report.reader) else {
            return;
        };
        let at = self.office_time(reader, date);
        let request = self.request(reader, &Page::Report(report.name), at);
        let title = report.title;
        let request = if self.rng.chance(6) {
            request.failed(&format!("Export of the report “{title}” refused: too many rows"))
        } else {
            let rows = self.rng.between(12, 480);
            request
                .describe(&format!("Exported the report “{title}”: {rows} rows"))
                .tell(json!({"report": report.name, "format": "csv", "rows": rows}))
        };
        self.ledger.touch(&request, record, "EXPORT");
    }
}
