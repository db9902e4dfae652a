//! Keeping events counted.
//!
//! A tenant's events are counted in the order of their numbers, up to the one that its head names. The
//! transaction that appends the last of some hundreds of new ones counts them all: one row a commit and
//! organization would cost more than the events. Those that are not counted yet are read, by whoever
//! counts, from the index of numbers. All that changes counts holds the tenant's lock, and its rows are
//! written in the order of their keys.
//!
//! An organization's counts are of itself and of all that is below it as the tree stands now, so that a
//! whole subtree is one row. The whole tenant is counted by the hour too, for plans that show what is
//! younger than some days, and so are subtrees of several organizations, of which parts of days would be many
//! events. An hour of a subtree never has more than there are: what was counted before there were so many
//! organizations is not in it, and whatever takes events away gives the hour up. So where all hours of a day
//! come to what the day has, each of them is right, and whoever counts by them looks whether they do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sea_orm::sea_query::{Condition, ExprTrait as _, IntoCondition};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QuerySelect as _,
};

use super::append::lock_head;
use super::entity::event_count::Column as Count;
use super::entity::{audit_event, event_count, sequence_head};
use super::insert::put_all;
use super::partitions::Partition;
use super::uncounted::Known;
use super::{Backend, Store, Transaction, tenants};
use crate::domain::calendar::{Stretch, Unit};
use crate::domain::id::Id;
use crate::domain::organization::Organization;
use crate::domain::tally::Tally;
use crate::domain::time::Time;
use crate::domain::tree::Tree;
use crate::error::{Error, Result};

/// So many events may be left uncounted: about as many are read for a count at most, and the more they
/// are, the less counting costs who records.
const UNCOUNTED: i64 = 500;

/// So many are counted in one transaction at most.
const AT_ONCE: i64 = 10_000;

/// So many where whoever records is not to wait for it long.
const AT_ONCE_BESIDE: i64 = 2_000;

/// A subtree of so many organizations is counted by the hour.
const WITH_HOURS: usize = 5;

/// What is counted of an event: where it is counted, when it happened, and its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    pub organization_id: String,
    pub occurred_at: Time,
    pub resource_name: String,
    pub event_type: String,
}

/// Differences of counts, by organization and period.
type Cells<'a> = BTreeMap<(&'a str, Arc<str>), Tally<'a>>;

impl Store {
    /// Counts all of a tenant's events that are not counted yet, beside whoever records.
    pub async fn settle_counts(&self, tenant_id: &Id) -> Result<()> {
        while self.settle_some(tenant_id).await? > 0 {}
        Ok(())
    }

    /// Counts what was recorded before events were counted, beside all else that is done: several servers
    /// may be at it at once. It may be broken off at any time and goes on where it was.
    pub async fn catch_up_with_counting(&self) -> Result<()> {
        let heads = sequence_head::Entity::find().all(self.readers()).await?;
        let mut outcome = Ok(());
        for head in heads {
            // One tenant's that fails keeps nobody else's from being counted.
            let counted = self.catch_up_with(head).await;
            outcome = outcome.and(counted);
        }
        outcome
    }

    async fn catch_up_with(&self, head: sequence_head::Model) -> Result<()> {
        let mut left = uncounted(&head, head.last_sequence);
        let tenant_id = Id::trusted(head.tenant_id);
        while left >= UNCOUNTED {
            left = self.settle_some(&tenant_id).await?;
        }
        Ok(())
    }

    /// Counts some of a tenant's events; how many are left.
    async fn settle_some(&self, tenant_id: &Id) -> Result<i64> {
        let tenant_id = tenant_id.clone();
        self.write_at_leisure(move |store, transaction| {
            Box::pin(async move {
                let head = lock_head(transaction, &tenant_id).await?;
                let last = head.last_sequence;
                let upto = Ord::min(last, head.counted_sequence + AT_ONCE_BESIDE);
                settle(transaction, store.backend(), &head, upto).await?;
                counted_upto(transaction, &head, upto).await?;
                Ok(last - upto)
            })
        })
        .await
    }
}

const fn uncounted(head: &sequence_head::Model, last: i64) -> i64 {
    last - head.counted_sequence
}

