//! Counting events, exactly.
//!
//! Filters by organization, kind of record, type and time are answered from the counts that are kept
//! (`store::tallies`): whole hours, days and months from there, what lies before and after them in a
//! part of an hour or a day, and what is too new to be counted, from the events. Where a large part of the
//! tenant's organizations is asked for, parts of hours and what is too new are read of the whole tenant, one
//! number for each organization, and told apart here: comparing with a long list of ids takes the database
//! longer. It is one statement, so that all of it is of the same moment; where hours turn out not to be kept as
//! a whole, another one goes by days. Other filters are answered by reading what they select.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::sea_query::{
    CommonTableExpression, Condition, Expr, ExprTrait as _, Func, Query, SelectStatement,
    UnionType, WithClause,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryTrait as _,
};
use tokio::time::timeout;

use super::entity::{audit_event, event_count, sequence_head};
use super::slow::What;
use super::{Backend, ReadFor, Store, backend, filter, tallies};
use crate::domain::calendar::{Parts, Span, Stretch, Unit};
use crate::domain::filter::EventFilter;
use crate::domain::id::Id;
use crate::domain::limits::Limit;
use crate::domain::tally::{Kinds, Tally};
use crate::domain::viewer::{Scope, VisibleOrganizations};
use crate::error::{Error, Result};

impl Store {
    /// How many events a scope holds and a filter selects, exactly, however long that takes.
    pub async fn count(&self, scope: &Scope, filter: &EventFilter) -> Result<u64> {
        self.counted(scope, filter, None).await
    }

    /// The same within a limit.
    pub async fn count_within(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        limit: Limit,
    ) -> Result<u64> {
        let time = Duration::from_secs(limit.value());
        match timeout(time, self.counted(scope, filter, Some(time))).await {
            Ok(Err(error)) if backend::is_out_of_time(&error) => Err(limit.exceeded()),
            Ok(counted) => counted,
            Err(_) => Err(limit.exceeded()),
        }
    }

    async fn counted(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        within: Option<Duration>,
    ) -> Result<u64> {
        let look = self.look(scope, filter, What::Count);
        let by_counts = match Question::of(scope, filter) {
            Some(question) => self.count_by_counts(question).await?,
            None => None,
        };
        let count = match by_counts {
            Some(count) => count,
            None => self.count_by_reading(scope, filter, within).await?,
        };
        look.counted(count);
        Ok(count)
    }

    /// Counts by reading every event.
    async fn count_by_reading(
        &self,
        scope: &Scope,
        filter: &EventFilter,
        within: Option<Duration>,
    ) -> Result<u64> {
        let db = self.guarded_for(scope.tenant_id(), filter).await?;
        if let Some(time) = within {
            self.backend().end_after(&db, time).await?;
        }
        let count = self.select(scope, filter).count(&db).await?;
        self.activity().has_read(ReadFor::Count, count);
        Ok(count)
    }

    /// Nothing when the tree is another one by now: what is kept of an organization is of all below it.
    async fn count_by_counts(&self, question: Question<'_>) -> Result<Option<u64>> {
        let answer = match self.ask(&question).await? {
            Answer::TooFewHours => self.ask(&question.by_days()).await?,
            answer => answer,
        };
        match answer {
            Answer::Count(total) => Ok(Some(total)),
            Answer::OfAnotherTree | Answer::TooFewHours => Ok(None),
        }
    }

    async fn ask(&self, question: &Question<'_>) -> Result<Answer> {
        let db = self.guarded(question.scope.tenant_id()).await?;
        let (mut total, mut not_in_hours) = (0, 0);
        for row in db.query_all(&question.statement(self.backend())).await? {
            let (weight, events): (i64, i64) = (row.try_get("", WEIGHT)?, row.try_get("", EVENTS)?);
            if let Some(read) = row.try_get::<Option<String>>("", BY_ORGANIZATION)? {
                total += weight * question.asked_of(&read)?;
                continue;
            }
            match row.try_get::<Option<String>>("", KINDS)?.as_deref() {
                None => total += weight * events,
                Some(REVISION) if events != question.scope.tenant().revision => {
                    return Ok(Answer::OfAnotherTree);
                }
                Some(REVISION) => {}
                Some(CHECK) => not_in_hours += weight * events,
                Some(kinds) => {
                    let tally = Tally::stored(kinds);
                    let tally =
                        tally.ok_or_else(|| Error::internal("counting", "malformed counts"))?;
                    total += weight * tally.of(&question.kinds);
                }
            }
        }
        if not_in_hours != 0 {
            return Ok(Answer::TooFewHours);
        }
        let total = u64::try_from(total);
        total
            .map(Answer::Count)
            .map_err(|_| Error::internal("counting", "there are fewer than none"))
    }
}

