//! `EventFilter` and `Scope` as a condition: the one translation, for pages, counts and whatever
//! else selects events.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Func};
use sea_orm::{ColumnTrait as _, IntoSimpleExpr as _};

use super::Backend;
use super::entity::audit_event::Column;
use crate::domain::diff::Change;
use crate::domain::filter::{ActingUsers, ChangedValue, EventFilter};
use crate::domain::id::Id;
use crate::domain::page::{MAX_KEY, Order, Place, Position, SortKey, SortedBy};
use crate::domain::policy::RecordType;
use crate::domain::sensitive::Hiding;
use crate::domain::tree::Path;
use crate::domain::viewer::{Descendants, Scope, VisibleOrganizations, Within};

/// The events of a scope that a filter selects.
pub(super) fn condition(backend: Backend, scope: &Scope, filter: &EventFilter) -> Condition {
    beyond(backend, scope, filter, Order::default(), [])
}

/// Those of them that are later in an order than a place, or else earlier.
///
/// On either side there is one bound on the time: given several, SQLite goes by the first one and reads what the
/// others leave out. A place that is a row of an index bounds the time by itself; PostgreSQL is told of that too,
/// so that it leaves whole partitions out.
pub(super) fn beyond<'a>(
    backend: Backend,
    scope: &Scope,
    filter: &EventFilter,
    order: Order,
    places: impl IntoIterator<Item = (&'a Place, bool)>,
) -> Condition {
    let is_by_time = order.is_by_time();
    let mut since = Ord::max(filter.occurred_after, scope.visible_since());
    let mut until = filter.occurred_before;
    let mut sides = Condition::all();
    for (place, later) in places {
        sides = sides.add(side(order, place, later));
        let at = place.position.occurred_at;
        let told = backend.has_partitions().then_some(at);
        match order.is_ascending() == later {
            true if is_by_time && since.is_none_or(|since| at >= since) => since = told,
            false if is_by_time && until.is_none_or(|until| at <= until) => until = told,
            _ => {}
        }
    }
    apart_from_times(backend, scope, filter)
        .add_option(since.map(|time| Column::OccurredAt.gte(time)))
        .add_option(until.map(|time| Column::OccurredAt.lte(time)))
        .add(sides)
}

/// Those that it selects, at any time.
pub(super) fn apart_from_times(backend: Backend, scope: &Scope, filter: &EventFilter) -> Condition {
    selected(in_organizations(backend, scope), backend, scope, filter)
}

/// Those of the scope's whole tenant that it selects, at any time. Whoever asks tells apart which of them the
/// scope holds.
pub(super) fn anywhere(backend: Backend, scope: &Scope, filter: &EventFilter) -> Condition {
    selected(in_tenant(scope), backend, scope, filter)
}

