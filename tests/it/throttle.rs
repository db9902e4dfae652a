//! The laws of `domain::throttle`, against a model that remembers everything.

use auditlog::domain::id::Id;
use auditlog::domain::throttle::{Limits, Throttle};
use auditlog::domain::time::Time;
use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::TestClock;

const LIMITS: Limits =
    Limits { window: TimeDelta::seconds(60), per_key: 3, per_tenant: 5, tenants: 100 };

fn id(n: u8) -> Id {
    Id::new(n.to_string()).unwrap()
}

/// What was asked, and whether it was let through.
type Asked = (u8, u8, Time, bool);

/// How many of the tenant, and of one of its keys or all, went through within a minute before.
fn let_through(history: &[Asked], tenant: u8, key: Option<u8>, now: Time) -> usize {
    let lately = |time: Time| time <= now && now < time + TimeDelta::seconds(60);
    let of = |asked: &&Asked| {
        asked.0 == tenant && key.is_none_or(|key| asked.1 == key) && lately(asked.2) && asked.3
    };
    history.iter().filter(of).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn it_lets_through_all_that_is_not_too_much_and_tells_of_the_rest(
        asked in vec((0..3_u8, 0..3_u8, 0..25_i64), 1..120),
    ) {
        let mut throttle = Throttle::new(LIMITS);
        let mut now = TestClock::new().now();
        let mut history: Vec<Asked> = Vec::new();
        let mut untold = [0_u64; 3];
        for (tenant, key, seconds) in asked {
            now += TimeDelta::seconds(seconds);
            let may = let_through(&history, tenant, Some(key), now) < 3
                && let_through(&history, tenant, None, now) < 5;
            let untold = &mut untold[usize::from(tenant)];
            let expected = may.then(|| std::mem::take(untold));
            *untold += u64::from(!may);
            prop_assert_eq!(throttle.ask(&id(tenant), &key.to_string(), now), expected);
            history.push((tenant, key, now, may));
        }
    }
}

#[test]
fn a_clock_put_back_stops_nobody() {
    let mut throttle = Throttle::new(LIMITS);
    let now = TestClock::new().now();
    for _ in 0..3 {
        assert_eq!(throttle.ask(&id(1), "a", now), Some(0));
    }
    assert_eq!(throttle.ask(&id(1), "a", now), None);
    assert_eq!(throttle.ask(&id(1), "a", now - TimeDelta::hours(1)), Some(1));
}

#[test]
fn of_more_tenants_than_it_remembers_it_lets_through_those_it_does() {
    let mut throttle = Throttle::new(Limits { tenants: 2, ..LIMITS });
    let now = TestClock::new().now();
    let later = now + TimeDelta::seconds(30);
    assert_eq!(throttle.ask(&id(1), "a", now), Some(0));
    assert_eq!(throttle.ask(&id(2), "a", later), Some(0));
    assert_eq!(throttle.ask(&id(3), "a", later), None);
    assert_eq!(throttle.ask(&id(1), "a", later), Some(0), "it is remembered");
    // A minute after the first one's last there is room again.
    assert_eq!(throttle.ask(&id(3), "a", later + TimeDelta::seconds(59)), None);
    assert_eq!(throttle.ask(&id(3), "a", later + TimeDelta::seconds(60)), Some(0));
}
