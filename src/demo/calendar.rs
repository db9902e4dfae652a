//! Local time and working days.

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Weekday,
};

use super::rng::SplitMix64;

pub(super) type LocalTime = DateTime<FixedOffset>;

/// Counted in seconds since midnight.
pub(super) const OPENING: u64 = 8 * 3600;
const CLOSING: u64 = 17 * 3600 + 1800;

/// The moment `seconds` after local midnight.
pub(super) fn time_on(date: NaiveDate, seconds: u64, offset: FixedOffset) -> LocalTime {
    let local = date.and_time(NaiveTime::MIN) + TimeDelta::seconds(seconds as i64);
    LocalTime::from_naive_utc_and_offset(local - offset, offset)
}

/// Some moment of the day while the office is open.
pub(super) fn office_time(date: NaiveDate, offset: FixedOffset, rng: &mut SplitMix64) -> LocalTime {
    time_on(date, rng.between(OPENING, CLOSING), offset) + milliseconds(rng)
}

/// Some minutes later, from `shortest` to `longest`.
pub(super) fn later(
    time: LocalTime,
    shortest: u64,
    longest: u64,
    rng: &mut SplitMix64,
) -> LocalTime {
    let seconds = rng.between(shortest * 60, longest * 60);
    time + TimeDelta::seconds(seconds as i64) + milliseconds(rng)
}

fn milliseconds(rng: &mut SplitMix64) -> TimeDelta {
    TimeDelta::milliseconds(rng.below(1000) as i64)
}

pub(super) fn is_workday(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The `count`th working day after `date`.
pub(super) fn workdays_after(date: NaiveDate, count: u64) -> NaiveDate {
    nth_workday(date.iter_days().skip(1), count).unwrap_or(date)
}

/// The `count`th working day before `date`.
pub(super) fn workdays_before(date: NaiveDate, count: u64) -> NaiveDate {
    nth_workday(date.iter_days().rev().skip(1), count).unwrap_or(date)
}

fn nth_workday(days: impl Iterator<Item = NaiveDate>, count: u64) -> Option<NaiveDate> {
    let nth = usize::try_from(count.checked_sub(1)?).ok()?;
    days.filter(|day| is_workday(*day)).nth(nth)
}

/// As the application writes a moment into its records.
pub(super) fn iso(time: LocalTime) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, false)
}
