//! The rules by which the server writes status notes.

use super::actor::{Actor, Done};
use super::input::{Answer, Input};
use super::object;
use super::policies::{Kind, checked_kind, name};
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::kind::{EventType, ResourceName};
use crate::domain::policy::RecordType;
use crate::domain::status_note::{Field, MAX_RULES, Rule, Template};
use crate::error::{Error, Result};
use crate::store::{Store, note_rules, tenants};

/// A rule as it is given, before any of it was checked; see [`Rule`].
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // the fields are the rule's
pub struct NewRule {
    pub event_types: Vec<EventType>,
    pub custom_types: Vec<String>,
    pub fields: Vec<Field>,
    pub becomes: Vec<String>,
    pub text: String,
}

/// Sets the rules for a kind of record, in place of those before; none takes them all away.
pub async fn set_status_note_rules(
    store: &Store,
    actor: &Actor,
    kind: Kind,
    rules: Vec<NewRule>,
) -> Result<Answer<(RecordType, Vec<Rule>)>> {
    let mut input = Input::default();
    let kind = checked_kind(&mut input, kind).flatten();
    let after = checked(&mut input, rules);
    let (Some(kind), true) = (kind, input.is_fine()) else { return Ok(Err(input.messages)) };
    let Some(tenant_id) = actor.scope().map(|scope| scope.tenant_id().clone()) else {
        return Err(Error::bad_input("rules are set by the tenant's owner, through the API"));
    };
    let actor = actor.clone();
    store
        .write(move |store, transaction| {
            Box::pin(async move {
                tenants::lock(transaction, &tenant_id).await?;
                let before = note_rules::find(transaction, &tenant_id, &kind).await?;
                if before == after {
                    return Ok(Ok((kind, after)));
                }
                note_rules::set(transaction, &tenant_id, &kind, &after, store.now()).await?;
                let done = Done {
                    event_type: match (before.is_empty(), after.is_empty()) {
                        (true, _) => EventType::Create,
                        (_, true) => EventType::Destroy,
                        _ => EventType::Update,
                    },
                    resource_name: ResourceName::StatusNoteRule,
                    resource_id: name(Some(&kind)),
                    organization_id: tenant_id.clone(),
                    before: json(&before),
                    after: json(&after),
                };
                actor.record(store, transaction, &tenant_id, done).await?;
                Ok(Ok((kind, after)))
            })
        })
        .await
}

fn json(rules: &[Rule]) -> Option<Json> {
    let list = || Json::Array(rules.iter().map(Rule::to_json).collect());
    (!rules.is_empty()).then(|| object([("rules", list())]))
}

/// The rules, as far as they are as they must be.
fn checked(input: &mut Input, rules: Vec<NewRule>) -> Vec<Rule> {
    if rules.len() > MAX_RULES {
        let rules = rules.len();
        input.mend("rules", format!("has {rules} rules; a kind of record may have {MAX_RULES}"));
    }
    let rules = rules.into_iter().take(MAX_RULES).enumerate();
    let rules = rules.filter_map(|(i, rule)| match rule.check() {
        Ok(rule) => Some(rule),
        Err(problem) => {
            input.mend("rules", format!("[{i}]: {problem}"));
            None
        }
    });
    rules.collect()
}

impl NewRule {
    fn check(self) -> std::result::Result<Rule, String> {
        let Self { event_types, custom_types, fields, becomes, text } = self;
        let custom_types = custom_types.into_iter().map(|name| {
            Id::new(name).map_err(|problem| format!("a name in custom_types {problem}"))
        });
        let custom_types = custom_types.collect::<std::result::Result<_, _>>();
        let (custom_types, text) = match (custom_types, Template::parse(&text)) {
            (Ok(custom_types), Ok(text)) => (custom_types, text),
            (custom_types, text) => {
                let problems = [custom_types.err(), text.err()];
                return Err(problems.into_iter().flatten().collect::<Vec<_>>().join("; "));
            }
        };
        Rule { event_types, custom_types, fields, becomes, text }.check()
    }
}
