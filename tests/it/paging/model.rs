//! The model: a tenant's log as a vector, and the contract's words as code.
//!
//! ```text
//! 0
//! ├── 1
//! │   └── 2
//! └── 3
//!     └── 4
//! ```

use std::cmp::Ordering;

use auditlog::domain::network::key;
use auditlog::domain::page::{Order, Place, Position};
use auditlog::domain::time::{Time, format};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::search::{Details, PAGES, Search, shown};

pub const PARENTS: [Option<usize>; 5] = [None, Some(0), Some(1), Some(0), Some(3)];

pub const ORDERS: [(Order, &str); 14] = [
    (Order::OccurredAtAsc, "OCCURRED_AT_ASC"),
    (Order::OccurredAtDesc, "OCCURRED_AT_DESC"),
    (Order::SequenceAsc, "SEQUENCE_ASC"),
    (Order::SequenceDesc, "SEQUENCE_DESC"),
    (Order::ActingUserAsc, "ACTING_USER_ASC"),
    (Order::ActingUserDesc, "ACTING_USER_DESC"),
    (Order::TypeAsc, "TYPE_ASC"),
    (Order::TypeDesc, "TYPE_DESC"),
    (Order::ResourceAsc, "RESOURCE_ASC"),
    (Order::ResourceDesc, "RESOURCE_DESC"),
    (Order::PageAsc, "PAGE_ASC"),
    (Order::PageDesc, "PAGE_DESC"),
    (Order::IpAddressAsc, "IP_ADDRESS_ASC"),
    (Order::IpAddressDesc, "IP_ADDRESS_DESC"),
];

const EVENT_TYPES: [&str; 3] = ["CREATE", "UPDATE", "DESTROY"];
const RESOURCE_NAMES: [&str; 3] = ["APPOINTMENT", "TASK", "GOAL"];
const FIELDS: [&str; 3] = ["status", "status.of", "due\nat"];

/// An event to record; its parts are places in the lists above.
#[derive(Debug, Clone)]
pub struct Made {
    pub organization: usize,
    pub user: Option<usize>,
    pub event_type: usize,
    pub resource_name: usize,
    pub resource_id: usize,
    pub minute: i64,
    pub fields: Vec<usize>,
    pub details: Details,
}

/// A recorded event.
#[derive(Debug, Clone)]
pub struct Kept {
    pub sequence: i64,
    pub occurred_at: Time,
    organization: usize,
    /// What was done to which record: type, kind of record, its id.
    what: [String; 3],
    /// What a recorder said, or nothing for what administration left in the log.
    made: Option<Made>,
}

/// What is asked for. A user that is none is "no_author".
#[derive(Debug, Clone)]
pub struct Filter {
    pub user: Option<Option<usize>>,
    pub users: Option<Vec<Option<usize>>>,
    pub event_type: Option<usize>,
    pub event_types: Option<Vec<usize>>,
    pub resource_name: Option<usize>,
    pub resource_names: Option<Vec<usize>>,
    pub resource_id: Option<usize>,
    pub changed_field: Option<usize>,
    pub changed_fields: Option<Vec<usize>>,
    pub search: Search,
    pub after: Option<i64>,
    pub before: Option<i64>,
    pub organization: Option<(usize, Option<bool>)>,
}

#[derive(Debug, Clone, Copy)]
pub enum Size {
    Default,
    First(usize),
    Last(usize),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub sequences: Vec<i64>,
    pub has_next: bool,
    pub has_previous: bool,
    pub total: usize,
}

pub struct Model {
    tenant: String,
    pub kept: Vec<Kept>,
}

