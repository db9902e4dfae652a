//! The hours, days and months of UTC by which events are counted, and of which of them a stretch of time
//! is made.

use chrono::{Datelike as _, Months, NaiveDate, TimeDelta, Timelike as _};

use super::time::Time;

/// What events are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// From a full hour on.
    Hour,
    /// From midnight on.
    Day,
    /// From its first day on.
    Month,
}

/// From a time on, to another one that is no more in it; without either it has no end there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stretch {
    /// The first time in it.
    pub from: Option<Time>,
    /// The first time after it.
    pub until: Option<Time>,
}

/// Units that follow each other, as a range of their names: from one on, to another one that is no more in
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What they are.
    pub unit: Unit,
    /// When they begin and end.
    pub stretch: Stretch,
    /// The first name in it.
    pub from: String,
    /// The first name after it.
    pub until: String,
}

/// What a stretch is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Whole units: few, and as large as may be.
    pub spans: Vec<Span>,
    /// All the spans together; nothing where there are none.
    pub middle: Option<Stretch>,
    /// What lies before and after them.
    pub edges: Vec<Stretch>,
}

impl Unit {
    /// The name of the unit in which a time lies. Those of one kind sort by time, and apart from others.
    pub fn name(self, time: Time) -> String {
        let letter = self.letter();
        if time.year() > 9999 {
            return format!("{letter}:"); // after every year that an event may have
        }
        let date = time.date_naive();
        match self {
            Self::Hour => format!("{letter}{}T{:02}", date.format("%Y-%m-%d"), time.hour()),
            Self::Day => format!("{letter}{}", date.format("%Y-%m-%d")),
            Self::Month => format!("{letter}{}", date.format("%Y-%m")),
        }
    }

    /// The names of the units between two times, each of which begins one.
    pub fn span(self, stretch: Stretch) -> Span {
        let letter = self.letter();
        let after_all = || format!("{letter}~");
        Span {
            unit: self,
            stretch,
            from: stretch.from.map_or_else(|| letter.to_string(), |time| self.name(time)),
            until: stretch.until.map_or_else(after_all, |time| self.name(time)),
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Hour => 'H',
            Self::Day => 'D',
            Self::Month => 'M',
        }
    }

    const fn larger(self) -> Option<Self> {
        match self {
            Self::Hour => Some(Self::Day),
            Self::Day => Some(Self::Month),
            Self::Month => None,
        }
    }

    /// When the unit begins in which a time lies.
    pub fn begin(self, time: Time) -> Time {
        let date = time.date_naive();
        let hour = if self == Self::Hour { time.hour() } else { 0 };
        let date = if self == Self::Month { date.with_day(1).unwrap_or(date) } else { date };
        date.and_hms_opt(hour, 0, 0).map_or(time, |begin| begin.and_utc())
    }

    /// When the first unit begins that begins at a time or after it; nothing after the last year.
    fn begin_from(self, time: Time) -> Option<Time> {
        let begin = self.begin(time);
        if begin == time {
            return Some(begin);
        }
        match self {
            Self::Hour => begin.checked_add_signed(TimeDelta::hours(1)),
            Self::Day => begin.checked_add_signed(TimeDelta::days(1)),
            Self::Month => begin.checked_add_months(Months::new(1)),
        }
    }
}

impl Stretch {
    /// What is between two times, both included where they are given.
    pub fn between(first: Option<Time>, last: Option<Time>) -> Self {
        let until = last.and_then(|last| last.checked_add_signed(TimeDelta::microseconds(1)));
        Self { from: first, until }
    }

    /// What it is made of, by units from the smallest on that is counted.
    pub fn parts(self, smallest: Unit) -> Parts {
        // No event is from before the first year nor after the last one.
        let (first, last) =
            (NaiveDate::from_ymd_opt(1, 1, 1), NaiveDate::from_ymd_opt(9999, 12, 31));
        let from = self.from.filter(|from| first.is_some_and(|first| from.date_naive() >= first));
        let until = self.until.filter(|until| last.is_some_and(|last| until.date_naive() <= last));
        // As text, which SQLite compares, a later year would come before all others.
        let is_a_year = |begin: &Time| last.is_some_and(|last| begin.date_naive() <= last);
        let begin = from.map(|from| smallest.begin_from(from).filter(is_a_year));
        let end = until.map(|until| smallest.begin(until));
        let none = || Parts { spans: Vec::new(), middle: None, edges: vec![Self { from, until }] };
        let begin = match begin {
            Some(None) => return none(),
            Some(begin) => begin,
            None => None,
        };
        let middle = Self { from: begin, until: end };
        if middle.is_empty() {
            return none();
        }
        let mut spans = Vec::new();
        middle.split(smallest, &mut spans);
        let edges = [
            Self { from, until: begin.filter(|begin| Some(*begin) != from) },
            Self { from: end.filter(|end| Some(*end) != until), until },
        ];
        let [before, after] = edges;
        let before = before.until.is_some().then_some(before);
        let after = after.from.is_some().then_some(after);
        Parts { spans, middle: Some(middle), edges: before.into_iter().chain(after).collect() }
    }

    /// The whole days in which it lies.
    pub fn in_days(self) -> Self {
        let until = self.until.and_then(|until| Unit::Day.begin_from(until));
        Self { from: self.from.map(|from| Unit::Day.begin(from)), until }
    }

    fn is_empty(self) -> bool {
        self.from.zip(self.until).is_some_and(|(from, until)| from >= until)
    }

    /// Splits what begins and ends with a unit into larger ones and what is left at its ends.
    fn split(self, unit: Unit, spans: &mut Vec<Span>) {
        let Some(larger) = unit.larger() else { return spans.push(unit.span(self)) };
        let from = self.from.map(|from| larger.begin_from(from).unwrap_or(Time::MAX_UTC));
        let until = self.until.map(|until| larger.begin(until));
        let inner = Self { from, until };
        if inner.is_empty() {
            return spans.push(unit.span(self));
        }
        for end in [Self { from: self.from, until: from }, Self { from: until, until: self.until }]
        {
            if end.from.is_some() && end.until.is_some() && !end.is_empty() {
                spans.push(unit.span(end));
            }
        }
        inner.split(larger, spans);
    }
}
