//! A tenant's own types of events and kinds of records. Versions are only ever added.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::entity::{definition, definition_version};
use super::{Store, Transaction};
use crate::domain::definition::{Content, Definitions, Kind, Known};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::schema::Schema;
use crate::domain::time::Time;
use crate::error::{Error, Result};

/// A tenant's own type of event or kind of record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Since when nothing more is recorded of it.
    pub retired_at: Option<Time>,
    /// The newest version; of a list that was asked for all of them, oldest first, the last one.
    pub versions: Vec<Version>,
}

/// What a definition says from one change to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub number: i64,
    /// What it says.
    pub content: Content,
    /// When it was defined.
    pub defined_at: Time,
    /// Who defined it.
    pub defined_by: Option<Id>,
}

/// Which versions of a definition are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// All of them.
    All,
    /// The newest one.
    Newest,
}

impl TryFrom<definition_version::Model> for Version {
    type Error = Error;

    fn try_from(row: definition_version::Model) -> Result<Self> {
        Ok(Self {
            number: row.version,
            content: Content {
                description: row.description,
                schema: row.metadata_schema.as_deref().map(schema).transpose()?,
            },
            defined_at: row.defined_at,
            defined_by: row.defined_by.map(Id::trusted),
        })
    }
}

impl Version {
    /// How many bytes it takes, about.
    pub fn bytes(&self) -> i64 {
        let Content { description, schema } = &self.content;
        let description = description.as_ref().map_or(0, String::len);
        let schema = schema.as_ref().map_or(0, |schema| schema.to_string().len());
        i64::try_from(100 + description + schema).unwrap_or(i64::MAX)
    }
}

fn schema(text: &str) -> Result<Json> {
    Json::parse(text).map_err(|error| Error::internal("reading a definition's schema", error))
}

impl Store {
    /// A tenant's definitions of one kind, by name; all of them, or the one of a name.
    pub async fn definitions(
        &self,
        tenant_id: &Id,
        kind: Kind,
        only: Option<&str>,
        versions: Versions,
    ) -> Result<Vec<Definition>> {
        let db = self.readers();
        let mut rows = definition::Entity::find()
            .filter(definition::Column::TenantId.eq(tenant_id.as_str()))
            .filter(definition::Column::Kind.eq(kind.as_str()))
            .order_by_asc(definition::Column::Name);
        let mut all = definition_version::Entity::find()
            .filter(definition_version::Column::TenantId.eq(tenant_id.as_str()))
            .filter(definition_version::Column::Kind.eq(kind.as_str()))
            .order_by_asc(definition_version::Column::Version);
        if let Some(name) = only {
            rows = rows.filter(definition::Column::Name.eq(name));
            all = all.filter(definition_version::Column::Name.eq(name));
        }
        if versions == Versions::Newest {
            all = all.filter(is_newest());
        }
        let rows = rows.all(db).await?;
        let mut by_name: HashMap<String, Vec<Version>> = HashMap::new();
        for row in all.all(db).await? {
            by_name.entry(row.name.clone()).or_default().push(row.try_into()?);
        }
        let definitions = rows.into_iter().map(|row| Definition {
            versions: by_name.remove(&row.name).unwrap_or_default(),
            name: row.name,
            retired_at: row.retired_at,
        });
        Ok(definitions.filter(|definition| !definition.versions.is_empty()).collect())
    }
}

/// The condition that a version is the newest one of its definition.
fn is_newest() -> Expr {
    let version = |column| Expr::col((definition_version::Entity, column));
    let of = |column| Expr::col((definition::Entity, column));
    let newest = Query::select()
        .column(definition::Column::Version)
        .from(definition::Entity)
        .and_where(
            of(definition::Column::TenantId).eq(version(definition_version::Column::TenantId)),
        )
        .and_where(of(definition::Column::Kind).eq(version(definition_version::Column::Kind)))
        .and_where(of(definition::Column::Name).eq(version(definition_version::Column::Name)))
        .take();
    version(definition_version::Column::Version).in_subquery(newest)
}

