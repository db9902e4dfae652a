//! How the databases run what is asked most: as one range of the index that ends in the order of the
//! list, read from its start, so that a page costs the same however large the log is.

use std::fmt::Write as _;

use auditlog::domain::filter::{ActingUsers, EventFilter};
use auditlog::domain::id::Id;
use auditlog::domain::kind::{EventType, ResourceName};
use auditlog::domain::page::{End, Order, PageRequest, Position};
use auditlog::domain::viewer::{Descendants, Scope};
use auditlog::domain::words::Query;
use axum::http::{Method, StatusCode};
use sea_orm::ConnectionTrait as _;
use serde_json::json;

use crate::support::world::{World, event_with};
use crate::support::{On, direct};

on_both!(pages_are_ranges_of_an_index, a_rare_word_leads_to_its_events);

/// A question, the columns of the index that are fixed and, if it is bounded, its range.
struct Question {
    name: &'static str,
    scope: Scope,
    filter: EventFilter,
    request: PageRequest,
    index: Index,
    range: Range,
    /// The months whose partitions are read; none stands for all.
    months: Option<&'static [&'static str]>,
}

/// An index, by what it is called on SQLite and the columns that PostgreSQL's names are made of.
struct Index {
    sqlite: &'static str,
    postgres: &'static str,
    fixed: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Range {
    Unbounded,
    /// Read on from a cursor, or back.
    Beyond(&'static str),
    /// Between two times.
    Times,
    /// Beyond a number.
    Numbers,
}

const BY_TIME: Index =
    Index { sqlite: "sqlite_autoindex_audit_events_1", postgres: "_pkey", fixed: &["tenant_id"] };
const BY_SEQUENCE: Index = Index {
    sqlite: "audit_events_by_sequence",
    postgres: "_tenant_id_sequence_idx",
    fixed: &["tenant_id"],
};
const BY_ORGANIZATION: Index = Index {
    sqlite: "audit_events_by_organization",
    postgres: "_tenant_id_organization_id_",
    fixed: &["tenant_id", "organization_id"],
};
const BY_ACTING_USER: Index = Index {
    sqlite: "audit_events_by_acting_user",
    postgres: "_tenant_id_acting_user_id_",
    fixed: &["tenant_id", "acting_user_id"],
};
const BY_RESOURCE: Index = Index {
    sqlite: "audit_events_by_resource",
    postgres: "_tenant_id_resource_id_resource_name_",
    fixed: &["tenant_id", "resource_id", "resource_name"],
};
const BY_KIND: Index = Index {
    sqlite: "audit_events_by_kind",
    postgres: "_tenant_id_resource_name_event_type_",
    fixed: &["tenant_id", "resource_name", "event_type"],
};

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn questions(tenant: &Scope) -> Vec<Question> {
    let first = PageRequest {
        order: Order::OccurredAtDesc,
        after: None,
        before: None,
        limit: 10,
        end: End::First,
    };
    let cursor = Position { occurred_at: "2026-06-15T00:00:00Z".parse().unwrap(), sequence: 2_000 };
    let deep = PageRequest { after: Some(cursor.into()), ..first.clone() };
    let backward = PageRequest { before: Some(cursor.into()), end: End::Last, ..first.clone() };
    let ascending = PageRequest { order: Order::OccurredAtAsc, ..deep.clone() };
    let poll = PageRequest { order: Order::SequenceAsc, ..deep.clone() };
    let everything = EventFilter::default();
    let user = EventFilter {
        acting_users: Some(ActingUsers { ids: vec![id("user-0")], or_nobody: false }),
        ..EventFilter::default()
    };
    let two_months = EventFilter {
        occurred_after: Some("2026-06-01T00:00:00Z".parse().unwrap()),
        occurred_before: Some("2026-07-31T23:59:59Z".parse().unwrap()),
        ..EventFilter::default()
    };
    let user_in_range =
        EventFilter { acting_users: user.acting_users.clone(), ..two_months.clone() };
    let record = EventFilter {
        resource_names: Some(vec![ResourceName::Appointment]),
        resource_ids: Some(vec![id("record-0")]),
        ..EventFilter::default()
    };
    let kind = EventFilter {
        resource_names: Some(vec![ResourceName::Task]),
        event_types: Some(vec![EventType::Destroy]),
        ..EventFilter::default()
    };
    let clinic = tenant.narrow(&id("portland"), Descendants::With).unwrap();
    let (older, newer) = (Range::Beyond("<"), Range::Beyond(">"));
    let (april_to_june, from_june) = (
        Some(["2026m04", "2026m05", "2026m06"].as_slice()),
        Some(
            [
                "2026m06", "2026m07", "2026m08", "2026m09", "2026m10", "2026m11", "2026m12",
                "2027m01",
            ]
            .as_slice(),
        ),
    );
    let june_and_july = Some(["2026m06", "2026m07"].as_slice());
    let question =
        |name, scope: &Scope, filter: &EventFilter, request: &PageRequest, index, range, months| {
            let (scope, filter, request) = (scope.clone(), filter.clone(), request.clone());
            Question { name, scope, filter, request, index, range, months }
        };
    let all = Range::Unbounded;
    vec![
        question("the newest", tenant, &everything, &first, BY_TIME, all, None),
        question("a deep page", tenant, &everything, &deep, BY_TIME, older, april_to_june),
        question("oldest first", tenant, &everything, &ascending, BY_TIME, newer, from_june),
        question("backward", tenant, &everything, &backward, BY_TIME, newer, from_june),
        question("a span", tenant, &two_months, &first, BY_TIME, Range::Times, june_and_july),
        question("a record", tenant, &record, &first, BY_RESOURCE, all, None),
        question("a record, deep", tenant, &record, &deep, BY_RESOURCE, older, april_to_june),
        question("a user", tenant, &user, &first, BY_ACTING_USER, all, None),
        question("a user, deep", tenant, &user, &deep, BY_ACTING_USER, older, april_to_june),
        question(
            "a user in a span",
            tenant,
            &user_in_range,
            &first,
            BY_ACTING_USER,
            Range::Times,
            june_and_july,
        ),
        question("a kind", tenant, &kind, &first, BY_KIND, all, None),
        question("a kind, deep", tenant, &kind, &deep, BY_KIND, older, april_to_june),
        question("a clinic", &clinic, &everything, &first, BY_ORGANIZATION, all, None),
        question(
            "a clinic, deep",
            &clinic,
            &everything,
            &deep,
            BY_ORGANIZATION,
            older,
            april_to_june,
        ),
        question("polling", tenant, &everything, &poll, BY_SEQUENCE, Range::Numbers, None),
    ]
}

/// Two tenants' events of six months; some of acme's users, records, kinds and clinics have many.
async fn loaded(on: On) -> World {
    let world = World::new(on).await;
    for (tenant, count, places) in [
        ("acme", 4_000, ["portland", "seattle", "boston", "west"].as_slice()),
        ("globex", 1_000, ["globex", "hammock"].as_slice()),
    ] {
        let recorder = world.recorder(tenant).await;
        let mut lines = String::new();
        for i in 0..count {
            // Numbers without a common factor, so that everything meets everything.
            let place = places[i / 7 % places.len()];
            let (user, record) = (i % 5 * (i % 83), i % 3 * (i % 89));
            let kind = ["APPOINTMENT", "TASK"][i / 11 % 2];
            let event_type = ["CREATE", "DESTROY", "UPDATE"][i / 13 % 3];
            let (month, day, minute) = (4 + i % 6, 1 + i / 17 % 28, i / 19 % 60);
            writeln!(
                lines,
                r#"{{"organization_id":"{place}","acting_user_id":"user-{user}","type":"{event_type}",
                    "resource_name":"{kind}","resource_id":"record-{record}",
                    "occurred_at":"2026-0{month}-{day:02}T00:{minute:02}:00Z"}}"#
            )
            .unwrap();
        }
        let lines = lines.replace(",\n", ",");
        let uri = "/v1/audit-events";
        let sent = recorder.send(Method::POST, uri, Some("application/x-ndjson"), lines).await;
        assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
    }
    if world.database.on == On::Postgres {
        let database = sea_orm::Database::connect(&world.database.url).await.unwrap();
        database.execute_unprepared("ANALYZE").await.unwrap();
        database.close().await.unwrap();
    }
    world
}

