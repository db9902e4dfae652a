//! Inserting many rows at once.
//!
//! What columns a table has and of which types, its entity says alone. The texts of the statements are few,
//! however many rows there are, so that each is prepared, and planned, once for a connection.

use std::iter;

use sea_orm::sea_query::{PostgresQueryBuilder, TableBuilder as _, Value};
use sea_orm::{
    ActiveModelTrait, ColumnTrait as _, ConnectionTrait, EntityName as _, EntityTrait,
    IdenStatic as _, Iterable as _, PrimaryKeyToColumn as _, Statement,
};

use super::Backend;
use crate::error::{Error, Result};

/// So many rows PostgreSQL is given at once. More of them are no faster, and there would be as many again
/// in memory, here and there.
const ROWS_OF_ARRAYS: usize = 1_000;

/// So many rows SQLite is given at once: as many as there are left of the first that is not larger.
const ROWS_OF_VALUES: [usize; 4] = [64, 16, 4, 1];

type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;
type Key<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey;

/// Inserts rows, of which every column is set.
pub(super) async fn insert_all<A: ActiveModelTrait>(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    rows: Vec<A>,
) -> Result<()> {
    run(transaction, backend, rows, "").await
}

/// The same; rows that are there with the same keys become these.
pub(super) async fn put_all<A: ActiveModelTrait>(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    rows: Vec<A>,
) -> Result<()> {
    let key: Vec<_> = Key::<A>::iter().map(|key| key.into_column().as_str().to_owned()).collect();
    let others = Column::<A>::iter().map(|column| column.as_str().to_owned());
    let set =
        others.filter(|name| !key.contains(name)).map(|name| format!("{name} = excluded.{name}"));
    let set = set.collect::<Vec<_>>().join(", ");
    let conflict = format!(" ON CONFLICT ({}) DO UPDATE SET {set}", key.join(", "));
    run(transaction, backend, rows, &conflict).await
}

async fn run<A: ActiveModelTrait>(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    rows: Vec<A>,
    conflict: &str,
) -> Result<()> {
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    while left > 0 {
        let size = match backend {
            Backend::Postgres => left.min(ROWS_OF_ARRAYS),
            Backend::Sqlite => {
                ROWS_OF_VALUES.into_iter().find(|size| *size <= left).unwrap_or(left)
            }
        };
        left -= size;
        let rows = rows.by_ref().take(size);
        let (mut sql, values) = match backend {
            Backend::Postgres => (sql_of_arrays::<A>(), arrays(rows)?),
            Backend::Sqlite => (sql_of_values::<A>(size), values(rows)?),
        };
        sql.push_str(conflict);
        transaction.execute_raw(Statement::from_sql_and_values(backend.sea(), sql, values)).await?;
    }
    Ok(())
}

fn value<A: ActiveModelTrait>(row: &mut A, column: Column<A>) -> Result<Value> {
    row.take(column).into_value().ok_or_else(|| missing::<A>(column))
}

fn missing<A: ActiveModelTrait>(column: Column<A>) -> Error {
    Error::internal("inserting rows", format!("no {}", column.as_str()))
}

fn table<A: ActiveModelTrait>() -> &'static str {
    A::Entity::default().table_name()
}

fn names<A: ActiveModelTrait>() -> Vec<&'static str> {
    Column::<A>::iter().map(|column| column.as_str()).collect()
}

/// An INSERT of so many rows of values.
fn sql_of_values<A: ActiveModelTrait>(rows: usize) -> String {
    let columns = names::<A>();
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    let rows: Vec<_> = iter::repeat_n(row.as_str(), rows).collect();
    format!("INSERT INTO {} ({}) VALUES {}", table::<A>(), columns.join(", "), rows.join(", "))
}

fn values<A: ActiveModelTrait>(rows: impl Iterator<Item = A>) -> Result<Vec<Value>> {
    let columns: Vec<_> = Column::<A>::iter().collect();
    let mut values = Vec::with_capacity(rows.size_hint().0 * columns.len());
    for mut row in rows {
        for column in &columns {
            values.push(value(&mut row, *column)?);
        }
    }
    Ok(values)
}

/// An INSERT of an array a column. No element of them is NULL, because SeaORM's values know no such arrays:
/// one more tells, by a bit for each column that may be NULL, whether it is.
fn sql_of_arrays<A: ActiveModelTrait>() -> String {
    let (mut values, mut arrays) = (Vec::new(), Vec::new());
    for (column, bit) in with_bits::<A>() {
        let name = column.as_str();
        values.push(match bit {
            None => name.to_owned(),
            Some(bit) => format!("CASE WHEN nulls & {bit} = 0 THEN {name} END"),
        });
        let mut kind = String::new();
        PostgresQueryBuilder.prepare_column_type(column.def().get_column_type(), &mut kind);
        arrays.push(format!("unnest(${}::{kind}[]) AS {name}", arrays.len() + 1));
    }
    arrays.push(format!("unnest(${}::bigint[]) AS nulls", arrays.len() + 1));
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM (SELECT {}) AS new",
        table::<A>(),
        names::<A>().join(", "),
        values.join(", "),
        arrays.join(", ")
    )
}

/// A table's columns, those that may be NULL each with a bit.
fn with_bits<A: ActiveModelTrait>() -> impl Iterator<Item = (Column<A>, Option<i64>)> {
    let mut bits = (0..i64::BITS - 1).map(|place| 1_i64 << place);
    Column::<A>::iter().map(move |column| {
        let may_be_null = column.def().is_null();
        (column, if may_be_null { bits.next() } else { None })
    })
}

fn arrays<A: ActiveModelTrait>(rows: impl Iterator<Item = A>) -> Result<Vec<Value>> {
    let columns: Vec<_> = with_bits::<A>().collect();
    let size = rows.size_hint().0;
    let mut arrays: Vec<_> = columns.iter().map(|_| Vec::with_capacity(size)).collect();
    let mut nulls = Vec::with_capacity(size);
    for mut row in rows {
        let mut of_row = 0;
        for ((column, bit), array) in columns.iter().zip(&mut arrays) {
            let value = value(&mut row, *column)?;
            if value.is_some() {
                array.push(value);
            } else {
                of_row |= bit.ok_or_else(|| missing::<A>(*column))?;
                array.push(value.dummy_value());
            }
        }
        nulls.push(of_row);
    }
    let array = |values: Vec<Value>| {
        let kind = values.first().map(Value::array_type);
        kind.map(|kind| Value::Array(kind, Some(Box::new(values))))
    };
    let mut all: Vec<Value> = arrays.into_iter().filter_map(array).collect();
    all.push(nulls.into());
    Ok(all)
}
