//! The tables, one module each; one set for both databases.

pub mod api_key;
pub mod audit_event;
pub mod audit_policy;
pub mod definition;
pub mod definition_version;
pub mod directory;
pub mod event_count;
pub mod idempotency_record;
pub mod installation_secret;
pub mod legal_hold;
pub mod organization;
pub mod organization_membership;
pub mod plan;
pub mod purge_run;
pub mod search_backlog;
pub mod sensitive_field;
pub mod sequence_head;
pub mod status_note_rule;
pub mod tenant_plan;
pub mod tenant_setting;
pub mod user;
