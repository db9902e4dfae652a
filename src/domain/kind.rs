//! The registry of event types and resource names.
//!
//! To add one, add a row: parsing, storage, GraphQL and its documentation follow from it. The stored
//! form is the name itself, so a new row needs no migration.

macro_rules! registry {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal, $about:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = $about] $variant,)+
        }

        impl $name {
            /// Every row, in the order it is documented.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name clients send and read, and the stored form.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What it stands for, for the API's documentation.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)+ }
            }

            /// The row of this name.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

registry! {
    /// What was done to a record.
    EventType {
        Create = "CREATE", "The record was created.";
        Update = "UPDATE", "The record was changed.";
        Destroy = "DESTROY", "The record was deleted.";
    }
}

registry! {
    /// What kind of record it was done to; the names are Healthie's.
    ResourceName {
        ApiKey = "API_KEY", "A key with which a program signs in.";
        Appointment = "APPOINTMENT", "An appointment between a provider and a patient.";
        AppointmentInclusion = "APPOINTMENT_INCLUSION", "A package or credit an appointment draws on.";
        AppointmentLocation = "APPOINTMENT_LOCATION", "A place where appointments are held.";
        AppointmentSetting = "APPOINTMENT_SETTING", "How appointments may be booked.";
        Availability = "AVAILABILITY", "When a provider can be booked.";
        BillingItem = "BILLING_ITEM", "A charge to a patient.";
        CarePlan = "CARE_PLAN", "A patient's plan of care.";
        Cms1500 = "CMS1500", "A claim to an insurer on the form CMS-1500.";
        Cms1500Policy = "CMS1500_POLICY", "An insurance policy named on a CMS-1500 claim.";
        CptCodesCms1500 = "CPT_CODES_CMS1500", "A procedure (CPT code) billed on a CMS-1500 claim.";
        Diagnosis = "DIAGNOSIS", "A diagnosis of a patient.";
        FeatureToggle = "FEATURE_TOGGLE", "A feature switched on or off for an organization.";
        FormAnswerGroup = "FORM_ANSWER_GROUP", "A filled-in form, such as a charting note.";
        FormAnswer = "FORM_ANSWER", "One answer on a filled-in form.";
        Goal = "GOAL", "A goal set with a patient.";
        Location = "LOCATION", "A postal or physical address.";
        Organization = "ORGANIZATION", "An organization or sub-organization.";
        OrganizationInfo = "ORGANIZATION_INFO", "An organization's details, such as its tax id.";
        OrganizationMembership = "ORGANIZATION_MEMBERSHIP", "What a user is and may do in an organization.";
        Policy = "POLICY", "A patient's insurance policy.";
        Task = "TASK", "Something to be done, assigned to somebody.";
        User = "USER", "A person: a patient, a provider or a member of staff.";
    }
}