/// Counts a tenant's new events when there are enough of them, up to the last one. Those that are `known` and
/// the `tree`, if it is, need not be read. Returns the last that is counted, which the head is to name, and
/// what is known of the others.
pub(super) async fn keep_up(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    head: &sequence_head::Model,
    last: i64,
    known: Option<Known>,
    tree: Option<&Tree>,
) -> Result<(i64, Option<Known>)> {
    if uncounted(head, last) < UNCOUNTED {
        return Ok((head.counted_sequence, known));
    }
    match (known, tree) {
        (Some(known), Some(tree)) => {
            let tenant_id = Id::trusted(head.tenant_id.clone());
            change(transaction, backend, &tenant_id, tree, &known.events, 1).await?;
            Ok((last, Some(Known::none_after(last))))
        }
        _ => {
            // Twice as many as are new, so that what was not counted before becomes fewer, and whoever
            // records need not wait for all of it.
            let new = last - head.last_sequence;
            let upto = Ord::min(last, head.counted_sequence + 2 * Ord::max(new, UNCOUNTED / 2));
            settle(transaction, backend, head, upto).await?;
            Ok((upto, None))
        }
    }
}

/// Counts more of a tenant's events, if there are any, because some that are not counted were removed: what
/// servers know of those does not hold any more. Returns the last that is counted.
pub(super) async fn move_on(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    head: &sequence_head::Model,
) -> Result<i64> {
    let upto = Ord::min(head.last_sequence, head.counted_sequence + AT_ONCE);
    settle(transaction, backend, head, upto).await?;
    counted_upto(transaction, head, upto).await?;
    Ok(upto)
}

/// Has the head name the last event that is counted.
async fn counted_upto(
    transaction: &impl ConnectionTrait,
    head: &sequence_head::Model,
    upto: i64,
) -> Result<()> {
    sequence_head::Entity::update(sequence_head::ActiveModel {
        tenant_id: Set(head.tenant_id.clone()),
        counted_sequence: Set(upto),
        ..Default::default()
    })
    .exec(transaction)
    .await?;
    Ok(())
}

/// Counts the events up to a number, which the head is to name.
async fn settle(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    head: &sequence_head::Model,
    upto: i64,
) -> Result<()> {
    let is_new = Condition::all()
        .add(audit_event::Column::Sequence.gt(head.counted_sequence))
        .add(audit_event::Column::Sequence.lte(upto));
    let tenant_id = Id::trusted(head.tenant_id.clone());
    let events = found(transaction, &tenant_id, is_new).await?;
    if !events.is_empty() {
        let tree = tenants::tree(transaction, &tenant_id).await?;
        change(transaction, backend, &tenant_id, &tree, &events, 1).await?;
    }
    Ok(())
}

/// What is counted of a tenant's events.
async fn found(
    db: &impl ConnectionTrait,
    tenant_id: &Id,
    condition: Condition,
) -> Result<Vec<Counted>> {
    use audit_event::Column;
    let rows: Vec<(String, Time, String, String)> = audit_event::Entity::find()
        .select_only()
        .columns([
            Column::OrganizationId,
            Column::OccurredAt,
            Column::ResourceName,
            Column::EventType,
        ])
        .filter(Column::TenantId.eq(tenant_id.as_str()))
        .filter(condition)
        .into_tuple()
        .all(db)
        .await?;
    let counted = |(organization_id, occurred_at, resource_name, event_type)| Counted {
        organization_id,
        occurred_at,
        resource_name,
        event_type,
    };
    Ok(rows.into_iter().map(counted).collect())
}

/// Whether what is below an organization is counted by the hour, as long as the tree is this one.
pub(super) fn has_hours(tree: &Tree, tenant_id: &Id, id: &Id) -> bool {
    id == tenant_id || tree.has_so_many(id, WITH_HOURS)
}

