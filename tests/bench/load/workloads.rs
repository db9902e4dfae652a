//! What is asked for.

use auditlog::demo::load::{FIVE, HALF, LARGE};
use auditlog::domain::filter::EventFilter;
use auditlog::domain::id::Id;
use auditlog::domain::json::Json;
use auditlog::domain::page::{End, List, Order, PageRequest, Purpose};
use auditlog::domain::time;
use auditlog::domain::viewer::Scope;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::tools::setting;
use crate::support::{On, TestClock, TestDatabase};

/// One kind of page.
pub struct Workload {
    pub name: &'static str,
    /// The arguments of `auditLog`, without those of the page.
    arguments: String,
    count: bool,
    /// How many events a page has.
    pub size: usize,
    /// With the log of reads on.
    pub is_logged: bool,
    /// The same by hand: PostgreSQL's and SQLite's condition, after the tenant's. Empty where there is no
    /// such statement.
    pub sql: String,
}

/// One way of recording.
pub struct Recording {
    pub name: &'static str,
    pub size: usize,
    pub connections: usize,
}

pub const RECORDINGS: [Recording; 2] = [
    Recording { name: "(h) one event a request", size: 1, connections: 32 },
    Recording { name: "(h) 500 events a request", size: 500, connections: 4 },
];

fn page_sizes() -> Vec<usize> {
    let sizes = setting("AUDITLOG_BENCH_PAGES", "50 100".to_owned());
    sizes.split(' ').map(|size| size.parse().expect("AUDITLOG_BENCH_PAGES are numbers")).collect()
}

const FIELDS: &str =
    "id sequence external_id type resource_name resource_id occurred_at recorded_at
    ip_address user_agent url page description request_id metadata
    acting_user { id full_name } organization { id name }
    resource_changes { field value_before_change value_after_change }";

impl Workload {
    /// By which BENCHMARKS.md and the settings know it.
    pub fn letter(&self) -> char {
        self.name.chars().nth(1).unwrap()
    }

    /// The same page without its count, where it has one.
    pub fn uncounted(&self) -> Option<Self> {
        self.count.then(|| Self {
            count: false,
            arguments: self.arguments.clone(),
            sql: String::new(),
            ..*self
        })
    }

    /// For wrk.
    pub fn script(&self, key: &str) -> String {
        post(key, &self.query().to_string())
    }

    /// What is sent.
    pub fn query(&self) -> Value {
        let count = if self.count { "total_count" } else { "" };
        let query = format!(
            "{{ auditLog({}first: {}) {{ {count} nodes {{ {FIELDS} }}
                page_info {{ has_next_page end_cursor }} }} }}",
            self.arguments, self.size
        );
        json!({"query": query})
    }
}

fn post(key: &str, body: &str) -> String {
    format!(
        "wrk.method = 'POST'
        wrk.headers['Authorization'] = 'Bearer {key}'
        wrk.headers['Content-Type'] = 'application/json'
        wrk.body = [==[{body}]==]"
    )
}

/// Records under ids that were never there before.
pub fn recording(key: &str, size: usize, run: &str) -> String {
    let event = |n: usize| {
        json!({
            "id": format!("{run}-{size}-ID-{n}"), "organization_id": "large-north-03-1",
            "acting_user_id": "large-user-7", "type": "UPDATE", "resource_name": "APPOINTMENT",
            "resource_id": "77", "before": {"pm_status": "Scheduled", "length": 30, "a": 1},
            "after": {"pm_status": "Confirmed", "length": 45, "a": 1}, "ip_address": "203.0.113.9",
            "url": "https://app.load.example/appointments/77", "page": "Calendar",
        })
    };
    let events: Vec<_> = (0..size).map(event).collect();
    format!(
        "{}
        local body, number, threads = wrk.body, 0, 0
        function setup(thread) thread:set('name', threads); threads = threads + 1 end
        function request()
            number = number + 1
            return wrk.format(nil, nil, nil, (body:gsub('ID', name .. 'x' .. number)))
        end",
        post(key, &json!(events).to_string())
    )
}

/// The newest page.
pub fn newest() -> Workload {
    workload("(a) newest of the tenant", "", false, "", page_sizes()[0])
}

fn workload(name: &'static str, arguments: &str, count: bool, sql: &str, size: usize) -> Workload {
    Workload {
        name,
        arguments: if arguments.is_empty() { String::new() } else { format!("{arguments}, ") },
        count,
        size,
        is_logged: name.contains("log of reads"),
        sql: if count { String::new() } else { statement(sql, size) },
    }
}

