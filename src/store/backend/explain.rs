//! Asking a database how it runs a statement.

use sea_orm::sea_query::{PostgresQueryBuilder, QueryBuilder as _, Values};
use sea_orm::sqlx::Row as _;
use sea_orm::{ConnectionTrait, QueryResult, Statement};

use super::{Backend, shape};
use crate::error::Result;

impl Backend {
    /// How the database will run a statement, a step a line.
    pub(in crate::store) async fn explain(
        self,
        db: &impl ConnectionTrait,
        mut statement: Statement,
    ) -> Result<String> {
        let (prefix, column) = match self {
            Self::Sqlite => ("EXPLAIN QUERY PLAN ", "detail"),
            Self::Postgres => ("EXPLAIN ", "QUERY PLAN"),
        };
        statement.sql.insert_str(0, prefix);
        let rows = db.query_all_raw(statement).await?;
        let lines = rows.into_iter().map(|row| row.try_get::<String>("", column));
        Ok(lines.collect::<std::result::Result<Vec<_>, _>>()?.join("\n"))
    }

    /// The shape of the database's plan for a statement: nothing of what is asked for is in it.
    pub(in crate::store) async fn shape(
        self,
        db: &impl ConnectionTrait,
        mut statement: Statement,
    ) -> Result<Option<String>> {
        if self == Self::Sqlite {
            let steps = self.explain(db, statement).await?;
            return Ok(Some(shape::of_sqlite(steps.lines())));
        }
        statement.sql.insert_str(0, "EXPLAIN (FORMAT JSON, COSTS OFF) ");
        let row = db.query_one_raw(statement).await?;
        let row = row.as_ref().and_then(QueryResult::try_as_pg_row);
        // It is of the type json, which is text on the wire, and which nothing else here reads.
        let plan = row.and_then(|row| row.try_get_unchecked::<String, _>(0).ok());
        Ok(plan.as_deref().and_then(shape::of_postgres))
    }

    /// How the database ran a statement, a step a line, with how many rows each step read and left out.
    /// SQLite only says how it would.
    pub(in crate::store) async fn run_and_explain(
        self,
        db: &impl ConnectionTrait,
        mut statement: Statement,
    ) -> Result<String> {
        if self == Self::Sqlite {
            return self.explain(db, statement).await;
        }
        let prefix = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) ";
        statement.sql.insert_str(0, prefix);
        let rows = db.query_all_raw(statement).await?;
        let lines = rows.into_iter().map(|row| row.try_get::<String>("", "QUERY PLAN"));
        Ok(lines.collect::<std::result::Result<Vec<_>, _>>()?.join("\n"))
    }

    /// The same by the plan that PostgreSQL keeps for all values. The transaction must end after that.
    pub(in crate::store) async fn run_and_explain_kept(
        self,
        db: &impl ConnectionTrait,
        statement: Statement,
    ) -> Result<String> {
        let Statement { sql, values: Some(Values(values)), .. } = &statement else {
            return self.run_and_explain(db, statement).await;
        };
        if self == Self::Sqlite {
            return self.run_and_explain(db, statement).await;
        }
        db.execute_unprepared("SET LOCAL plan_cache_mode = force_generic_plan").await?;
        db.execute_unprepared(&format!("PREPARE kept AS {sql}")).await?;
        let values = values.iter().map(|value| PostgresQueryBuilder.value_to_string(value));
        let values = values.collect::<Vec<_>>().join(", ");
        let run = Statement::from_string(self.sea(), format!("EXECUTE kept({values})"));
        let explained = self.run_and_explain(db, run).await;
        db.execute_unprepared("DEALLOCATE kept").await?;
        explained
    }
}
