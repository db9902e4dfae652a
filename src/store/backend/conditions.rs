//! The conditions, and an aggregate, that the databases have each their own words for.
//!
//! A list is one parameter however long it is, so that a statement is prepared once and no limit on
//! parameters or on the depth of a statement is met. Text is compared to the letter.

use sea_orm::sea_query::extension::postgres::PgFunc;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, Query as SqlQuery, SelectStatement};
use sea_orm::{ColumnTrait, Condition};

use super::Backend;
use crate::domain::filter::{ChangedValue, Value};
use crate::domain::network::Range;
use crate::store::entity::audit_event::Column;

impl Backend {
    /// `haystack` contains `needle`.
    pub(in crate::store) fn contains(self, haystack: impl ColumnTrait, needle: String) -> Expr {
        self.place_of(haystack, needle).gt(0)
    }

    /// Where in `haystack` the first `needle` begins, from 1; 0 where there is none.
    pub(in crate::store) fn place_of(self, haystack: impl ColumnTrait, needle: String) -> Expr {
        let function = match self {
            Self::Sqlite => "instr",
            Self::Postgres => "strpos",
        };
        Func::cust(function).arg(Expr::col(haystack)).arg(needle).into()
    }

    /// `haystack` contains one of `needles`.
    pub(in crate::store) fn contains_one_of(self, haystack: Column, needles: Vec<String>) -> Expr {
        self.exists(
            haystack,
            needles,
            "EXISTS (SELECT 1 FROM json_each(?) AS needle WHERE instr(?, needle.value) > 0)",
            "EXISTS (SELECT 1 FROM unnest($1) AS needle WHERE strpos($2, needle) > 0)",
        )
    }

    /// `column` begins with one of `prefixes`.
    pub(in crate::store) fn begins_with_one_of(
        self,
        column: Column,
        prefixes: Vec<String>,
    ) -> Expr {
        self.exists(
            column,
            prefixes,
            "EXISTS (SELECT 1 FROM json_each(?) AS prefix \
                     WHERE substr(?, 1, length(prefix.value)) = prefix.value)",
            "EXISTS (SELECT 1 FROM unnest($1) AS prefix WHERE starts_with($2, prefix))",
        )
    }

    fn exists(
        self,
        column: Column,
        list: Vec<String>,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Expr {
        let column = Expr::col(column);
        match self {
            Self::Sqlite => Expr::cust_with_exprs(sqlite, [Expr::val(json(&list)), column]),
            Self::Postgres => Expr::cust_with_exprs(postgres, [Expr::val(list), column]),
        }
    }

    /// `column` is one of `values`.
    pub(in crate::store) fn is_one_of(self, column: impl ColumnTrait, values: Vec<String>) -> Expr {
        match (self, values.as_slice()) {
            (_, [only]) => Expr::col(column).eq(only.as_str()),
            (Self::Postgres, _) => Expr::col(column).eq(PgFunc::any(Expr::val(values))),
            (Self::Sqlite, _) => Expr::col(column).in_subquery(json_list(&values)),
        }
    }

    /// The text of a JSON object of rows' keys and values; nothing, or an empty one, of no rows.
    pub(in crate::store) fn object_of(self, key: Expr, value: Expr) -> Expr {
        let function = match self {
            Self::Sqlite => "json_group_object",
            Self::Postgres => "json_object_agg",
        };
        Expr::from(Func::cust(function).args([key, value])).cast_as("text")
    }

    /// The address in `column` is in one of `ranges`.
    pub(in crate::store) fn is_within(self, column: Column, ranges: &[Range]) -> Expr {
        let keys = ranges.iter().map(|range| range.keys());
        let (low, high): (Vec<String>, Vec<String>) = keys.unzip();
        if let ([low], [high]) = (low.as_slice(), high.as_slice()) {
            return Expr::col(column).between(low.as_str(), high.as_str());
        }
        let column = Expr::col(column);
        match self {
            Self::Sqlite => {
                let ranges: Vec<_> = low.into_iter().zip(high).collect();
                Expr::cust_with_exprs(
                    "EXISTS (SELECT 1 FROM json_each(?) AS block \
                             WHERE ? BETWEEN block.value->>0 AND block.value->>1)",
                    [Expr::val(json(&ranges)), column],
                )
            }
            Self::Postgres => Expr::cust_with_exprs(
                "EXISTS (SELECT 1 FROM unnest($1, $2) AS block(low, high) \
                         WHERE $3 BETWEEN block.low AND block.high)",
                [Expr::val(low), Expr::val(high), column],
            ),
        }
    }

    /// A change says what `value` does, and its values were not withheld when it was recorded. The
    /// field's name is looked for by another condition, which spares taking most changes apart.
    pub(in crate::store) fn changed(self, value: &ChangedValue) -> Expr {
        let ChangedValue { field, before, after } = value;
        let mut given = Condition::all()
            .add(match self {
                Self::Sqlite => Expr::cust_with_values("change.value->>0 = ?", [field]),
                Self::Postgres => Expr::cust_with_values("change.value->>0 = $1", [field]),
            })
            // A fourth element says that the values are not the real ones.
            .add(Expr::cust("change.value->3 IS NULL"));
        for (place, value) in [(1, before), (2, after)] {
            given = given.add_option(value.as_ref().map(|value| self.element(place, value)));
        }
        let changes = match self {
            Self::Sqlite => Func::cust("json_each").arg(Expr::col(Column::Changes)),
            Self::Postgres => {
                Func::cust("json_array_elements").arg(Expr::col(Column::Changes).cast_as("json"))
            }
        };
        let found = SqlQuery::select()
            .expr(Expr::val(1))
            .from_function(changes, "change")
            .cond_where(given)
            .take();
        Expr::exists(found)
    }

    /// An element of a stored change is stored as a value may be. JSON's text is the stored one on
    /// both databases, to the digit and with its keys in order.
    fn element(self, place: u8, value: &Value) -> Expr {
        let element = match self {
            Self::Sqlite => format!("change.value->{place}"),
            Self::Postgres => format!("(change.value->{place})::text"),
        };
        Expr::cust(element).is_in(value.stored())
    }
}

fn json(list: &impl serde::Serialize) -> String {
    serde_json::to_string(list).unwrap_or_default()
}

fn json_list(values: &[String]) -> SelectStatement {
    SqlQuery::select()
        .column("value")
        .from_function(Func::cust("json_each").arg(json(&values)), "one_of")
        .take()
}
