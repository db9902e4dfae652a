//! The tables, one module each; one set for both databases.

pub mod api_key;
pub mod audit_event;
pub mod directory;
pub mod idempotency_record;
pub mod installation_secret;
pub mod organization;
pub mod organization_membership;
pub mod sequence_head;
pub mod user;
