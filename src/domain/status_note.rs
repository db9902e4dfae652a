//! Status notes: what the server writes on a record by itself, by a tenant's rules.
//!
//! A rule says which events a note follows, and its text as a template. What is kept of a note is the
//! template, with the values left open, and the changes that it tells of. The values are filled in
//! when somebody reads the note, as far as they may see them.

use std::collections::HashMap;

use super::diff::{Change, ShownChange, WITHHELD};
use super::event::{Context, Event, NewEvent};
use super::id::Id;
use super::json::{Json, shortened};
use super::kind::{EventType, Outcome};
use super::note::{self, MAX_CHANGES, Marks};
use super::policy::RecordType;
use super::redaction::Mask;

/// The most rules for one kind of record.
pub const MAX_RULES: usize = 20;

/// The most values in one list of a rule.
pub const MAX_VALUES: usize = 50;

/// The longest template, label, field or value, in characters.
pub const MAX_CHARS: usize = 500;

/// A tenant's rules, by the kind of record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoteRules(HashMap<RecordType, Vec<Rule>>);

/// When the server writes a note, and what. Conditions combine with AND; one that is empty always holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The event is of one of these types …
    pub event_types: Vec<EventType>,
    /// … or custom types …
    pub custom_types: Vec<Id>,
    /// … and changed one of these fields …
    pub fields: Vec<Field>,
    /// … to one of these values, as a reader sees them.
    pub becomes: Vec<String>,
    /// What the note says.
    pub text: Template,
}

/// A field whose changes a rule looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its whole name.
    pub field: String,
    /// What people call it; its name, if nothing else.
    pub label: Option<String>,
}

/// The text of a note with places for what changed: `{label}`, `{field}`, `{before}` and `{after}`,
/// which repeat the text for every change that matched, or `{changes}`, which lists them all.
/// `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Label,
    Field,
    Before,
    After,
    Changes,
}

/// What a rule has to say about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusNote {
    /// The text with the values left open, which [`render`] fills in.
    pub text: String,
    /// The changes it tells of.
    pub changes: Vec<Change>,
    /// Whether it was written because of a value, so that its text gives that value away.
    pub tells_value: bool,
}

impl NoteRules {
    /// These rules, one list for a kind of record.
    pub fn new(kinds: impl IntoIterator<Item = (RecordType, Vec<Rule>)>) -> Self {
        Self(kinds.into_iter().filter(|(_, rules)| !rules.is_empty()).collect())
    }

    /// The kinds of record that have rules, with them, in the order of their names.
    pub fn kinds(&self) -> Vec<(&RecordType, &[Rule])> {
        let mut kinds: Vec<_> =
            self.0.iter().map(|(kind, rules)| (kind, rules.as_slice())).collect();
        kinds
            .sort_unstable_by_key(|(kind, _)| (kind.resource_name.as_str(), &kind.custom_resource));
        kinds
    }

    /// Those for the kind of record that an event is on.
    pub fn about(&self, event: &NewEvent) -> &[Rule] {
        if self.0.is_empty() {
            return &[];
        }
        self.0.get(&event.record_type()).map_or(&[], Vec::as_slice)
    }

    /// The notes that follow an event, as it is kept. What was tried and not done leaves none.
    /// `sensitive` says what not everybody may read of it.
    pub fn notes(
        &self,
        event: &NewEvent,
        sensitive: Option<&Mask>,
    ) -> impl Iterator<Item = StatusNote> {
        let rules = match event.outcome {
            Outcome::Success => self.about(event),
            Outcome::Failure => &[],
        };
        rules.iter().filter_map(move |rule| rule.note(event, sensitive))
    }
}

impl Rule {
    /// The note that follows an event, if the rule says so. No note is written because of a value that
    /// is withheld or sensitive: that there is one would give the value away.
    pub fn note(&self, event: &NewEvent, sensitive: Option<&Mask>) -> Option<StatusNote> {
        let NewEvent { event_type, custom_type, changes, .. } = event;
        let Self { event_types, custom_types, fields, becomes, text } = self;
        let any_type = event_types.is_empty() && custom_types.is_empty();
        let custom = custom_type.as_ref().is_some_and(|own| custom_types.contains(&own.name));
        if !(any_type || event_types.contains(event_type) || custom) {
            return None;
        }
        let is_secret =
            |change: &Change| change.withheld || sensitive.is_some_and(|mask| mask.covers(change));
        let matches = |change: &Change| {
            becomes.is_empty()
                || (becomes.iter().any(|value| reads(&change.after, value)) && !is_secret(change))
        };
        let matched: Vec<(&Field, &Change)> = changes
            .iter()
            .filter(|change| matches(change))
            .filter_map(|change| Some((fields.iter().find(|f| f.field == change.field)?, change)))
            .collect();
        if matched.is_empty() && !fields.is_empty() {
            return None;
        }
        let labels = matched.iter().map(|(field, _)| *field).take(MAX_CHANGES).collect::<Vec<_>>();
        Some(StatusNote {
            text: text.with_labels(&labels, matched.len()),
            changes: matched.into_iter().take(MAX_CHANGES).map(|(_, c)| c.clone()).collect(),
            tells_value: !becomes.is_empty(),
        })
    }

