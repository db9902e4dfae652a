//! What one run of purging removed of one tenant's log; without an end it was interrupted or goes on.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "purge_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// What happened before this is removed, but for what is held.
    pub kept_since: DateTimeUtc,
    pub removed: i64,
    pub oldest_removed: Option<DateTimeUtc>,
    pub newest_removed: Option<DateTimeUtc>,
    /// The months of the partitions that were dropped whole, each followed by a newline.
    pub partitions: String,
    pub started_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
