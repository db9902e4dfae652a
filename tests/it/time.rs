//! The laws of `domain::time`: ISO 8601 with an offset in, RFC 3339 in UTC out, to the microsecond.

use auditlog::domain::time::{format, parse};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeZone as _, Timelike as _};
use proptest::prelude::*;

#[test]
fn accepted() {
    for (given, answered) in [
        // The contract's own, and a date alone.
        ("2026-10-02T09:30:00-04:00", "2026-10-02T13:30:00Z"),
        ("2026-10-02", "2026-10-02T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        // The spellings RFC 3339 and ISO 8601 leave open.
        ("2026-10-02T13:30:00Z", "2026-10-02T13:30:00Z"),
        ("2026-10-02t13:30:00z", "2026-10-02T13:30:00Z"),
        ("2026-10-02 13:30:00Z", "2026-10-02T13:30:00Z"),
        ("2026-10-02T13:30:00-00:00", "2026-10-02T13:30:00Z"),
        ("2026-10-02T13:30:00+0530", "2026-10-02T08:00:00Z"),
        ("2026-10-02T13:30:00+05", "2026-10-02T08:30:00Z"),
        ("2026-10-02T13:30:00.25-05", "2026-10-02T18:30:00.250Z"),
        ("2026-10-02T13:30Z", "2026-10-02T13:30:00Z"),
        ("2026-10-02T13:30+05:30", "2026-10-02T08:00:00Z"),
        ("2026-10-02T13:30:00+23:59", "2026-10-01T13:31:00Z"),
        // The fraction only when it is not zero; finer than a microsecond is cut, not rounded.
        ("2026-10-02T13:30:00.000Z", "2026-10-02T13:30:00Z"),
        ("2026-10-02T13:30:00.5Z", "2026-10-02T13:30:00.500Z"),
        ("2026-10-02T13:30:00.1234Z", "2026-10-02T13:30:00.123400Z"),
        ("2026-10-02T13:30:00.1234569Z", "2026-10-02T13:30:00.123456Z"),
        ("2026-12-31T23:59:59.999999999999Z", "2026-12-31T23:59:59.999999Z"),
        ("2026-10-02T13:30:00.0000009Z", "2026-10-02T13:30:00Z"),
        // The first and the last time there is.
        ("0001-01-01", "0001-01-01T00:00:00Z"),
        ("0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00.9999999-01:00", "0001-01-01T01:00:00.999999Z"),
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T22:59:59-01:00", "9999-12-31T23:59:59Z"),
    ] {
        assert_eq!(parse(given).map(format).as_deref(), Ok(answered), "{given}");
    }
}

#[test]
fn refused() {
    const FORM: &str = "must be an ISO 8601 date and time with an offset, such as \
                        2026-10-02T09:30:00-04:00, or a date alone, such as 2026-10-02";
    const FOUR_DIGITS: &str = "must be an ISO 8601 date and time with an offset, such as \
                               2026-10-02T09:30:00-04:00, or a date alone, such as 2026-10-02; \
                               the year has four digits";
    const YEAR: &str = "must be in a year from 1 to 9999";
    const YEAR_IN_UTC: &str = "must be in a year from 1 to 9999, in UTC too";
    const LEAP: &str = "must not be in a leap second: its second is 0 to 59";
    let cases: &[(&str, &[&str])] = &[
        (
            FORM,
            &[
                // No offset.
                "2026-10-02T09:30:00",
                "2026-10-02T09:30:00.5",
                "2026-10-02T09:30",
                "2026-10-02 09:30:00",
                // No such date, time or offset.
                "2026-02-30",
                "2026-02-30T00:00:00Z",
                "2026-02-29",
                "1900-02-29",
                "2026-13-01",
                "2026-00-01",
                "2026-04-31T12:00:00Z",
                "2026-10-00",
                "2026-10-02T24:00:00Z",
                "2026-10-02T09:60:00Z",
                "2026-10-02T09:30:61Z",
                "2026-10-02T09:30:00+24:00",
                "2026-10-02T09:30:00+05:60",
                // Not the form.
                "2026-10-02T",
                "2026-10-02Z",
                "2026-10-02T09Z",
                "2026-10-02+04:00",
                "2026-10-02T09:30:00EST",
                "2026-10-02T09:30:00 UTC",
                "2026-10-02T09:30:00Z ",
                "2026-10-02T09:30:00Zulu",
                "2026-10-02T09:30:00.Z",
                "2026-10-02T09:30:00+5:30",
                "2026-10-02T09:30:00+053",
                "2026-10-02\n",
                // What chrono takes and ISO 8601 does not.
                "2026-1-2T1:2Z",
                "2026-1-2T1:2:3Z",
                "2026- 1- 2",
                "2026-10-02T 9:30:00Z",
                "2026-10-02T09:30: 0Z",
                "2026-10-02T09:30:00 Z",
                "2026-10-02T09:30:00 +05:30",
                "2026-10-02T09:30:00\n+05:30",
                "2026-10-02T09:30:00+05 30",
                "2026-10-02T09:30:00+05::30",
                "2026-10-02T09:30:00+05:\u{a0}30",
            ],
        ),
        (
            FOUR_DIGITS,
            &[
                "",
                "now",
                "1790933400",
                " 2026-10-02",
                "20261002T093000Z",
                "26-10-02T09:30:00Z",
                "12026-10-02T09:30:00Z",
                "+2026-10-02T09:30:00Z",
                "-2026-10-02T09:30:00Z",
                "2026/10/02",
                "02.10.2026",
                "10/02/2026 09:30",
                "２０２６-10-02",
            ],
        ),
        (YEAR, &["0000-01-01T00:00:00Z", "0000-12-31T23:59:59-01:00"]),
        (
            YEAR_IN_UTC,
            &[
                "0000-12-31",
                "0001-01-01T00:00:00+01:00",
                "0001-01-01T00:59:59.999999+01:00",
                "9999-12-31T23:59:59-01:00",
                "9999-12-31T23:00:00-01:00",
            ],
        ),
        (
            LEAP,
            &["2016-12-31T23:59:60Z", "2026-10-02T09:30:60.5+0530", "2016-12-31T18:59:60-05:00"],
        ),
    ];
    for (message, texts) in cases {
        for text in *texts {
            assert_eq!(parse(text).map(format), Err((*message).to_owned()), "{text:?}");
        }
    }
}

fn local_times() -> impl Strategy<Value = NaiveDateTime> {
    let date = (1..=9999_i32, 1..=366_u32)
        .prop_filter_map("a day of the year", |(year, day)| NaiveDate::from_yo_opt(year, day));
    let near_the_ends = prop_oneof![
        Just(NaiveDate::from_ymd_opt(1, 1, 1).unwrap()),
        Just(NaiveDate::from_ymd_opt(9999, 12, 31).unwrap()),
    ];
    let date = prop_oneof![4 => date, 1 => near_the_ends];
    (date, 0..24_u32, 0..60_u32, 0..60_u32)
        .prop_map(|(date, hour, minute, second)| date.and_hms_opt(hour, minute, second).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_reads_what_chrono_reads_cut_to_the_microsecond_and_bounded_in_utc(
        local in local_times(),
        digits in "[0-9]{0,12}",
        offset_minutes in -1439..=1439_i32,
        colon in any::<bool>(),
    ) {
        let offset = FixedOffset::east_opt(offset_minutes * 60).unwrap();
        let micros = format!("{digits:0<6}")[..6].parse::<u32>().unwrap();
        let exact = offset.from_local_datetime(&local).unwrap().with_nanosecond(micros * 1_000);
        let utc = exact.unwrap().to_utc();

        let point = if digits.is_empty() { "" } else { "." };
        let zone = local.and_local_timezone(offset).unwrap();
        let zone = zone.format(if colon { "%:z" } else { "%z" });
        let text = format!("{}{point}{digits}{zone}", local.format("%Y-%m-%dT%H:%M:%S"));
        let inside = (1..=9999).contains(&chrono::Datelike::year(&utc));
        prop_assert_eq!(parse(&text).ok(), inside.then_some(utc), "{}", text);
    }

    #[test]
    fn what_it_answers_reads_as_the_same_time(local in local_times(), micros in 0..1_000_000_u32) {
        let time = local.and_utc().with_nanosecond(micros * 1_000).unwrap();
        let answered = format(time);
        prop_assert_eq!(parse(&answered), Ok(time));
        prop_assert_eq!(parse(&answered).map(format), Ok(answered.clone()));
        prop_assert_eq!(DateTime::parse_from_rfc3339(&answered).unwrap(), time);
        prop_assert!(answered.ends_with('Z'));
        prop_assert_eq!(answered.contains('.'), micros != 0);
    }

    #[test]
    fn a_date_alone_is_its_midnight_in_utc(local in local_times()) {
        let midnight = local.date().and_hms_opt(0, 0, 0).unwrap().and_utc();
        prop_assert_eq!(parse(&local.date().format("%Y-%m-%d").to_string()), Ok(midnight));
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), near in "[0-9]{4}-[0-9 TZ:.+−-]{0,24}") {
        let _ = parse(&text);
        if let Ok(time) = parse(&near) {
            prop_assert_eq!(parse(&format(time)), Ok(time));
        }
    }
}
