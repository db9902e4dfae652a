//! How notes and events are written as text: dates and times by locale and zone, initials, lines.

use auditlog::domain::diff::ShownChange;
use auditlog::domain::id::Id;
use auditlog::domain::note::{self, MAX_TEXT_CHARS, event_text, initials, line};
use auditlog::domain::style::{Locale, Style, Zone};
use auditlog::domain::time;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use proptest::prelude::*;

/// What the Unicode CLDR 48 makes of three moments: a morning, just past midnight, just past noon.
const CLDR: [(&str, [&str; 3]); 29] = [
    ("cs-CZ", ["5. 1. 2018 9:05:04", "18. 10. 2018 0:00:04", "18. 10. 2018 12:30:59"]),
    ("da-DK", ["5.1.2018 09.05.04", "18.10.2018 00.00.04", "18.10.2018 12.30.59"]),
    ("de-AT", ["5.1.2018 09:05:04", "18.10.2018 00:00:04", "18.10.2018 12:30:59"]),
    ("de-CH", ["5.1.2018 09:05:04", "18.10.2018 00:00:04", "18.10.2018 12:30:59"]),
    ("de-DE", ["5.1.2018 09:05:04", "18.10.2018 00:00:04", "18.10.2018 12:30:59"]),
    ("en-AU", ["05/01/2018 9:05:04 am", "18/10/2018 12:00:04 am", "18/10/2018 12:30:59 pm"]),
    ("en-CA", ["2018-01-05 9:05:04 a.m.", "2018-10-18 12:00:04 a.m.", "2018-10-18 12:30:59 p.m."]),
    ("en-GB", ["05/01/2018 09:05:04", "18/10/2018 00:00:04", "18/10/2018 12:30:59"]),
    ("en-IE", ["5/1/2018 09:05:04", "18/10/2018 00:00:04", "18/10/2018 12:30:59"]),
    ("en-IN", ["5/1/2018 9:05:04 am", "18/10/2018 12:00:04 am", "18/10/2018 12:30:59 pm"]),
    ("en-NZ", ["5/01/2018 9:05:04 am", "18/10/2018 12:00:04 am", "18/10/2018 12:30:59 pm"]),
    ("en-US", ["1/5/2018 9:05:04 AM", "10/18/2018 12:00:04 AM", "10/18/2018 12:30:59 PM"]),
    ("en-ZA", ["2018/01/05 09:05:04", "2018/10/18 00:00:04", "2018/10/18 12:30:59"]),
    ("es-ES", ["5/1/2018 9:05:04", "18/10/2018 0:00:04", "18/10/2018 12:30:59"]),
    ("es-MX", ["5/1/2018 9:05:04 a.m.", "18/10/2018 12:00:04 a.m.", "18/10/2018 12:30:59 p.m."]),
    ("es-US", ["5/1/2018 9:05:04 a.m.", "18/10/2018 12:00:04 a.m.", "18/10/2018 12:30:59 p.m."]),
    ("fi-FI", ["5.1.2018 9.05.04", "18.10.2018 0.00.04", "18.10.2018 12.30.59"]),
    ("fr-CH", ["05.01.2018 09:05:04", "18.10.2018 00:00:04", "18.10.2018 12:30:59"]),
    ("fr-FR", ["05/01/2018 09:05:04", "18/10/2018 00:00:04", "18/10/2018 12:30:59"]),
    ("it-IT", ["05/01/2018 09:05:04", "18/10/2018 00:00:04", "18/10/2018 12:30:59"]),
    ("ja-JP", ["2018/1/5 9:05:04", "2018/10/18 0:00:04", "2018/10/18 12:30:59"]),
    ("nb-NO", ["5.1.2018 09:05:04", "18.10.2018 00:00:04", "18.10.2018 12:30:59"]),
    ("nl-NL", ["5-1-2018 09:05:04", "18-10-2018 00:00:04", "18-10-2018 12:30:59"]),
    ("pl-PL", ["5.01.2018 09:05:04", "18.10.2018 00:00:04", "18.10.2018 12:30:59"]),
    ("pt-BR", ["05/01/2018 09:05:04", "18/10/2018 00:00:04", "18/10/2018 12:30:59"]),
    ("pt-PT", ["05/01/2018 09:05:04", "18/10/2018 00:00:04", "18/10/2018 12:30:59"]),
    ("sv-SE", ["2018-01-05 09:05:04", "2018-10-18 00:00:04", "2018-10-18 12:30:59"]),
    ("tr-TR", ["05.01.2018 09:05:04", "18.10.2018 00:00:04", "18.10.2018 12:30:59"]),
    ("zh-CN", ["2018/1/5 09:05:04", "2018/10/18 00:00:04", "2018/10/18 12:30:59"]),
];