/// All of them.
pub async fn all(database: &TestDatabase, count: u64) -> Vec<Workload> {
    let sizes = page_sizes();
    let (deep, deep_sql) = deep(database, count).await;
    let by_record = "resource_name: APPOINTMENT, resource_id: \"3\"";
    // Within the log's four months.
    let days = |days| auditlog::demo::load::start(Utc::now()) + TimeDelta::days(days);
    let (since, until) = (time::format(days(30)), time::format(days(90)));
    let span = format!("occurred_after: \"{since}\", occurred_before: \"{until}\"");
    let by_user = &format!("acting_user_id: \"large-user-5\", {span}");
    let common = "resource_name: APPOINTMENT, event_type: UPDATE";
    let rare = "resource_name: POLICY, event_type: DESTROY";
    let kind =
        |name: &str, ty: &str| format!("AND resource_name = '{name}' AND event_type = '{ty}'");
    let record_sql = "AND resource_id = '3' AND resource_name = 'APPOINTMENT'";
    let [since, until] = [since, until].map(|at| kept(&at, database.on));
    let user_sql = &format!(
        "AND acting_user_id = 'large-user-5' AND occurred_at BETWEEN '{since}' AND '{until}'"
    );
    let below = |root: &str| format!("organization_id: \"{root}\"");
    let half_in_span = format!("{}, {span}", below(HALF));
    let mut all = Vec::new();
    for &size in &sizes {
        let workload =
            |name, arguments: &str, sql: &str| workload(name, arguments, false, sql, size);
        all.extend([
            workload("(a) newest of the tenant", "", ""),
            workload("(b) deep in the log", &deep, &deep_sql),
            workload("(c) common kind and type", common, &kind("APPOINTMENT", "UPDATE")),
            workload("(c) rare kind and type", rare, &kind("POLICY", "DESTROY")),
            workload("(d) one record", by_record, record_sql),
            workload("(e) one user in two months", by_user, user_sql),
        ]);
    }
    let workload =
        |name, arguments: &str, count, sql: &str| workload(name, arguments, count, sql, sizes[0]);
    all.extend([
        workload("(g) half of the organizations", &below(HALF), false, &organizations(HALF)),
        workload("(g) five of the organizations", &below(FIVE), false, &organizations(FIVE)),
        workload("(f) of (a), counted", "", true, ""),
        workload("(f) of (b), counted", &deep, true, ""),
        workload("(f) of (c) common, counted", common, true, ""),
        workload("(f) of (c) rare, counted", rare, true, ""),
        workload("(f) of (d), counted", by_record, true, ""),
        workload("(f) of (e), counted", by_user, true, ""),
        workload("(f) of (g) half, counted", &below(HALF), true, ""),
        workload("(f) of (g) five, counted", &below(FIVE), true, ""),
        workload("(f) of two months, counted", &span, true, ""),
        workload("(f) of (g) half in two months, counted", &half_in_span, true, ""),
        workload("(a) with the log of reads", "", false, ""),
    ]);
    all
}

fn organizations(root: &str) -> String {
    let below = auditlog::demo::load::organizations().map(|(id, _)| id);
    let below: Vec<_> =
        below.filter(|id| id.starts_with(root)).map(|id| format!("'{id}'")).collect();
    format!("AND organization_id IN ({})", below.join(", "))
}

fn statement(condition: &str, size: usize) -> String {
    format!(
        "SELECT sequence, external_id, event_type, resource_name, resource_id, occurred_at, recorded_at,
            ip_address, user_agent, url, page, description, request_id, metadata, acting_user_id,
            organization_id, changes
        FROM audit_events WHERE tenant_id = '{LARGE}' {condition}
        ORDER BY occurred_at DESC, sequence DESC LIMIT {}",
        size + 1
    )
}

/// A time as the database compares it.
fn kept(at: &str, on: On) -> String {
    match on {
        On::Postgres => at.to_owned(),
        On::Sqlite => at.replace('Z', "+00:00"),
    }
}

/// A page far from both ends of the log: the cursor of its predecessor, and the same by hand.
async fn deep(database: &TestDatabase, count: u64) -> (String, String) {
    let store = database.store(TestClock::new().clock()).await;
    let tenant = Id::trusted(LARGE.to_owned());
    let scope = Scope::whole(store.tenant(&tenant).await.unwrap());
    let middle = i64::try_from(count / 3).unwrap();
    let filter = EventFilter { up_to_sequence: Some(middle), ..EventFilter::default() };
    let order = Order::SequenceDesc;
    let last = PageRequest { order, after: None, before: None, limit: 1, end: End::First };
    let page = store.events(&scope, &filter, &last).await.unwrap();
    let position = page.items[0].position;
    let last = store.last_sequence(&tenant).await.unwrap();
    println!("\n(b) begins {} events below the newest", last.abs_diff(position.sequence));
    let list = List::of("auditLog", Vec::<(String, Json)>::new());
    let purpose = Purpose::Cursor(Order::OccurredAtDesc, list);
    let cursor = store.positions().encode(&tenant, purpose, position);
    let at = kept(&time::format(position.occurred_at), database.on);
    let number = position.sequence;
    let sql = format!("AND (occurred_at, sequence) < ('{at}', {number}) AND occurred_at <= '{at}'");
    (format!("after: \"{cursor}\""), sql)
}
