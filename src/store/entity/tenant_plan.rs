//! The plan that a tenant has, with its terms.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant_plans")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: String,
    pub plan: String,
    pub visible_period: Option<String>,
    pub kept_period: Option<String>,
    pub subscription_lead: Option<String>,
    pub since: DateTimeUtc,
    pub until: Option<DateTimeUtc>,
    pub lapses_to: Option<String>,
    pub lapsed_visible_period: Option<String>,
    pub lapsed_kept_period: Option<String>,
    pub lapsed_subscription_lead: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
