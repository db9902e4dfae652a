//! Notes that users write on records. A note is an event on its record, so that all that holds for
//! events holds for it: nobody changes it, and who may see it is who may see the record's events.

use std::sync::Arc;

use crate::admin::{Answer, Kind, Message};
use crate::domain::event::{Context, Defined, Event, NewEvent};
use crate::domain::id::Id;
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::domain::note::{self, Marks};
use crate::domain::page::{Position, Purpose};
use crate::domain::policy::RecordType;
use crate::domain::time::Time;
use crate::domain::viewer::{Permission, Scope, Viewer};
use crate::error::{Code, Error, Result};
use crate::store::{self, Fingerprint, PreparedEvent, Store};

/// A note as somebody gives it, before any of it was checked.
#[derive(Debug, Clone)]
pub struct NewNote {
    /// The writer's own id for it, which makes writing it idempotent.
    pub id: Option<String>,
    /// Where the record is.
    pub organization_id: String,
    /// Who wrote it; the requester, if nobody else.
    pub acting_user_id: Option<String>,
    /// What kind of record it is on …
    pub resource_name: ResourceName,
    /// … of the tenant's own definition …
    pub custom_resource: Option<String>,
    /// … and which one.
    pub resource_id: String,
    /// What it says.
    pub text: String,
    /// The id of the event that is the note it corrects.
    pub corrects: Option<String>,
}

/// A note that may be written.
struct Checked {
    external_id: Option<Id>,
    organization_id: Id,
    author: Id,
    kind: RecordType,
    resource_id: Id,
    text: String,
    corrects: Option<String>,
    /// What the writer may see of the place it is in.
    seen: Scope,
}

/// Writes a note; the event that it is. One that was written before under the same id is answered
/// again.
pub async fn add(
    store: &Store,
    viewer: &Viewer,
    context: Context,
    note: NewNote,
) -> Result<Answer<(Event, Scope)>> {
    if !viewer.may(Permission::AddNotes) && !viewer.may(Permission::Record) {
        return Err(Error::forbidden(
            "writing a note needs can_add_notes or can_record on a membership, which you have nowhere",
        ));
    }
    let note = match check(store, viewer, note).await? {
        Ok(note) => note,
        Err(messages) => return Ok(Err(messages)),
    };
    loop {
        let tenant = store.tenant(&viewer.tenant_id).await?;
        let everything = Scope::whole(Arc::clone(&tenant));
        if let Some(event) = note.written(store, &everything).await? {
            return Ok(Ok((event, note.seen)));
        }
        let Some(path) = tenant.tree.path(&note.organization_id) else {
            return Err(Error::not_found("the organization is not there any more"));
        };
        let custom = note.kind.custom_resource.as_ref();
        let custom = match custom.map(|name| tenant.definitions.resource(name)).transpose() {
            Ok(custom) => custom,
            Err(message) => return Ok(Err(vec![Message { field: "custom_resource", message }])),
        };
        let now = store.now();
        let initials = initials(store, &tenant.id, &note.author).await?;
        let event = note.event(custom, &initials, &context, now);
        let fingerprint = Fingerprint::of(store.positions(), &event);
        let prepared = PreparedEvent::new(&event, path).known_as(fingerprint);
        let appended = match store.append(&tenant, vec![prepared]).await {
            Ok(store::Outcome::Stale) => continue,
            Ok(store::Outcome::Appended(appended)) => appended.sequences,
            // Somebody was quicker with the same id: with the same note, or another one.
            Err(Error::Client(refused)) if refused.code == Code::Conflict => None,
            Err(error) => return Err(error),
        };
        let written = match appended {
            Some((sequence, _)) => {
                let position = Position { occurred_at: now, sequence };
                store.event(&everything, position).await?
            }
            None => note.written(store, &everything).await?,
        };
        // It may be gone already: a note that was written before, by what is kept of the log.
        let written = written.ok_or_else(conflict)?;
        return Ok(Ok((written, note.seen)));
    }
}

