//! Events that were recorded before they could be searched: what they are searched by is made up for,
//! once, when the schema is migrated.

use sea_orm::QuerySelect as _;
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::Database;
use super::entity::audit_event::{self, Column};
use super::entity::search_backlog;
use crate::domain::{network, words};
use crate::error::Result;

/// How many events are made up for in one transaction.
const BATCH: i64 = 1_000;

/// Makes up for all there is. It may be broken off at any time and goes on where it was.
pub(super) async fn clear(database: &Database) -> Result<()> {
    let tenants = search_backlog::Entity::find().all(&database.writers).await?;
    for search_backlog::Model { tenant_id, .. } in tenants {
        while clear_some(database, &tenant_id).await? {}
    }
    Ok(())
}

/// Makes up for a batch of a tenant's events; whether there is more.
async fn clear_some(database: &Database, tenant_id: &str) -> Result<bool> {
    let transaction = database.writers.begin(database.backend.write_options()).await?;
    // Another server may be at it too: the lock comes first.
    let backlog = search_backlog::Entity::find_by_id(tenant_id).lock_exclusive();
    let Some(search_backlog::Model { done, last, .. }) = backlog.one(&transaction).await? else {
        return Ok(false);
    };
    let upto = last.min(done + BATCH);
    let is_searched = Condition::any()
        .add(Column::IpAddress.is_not_null())
        .add(Column::Description.is_not_null());
    let events: Vec<(_, i64, Option<String>, Option<String>)> = audit_event::Entity::find()
        .select_only()
        .columns([Column::OccurredAt, Column::Sequence, Column::IpAddress, Column::Description])
        .filter(Column::TenantId.eq(tenant_id))
        .filter(Column::Sequence.gt(done))
        .filter(Column::Sequence.lte(upto))
        .filter(is_searched)
        .into_tuple()
        .all(&transaction)
        .await?;
    for (occurred_at, sequence, ip_address, description) in events {
        let occurred_at: sea_orm::prelude::DateTimeUtc = occurred_at;
        let address = ip_address.and_then(|address| address.parse().ok());
        let words = description.as_deref().and_then(words::normalized);
        audit_event::Entity::update_many()
            .col_expr(Column::IpKey, Expr::val(address.map(network::key)))
            .col_expr(Column::DescriptionWords, Expr::val(words))
            .filter(Column::TenantId.eq(tenant_id))
            .filter(Column::OccurredAt.eq(occurred_at))
            .filter(Column::Sequence.eq(sequence))
            .exec(&transaction)
            .await?;
    }
    database.backend.index_words(&transaction, tenant_id, (done + 1, upto)).await?;
    if upto < last {
        search_backlog::Entity::update(search_backlog::ActiveModel {
            tenant_id: Set(tenant_id.to_owned()),
            done: Set(upto),
            ..Default::default()
        })
        .exec(&transaction)
        .await?;
    } else {
        search_backlog::Entity::delete_by_id(tenant_id).exec(&transaction).await?;
    }
    transaction.commit().await?;
    Ok(upto < last)
}
