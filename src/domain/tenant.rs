//! All that a tenant's events are recorded and read by.

use std::collections::HashMap;
use std::sync::Arc;

use super::definition::Definitions;
use super::id::Id;
use super::organization::Organization;
use super::plan::Retention;
use super::policy::{Policies, RecordType, Rules};
use super::sensitive::SensitiveFields;
use super::settings::Settings;
use super::status_note::NoteRules;
use super::tree::Tree;

/// A tenant as it was set up at one revision. Whatever changes any of it raises the revision, so that
/// two snapshots of one revision are equal.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The root organization.
    pub id: Id,
    /// Which state of the settings this is.
    pub revision: i64,
    /// The organizations.
    pub organizations: HashMap<Id, Organization>,
    /// How they hang together.
    pub tree: Tree,
    /// How its log is kept.
    pub settings: Settings,
    /// How far back the log goes.
    pub retention: Retention,
    /// Its own types of events and kinds of records.
    pub definitions: Definitions,
    /// What is recorded.
    pub policies: Policies,
    /// What not everybody may read.
    pub sensitive_fields: SensitiveFields,
    /// When the server writes status notes.
    pub note_rules: NoteRules,
}

impl Tenant {
    /// What is recorded of a kind of record in an organization.
    pub fn rules(&self, organization_id: &Id, record_type: &RecordType) -> Arc<Rules> {
        self.policies.rules(self.tree.upward(organization_id), record_type)
    }
}