fn style(locale: &str, zone: &str) -> Style {
    Style { locale: Locale::parse(locale).unwrap(), zone: Zone::parse(zone).unwrap() }
}

fn written(locale: &str, zone: &str, time: &str) -> String {
    style(locale, zone).time(time::parse(time).unwrap())
}

#[test]
fn dates_and_times_are_written_as_the_cldr_writes_them() {
    let moments = ["2018-01-05T09:05:04Z", "2018-10-18T00:00:04.999999Z", "2018-10-18T12:30:59Z"];
    for (locale, expected) in CLDR {
        for (moment, expected) in moments.into_iter().zip(expected) {
            assert_eq!(written(locale, "UTC", moment), expected, "{locale}");
        }
    }
    let named: Vec<_> = Locale::all().map(Locale::name).collect();
    assert_eq!(named, CLDR.map(|(name, _)| name), "each locale is held to the CLDR");
}

#[test]
fn the_clocks_of_a_zone() {
    for (zone, moment, expected) in [
        // The hour that is skipped in spring, and the one that comes twice in autumn.
        ("America/New_York", "2026-03-08T06:59:59Z", "2026-03-08 01:59:59"),
        ("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08 03:00:00"),
        ("America/New_York", "2026-11-01T05:59:59Z", "2026-11-01 01:59:59"),
        ("America/New_York", "2026-11-01T06:00:00Z", "2026-11-01 01:00:00"),
        ("America/New_York", "2026-11-01T07:00:00Z", "2026-11-01 02:00:00"),
        ("Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29 01:59:59"),
        ("Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29 03:00:00"),
        // Half an hour of summer time; offsets of quarters of an hour; a skipped day.
        ("Australia/Lord_Howe", "2026-01-01T00:00:00Z", "2026-01-01 11:00:00"),
        ("Australia/Lord_Howe", "2026-07-01T00:00:00Z", "2026-07-01 10:30:00"),
        ("Asia/Kathmandu", "2026-10-15T12:00:00Z", "2026-10-15 17:45:00"),
        ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29 23:59:59"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31 00:00:00"),
        // A rule of this very year: British Columbia keeps summer time.
        ("America/Vancouver", "2026-12-01T20:00:00Z", "2026-12-01 13:00:00"),
        // Before 1970, before there were zones, and as far ahead as events go.
        ("America/New_York", "1969-07-20T20:17:40Z", "1969-07-20 16:17:40"),
        ("Europe/London", "1969-07-20T20:17:40Z", "1969-07-20 21:17:40"),
        ("America/New_York", "1850-01-01T12:00:00Z", "1850-01-01 07:03:58"),
        ("America/New_York", "0001-01-01T00:00:00Z", "0000-12-31 19:03:58"),
        ("America/New_York", "2150-07-01T12:00:00Z", "2150-07-01 08:00:00"),
        ("America/New_York", "9999-07-01T12:00:00Z", "9999-07-01 08:00:00"),
        ("UTC", "9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59"),
        ("Pacific/Kiritimati", "9999-12-31T23:59:59Z", "10000-01-01 13:59:59"),
        ("America/New_York", "9999-12-31T23:59:59Z", "9999-12-31 18:59:59"),
    ] {
        assert_eq!(written("sv-SE", zone, moment), expected, "{zone} at {moment}");
    }
}

