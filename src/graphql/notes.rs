//! Notes on records, and the timeline of a record's notes and events.

use async_graphql::{Context, ID, InputObject, Lookahead, Object, SimpleObject};

use super::Requester;
use super::administration::{FieldMessage, split};
use super::arguments::{
    asked_for, custom_resource_of, given_id, history_of, page_request, viewable,
};
use super::budget::Budget;
use super::connection::{Events, PageInfo};
use super::event::{AuditEvent, Needs};
use super::kind::{NoteKind, OrderKey};
use super::people::User;
use super::scalar::{Cursor, DateTime};
use crate::domain::diff::ShownChange;
use crate::domain::event::Event;
use crate::domain::filter::EventFilter;
use crate::domain::kind::{Outcome, ResourceName};
use crate::domain::note::{self, Kind, Marks};
use crate::domain::style::{Locale, Style, Zone};
use crate::domain::time::Time;
use crate::domain::viewer::{Descendants, Hierarchy, Scope};
use crate::error::{Error, Result};
use crate::notes::{self, NewNote};
use crate::store::Store;

#[derive(Default)]
pub struct NoteQueries;

#[derive(Default)]
pub struct NoteMutations;

/// A line of a record's timeline: a note, or something that was done to the record.
#[derive(SimpleObject, Clone)]
#[graphql(rename_fields = "snake_case")]
struct ResourceNote {
    /// The id of the event that it is.
    id: ID,
    /// What it is.
    kind: NoteKind,
    /// What the note says, or the event in words. Values that you may not read are withheld.
    text: String,
    /// The whole text form, such as `10/18/2018 11:00:04 AM MKH – Client asked for it`. What follows
    /// a line break in the text is set in by four spaces.
    line: String,
    /// The initials of whoever acted, of a note as they were when it was written; SPSA for nobody.
    author_initials: String,
    /// Who acted; null for nobody.
    acting_user: Option<User>,
    /// When.
    occurred_at: DateTime,
    /// The id of the note that this one corrects.
    corrects: Option<ID>,
    /// The whole event.
    event: AuditEvent,
}

/// A page of a record's timeline.
#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
struct ResourceNoteConnection {
    /// The lines, each with its cursor.
    edges: Option<Vec<ResourceNoteEdge>>,
    /// The lines alone.
    nodes: Option<Vec<ResourceNote>>,
    /// Whether and how to read on.
    page_info: PageInfo,
    /// How many lines there are in all, exactly. Costs nothing when it is not selected.
    total_count: i32,
    /// Lines from before this time are not shown; null if all are.
    visible_since: Option<DateTime>,
}

/// A line with its place in the timeline.
#[derive(SimpleObject)]
struct ResourceNoteEdge {
    /// Give it back as `after` or `before` to read on from here.
    cursor: Cursor,
    /// The line.
    node: ResourceNote,
}

/// A note to write. Nobody can change it; it is corrected by a later note.
#[derive(InputObject)]
#[graphql(rename_fields = "snake_case")]
struct AddTimestampNoteInput {
    /// Your own id for it: writing the same note again under it changes nothing.
    id: Option<ID>,
    /// The organization that the record is in.
    organization_id: ID,
    /// What kind of record the note is on.
    resource_name: ResourceName,
    /// Which kind of your own, if resource_name is CUSTOM.
    custom_resource: Option<ID>,
    /// The id of that record.
    resource_id: ID,
    /// What it says: 1 to 10,000 characters, of control characters only line breaks.
    text: String,
    /// The id of the note on the same record that this one corrects.
    corrects: Option<ID>,
    /// Who wrote it, which only can_record may say of others; you, if not given.
    acting_user_id: Option<ID>,
}

/// The note as it was written.
#[derive(SimpleObject)]
struct AddTimestampNotePayload {
    /// The note; null when something is to be mended.
    note: Option<ResourceNote>,
    /// What about the input is to be mended.
    messages: Vec<FieldMessage>,
}

