//! Plans, and which tenant has which: the operator's to decide. An owner must not be able to shorten
//! how long their own log is kept.

use super::actor::{Actor, Done};
use super::input::{Answer, Input};
use super::{object, string};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::period::Period;
use crate::domain::plan::{Plan, Subscription, Terms, UNLIMITED};
use crate::domain::time::{self, Time};
use crate::error::Result;
use crate::store::{Store, Transaction, plans, tenants};

/// A plan as it is to be.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // as in `Plan`
pub struct NewPlan {
    pub name: String,
    pub description: Option<String>,
    pub visible: Option<String>,
    pub kept: Option<String>,
    pub subscription_lead: Option<String>,
    pub lapses_to: Option<String>,
}

/// What a tenant is to subscribe to.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // as in `Subscription`
pub struct NewSubscription {
    pub tenant_id: String,
    pub plan: String,
    pub since: Option<String>,
    pub until: Option<String>,
}

/// Defines a plan, or defines it anew: then every tenant that has it gets its terms, with an event in
/// its log. Doing it again finishes what was interrupted.
pub async fn define_plan(store: &Store, new: NewPlan) -> Result<Answer<Plan>> {
    let mut input = Input::default();
    let name = input.id("id", new.name);
    let description = input.text("description", new.description);
    let terms = Terms {
        visible: input.period("visible", new.visible),
        kept: input.period("kept", new.kept),
        lead: input.period("subscription_lead", new.subscription_lead),
    };
    let lapses_to = new.lapses_to.and_then(|lapses_to| input.id("lapses_to", lapses_to));
    if name.as_ref().is_some_and(|name| name.as_str() == UNLIMITED) {
        input.mend("id", "is the plan of whoever was given none, and stays without limits");
    }
    if name.is_some() && name == lapses_to {
        input.mend("lapses_to", "is the plan itself");
    }
    let (Some(name), true) = (name, input.is_fine()) else { return Ok(Err(input.messages)) };
    let plan = Plan { name, description, terms, lapses_to };
    let defined = store
        .write(move |_, transaction| {
            Box::pin(async move {
                if let Some(lapses_to) = &plan.lapses_to
                    && plans::find(transaction, lapses_to).await?.is_none()
                {
                    input.mend("lapses_to", "there is no such plan");
                    return Ok(Err(input.messages));
                }
                plans::define(transaction, &plan).await?;
                Ok(Ok(plan))
            })
        })
        .await?;
    if let Ok(plan) = &defined {
        // One transaction each: no tenant's log waits for all the others'.
        for tenant_id in store.tenants_with_plan(&plan.name).await? {
            renew(store, tenant_id).await?;
        }
    }
    Ok(defined)
}

/// Gives a tenant's subscription the terms that its plans have now.
async fn renew(store: &Store, tenant_id: Id) -> Result<()> {
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                tenants::lock(transaction, &tenant_id).await?;
                let Some(before) = plans::subscription(transaction, &tenant_id).await? else {
                    return Ok(());
                };
                let Some(plan) = plans::find(transaction, &before.plan).await? else {
                    return Ok(());
                };
                let after = subscription(transaction, &plan, before.since, before.until).await?;
                change(store, transaction, &tenant_id, Some(before), &after).await
            })
        })
        .await
}

/// Removes a plan that nobody has.
pub async fn remove_plan(store: &Store, name: String) -> Result<Answer<()>> {
    let mut input = Input::default();
    let Some(name) = input.id("id", name) else { return Ok(Err(input.messages)) };
    if name.as_str() == UNLIMITED {
        input.mend("id", "is the plan of whoever was given none");
        return Ok(Err(input.messages));
    }
    store
        .write(move |_, transaction| {
            Box::pin(async move {
                if !plans::lock(transaction, &name).await? {
                    input.mend("id", "there is no such plan");
                }
                let tenants = plans::tenants_with(transaction, &name).await?.len();
                if tenants > 0 {
                    let tenants = plural(tenants, "tenant");
                    input
                        .mend("id", format!("is in use: it is, or will be, the plan of {tenants}"));
                }
                if let Some(other) = plans::lapsing_to(transaction, &name).await?.first() {
                    input.mend("id", format!("is in use: plan {other} lapses to it"));
                }
                if !input.is_fine() {
                    return Ok(Err(input.messages));
                }
                plans::remove(transaction, &name).await?;
                Ok(Ok(()))
            })
        })
        .await
}

