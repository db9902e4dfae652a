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
        View = "VIEW", "The record, a chart or a page was looked at.";
        Download = "DOWNLOAD", "The record was downloaded.";
        Print = "PRINT", "The record was printed.";
        Export = "EXPORT", "Records were exported.";
        SignIn = "SIGN_IN", "Somebody signed in.";
        SignInFailed = "SIGN_IN_FAILED", "Somebody failed to sign in.";
        SignOut = "SIGN_OUT", "Somebody signed out.";
        ApiCall = "API_CALL", "A program called an interface.";
        Custom = "CUSTOM", "Something of the tenant's own definition: `custom_type` says what.";
        Note = "NOTE", "A note on the record, by a user; written by `addTimestampNote` only.";
        StatusNote = "STATUS_NOTE", "A note on the record that this server wrote by a rule.";
    }
}

registry! {
    /// What kind of record it was done to; the names are Healthie's, and at the end those of what
    /// this server keeps itself.
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
        Custom = "CUSTOM", "A kind of the tenant's own definition: `custom_resource` says which.";
        AuditLog = "AUDIT_LOG", "This log: it was read, exported or purged.";
        AuditPolicy = "AUDIT_POLICY", "What is recorded of a kind of record in an organization.";
        AuditEventType = "AUDIT_EVENT_TYPE", "The definition of a custom type of event.";
        AuditResource = "AUDIT_RESOURCE", "The definition of a custom kind of record.";
        AuditSettings = "AUDIT_SETTINGS", "How this log is kept for a tenant.";
        AuditPlan = "AUDIT_PLAN", "How far back a tenant's log is visible and kept.";
        LegalHold = "LEGAL_HOLD", "What stops purging an organization, a user or a record.";
        StatusNoteRule = "STATUS_NOTE_RULE", "When the server writes a status note.";
    }
}

registry! {
    /// How it ended.
    Outcome {
        Success = "SUCCESS", "It was done.";
        Failure = "FAILURE", "It was tried, and not done.";
    }
}

registry! {
    /// Whose actions a membership that may view the log shows.
    View {
        All = "ALL", "Everybody's.";
        Own = "OWN", "Only those of the user it belongs to.";
    }
}

/// What a membership shows that says nothing of it.
impl Default for View {
    fn default() -> Self {
        Self::All
    }
}

registry! {
    /// Which reads of the log leave an event in it.
    LogOfReads {
        EveryRequest = "EVERY_REQUEST", "One event a request, however many queries are in it.";
        OneAPull = "ONE_A_PULL", "As EVERY_REQUEST; but a page that goes on from `after` or `before` leaves nothing within an hour of a page of the same list that left one.";
        Off = "OFF", "None.";
    }
}

impl EventType {
    /// Whether only this server records it.
    pub const fn is_reserved(self) -> bool {
        matches!(self, Self::Note | Self::StatusNote)
    }

    /// How it ended, when that is not said.
    pub const fn usual_outcome(self) -> Outcome {
        match self {
            Self::SignInFailed => Outcome::Failure,
            _ => Outcome::Success,
        }
    }
}

impl ResourceName {
    /// Whether only this server records events on it.
    pub const fn is_reserved(self) -> bool {
        matches!(
            self,
            Self::AuditLog
                | Self::AuditPolicy
                | Self::AuditEventType
                | Self::AuditResource
                | Self::AuditSettings
                | Self::AuditPlan
                | Self::LegalHold
                | Self::StatusNoteRule
        )
    }
}
