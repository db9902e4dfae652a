//! The group's own type of event and kind of record.

/// A definition, as an owner makes it through the API before the first event of it.
#[allow(missing_docs)] // as in the GraphQL schema
pub struct Definition {
    /// A kind of record, and not a type of event.
    pub is_of_records: bool,
    pub name: &'static str,
    pub description: &'static str,
    pub metadata_schema: &'static str,
}

pub(super) const CONSENT_SIGNED: &str = "patient.consent_signed";
pub(super) const FAX: &str = "fax";

/// All of them.
pub const DEFINITIONS: [Definition; 2] = [
    Definition {
        is_of_records: false,
        name: CONSENT_SIGNED,
        description: "A client signed a consent form",
        metadata_schema: r#"{
            "type": "object",
            "properties": {
                "form": {"enum": ["HIPAA", "TELEHEALTH"]},
                "version": {"type": "integer", "minimum": 1}
            },
            "required": ["form", "version"],
            "additionalProperties": false
        }"#,
    },
    Definition {
        is_of_records: true,
        name: FAX,
        description: "A fax that came in",
        metadata_schema: r#"{
            "type": "object",
            "properties": {"line": {"type": "string"}},
            "required": ["line"]
        }"#,
    },
];
