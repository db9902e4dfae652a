//! Who may do what: members come and go, keys are made and revoked.

use chrono::NaiveDate;
use serde_json::json;

use super::calendar::workdays_after;
use super::request::{Page, Request};
use super::simulation::Simulation;
use super::world::{GROUP, Role, User};

impl Simulation<'_> {
    pub(super) fn access(&mut self) {
        let Some(owner) = self.manager(GROUP) else {
            return;
        };
        for clinic_id in ["clinic-seattle", "clinic-austin", "clinic-raleigh"] {
            self.substitute(owner, clinic_id);
        }
        self.grants(owner);
        for name in ["Clearinghouse", "Lab results", "Reporting warehouse"] {
            self.api_key(owner, name);
        }
    }

    /// A substitute practitioner: an account for some weeks.
    fn substitute(&mut self, owner: User, clinic_id: &'static str) {
        let account = self.record("USER", clinic_id);
        let membership = self.record("ORGANIZATION_MEMBERSHIP", clinic_id);
        let hired_on = self.workday();
        let hiring = self.at_team(owner, hired_on);
        let name = self.rng.pick(&["Baptiste Moreau", "Ngozi Eze", "Ji-woo Park"]);
        let state = json!({"full_name": name, "role": "practitioner", "active": true});
        self.ledger.create(&hiring, &account, state);
        let state = json!({
            "user_id": account.id,
            "organization_id": clinic_id,
            "role": "substitute practitioner",
            "permissions": {"can_view_audit_log": false, "can_edit_notes": true},
        });
        self.ledger.create(&hiring, &membership, state);

        let left_on = workdays_after(hired_on, self.rng.between(15, 40));
        let leaving = self.at_team(owner, left_on);
        let leaving = leaving.describe("Substitution ended");
        self.ledger.destroy(&leaving, &membership);
        self.ledger.update(&leaving, &account, json!({"active": false}));
    }

    /// Permissions of the staff change; those to see the audit log end as the memberships say.
    fn grants(&mut self, owner: User) {
        for user in &self.world.users {
            let sees = user.is_owner || user.can_view_audit_log;
            let state = json!({
                "user_id": user.id,
                "role": user.role.title(),
                "permissions": {
                    "can_view_audit_log": sees && user.role == Role::Owner,
                    "can_export_reports": false,
                },
            });
            let membership = self.existing("ORGANIZATION_MEMBERSHIP", user.organization_id, state);
            if sees || self.rng.chance(40) {
                let date = self.workday();
                let request = self.at_team(owner, date);
                let patch = json!({"permissions": {"can_view_audit_log": sees, "can_export_reports": true}});
                self.ledger.update(&request, &membership, patch);
            }
        }
    }

    /// The name and the scopes of a key; the key itself never gets into a log.
    fn api_key(&mut self, owner: User, name: &str) {
        let key = self.record("API_KEY", GROUP);
        let made_on = self.workday();
        let request = self.at_team(owner, made_on);
        let state = json!({"name": name, "scopes": ["audit_events:write"], "expires_at": null});
        self.ledger.create(&request, &key, state);
        let later_on = self.workday_since(made_on);
        let request = self.at_team(owner, later_on);
        if self.rng.chance(50) {
            self.ledger.destroy(&request.describe("Key rotated"), &key);
        } else {
            let expiry = workdays_after(later_on, 120).to_string();
            self.ledger.update(&request, &key, json!({"expires_at": expiry}));
        }
    }

    fn at_team(&mut self, owner: User, date: NaiveDate) -> Request {
        let at = self.office_time(owner, date);
        self.request(owner, &Page::Team, at)
    }
}