impl Model {
    pub fn new(tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), kept: Vec::new() }
    }

    /// The id of an organization. That of the root is the tenant's name.
    pub fn organization(&self, place: usize) -> String {
        match place {
            0 => self.tenant.clone(),
            place => format!("{}-{place}", self.tenant),
        }
    }

    fn user(&self, user: Option<usize>) -> String {
        user.map_or("no_author".to_owned(), |user| format!("{} user {user}", self.tenant))
    }

    /// Something was administered: made by nobody, at this moment.
    pub fn administered(&mut self, now: Time, organization: usize, times: usize) {
        for _ in 0..times {
            self.keep(now, organization, None);
        }
    }

    /// Keeps what was recorded; the number of the first.
    pub fn record(&mut self, batch: &[Made]) -> i64 {
        let first = self.next();
        for made in batch {
            self.keep(minute(made.minute), made.organization, Some(made.clone()));
        }
        first
    }

    fn keep(&mut self, occurred_at: Time, organization: usize, made: Option<Made>) {
        let what = made.as_ref().map(|made| {
            let id = made.resource_id.to_string();
            [EVENT_TYPES[made.event_type].into(), RESOURCE_NAMES[made.resource_name].into(), id]
        });
        let what = what.unwrap_or_default();
        self.kept.push(Kept { sequence: self.next(), occurred_at, organization, what, made });
    }

    /// Learns what administration did, from the log itself: its ids are the server's own.
    pub fn learn(&mut self, log: &[Value]) {
        for event in log {
            let sequence: usize = event["sequence"].as_str().unwrap().parse().unwrap();
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            self.kept[sequence - 1].what = ["type", "resource_name", "resource_id"].map(text);
        }
    }

    /// The place of an event in a list of this order.
    pub fn place(&self, order: Order, kept: &Kept) -> Place {
        let Kept { what: [event_type, resource_name, resource_id], .. } = kept.clone();
        let details = kept.details();
        let keys = match order {
            Order::OccurredAtAsc | Order::OccurredAtDesc => vec![],
            Order::SequenceAsc | Order::SequenceDesc => vec![],
            Order::ActingUserAsc | Order::ActingUserDesc => {
                vec![kept.user().map_or_else(String::new, |user| self.user(Some(user)))]
            }
            Order::TypeAsc | Order::TypeDesc => vec![event_type, String::new()],
            Order::ResourceAsc | Order::ResourceDesc => {
                vec![resource_name, String::new(), resource_id]
            }
            Order::PageAsc | Order::PageDesc => {
                vec![details.page.map_or_else(String::new, |page| PAGES[page].to_owned())]
            }
            Order::IpAddressAsc | Order::IpAddressDesc => {
                let address = details.address();
                vec![address.map_or_else(String::new, |a| key(std::net::Ipv6Addr::from(a).into()))]
            }
        };
        let position = Position { occurred_at: kept.occurred_at, sequence: kept.sequence };
        Place { keys, position }
    }

    fn next(&self) -> i64 {
        i64::try_from(self.kept.len()).unwrap() + 1
    }

    pub fn kept(&self, sequence: i64) -> Kept {
        self.kept[usize::try_from(sequence).unwrap() - 1].clone()
    }

    /// What a recorder sends.
    pub fn json(&self, made: &Made) -> Value {
        let side = if EVENT_TYPES[made.event_type] == "DESTROY" { "before" } else { "after" };
        let change = |field: &usize| json!({"field": FIELDS[*field], side: made.details.value()});
        let mut event = json!({
            "organization_id": self.organization(made.organization),
            "acting_user_id": made.user.map(|user| self.user(Some(user))),
            "type": EVENT_TYPES[made.event_type],
            "resource_name": RESOURCE_NAMES[made.resource_name],
            "resource_id": made.resource_id.to_string(),
            "occurred_at": format(minute(made.minute)),
            "changes": made.fields.iter().map(change).collect::<Vec<_>>(),
        });
        made.details.write(&mut event);
        event
    }

    /// The arguments that ask for what a filter says.
    pub fn variables(&self, filter: &Filter) -> Value {
        let named = |names: [&str; 3], places: &Option<Vec<usize>>| {
            places.as_ref().map(|places| places.iter().map(|p| names[*p].to_owned()).collect())
        };
        let given: [(&str, Option<Value>); 13] = [
            ("acting_user_id", filter.user.map(|user| json!(self.user(user)))),
            (
                "acting_user_ids",
                filter.users.as_ref().map(|all| all.iter().map(|u| self.user(*u)).collect()),
            ),
            ("event_type", filter.event_type.map(|t| json!(EVENT_TYPES[t]))),
            ("event_types", named(EVENT_TYPES, &filter.event_types)),
            ("resource_name", filter.resource_name.map(|r| json!(RESOURCE_NAMES[r]))),
            ("resource_names", named(RESOURCE_NAMES, &filter.resource_names)),
            ("resource_id", filter.resource_id.map(|id| json!(id.to_string()))),
            ("changed_field", filter.changed_field.map(|field| json!(FIELDS[field]))),
            ("changed_fields", named(FIELDS, &filter.changed_fields)),
            ("occurred_after", filter.after.map(|at| json!(format(minute(at))))),
            ("occurred_before", filter.before.map(|at| json!(format(minute(at))))),
            ("organization_id", filter.organization.map(|(at, _)| json!(self.organization(at)))),
            (
                "include_sub_organizations",
                filter.organization.and_then(|(_, w)| w.map(Value::from)),
            ),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let mut variables: Map<String, Value> = given.collect();
        filter.search.write(&mut variables);
        variables.into()
    }

    /// The whole list, or nothing when the organization asked for is not the viewer's to see.
    pub fn list(&self, viewer: &[usize], filter: &Filter, order: Order) -> Option<Vec<Kept>> {
        let sees = |at: usize| viewer.iter().any(|root| is_within(at, *root));
        if filter.organization.is_some_and(|(at, _)| !sees(at)) {
            return None;
        }
        let selected = |kept: &&Kept| sees(kept.organization) && filter.selects(kept);
        let mut list: Vec<Kept> = self.kept.iter().filter(selected).cloned().collect();
        list.sort_by(|a, b| in_order(order, a, b));
        Some(list)
    }

    pub fn page(
        &self,
        viewer: &[usize],
        filter: &Filter,
        order: Order,
        after: Option<&Kept>,
        before: Option<&Kept>,
        size: Size,
    ) -> Option<Page> {
        let list = self.list(viewer, filter, order)?;
        let is_before = |a: &Kept, b: &Kept| in_order(order, a, b).is_lt();
        let mut page: Vec<&Kept> = list
            .iter()
            .filter(|kept| after.is_none_or(|after| is_before(after, kept)))
            .filter(|kept| before.is_none_or(|before| is_before(kept, before)))
            .collect();
        match size {
            Size::First(n) => page.truncate(n),
            Size::Last(n) => drop(page.drain(..page.len().saturating_sub(n))),
            Size::Default if after.is_none() && before.is_some() => {
                drop(page.drain(..page.len().saturating_sub(100)));
            }
            Size::Default => page.truncate(100),
        }
        // An empty page lies between its cursors, each of which is outside of it.
        let has_next = match page.last() {
            Some(last) => list.iter().any(|kept| is_before(last, kept)),
            None => before.is_some_and(|before| list.iter().any(|kept| !is_before(kept, before))),
        };
        let has_previous = match page.first() {
            Some(first) => list.iter().any(|kept| is_before(kept, first)),
            None => after.is_some_and(|after| list.iter().any(|kept| !is_before(after, kept))),
        };
        let sequences = page.iter().map(|kept| kept.sequence).collect();
        Some(Page { sequences, has_next, has_previous, total: list.len() })
    }
}