fn selected(within: Condition, backend: Backend, scope: &Scope, filter: &EventFilter) -> Condition {
    let EventFilter {
        acting_users,
        event_types,
        resource_names,
        excluded_resource_names,
        custom_types,
        custom_resources,
        resource_ids,
        outcome,
        purposes,
        changed_field,
        changed_fields: any_changed_field,
        changed_value,
        pages,
        url_prefixes,
        ip_addresses,
        description,
        occurred_after: _,
        occurred_before: _,
        up_to_sequence,
    } = filter;
    let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();

    let acting_users = acting_users.as_ref().map(|users| acting(backend, users));
    let event_types = event_types
        .as_ref()
        .map(|types| names(types.iter().map(|t| t.as_str()).collect()))
        .map(|types| backend.is_one_of(Column::EventType, types));
    let resource_names = resource_names
        .as_ref()
        .map(|resources| names(resources.iter().map(|r| r.as_str()).collect()))
        .map(|resources| backend.is_one_of(Column::ResourceName, resources));
    let excluded = excluded_resource_names
        .as_ref()
        .map(|resources| names(resources.iter().map(|r| r.as_str()).collect()))
        .map(|resources| backend.is_one_of(Column::ResourceName, resources).not());
    Condition::all()
        .add(within)
        .add_option(acting_users)
        .add_option(event_types)
        .add_option(resource_names)
        .add_option(excluded)
        .add_option(
            custom_types.as_ref().map(|names| backend.is_one_of(Column::CustomType, texts(names))),
        )
        .add_option(
            custom_resources
                .as_ref()
                .map(|names| backend.is_one_of(Column::CustomResource, texts(names))),
        )
        .add_option(
            resource_ids.as_ref().map(|ids| backend.is_one_of(Column::ResourceId, texts(ids))),
        )
        .add_option(outcome.map(|outcome| Column::Outcome.eq(outcome.as_str())))
        .add_option(
            purposes.as_ref().map(|names| backend.is_one_of(Column::Purpose, names.clone())),
        )
        .add_option(
            changed_field.as_ref().map(|field| {
                backend.contains(Column::ChangedFields, changed_fields([field.as_str()]))
            }),
        )
        .add_option(any_changed_field.as_ref().map(|fields| {
            let needles = fields.iter().map(|field| changed_fields([field.as_str()])).collect();
            backend.contains_one_of(Column::ChangedFields, needles)
        }))
        .add_option(changed_value.as_ref().map(|value| changed(backend, scope, value)))
        .add_option(pages.as_ref().map(|pages| backend.is_one_of(Column::Page, pages.clone())))
        .add_option(
            url_prefixes
                .as_ref()
                .map(|prefixes| backend.begins_with_one_of(Column::Url, prefixes.clone())),
        )
        .add_option(ip_addresses.as_ref().map(|ranges| backend.is_within(Column::IpKey, ranges)))
        .add_option(description.as_ref().map(|query| backend.has_words(scope.tenant_id(), query)))
        .add_option(up_to_sequence.map(|sequence| Column::Sequence.lte(sequence)))
}

/// The events of a scope.
pub(super) fn in_scope(backend: Backend, scope: &Scope) -> Condition {
    in_organizations(backend, scope)
        .add_option(scope.visible_since().map(|time| Column::OccurredAt.gte(time)))
}

/// The same at any time.
fn in_organizations(backend: Backend, scope: &Scope) -> Condition {
    let everybody = happened_in(backend, scope.organizations());
    let organizations = match (scope.own(), everybody) {
        (None, everybody) => everybody,
        (Some(_), None) => None,
        (Some((user_id, own)), Some(everybody)) => {
            let own = Condition::all()
                .add(Column::ActingUserId.eq(user_id.as_str()))
                .add_option(happened_in(backend, own));
            // Not an OR with nothing, so that it is plainly one range of an index.
            match scope.organizations() {
                VisibleOrganizations::Only(ids) if ids.is_empty() => Some(own),
                _ => Some(Condition::any().add(everybody).add(own)),
            }
        }
    };
    in_tenant(scope).add_option(organizations)
}

/// The events of a scope's tenant.
fn in_tenant(scope: &Scope) -> Condition {
    Condition::all().add(Column::TenantId.eq(scope.tenant_id().as_str()))
}

/// The events of a tenant that happened in some of its organizations; none for all of them.
fn happened_in(backend: Backend, organizations: &VisibleOrganizations) -> Option<Condition> {
    let place = |id: &Id| backend.place_of(Column::OrganizationPath, Path::part(id));
    match organizations {
        VisibleOrganizations::All => None,
        VisibleOrganizations::Only(ids) => {
            Some(Condition::all().add(backend.is_one_of(Column::OrganizationId, texts(ids))))
        }
        VisibleOrganizations::AtEvent { below, within } => {
            let was_below = |id: &Id| place(id).gt(0);
            let below = below.iter().fold(Condition::any(), |any, root| any.add(was_below(root)));
            let within = within.as_ref().map(|Within { id, descendants, roots }| {
                let may_be_named = roots.iter().fold(Condition::any(), |any, root| {
                    any.add(was_below(root).and(place(id).gte(place(root))))
                });
                let alone = (*descendants == Descendants::Without)
                    .then(|| Column::OrganizationId.eq(id.as_str()));
                Condition::all().add(may_be_named).add_option(alone)
            });
            Some(Condition::all().add(below).add_option(within))
        }
    }
}

