//! The fields of a kind of record whose values are sensitive.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sensitive_fields")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    /// Empty for every kind of record.
    #[sea_orm(primary_key, auto_increment = false)]
    pub resource_name: String,
    /// Empty for none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub custom_resource: String,
    /// A JSON list of patterns.
    pub fields: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