#[test]
fn names_of_locales_and_zones() {
    assert_eq!(Locale::default().name(), "en-US");
    assert_eq!(Locale::parse("PT-br").unwrap().name(), "pt-BR");
    assert_eq!(Zone::default().name(), "UTC");
    assert_eq!(Zone::parse("america/new_york").unwrap().name(), "America/New_York");
    let problem = Locale::parse("tlh").unwrap_err();
    assert!(problem.starts_with("must be one of cs-CZ, da-DK, "), "{problem}");
    assert!(problem.ends_with(r#"zh-CN, not "tlh""#), "{problem}");
    for unknown in ["", "New York", "EST5EDT4", "+02:00", "../../etc/passwd", "Etc/Unknown", "Z"] {
        let problem = Zone::parse(unknown).unwrap_err();
        assert!(problem.contains("such as America/New_York"), "{unknown}: {problem}");
        assert!(problem.ends_with(&format!("not {unknown:?}")), "{problem}");
    }
}

#[test]
fn initials_of_people_and_of_nobody() {
    for (id, first, last, expected) in [
        ("7", Some("Mary Kate"), Some("Hill"), "MKH"),
        ("7", Some("ann"), Some("o'brien"), "AO"),
        ("7", Some("Jean-Luc"), Some("Picard"), "JLP"),
        ("7", Some("  Ann  "), None, "A"),
        ("7", None, Some("Hill"), "H"),
        ("7", Some("(Bob)"), Some("3rd"), "B3"),
        ("7", Some("éric"), Some("ßmith"), "ÉSS"),
        ("7", Some("太郎"), Some("山田"), "太山"),
        ("7", Some("a b c d"), Some("e f g h"), "ABCDEF"),
        // Without a name here.
        ("12345", None, None, "123"),
        ("user|ann", None, None, "USE"),
        ("-9-", Some(" "), Some("--"), "9"),
        ("—", None, None, "?"),
        // Nobody stands for nobody else.
        ("7", Some("Sue Pat"), Some("Sam Ash"), "SPS"),
    ] {
        let id = Id::new(id).unwrap();
        assert_eq!(initials(Some((&id, first, last))), expected, "{id} {first:?} {last:?}");
    }
    assert_eq!(initials(None), "SPSA");
}

#[test]
fn the_text_of_a_note() {
    assert_eq!(note::text("one\r\ntwo\n\nthree").unwrap(), "one\ntwo\n\nthree");
    assert_eq!(note::text(&"é".repeat(MAX_TEXT_CHARS)).unwrap().chars().count(), MAX_TEXT_CHARS);
    for (given, problem) in [
        (String::new(), "must not be empty"),
        (" \n\r\n ".to_owned(), "must not be empty"),
        ("é".repeat(MAX_TEXT_CHARS + 1), "must have at most 10000 characters"),
        ("a\tb".to_owned(), "must not hold control characters other than line breaks"),
        ("a\rb".to_owned(), "must not hold control characters other than line breaks"),
        ("a\0b".to_owned(), "must not hold control characters other than line breaks"),
        ("a\u{85}b".to_owned(), "must not hold control characters other than line breaks"),
    ] {
        assert_eq!(note::text(&given).unwrap_err(), problem);
    }
}

#[test]
fn lines() {
    let time = time::parse("2018-10-18T15:00:04Z").unwrap();
    let body = "Old Email Address: a@x.org, updated to: b@x.org. Client requested change 10/7/2018";
    assert_eq!(
        line(&style("en-US", "America/New_York"), time, "MKH", body),
        format!("10/18/2018 11:00:04 AM MKH – {body}"),
    );
    assert_eq!(
        line(&style("de-DE", "Europe/Berlin"), time, "SPSA", "Cancelled"),
        "18.10.2018 17:00:04 SPSA – Cancelled",
    );
    let forged = "one\n10/18/2018 11:00:05 AM ANN – forged\u{2028}two\u{7}";
    assert_eq!(
        line(&Style::default(), time, "MKH", forged),
        "10/18/2018 3:00:04 PM MKH – one\n    10/18/2018 11:00:05 AM ANN – forged\n    two\u{fffd}",
    );
}

#[test]
fn events_in_words() {
    let change = |field: &str, before: Option<&str>, after: Option<&str>| ShownChange {
        field: field.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
        withheld: false,
    };
    let status = change("pm_status", Some("Confirmed"), Some("Rescheduled"));
    assert_eq!(
        event_text("UPDATE", false, std::slice::from_ref(&status), Some("not beside changes")),
        "UPDATE pm_status: Confirmed → Rescheduled",
    );
    let length = change("length", None, Some("30"));
    assert_eq!(
        event_text("UPDATE", true, &[status, length], None),
        "UPDATE (failed) pm_status: Confirmed → Rescheduled; length: (none) → 30",
    );
    assert_eq!(event_text("VIEW", false, &[], None), "VIEW");
    assert_eq!(event_text("VIEW", false, &[], Some("The chart")), "VIEW: The chart");
    // Neither long values nor many of them make a long line.
    let long = change("note", Some(&"é".repeat(200)), Some(&"é".repeat(201)));
    assert_eq!(
        event_text("UPDATE", false, &[long], None),
        format!("UPDATE note: {0} → {0}…", "é".repeat(200)),
    );
    let many: Vec<_> = (0..22).map(|n| change(&n.to_string(), None, None)).collect();
    let text = event_text("UPDATE", false, &many, None);
    assert!(text.ends_with("; 19: (none) → (none); and 2 more"), "{text}");
}

fn any_zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "UTC",
        "America/New_York",
        "America/St_Johns",
        "Europe/Lisbon",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "Africa/Casablanca",
    ])
}

fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    let year = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_time(Default::default());
    let (first, last) = (year(1).and_utc().timestamp(), year(10_000).and_utc().timestamp() - 1);
    (first..=last).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
}

/// What a clock showed that was written in a locale: the numbers, in the order of the locale's text.
fn read_back(locale: &str, text: &str) -> NaiveDateTime {
    let numbers: Vec<u32> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().unwrap())
        .collect();
    let [a, b, c, hour, minute, second] = numbers[..] else { panic!("{text}") };
    let (year, month, day) = match locale {
        "en-US" => (c, a, b),
        "en-CA" | "en-ZA" | "ja-JP" | "sv-SE" | "zh-CN" => (a, b, c),
        _ => (c, b, a),
    };
    let half = text.to_lowercase().replace('.', "");
    let hour = match () {
        () if half.ends_with("am") => hour % 12,
        () if half.ends_with("pm") => hour % 12 + 12,
        () => hour,
    };
    let date = NaiveDate::from_ymd_opt(year.try_into().unwrap(), month, day).expect(text);
    date.and_hms_opt(hour, minute, second).expect(text)
}

proptest! {
    /// All locales tell the same time, which is that of the zone: within its offset of UTC's, and the
    /// same distance from it a second later, but where the clocks are changed.
    #[test]
    fn every_locale_tells_the_time_of_the_zone(time in any_time(), zone in any_zone()) {
        let iso = read_back("sv-SE", &style("sv-SE", zone).time(time));
        for locale in Locale::all() {
            let style = Style { locale, zone: Zone::parse(zone).unwrap() };
            prop_assert_eq!(read_back(locale.name(), &style.time(time)), iso, "{}", locale.name());
        }
        let ahead = (iso - time.naive_utc()).num_seconds();
        prop_assert!((-16 * 3600..=16 * 3600).contains(&ahead), "{}", ahead);
        if zone == "UTC" {
            prop_assert_eq!(ahead, 0);
        }
    }

    /// Whatever a note says, its text form has one line that begins at the margin.
    #[test]
    fn no_text_passes_for_another_line(body in any::<String>(), breaks in "(\r|\n|\u{b}|\u{c}|\u{85}|\u{2028}|\u{2029}|x){0,9}") {
        let time = time::parse("2018-10-18T11:00:04Z").unwrap();
        let line = line(&Style::default(), time, "MKH", &format!("{body}{breaks}{body}"));
        let mut lines = line.split(['\r', '\n', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']);
        prop_assert!(lines.next().unwrap().starts_with("10/18/2018 11:00:04 AM MKH – "));
        prop_assert!(lines.all(|line| line.starts_with("    ")), "{:?}", line);
        prop_assert!(line.chars().all(|c| c == '\n' || !c.is_control()));
    }
}
