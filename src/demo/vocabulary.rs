//! The words the sample data is made of. People, payers and places are invented; codes and their
//! wordings are those of ICD-10-CM.

pub(super) const BROWSERS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
];

pub(super) const PHONES: [&str; 2] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
];

pub(super) const FIRST_NAMES: [&str; 40] = [
    "Amara",
    "Anders",
    "Beatriz",
    "Chidi",
    "Chloé",
    "Daniel",
    "Dolores",
    "Elif",
    "Emeka",
    "Esther",
    "Farid",
    "Grace",
    "Haruto",
    "Ingrid",
    "Isaac",
    "Jamal",
    "João",
    "Keisha",
    "Leilani",
    "Liam",
    "Małgorzata",
    "Marcus",
    "Mei",
    "Miriam",
    "Nadia",
    "Noah",
    "Olga",
    "Omar",
    "Paloma",
    "Rashida",
    "René",
    "Rosa",
    "Samuel",
    "Sinéad",
    "Sofía",
    "Tenzin",
    "Umar",
    "Violet",
    "Winona",
    "Yusuf",
];

pub(super) const LAST_NAMES: [&str; 40] = [
    "Abdullah",
    "Adeyemi",
    "Anderson",
    "Baker",
    "Begay",
    "Castillo",
    "Cohen",
    "D'Angelo",
    "Dubois",
    "Eriksen",
    "Foster",
    "García",
    "Haddad",
    "Hughes",
    "Ivanova",
    "Jackson",
    "Johansson",
    "Kaplan",
    "Kealoha",
    "Kim",
    "Kowalski",
    "Lê",
    "MacDonald",
    "Müller",
    "Novak",
    "Ochieng",
    "Ortiz",
    "Patel",
    "Quinn",
    "Reyes",
    "Robinson",
    "Sato",
    "Silva",
    "Singh",
    "Tran",
    "Vargas",
    "Washington",
    "Wu",
    "Yılmaz",
    "Zhang",
];

pub(super) const STREETS: [&str; 12] = [
    "Alder Street",
    "Birch Lane",
    "Chestnut Avenue",
    "Dogwood Court",
    "Elm Street",
    "Fern Hollow Road",
    "Garden Terrace",
    "Hillcrest Drive",
    "Kestrel Way",
    "Lakeview Avenue",
    "Maple Street",
    "Orchard Road",
];

/// Of the domains reserved for examples (RFC 2606).
pub(super) const MAIL_DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];

/// Payer and its id.
pub(super) const PAYERS: [(&str, &str); 5] = [
    ("Evergreen Mutual", "EVG01"),
    ("Blue Harbor Health Plan", "BHH22"),
    ("Summit Community Medicaid", "SCM70"),
    ("Lakeshore Choice PPO", "LKC15"),
    ("Prairie States Employees Trust", "PSE09"),
];

/// Twice the usual one, so that it comes up most.
pub(super) const CONTACT_TYPES: [&str; 4] = ["In Person", "In Person", "Video Call", "Phone Call"];

/// Appointment type, minutes.
pub(super) const APPOINTMENT_TYPES: [(&str, u64); 5] = [
    ("Initial Consultation", 60),
    ("Follow-up Session", 30),
    ("Follow-up Session", 45),
    ("Nutrition Counseling", 45),
    ("Medication Review", 30),
];

pub(super) const CANCELLATION_REASONS: [&str; 4] =
    ["Client is ill", "Work conflict", "Transportation", "Provider unavailable"];

/// Code, wording.
pub(super) const DIAGNOSES: [(&str, &str); 8] = [
    ("E11.9", "Type 2 diabetes mellitus without complications"),
    ("E78.5", "Hyperlipidemia, unspecified"),
    ("F33.1", "Major depressive disorder, recurrent, moderate"),
    ("F41.1", "Generalized anxiety disorder"),
    ("G47.00", "Insomnia, unspecified"),
    ("I10", "Essential (primary) hypertension"),
    ("J45.20", "Mild intermittent asthma, uncomplicated"),
    ("M54.50", "Low back pain, unspecified"),
];

/// Procedure code, fee in cents.
pub(super) const PROCEDURES: [(&str, u64); 6] = [
    ("99213", 12_550),
    ("99214", 18_475),
    ("99203", 16_000),
    ("90834", 13_825),
    ("90837", 17_250),
    ("97802", 9_860),
];

pub(super) const NOTE_FORMS: [&str; 3] = ["SOAP Note", "Progress Note", "Nutrition Assessment"];

pub(super) const SUBJECTIVE: [&str; 5] = [
    "Reports better sleep since the last visit.",
    "Headaches twice a week, mostly in the evening.",
    "Has been walking 30 minutes a day.",
    "Feels anxious before work; no panic attacks.",
    "Low back pain after lifting, improving.",
];

pub(super) const ASSESSMENTS: [&str; 5] = [
    "Stable; responding to treatment.",
    "Improving, goals partly met.",
    "Symptoms persist; adjust the plan.",
    "Blood pressure above target.",
    "New symptoms; work-up ordered.",
];

pub(super) const PLANS: [&str; 5] = [
    "Continue current medication; follow up in four weeks.",
    "Keep a sleep diary until the next session.",
    "Refer to physical therapy.",
    "Repeat labs before the next visit.",
    "Increase activity to five days a week.",
];

/// Question of an intake form, answers to it.
pub(super) const QUESTIONS: [(&str, [&str; 3]); 4] = [
    ("How did you sleep this week?", ["Well", "Some bad nights", "Poorly"]),
    ("Any new medications?", ["No", "Ibuprofen as needed", "Vitamin D 1000 IU"]),
    ("Pain today, 0 to 10", ["0", "3", "6"]),
    ("Exercise, minutes a week", ["30", "90", "150"]),
];

pub(super) const CARE_PLANS: [&str; 4] =
    ["Blood sugar control", "Return to activity", "Sleep and stress", "Heart-healthy eating"];

pub(super) const GOALS: [&str; 4] =
    ["Walk 30 minutes", "Log meals", "Practice breathing exercise", "Measure blood pressure"];

pub(super) const TASKS: [&str; 6] = [
    "Call about lab results",
    "Fax records to the referring physician",
    "Send the nutrition handout",
    "Check prior authorization",
    "Schedule a follow-up in four weeks",
    "Update emergency contact",
];

pub(super) const FEATURES: [&str; 5] = [
    "video_waiting_room",
    "client_self_scheduling",
    "two_factor_authentication",
    "automatic_claim_submission",
    "secure_messaging_attachments",
];

pub(super) const CHART_VIEWS: [&str; 4] = [
    "Chart opened before the appointment",
    "Medications and allergies reviewed",
    "Lab results read",
    "Care plan and goals looked through",
];

/// What a stranger takes for names of accounts.
pub(super) const GUESSED_NAMES: [&str; 9] =
    ["admin", "administrator", "root", "test", "guest", "info", "support", "backup", "demo"];
