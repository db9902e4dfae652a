//! Administration: organizations, users, memberships, API keys, definitions, plans, legal holds.
//!
//! An owner acts within the part of the tree where they are owner; the operator, at the command
//! line, everywhere. Each change is itself recorded in the tenant's log, in the same transaction.

mod actor;
mod api_keys;
mod definitions;
mod holds;
mod input;
mod note_rules;
mod organizations;
mod plans;
mod policies;
mod settings;
mod users;

pub use actor::Actor;
pub use api_keys::{
    MAX_OVERLAP, Made, NewKey, Rotation, api_keys, create_api_key, delete_api_key, rotate_api_key,
};
pub use definitions::{define, retire};
pub use holds::{NewHold, holds, place_hold, release_hold};
pub use input::{Answer, Message};
pub use note_rules::{NewRule, set_status_note_rules};
pub use organizations::{create_organization, move_organization};
pub use plans::{NewPlan, NewSubscription, assign_plan, define_plan, remove_plan};
pub use policies::{
    Kind, MAX_PATTERNS, NewPolicy, effective_policy, policies_of, remove_policy, sensitive_fields,
    set_policy, set_sensitive_fields,
};
pub use settings::{SettingsChange, update_settings};
pub use users::{NewUser, Rights, RightsChange, create_membership, create_user, update_membership};

use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::error::Result;
use crate::store::Store;

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.map(|(key, value)| (key.to_owned(), value)).into())
}

fn string(text: Option<&str>) -> Json {
    text.map_or(Json::Null, |text| Json::String(text.to_owned()))
}

/// An id of our own making, for what the audited application does not name.
fn random_id(store: &Store) -> Result<Id> {
    let bytes: [u8; 16] = store.random_bytes()?;
    Ok(Id::trusted(format!("{:032x}", u128::from_be_bytes(bytes))))
}