impl Kept {
    fn user(&self) -> Option<usize> {
        self.made.as_ref().and_then(|made| made.user)
    }

    fn details(&self) -> Details {
        self.made.as_ref().map(|made| made.details.clone()).unwrap_or_default()
    }

    /// Whether it changed a field.
    fn changed(&self, field: usize) -> bool {
        self.made.as_ref().is_some_and(|made| made.fields.contains(&field))
    }

    /// The values of a changed field, before and after, as they are shown.
    fn values(&self, field: Option<usize>) -> (Option<&str>, Option<&str>) {
        match (&self.made, field) {
            (Some(made), Some(field)) if self.changed(field) => {
                let value = Some(shown(&made.details));
                if self.what[0] == "DESTROY" { (value, None) } else { (None, value) }
            }
            _ => (None, None),
        }
    }
}

impl Filter {
    fn selects(&self, kept: &Kept) -> bool {
        let made = kept.made.as_ref();
        // What administration left in the log is by nobody and a CREATE, of other kinds of record.
        let user = kept.user();
        let event_type = made.map_or(0, |made| made.event_type);
        let is = |what: fn(&Made) -> usize, value: usize| made.is_some_and(|m| what(m) == value);
        let organization = |(at, with_descendants): (usize, Option<bool>)| {
            kept.organization == at
                || (with_descendants != Some(false) && is_within(kept.organization, at))
        };
        self.user.is_none_or(|wanted| wanted == user)
            && self.users.as_ref().is_none_or(|wanted| wanted.contains(&user))
            && self.event_type.is_none_or(|wanted| wanted == event_type)
            && self.event_types.as_ref().is_none_or(|wanted| wanted.contains(&event_type))
            && self.resource_name.is_none_or(|wanted| is(|made| made.resource_name, wanted))
            && self
                .resource_names
                .as_ref()
                .is_none_or(|all| all.iter().any(|wanted| is(|made| made.resource_name, *wanted)))
            && self.resource_id.is_none_or(|wanted| is(|made| made.resource_id, wanted))
            && self.changed_field.is_none_or(|field| kept.changed(field))
            && self.changed_fields.as_ref().is_none_or(|all| all.iter().any(|f| kept.changed(*f)))
            && self.search.selects(&kept.details(), kept.values(self.changed_field))
            && self.after.is_none_or(|after| kept.occurred_at >= minute(after))
            && self.before.is_none_or(|before| kept.occurred_at <= minute(before))
            && self.organization.is_none_or(organization)
    }
}

