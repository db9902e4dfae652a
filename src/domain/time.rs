//! Points in time: read as ISO 8601, kept in UTC to the microsecond, written as RFC 3339.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SecondsFormat, Timelike, Utc};

/// A point in time, in UTC, whole microseconds.
pub type Time = DateTime<Utc>;

/// The current time. The clock is a parameter of whatever needs it, so that tests can hold it.
pub type Clock = std::sync::Arc<dyn Fn() -> Time + Send + Sync>;

const HOW: &str = "must be an ISO 8601 date and time with an offset, such as \
                   2026-10-02T09:30:00-04:00, or a date alone, such as 2026-10-02";

/// Reads an ISO 8601 time with an offset, or a date alone, which is its midnight in UTC.
pub fn parse(text: &str) -> Result<Time, String> {
    let year_is_four_digits = text.len() >= 10
        && text.bytes().take(4).all(|b| b.is_ascii_digit())
        && text.as_bytes().get(4) == Some(&b'-');
    if !year_is_four_digits {
        return Err(format!("{HOW}; the year has four digits"));
    }
    if !is_shaped(text) {
        return Err(HOW.to_owned());
    }
    if text.len() == 10 {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| HOW.to_owned())?;
        return bounded(date.and_time(NaiveTime::MIN).and_utc());
    }
    // RFC 3339 first; then ISO 8601's shorter offsets (+0530, +05) and times without seconds.
    let time = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%#z"))
        .map_err(|_| HOW.to_owned())?;
    if !(1..=9999).contains(&time.year()) {
        return Err("must be in a year from 1 to 9999".to_owned());
    }
    if time.nanosecond() >= 1_000_000_000 {
        return Err("must not be in a leap second: its second is 0 to 59".to_owned());
    }
    bounded(time.to_utc())
}

/// Whether every digit stands where ISO 8601 has one: chrono also takes `2026-1-2T9:5Z`, and spaces.
fn is_shaped(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(time) = shape.strip_prefix("0000-00-00") else {
        return false;
    };
    let Some(rest) = time.strip_prefix(['T', 't', ' ']).and_then(|t| t.strip_prefix("00:00"))
    else {
        return time.is_empty();
    };
    let rest = rest.strip_prefix(":00").unwrap_or(rest);
    let rest = rest.strip_prefix('.').map_or(rest, |fraction| fraction.trim_start_matches('0'));
    let offset = rest.strip_prefix(['+', '-', '\u{2212}']).unwrap_or(rest);
    matches!(offset, "00:00" | "0000" | "00") || matches!(rest, "Z" | "z")
}

fn bounded(time: Time) -> Result<Time, String> {
    if !(1..=9999).contains(&time.year()) {
        return Err("must be in a year from 1 to 9999, in UTC too".to_owned());
    }
    Ok(to_microseconds(time))
}

/// Cuts what is finer than a microsecond, which PostgreSQL does not keep.
pub fn to_microseconds(time: Time) -> Time {
    let nanos = time.nanosecond();
    time.with_nanosecond(nanos - nanos % 1_000).unwrap_or(time)
}

/// RFC 3339 in UTC; the fraction is written only when it is not zero.
pub fn format(time: Time) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
