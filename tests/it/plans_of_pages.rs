//! How many rows the databases read for what is asked most, of one tenant with hundreds of organizations
//! and months of events.

use std::collections::HashMap;

use auditlog::admin::{self, Actor};
use auditlog::demo::load::{self, FIVE, HALF, LARGE};
use auditlog::domain::event::Event;
use auditlog::domain::filter::{ActingUsers, EventFilter};
use auditlog::domain::id::Id;
use auditlog::domain::kind::{EventType, ResourceName};
use auditlog::domain::page::{End, Order, PageRequest};
use auditlog::domain::viewer::{Descendants, Scope};
use auditlog::ingest::{self, Batch};
use auditlog::store::Store;
use chrono::TimeDelta;

use crate::counting::is_counted;
use crate::support::{On, TestClock, TestDatabase, direct};

on_both!(pages_and_counts_read_little);

const EVENTS: u64 = 20_000;
const PAGE: u32 = 50;

/// What is asked for. A page reads one event more than it has, to know whether there are more.
struct Workload {
    name: &'static str,
    scope: Scope,
    filter: EventFilter,
    request: PageRequest,
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// The large tenant's part of a generated log, of the four months before the clock's time. Its
/// organizations were added before.
async fn loaded(on: On) -> (TestDatabase, Store) {
    let database = TestDatabase::new(on).await;
    let clock = TestClock::new();
    clock.advance(TimeDelta::days(-150));
    let store = database.store(clock.clock()).await;
    let (operator, mut tenants) = (Actor::operator(), HashMap::new());
    for (id, parent) in load::organizations().filter(|(id, _)| id.starts_with(LARGE)) {
        let made = admin::create_organization(&store, &operator, id.clone(), id, parent);
        let made = made.await.unwrap().unwrap();
        tenants.insert(made.id, made.tenant_id);
    }
    clock.advance(TimeDelta::days(150));
    store.prepare_partitions().await.unwrap();
    let large = load::events(1, EVENTS, clock.now())
        .filter(|event| event.contains(&format!("\"organization_id\":\"{LARGE}")));
    let mut batch = Batch::default();
    large.for_each(|event| batch.add_text(&event));
    let (_, problems) = ingest::import(&store, &tenants, batch).await.unwrap();
    assert_eq!(problems, []);
    store.settle_counts(&id(LARGE)).await.unwrap();
    if on == On::Postgres {
        let db = direct::connect(&database.url).await;
        direct::run(&db, "ANALYZE").await;
    }
    (database, store)
}

async fn workloads(store: &Store) -> Vec<Workload> {
    let whole = Scope::whole(store.tenant(&id(LARGE)).await.unwrap());
    let below = |root| whole.narrow(&id(root), Descendants::With).unwrap();
    let first = PageRequest {
        order: Order::OccurredAtDesc,
        after: None,
        before: None,
        limit: PAGE,
        end: End::First,
    };
    let all = EventFilter::default();
    let middle = EventFilter {
        occurred_before: Some("2026-08-20T05:06:07Z".parse().unwrap()),
        ..all.clone()
    };
    let one = PageRequest { limit: 1, ..first.clone() };
    let middle = store.events(&whole, &middle, &one).await.unwrap().items.remove(0).position;
    let deep = PageRequest { after: Some(middle.into()), ..first.clone() };
    let of_kind = |resource, event_type| EventFilter {
        resource_names: Some(vec![resource]),
        event_types: Some(vec![event_type]),
        ..all.clone()
    };
    let record = EventFilter {
        resource_names: Some(vec![ResourceName::Appointment]),
        resource_ids: Some(vec![id("0")]),
        ..all.clone()
    };
    let user = EventFilter {
        acting_users: Some(ActingUsers { ids: vec![id("large-user-0")], or_nobody: false }),
        occurred_after: Some("2026-07-01T12:34:56Z".parse().unwrap()),
        ..all.clone()
    };
    let since = EventFilter {
        occurred_after: Some("2026-07-01T12:34:56Z".parse().unwrap()),
        occurred_before: Some("2026-10-02T03:04:05Z".parse().unwrap()),
        ..all.clone()
    };
    let of_user = EventFilter { acting_users: user.acting_users.clone(), ..since.clone() };
    let since_of_kind = EventFilter { event_types: Some(vec![EventType::Update]), ..since.clone() };
    let common = of_kind(ResourceName::Appointment, EventType::Update);
    let rare = of_kind(ResourceName::Goal, EventType::Export);
    let workload = |name, scope: &Scope, filter: &EventFilter, request: &PageRequest| Workload {
        name,
        scope: scope.clone(),
        filter: filter.clone(),
        request: request.clone(),
    };
    let (half, five) = (below(HALF), below(FIVE));
    vec![
        workload("(a) newest of the tenant", &whole, &all, &first),
        workload("(b) deep in the log", &whole, &all, &deep),
        workload("(c) common kind and type", &whole, &common, &first),
        workload("(c) rare kind and type", &whole, &rare, &first),
        workload("(d) one record", &whole, &record, &first),
        workload("(e) one user since a date", &whole, &user, &first),
        workload("(g) half of the organizations", &half, &all, &first),
        workload("(g) half of them, deep", &half, &all, &deep),
        workload("(g) five of the organizations", &five, &all, &first),
        workload("(g) five of them, deep", &five, &all, &deep),
        workload("a span", &whole, &since, &first),
        workload("a span, deep", &whole, &since, &deep),
        workload("a span of one user, deep", &whole, &of_user, &deep),
        workload("half in a span", &half, &since, &first),
        workload("half's updates in a span", &half, &since_of_kind, &first),
        workload("five in a span", &five, &since, &first),
    ]
}

/// The steps that read rows; each once, whatever month's partition it is of.
fn shape(plan: &str) -> String {
    let mut steps: Vec<String> = Vec::new();
    for line in
        plan.lines().filter(|line| line.contains("(actual rows=") && !line.contains("rows=0 "))
    {
        let step = line.split(" (actual").next().unwrap().trim_start_matches([' ', '-', '>']);
        let step = step.split(" on ").next().unwrap();
        let month = step.find("audit_events_y").map(|at| at + "audit_events_".len());
        let step = match month {
            Some(at) => format!("{}MONTH{}", &step[..at], &step[at + "y2026m10".len()..]),
            None => step.to_owned(),
        };
        let is_told =
            step.contains("Scan") && !step.starts_with("Subquery") && !steps.contains(&step);
        if is_told || step == "Merge Append" && !steps.contains(&step) {
            steps.push(step);
        }
    }
    steps.join("\n")
}

fn number(text: &str, before: &str) -> Option<u64> {
    let rest = text.split(before).nth(1)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// How many blocks of tables and indexes were looked at: the first step has those of all.
fn blocks_read(plan: &str) -> u64 {
    let buffers = plan.lines().find(|line| line.contains("Buffers: shared")).unwrap();
    number(buffers, "hit=").unwrap_or(0) + number(buffers, "read=").unwrap_or(0)
}

/// How many rows were read from tables and indexes, those that a condition left out included.
fn rows_read(plan: &str) -> u64 {
    let (mut read, mut loops) = (0, 1);
    for line in plan.lines() {
        if let Some(rows) = number(line, "(actual rows=") {
            loops = number(line, " loops=").unwrap();
            let from_table = ["Index Scan", "Index Only Scan", "Seq Scan", "Bitmap Heap Scan"];
            let is_from_table = from_table.iter().any(|scan| line.contains(scan))
                && !line.contains("Bitmap Index Scan");
            read += if is_from_table { rows * loops } else { 0 };
        } else if let Some(rows) = number(line, "Rows Removed by Filter: ") {
            read += rows * loops;
        }
    }
    read
}

async fn pages_and_counts_read_little(on: On) {
    let (_database, store) = loaded(on).await;
    let whole = Scope::whole(store.tenant(&id(LARGE)).await.unwrap());
    let everything = PageRequest {
        order: Order::SequenceAsc,
        after: None,
        before: None,
        limit: 100_000,
        end: End::First,
    };
    let everything = store.events(&whole, &EventFilter::default(), &everything).await.unwrap();
    let mut told = String::new();
    for Workload { name, scope, filter, request } in workloads(&store).await {
        let page = store.events(&scope, &filter, &request).await.unwrap();
        let rows = page.items.len() as u64 + u64::from(page.has_more);
        assert!(rows > 5, "{name}: {rows} rows would prove nothing");
        let plan = store.explain_page(&scope, &filter, &request).await.unwrap();
        let count = store.explain_count(&scope, &filter).await.unwrap();
        let counted = store.count(&scope, &filter).await.unwrap();
        if Store::keeps_counts_of(&scope, &filter) {
            let is_counted = |event: &&Event| is_counted(&scope, &filter, event);
            let naive = everything.items.iter().filter(is_counted).count();
            assert_eq!(counted, naive as u64, "{name}");
        }
        match on {
            On::Sqlite => {
                let steps = store.steps(&scope, &filter, &request).await.unwrap();
                let (paging, counting) = steps.unwrap();
                assert!(
                    paging <= 90 * rows + 500,
                    "{name}: {paging} steps for {rows} rows:\n{plan}"
                );
                let most = match Store::keeps_counts_of(&scope, &filter) {
                    true => 2_500,
                    false => 6 * counted + 500,
                };
                assert!(counting <= most, "{name}: {counting} steps for {counted}:\n{count}");
                told += &format!("{name}\n{plan}\ncounted:\n{count}\n");
                for refused in ["SCAN audit_events", "TEMP B-TREE", "ANY("] {
                    assert!(!plan.contains(refused), "{name}: {refused} in\n{plan}");
                }
                assert!(!count.contains("ANY("), "{name}: of every tenant in\n{count}");
            }
            On::Postgres => {
                let read = rows_read(&plan);
                told += &format!("{name}\n{}\n{read} rows are read for {rows}\n", shape(&plan));
                // Two conditions at once, of which neither leaves out much, are in no index together.
                let times = if name == "half's updates in a span" { 3 } else { 2 };
                assert!(
                    read <= times * rows + 10,
                    "{name}: {read} rows are read for {rows}:\n{plan}"
                );
                // Of each list that is merged, in each of five months, it goes down to the first row.
                let blocks = blocks_read(&plan);
                assert!(blocks <= 2 * rows + 100, "{name}: {blocks} blocks are read:\n{plan}");
                let counting = rows_read(&count);
                told += &format!("{counting} rows are read to count {counted}\n");
                let most =
                    if Store::keeps_counts_of(&scope, &filter) { 400 } else { 2 * counted + 10 };
                assert!(
                    counting <= most,
                    "{name}: {counting} rows are read to count {counted}:\n{count}"
                );
            }
        }
        told.push('\n');
    }
    merged_pages_are_the_list(&store).await;
    insta::assert_snapshot!(format!("plans_of_pages_on_{on:?}").to_lowercase(), told);
}

/// The list of few organizations, whose pages are merged, is the list of all without the others, read from
/// either end in either order.
async fn merged_pages_are_the_list(store: &Store) {
    let whole = Scope::whole(store.tenant(&id(LARGE)).await.unwrap());
    let five = whole.narrow(&id(FIVE), Descendants::With).unwrap();
    let span = EventFilter {
        occurred_after: Some("2026-08-01T00:00:00Z".parse().unwrap()),
        ..EventFilter::default()
    };
    for order in [Order::OccurredAtDesc, Order::OccurredAtAsc] {
        let all = PageRequest { order, after: None, before: None, limit: 100_000, end: End::First };
        let all = store.events(&whole, &span, &all).await.unwrap().items;
        let below = all.into_iter().filter(|event| five.holds(&event.organization_id));
        let expected: Vec<i64> = below.map(|event| event.position.sequence).collect();
        for end in [End::First, End::Last] {
            let mut found = Vec::new();
            let mut rest = PageRequest { order, after: None, before: None, limit: 7, end };
            loop {
                let page = store.events(&five, &span, &rest).await.unwrap();
                let numbers = page.items.iter().map(|event| event.position.sequence);
                match end {
                    End::First => found.extend(numbers),
                    End::Last => drop(found.splice(0..0, numbers)),
                }
                if !page.has_more {
                    break;
                }
                match end {
                    End::First => rest.after = page.items.last().map(|e| order.place_of(e)),
                    End::Last => rest.before = page.items.first().map(|e| order.place_of(e)),
                }
            }
            assert!(expected.len() > 100);
            assert_eq!(found, expected, "{order:?} from {end:?}");
        }
    }
}
