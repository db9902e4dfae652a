//! How a tenant's log is kept, over GraphQL.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::Requester;
use super::administration::{FieldMessage, split};
use crate::admin::{self, Actor, SettingsChange};
use crate::domain::kind::LogOfReads;
use crate::domain::settings::Settings;
use crate::domain::viewer::Permission;
use crate::error::{Error, Result};
use crate::store::Store;

#[derive(Default)]
pub struct SettingsQuery;

#[derive(Default)]
pub struct SettingsMutation;

/// How your tenant's log is kept.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct AuditSettings {
    /// Which reads of the log leave an event in it.
    log_of_reads: LogOfReads,
    /// The form of dates and times in a record's timeline, such as `de-DE`; `en-US` at first.
    locale: String,
    /// Whose clocks its times are read from, such as `America/New_York`; `UTC` at first.
    time_zone: String,
}

/// What is to change; what is left out stays as it is.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct UpdateAuditSettingsInput {
    /// Which reads of the log leave an event in it.
    log_of_reads: Option<LogOfReads>,
    /// The form of dates and times in a record's timeline, such as `de-DE`.
    locale: Option<String>,
    /// Whose clocks its times are read from, by its name in the IANA time zone database, such as
    /// `America/New_York`.
    time_zone: Option<String>,
}

/// The settings as they are now.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct UpdateAuditSettingsPayload {
    /// The settings; null when something is to be mended.
    audit_settings: Option<AuditSettings>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

impl From<Settings> for AuditSettings {
    fn from(settings: Settings) -> Self {
        let Settings { log_of_reads, style } = settings;
        Self {
            log_of_reads,
            locale: style.locale.name().to_owned(),
            time_zone: style.zone.name().to_owned(),
        }
    }
}

#[Object]
impl SettingsQuery {
    /// How your tenant's log is kept, for whoever may view it.
    async fn audit_settings(&self, ctx: &Context<'_>) -> Result<Option<AuditSettings>> {
        let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
        if !viewer.may(Permission::ViewAuditLog) {
            return Err(Error::forbidden(
                "viewing the settings needs can_view_audit_log or is_owner on a membership",
            ));
        }
        let tenant = ctx.data_unchecked::<Store>().tenant(&viewer.tenant_id).await?;
        Ok(Some(tenant.settings.clone().into()))
    }
}

#[Object]
impl SettingsMutation {
    /// Changes how your tenant's log is kept; for owners of the whole tenant. It works at once, and is
    /// itself recorded.
    async fn update_audit_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateAuditSettingsInput,
    ) -> Result<Option<UpdateAuditSettingsPayload>> {
        let store = ctx.data_unchecked::<Store>();
        let Requester { viewer, context } = ctx.data_unchecked::<Requester>().clone();
        let actor = Actor::tenant_owner(store, viewer, context).await?;
        let UpdateAuditSettingsInput { log_of_reads, locale, time_zone } = input;
        let change = SettingsChange { log_of_reads, locale, time_zone };
        let (settings, messages) = split(admin::update_settings(store, &actor, change).await?);
        Ok(Some(UpdateAuditSettingsPayload {
            audit_settings: settings.map(AuditSettings::from),
            messages,
        }))
    }
}