/// Gives a tenant a plan. Without a beginning, one that it has already goes on, and another one
/// begins now.
pub async fn assign_plan(store: &Store, new: NewSubscription) -> Result<Answer<Subscription>> {
    let mut input = Input::default();
    let tenant_id = input.id("id", new.tenant_id);
    let plan = input.id("plan", new.plan);
    let since = input.time("since", new.since);
    let until = input.time("until", new.until);
    let now = store.now();
    if since.is_some_and(|since| since > now) {
        input.mend("since", "lies ahead: give the plan when it begins");
    }
    let tenant = match &tenant_id {
        None => None,
        Some(id) => store.organization_anywhere(id).await?,
    };
    match tenant {
        None if tenant_id.is_some() => input.mend("id", "there is no such organization"),
        Some(tenant) if tenant.parent_id.is_some() => {
            input.mend("id", format!("is below {}: a plan is a root's", tenant.tenant_id));
        }
        _ => {}
    }
    let (Some(tenant_id), Some(plan), true) = (tenant_id, plan, input.is_fine()) else {
        return Ok(Err(input.messages));
    };
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                tenants::lock(transaction, &tenant_id).await?;
                let Some(plan) = plans::find(transaction, &plan).await? else {
                    input.mend("plan", "there is no such plan");
                    return Ok(Err(input.messages));
                };
                let before = plans::subscription(transaction, &tenant_id).await?;
                let goes_on = before.as_ref().map(|before| before.in_force(now));
                let goes_on = goes_on.filter(|i| *i.plan == plan.name).map(|i| i.since);
                let since = since.or(goes_on).unwrap_or(now);
                if until.is_some() && plan.lapses_to.is_none() {
                    input.mend("until", "needs a plan that lapses to another one");
                } else if until.is_some_and(|until| until <= since) {
                    input.mend("until", "must be later than the beginning");
                }
                if !input.is_fine() {
                    return Ok(Err(input.messages));
                }
                let after = subscription(transaction, &plan, since, until).await?;
                change(store, transaction, &tenant_id, before, &after).await?;
                Ok(Ok(after))
            })
        })
        .await
}

/// A subscription to a plan, with its terms and those of the plan that follows.
async fn subscription(
    transaction: &Transaction,
    plan: &Plan,
    since: Time,
    until: Option<Time>,
) -> Result<Subscription> {
    let lapses_to = match &plan.lapses_to {
        Some(name) => plans::find(transaction, name).await?,
        None => None,
    };
    Ok(Subscription {
        plan: plan.name.clone(),
        terms: plan.terms,
        since,
        until,
        lapses_to: lapses_to.map(|plan| (plan.name, plan.terms)),
    })
}

/// Stores a tenant's subscription, and records what changed of it.
async fn change(
    store: &Store,
    transaction: &Transaction,
    tenant_id: &Id,
    before: Option<Subscription>,
    after: &Subscription,
) -> Result<()> {
    if before.as_ref() == Some(after) {
        return Ok(());
    }
    plans::assign(transaction, tenant_id, after).await?;
    let done = Done {
        event_type: if before.is_some() { EventType::Update } else { EventType::Create },
        resource_name: ResourceName::AuditPlan,
        resource_id: tenant_id.clone(),
        organization_id: tenant_id.clone(),
        before: before.as_ref().map(json),
        after: Some(json(after)),
    };
    Actor::operator().record(store, transaction, tenant_id, done).await
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn json(subscription: &Subscription) -> Json {
    let Subscription { plan, terms, since, until, lapses_to } = subscription;
    let until = until.map(time::format);
    let lapses_to = lapses_to.as_ref().map_or(Json::Null, |(plan, terms)| named(plan, terms));
    let Json::Object(mut members) = named(plan, terms) else { return Json::Null };
    members.push(("since".to_owned(), string(Some(&time::format(*since)))));
    members.push(("until".to_owned(), string(until.as_deref())));
    members.push(("lapses_to".to_owned(), lapses_to));
    Json::Object(members)
}

fn named(plan: &Id, terms: &Terms) -> Json {
    let Terms { visible, kept, lead } = terms;
    let period = |period: &Option<Period>| string(period.map(|p| p.to_string()).as_deref());
    object([
        ("plan", string(Some(plan.as_str()))),
        ("visible_period", period(visible)),
        ("kept_period", period(kept)),
        ("subscription_lead", period(lead)),
    ])
}
