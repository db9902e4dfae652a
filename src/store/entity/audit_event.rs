//! A recorded event.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub occurred_at: DateTimeUtc,
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    pub recorded_at: DateTimeUtc,
    pub external_id: Option<String>,
    pub organization_id: String,
    pub acting_user_id: Option<String>,
    pub event_type: String,
    pub resource_name: String,
    pub resource_id: String,
    /// The names of the changed fields in the form `store::filter` searches.
    pub changed_fields: String,
    /// The changes in the form of `domain::diff::Changes`.
    pub changes: String,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
    pub url: Option<String>,
    pub page: Option<String>,
    pub description: Option<String>,
    pub request_id: Option<String>,
    /// A JSON object as compact text: a JSON column would reorder keys and reformat numbers.
    pub metadata: Option<String>,
    pub outcome: String,
    pub purpose: Option<String>,
    pub custom_type: Option<String>,
    pub custom_type_version: Option<i64>,
    pub custom_resource: Option<String>,
    pub custom_resource_version: Option<i64>,
    /// The address in the form of `domain::network::key`.
    pub ip_key: Option<String>,
    /// The description in the form of `domain::words::normalized`.
    pub description_words: Option<String>,
    /// Where in the tree it was recorded, in the form of `domain::tree::Path`.
    pub organization_path: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
