//! A tenant's rules for status notes.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

use super::entity::status_note_rule;
use super::policies::{names, record_type};
use super::{Transaction, tenants};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::policy::RecordType;
use crate::domain::status_note::{NoteRules, Rule};
use crate::domain::time::Time;
use crate::error::{Error, Result};

/// All of a tenant's rules.
pub(super) async fn all(db: &impl ConnectionTrait, tenant_id: &Id) -> Result<NoteRules> {
    let rows = status_note_rule::Entity::find()
        .filter(status_note_rule::Column::TenantId.eq(tenant_id.as_str()))
        .all(db)
        .await?;
    let kinds = rows.into_iter().map(|row| {
        let rules = read(&row.rules)?;
        let kind = record_type(row.resource_name, row.custom_resource)?.ok_or_else(corrupt)?;
        Ok((kind, rules))
    });
    Ok(NoteRules::new(kinds.collect::<Result<Vec<_>>>()?))
}

/// The rules for a kind of record.
pub async fn find(
    transaction: &Transaction,
    tenant_id: &Id,
    kind: &RecordType,
) -> Result<Vec<Rule>> {
    let (resource_name, custom_resource) = names(Some(kind));
    let key = (tenant_id.to_string(), resource_name, custom_resource);
    let row = status_note_rule::Entity::find_by_id(key).one(transaction).await?;
    row.map_or_else(|| Ok(Vec::new()), |row| read(&row.rules))
}

/// Stores the rules for a kind of record in place of those before.
pub async fn set(
    transaction: &Transaction,
    tenant_id: &Id,
    kind: &RecordType,
    rules: &[Rule],
    now: Time,
) -> Result<()> {
    let (resource_name, custom_resource) = names(Some(kind));
    if rules.is_empty() {
        let key = (tenant_id.to_string(), resource_name, custom_resource);
        status_note_rule::Entity::delete_by_id(key).exec(transaction).await?;
    } else {
        let rules = Json::Array(rules.iter().map(Rule::to_json).collect());
        let one_each = [
            status_note_rule::Column::TenantId,
            status_note_rule::Column::ResourceName,
            status_note_rule::Column::CustomResource,
        ];
        let changed = [status_note_rule::Column::Rules, status_note_rule::Column::ChangedAt];
        status_note_rule::Entity::insert(status_note_rule::ActiveModel {
            tenant_id: Set(tenant_id.to_string()),
            resource_name: Set(resource_name),
            custom_resource: Set(custom_resource),
            rules: Set(rules.to_string()),
            changed_at: Set(now),
        })
        .on_conflict(OnConflict::columns(one_each).update_columns(changed).to_owned())
        .exec_without_returning(transaction)
        .await?;
    }
    tenants::touch(transaction, tenant_id).await
}

fn read(text: &str) -> Result<Vec<Rule>> {
    let rules = match Json::parse(text) {
        Ok(Json::Array(items)) => items.iter().map(Rule::from_json).collect(),
        _ => None,
    };
    rules.ok_or_else(corrupt)
}

fn corrupt() -> Error {
    Error::internal("reading a tenant's rules", "they are not in the form they are kept in")
}
