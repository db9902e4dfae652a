//! What must not be purged: an organization, a user or one record.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "legal_holds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: Option<String>,
    pub user_id: Option<String>,
    pub resource_name: Option<String>,
    pub custom_resource: Option<String>,
    pub resource_id: Option<String>,
    pub reason: String,
    pub placed_at: DateTimeUtc,
    pub placed_by: Option<String>,
    pub released_at: Option<DateTimeUtc>,
    pub released_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
