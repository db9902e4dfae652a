//! The practice group itself: its tree of organizations and the people who work in it.

use super::clinic::{CLINICS, Clinic};
use super::rng::SplitMix64;

/// Everything `auditlog demo` loads.
#[derive(Clone, Debug)]
pub struct World {
    /// One tenant's tree; parents come before their children.
    pub organizations: Vec<Organization>,
    /// Everybody who has an account.
    pub users: Vec<User>,
}

/// A node of the tree.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in `store::organizations::Organization`
pub struct Organization {
    pub id: &'static str,
    pub name: &'static str,
    pub parent_id: Option<&'static str>,
}

/// A person or service account, with the one membership it holds.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in `admin::NewUser`
pub struct User {
    pub id: &'static str,
    pub organization_id: &'static str,
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub email: &'static str,
    pub is_owner: bool,
    pub can_view_audit_log: bool,
    pub can_record: bool,
    /// They see of the log what they did themselves.
    pub only_own_actions: bool,
    /// May read what is sensitive: the content of notes.
    pub can_view_sensitive_values: bool,
    pub can_view_resource_history: bool,
    pub can_add_notes: bool,
    /// One line: whose account this is and what it may see.
    pub about: &'static str,
    pub(super) role: Role,
}

/// What somebody does in the practice, and so which events are theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Owner,
    ComplianceOfficer,
    Manager,
    Practitioner,
    FrontDesk,
    Biller,
    Integration,
}

impl Role {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::ComplianceOfficer => "compliance officer",
            Self::Manager => "manager",
            Self::Practitioner => "practitioner",
            Self::FrontDesk => "front desk",
            Self::Biller => "biller",
            Self::Integration => "service account",
        }
    }
}

impl World {
    /// The practice group; it is the same each time.
    #[must_use]
    pub fn new() -> Self {
        Self { organizations: ORGANIZATIONS.to_vec(), users: USERS.to_vec() }
    }

