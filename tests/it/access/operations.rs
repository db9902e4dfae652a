//! Every operation, with what it wants and how it says that something is not there.

/// What an operation wants of the requester, somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Nothing,
    View,
    Record,
    Own,
    /// Of the root organization: what it is about is the whole tenant.
    OwnTenant,
    /// Any right but writing notes.
    Any,
}

/// How an operation says that something is not there.
#[derive(Clone, Copy)]
pub enum Hidden {
    /// It asks for nothing that could be hidden.
    Never,
    NotFound,
    Null,
    Message,
}

pub struct Operation {
    pub name: Text,
    pub wants: Wants,
    pub hidden: Hidden,
    pub document: Text,
}

pub type Text = &'static str;

const fn operation(name: Text, wants: Wants, hidden: Hidden, document: Text) -> Operation {
    Operation { name, wants, hidden, document }
}

/// Not GraphQL.
pub const REST: &str = "POST /v1/audit-events";

pub const OPERATIONS: &[Operation] = &[
    operation(
        "auditLog",
        Wants::View,
        Hidden::NotFound,
        "query($organization: ID) {
            auditLog(organization_id: $organization) { total_count nodes { id } }
        }",
    ),
    operation(
        "auditEvent",
        Wants::View,
        Hidden::Null,
        "query($event: ID) { auditEvent(id: $event) { resource_id } }",
    ),
    operation(
        "auditEvent",
        Wants::View,
        Hidden::Null,
        "query($external: ID) { auditEvent(external_id: $external) { resource_id } }",
    ),
    operation(
        "resourceHistory",
        Wants::View,
        Hidden::Never,
        "{ resourceHistory(resource_name: APPOINTMENT, resource_id: \"1\") { nodes { id } } }",
    ),
    operation("viewer", Wants::Nothing, Hidden::Never, "{ viewer { user { id } } }"),
    operation(
        "recordAuditEvents",
        Wants::Record,
        Hidden::NotFound,
        "mutation($organization: ID!) { recordAuditEvents(input: {events: [{
            organization_id: $organization, type: UPDATE, resource_name: TASK, resource_id: \"1\"
        }]}) { recorded } }",
    ),
    operation(REST, Wants::Record, Hidden::NotFound, ""),
    operation(
        "createOrganization",
        Wants::Own,
        Hidden::Message,
        "mutation($fresh: ID!, $organization: ID) {
            createOrganization(input: {id: $fresh, name: \"New\", parent_id: $organization}) {
                organization { id } messages { field message }
            }
        }",
    ),
    operation(
        "moveOrganization",
        Wants::Own,
        Hidden::Message,
        "mutation($organization: ID!, $own_organization: ID!) {
            moveOrganization(input: {id: $organization, parent_id: $own_organization}) {
                organization { id } messages { field message }
            }
        }",
    ),
    operation(
        "createUser",
        Wants::Own,
        Hidden::Message,
        "mutation($fresh: ID!, $organization: ID!) {
            createUser(input: {id: $fresh, organization_id: $organization}) {
                user { id } organization_membership { id } messages { field message }
            }
        }",
    ),
    operation(
        "createOrganizationMembership",
        Wants::Own,
        Hidden::Message,
        "mutation($user: ID!, $own_organization: ID!) {
            createOrganizationMembership(
                input: {user_id: $user, organization_id: $own_organization}
            ) { organization_membership { id } messages { field message } }
        }",
    ),
    operation(
        "createOrganizationMembership",
        Wants::Own,
        Hidden::Message,
        "mutation($own_user: ID!, $organization: ID!) {
            createOrganizationMembership(
                input: {user_id: $own_user, organization_id: $organization, is_owner: true}
            ) { organization_membership { id } messages { field message } }
        }",
    ),
    operation(
        "updateOrganizationMembership",
        Wants::Own,
        Hidden::Message,
        "mutation($membership: ID!) {
            updateOrganizationMembership(input: {id: $membership, can_view_audit_log: true}) {
                organization_membership { id user_id } messages { field message }
            }
        }",
    ),
    operation(
        "createApiKey",
        Wants::Own,
        Hidden::Message,
        "mutation($user: ID!) { createApiKey(input: {user_id: $user}) {
            api_key api_key_object { id } messages { field message }
        } }",
    ),
    operation(
        "apiKeys",
        Wants::Own,
        Hidden::Never,
        "query($user: ID) { apiKeys(user_id: $user) { id user_id name created_at } }",
    ),
    operation(
        "rotateApiKey",
        Wants::Own,
        Hidden::Message,
        "mutation($key: ID!) {
            rotateApiKey(
                input: {id: $key, overlap_minutes: 5, expires_at: \"2099-01-01T00:00:00Z\"}
            ) {
                api_key api_key_object { id } previous_api_key_object { id user_id }
                messages { field message }
            }
        }",
    ),
    operation(
        "deleteApiKey",
        Wants::Own,
        Hidden::Message,
        "mutation($key: ID!) { deleteApiKey(input: {id: $key}) {
            api_key_object { id user_id name } messages { field message }
        } }",
    ),
    operation("auditEventTypes", Wants::Any, Hidden::Never, "{ auditEventTypes { name } }"),
    operation("auditResources", Wants::Any, Hidden::Never, "{ auditResources { name } }"),
    operation(
        "defineAuditEventType",
        Wants::OwnTenant,
        Hidden::Never,
        "mutation { defineAuditEventType(input: {name: \"consent.signed\"}) {
            audit_event_type { name } messages { field message }
        } }",
    ),
    operation(
        "retireAuditEventType",
        Wants::OwnTenant,
        Hidden::Never,
        "mutation { retireAuditEventType(input: {name: \"consent.signed\"}) {
            audit_event_type { name } messages { field message }
        } }",
    ),
    operation(
        "defineAuditResource",
        Wants::OwnTenant,
        Hidden::Never,
        "mutation { defineAuditResource(input: {name: \"fax\"}) {
            audit_resource { name } messages { field message }
        } }",
    ),
    operation(
        "retireAuditResource",
        Wants::OwnTenant,
        Hidden::Never,
        "mutation { retireAuditResource(input: {name: \"fax\"}) {
            audit_resource { name } messages { field message }
        } }",
    ),
    operation(
        "auditPolicies",
        Wants::Own,
        Hidden::NotFound,
        "query($organization: ID!) {
            auditPolicies(organization_id: $organization) { organization_id }
        }",
    ),
    operation(
        "effectiveAuditPolicy",
        Wants::Own,
        Hidden::NotFound,
        "query($organization: ID!) {
            effectiveAuditPolicy(organization_id: $organization) { recorded { value } }
        }",
    ),
    operation(
        "setAuditPolicy",
        Wants::Own,
        Hidden::Message,
        "mutation($organization: ID!) {
            setAuditPolicy(input: {organization_id: $organization, mask_secrets: true}) {
                audit_policy { organization_id } messages { field message }
            }
        }",
    ),
    operation(
        "removeAuditPolicy",
        Wants::Own,
        Hidden::Message,
        "mutation($organization: ID!) {
            removeAuditPolicy(input: {organization_id: $organization}) {
                audit_policy { organization_id } messages { field message }
            }
        }",
    ),
    operation("sensitiveFields", Wants::OwnTenant, Hidden::Never, "{ sensitiveFields { fields } }"),
    operation(
        "setSensitiveFields",
        Wants::OwnTenant,
        Hidden::Never,
        "mutation { setSensitiveFields(input: {fields: [\"ssn\"]}) {
            sensitive_fields { fields } messages { field message }
        } }",
    ),
    operation(
        "addTimestampNote",
        Wants::Record,
        Hidden::Message,
        "mutation($organization: ID!) { addTimestampNote(input: {
            organization_id: $organization, resource_name: TASK, resource_id: \"1\", text: \"Done\"
        }) { note { id } messages { field message } } }",
    ),
    operation(
        "resourceNotes",
        Wants::View,
        Hidden::NotFound,
        "query($organization: ID) { resourceNotes(
            resource_name: APPOINTMENT, resource_id: \"1\", organization_id: $organization
        ) { nodes { id } } }",
    ),
    operation(
        "statusNoteRules",
        Wants::OwnTenant,
        Hidden::Never,
        "{ statusNoteRules { resource_name } }",
    ),
    operation(
        "setStatusNoteRules",
        Wants::OwnTenant,
        Hidden::Never,
        "mutation { setStatusNoteRules(input: {resource_name: TASK, rules: []}) {
            status_note_rules { resource_name } messages { field message }
        } }",
    ),
    operation("auditPlan", Wants::View, Hidden::Never, "{ auditPlan { name } }"),
    operation("legalHolds", Wants::Own, Hidden::Never, "{ legalHolds { id } }"),
    operation(
        "placeLegalHold",
        Wants::Own,
        Hidden::Message,
        "mutation($organization: ID!) {
            placeLegalHold(input: {organization_id: $organization, reason: \"Doe\"}) {
                legal_hold { id } messages { field message }
            }
        }",
    ),
    operation(
        "releaseLegalHold",
        Wants::Own,
        Hidden::Message,
        "mutation($hold: ID!) { releaseLegalHold(input: {id: $hold}) {
            legal_hold { id } messages { field message }
        } }",
    ),
    operation("auditSettings", Wants::View, Hidden::Never, "{ auditSettings { log_of_reads } }"),
    operation(
        "updateAuditSettings",
        Wants::OwnTenant,
        Hidden::Never,
        "mutation { updateAuditSettings(input: {locale: \"en-GB\"}) {
            audit_settings { locale } messages { field message }
        } }",
    ),
];
