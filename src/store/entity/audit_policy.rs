//! What is recorded of a kind of record, as set in an organization.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_policies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: String,
    /// Empty for every kind of record.
    #[sea_orm(primary_key, auto_increment = false)]
    pub resource_name: String,
    /// Empty for none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub custom_resource: String,
    /// In the form of `domain::policy::Policy::to_json`.
    pub policy: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