    /// Whether the parts of the rule go together. The error says all that is wrong.
    pub fn check(self) -> Result<Self, String> {
        let Self { event_types, custom_types, fields, becomes, text } = &self;
        let mut problems = Vec::new();
        let lists = [
            ("event_types", event_types.len()),
            ("custom_types", custom_types.len()),
            ("fields", fields.len()),
            ("becomes", becomes.len()),
        ];
        for (name, length) in lists.into_iter().filter(|(_, length)| *length > MAX_VALUES) {
            problems.push(format!("{name} has {length} items, and may have {MAX_VALUES}"));
        }
        if event_types.is_empty() && custom_types.is_empty() && fields.is_empty() {
            problems.push("it has no condition: name event_types, custom_types or fields".into());
        }
        if let Some(own) = event_types.iter().find(|event_type| event_type.is_reserved()) {
            problems.push(format!("event_types holds {own}, which is itself a note"));
        }
        for Field { field, label } in fields {
            problems.extend(fits("field", field).err());
            problems.extend(label.as_ref().and_then(|label| fits("label", label).err()));
        }
        if let Some((i, twice)) = fields.iter().enumerate().find_map(|(i, field)| {
            fields.iter().take(i).any(|f| f.field == field.field).then_some((i, field))
        }) {
            let name = shortened(&twice.field, 50);
            problems.push(format!("fields[{i}] is {name:?}, which stands before it already"));
        }
        if fields.is_empty() && !becomes.is_empty() {
            problems.push("becomes is about a change: name the fields".into());
        }
        problems.extend(becomes.iter().filter_map(|value| fits("becomes", value).err()));
        if fields.is_empty() && text.tells_changes() {
            problems.push("text tells of changes: name the fields".into());
        }
        if problems.is_empty() { Ok(self) } else { Err(problems.join("; ")) }
    }

    /// The rule as JSON, as it is kept and as the log shows it.
    pub fn to_json(&self) -> Json {
        let Self { event_types, custom_types, fields, becomes, text } = self;
        let list = |texts: Vec<String>| Json::Array(texts.into_iter().map(Json::String).collect());
        let fields = fields.iter().map(|Field { field, label }| {
            let label = label.clone().map(Json::String);
            let members = [("field", Some(Json::String(field.clone()))), ("label", label)];
            object(members.into_iter().filter_map(|(key, value)| Some((key, value?))))
        });
        object([
            ("event_types", list(event_types.iter().map(ToString::to_string).collect())),
            ("custom_types", list(custom_types.iter().map(ToString::to_string).collect())),
            ("fields", Json::Array(fields.collect())),
            ("becomes", list(becomes.clone())),
            ("text", Json::String(text.text.clone())),
        ])
    }

    /// The rule that was kept as this JSON.
    pub fn from_json(json: &Json) -> Option<Self> {
        let texts = |key| {
            let items = items(json.get(key)?)?.iter();
            items.map(|item| string(item).map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        let fields = items(json.get("fields")?)?.iter().map(|item| {
            let label = item.get("label").and_then(string).map(str::to_owned);
            Some(Field { field: string(item.get("field")?)?.to_owned(), label })
        });
        Some(Self {
            event_types: texts("event_types")?
                .iter()
                .map(|name| EventType::parse(name))
                .collect::<Option<_>>()?,
            custom_types: texts("custom_types")?.into_iter().map(Id::trusted).collect(),
            fields: fields.collect::<Option<_>>()?,
            becomes: texts("becomes")?,
            text: Template::parse(string(json.get("text")?)?).ok()?,
        })
    }
}

impl StatusNote {
    /// The event that keeps the note, on the record of the event that it follows.
    pub fn event(self, cause: &NewEvent, initials: &str) -> NewEvent {
        let Self { text, changes, tells_value } = self;
        let marks = Marks { initials: initials.to_owned(), corrects: None, tells_value };
        NewEvent {
            external_id: None,
            event_type: EventType::StatusNote,
            custom_type: None,
            purpose: None,
            changes,
            context: Context {
                description: Some(text),
                request_id: cause.context.request_id.clone(),
                metadata: Some(marks.to_metadata()),
                ..Context::default()
            },
            ..cause.clone()
        }
    }
}

impl Field {
    fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.field)
    }
}