async fn pages_are_ranges_of_an_index(on: On) {
    let world = loaded(on).await;
    let tenant = Scope::whole(world.store.tenant(&id("acme")).await.unwrap());
    for question in questions(&tenant) {
        let Question { scope, filter, request, .. } = &question;
        let page = world.store.events(scope, filter, request).await.unwrap();
        assert!(page.has_more, "{}: a page of a few would prove nothing", question.name);
        let plan = world.store.explain(scope, filter, request).await.unwrap();
        match on {
            On::Sqlite => question.check_sqlite(&plan),
            On::Postgres => question.check_postgres(&plan),
        }
    }
}

/// A log in which reading every event would cost more than reading an index.
async fn described(on: On) -> World {
    let world = World::new(on).await;
    world
        .recorder("acme")
        .await
        .recorded(json!([event_with(
            "acme",
            "1",
            json!({"description": "the one of 20000", "occurred_at": "2026-06-15"})
        )]))
        .await;
    if on == On::Postgres {
        let db = direct::connect(&world.database.url).await;
        let many = "INSERT INTO audit_events (
                tenant_id, occurred_at, sequence, recorded_at, organization_id, event_type,
                resource_name, resource_id, changed_fields, changes, description_words
            )
            SELECT 'acme', TIMESTAMPTZ '2026-06-15' + n * INTERVAL '1 second', 100 + n, now(),
                'acme', 'UPDATE', 'TASK', '1', chr(10), '[]', ' number ' || n || ' of 20000 '
            FROM generate_series(1, 20000) AS n";
        direct::run(&db, many).await;
        direct::run(&db, "ANALYZE").await;
    }
    world
}

