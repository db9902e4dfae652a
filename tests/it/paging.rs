//! Pages, compared with a model that knows no database: it sorts, filters and slices a vector.

mod model;
mod search;

use std::cell::Cell;

use auditlog::domain::id::Id;
use auditlog::domain::json::Json;
use auditlog::domain::page::{List, Purpose};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use serde_json::{Value, json};

pub use self::model::ORDERS;
use self::model::{Filter, Kept, Made, Model, Page, Size};
use self::search::{details, search};
use crate::support::On;
use crate::support::client::Client;
use crate::support::log::whole_log;
use crate::support::property::for_all;
use crate::support::world::{RECORD, VIEW, World};

on_both!(every_page_is_the_model_s);

/// A tenant's log, and what is asked of it.
#[derive(Debug, Clone)]
struct Case {
    /// Recorded batch by batch.
    batches: Vec<Vec<Made>>,
    questions: Vec<Question>,
}

#[derive(Debug, Clone)]
struct Question {
    /// Who asks, of [`VIEWERS`].
    viewer: usize,
    filter: Filter,
    order: usize,
    page: usize,
    /// Recorded by others while the pages are read forward.
    arrivals: Vec<Made>,
    /// Single pages between two places of the log, each of which may be none.
    cuts: Vec<(Option<Index>, Option<Index>, Size)>,
}

fn case() -> impl Strategy<Value = Case> {
    let batches = vec(vec(made(), 1..12), 0..5);
    (batches, vec(question(), 1..7)).prop_map(|(batches, questions)| Case { batches, questions })
}

fn made() -> impl Strategy<Value = Made> {
    let fields = subsequence(vec![0, 1, 2], 0..=3);
    let user = prop::option::of(0..3_usize);
    // Few minutes, so that many events tie and many come late.
    let what = (0..3_usize, 0..3_usize, 0..3_usize);
    (0..5_usize, user, what, 0..6_i64, fields, details()).prop_map(
        |(organization, user, what, minute, fields, details)| Made {
            organization,
            user,
            event_type: what.0,
            resource_name: what.1,
            resource_id: what.2,
            minute,
            fields,
            details,
        },
    )
}

fn question() -> impl Strategy<Value = Question> {
    let place = || prop::option::of(any::<Index>());
    let size = prop_oneof![
        Just(Size::Default),
        (1..30_usize).prop_map(Size::First),
        (1..30_usize).prop_map(Size::Last),
    ];
    let cuts = vec((place(), place(), size), 0..5);
    (0..VIEWERS.len(), filter(), 0..ORDERS.len(), 2..20_usize, vec(made(), 0..4), cuts).prop_map(
        |(viewer, filter, order, page, arrivals, cuts)| Question {
            viewer,
            filter,
            order,
            page,
            arrivals,
            cuts,
        },
    )
}

fn filter() -> impl Strategy<Value = Filter> {
    fn rarely<T: Strategy>(some: T) -> impl Strategy<Value = Option<T::Value>> {
        prop::option::weighted(0.2, some)
    }
    let user = || prop::option::of(0..3_usize);
    let who = (rarely(user()), rarely(vec(user(), 1..3)));
    let what = (
        rarely(0..3_usize),
        rarely(vec(0..3_usize, 1..3)),
        rarely(0..3_usize),
        rarely(vec(0..3_usize, 1..3)),
        rarely(0..3_usize),
        rarely(0..3_usize),
        rarely(vec(0..3_usize, 1..3)),
    );
    let when = (rarely(0..6_i64), rarely(0..6_i64));
    let place = rarely((0..5_usize, prop::option::of(any::<bool>())));
    (who, what, when, place, search()).prop_map(|(who, what, when, organization, search)| Filter {
        user: who.0,
        users: who.1,
        event_type: what.0,
        event_types: what.1,
        resource_name: what.2,
        resource_names: what.3,
        resource_id: what.4,
        // Values are of a field.
        changed_field: what.5.or_else(|| search.asks_for_values().then_some(0)),
        changed_fields: what.6,
        search,
        after: when.0,
        before: when.1,
        organization,
    })
}

/// Where each viewer is a member, of the tree in [`model`].
const VIEWERS: [&[usize]; 3] = [&[0], &[1, 4], &[3]];

/// A tenant of its own for each case, in a database that all of them share.
struct Tenant<'a> {
    world: &'a World,
    name: String,
    recorder: Client,
    viewers: Vec<Client>,
    model: Model,
}