/// What the counts that are kept say.
enum Answer {
    Count(u64),
    OfAnotherTree,
    /// Some events of the days are counted by the day only.
    TooFewHours,
}

const WEIGHT: &str = "weight";
const EVENTS: &str = "events";
const KINDS: &str = "kinds";

/// In a row that was read of the whole tenant, how many events there are of each organization, as JSON.
const BY_ORGANIZATION: &str = "by_organization";

/// What was read of the whole tenant.
const READ: &str = "of_whole_tenant";

/// A list of fewer organizations is no trouble.
const LONG_LIST: usize = 20;

/// One in so many of a tenant's organizations, or more, are a large part of them.
const LARGE_PART: usize = 4;

/// Stands for kinds in the row that tells the settings' revision as its events.
const REVISION: &str = "revision";

/// Stands for kinds in the rows that tell how many events are in days, and in all of their hours.
const CHECK: &str = "check";

/// The events that are not counted yet, and those that are but came later than what is asked for.
const UNCOUNTED: &str = "uncounted";
const LATER: &str = "later";

/// What the counts that are kept can answer.
pub(super) struct Question<'a> {
    scope: &'a Scope,
    filter: &'a EventFilter,
    /// Organizations, with all that is below them, to be counted …
    added: Vec<&'a Id>,
    /// … but for these.
    without: Vec<&'a Id>,
    /// The organizations, where they are a large part of the tenant's and no parts of days are read: events are
    /// then read of the whole tenant.
    large_part: Option<&'a [Id]>,
    kinds: Kinds<'a>,
    stretch: Stretch,
    spans: Vec<Span>,
    /// All the spans together.
    middle: Option<Stretch>,
    edges: Vec<Stretch>,
}

impl<'a> Question<'a> {
    pub(super) fn of(scope: &'a Scope, filter: &'a EventFilter) -> Option<Self> {
        let EventFilter {
            acting_users: None,
            event_types,
            resource_names,
            excluded_resource_names,
            custom_types: None,
            custom_resources: None,
            resource_ids: None,
            outcome: None,
            purposes: None,
            changed_field: None,
            changed_fields: None,
            changed_value: None,
            pages: None,
            url_prefixes: None,
            ip_addresses: None,
            description: None,
            occurred_after,
            occurred_before,
            up_to_sequence: _, // what came later is read
        } = filter
        else {
            return None;
        };
        let (added, without) = match (scope.organizations(), scope.own()) {
            (VisibleOrganizations::All, _) => (vec![scope.tenant_id()], Vec::new()),
            (VisibleOrganizations::Only(ids), None) => scope.tenant().tree.bounds(ids),
            _ => return None,
        };
        let kinds = Kinds {
            resource_names: resource_names.as_deref(),
            excluded_resource_names: excluded_resource_names.as_deref(),
            event_types: event_types.as_deref(),
        };
        let has_hours = |id: &Id| tallies::has_hours(&scope.tenant().tree, scope.tenant_id(), id);
        let is_by_hour = without.is_empty() && added.iter().all(|id| has_hours(id));
        let smallest = if is_by_hour { Unit::Hour } else { Unit::Day };
        let since = Ord::max(*occurred_after, scope.visible_since());
        let stretch = Stretch::between(since, *occurred_before);
        let Parts { spans, middle, edges } = stretch.parts(smallest);
        Some(Self {
            scope,
            filter,
            added,
            without,
            large_part: if is_by_hour { large_part(scope) } else { None },
            kinds,
            stretch,
            spans,
            middle,
            edges,
        })
    }

