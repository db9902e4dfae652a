//! How far back a log is shown and kept, by plan, as time goes on: `domain::plan` against a model
//! that counts days.

use std::collections::BTreeSet;

use auditlog::domain::id::Id;
use auditlog::domain::period::Period;
use auditlog::domain::plan::{Retention, Subscription, Terms};
use auditlog::domain::time::{Time, format};
use chrono::TimeDelta;
use proptest::prelude::*;

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn terms(visible: &str, kept: &str, lead: &str) -> Terms {
    let period = |text: &str| (!text.is_empty()).then(|| Period::parse(text).unwrap());
    Terms { visible: period(visible), kept: period(kept), lead: period(lead) }
}

fn free() -> Terms {
    terms("P7D", "P30D", "")
}

fn subscription(plan: &str, since: Time, until: Option<Time>) -> Subscription {
    let (terms, lapses_to) = match plan {
        "free" => (free(), None),
        "subscribed" => (terms("", "", "P30D"), Some((id("free"), free()))),
        "enterprise" => (terms("P4M", "P10Y", ""), None),
        _ => (terms("", "", ""), None),
    };
    Subscription { plan: id(plan), terms, since, until, lapses_to }
}

fn retention(plan: &str, since: &str, until: Option<&str>) -> Retention {
    let until = until.map(|until| until.parse().unwrap());
    let subscription = Some(subscription(plan, since.parse().unwrap(), until));
    Retention { subscription, purged_before: None }
}

#[track_caller]
fn check(retention: &Retention, now: &str, visible: Option<&str>, kept: Option<&str>) {
    let now = now.parse().unwrap();
    let shown = (retention.visible_since(now).map(format), retention.kept_since(now).map(format));
    assert_eq!(shown, (visible.map(str::to_owned), kept.map(str::to_owned)), "at {now}");
}

#[test]
fn without_a_plan_everything_is_shown_and_kept() {
    check(&Retention::default(), "2026-10-15T12:00:00Z", None, None);
    check(
        &retention("unlimited", "2026-10-01T00:00:00Z", None),
        "2026-10-15T12:00:00Z",
        None,
        None,
    );
}

#[test]
fn free_shows_seven_days_and_keeps_thirty() {
    let free = retention("free", "2026-10-01T00:00:00Z", None);
    let (visible, kept) = (Some("2026-10-08T12:00:00Z"), Some("2026-09-15T12:00:00Z"));
    check(&free, "2026-10-15T12:00:00Z", visible, kept);
}

#[test]
fn enterprise_shows_four_months_and_keeps_ten_years() {
    let enterprise = retention("enterprise", "2026-10-01T00:00:00Z", None);
    let (visible, kept) = (Some("2026-06-15T12:00:00Z"), Some("2016-10-15T12:00:00Z"));
    check(&enterprise, "2026-10-15T12:00:00Z", visible, kept);
}

#[test]
fn a_subscription_shows_all_from_thirty_days_before_it_until_it_lapses() {
    let subscribed = retention("subscribed", "2026-10-01T00:00:00Z", Some("2027-10-01T00:00:00Z"));
    let begin = Some("2026-09-01T00:00:00Z");
    check(&subscribed, "2026-10-01T00:00:00Z", begin, begin);
    check(&subscribed, "2027-09-30T23:59:59.999999Z", begin, begin);
    // From its end on it is free.
    let (visible, kept) = (Some("2027-09-24T00:00:00Z"), Some("2027-09-01T00:00:00Z"));
    check(&subscribed, "2027-10-01T00:00:00Z", visible, kept);
    let (visible, kept) = (Some("2027-12-25T00:00:00Z"), Some("2027-12-02T00:00:00Z"));
    check(&subscribed, "2028-01-01T00:00:00Z", visible, kept);
    // A new one begins again thirty days before itself.
    let again = retention("subscribed", "2028-01-01T00:00:00Z", None);
    let begin = Some("2027-12-02T00:00:00Z");
    check(&again, "2030-01-01T00:00:00Z", begin, begin);
}

#[test]
fn nothing_is_shown_that_need_not_be_kept() {
    let since = "2026-10-01T00:00:00Z".parse().unwrap();
    let odd = Subscription {
        terms: terms("P2M", "P10D", "P5D"),
        ..subscription("unlimited", since, None)
    };
    let odd = Retention { subscription: Some(odd), purged_before: None };
    let begin = Some("2026-09-26T00:00:00Z");
    check(&odd, "2026-10-02T00:00:00Z", begin, begin);
    let begin = Some("2026-10-22T00:00:00Z");
    check(&odd, "2026-11-01T00:00:00Z", begin, begin);
}

#[test]
fn a_wider_plan_does_not_show_what_was_purged_in_part() {
    let purged_before = Some("2026-09-15T12:00:00Z".parse().unwrap());
    let wider = Retention { purged_before, ..Retention::default() };
    check(&wider, "2026-10-15T12:00:00Z", Some("2026-09-15T12:00:00Z"), None);
    let wider =
        Retention { purged_before, ..retention("enterprise", "2026-10-15T12:00:00Z", None) };
    let kept = Some("2016-10-15T12:00:00Z");
    check(&wider, "2026-10-15T12:00:00Z", Some("2026-09-15T12:00:00Z"), kept);
    check(
        &wider,
        "2027-10-15T12:00:00Z",
        Some("2027-06-15T12:00:00Z"),
        Some("2017-10-15T12:00:00Z"),
    );
}