    /// The root of the group.
    pub const fn tenant_id(&self) -> &'static str {
        GROUP
    }

    /// `organization_id` and everything above it, nearest first.
    fn lineage(&self, organization_id: &'static str) -> impl Iterator<Item = &'static str> {
        std::iter::successors(Some(organization_id), |id| {
            let organization = self.organizations.iter().find(|o| o.id == *id)?;
            organization.parent_id
        })
    }

    /// Who has `role` in the organization or above it, nearest first.
    pub(super) fn staff(&self, organization_id: &'static str, role: Role) -> Vec<User> {
        self.lineage(organization_id)
            .flat_map(|id| self.users.iter().filter(move |u| u.organization_id == id))
            .filter(|user| user.role == role)
            .copied()
            .collect()
    }

    /// The clinic somebody has their desk in: one of those below their organization.
    pub(super) fn workplace(&self, user: User) -> Clinic {
        let [first, ..] = CLINICS;
        let clinics: Vec<Clinic> = CLINICS
            .into_iter()
            .filter(|clinic| self.is_at_or_above(user.organization_id, clinic.organization_id))
            .collect();
        let workplace = SplitMix64::keyed(user.id).choose(&clinics).copied();
        workplace.unwrap_or(first)
    }

    pub(super) fn is_at_or_above(&self, ancestor: &str, organization_id: &'static str) -> bool {
        self.lineage(organization_id).any(|id| id == ancestor)
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// The root of the tree.
pub(super) const GROUP: &str = "cedar-health";

const fn organization(
    id: &'static str,
    name: &'static str,
    parent_id: Option<&'static str>,
) -> Organization {
    Organization { id, name, parent_id }
}

const ORGANIZATIONS: [Organization; 13] = [
    organization(GROUP, "Cedar Health Group", None),
    organization("cedar-west", "Cedar Health West", Some(GROUP)),
    organization("cedar-central", "Cedar Health Central", Some(GROUP)),
    organization("cedar-east", "Cedar Health East", Some(GROUP)),
    organization("cedar-oregon", "Cedar Health Oregon", Some("cedar-west")),
    organization("clinic-portland", "Portland Clinic", Some("cedar-oregon")),
    organization("clinic-bend", "Bend Clinic", Some("cedar-oregon")),
    organization("clinic-seattle", "Seattle Clinic", Some("cedar-west")),
    organization("clinic-sacramento", "Sacramento Clinic", Some("cedar-west")),
    organization("clinic-chicago", "Chicago Clinic", Some("cedar-central")),
    organization("clinic-austin", "Austin Clinic", Some("cedar-central")),
    organization("clinic-boston", "Boston Clinic", Some("cedar-east")),
    organization("clinic-raleigh", "Raleigh Clinic", Some("cedar-east")),
];

/// Somebody who sees no audit log and records nothing: most of the staff.
const STAFF: User = User {
    id: "",
    organization_id: GROUP,
    first_name: "",
    last_name: "",
    email: "",
    is_owner: false,
    can_view_audit_log: false,
    can_record: false,
    only_own_actions: false,
    can_view_sensitive_values: false,
    can_view_resource_history: false,
    can_add_notes: false,
    about: "",
    role: Role::FrontDesk,
};

const USERS: [User; 15] = [
    User {
        id: "12301",
        first_name: "Maribel",
        last_name: "Okafor",
        email: "maribel.okafor@cedar-health.example",
        is_owner: true,
        about: "owner of Cedar Health Group: sees every event",
        role: Role::Owner,
        ..STAFF
    },
    User {
        id: "12302",
        first_name: "Søren",
        last_name: "Lindqvist",
        email: "soren.lindqvist@cedar-health.example",
        can_view_audit_log: true,
        can_view_sensitive_values: true,
        about: "compliance officer of Cedar Health Group: sees every event, and what notes say",
        role: Role::ComplianceOfficer,
        ..STAFF
    },
    User {
        id: "12318",
        organization_id: "cedar-west",
        first_name: "Thandiwe",
        last_name: "Nkosi",
        email: "thandiwe.nkosi@cedar-health.example",
        can_view_audit_log: true,
        about: "manager of Cedar Health West: sees that region with all its clinics",
        role: Role::Manager,
        ..STAFF
    },
    User {
        id: "12327",
        organization_id: "clinic-portland",
        first_name: "Zoë",
        last_name: "Marchetti",
        email: "zoe.marchetti@cedar-health.example",
        can_view_audit_log: true,
        about: "manager of the Portland Clinic: sees that clinic",
        role: Role::Manager,
        ..STAFF
    },
    User {
        id: "12345",
        organization_id: "clinic-portland",
        first_name: "Mai",
        last_name: "Nguyễn",
        email: "mai.nguyen@cedar-health.example",
        can_view_audit_log: true,
        only_own_actions: true,
        about: "practitioner in Portland: sees what they did themselves",
        role: Role::Practitioner,
        ..STAFF
    },
    User {
        id: "12346",
        organization_id: "cedar-oregon",
        first_name: "Aoife",
        last_name: "O'Brien",
        email: "aoife.obrien@cedar-health.example",
        about: "practitioner in Portland and Bend: may not see the audit log (FORBIDDEN)",
        role: Role::Practitioner,
        ..STAFF
    },
    User {
        id: "12352",
        organization_id: "cedar-west",
        first_name: "Priya",
        last_name: "Raghunathan",
        email: "priya.raghunathan@cedar-health.example",
        about: "practitioner across Cedar Health West: may not see the audit log (FORBIDDEN)",
        role: Role::Practitioner,
        ..STAFF
    },
    User {
        id: "12360",
        organization_id: "cedar-central",
        first_name: "Kwame",
        last_name: "Mensah",
        email: "kwame.mensah@cedar-health.example",
        about: "practitioner in Chicago and Austin: may not see the audit log (FORBIDDEN)",
        role: Role::Practitioner,
        ..STAFF
    },
    User {
        id: "12361",
        organization_id: "clinic-chicago",
        first_name: "Lucía",
        last_name: "Fernández",
        email: "lucia.fernandez@cedar-health.example",
        about: "practitioner in Chicago: may not see the audit log (FORBIDDEN)",
        role: Role::Practitioner,
        ..STAFF
    },
    User {
        id: "12374",
        organization_id: "cedar-east",
        first_name: "Hannah",
        last_name: "Goldberg",
        email: "hannah.goldberg@cedar-health.example",
        about: "practitioner in Boston and Raleigh: may not see the audit log (FORBIDDEN)",
        role: Role::Practitioner,
        ..STAFF
    },
    User {
        id: "12380",
        organization_id: "cedar-west",
        first_name: "Jasmine",
        last_name: "Carter",
        email: "jasmine.carter@cedar-health.example",
        can_view_resource_history: true,
        can_add_notes: true,
        about: "front desk of Cedar Health West: reads the history of a record, and writes notes on it",
        ..STAFF
    },
    User {
        id: "12383",
        organization_id: "cedar-central",
        first_name: "Diego",
        last_name: "Ramírez",
        email: "diego.ramirez@cedar-health.example",
        about: "front desk of Cedar Health Central: may not see the audit log (FORBIDDEN)",
        ..STAFF
    },
    User {
        id: "12388",
        organization_id: "cedar-east",
        first_name: "Tomasz",
        last_name: "Wójcik",
        email: "tomasz.wojcik@cedar-health.example",
        about: "front desk of Cedar Health East: may not see the audit log (FORBIDDEN)",
        ..STAFF
    },
    User {
        id: "12391",
        first_name: "Fatima",
        last_name: "al-Sayed",
        email: "fatima.al-sayed@cedar-health.example",
        about: "biller of Cedar Health Group: may not see the audit log (FORBIDDEN)",
        role: Role::Biller,
        ..STAFF
    },
    User {
        id: "12399",
        first_name: "Clearinghouse",
        last_name: "Integration",
        email: "clearinghouse@cedar-health.example",
        can_record: true,
        about: "service account of an integration: records events for the whole group, sees none",
        role: Role::Integration,
        ..STAFF
    },
];
