//! The words of descriptions: how they are found, and on SQLite the index that finds them.
//!
//! PostgreSQL indexes the column itself. SQLite has a table beside the events, which this keeps in
//! step: whoever adds events or removes them says so here. Both indexes know single words; what is
//! more than that is looked for in the rows that they lead to.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query as SqlQuery};
use sea_orm::{ColumnTrait as _, ConnectionTrait, Statement, Value};

use super::Backend;
use crate::domain::id::Id;
use crate::domain::words::{Query, Term};
use crate::error::Result;
use crate::store::Transaction;
use crate::store::entity::audit_event::Column;

/// What a row of SQLite's index is numbered by: the tenant's number, and below it the event's.
const SEQUENCE_BITS: u32 = 40;
const SEQUENCE_MASK: i64 = (1 << SEQUENCE_BITS) - 1;

impl Backend {
    /// The events of a tenant whose description is what a query asks for. One without words is as an
    /// empty one.
    pub(in crate::store) fn has_words(self, tenant_id: &Id, query: &Query) -> Condition {
        let contains = |term: &Term| self.contains(Column::DescriptionWords, term.needle());
        let mut condition = Condition::all();
        if query.required().next().is_some() {
            condition = condition.add(match self {
                Self::Sqlite => in_sqlite_index(tenant_id, query),
                Self::Postgres => in_postgres_index(query),
            });
        }
        for term in query.required().filter(|term| term.is_phrase()) {
            condition = condition.add(contains(term));
        }
        for term in query.excluded() {
            let no_words = Column::DescriptionWords.is_null();
            condition = condition.add(Condition::any().add(no_words).add(contains(term).not()));
        }
        condition
    }

    /// Adds the events of a tenant with these numbers to the index, in the transaction that appends
    /// them.
    pub(in crate::store) async fn index_words(
        self,
        transaction: &impl ConnectionTrait,
        tenant_id: &str,
        (first, last): (i64, i64),
    ) -> Result<()> {
        if self == Self::Postgres {
            return Ok(());
        }
        let number = "INSERT INTO word_index_tenants (tenant_id, number)
            SELECT ?, COALESCE(MAX(number), 0) + 1 FROM word_index_tenants WHERE true
            ON CONFLICT (tenant_id) DO NOTHING";
        let words = format!(
            "INSERT INTO audit_event_words (rowid, words)
            SELECT number << {SEQUENCE_BITS} | sequence, description_words
            FROM audit_events JOIN word_index_tenants USING (tenant_id)
            WHERE tenant_id = ? AND sequence BETWEEN ? AND ? AND description_words IS NOT NULL
            ORDER BY sequence"
        );
        let run = async |sql: &str, values: Vec<Value>| {
            let statement = Statement::from_sql_and_values(self.sea(), sql, values);
            transaction.execute_raw(statement).await
        };
        run(number, vec![tenant_id.into()]).await?;
        run(&words, vec![tenant_id.into(), first.into(), last.into()]).await?;
        Ok(())
    }

    /// Removes the events of a tenant with these numbers from the index, in the transaction that
    /// removes them themselves. Those that are not in it do no harm.
    pub async fn forget_words(
        self,
        transaction: &Transaction,
        tenant_id: &Id,
        sequences: &[i64],
    ) -> Result<()> {
        if self == Self::Postgres {
            return Ok(());
        }
        let sql = format!(
            "DELETE FROM audit_event_words WHERE rowid IN (
                SELECT number << {SEQUENCE_BITS} | removed.value
                FROM word_index_tenants, json_each(?) AS removed WHERE tenant_id = ?
            )"
        );
        let list = serde_json::to_string(sequences).unwrap_or_default();
        let values = [list.into(), tenant_id.as_str().into()];
        let statement = Statement::from_sql_and_values(self.sea(), sql, values);
        transaction.execute_raw(statement).await?;
        Ok(())
    }
}

/// The expression is that of the index, and so is the condition before it.
fn in_postgres_index(query: &Query) -> Condition {
    // Nothing in a word has to be escaped: it is letters and digits.
    let words = joined(query, " & ", |word, is_beginning| {
        format!("'{word}'{}", if is_beginning { ":*" } else { "" })
    });
    Condition::all().add(Column::DescriptionWords.is_not_null()).add(Expr::cust_with_values(
        "array_to_tsvector(string_to_array(btrim(description_words), ' ')) @@ $1::tsquery",
        [words],
    ))
}

fn in_sqlite_index(tenant_id: &Id, query: &Query) -> Condition {
    let words = joined(query, " AND ", |word, is_beginning| {
        format!("\"{word}\"{}", if is_beginning { " *" } else { "" })
    });
    let bound = |below| {
        format!(
            "(SELECT number << {SEQUENCE_BITS} | {below} FROM word_index_tenants WHERE tenant_id = ?)"
        )
    };
    let of_tenant = format!("rowid BETWEEN {} AND {}", bound(0), bound(SEQUENCE_MASK));
    let tenant_id = tenant_id.as_str();
    let found = SqlQuery::select()
        .expr(Expr::cust(format!("rowid & {SEQUENCE_MASK}")))
        .from("audit_event_words")
        .and_where(Expr::cust_with_values("audit_event_words MATCH ?", [words]))
        .and_where(Expr::cust_with_values(of_tenant, [tenant_id, tenant_id]))
        .take();
    Condition::all().add(Column::Sequence.in_subquery(found))
}

/// The words of all that must occur, each in the words of a database.
fn joined(query: &Query, and: &str, written: impl Fn(&str, bool) -> String) -> String {
    let words = query.required().flat_map(Term::words);
    let words: Vec<String> =
        words.map(|(word, is_beginning)| written(word, is_beginning)).collect();
    words.join(and)
}