async fn check(store: &Store, viewer: &Viewer, note: NewNote) -> Result<Answer<Checked>> {
    let mut messages = Vec::new();
    let mut mend = |field, message: String| messages.push(Message { field, message });
    let mut checked = |field, result: std::result::Result<Id, String>| {
        result.map_err(|problem| mend(field, problem)).ok()
    };
    let external_id = note.id.map(|id| checked("id", Id::new(id)));
    let organization_id = checked("organization_id", Id::new(note.organization_id));
    let acting_user_id = note.acting_user_id.map(|id| checked("acting_user_id", Id::user(id)));
    let resource_id = checked("resource_id", Id::new(note.resource_id));
    let kind =
        Kind { resource_name: Some(note.resource_name), custom_resource: note.custom_resource };
    let kind = kind.check().map_err(|(field, problem)| mend(field, problem)).ok().flatten();
    let text = note::text(&note.text).map_err(|problem| mend("text", problem)).ok();

    let author = acting_user_id.flatten().unwrap_or_else(|| viewer.user_id.clone());
    let noting = store.scope(viewer, Permission::AddNotes).await?;
    let recording = store.scope(viewer, Permission::Record).await?;
    if let Some(id) = &organization_id {
        let exists = noting.tenant().tree.contains(id);
        if !exists || !(noting.holds(id) || recording.holds(id)) {
            mend(
                "organization_id",
                "there is no such organization that you may write notes in".to_owned(),
            );
        } else if author != viewer.user_id && !recording.holds(id) {
            mend("acting_user_id", "is not you: writing for others needs can_record".to_owned());
        }
    }
    let (Some(organization_id), Some(kind), Some(resource_id), Some(text), true) =
        (organization_id, kind, resource_id, text, messages.is_empty())
    else {
        return Ok(Err(messages));
    };
    let note = Checked {
        seen: if noting.holds(&organization_id) { noting } else { recording },
        external_id: external_id.flatten(),
        organization_id,
        author,
        kind,
        resource_id,
        text,
        corrects: note.corrects,
    };
    if let Some(id) = &note.corrects
        && !corrects_a_note(store, viewer, &note, id).await?
    {
        let message =
            "there is no such note on this record, in this organization, that you may see"
                .to_owned();
        return Ok(Err(vec![Message { field: "corrects", message }]));
    }
    Ok(Ok(note))
}

/// Whether the event with this id is a note on the same record, in a place whose notes the writer may
/// see, or may write.
async fn corrects_a_note(store: &Store, viewer: &Viewer, note: &Checked, id: &str) -> Result<bool> {
    let tenant_id = &viewer.tenant_id;
    let Some(place) = store.positions().decode(tenant_id, Purpose::EventId, id) else {
        return Ok(false);
    };
    for permission in [Permission::ViewResourceHistory, Permission::AddNotes, Permission::Record] {
        let scope = store.scope(viewer, permission).await?;
        if let Some(earlier) = store.event(&scope, place.position).await? {
            return Ok(note.is_on_the_record_of(&earlier)
                && earlier.organization_id == note.organization_id
                && earlier.event_type == EventType::Note);
        }
    }
    Ok(false)
}

impl Checked {
    /// The event that was recorded under the note's id, which must be this very note.
    async fn written(&self, store: &Store, everything: &Scope) -> Result<Option<Event>> {
        let Some(id) = &self.external_id else { return Ok(None) };
        match store.event_by_external_id(everything, id).await? {
            Some(event) if !self.is(&event) => Err(conflict()),
            event => Ok(event),
        }
    }

    fn event(
        &self,
        custom_resource: Option<Defined>,
        initials: &str,
        context: &Context,
        now: Time,
    ) -> NewEvent {
        let marks = Marks {
            initials: initials.to_owned(),
            corrects: self.corrects.clone(),
            tells_value: false,
        };
        NewEvent {
            external_id: self.external_id.clone(),
            organization_id: self.organization_id.clone(),
            acting_user_id: Some(self.author.clone()),
            event_type: EventType::Note,
            custom_type: None,
            resource_name: self.kind.resource_name,
            custom_resource,
            resource_id: self.resource_id.clone(),
            occurred_at: Some(now),
            outcome: Outcome::Success,
            purpose: None,
            changes: Vec::new(),
            context: Context {
                description: Some(self.text.clone()),
                metadata: Some(marks.to_metadata()),
                ..context.clone()
            },
        }
    }

    fn is_on_the_record_of(&self, event: &Event) -> bool {
        event.record_type() == self.kind && event.resource_id == self.resource_id
    }

    /// Whether an event is this very note.
    fn is(&self, event: &Event) -> bool {
        let marks = Marks::of(event);
        event.event_type == EventType::Note
            && self.is_on_the_record_of(event)
            && event.organization_id == self.organization_id
            && event.acting_user_id.as_ref() == Some(&self.author)
            && event.context.description.as_ref() == Some(&self.text)
            && marks.is_some_and(|marks| marks.corrects == self.corrects)
    }
}

async fn initials(store: &Store, tenant_id: &Id, author: &Id) -> Result<String> {
    let known = store.users_in(tenant_id, vec![author.clone()]).await?;
    let names = known.first().map(|user| (user.first_name.as_deref(), user.last_name.as_deref()));
    let (first_name, last_name) = names.unwrap_or_default();
    Ok(note::initials(Some((author, first_name, last_name))))
}

fn conflict() -> Error {
    Error::client(Code::Conflict, "the id was recorded before, with other content")
}
