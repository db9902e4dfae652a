//! Policies and sensitive fields: what a tenant's events are recorded and shown by.
//!
//! Each change is made under the tenant's lock, and makes every server read its settings again.

use sea_orm::ActiveValue::Set as Column;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

use super::entity::{audit_policy, sensitive_field};
use super::{Transaction, tenants};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::ResourceName;
use crate::domain::pattern::{self, Pattern};
use crate::domain::policy::{Policies, Policy, RecordType, Set};
use crate::domain::sensitive::SensitiveFields;
use crate::error::{Error, Result};

/// All policies of a tenant.
pub(super) async fn all(db: &impl ConnectionTrait, tenant_id: &Id) -> Result<Policies> {
    let rows = audit_policy::Entity::find()
        .filter(audit_policy::Column::TenantId.eq(tenant_id.as_str()))
        .all(db)
        .await?;
    let sets = rows.into_iter().map(|row| {
        Ok(Set {
            record_type: record_type(row.resource_name, row.custom_resource)?,
            organization_id: Id::trusted(row.organization_id),
            policy: read(&row.policy, Policy::from_json)?,
        })
    });
    Ok(Policies::new(sets.collect::<Result<_>>()?))
}

/// All sensitive fields of a tenant.
pub(super) async fn all_sensitive(
    db: &impl ConnectionTrait,
    tenant_id: &Id,
) -> Result<SensitiveFields> {
    let rows = sensitive_field::Entity::find()
        .filter(sensitive_field::Column::TenantId.eq(tenant_id.as_str()))
        .all(db)
        .await?;
    let lists = rows.into_iter().map(|row| {
        let fields = read(&row.fields, pattern::from_json)?;
        Ok((record_type(row.resource_name, row.custom_resource)?, fields))
    });
    Ok(SensitiveFields::new(lists.collect::<Result<_>>()?))
}

/// The policy that is set in an organization for a kind of record, or for all. Nobody else changes
/// it until the transaction ends.
pub async fn find(
    transaction: &Transaction,
    tenant_id: &Id,
    organization_id: &Id,
    kind: Option<&RecordType>,
) -> Result<Option<Policy>> {
    tenants::lock(transaction, tenant_id).await?;
    let (name, custom) = names(kind);
    let key = (tenant_id.to_string(), organization_id.to_string(), name, custom);
    let row = audit_policy::Entity::find_by_id(key).one(transaction).await?;
    row.map(|row| read(&row.policy, Policy::from_json)).transpose()
}

/// Sets a policy, in place of the one that was set there.
pub async fn put(transaction: &Transaction, tenant_id: &Id, set: &Set) -> Result<()> {
    use audit_policy::Column as Of;
    let (resource_name, custom_resource) = names(set.record_type.as_ref());
    let row = audit_policy::ActiveModel {
        tenant_id: Column(tenant_id.to_string()),
        organization_id: Column(set.organization_id.to_string()),
        resource_name: Column(resource_name),
        custom_resource: Column(custom_resource),
        policy: Column(set.policy.to_json().to_string()),
    };
    let in_place = OnConflict::columns([
        Of::TenantId,
        Of::OrganizationId,
        Of::ResourceName,
        Of::CustomResource,
    ])
    .update_column(Of::Policy)
    .to_owned();
    audit_policy::Entity::insert(row)
        .on_conflict(in_place)
        .exec_without_returning(transaction)
        .await?;
    tenants::touch(transaction, tenant_id).await
}

/// Takes a policy away.
pub async fn remove(
    transaction: &Transaction,
    tenant_id: &Id,
    organization_id: &Id,
    kind: Option<&RecordType>,
) -> Result<()> {
    let (name, custom) = names(kind);
    let key = (tenant_id.to_string(), organization_id.to_string(), name, custom);
    audit_policy::Entity::delete_by_id(key).exec(transaction).await?;
    tenants::touch(transaction, tenant_id).await
}

/// The fields that are set as sensitive for a kind of record, or for all. Nobody else changes them
/// until the transaction ends.
pub async fn find_sensitive(
    transaction: &Transaction,
    tenant_id: &Id,
    kind: Option<&RecordType>,
) -> Result<Vec<Pattern>> {
    tenants::lock(transaction, tenant_id).await?;
    let (name, custom) = names(kind);
    let key = (tenant_id.to_string(), name, custom);
    let row = sensitive_field::Entity::find_by_id(key).one(transaction).await?;
    row.map_or(Ok(Vec::new()), |row| read(&row.fields, pattern::from_json))
}

/// Sets the sensitive fields of a kind of record, or of all, in place of those that were.
pub async fn put_sensitive(
    transaction: &Transaction,
    tenant_id: &Id,
    kind: Option<&RecordType>,
    fields: &[Pattern],
) -> Result<()> {
    use sensitive_field::Column as Of;
    let (name, custom) = names(kind);
    if fields.is_empty() {
        let key = (tenant_id.to_string(), name, custom);
        sensitive_field::Entity::delete_by_id(key).exec(transaction).await?;
        return tenants::touch(transaction, tenant_id).await;
    }
    let row = sensitive_field::ActiveModel {
        tenant_id: Column(tenant_id.to_string()),
        resource_name: Column(name),
        custom_resource: Column(custom),
        fields: Column(pattern::to_json(fields).to_string()),
    };
    let in_place = OnConflict::columns([Of::TenantId, Of::ResourceName, Of::CustomResource])
        .update_column(Of::Fields)
        .to_owned();
    sensitive_field::Entity::insert(row)
        .on_conflict(in_place)
        .exec_without_returning(transaction)
        .await?;
    tenants::touch(transaction, tenant_id).await
}

/// A kind of record as its two columns, which are empty for what is not said.
pub(super) fn names(kind: Option<&RecordType>) -> (String, String) {
    let Some(RecordType { resource_name, custom_resource }) = kind else {
        return Default::default();
    };
    let custom_resource = custom_resource.as_ref().map(Id::to_string);
    (resource_name.to_string(), custom_resource.unwrap_or_default())
}

/// The kind of record in its two columns; nothing when they are empty.
pub(super) fn record_type(
    resource_name: String,
    custom_resource: String,
) -> Result<Option<RecordType>> {
    if resource_name.is_empty() {
        return Ok(None);
    }
    let resource_name = ResourceName::parse(&resource_name).ok_or_else(corrupt)?;
    let custom_resource = Some(custom_resource).filter(|name| !name.is_empty()).map(Id::trusted);
    Ok(Some(RecordType { resource_name, custom_resource }))
}

fn read<T>(text: &str, from: impl Fn(&Json) -> Option<T>) -> Result<T> {
    Json::parse(text).ok().as_ref().and_then(from).ok_or_else(corrupt)
}

fn corrupt() -> Error {
    Error::internal("reading a tenant's policies", "they are not in the form they are kept in")
}