impl<'a> Tenant<'a> {
    async fn new(world: &'a World, name: String) -> Self {
        let mut model = Model::new(&name);
        for (i, parent) in model::PARENTS.iter().enumerate() {
            let (id, parent) = (model.organization(i), parent.map(|p| model.organization(p)));
            world.organization(&id, &id, parent.as_deref()).await;
            model.administered(world.clock.now(), i, 1);
        }
        let root = model.organization(0);
        let recorder = world.user(&format!("{name}-recorder"), &root, RECORD).await;
        model.administered(world.clock.now(), 0, 3);
        let mut viewers = Vec::new();
        for (n, places) in VIEWERS.iter().enumerate() {
            let id = format!("{name}-viewer-{n}");
            viewers.push(world.user(&id, &model.organization(places[0]), VIEW).await);
            model.administered(world.clock.now(), places[0], 3);
            for place in &places[1..] {
                world.member(&id, &model.organization(*place), VIEW).await;
                model.administered(world.clock.now(), *place, 1);
            }
        }
        let log = whole_log(&viewers[0], "type resource_name resource_id").await;
        model.learn(&log);
        Self { world, name, recorder, viewers, model }
    }

    async fn record(&mut self, batch: &[Made]) {
        if batch.is_empty() {
            return;
        }
        let events = batch.iter().map(|made| self.model.json(made)).collect();
        let receipt = self.recorder.recorded(events).await;
        let first = self.model.record(batch);
        assert_eq!(receipt["first_sequence"], first.to_string(), "numbers go on without a gap");
    }

    /// A cursor in the list that these variables ask for.
    fn cursor(&self, variables: &Value, order: usize, at: &Kept) -> String {
        let arguments = Json::parse(&variables.to_string()).unwrap();
        let Json::Object(arguments) = arguments else { panic!("{variables}") };
        let list = List::of("auditLog", arguments);
        let order = ORDERS[order].0;
        let place = self.model.place(order, at);
        let tenant = Id::new(self.name.clone()).unwrap();
        self.world.store.positions().encode(&tenant, Purpose::Cursor(order, list), place)
    }

    /// Asks for a page and holds it against the model's; returns both.
    async fn page(
        &self,
        question: &Question,
        between: (Option<&Kept>, Option<&Kept>),
        size: Size,
    ) -> (Page, Option<Value>) {
        let Question { viewer, filter, order, .. } = question;
        let (after, before) = between;
        let mut variables = self.model.variables(filter);
        variables["order_by"] = json!(ORDERS[*order].1);
        let filtered = variables.clone();
        variables["after"] = json!(after.map(|at| self.cursor(&filtered, *order, at)));
        variables["before"] = json!(before.map(|at| self.cursor(&filtered, *order, at)));
        match size {
            Size::First(n) => variables["first"] = json!(n),
            Size::Last(n) => variables["last"] = json!(n),
            Size::Default => {}
        }
        let asked = variables.clone();
        let expected =
            self.model.page(VIEWERS[*viewer], filter, ORDERS[*order].0, after, before, size);
        let answer = self.viewers[*viewer].graphql(QUERY, variables).await.json();
        let Some(expected) = expected else {
            assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{asked}");
            return (Page::default(), None);
        };
        assert_eq!(answer.get("errors"), None, "{asked}: {answer}");
        let log = answer["data"]["auditLog"].clone();
        let sequences = |list: &str, node: &str| -> Vec<i64> {
            let items = log[list].as_array().unwrap().iter();
            items
                .map(|item| item.pointer(node).unwrap().as_str().unwrap().parse().unwrap())
                .collect()
        };
        let edges = log["edges"].as_array().unwrap();
        let got = Page {
            sequences: sequences("nodes", "/sequence"),
            has_next: log["page_info"]["has_next_page"].as_bool().unwrap(),
            has_previous: log["page_info"]["has_previous_page"].as_bool().unwrap(),
            total: log["total_count"].as_u64().unwrap().try_into().unwrap(),
        };
        assert_eq!(got, expected, "{asked}");
        assert_eq!(sequences("edges", "/node/sequence"), expected.sequences, "{asked}");
        let cursors =
            expected.sequences.iter().map(|s| self.cursor(&filtered, *order, &self.model.kept(*s)));
        let given = edges.iter().map(|edge| edge["cursor"].as_str().unwrap().to_owned());
        assert_eq!(given.collect::<Vec<_>>(), cursors.collect::<Vec<_>>(), "{asked}");
        let cursor = |edge: Option<&Value>| edge.map_or(Value::Null, |edge| edge["cursor"].clone());
        assert_eq!(log["page_info"]["start_cursor"], cursor(edges.first()), "{asked}");
        assert_eq!(log["page_info"]["end_cursor"], cursor(edges.last()), "{asked}");
        (expected, Some(log["page_info"].clone()))
    }

