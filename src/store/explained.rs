//! How the database runs what it is asked, and what it holds a careless query to: for showing both.

use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QuerySelect as _, QueryTrait as _,
    Statement,
};

use super::Store;
use super::counts::Question;
use super::entity::{audit_event, idempotency_record};
use super::event_reads::statement;
use super::events::FIRST_ROWS;
use super::plan_choice::Plan;
use super::slow::Asked;
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::domain::page::PageRequest;
use crate::domain::viewer::Scope;
use crate::error::Result;

impl Store {
    /// The steps by which the first rows of a page will be read.
    pub async fn explain(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<String> {
        let first = FIRST_ROWS.min(u64::from(request.limit) + 1);
        let statement = self.statement_of(scope, filter, request, first);
        let db = self.guarded_for(scope.tenant_id(), filter).await?;
        self.backend().explain(&db, statement).await
    }

    /// The steps by which a page was read; each with the rows it read, where the database says so.
    pub async fn explain_page(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<String> {
        let statement = self.statement_of(scope, filter, request, u64::from(request.limit) + 1);
        let db = self.guarded_for(scope.tenant_id(), filter).await?;
        match Plan::of(scope, filter, request.order) {
            Plan::Kept => self.backend().run_and_explain_kept(&db, statement).await,
            Plan::ForTheseValues => self.backend().run_and_explain(&db, statement).await,
        }
    }

    /// How many steps SQLite's machine takes for a page, and for its count; PostgreSQL has none.
    pub async fn steps(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<Option<(u64, u64)>> {
        let readers = &self.database.event_readers;
        let page = self.statement_of(scope, filter, request, u64::from(request.limit) + 1);
        let count = self.statement_that_reads(scope, filter, &Asked::Count);
        Ok(readers.steps(page).await?.zip(readers.steps(count).await?))
    }

    fn statement_of(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
        rows: u64,
    ) -> Statement {
        statement(self.backend(), self.page(scope, filter, request), rows)
    }

    /// What is asked of the database first for something that is read.
    pub(super) fn statement_that_reads(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        asked: &Asked,
    ) -> Statement {
        let sea = self.backend().sea();
        match asked {
            Asked::Page(request) => {
                let first = FIRST_ROWS.min(u64::from(request.limit) + 1);
                self.statement_of(scope, filter, request, first)
            }
            Asked::Beyond(order, place, later) => {
                self.beyond(scope, filter, *order, place, *later).limit(1).build(sea)
            }
            Asked::Count => match Question::of(scope, filter) {
                Some(question) => sea.build(&question.statement(self.backend())),
                None => {
                    let number = audit_event::Column::Sequence;
                    self.select(scope, filter).select_only().expr(number.count()).build(sea)
                }
            },
        }
    }

    /// The same of a count.
    pub async fn explain_count(&self, scope: &Scope, filter: &EventFilter) -> Result<String> {
        let statement = self.statement_that_reads(scope, filter, &Asked::Count);
        let db = match Self::keeps_counts_of(scope, filter) {
            true => self.guarded(scope.tenant_id()).await?,
            false => self.guarded_for(scope.tenant_id(), filter).await?,
        };
        self.backend().run_and_explain(&db, statement).await
    }

    /// Whether the counts that are kept answer how many events there are.
    pub fn keeps_counts_of(scope: &Scope, filter: &EventFilter) -> bool {
        Question::of(scope, filter).is_some()
    }

    /// The steps by which a tenant's earlier events with some of its recorders' ids were looked up.
    pub async fn explain_ids(&self, tenant_id: &Id, ids: Vec<String>) -> Result<String> {
        let keys = [(idempotency_record::Column::ExternalId, ids)];
        let statement =
            self.backend().of_keys::<idempotency_record::Entity>(tenant_id.as_str(), keys)?;
        let db = self.guarded(tenant_id).await?;
        self.backend().run_and_explain(&db, statement).await
    }

    /// How many events there are for a query of this tenant's that forgets its filter: what only the
    /// database's own guard bounds.
    pub async fn count_unfiltered(&self, tenant_id: &Id) -> Result<u64> {
        let db = self.guarded(tenant_id).await?;
        Ok(audit_event::Entity::find().count(&db).await?)
    }
}