const PLANS: [&str; 4] = ["free", "subscribed", "enterprise", "unlimited"];

/// What happens to a tenant, a day an event all the while.
#[derive(Debug, Clone)]
enum Step {
    Wait { days: i64 },
    Assign { plan: &'static str, days_ago: i64, for_days: Option<i64> },
    Purge,
}

fn steps(days_ago: std::ops::Range<i64>) -> impl Strategy<Value = Vec<Step>> {
    let plans = prop::sample::select(&PLANS[..]);
    let until = prop::option::of(1..90_i64);
    let assign = (plans, days_ago, until).prop_map(|(plan, days_ago, for_days)| Step::Assign {
        plan,
        days_ago,
        for_days,
    });
    let wait = (0..60_i64).prop_map(|days| Step::Wait { days });
    prop::collection::vec(prop_oneof![wait, assign, Just(Step::Purge)], 1..20)
}

fn at(day: i64) -> Time {
    "2026-01-01T00:00:00Z".parse::<Time>().unwrap() + TimeDelta::days(day)
}

fn day_of(time: Time) -> i64 {
    (time - at(0)).num_days()
}

/// The model: the days of which there are events, and the plan.
struct Model {
    today: i64,
    there: BTreeSet<i64>,
    plan: &'static str,
    began: i64,
    ends: Option<i64>,
    gone_before: i64,
}

impl Model {
    /// The first day that is shown and the first that is kept.
    fn first_days(&self) -> (i64, i64) {
        const ALL: i64 = -1_000_000;
        let lapsed = self.plan == "subscribed" && self.ends.is_some_and(|end| end <= self.today);
        let (shown, kept) = match self.plan {
            _ if lapsed => (self.today - 7, self.today - 30),
            "free" => (self.today - 7, self.today - 30),
            "subscribed" => (self.began - 30, self.began - 30),
            "enterprise" => {
                let months = at(self.today).checked_sub_months(chrono::Months::new(4)).unwrap();
                // A day that the month lacks is the next one's first.
                let lacks =
                    chrono::Datelike::day(&months) != chrono::Datelike::day(&at(self.today));
                (day_of(months) + i64::from(lacks), ALL)
            }
            _ => (ALL, ALL),
        };
        (shown.max(self.gone_before), kept)
    }
}

/// Runs the steps on both. What is shown must be the same, and whole.
fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut model = Model {
        today: 0,
        there: BTreeSet::new(),
        plan: "unlimited",
        began: 0,
        ends: None,
        gone_before: -1_000_000,
    };
    let mut retention = Retention::default();
    model.there.extend(-400..=0);
    for step in steps {
        match *step {
            Step::Wait { days } => {
                model.there.extend(model.today..=model.today + days);
                model.today += days;
            }
            Step::Assign { plan, days_ago, for_days } => {
                model.plan = plan;
                model.began = model.today - days_ago;
                model.ends = for_days.map(|days| model.began + days);
                let (since, until) = (at(model.began), model.ends.map(at));
                retention.subscription = Some(subscription(plan, since, until));
            }
            Step::Purge => {
                let (_, kept) = model.first_days();
                model.there.retain(|day| *day >= kept);
                model.gone_before = model.gone_before.max(kept);
                retention.purged_before =
                    retention.purged_before.max(retention.due_before(at(model.today)));
            }
        }
        let (shown, kept) = model.first_days();
        let now = at(model.today);
        let visible_since = retention.visible_since(now);
        for day in -400..=model.today {
            let is_shown = visible_since.is_none_or(|since| since <= at(day));
            let is_kept = retention.kept_since(now).is_none_or(|since| since <= at(day));
            prop_assert_eq!(is_shown, day >= shown, "day {} shown, {:?}", day, step);
            prop_assert_eq!(is_kept, day >= kept, "day {} kept, {:?}", day, step);
            prop_assert!(!is_shown || model.there.contains(&day), "day {} is missing", day);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_shown_is_whole_whatever_was_subscribed_to_and_purged(steps in steps(0..90)) {
        run(&steps)?;
    }

    /// Who subscribes without going back in time gets the thirty days before in full, however often
    /// they lapse: that is what free keeps thirty days for.
    #[test]
    fn a_subscription_begins_thirty_days_before_itself_after_any_lapse(
        rounds in prop::collection::vec((1..90_i64, 0..90_i64, any::<bool>()), 1..6),
    ) {
        let mut retention = Retention {
            subscription: Some(subscription("free", at(0), None)),
            purged_before: None,
        };
        let mut today = 0;
        for (lasts, pause, purge) in rounds {
            if purge {
                retention.purged_before = retention.purged_before.max(retention.due_before(at(today)));
            }
            let until = Some(at(today + lasts));
            retention.subscription = Some(subscription("subscribed", at(today), until));
            for day in today..today + lasts {
                prop_assert_eq!(retention.visible_since(at(day)), Some(at(today - 30)));
            }
            prop_assert_eq!(retention.visible_since(at(today + lasts)), Some(at(today + lasts - 7)));
            today += lasts + pause;
        }
    }
}