    /// How many events are asked for of those that were read of the whole tenant.
    fn asked_of(&self, by_organization: &str) -> Result<i64> {
        let read: HashMap<String, i64> = serde_json::from_str(by_organization)
            .map_err(|error| Error::internal("counting", error))?;
        let asked = self.large_part.unwrap_or_default().iter();
        Ok(asked.filter_map(|id| read.get(id.as_str())).sum())
    }

    /// The same without any hours.
    fn by_days(self) -> Self {
        let Parts { spans, middle, edges } = self.stretch.parts(Unit::Day);
        Self { spans, middle, edges, large_part: None, ..self }
    }

    /// Rows of numbers and kinds, each to be counted as often as its weight says.
    pub(super) fn statement(&self, backend: Backend) -> SelectStatement {
        let mut with = WithClause::new();
        let mut parts: Vec<SelectStatement> = Vec::new();
        for (ids, weight) in [(&self.added, 1), (&self.without, -1)] {
            for span in self.spans.iter().filter(|_| !ids.is_empty()) {
                parts.push(self.kept(backend, ids, weight, span));
            }
        }
        // The whole tenant's are always all there.
        let by_hour = self.spans.iter().filter(|span| span.unit == Unit::Hour);
        for span in by_hour.filter(|_| self.added != [self.scope.tenant_id()]) {
            let days = span.stretch.in_days();
            for (unit, weight) in [(Unit::Day, 1), (Unit::Hour, -1)] {
                let mut check = sum_of_events(weight, Some(CHECK));
                self.of_span(backend, &self.added, &unit.span(days), &mut check);
                parts.push(check);
            }
        }
        if let Some(middle) = self.middle {
            let (counted, last) =
                (sequence_head::Column::CountedSequence, sequence_head::Column::LastSequence);
            with.cte(self.numbered(UNCOUNTED, self.head(counted), self.head(last)));
            parts.push(self.read(backend, Some(UNCOUNTED), self.filter, middle, 1));
            if let Some(upto) = self.filter.up_to_sequence {
                with.cte(self.numbered(LATER, Expr::val(upto), self.head(counted)));
                let filter = EventFilter { up_to_sequence: None, ..self.filter.clone() };
                parts.push(self.read(backend, Some(LATER), &filter, middle, -1));
            }
        }
        for edge in &self.edges {
            parts.push(self.read(backend, None, self.filter, *edge, 1));
        }
        let mut revision = self.head(sequence_head::Column::SettingsRevision);
        revision = revision.cast_as("bigint");
        parts.push(row(0, revision, label(REVISION), nothing()));
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            all.union(UnionType::All, part);
        }
        if self.middle.is_some() {
            all.with_cte(with);
        }
        all
    }

    /// What is read of the events of a stretch: of all, or of those that a name stands for.
    fn read(
        &self,
        backend: Backend,
        name: Option<&'static str>,
        filter: &EventFilter,
        stretch: Stretch,
        weight: i64,
    ) -> SelectStatement {
        use audit_event::Column;
        let events = Func::count(Expr::col(Column::Sequence));
        let of_stretch = |mut read: SelectStatement, condition| {
            match name {
                None => read.from(audit_event::Entity),
                Some(name) => read.from_as(name, audit_event::Entity),
            };
            read.cond_where(condition).cond_where(within(stretch)).take()
        };
        if self.large_part.is_none() {
            let read = row(weight, events.into(), nothing(), nothing());
            return of_stretch(read, filter::apart_from_times(backend, self.scope, filter));
        }
        let organization = Column::OrganizationId;
        let mut read = Query::select();
        read.column(organization).expr_as(events, EVENTS).group_by_col(organization);
        let read = of_stretch(read, filter::anywhere(backend, self.scope, filter));
        let by_organization = backend.object_of(Expr::col(organization), Expr::col(EVENTS));
        row(weight, number(0), nothing(), by_organization).from_subquery(read, READ).take()
    }

    /// What is kept for some organizations and a span.
    fn kept(&self, backend: Backend, ids: &[&Id], weight: i64, span: &Span) -> SelectStatement {
        let mut kept = match self.kinds.is_all() {
            true => sum_of_events(weight, None),
            false => row(weight, number(0), Expr::col(event_count::Column::Kinds), nothing()),
        };
        self.of_span(backend, ids, span, &mut kept);
        kept
    }

    /// Has a statement select from what is kept for some organizations and a span.
    fn of_span(&self, backend: Backend, ids: &[&Id], span: &Span, select: &mut SelectStatement) {
        use event_count::Column;
        let ids = ids.iter().map(|id| id.to_string()).collect();
        select
            .from(event_count::Entity)
            .and_where(Column::TenantId.eq(self.scope.tenant_id().as_str()))
            .and_where(backend.is_one_of(Column::OrganizationId, ids))
            .and_where(Column::Period.gte(span.from.as_str()))
            .and_where(Column::Period.lt(span.until.as_str()));
    }

    /// The events with a number after one and up to another one. By themselves, so that they are found
    /// by their numbers, of which there are few, whatever else is asked of them.
    fn numbered(&self, name: &'static str, after: Expr, upto: Expr) -> CommonTableExpression {
        use audit_event::Column;
        let columns = [
            Column::TenantId,
            Column::OccurredAt,
            Column::Sequence,
            Column::OrganizationId,
            Column::ResourceName,
            Column::EventType,
        ];
        let numbered = audit_event::Entity::find()
            .filter(Column::TenantId.eq(self.scope.tenant_id().as_str()))
            .filter(Column::Sequence.into_expr().gt(after))
            .filter(Column::Sequence.into_expr().lte(upto));
        let numbered = sea_orm::QuerySelect::select_only(numbered);
        let numbered = sea_orm::QuerySelect::columns(numbered, columns).into_query();
        let mut table = CommonTableExpression::new();
        table.query(numbered).table_name(name).materialized(true);
        table
    }

    fn head(&self, column: sequence_head::Column) -> Expr {
        let head = Query::select()
            .column(column)
            .from(sequence_head::Entity)
            .and_where(sequence_head::Column::TenantId.eq(self.scope.tenant_id().as_str()))
            .take();
        Expr::SubQuery(None, Box::new(head.into()))
    }
}

