//! How the database ran what it was asked, for showing how much it reads.

use sea_orm::{QuerySelect as _, QueryTrait as _};

use super::Store;
use super::counts::Question;
use crate::domain::filter::EventFilter;
use crate::domain::page::PageRequest;
use crate::domain::viewer::Scope;
use crate::error::Result;

impl Store {
    /// The steps by which a page was read; each with the rows it read, where the database says so.
    pub async fn explain_page(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<String> {
        let statement = self.page(scope, filter, request).limit(u64::from(request.limit) + 1);
        let statement = statement.build(self.backend().sea());
        let db = self.guarded_for(scope.tenant_id(), filter).await?;
        self.backend().run_and_explain(&db, statement).await
    }

    /// The same of a count; nothing where no counts are kept that answer it.
    pub async fn explain_count(
        &self,
        scope: &Scope,
        filter: &EventFilter,
    ) -> Result<Option<String>> {
        let Some(question) = Question::of(scope, filter) else { return Ok(None) };
        let statement = self.backend().sea().build(&question.statement(self.backend()));
        let db = self.guarded(scope.tenant_id()).await?;
        self.backend().run_and_explain(&db, statement).await.map(Some)
    }
}