/// Counts events so many times more: -1 for those that are removed.
pub(super) async fn change(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    tenant_id: &Id,
    tree: &Tree,
    events: &[Counted],
    times: i64,
) -> Result<()> {
    // First each organization's own in an hour: most of them have several.
    let mut own: HashMap<(&str, i64), Tally<'_>> = HashMap::new();
    for event in events {
        let hour = event.occurred_at.timestamp().div_euclid(3600);
        let tally = own.entry((&event.organization_id, hour)).or_default();
        tally.add(&event.resource_name, &event.event_type, times);
    }
    let ids: BTreeSet<&str> = own.keys().map(|(id, _)| *id).collect();
    let ids: Vec<Id> = ids.into_iter().map(|id| Id::trusted(id.to_owned())).collect();
    let with_hours = |id| (id, has_hours(tree, tenant_id, id));
    let above: HashMap<&str, Vec<(&Id, bool)>> = ids
        .iter()
        .map(|id| {
            let above = counted_in(tree, tenant_id, id);
            (id.as_str(), above.into_iter().map(with_hours).collect())
        })
        .collect();
    let mut names: HashMap<i64, [Arc<str>; 3]> = HashMap::new();
    let mut cells = Cells::new();
    let (mut given_up, mut hours_of_them) = (BTreeSet::new(), BTreeSet::new());
    for ((id, hour), tally) in &own {
        let [hours, days, months] = names.entry(*hour).or_insert_with(|| {
            let time = Time::from_timestamp(hour * 3600, 0).unwrap_or_default();
            [Unit::Hour, Unit::Day, Unit::Month].map(|unit| unit.name(time).into())
        });
        for (organization_id, has_hours) in above.get(id).into_iter().flatten() {
            for period in [&*days, &*months] {
                let cell = cells.entry((organization_id.as_str(), Arc::clone(period)));
                cell.or_default().add_all(tally, 1);
            }
            // Fewer of a subtree's may have been counted by the hour than are removed.
            if times < 0 && *organization_id != tenant_id {
                given_up.insert(*organization_id);
                hours_of_them.insert(hours.to_string());
            } else if *has_hours {
                let cell = cells.entry((organization_id.as_str(), Arc::clone(hours)));
                cell.or_default().add_all(tally, 1);
            }
        }
    }
    apply(transaction, backend, tenant_id, cells).await?;
    let hours = backend.is_one_of(Count::Period, hours_of_them.into_iter().collect());
    let given_up = given_up.into_iter().map(Id::to_string).collect();
    give_up(transaction, backend, tenant_id, given_up, hours).await
}

/// Forgets what some organizations have of some periods.
async fn give_up(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    tenant_id: &Id,
    ids: Vec<String>,
    periods: impl IntoCondition,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    event_count::Entity::delete_many()
        .filter(Count::TenantId.eq(tenant_id.as_str()))
        .filter(backend.is_one_of(Count::OrganizationId, ids))
        .filter(periods)
        .exec(transaction)
        .await?;
    Ok(())
}

/// The organizations that an event of one is counted in.
fn counted_in<'a>(tree: &'a Tree, tenant_id: &'a Id, id: &'a Id) -> Vec<&'a Id> {
    let above: Vec<&Id> = tree.upward(id).collect();
    if above.is_empty() { vec![tenant_id] } else { above }
}

/// Changes what an organization counts on its way from below one to below another.
pub(super) async fn follow_move(
    transaction: &Transaction,
    before: &Tree,
    moved: &Organization,
    parent: &Id,
) -> Result<()> {
    let Organization { tenant_id, id: moved, .. } = moved;
    let backend = Backend::of(transaction);
    let hours = Unit::Hour.span(Stretch::default());
    let by_hour = Condition::all()
        .add(Count::Period.gte(hours.from.as_str()))
        .add(Count::Period.lt(hours.until.as_str()));
    // It may have no hours itself where those above it have.
    let rows = event_count::Entity::find()
        .filter(Count::TenantId.eq(tenant_id.as_str()))
        .filter(Count::OrganizationId.eq(moved.as_str()))
        .filter(by_hour.clone().not())
        .all(transaction)
        .await?;
    let old: Vec<&Id> = before.upward(moved).skip(1).collect();
    let new: Vec<&Id> = before.upward(parent).collect();
    let left = old.iter().filter(|id| !new.contains(id)).map(|id| (*id, -1));
    let joined = new.iter().filter(|id| !old.contains(id)).map(|id| (*id, 1));
    let passed: Vec<(&Id, i64)> = left.chain(joined).collect();
    let mut cells = Cells::new();
    for (id, times) in &passed {
        for row in &rows {
            let cell = cells.entry((id.as_str(), row.period.as_str().into()));
            cell.or_default().add_all(&stored(&row.kinds)?, *times);
        }
    }
    apply(transaction, backend, tenant_id, cells).await?;
    let passed = passed.into_iter().map(|(id, _)| id.to_string()).collect();
    give_up(transaction, backend, tenant_id, passed, by_hour).await
}

