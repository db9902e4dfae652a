//! Spans of the calendar, such as the four months that a plan shows.

use std::fmt;

use chrono::{Datelike as _, Days, Months, NaiveTime};

use super::time::Time;

/// The longest period, in years; nothing that is recorded is older.
const MAX_YEARS: u32 = 10_000;

const HOW: &str = "must be an ISO 8601 period of years, months, weeks and days, such as P7D, P4M or \
                   P1Y6M, longer than nothing and at most P10000Y";

/// A span of the calendar: how long it is depends on where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    months: u32,
    days: u32,
}

impl Period {
    /// Reads an ISO 8601 period, such as `P7D`. One of hours and less is none: windows go by days.
    pub fn parse(text: &str) -> Result<Self, String> {
        let how = || HOW.to_owned();
        let mut rest = text.strip_prefix('P').ok_or_else(how)?;
        let (mut months, mut days) = (0_u32, 0_u32);
        let mut units = "YMWD".chars();
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(how)?;
            let (number, unit) = rest.split_at(digits);
            let number: u32 = number.parse().map_err(|_| how())?;
            let mut letters = unit.chars();
            let unit = letters.next().ok_or_else(how)?;
            // Each unit at most once, the larger before the smaller.
            units.find(|known| *known == unit).ok_or_else(how)?;
            let (sum, each) = match unit {
                'Y' => (&mut months, 12),
                'M' => (&mut months, 1),
                'W' => (&mut days, 7),
                _ => (&mut days, 1),
            };
            let more = number.checked_mul(each);
            *sum = more.and_then(|more| sum.checked_add(more)).ok_or_else(how)?;
            rest = letters.as_str();
        }
        let is_short = months <= MAX_YEARS * 12 && days <= MAX_YEARS * 366;
        if (months == 0 && days == 0) || !is_short {
            return Err(how());
        }
        Ok(Self { months, days })
    }

    /// The time this long before another one. Of two times, the later one's is never the earlier:
    /// the months go first, and a day that their month lacks is the beginning of the next one's.
    pub fn before(self, time: Time) -> Time {
        let earlier = time.checked_sub_months(Months::new(self.months)).map(|earlier| {
            if earlier.day() == time.day() {
                return earlier;
            }
            let next = earlier.date_naive().succ_opt();
            next.map_or(earlier, |day| day.and_time(NaiveTime::MIN).and_utc())
        });
        let earlier = earlier.and_then(|t| t.checked_sub_days(Days::new(u64::from(self.days))));
        // Before the first year there is nothing.
        earlier.filter(|earlier| earlier.year() >= 1).unwrap_or_else(beginning)
    }
}

/// The first time that an event can have.
fn beginning() -> Time {
    let first = chrono::NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or(chrono::NaiveDate::MIN);
    first.and_time(NaiveTime::MIN).and_utc()
}

/// As it is read, in whole years, months and days.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P")?;
        for (number, unit) in [(self.months / 12, 'Y'), (self.months % 12, 'M'), (self.days, 'D')] {
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}
