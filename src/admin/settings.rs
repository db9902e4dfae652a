//! Choosing how a tenant's log is kept.

use super::actor::{Actor, Done};
use super::input::{Answer, Input};
use super::{object, string};
use crate::domain::json::Json;
use crate::domain::kind::{EventType, LogOfReads, ResourceName};
use crate::domain::settings::Settings;
use crate::domain::style::{Locale, Style, Zone};
use crate::error::{Error, Result};
use crate::store::{Store, settings, tenants};

/// What of a tenant's settings is to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct SettingsChange {
    /// See [`Settings::log_of_reads`].
    pub log_of_reads: Option<LogOfReads>,
    /// See [`Settings::style`].
    pub locale: Option<String>,
    /// The same.
    pub time_zone: Option<String>,
}

/// Changes the settings of the actor's tenant, of which they are an owner.
pub async fn update_settings(
    store: &Store,
    actor: &Actor,
    change: SettingsChange,
) -> Result<Answer<Settings>> {
    let SettingsChange { log_of_reads, locale, time_zone } = change;
    let mut input = Input::default();
    let locale = locale.and_then(|name| input.checked("locale", Locale::parse(&name)));
    let zone = time_zone.and_then(|name| input.checked("time_zone", Zone::parse(&name)));
    if !input.is_fine() {
        return Ok(Err(input.messages));
    }
    let Some(scope) = actor.scope() else {
        return Err(Error::bad_input("settings are changed by an owner, through the API"));
    };
    let (actor, tenant_id) = (actor.clone(), scope.tenant_id().clone());
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                // Nobody else changes them meanwhile.
                tenants::lock(transaction, &tenant_id).await?;
                let before = settings::find(transaction, &tenant_id).await?;
                let after = Settings {
                    log_of_reads: log_of_reads.unwrap_or(before.log_of_reads),
                    style: Style {
                        locale: locale.unwrap_or(before.style.locale),
                        zone: zone.unwrap_or_else(|| before.style.zone.clone()),
                    },
                };
                if after == before {
                    return Ok(Ok(after));
                }
                settings::save(transaction, &tenant_id, &after).await?;
                let done = Done {
                    event_type: EventType::Update,
                    resource_name: ResourceName::AuditSettings,
                    resource_id: tenant_id.clone(),
                    organization_id: tenant_id.clone(),
                    before: Some(settings_json(&before)),
                    after: Some(settings_json(&after)),
                };
                actor.record(store, transaction, &tenant_id, done).await?;
                Ok(Ok(after))
            })
        })
        .await
}

fn settings_json(settings: &Settings) -> Json {
    let Settings { log_of_reads, style } = settings;
    object([
        ("log_of_reads", string(Some(log_of_reads.as_str()))),
        ("locale", string(Some(style.locale.name()))),
        ("time_zone", string(Some(style.zone.name()))),
    ])
}