/// The side of `place` that comes later (or else earlier) in the order, as a comparison of rows: one
/// range of an index, however deep, where an index has the order.
fn side(order: Order, place: &Place, later: bool) -> Condition {
    let Place { keys, position: Position { occurred_at, sequence } } = place;
    let greater = order.is_ascending() == later;
    if order.by() == SortedBy::Sequence {
        let column = Column::Sequence;
        let side = if greater { column.gt(*sequence) } else { column.lt(*sequence) };
        return Condition::all().add(side);
    }
    let row = Expr::tuple(sorted_by(order));
    let position = [Expr::val(*occurred_at), Expr::val(*sequence)];
    let here = Expr::tuple(keys.iter().map(|key| Expr::val(key.as_str())).chain(position));
    Condition::all().add(if greater { row.gt(here) } else { row.lt(here) })
}

/// What an order compares, the first thing first.
pub(super) fn sorted_by(order: Order) -> Vec<Expr> {
    match order.by() {
        SortedBy::Sequence => vec![Column::Sequence.into_simple_expr()],
        SortedBy::Keys(keys) => keys
            .iter()
            .map(|key| sort_key(*key))
            .chain([Column::OccurredAt, Column::Sequence].map(|column| column.into_simple_expr()))
            .collect(),
    }
}

fn sort_key(key: SortKey) -> Expr {
    let or_nothing = |text: Expr| Func::coalesce([text, Expr::val("")]).into();
    match key {
        SortKey::ActingUser => or_nothing(Column::ActingUserId.into_simple_expr()),
        SortKey::Type => Column::EventType.into_simple_expr(),
        SortKey::CustomType => or_nothing(Column::CustomType.into_simple_expr()),
        SortKey::ResourceName => Column::ResourceName.into_simple_expr(),
        SortKey::CustomResource => or_nothing(Column::CustomResource.into_simple_expr()),
        SortKey::ResourceId => Column::ResourceId.into_simple_expr(),
        SortKey::Page => {
            let page = Column::Page.into_simple_expr();
            let compared = Func::cust("substr").args([page, 1.into(), i32::from(MAX_KEY).into()]);
            or_nothing(compared.into())
        }
        SortKey::IpAddress => or_nothing(Column::IpKey.into_simple_expr()),
    }
}

/// A change from or to a value, of those that whoever has the scope may read: this is the one condition
/// on values, and hidden ones meet it no more than values that are not there.
fn changed(backend: Backend, scope: &Scope, value: &ChangedValue) -> Condition {
    let is_of = |kind: &RecordType| {
        let custom = kind.custom_resource.as_ref();
        Condition::all()
            .add(Column::ResourceName.eq(kind.resource_name.as_str()))
            .add_option(custom.map(|name| Column::CustomResource.eq(name.as_str())))
    };
    let hiding = scope.tenant().sensitive_fields.hiding(&value.change());
    let readable = match (happened_in(backend, scope.sensitive()), hiding) {
        (None, _) => None,
        (Some(readable), Hiding::InAll) => Some(readable),
        (Some(_), Hiding::In(kinds)) if kinds.is_empty() => None,
        (Some(readable), Hiding::In(kinds)) => {
            let hidden = kinds.iter().fold(Condition::any(), |any, kind| any.add(is_of(kind)));
            Some(Condition::any().add(readable).add(hidden.not()))
        }
    };
    Condition::all().add_option(readable).add(backend.changed(value))
}

fn acting(backend: Backend, users: &ActingUsers) -> Condition {
    let ActingUsers { ids, or_nobody } = users;
    let nobody = or_nobody.then(|| Column::ActingUserId.is_null());
    if ids.is_empty() && nobody.is_some() {
        // Not an OR with nothing, so that it is plainly one range of the index.
        return Condition::all().add_option(nobody);
    }
    Condition::any().add(backend.is_one_of(Column::ActingUserId, texts(ids))).add_option(nobody)
}

fn texts(ids: &[Id]) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

/// The names of changed fields in one text that can be searched for one of them: each stands between
/// newlines, and a newline inside a name is escaped.
pub(super) fn changed_fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::from("\n");
    for field in fields {
        text.push_str(&field.replace('\\', r"\\").replace('\n', r"\n"));
        text.push('\n');
    }
    text
}

/// The searchable text of an event's changes.
pub(super) fn fields_of(changes: &[Change]) -> String {
    changed_fields(changes.iter().map(|change| change.field.as_str()))
}
