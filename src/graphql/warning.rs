//! What an answer says beside its data, in `extensions.warnings`: nothing has failed, and yet it is
//! not quite what was asked for.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, Name, Response, Value};

use crate::domain::filter::EventFilter;
use crate::domain::time::{self, Time};
use crate::domain::viewer::Scope;

/// The warnings of one request. Every request that is executed carries them.
#[derive(Debug, Clone, Default)]
pub struct Warnings(Arc<Mutex<Vec<Warning>>>);

/// A warning, and the root field it is about.
#[derive(Debug)]
struct Warning {
    root: String,
    value: Value,
}

impl Warnings {
    /// Writes the warnings into the answer, if there are any, in the order of its fields, which are
    /// resolved in any order.
    pub fn finish(self, mut response: Response) -> Response {
        let mut warnings =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if let Value::Object(data) = &response.data {
            warnings.sort_by_key(|warning| data.get_index_of(warning.root.as_str()));
        }
        if !warnings.is_empty() {
            let values = warnings.into_iter().map(|warning| warning.value).collect();
            response.extensions.insert("warnings".to_owned(), Value::List(values));
        }
        response
    }
}

/// Says so when somebody asks for events from before those that the tenant's plan shows. The answer
/// is narrowed to what it shows.
pub fn of_window(ctx: &Context<'_>, scope: &Scope, filter: &EventFilter) {
    let Some(since) = scope.visible_since() else { return };
    let asked_for = [filter.occurred_after, filter.occurred_before];
    if asked_for.into_iter().flatten().any(|time| time < since) {
        add(ctx, since);
    }
}

fn add(ctx: &Context<'_>, since: Time) {
    let since = time::format(since);
    let path: Vec<String> = ctx.path_node.iter().flat_map(|node| node.to_string_vec()).collect();
    let root = path.first().cloned().unwrap_or_default();
    let message = format!(
        "the plan of your organization shows what happened at {since} or later; what is older was left out"
    );
    let members = [
        ("code", Value::from("HISTORY_WINDOW")),
        ("message", Value::from(message)),
        ("path", Value::List(path.into_iter().map(Value::from).collect())),
        ("visible_since", Value::from(since)),
    ];
    let members = members.into_iter().map(|(key, value)| (Name::new(key), value)).collect();
    let Warnings(warnings) = ctx.data_unchecked::<Warnings>();
    let warning = Warning { root, value: Value::Object(members) };
    warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
}
