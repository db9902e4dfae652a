//! Plans: how far back a tenant's log is shown, and how long it is kept.
//!
//! A plan limits in up to three ways, and all that it has apply: so long is shown, so long is kept,
//! and nothing from longer before the subscription began. Nothing is ever shown that need not be
//! kept, nor, whatever the plan becomes, from when events have been purged: what is shown is whole.

use super::calendar::Unit;
use super::id::Id;
use super::period::Period;
use super::time::Time;

/// The plan of a tenant that was given none: everything is shown and kept.
pub const UNLIMITED: &str = "unlimited";

/// A plan, as the operator defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it is called; unique in the installation.
    pub name: Id,
    /// What it is, in words.
    pub description: Option<String>,
    /// What it limits.
    pub terms: Terms,
    /// The plan that follows when a subscription to this one ends.
    pub lapses_to: Option<Id>,
}

/// What a plan limits; what is `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// How far back the log is shown.
    pub visible: Option<Period>,
    /// How long events are kept.
    pub kept: Option<Period>,
    /// How long before the subscription's beginning the log begins, which then grows without a break.
    pub lead: Option<Period>,
}

/// What a tenant subscribed to. It holds the terms themselves: a plan that is defined anew reaches
/// each tenant with an event in that tenant's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The plan's name.
    pub plan: Id,
    /// The plan's terms.
    pub terms: Terms,
    /// When it began.
    pub since: Time,
    /// When it ends, if it does.
    pub until: Option<Time>,
    /// The plan that follows, and its terms.
    pub lapses_to: Option<(Id, Terms)>,
}

/// What of a subscription is in force at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce<'a> {
    /// The plan's name.
    pub plan: &'a Id,
    /// The plan's terms.
    pub terms: &'a Terms,
    /// Since when they are in force.
    pub since: Time,
    /// Whether it is the plan to which another one lapsed.
    pub lapsed: bool,
}

/// How far back a tenant's log goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// What the tenant subscribed to; unlimited, if nothing.
    pub subscription: Option<Subscription>,
    /// Before this time events have been purged, or are being purged.
    pub purged_before: Option<Time>,
}

impl Terms {
    /// Events before this time need not be kept. `began` is when the terms came into force.
    pub fn kept_since(&self, began: Time, now: Time) -> Option<Time> {
        self.kept.map(|period| period.before(now)).max(self.lead_since(began))
    }

    /// Events before this time are purged. Where that moves on with the time, whole hours go: of a day with a
    /// part of one gone, the hours of a subtree would no longer come to what the day has, and counting would
    /// have to read parts of days.
    pub fn due_before(&self, began: Time, now: Time) -> Option<Time> {
        let kept = self.kept.map(|period| Unit::Hour.begin(period.before(now)));
        kept.max(self.lead_since(began))
    }

    fn lead_since(&self, began: Time) -> Option<Time> {
        self.lead.map(|period| period.before(began))
    }

    /// Events before this time are not shown.
    pub fn visible_since(&self, began: Time, now: Time) -> Option<Time> {
        self.visible.map(|period| period.before(now)).max(self.kept_since(began, now))
    }
}

impl Subscription {
    /// What is in force: from the end of the subscription on, the plan that it lapses to.
    pub fn in_force(&self, now: Time) -> InForce<'_> {
        match (self.until, &self.lapses_to) {
            (Some(until), Some((plan, terms))) if until <= now => {
                InForce { plan, terms, since: until, lapsed: true }
            }
            _ => InForce { plan: &self.plan, terms: &self.terms, since: self.since, lapsed: false },
        }
    }

    /// Whether a plan of this name is a part of it.
    pub fn names(&self, plan: &Id) -> bool {
        self.plan == *plan || self.lapses_to.as_ref().is_some_and(|(lapsed, _)| lapsed == plan)
    }
}

impl Retention {
    /// Events before this time need not be kept; `None` keeps all.
    pub fn kept_since(&self, now: Time) -> Option<Time> {
        let InForce { terms, since, .. } = self.in_force(now)?;
        terms.kept_since(since, now)
    }

    /// Events before this time are purged next; `None` keeps all.
    pub fn due_before(&self, now: Time) -> Option<Time> {
        let InForce { terms, since, .. } = self.in_force(now)?;
        terms.due_before(since, now)
    }

    /// Events before this time are not shown; `None` shows all.
    pub fn visible_since(&self, now: Time) -> Option<Time> {
        let in_force = self.in_force(now);
        let visible = in_force.and_then(|i| i.terms.visible_since(i.since, now));
        visible.max(self.purged_before)
    }

    fn in_force(&self, now: Time) -> Option<InForce<'_>> {
        self.subscription.as_ref().map(|subscription| subscription.in_force(now))
    }
}
