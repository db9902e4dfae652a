//! The last sequence number given out in a tenant.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sequence_heads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    pub last_sequence: i64,
    /// Raised by every change of what the tenant's events are recorded by.
    pub settings_revision: i64,
    /// Raised by every change of the tenant's users, memberships and API keys.
    pub people_revision: i64,
    /// The last number whose event is in the tenant's counts, as are all before it.
    pub counted_sequence: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