impl Store {
    /// Counts a tenant's events of a month anew, from which a partition has gone.
    pub(super) async fn recount(&self, tenant_id: &Id, partition: Partition) -> Result<()> {
        use audit_event::Column;
        let tenant_id = tenant_id.clone();
        self.write_at_leisure(move |store, transaction| {
            Box::pin(async move {
                let head = lock_head(transaction, &tenant_id).await?;
                let counted = move_on(transaction, store.backend(), &head).await?;
                let stretch = Stretch { from: partition.start(), until: partition.end() };
                let spans = [Unit::Hour, Unit::Day, Unit::Month].map(|unit| unit.span(stretch));
                let within = spans.into_iter().fold(Condition::any(), |any, span| {
                    any.add(Count::Period.gte(span.from).and(Count::Period.lt(span.until)))
                });
                event_count::Entity::delete_many()
                    .filter(Count::TenantId.eq(tenant_id.as_str()))
                    .filter(within)
                    .exec(transaction)
                    .await?;
                // Whoever recorded in that month since then has made its partition anew.
                let left = Condition::all()
                    .add(Column::Sequence.lte(counted))
                    .add_option(stretch.from.map(|from| Column::OccurredAt.gte(from)))
                    .add_option(stretch.until.map(|until| Column::OccurredAt.lt(until)));
                let events = found(transaction, &tenant_id, left).await?;
                let tree = tenants::tree(transaction, &tenant_id).await?;
                change(transaction, store.backend(), &tenant_id, &tree, &events, 1).await
            })
        })
        .await
    }
}

/// Adds differences to the counts that are there.
async fn apply(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    tenant_id: &Id,
    mut cells: Cells<'_>,
) -> Result<()> {
    cells.retain(|_, tally| !tally.is_empty());
    if cells.is_empty() {
        return Ok(());
    }
    let keys = cells.keys().map(|(id, period)| ((*id).to_owned(), period.to_string()));
    let (ids, periods): (Vec<_>, Vec<_>) = keys.unzip();
    let keys = [(Count::OrganizationId, ids), (Count::Period, periods)];
    let select = backend.of_keys::<event_count::Entity>(tenant_id.as_str(), keys)?;
    let there = event_count::Entity::find().from_raw_sql(select).all(transaction).await?;
    // From here on they borrow from what is there, too.
    let mut cells: Cells<'_> = cells;
    for row in &there {
        let key = (row.organization_id.as_str(), row.period.as_str().into());
        if let Some(cell) = cells.get_mut(&key) {
            cell.add_all(&stored(&row.kinds)?, 1);
        }
    }
    let (gone, kept): (Cells<'_>, Cells<'_>) =
        cells.into_iter().partition(|(_, tally)| tally.is_empty());
    let mut nothing_in: BTreeMap<Arc<str>, Vec<String>> = BTreeMap::new();
    for (id, period) in gone.into_keys() {
        nothing_in.entry(period).or_default().push(id.to_owned());
    }
    for (period, ids) in nothing_in {
        let period = Count::Period.eq(&*period);
        give_up(transaction, backend, tenant_id, ids, period).await?;
    }
    let rows = kept.iter().map(|((id, period), tally)| event_count::ActiveModel {
        tenant_id: Set(tenant_id.to_string()),
        organization_id: Set((*id).to_owned()),
        period: Set(period.to_string()),
        events: Set(tally.total()),
        kinds: Set(tally.to_stored()),
    });
    put_all(transaction, backend, rows.collect()).await
}

fn stored(kinds: &str) -> Result<Tally<'_>> {
    Tally::stored(kinds).ok_or_else(|| Error::internal("reading counts", "they are malformed"))
}
