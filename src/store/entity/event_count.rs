//! How many events of an organization and all below it there are in an hour, a day or a month.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_counts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: String,
    /// The name of a unit of `domain::calendar`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: String,
    /// Of all kinds.
    pub events: i64,
    /// Of each kind, in the form of `domain::tally::Tally`.
    pub kinds: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