#[Object(rename_args = "snake_case")]
impl NoteQueries {
    /// The timeline of one record: the notes on it, by users and by the server, and all that was done
    /// to it. It needs can_view_resource_history, or the right to view the audit log.
    #[allow(clippy::too_many_arguments)] // flat, as those of auditLog
    async fn resource_notes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What kind of record it is.")] resource_name: ResourceName,
        #[graphql(desc = "Which kind of your own, if resource_name is CUSTOM.")]
        custom_resource: Option<ID>,
        #[graphql(desc = "The record's id.")] resource_id: ID,
        #[graphql(desc = "Only what happened in this organization and its descendants.")]
        organization_id: Option<ID>,
        #[graphql(desc = "Only lines of one of these kinds.")] kinds: Option<Vec<NoteKind>>,
        #[graphql(
            desc = "The form of dates and times, such as `de-DE`; the tenant's, if not given."
        )]
        locale: Option<String>,
        #[graphql(
            desc = "Whose clocks to read, such as `America/New_York`; the tenant's, if not given."
        )]
        time_zone: Option<String>,
        #[graphql(desc = "What to order by; OCCURRED_AT_DESC if not given.")] order_by: Option<
            OrderKey,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(
            desc = "The first so many lines: 1 to 1000; 100 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "The last so many lines: 1 to 1000.")] last: Option<i32>,
    ) -> Result<Option<ResourceNoteConnection>> {
        let mut turn = Budget::turn(ctx).await;
        let store = ctx.data_unchecked::<Store>();
        let visible = viewable(ctx, history_of(resource_name)).await?;
        if kinds.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::bad_input(
                "kinds is an empty list: name at least one, or leave it out to get all",
            ));
        }
        let kinds = kinds.map(|kinds| kinds.into_iter().map(Kind::from).collect::<Vec<_>>());
        let filter = EventFilter {
            event_types: kinds.map(|kinds| Kind::event_types(&kinds)),
            resource_names: Some(vec![resource_name]),
            custom_resources: custom_resource_of(resource_name, custom_resource)?,
            resource_ids: Some(vec![given_id("resource_id", resource_id)?]),
            ..EventFilter::default()
        };
        let style = style(&visible.tenant().settings.style, locale, time_zone)?;
        let request = page_request(ctx, &visible, order_by, (after, before), (first, last))?;
        let narrow_to = organization_id.map(|id| given_id("organization_id", id)).transpose()?;
        let scope =
            asked_for(store, &visible, Hierarchy::Current, narrow_to, Descendants::With).await?;

        let selected = ctx.look_ahead();
        let (nodes, edges) = (selected.field("nodes"), selected.field("edges"));
        let Events { items, cursors, page_info, total_count } =
            Events::read(ctx, &mut turn, &scope, &filter, &request).await?;
        let needs = needs(&nodes).or(needs(&edges.field("node")));
        let lines = ResourceNote::load(store, &visible, &style, items, needs).await?;
        let edge = |(node, cursor): (&ResourceNote, Cursor)| ResourceNoteEdge {
            cursor,
            node: node.clone(),
        };
        Ok(Some(ResourceNoteConnection {
            edges: edges.exists().then(|| lines.iter().zip(cursors).map(edge).collect()),
            nodes: nodes.exists().then_some(lines),
            page_info,
            total_count,
            visible_since: scope.visible_since().map(DateTime::from),
        }))
    }
}

#[Object]
impl NoteMutations {
    /// Writes a note on a record, stamped with the time and its author's initials.
    async fn add_timestamp_note(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The note to write.")] input: AddTimestampNoteInput,
    ) -> Result<Option<AddTimestampNotePayload>> {
        let store = ctx.data_unchecked::<Store>();
        let Requester { viewer, context } = ctx.data_unchecked::<Requester>();
        let note = NewNote {
            id: input.id.map(String::from),
            organization_id: input.organization_id.into(),
            acting_user_id: input.acting_user_id.map(String::from),
            resource_name: input.resource_name,
            custom_resource: input.custom_resource.map(String::from),
            resource_id: input.resource_id.into(),
            text: input.text,
            corrects: input.corrects.map(String::from),
        };
        let (written, messages) = split(notes::add(store, viewer, context.clone(), note).await?);
        let Some((event, scope)) = written else {
            return Ok(Some(AddTimestampNotePayload { note: None, messages }));
        };
        let needs = needs(&ctx.look_ahead().field("note"));
        let style = &scope.tenant().settings.style;
        let note = ResourceNote::load(store, &scope, style, vec![event], needs).await?;
        Ok(Some(AddTimestampNotePayload { note: note.into_iter().next(), messages }))
    }
}

