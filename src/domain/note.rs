//! Notes on records, and the timeline of notes and events, as text.

use super::diff::ShownChange;
use super::event::Event;
use super::id::Id;
use super::json::{Json, shortened};
use super::kind::EventType;
use super::style::Style;
use super::time::Time;

/// The author of what nobody did.
pub const NOBODY: &str = "SPSA";

/// The longest text of a note, in characters.
pub const MAX_TEXT_CHARS: usize = 10_000;

/// How much of one value a line shows, in characters.
pub const MAX_VALUE_CHARS: usize = 200;

/// How many changes a line shows.
pub const MAX_CHANGES: usize = 20;

/// The most letters of somebody's initials.
const MAX_INITIALS: usize = 6;

/// A value that is not there.
const NONE: &str = "(none)";

/// What a line of a record's timeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A note by a user.
    TimestampNote,
    /// A note that the server wrote by a rule.
    StatusNote,
    /// Whatever else was done to the record.
    Event,
}

impl Kind {
    /// What an event of this type is.
    pub const fn of(event_type: EventType) -> Self {
        match event_type {
            EventType::Note => Self::TimestampNote,
            EventType::StatusNote => Self::StatusNote,
            _ => Self::Event,
        }
    }

    /// The types of event that are one of some kinds.
    pub fn event_types(kinds: &[Self]) -> Vec<EventType> {
        let all = EventType::ALL.iter().copied();
        all.filter(|event_type| kinds.contains(&Self::of(*event_type))).collect()
    }
}

/// What is kept with a note, beside its text, in its event's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Its author's initials when it was written.
    pub initials: String,
    /// The id of the event that is the note it corrects.
    pub corrects: Option<String>,
    /// Whether a rule wrote it because of a value, so that its text gives that value away.
    pub tells_value: bool,
}

impl Marks {
    /// As metadata, a JSON object.
    pub fn to_metadata(&self) -> String {
        let Self { initials, corrects, tells_value } = self;
        let members = [
            ("initials", Some(Json::String(initials.clone()))),
            ("corrects", corrects.clone().map(Json::String)),
            ("tells_value", tells_value.then_some(Json::Bool(true))),
        ];
        let members = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Json::Object(members.collect()).to_string()
    }

    /// Those of an event that is a note.
    pub fn of(event: &Event) -> Option<Self> {
        match Kind::of(event.event_type) {
            Kind::TimestampNote | Kind::StatusNote => {
                Self::from_metadata(event.context.metadata.as_deref()?)
            }
            Kind::Event => None,
        }
    }

    /// Those in a note's metadata.
    pub fn from_metadata(metadata: &str) -> Option<Self> {
        let json = Json::parse(metadata).ok()?;
        let text = |key| match json.get(key) {
            Some(Json::String(text)) => Some(text.clone()),
            _ => None,
        };
        Some(Self {
            initials: text("initials")?,
            corrects: text("corrects"),
            tells_value: matches!(json.get("tells_value"), Some(Json::Bool(true))),
        })
    }
}

/// Checks the text of a note that somebody writes, and brings its line breaks into one form.
pub fn text(given: &str) -> Result<String, String> {
    let text = given.replace("\r\n", "\n");
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.chars().nth(MAX_TEXT_CHARS).is_some() {
        return Err(format!("must have at most {MAX_TEXT_CHARS} characters"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err("must not hold control characters other than line breaks".to_owned());
    }
    Ok(text)
}

/// What stands for a person: the first letter of each of their names, in upper case, such as `MKH` for
/// Mary Kate Hill; of somebody without a name here, the first three letters or digits of their id;
/// [`NOBODY`] for nobody, which stands for nobody else.
pub fn initials(user: Option<(&Id, Option<&str>, Option<&str>)>) -> String {
    let Some((id, first_name, last_name)) = user else { return NOBODY.to_owned() };
    let names = [first_name, last_name].into_iter().flatten();
    let words = names.flat_map(|name| name.split(|c: char| c.is_whitespace() || c == '-'));
    let letters = words.filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let mut initials: Vec<char> = letters.take(MAX_INITIALS).collect();
    if initials.is_empty() {
        initials = id.as_str().chars().filter(|c| c.is_alphanumeric()).take(3).collect();
    }
    let initials: String = initials.into_iter().flat_map(char::to_uppercase).collect();
    match initials.as_str() {
        "" => "?".to_owned(),
        NOBODY => shortened(NOBODY, NOBODY.len() - 1).to_owned(),
        _ => initials,
    }
}

/// The whole text form: `10/18/2018 11:00:04 AM MKH – Client asked for it`. What follows a line break
/// is set in by four spaces, so that no text can pass for a line of its own.
pub fn line(style: &Style, time: Time, initials: &str, body: &str) -> String {
    let mut line = format!("{} {initials} – ", style.time(time));
    for c in body.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                line.push_str("\n    ");
            }
            c if c.is_control() => line.push(char::REPLACEMENT_CHARACTER),
            c => line.push(c),
        }
    }
    line
}

/// An event in words: `UPDATE pm_status: Confirmed → Rescheduled`. `what` is its type.
pub fn event_text(
    what: &str,
    failed: bool,
    changes: &[ShownChange],
    description: Option<&str>,
) -> String {
    let mut text = what.to_owned();
    if failed {
        text.push_str(" (failed)");
    }
    if let (true, Some(description)) = (changes.is_empty(), description) {
        text.push_str(": ");
        text.push_str(&brief(description));
    }
    let shown = changes.iter().take(MAX_CHANGES).map(|change| {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        format!("{}: {} → {}", brief(&change.field), value(before), value(after))
    });
    let mut shown: Vec<_> = shown.collect();
    shown.extend(and_more(changes.len()));
    if !shown.is_empty() {
        text.push(' ');
        text.push_str(&shown.join("; "));
    }
    text
}

/// What stands for the changes that a line has no room for.
pub(super) fn and_more(changes: usize) -> Option<String> {
    let more = changes.checked_sub(MAX_CHANGES).filter(|more| *more > 0)?;
    Some(format!("and {more} more"))
}

/// A change's value in a line.
pub(super) fn value(value: Option<&str>) -> String {
    value.map_or_else(|| NONE.to_owned(), brief)
}

fn brief(text: &str) -> String {
    match shortened(text, MAX_VALUE_CHARS) {
        whole if whole.len() == text.len() => text.to_owned(),
        start => format!("{start}…"),
    }
}
