//! Looking rows up by their keys.

use sea_orm::sea_query::Value;
use sea_orm::{EntityTrait, IdenStatic as _, Statement};

use super::Backend;
use crate::error::{Error, Result};

impl Backend {
    /// The rows of a tenant that have one of some keys, of which the lists hold a column each. Every key is
    /// looked up by itself: no plan reads all that the tenant has, whatever the statistics are.
    pub(in crate::store) fn of_keys<E: EntityTrait>(
        self,
        tenant_id: &str,
        keys: impl IntoIterator<Item = (E::Column, Vec<String>)>,
    ) -> Result<Statement> {
        let table = E::default();
        let table = table.table_name();
        let (columns, lists): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
        let columns = columns.iter().map(|column| column.as_str()).enumerate();
        let (sql, values) = match self {
            Self::Postgres => {
                let place = |n: usize| n + 2; // the tenant's is the first
                let (asked, is_key): (Vec<_>, Vec<_>) = columns
                    .map(|(n, name)| {
                        let asked = format!("unnest(${}::text[]) AS key_{n}", place(n));
                        (asked, format!(" AND {name} = key_{n}"))
                    })
                    .unzip();
                // With its limit, the inner one cannot be made anything but the inner one of a loop.
                let sql = format!(
                    "SELECT found.* FROM (SELECT {}) AS asked CROSS JOIN LATERAL (
                        SELECT * FROM {table} WHERE tenant_id = $1{} LIMIT 1) AS found",
                    asked.join(", "),
                    is_key.concat()
                );
                (sql, lists.into_iter().map(Value::from).collect())
            }
            Self::Sqlite => {
                let is_key =
                    columns.map(|(n, name)| format!(" AND {name} = json_each.value->>{n}"));
                // SQLite keeps the order of a CROSS JOIN.
                let sql = format!(
                    "SELECT {table}.* FROM json_each(?2) CROSS JOIN {table} WHERE tenant_id = ?1{}",
                    is_key.collect::<String>()
                );
                let length = lists.first().map_or(0, Vec::len);
                let key = |n| lists.iter().map(move |list| list.get(n)).collect::<Vec<_>>();
                let keys: Vec<_> = (0..length).map(key).collect();
                let keys = serde_json::to_string(&keys)
                    .map_err(|error| Error::internal("looking keys up", error))?;
                (sql, vec![Value::from(keys)])
            }
        };
        let values = std::iter::once(Value::from(tenant_id)).chain(values);
        Ok(Statement::from_sql_and_values(self.sea(), sql, values))
    }
}
