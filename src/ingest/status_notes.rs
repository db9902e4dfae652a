//! The notes that follow events, by the tenant's rules.

use std::collections::HashMap;

use crate::domain::event::NewEvent;
use crate::domain::id::Id;
use crate::domain::note;
use crate::domain::tenant::Tenant;
use crate::domain::tree::Path;
use crate::error::Result;
use crate::store::{PreparedEvent, Store};

/// The initials of whoever acted in those of some events that notes may follow.
#[derive(Debug, Default)]
pub(super) struct Authors(HashMap<Id, String>);

impl Authors {
    /// Asks the store nothing when no rule concerns any of the events.
    pub async fn of<'a, E: 'a>(
        store: &Store,
        tenant: &Tenant,
        events: impl Iterator<Item = &'a std::result::Result<NewEvent, E>>,
    ) -> Result<Self> {
        let concerned = events.flatten();
        let concerned = concerned.filter(|event| !tenant.note_rules.about(event).is_empty());
        let mut ids: Vec<&Id> =
            concerned.filter_map(|event| event.acting_user_id.as_ref()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let unknown = ids.iter().map(|id| (Id::clone(id), initials(id, None, None)));
        let mut authors: HashMap<_, _> = unknown.collect();
        let known = store.users_in(&tenant.id, ids.into_iter().cloned().collect()).await?;
        for user in known {
            let initials =
                initials(&user.id, user.first_name.as_deref(), user.last_name.as_deref());
            authors.insert(user.id, initials);
        }
        Ok(Self(authors))
    }

    /// The notes that follow an event.
    pub fn notes(&self, tenant: &Tenant, event: &NewEvent, path: &Path) -> Vec<PreparedEvent> {
        let sensitive = tenant.sensitive_fields.mask(&event.record_type());
        let notes = tenant.note_rules.notes(event, sensitive).map(|note| {
            let author = event.acting_user_id.as_ref().and_then(|id| self.0.get(id));
            let note = note.event(event, author.map_or(note::NOBODY, String::as_str));
            PreparedEvent::new(&note, path.clone())
        });
        notes.collect()
    }
}

fn initials(id: &Id, first_name: Option<&str>, last_name: Option<&str>) -> String {
    note::initials(Some((id, first_name, last_name)))
}
