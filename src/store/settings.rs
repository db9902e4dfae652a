//! The settings of tenants.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait as _, Iterable as _};

use super::entity::tenant_setting;
use super::{Transaction, tenants};
use crate::domain::id::Id;
use crate::domain::kind::LogOfReads;
use crate::domain::settings::Settings;
use crate::domain::style::{Locale, Style, Zone};
use crate::error::{Error, Result};

/// A tenant's settings.
pub async fn find(db: &impl ConnectionTrait, tenant_id: &Id) -> Result<Settings> {
    let row = tenant_setting::Entity::find_by_id(tenant_id.as_str()).one(db).await?;
    let Some(row) = row else { return Ok(Settings::default()) };
    let tenant_setting::Model { tenant_id: _, log_of_reads, locale, time_zone } = row;
    let unknown = |problem| Error::internal("reading a tenant's settings", problem);
    Ok(Settings {
        log_of_reads: LogOfReads::parse(&log_of_reads)
            .ok_or_else(|| unknown("unknown log_of_reads".to_owned()))?,
        style: Style {
            locale: Locale::parse(&locale).map_err(unknown)?,
            zone: Zone::parse(&time_zone).map_err(unknown)?,
        },
    })
}

/// Stores a tenant's settings; from the commit on every server goes by them.
pub async fn save(transaction: &Transaction, tenant_id: &Id, settings: &Settings) -> Result<()> {
    let Settings { log_of_reads, style } = settings;
    tenant_setting::Entity::insert(tenant_setting::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        log_of_reads: Set(log_of_reads.as_str().to_owned()),
        locale: Set(style.locale.name().to_owned()),
        time_zone: Set(style.zone.name().to_owned()),
    })
    .on_conflict(
        OnConflict::column(tenant_setting::Column::TenantId)
            .update_columns(
                tenant_setting::Column::iter()
                    .filter(|column| !matches!(column, tenant_setting::Column::TenantId)),
            )
            .to_owned(),
    )
    .exec_without_returning(transaction)
    .await?;
    tenants::touch(transaction, tenant_id).await
}