/// The organizations of a scope, where they are many and a large part of the tenant's. It has nothing else then:
/// no [`Question`] is of one that has its user's own events beside them.
fn large_part(scope: &Scope) -> Option<&[Id]> {
    let of_tenant = scope.tenant().tree.size();
    let is_large = |count: usize| count >= LONG_LIST && count * LARGE_PART >= of_tenant;
    match scope.organizations() {
        VisibleOrganizations::Only(ids) if is_large(ids.len()) => Some(ids),
        _ => None,
    }
}

fn within(Stretch { from, until }: Stretch) -> Condition {
    Condition::all()
        .add_option(from.map(|from| audit_event::Column::OccurredAt.gte(from)))
        .add_option(until.map(|until| audit_event::Column::OccurredAt.lt(until)))
}

/// The sum of what is kept; what stands for its kinds says what it is for.
fn sum_of_events(weight: i64, kinds: Option<&str>) -> SelectStatement {
    let events = Func::sum(Expr::col(event_count::Column::Events));
    let sum = Func::coalesce([events.into(), Expr::val(0)]);
    let sum = Expr::expr(sum).cast_as("bigint");
    row(weight, sum, kinds.map_or_else(nothing, label), nothing())
}

/// The columns that every part of the statement has, in the one order in which they are put together.
fn row(weight: i64, events: Expr, kinds: Expr, by_organization: Expr) -> SelectStatement {
    Query::select()
        .expr_as(number(weight), WEIGHT)
        .expr_as(events, EVENTS)
        .expr_as(kinds, KINDS)
        .expr_as(by_organization, BY_ORGANIZATION)
        .take()
}

fn label(name: &str) -> Expr {
    Expr::cust(format!("'{name}'"))
}

fn number(number: i64) -> Expr {
    Expr::cust(number.to_string()).cast_as("bigint")
}

fn nothing() -> Expr {
    Expr::cust("NULL").cast_as("text")
}
