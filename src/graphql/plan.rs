//! The plan of the requester's tenant over GraphQL.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::Requester;
use super::arguments::viewable;
use super::people::id;
use super::scalar::DateTime;
use crate::domain::id::Id;
use crate::domain::period::Period;
use crate::domain::plan::{Terms, UNLIMITED};
use crate::domain::viewer::Permission;
use crate::error::Result;
use crate::store::Store;

/// The query about the plan.
#[derive(Default)]
pub struct PlanQueries;

/// How far back your tenant's log is shown, and how long it is kept. Periods are ISO 8601, such as
/// `P4M`; null is no limit.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct AuditPlan {
    /// The plan in force: the one that the tenant was given, or the one it has lapsed to.
    name: ID,
    /// What it is, in words.
    description: Option<String>,
    /// How far back the log is shown.
    visible_period: Option<String>,
    /// How long events are kept.
    kept_period: Option<String>,
    /// How long before its beginning the subscription shows and keeps everything.
    subscription_lead: Option<String>,
    /// Since when it is in force; null for a tenant that was given no plan.
    since: Option<DateTime>,
    /// When it ends; null if it does not.
    until: Option<DateTime>,
    /// The plan that follows then.
    lapses_to: Option<ID>,
    /// The plan that it follows, if the tenant's subscription has lapsed.
    lapsed_from: Option<ID>,
    /// Events before this time are not shown; null if all are.
    visible_since: Option<DateTime>,
    /// Events before this time need not be kept, and are purged by full hours unless they are held; null if
    /// all are kept.
    kept_since: Option<DateTime>,
    /// How many legal holds stop purging in the tenant; null for whoever is no owner of all of it.
    legal_holds: Option<i32>,
}

#[Object]
impl PlanQueries {
    /// How far back your tenant's log goes.
    async fn audit_plan(&self, ctx: &Context<'_>) -> Result<Option<AuditPlan>> {
        let store = ctx.data_unchecked::<Store>();
        let scope = viewable(ctx, Permission::ViewResourceHistory).await?;
        let (retention, now) = (&scope.tenant().retention, store.now());
        let subscription = retention.subscription.as_ref();
        let in_force = subscription.map(|subscription| subscription.in_force(now));
        let lapsed = in_force.is_some_and(|in_force| in_force.lapsed);
        let goes_on = subscription.filter(|_| !lapsed);
        let name = in_force.map_or_else(|| Id::trusted(UNLIMITED.to_owned()), |i| i.plan.clone());
        let Terms { visible, kept, lead } = in_force.map(|i| *i.terms).unwrap_or_default();
        let period = |period: Option<Period>| period.map(|period| period.to_string());
        let Requester { viewer, .. } = ctx.data_unchecked::<Requester>();
        let counted = ctx.look_ahead().field("legal_holds").exists() && viewer.owns_tenant();
        let holds = match counted {
            true => Some(store.count_holds(scope.tenant_id()).await?),
            false => None,
        };
        Ok(Some(AuditPlan {
            description: store.plan(&name).await?.and_then(|plan| plan.description),
            name: id(name),
            visible_period: period(visible),
            kept_period: period(kept),
            subscription_lead: period(lead),
            since: in_force.map(|in_force| in_force.since.into()),
            until: goes_on.and_then(|s| s.until).map(DateTime::from),
            lapses_to: goes_on.and_then(|s| s.lapses_to.clone()).map(|(plan, _)| id(plan)),
            lapsed_from: subscription.filter(|_| lapsed).map(|s| id(s.plan.clone())),
            visible_since: scope.visible_since().map(DateTime::from),
            kept_since: retention.kept_since(now).map(DateTime::from),
            legal_holds: holds.map(|holds| i32::try_from(holds).unwrap_or(i32::MAX)),
        }))
    }
}