fn compare(order: Order, a: &Kept, b: &Kept) -> Ordering {
    let by_time = a.occurred_at.cmp(&b.occurred_at).then(a.sequence.cmp(&b.sequence));
    let ([a_type, a_resource @ ..], [b_type, b_resource @ ..]) = (&a.what, &b.what);
    let (a_details, b_details) = (a.details(), b.details());
    let page = |details: &Details| details.page.map_or("", |page| PAGES[page]);
    match order {
        Order::OccurredAtAsc | Order::OccurredAtDesc => by_time,
        Order::SequenceAsc | Order::SequenceDesc => a.sequence.cmp(&b.sequence),
        Order::ActingUserAsc | Order::ActingUserDesc => a.user().cmp(&b.user()).then(by_time),
        Order::TypeAsc | Order::TypeDesc => a_type.cmp(b_type).then(by_time),
        Order::ResourceAsc | Order::ResourceDesc => a_resource.cmp(b_resource).then(by_time),
        Order::PageAsc | Order::PageDesc => page(&a_details).cmp(page(&b_details)).then(by_time),
        Order::IpAddressAsc | Order::IpAddressDesc => {
            a_details.address().cmp(&b_details.address()).then(by_time)
        }
    }
}

/// As in a list of this order.
fn in_order(order: Order, a: &Kept, b: &Kept) -> Ordering {
    let ascending = ORDERS.iter().any(|(o, name)| *o == order && name.ends_with("_ASC"));
    if ascending { compare(order, a, b) } else { compare(order, b, a) }
}

/// Whether an organization is another one or below it.
fn is_within(mut organization: usize, root: usize) -> bool {
    while organization != root {
        match PARENTS[organization] {
            Some(parent) => organization = parent,
            None => return false,
        }
    }
    true
}

/// Around the turn of a month, so that PostgreSQL reads several partitions.
fn minute(minute: i64) -> Time {
    let start: Time = "2026-02-28T23:57:00.000001Z".parse().unwrap();
    start + TimeDelta::minutes(minute)
}