impl Template {
    /// Reads a template; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        fits("text", text)?;
        let parts = pieces(text).into_iter().map(|piece| match piece {
            Piece::Text(text) => Ok(Part::Text(text.to_owned())),
            Piece::Place("label") => Ok(Part::Label),
            Piece::Place("field") => Ok(Part::Field),
            Piece::Place("before") => Ok(Part::Before),
            Piece::Place("after") => Ok(Part::After),
            Piece::Place("changes") => Ok(Part::Changes),
            Piece::Place(other) => Err(format!(
                "text has {{{}}}; its places are {{label}}, {{field}}, {{before}}, {{after}} and \
                 {{changes}}, and a brace is written twice",
                shortened(other, 50)
            )),
            Piece::Stray(brace) => {
                Err(format!("text has a lone {brace}: write a brace that is meant as one twice"))
            }
        });
        let parts: Vec<_> = parts.collect::<Result<_, _>>()?;
        let this = Self { text: text.to_owned(), parts };
        if this.repeats() && this.parts.contains(&Part::Changes) {
            return Err("text has {changes}, which tells of all changes, and {label}, {field}, \
                        {before} or {after}, which tell of one: use either"
                .to_owned());
        }
        Ok(this)
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn repeats(&self) -> bool {
        use Part::{After, Before, Field, Label};
        self.parts.iter().any(|part| matches!(part, Label | Field | Before | After))
    }

    fn tells_changes(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    /// The text for changes of these fields, with the values left open; `matched` is how many changes
    /// there were in all.
    fn with_labels(&self, fields: &[&Field], matched: usize) -> String {
        let numbered = fields.iter().enumerate().map(|(i, field)| (i, *field));
        if !self.repeats() {
            return self.once(|| {
                let mut all: Vec<_> = numbered
                    .clone()
                    .map(|(i, field)| {
                        let (before, after) = (place("before", i), place("after", i));
                        format!("{}: {before} → {after}", escaped(field.label()))
                    })
                    .collect();
                all.extend(note::and_more(matched));
                all.join("; ")
            });
        }
        let each = numbered.map(|(i, field)| {
            let parts = self.parts.iter().map(|part| match part {
                Part::Text(text) => escaped(text),
                Part::Label => escaped(field.label()),
                Part::Field => escaped(&field.field),
                Part::Before => place("before", i),
                Part::After => place("after", i),
                Part::Changes => String::new(),
            });
            parts.collect::<String>()
        });
        each.chain(note::and_more(matched)).collect::<Vec<_>>().join("; ")
    }

    /// The text of a template that does not repeat.
    fn once(&self, changes: impl Fn() -> String) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => escaped(text),
            _ => changes(),
        });
        parts.collect()
    }
}

/// A note as somebody reads it whose view of the note's event this is: its text is filled in. Another
/// event stays as it is. `tells_value` is the note's, before anything of it was hidden. Fails only
/// when storage was tampered with.
pub fn told(event: Event, tells_value: bool) -> Result<Event, serde_json::Error> {
    if event.event_type != EventType::StatusNote {
        return Ok(event);
    }
    let changes = event.changes.shown()?;
    let is_withheld = tells_value && changes.iter().any(|change| change.withheld);
    let description = event.context.description.map(|text| match is_withheld {
        true => WITHHELD.to_owned(),
        false => render(&text, &changes),
    });
    Ok(Event { context: Context { description, ..event.context }, ..event })
}

/// A kept text with its values filled in: those of the changes that were kept with it, as the reader
/// sees them. What is no place of ours stays as it is.
pub fn render(text: &str, changes: &[ShownChange]) -> String {
    let parts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) | Piece::Stray(text) => text.to_owned(),
        Piece::Place(name) => {
            let value = filled(name, changes);
            value.unwrap_or_else(|| format!("{{{name}}}"))
        }
    });
    parts.collect()
}

fn filled(name: &str, changes: &[ShownChange]) -> Option<String> {
    let (side, number) = name.split_once(' ').unwrap_or((name, "1"));
    let change = changes.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
    match side {
        "before" => Some(note::value(change.before.as_deref())),
        "after" => Some(note::value(change.after.as_deref())),
        _ => None,
    }
}

/// The place of the value of the change with this index.
fn place(side: &str, index: usize) -> String {
    match index {
        0 => format!("{{{side}}}"),
        _ => format!("{{{side} {}}}", index + 1),
    }
}

enum Piece<'a> {
    Text(&'a str),
    Place(&'a str),
    Stray(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, from) = rest.split_at(at);
        pieces.push(Piece::Text(text));
        let place = from.strip_prefix('{').and_then(|from| from.split_once('}'));
        let (brace, after) = from.split_at(1);
        let (piece, after) = match (after.strip_prefix(brace), place) {
            (Some(after), _) => (Piece::Text(brace), after),
            (None, Some((name, after))) if !name.contains('{') => (Piece::Place(name), after),
            _ => (Piece::Stray(brace), after),
        };
        pieces.push(piece);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Whether a reader sees the value as this text.
fn reads(value: &Json, text: &str) -> bool {
    match value {
        Json::Null => false,
        Json::String(value) => value == text,
        other => other.to_string() == text,
    }
}

fn fits(what: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{what} must not be empty"));
    }
    if text.chars().nth(MAX_CHARS).is_some() {
        return Err(format!("{what} must have at most {MAX_CHARS} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} must not hold control characters"));
    }
    Ok(())
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn items(json: &Json) -> Option<&[Json]> {
    match json {
        Json::Array(items) => Some(items),
        _ => None,
    }
}

fn string(json: &Json) -> Option<&str> {
    match json {
        Json::String(text) => Some(text),
        _ => None,
    }
}