/// All that recording needs of a tenant's definitions. What did not change since `earlier` keeps its
/// compiled schema.
pub(super) async fn known(
    db: &impl ConnectionTrait,
    tenant_id: &Id,
    earlier: Option<&Definitions>,
) -> Result<Definitions> {
    let rows = definition::Entity::find()
        .filter(definition::Column::TenantId.eq(tenant_id.as_str()))
        .all(db)
        .await?;
    let mut known = Definitions::default();
    if rows.is_empty() {
        return Ok(known);
    }
    let newest: Vec<(String, String, Option<String>)> = definition_version::Entity::find()
        .select_only()
        .column(definition_version::Column::Kind)
        .column(definition_version::Column::Name)
        .column(definition_version::Column::MetadataSchema)
        .filter(definition_version::Column::TenantId.eq(tenant_id.as_str()))
        .filter(is_newest())
        .into_tuple()
        .all(db)
        .await?;
    let mut schemas: HashMap<(String, String), String> = newest
        .into_iter()
        .filter_map(|(kind, name, schema)| Some(((kind, name), schema?)))
        .collect();
    for definition::Model { tenant_id: _, kind, name, version, retired_at } in rows {
        let Some(of) = Kind::parse(&kind) else { continue };
        let same = earlier.and_then(|earlier| earlier.get(of, &name));
        let known_schema = match same.filter(|known| known.version == version) {
            Some(same) => same.schema.clone(),
            None => match schemas.remove(&(kind, name.clone())) {
                Some(text) => Some(Arc::new(Schema::trusted(schema(&text)?))),
                None => None,
            },
        };
        known.insert(
            of,
            name,
            Known { version, retired: retired_at.is_some(), schema: known_schema },
        );
    }
    Ok(known)
}

/// The definition of this name with its newest version.
pub async fn find(
    transaction: &Transaction,
    tenant_id: &Id,
    kind: Kind,
    name: &str,
) -> Result<Option<Definition>> {
    let key = (tenant_id.to_string(), kind.as_str().to_owned(), name.to_owned());
    let Some(row) = definition::Entity::find_by_id(key.clone()).one(transaction).await? else {
        return Ok(None);
    };
    let (tenant_id, kind, name) = key;
    let version = definition_version::Entity::find_by_id((tenant_id, kind, name, row.version))
        .one(transaction)
        .await?;
    let versions = version.map(Version::try_from).transpose()?.into_iter().collect();
    Ok(Some(Definition { name: row.name, retired_at: row.retired_at, versions }))
}

/// How many definitions of a kind a tenant has, retired ones too.
pub async fn count(transaction: &Transaction, tenant_id: &Id, kind: Kind) -> Result<u64> {
    Ok(definition::Entity::find()
        .filter(definition::Column::TenantId.eq(tenant_id.as_str()))
        .filter(definition::Column::Kind.eq(kind.as_str()))
        .count(transaction)
        .await?)
}

/// How many bytes all versions of all of a tenant's definitions take, about.
pub async fn bytes(transaction: &Transaction, tenant_id: &Id) -> Result<i64> {
    let sum = Expr::col(definition_version::Column::Bytes).sum().cast_as("bigint");
    let sum: Option<Option<i64>> = definition_version::Entity::find()
        .select_only()
        .expr(sum)
        .filter(definition_version::Column::TenantId.eq(tenant_id.as_str()))
        .into_tuple()
        .one(transaction)
        .await?;
    Ok(sum.flatten().unwrap_or_default())
}

/// Adds a version, which is in force from now on.
pub async fn add(
    transaction: &Transaction,
    tenant_id: &Id,
    kind: Kind,
    name: &str,
    version: &Version,
) -> Result<()> {
    let Content { description, schema } = &version.content;
    let schema = schema.as_ref().map(Json::to_string);
    let definition = definition::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        kind: Set(kind.as_str().to_owned()),
        name: Set(name.to_owned()),
        version: Set(version.number),
        retired_at: Set(None),
    };
    if version.number == 1 {
        definition::Entity::insert(definition).exec_without_returning(transaction).await?;
    } else {
        definition::Entity::update(definition).exec(transaction).await?;
    }
    definition_version::Entity::insert(definition_version::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        kind: Set(kind.as_str().to_owned()),
        name: Set(name.to_owned()),
        version: Set(version.number),
        description: Set(description.clone()),
        bytes: Set(version.bytes()),
        metadata_schema: Set(schema),
        defined_at: Set(version.defined_at),
        defined_by: Set(version.defined_by.as_ref().map(Id::to_string)),
    })
    .exec_without_returning(transaction)
    .await?;
    Ok(())
}

/// Retires a definition: nothing more is recorded of it.
pub async fn retire(
    transaction: &Transaction,
    tenant_id: &Id,
    kind: Kind,
    name: &str,
    at: Time,
) -> Result<()> {
    definition::Entity::update(definition::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        kind: Set(kind.as_str().to_owned()),
        name: Set(name.to_owned()),
        retired_at: Set(Some(at)),
        ..Default::default()
    })
    .exec(transaction)
    .await?;
    Ok(())
}
