//! The laws of `domain::rate`.

use std::time::Duration;

use auditlog::domain::rate::Rate;
use proptest::collection::vec;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn in_any_time_as_many_go_through_as_it_gives_back_and_a_minutes_worth(
        a_minute in 1..20_u64, gaps in vec(0..20_000_u64, 1..120),
    ) {
        let mut rate = Rate::new(a_minute, 10);
        let (mut now, mut through) = (Duration::ZERO, Vec::new());
        for gap in gaps {
            now += Duration::from_millis(gap);
            match rate.ask("somebody", now) {
                Ok(()) => through.push(now),
                Err(wait) => {
                    // It says how long to wait, and no longer than for one.
                    prop_assert!(!wait.is_zero() && wait <= MINUTE.div_f64(a_minute as f64));
                    prop_assert!(through.len() as u64 >= a_minute);
                    let mut later = Rate::new(a_minute, 10);
                    for time in &through {
                        prop_assert_eq!(later.ask("somebody", *time), Ok(()));
                    }
                    prop_assert_eq!(later.ask("somebody", now + wait), Ok(()));
                }
            }
        }
        for (i, start) in through.iter().enumerate() {
            for (j, end) in through.iter().enumerate().skip(i) {
                let given_back = (*end - *start).as_secs_f64() / 60.0 * a_minute as f64;
                prop_assert!((j - i) as f64 <= given_back + a_minute as f64 + 0.001);
            }
        }
    }
}

#[test]
fn it_remembers_no_more_than_it_may_and_forgets_who_is_idle() {
    let mut rate = Rate::new(2, 100);
    for client in 0..1_000 {
        assert_eq!(rate.ask(client, Duration::ZERO), Ok(()));
    }
    assert_eq!(rate.len(), 100);
    // Those it remembers are held still, the others cannot be.
    assert_eq!(rate.ask(0, Duration::ZERO), Ok(()));
    assert_eq!(rate.ask(0, Duration::ZERO), Err(Duration::from_secs(30)));
    assert_eq!(rate.ask(999, Duration::ZERO), Ok(()));
    // Half a minute later all but one of them have their two requests again.
    assert_eq!(rate.ask(999, Duration::from_secs(30)), Ok(()));
    assert_eq!(rate.len(), 2);
}
