//! How a point in time is written for people: in the form of a locale, by the clocks of a zone.

use std::fmt;

use chrono::{Datelike as _, NaiveDateTime, TimeDelta, Timelike as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::json::shortened;
use super::time::Time;

/// A locale and a zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Style {
    /// Which form dates and times have.
    pub locale: Locale,
    /// Whose clocks they are read from.
    pub zone: Zone,
}

/// The form of dates and times in a language and country.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Locale(&'static Form);

/// A zone of the IANA time zone database. The database is part of the program, so that every server
/// of a version answers alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

#[derive(Debug, PartialEq, Eq)]
struct Form {
    name: &'static str,
    /// `y` the year, `M` the month, `d` the day, `H` the hour from 0 to 23, `h` the hour from 1 to
    /// 12, `m` the minute, `s` the second, twice for two digits; `a` the half of the day; else itself.
    pattern: &'static str,
    /// Before noon, and from noon on.
    halves: (&'static str, &'static str),
}

const fn form(name: &'static str, pattern: &'static str) -> Form {
    Form { name, pattern, halves: ("AM", "PM") }
}

const DEFAULT: Form = form("en-US", "M/d/y h:mm:ss a");

/// Date and time as the Unicode CLDR writes them short with a four-digit year, with plain spaces.
static FORMS: [Form; 29] = [
    form("cs-CZ", "d. M. y H:mm:ss"),
    form("da-DK", "d.M.y HH.mm.ss"),
    form("de-AT", "d.M.y HH:mm:ss"),
    form("de-CH", "d.M.y HH:mm:ss"),
    form("de-DE", "d.M.y HH:mm:ss"),
    Form { halves: ("am", "pm"), ..form("en-AU", "dd/MM/y h:mm:ss a") },
    Form { halves: ("a.m.", "p.m."), ..form("en-CA", "y-MM-dd h:mm:ss a") },
    form("en-GB", "dd/MM/y HH:mm:ss"),
    form("en-IE", "d/M/y HH:mm:ss"),
    Form { halves: ("am", "pm"), ..form("en-IN", "d/M/y h:mm:ss a") },
    Form { halves: ("am", "pm"), ..form("en-NZ", "d/MM/y h:mm:ss a") },
    DEFAULT,
    form("en-ZA", "y/MM/dd HH:mm:ss"),
    form("es-ES", "d/M/y H:mm:ss"),
    Form { halves: ("a.m.", "p.m."), ..form("es-MX", "d/M/y h:mm:ss a") },
    Form { halves: ("a.m.", "p.m."), ..form("es-US", "d/M/y h:mm:ss a") },
    form("fi-FI", "d.M.y H.mm.ss"),
    form("fr-CH", "dd.MM.y HH:mm:ss"),
    form("fr-FR", "dd/MM/y HH:mm:ss"),
    form("it-IT", "dd/MM/y HH:mm:ss"),
    form("ja-JP", "y/M/d H:mm:ss"),
    form("nb-NO", "d.M.y HH:mm:ss"),
    form("nl-NL", "d-M-y HH:mm:ss"),
    form("pl-PL", "d.MM.y HH:mm:ss"),
    form("pt-BR", "dd/MM/y HH:mm:ss"),
    form("pt-PT", "dd/MM/y HH:mm:ss"),
    form("sv-SE", "y-MM-dd HH:mm:ss"),
    form("tr-TR", "dd.MM.y HH:mm:ss"),
    form("zh-CN", "y/M/d HH:mm:ss"),
];

static DEFAULT_FORM: Form = DEFAULT;

impl Style {
    /// The date and the time of day, to the second.
    ///
    /// ```
    /// use auditlog::domain::{style::Style, time};
    ///
    /// let time = time::parse("2018-10-18T11:00:04Z").unwrap();
    /// assert_eq!(Style::default().time(time), "10/18/2018 11:00:04 AM");
    /// ```
    pub fn time(&self, time: Time) -> String {
        let clock = self.zone.clock(time);
        let (is_afternoon, half_hour) = clock.hour12();
        let half = if is_afternoon { self.locale.0.halves.1 } else { self.locale.0.halves.0 };
        let mut out = String::new();
        let mut pattern = self.locale.0.pattern.chars().peekable();
        while let Some(letter) = pattern.next() {
            let twice = pattern.next_if_eq(&letter).is_some();
            let number = match letter {
                'y' => {
                    out.push_str(&format!("{:04}", clock.year()));
                    continue;
                }
                'M' => clock.month(),
                'd' => clock.day(),
                'H' => clock.hour(),
                'h' => half_hour,
                'm' => clock.minute(),
                's' => clock.second(),
                'a' => {
                    out.push_str(half);
                    continue;
                }
                other => {
                    out.push(other);
                    continue;
                }
            };
            let width = if twice { 2 } else { 1 };
            out.push_str(&format!("{number:0width$}"));
        }
        out
    }
}

impl Locale {
    /// The locale of this name, in upper or lower case.
    pub fn parse(name: &str) -> Result<Self, String> {
        let known = FORMS.iter().find(|form| form.name.eq_ignore_ascii_case(name));
        known.map(Self).ok_or_else(|| {
            let names: Vec<_> = FORMS.iter().map(|form| form.name).collect();
            format!("must be one of {}, not {:?}", names.join(", "), shortened(name, 50))
        })
    }

    /// Its name, as BCP 47 writes it.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// Every locale.
    pub fn all() -> impl Iterator<Item = Self> {
        FORMS.iter().map(Self)
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self(&DEFAULT_FORM)
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl Zone {
    /// The zone of this name, in upper or lower case.
    pub fn parse(name: &str) -> Result<Self, String> {
        TimeZone::get(name).map(Self).ok().filter(|zone| zone.name() != UNKNOWN).ok_or_else(|| {
            let name = shortened(name, 50);
            format!(
                "must be a zone of the IANA time zone database, such as America/New_York, \
                 Europe/Berlin or UTC, not {name:?}"
            )
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or(UNKNOWN)
    }

    /// What its clocks show.
    fn clock(&self, time: Time) -> NaiveDateTime {
        // jiff ends a day before the year 9999 does; the zone's rule is the same on that day.
        let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let at = Timestamp::from_second(time.timestamp().clamp(first, last));
        let ahead = at.map(|at| self.0.to_offset(at).seconds()).unwrap_or_default();
        let ahead = TimeDelta::seconds(ahead.into());
        let utc = time.naive_utc();
        utc.checked_add_signed(ahead).unwrap_or(utc)
    }
}

/// The name the database has for not knowing the zone.
const UNKNOWN: &str = "Etc/Unknown";

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}
