//! The laws of `domain::pulls`: which page of the log continues one that was logged.

use auditlog::domain::id::Id;
use auditlog::domain::json::Json;
use auditlog::domain::pulls::{Pull, Pulls};
use auditlog::domain::read::Read;
use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::TestClock;

fn read(field: &str, arguments: &str) -> Read {
    let Json::Object(arguments) = Json::parse(arguments).unwrap() else { panic!("{arguments}") };
    Read { field: field.to_owned(), arguments, count: 0, total_count: None }
}

fn pull(tenant: &str, user: &str, read: &Read) -> Pull {
    Pull::of(&Id::new(tenant).unwrap(), &Id::new(user).unwrap(), read)
}

fn numbered(n: u8) -> Pull {
    pull("acme", &n.to_string(), &read("auditLog", "{}"))
}

#[test]
fn pages_of_one_list_are_one_pull() {
    let of = |arguments: &str| pull("acme", "uma", &read("auditLog", arguments));
    let first = of(r#"{"resource_name": "USER", "order_by": "SEQUENCE_ASC", "first": 10}"#);
    for same in [
        r#"{"order_by": "SEQUENCE_ASC", "resource_name": "USER", "first": 10, "after": "x"}"#,
        r#"{"resource_name": "USER", "order_by": "SEQUENCE_ASC", "last": 7, "before": "y"}"#,
        r#"{"resource_name": "USER", "order_by": "SEQUENCE_ASC"}"#,
    ] {
        assert_eq!(of(same), first, "{same}");
    }
    for other in [
        r#"{"resource_name": "USER", "first": 10}"#,
        r#"{"resource_name": "USER", "order_by": "SEQUENCE_DESC"}"#,
        r#"{"resource_name": "TASK", "order_by": "SEQUENCE_ASC"}"#,
        r#"{"resource_name": "USER", "order_by": "SEQUENCE_ASC", "organization_id": "west"}"#,
        r#"{"resource_name": "USER", "order_by": "SEQUENCE_ASC", "acting_user_ids": ["1"]}"#,
    ] {
        assert_ne!(of(other), first, "{other}");
    }
    let same = read("auditLog", r#"{"a": "b"}"#);
    let one = pull("acme", "uma", &same);
    assert_ne!(pull("acme", "ann", &same), one);
    assert_ne!(pull("globex", "uma", &same), one);
    assert_ne!(pull("acme", "uma", &read("resourceHistory", r#"{"a": "b"}"#)), one);
    assert_ne!(pull("acmeu", "ma", &same), pull("acme", "uma", &same), "each text by itself");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// With room for all, it knows exactly those of the last hour; with less room, none but those.
    #[test]
    fn a_pull_is_known_for_an_hour(
        steps in vec((0..6_u8, any::<bool>(), 0..1_500_i64), 1..100),
        most in 1..10_usize,
    ) {
        let (mut all, mut some) = (Pulls::new(1_000), Pulls::new(most));
        let mut now = TestClock::new().now();
        let mut logged = Vec::new();
        for (n, remember, seconds) in steps {
            now += TimeDelta::seconds(seconds);
            let known = logged.iter().any(|(of, time)| *of == n && now - *time < TimeDelta::hours(1));
            prop_assert_eq!(all.was_logged(&numbered(n), now), known);
            prop_assert!(known || !some.was_logged(&numbered(n), now));
            if remember {
                logged.push((n, now));
                all.remember(numbered(n), now);
                some.remember(numbered(n), now);
                prop_assert!(some.was_logged(&numbered(n), now), "the newest stays");
            }
        }
        let kept = (0..6).filter(|n| some.was_logged(&numbered(*n), now)).count();
        prop_assert!(kept <= most);
    }
}

#[test]
fn a_clock_put_back_hides_no_read() {
    let mut pulls = Pulls::new(10);
    let now = TestClock::new().now();
    pulls.remember(numbered(1), now);
    assert!(pulls.was_logged(&numbered(1), now));
    assert!(!pulls.was_logged(&numbered(1), now - TimeDelta::seconds(1)));
}