/// The words of all descriptions are in an index, which is read for the one that few have.
async fn a_rare_word_leads_to_its_events(on: On) {
    let world = described(on).await;
    let tenant = Scope::whole(world.store.tenant(&id("acme")).await.unwrap());
    let filter = EventFilter {
        description: Some(Query::parse("20000 one -none").unwrap()),
        occurred_after: Some("2026-06-01T00:00:00Z".parse().unwrap()),
        occurred_before: Some("2026-06-30T00:00:00Z".parse().unwrap()),
        ..EventFilter::default()
    };
    let request = PageRequest {
        order: Order::OccurredAtDesc,
        after: None,
        before: None,
        limit: 10,
        end: End::First,
    };
    assert_eq!(world.store.count(&tenant, &filter).await.unwrap(), 1);
    let plan = world.store.explain(&tenant, &filter, &request).await.unwrap();
    let steps: &[&str] = match on {
        On::Sqlite => &[
            "SCAN audit_event_words VIRTUAL TABLE",
            "USING INDEX audit_events_by_sequence (tenant_id=? AND sequence=?)",
        ],
        On::Postgres => &["Bitmap Index Scan on audit_events_y2026m06_array_to_tsvector_idx"],
    };
    for step in steps {
        assert!(plan.contains(step), "{step:?} is not in\n{plan}");
    }
}

impl Question {
    /// One step, which is the range: no sort, no second look-up.
    fn check_sqlite(&self, plan: &str) {
        let mut terms: Vec<String> =
            self.index.fixed.iter().map(|column| format!("{column}=?")).collect();
        match self.range {
            Range::Unbounded => {}
            Range::Beyond(side) => terms.push(format!("(occurred_at,sequence){side}(?,?)")),
            Range::Times => terms.extend(["occurred_at>?".to_owned(), "occurred_at<?".to_owned()]),
            Range::Numbers => terms.push("sequence>?".to_owned()),
        }
        let range = format!("USING INDEX {} ({})", self.index.sqlite, terms.join(" AND "));
        assert!(plan.contains(&range), "{}: {range:?} is not in\n{plan}", self.name);
        assert_eq!(plan.lines().count(), 1, "{}: more than a range\n{plan}", self.name);
    }

    /// Ranges of partitions, one after the other or merged: nothing is sorted or read whole, and what
    /// lies outside of the months asked for is not even looked at.
    fn check_postgres(&self, plan: &str) {
        let name = self.name;
        let steps = plan.lines().filter(|line| line.contains("(cost="));
        let mut months = Vec::new();
        for step in steps {
            let step = step.trim_start_matches([' ', '-', '>']);
            let kind = step.split("  (").next().unwrap();
            if ["Limit", "Append", "Merge Append", "Result"].contains(&kind) {
                continue;
            }
            let index = kind
                .strip_prefix("Index Scan using ")
                .or_else(|| kind.strip_prefix("Index Scan Backward using "))
                .unwrap_or_else(|| panic!("{name}: {kind:?} is no range of an index in\n{plan}"));
            let (partition, rest) = index.split_at("audit_events_y2026m04".len());
            assert!(rest.starts_with(self.index.postgres), "{name}: {index} is read in\n{plan}");
            months.push(partition.trim_start_matches("audit_events_y").to_owned());
        }
        months.sort();
        if let Some(expected) = self.months {
            assert_eq!(months, expected, "{name}: the partitions read in\n{plan}");
        }
        for condition in plan.lines().filter(|line| line.contains("Cond: ")) {
            for column in self.index.fixed {
                assert!(
                    condition.contains(&format!("({column} = ")),
                    "{name}: {column} in\n{plan}"
                );
            }
            let range = match self.range {
                Range::Unbounded => String::new(),
                Range::Beyond(side) => format!("(ROW(occurred_at, sequence) {side} ROW("),
                Range::Times => "(occurred_at >= ".to_owned(),
                Range::Numbers => "(sequence > ".to_owned(),
            };
            assert!(condition.contains(&range), "{name}: {range} is not in\n{plan}");
        }
        // Row-level security's own, once and not for each row: is it the transaction's tenant?
        let mut filters = plan.lines().filter(|line| line.contains("Filter:"));
        assert!(
            filters.all(|line| line.contains("One-Time Filter: ((current_setting(")),
            "{name}: rows are read and dropped in\n{plan}"
        );
    }
}