/// What a line needs of its event.
fn needs(line: &Lookahead<'_>) -> Needs {
    let text = ["text", "line"].into_iter().any(|field| line.field(field).exists());
    let people = ["acting_user", "author_initials", "line"];
    let people = people.into_iter().any(|field| line.field(field).exists());
    Needs { changes: text, users: people, ..Needs::default() }.or(Needs::of(&line.field("event")))
}

/// How lines are written: as asked for, and else by the tenant's settings.
fn style(default: &Style, locale: Option<String>, time_zone: Option<String>) -> Result<Style> {
    let wrong = |name| move |problem| Error::bad_input(format!("{name} {problem}"));
    let locale = locale.map(|name| Locale::parse(&name).map_err(wrong("locale"))).transpose()?;
    let zone = time_zone.map(|name| Zone::parse(&name).map_err(wrong("time_zone"))).transpose()?;
    Ok(Style {
        locale: locale.unwrap_or(default.locale),
        zone: zone.unwrap_or_else(|| default.zone.clone()),
    })
}

impl ResourceNote {
    /// The lines that events are, as somebody with this scope sees them.
    async fn load(
        store: &Store,
        scope: &Scope,
        style: &Style,
        events: Vec<Event>,
        needs: Needs,
    ) -> Result<Vec<Self>> {
        let about = events.iter().map(|event| About::of(event, needs));
        let about = about.collect::<Result<Vec<_>>>()?;
        let events = AuditEvent::load(store, scope, events, needs).await?;
        Ok(events
            .into_iter()
            .zip(about)
            .map(|(event, about)| Self::of(style, event, about))
            .collect())
    }

    fn of(style: &Style, event: AuditEvent, About { time, marks, changes }: About) -> Self {
        let kind = Kind::of(event.event_type);
        let description = event.description.as_deref();
        let text = match kind {
            Kind::TimestampNote | Kind::StatusNote => description.unwrap_or_default().to_owned(),
            Kind::Event => {
                let event_type = event.event_type.to_string();
                let own = event.custom_type.as_ref().map_or(event_type.as_str(), |own| own);
                note::event_text(own, event.outcome == Outcome::Failure, &changes, description)
            }
        };
        let (initials, corrects) = match marks {
            Some(Marks { initials, corrects, .. }) => (initials, corrects.map(ID)),
            None => (event.acting_user.as_ref().map_or_else(nobody, User::initials), None),
        };
        Self {
            id: event.id.clone(),
            kind: kind.into(),
            line: note::line(style, time, &initials, &text),
            text,
            author_initials: initials,
            acting_user: event.acting_user.clone(),
            occurred_at: time.into(),
            corrects,
            event,
        }
    }
}

/// What a line is made of that its event does not tell on the wire.
struct About {
    time: Time,
    marks: Option<Marks>,
    changes: Vec<ShownChange>,
}

impl About {
    fn of(event: &Event, needs: Needs) -> Result<Self> {
        let is_told = needs.changes && Kind::of(event.event_type) == Kind::Event;
        let changes = match is_told {
            true => event.changes.shown(),
            false => Ok(Vec::new()),
        };
        let changes =
            changes.map_err(|error| Error::internal("reading an event's changes", error))?;
        Ok(Self { time: event.position.occurred_at, marks: Marks::of(event), changes })
    }
}

fn nobody() -> String {
    note::NOBODY.to_owned()
}
