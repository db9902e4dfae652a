//! The laws of `domain::period`: spans of the calendar, read as ISO 8601.

use auditlog::domain::period::Period;
use auditlog::domain::time::{Time, format};
use chrono::{DateTime, Datelike as _, NaiveDate};
use proptest::prelude::*;

#[test]
fn accepted() {
    for (given, shown) in [
        ("P7D", "P7D"),
        ("P30D", "P30D"),
        ("P4M", "P4M"),
        ("P10Y", "P10Y"),
        ("P1Y6M", "P1Y6M"),
        ("P18M", "P1Y6M"),
        ("P2W", "P14D"),
        ("P1M2W3D", "P1M17D"),
        ("P0Y7D", "P7D"),
        ("P010000Y", "P10000Y"),
    ] {
        assert_eq!(Period::parse(given).map(|p| p.to_string()).as_deref(), Ok(shown), "{given}");
    }
}

#[test]
fn refused() {
    for given in [
        "",
        "P",
        "7D",
        "p7d",
        "P7",
        "PD",
        "P-7D",
        "P+7D",
        "P7.5D",
        "P7D ",
        "P 7D",
        "P7DT1H",
        "PT1H",
        "P7D1M",
        "P1D1D",
        "P1X",
        "P0D",
        "P0Y0M0D",
        "P10001Y",
        "P4294967297D",
        "P1Ÿ",
        "P999999999Y",
        "P3660001D",
    ] {
        let problem = Period::parse(given).expect_err(given);
        assert!(problem.starts_with("must be an ISO 8601 period of years"), "{given}: {problem}");
    }
}

#[test]
fn a_month_goes_by_the_calendar() {
    for (period, time, before) in [
        ("P4M", "2026-10-15T12:00:00Z", "2026-06-15T12:00:00Z"),
        ("P10Y", "2026-10-15T12:00:00Z", "2016-10-15T12:00:00Z"),
        ("P7D", "2026-10-05T00:00:00Z", "2026-09-28T00:00:00Z"),
        ("P1M", "2026-01-15T00:00:00Z", "2025-12-15T00:00:00Z"),
        // There is no 31 February: it is the beginning of March.
        ("P1M", "2026-03-31T12:00:00Z", "2026-03-01T00:00:00Z"),
        ("P1M", "2026-03-28T12:00:00Z", "2026-02-28T12:00:00Z"),
        ("P10Y", "2028-02-29T12:00:00Z", "2018-03-01T00:00:00Z"),
        ("P4Y", "2028-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
        // The months go first.
        ("P1M1D", "2026-03-31T12:00:00Z", "2026-02-28T00:00:00Z"),
        // Nothing is older than the first year.
        ("P3000Y", "2026-10-15T12:00:00Z", "0001-01-01T00:00:00Z"),
        ("P10000Y", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("P9999Y366D", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z"),
    ] {
        let earlier = Period::parse(period).unwrap().before(time.parse().unwrap());
        assert_eq!(format(earlier), before, "{period} before {time}");
    }
}

/// Times to the second, the ends of months among them more often than chance would have it.
fn times() -> impl Strategy<Value = Time> {
    let any = (0_i64..253_402_300_800).prop_map(|s| DateTime::from_timestamp(s, 0).unwrap());
    let at_an_end = (1..4_000_i32, 1..=12_u32, -3..=1_i64, 0..86_400_i64).prop_map(
        |(year, month, day, second)| {
            let first = NaiveDate::from_ymd_opt(1900 + year / 16, month, 1).unwrap();
            let midnight = first.and_hms_opt(0, 0, 0).unwrap().and_utc();
            midnight + chrono::TimeDelta::days(day) + chrono::TimeDelta::seconds(second)
        },
    );
    prop_oneof![any, at_an_end]
}

proptest! {
    #[test]
    fn a_later_time_never_has_an_earlier_one_before_it(
        (a, b) in (times(), times()), months in 0..200_u32, days in 1..200_u32,
    ) {
        let period = Period::parse(&format!("P{months}M{days}D")).unwrap();
        let (a, b) = (a.min(b), a.max(b));
        prop_assert!(period.before(a) <= period.before(b));
        prop_assert!(period.before(a) < a);
    }

    #[test]
    fn it_is_what_counting_months_by_hand_gives(time in times(), months in 1..200_u32) {
        let period = Period::parse(&format!("P{months}M")).unwrap();
        let (mut year, mut month) = (time.year(), time.month());
        for _ in 0..months {
            (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
        }
        let expected = match NaiveDate::from_ymd_opt(year, month, time.day()) {
            Some(day) => day.and_time(time.time()),
            None if month == 12 => unreachable!("December has 31 days"),
            None => NaiveDate::from_ymd_opt(year, month + 1, 1).unwrap().into(),
        };
        prop_assert_eq!(period.before(time), expected.and_utc());
    }

    #[test]
    fn what_is_shown_is_read_as_the_same(years in 0..100_u32, months in 0..30_u32, days in 1..99_u32) {
        let period = Period::parse(&format!("P{years}Y{months}M{days}D")).unwrap();
        prop_assert_eq!(Period::parse(&period.to_string()), Ok(period));
    }
}