    /// Reads forward page by page, while others record.
    async fn forward(&mut self, question: &Question) {
        let order = ORDERS[question.order].0;
        let before = self.model.list(VIEWERS[question.viewer], &question.filter, order);
        let (mut read, mut after): (Vec<i64>, Option<Kept>) = (Vec::new(), None);
        let mut arrivals = question.arrivals.chunks(1);
        loop {
            let size = Size::First(question.page);
            let (page, _) = self.page(question, (after.as_ref(), None), size).await;
            read.extend(&page.sequences);
            if let Some(last) = page.sequences.last() {
                after = Some(self.model.kept(*last));
            }
            let next = arrivals.next();
            if !page.has_next && next.is_none() {
                break;
            }
            self.record(next.unwrap_or_default()).await;
        }
        let mut once = read.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), read.len(), "an event was met twice: {read:?}");
        let met: Vec<i64> = before.iter().flatten().map(|kept| kept.sequence).collect();
        assert!(met.iter().all(|sequence| once.binary_search(sequence).is_ok()), "one was skipped");
        if question.arrivals.is_empty() {
            assert_eq!(read, met);
        }
    }

    /// Reads backward page by page.
    async fn backward(&self, question: &Question) {
        let order = ORDERS[question.order].0;
        let (mut read, mut before): (Vec<i64>, Option<Kept>) = (Vec::new(), None);
        loop {
            let size = Size::Last(question.page);
            let (page, _) = self.page(question, (None, before.as_ref()), size).await;
            read.splice(0..0, page.sequences.iter().copied());
            let Some(first) = page.sequences.first().filter(|_| page.has_previous) else { break };
            before = Some(self.model.kept(*first));
        }
        let whole = self.model.list(VIEWERS[question.viewer], &question.filter, order);
        assert_eq!(read, whole.iter().flatten().map(|k| k.sequence).collect::<Vec<_>>());
    }

    async fn check(&mut self, case: &Case) {
        for batch in &case.batches {
            self.record(batch).await;
        }
        for question in &case.questions {
            self.forward(question).await;
            self.backward(question).await;
            for (after, before, size) in &question.cuts {
                // Places of the whole log: the filter need not select them, nor the viewer see them.
                let at = |place: &Option<Index>| place.map(|p| p.get(&self.model.kept).clone());
                let (after, before) = (at(after), at(before));
                self.page(question, (after.as_ref(), before.as_ref()), *size).await;
            }
        }
    }
}

const QUERY: &str = "
query(
    $acting_user_id: ID, $acting_user_ids: [ID!], $event_type: AuditEventType,
    $event_types: [AuditEventType!], $resource_name: AuditEventResourceName,
    $resource_names: [AuditEventResourceName!], $resource_id: ID, $changed_field: String,
    $changed_fields: [String!], $pages: [String!], $url_prefixes: [String!],
    $ip_addresses: [String!], $description: String, $purposes: [String!],
    $outcome: AuditEventOutcome, $value_before: String, $value_after: String,
    $occurred_after: ISO8601DateTime, $occurred_before: ISO8601DateTime, $organization_id: ID,
    $include_sub_organizations: Boolean, $order_by: AuditEventOrderKeys, $after: String,
    $before: String, $first: Int, $last: Int
) {
    auditLog(
        acting_user_id: $acting_user_id, acting_user_ids: $acting_user_ids,
        event_type: $event_type, event_types: $event_types, resource_name: $resource_name,
        resource_names: $resource_names, resource_id: $resource_id, changed_field: $changed_field,
        changed_fields: $changed_fields, pages: $pages, url_prefixes: $url_prefixes,
        ip_addresses: $ip_addresses, description: $description, purposes: $purposes,
        outcome: $outcome, value_before: $value_before, value_after: $value_after,
        occurred_after: $occurred_after, occurred_before: $occurred_before,
        organization_id: $organization_id, include_sub_organizations: $include_sub_organizations,
        order_by: $order_by, after: $after, before: $before, first: $first, last: $last
    ) {
        edges { cursor node { sequence } }
        nodes { sequence }
        page_info { start_cursor end_cursor has_next_page has_previous_page }
        total_count
    }
}";

async fn every_page_is_the_model_s(on: On) {
    let world = World::empty(on, None).await;
    let count = Cell::new(0);
    for_all(8, case(), async |case: Case| {
        count.set(count.get() + 1);
        let mut tenant = Tenant::new(&world, format!("t{}", count.get())).await;
        tenant.check(&case).await;
    });
}
