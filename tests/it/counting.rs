//! Counts are exact: what is counted beforehand, and what is read, add up to what is there, whatever was
//! recorded, moved and purged before.

use std::fmt::Write as _;

use auditlog::domain::event::Event;
use auditlog::domain::filter::EventFilter;
use auditlog::domain::id::Id;
use auditlog::domain::kind::{EventType, ResourceName};
use auditlog::domain::page::{End, Order, PageRequest};
use auditlog::domain::time::{Time, format};
use auditlog::domain::viewer::{Descendants, Membership, Permission, Scope, Viewer};
use auditlog::ingest::{self, Batch};
use auditlog::store::Store;
use axum::http::{Method, StatusCode};
use chrono::{DurationRound as _, TimeDelta};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::property::for_all;
use crate::support::retention::{hold, purge};
use crate::support::world::{OWN, VIEW, World, event, event_with, limits};
use crate::support::{On, direct};

on_both!(
    counts_are_what_a_naive_count_says,
    so_many_events_are_counted_as_they_come,
    what_was_there_before_is_counted_beside_all_else,
    what_is_purged_before_it_is_counted_is_not_counted,
    what_a_server_recorded_is_counted_from_its_memory,
    counts_begin_and_end_where_a_filter_does,
    counting_that_takes_too_long_is_given_up,
);

/// Organizations of acme. Those of the west are just so many that they are counted by the hour, until one
/// moves away.
const PLACES: [&str; 8] =
    ["acme", "west", "portland", "seattle", "east", "boston", "salem", "eugene"];
pub const RESOURCES: [ResourceName; 3] =
    [ResourceName::Appointment, ResourceName::Task, ResourceName::Goal];
const TYPES: [EventType; 3] = [EventType::Create, EventType::Update, EventType::View];

/// A time before now; often right where an hour, a day or a month begins, or beside it.
#[derive(Debug, Clone, Copy)]
struct Moment {
    hours_ago: i64,
    to: usize,
    micros: i64,
}

impl Moment {
    fn at(self, now: Time) -> Time {
        let time = now - TimeDelta::hours(self.hours_ago) + TimeDelta::minutes(17);
        let time = match self.to {
            0 => time.duration_trunc(TimeDelta::hours(1)).unwrap(),
            1 => time.duration_trunc(TimeDelta::days(1)).unwrap(),
            2 => time.date_naive().format("%Y-%m-01T00:00:00Z").to_string().parse().unwrap(),
            _ => time,
        };
        time + TimeDelta::microseconds(self.micros)
    }
}

fn moment() -> impl Strategy<Value = Moment> {
    let hours_ago = prop_oneof![0..80_i64, 0..3_000_i64, 0..10_000_i64];
    (hours_ago, 0..5_usize, -1..=1_i64).prop_map(|(hours_ago, to, micros)| Moment {
        hours_ago,
        to,
        micros,
    })
}

#[derive(Debug, Clone)]
enum Step {
    Record(Vec<(usize, usize, usize, Moment)>),
    Settle,
    Move {
        which: usize,
        to: usize,
    },
    /// With a plan that keeps so many months.
    Purge {
        plan: usize,
        batch: u64,
    },
    Hold(usize),
}

#[derive(Debug, Clone)]
struct Asked {
    place: Option<(usize, bool)>,
    /// By whom: somebody who may view these, or else the server itself.
    viewer: Option<Vec<usize>>,
    resources: Option<Vec<usize>>,
    excluded: Option<Vec<usize>>,
    types: Option<Vec<usize>>,
    from: Option<Moment>,
    until: Option<Moment>,
    up_to: Option<Index>,
}

fn step() -> impl Strategy<Value = Step> {
    let made = (0..PLACES.len(), 0..RESOURCES.len(), 0..TYPES.len(), moment());
    prop_oneof![
        5 => vec(made, 1..30).prop_map(Step::Record),
        2 => Just(Step::Settle),
        2 => (1..PLACES.len(), 0..PLACES.len()).prop_map(|(which, to)| Step::Move { which, to }),
        1 => (0..3_usize, 1..20_u64).prop_map(|(plan, batch)| Step::Purge { plan, batch }),
        1 => (0..PLACES.len()).prop_map(Step::Hold),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let some = |of: usize| option::weighted(0.3, vec(0..of, 1..3));
    let place = option::weighted(0.5, (0..PLACES.len(), any::<bool>()));
    let viewer = option::weighted(0.5, vec(0..PLACES.len(), 1..3));
    let kinds = (some(RESOURCES.len()), some(RESOURCES.len()), some(TYPES.len()));
    let times = (option::of(moment()), option::of(moment()));
    (place, viewer, kinds, times, option::weighted(0.2, any::<Index>())).prop_map(
        |(place, viewer, (resources, excluded, types), (from, until), up_to)| Asked {
            place,
            viewer,
            resources,
            excluded,
            types,
            from,
            until,
            up_to,
        },
    )
}

/// With all the places.
pub async fn places(on: On) -> World {
    let world = World::new(on).await;
    for id in ["salem", "eugene"] {
        world.organization(id, id, Some("west")).await;
    }
    world
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub async fn whole(world: &World) -> Scope {
    Scope::whole(world.store.tenant(&id("acme")).await.unwrap())
}

/// Every event that is there, read and not counted.
pub async fn all(world: &World) -> Vec<Event> {
    let request = PageRequest {
        order: Order::SequenceAsc,
        after: None,
        before: None,
        limit: 100_000,
        end: End::First,
    };
    let (scope, filter) = (whole(world).await, EventFilter::default());
    world.store.events(&scope, &filter, &request).await.unwrap().items
}

impl Asked {
    async fn scope(&self, world: &World) -> Scope {
        let tenant = world.store.tenant(&id("acme")).await.unwrap();
        let Some(places) = &self.viewer else { return Scope::whole(tenant) };
        let membership = |place: &usize| Membership {
            id: id("m"),
            user_id: id("vera"),
            organization_id: id(PLACES[*place]),
            is_owner: true,
            can_view_audit_log: true,
            can_record: false,
            view: auditlog::domain::kind::View::All,
            can_view_sensitive_values: false,
            can_view_resource_history: false,
            can_add_notes: false,
        };
        let memberships = places.iter().map(membership).collect();
        let viewer = Viewer { tenant_id: id("acme"), user_id: id("vera"), memberships };
        Scope::of(tenant, &viewer, Permission::ViewAuditLog, world.store.now())
    }

    fn filter(&self, now: Time, events: &[Event]) -> EventFilter {
        let resources = |list: &Option<Vec<usize>>| {
            list.as_ref().map(|list| list.iter().map(|n| RESOURCES[*n]).collect())
        };
        let types = self.types.as_ref().map(|list| list.iter().map(|n| TYPES[*n]).collect());
        EventFilter {
            event_types: types,
            resource_names: resources(&self.resources),
            excluded_resource_names: resources(&self.excluded),
            occurred_after: self.from.map(|moment| moment.at(now)),
            occurred_before: self.until.map(|moment| moment.at(now)),
            up_to_sequence: self
                .up_to
                .filter(|_| !events.is_empty())
                .map(|index| index.get(events).position.sequence),
            ..EventFilter::default()
        }
    }
}

/// Whether a scope holds an event and a filter selects it.
pub fn is_counted(scope: &Scope, filter: &EventFilter, event: &Event) -> bool {
    let at = event.position.occurred_at;
    let is_one_of = |names: &Option<Vec<ResourceName>>| {
        names.as_ref().map(|names| names.contains(&event.resource_name))
    };
    scope.holds(&event.organization_id)
        && scope.visible_since().is_none_or(|since| at >= since)
        && is_one_of(&filter.resource_names) != Some(false)
        && is_one_of(&filter.excluded_resource_names) != Some(true)
        && filter.event_types.as_ref().is_none_or(|types| types.contains(&event.event_type))
        && filter.occurred_after.is_none_or(|after| at >= after)
        && filter.occurred_before.is_none_or(|before| at <= before)
        && filter.up_to_sequence.is_none_or(|upto| event.position.sequence <= upto)
}

async fn check(world: &World, asked: &[Asked]) {
    let events = all(world).await;
    let now = world.store.now();
    for asked in asked {
        let scope = asked.scope(world).await;
        let scope = match asked.place {
            None => scope,
            Some((place, below)) => {
                let descendants = if below { Descendants::With } else { Descendants::Without };
                let Some(narrowed) = scope.narrow(&id(PLACES[place]), descendants) else {
                    continue;
                };
                narrowed
            }
        };
        let filter = asked.filter(now, &events);
        let naive = events.iter().filter(|event| is_counted(&scope, &filter, event)).count();
        let counted = world.store.count(&scope, &filter).await.unwrap();
        assert_eq!(counted, naive as u64, "{asked:?} as {filter:?}");
    }
}

pub const MOVE: &str = "mutation($id: ID!, $to: ID!) {
    moveOrganization(input: {id: $id, parent_id: $to}) { messages { message } }
}";

async fn take(world: &World, recorder: &Client, owner: &Client, step: &Step) {
    match step {
        Step::Record(made) => {
            let now = world.store.now();
            let events = made.iter().map(|(place, resource, event_type, moment)| {
                json!({
                    "organization_id": PLACES[*place], "resource_id": "1",
                    "resource_name": RESOURCES[*resource].as_str(),
                    "type": TYPES[*event_type].as_str(), "occurred_at": format(moment.at(now)),
                })
            });
            recorder.recorded(Value::from_iter(events)).await;
        }
        Step::Settle => world.store.settle_counts(&id("acme")).await.unwrap(),
        // One that would make a circle is refused, and is none.
        Step::Move { which, to } => {
            owner.data(MOVE, json!({"id": PLACES[*which], "to": PLACES[*to]})).await;
        }
        Step::Purge { plan, batch } => {
            world.clock.advance(TimeDelta::minutes(25));
            world.assign("acme", ["free", "enterprise", "unlimited"][*plan]).await;
            purge(&world.store, *batch).await;
        }
        Step::Hold(place) => {
            hold(owner, &format!("organization_id: \"{}\"", PLACES[*place])).await;
        }
    }
}

async fn counts_are_what_a_naive_count_says(on: On) {
    let case = (vec(step(), 1..12), vec(asked(), 15..20));
    for_all(8, case, async |(steps, asked)| {
        let world = places(on).await;
        let recorder = world.recorder("acme").await;
        let owner = world.user("olga", "acme", OWN).await;
        for step in &steps {
            take(&world, &recorder, &owner, step).await;
            check(&world, &asked).await;
        }
        // When everything is counted, nothing is read but the edges; when all is gone, no count is left.
        world.store.settle_counts(&id("acme")).await.unwrap();
        check(&world, &asked).await;
    });
}

/// Nobody need ask for it: who records keeps what is not counted small.
async fn so_many_events_are_counted_as_they_come(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    for part in 0..3 {
        let mut lines = String::new();
        for n in 0..1_500 {
            let at = format!("2026-{:02}-{:02}T{:02}:30:00Z", 4 + n % 7, 1 + n % 14, n % 24);
            let event = event_with(PLACES[n % 6], "1", json!({"occurred_at": at}));
            writeln!(lines, "{event}").unwrap();
        }
        let sent = recorder
            .send(Method::POST, "/v1/audit-events", Some("application/x-ndjson"), lines)
            .await;
        assert_eq!(sent.status, StatusCode::OK, "{part}: {}", sent.body);
    }
    let heads = "SELECT (last_sequence - counted_sequence) || ' ' || (counted_sequence > 2999)
        FROM sequence_heads WHERE tenant_id = 'acme'";
    let heads = world.held(heads).await.remove(0);
    let (uncounted, _) = heads.split_once(' ').unwrap();
    assert!(uncounted.parse::<u64>().unwrap() < 500, "{heads}");
    let months = "SELECT period || ' ' || events FROM event_counts
        WHERE organization_id = 'west' AND period LIKE 'M%' ORDER BY 1";
    assert_eq!(world.held(months).await.len(), 7);
    check(&world, &[nothing_asked()]).await;
    let (scope, all) = (whole(&world).await, EventFilter::default());
    assert!(Store::keeps_counts_of(&scope, &all), "all are read");
}

fn nothing_asked() -> Asked {
    Asked {
        place: None,
        viewer: None,
        resources: None,
        excluded: None,
        types: None,
        from: None,
        until: None,
        up_to: None,
    }
}

async fn what_was_there_before_is_counted_beside_all_else(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    for _ in 0..2 {
        let events = (0..1_500).map(|n| event(PLACES[n % 6], &n.to_string()));
        recorder.recorded(Value::from_iter(events)).await;
    }
    world.store.settle_counts(&id("acme")).await.unwrap();
    let kept =
        "SELECT organization_id || ' ' || period || ' ' || kinds FROM event_counts ORDER BY 1";
    let before = world.held(kept).await;
    // As an earlier version leaves it.
    let db = direct::connect(&world.database.url).await;
    direct::run(&db, "DELETE FROM event_counts").await;
    direct::run(&db, "UPDATE sequence_heads SET counted_sequence = 0").await;
    check(&world, &[nothing_asked()]).await;
    let another = world.database.store(world.clock.clock()).await;
    assert_eq!(world.held(kept).await, Vec::<String>::new(), "a server listens before");
    another.catch_up_with_counting().await.unwrap();
    world.store.settle_counts(&id("acme")).await.unwrap();
    assert_eq!(world.held(kept).await, before);
    check(&world, &[nothing_asked()]).await;

    // Two servers at it while events are recorded and purged.
    direct::run(&db, "DELETE FROM event_counts").await;
    direct::run(&db, "UPDATE sequence_heads SET counted_sequence = 0").await;
    world.assign("acme", "free").await;
    let recording = async {
        for part in 0..4 {
            let now = world.store.now();
            let events = (0..600).map(|n| {
                let at = format(now - TimeDelta::days(part * 20) - TimeDelta::minutes(n));
                let place = PLACES[usize::try_from(n).unwrap() % 6];
                event_with(place, "1", json!({"occurred_at": at}))
            });
            recorder.recorded(Value::from_iter(events)).await;
        }
    };
    let purging = async {
        for _ in 0..3 {
            purge(&another, 100).await;
        }
    };
    let (one, two, (), ()) = tokio::join!(
        world.store.catch_up_with_counting(),
        another.catch_up_with_counting(),
        recording,
        purging
    );
    one.unwrap();
    two.unwrap();
    check(&world, &[nothing_asked()]).await;
    world.store.settle_counts(&id("acme")).await.unwrap();
    check(&world, &[nothing_asked()]).await;
    let counted = world.held(kept).await;
    direct::run(&db, "DELETE FROM event_counts").await;
    direct::run(&db, "UPDATE sequence_heads SET counted_sequence = 0").await;
    world.store.settle_counts(&id("acme")).await.unwrap();
    assert_eq!(world.held(kept).await, counted);
}

/// What a server knows of events that are not counted yet does not hold any more when some of those are
/// purged, or another server records.
async fn what_is_purged_before_it_is_counted_is_not_counted(on: On) {
    let world = World::new(on).await;
    let another = world.database.store(world.clock.clock()).await;
    let tenants = PLACES.map(|place| (id(place), id("acme"))).into_iter().collect();
    world.assign("acme", "free").await;
    let now = world.store.now();
    for part in 0..8 {
        let second = if part < 4 { &world.store } else { &another };
        for store in [&world.store, second, &world.store] {
            let mut batch = Batch::default();
            for n in 0..400 {
                let days = if n % 3 == 0 { 20 + (n + part) % 100 } else { 0 };
                let at = format(now - TimeDelta::days(days) - TimeDelta::minutes(n));
                let place = PLACES[usize::try_from(n).unwrap() % 6];
                batch.add_text(&event_with(place, "1", json!({"occurred_at": at})).to_string());
            }
            let (_, problems) = ingest::import(store, &tenants, batch).await.unwrap();
            assert_eq!(problems, []);
        }
        let due = another.due(&id("acme")).await.unwrap().unwrap();
        let upto = another.next_due(&due, None, 70).await.unwrap().unwrap();
        another.purge_batch(&due, upto).await.unwrap();
        check(&world, &[nothing_asked()]).await;
    }
    are_as_counted_anew(&world).await;
}

/// The counts that are kept, once all is counted, and what counting all again gives.
async fn are_as_counted_anew(world: &World) {
    let kept =
        "SELECT organization_id || ' ' || period || ' ' || kinds FROM event_counts ORDER BY 1";
    world.store.settle_counts(&id("acme")).await.unwrap();
    let counted = world.held(kept).await;
    let db = direct::connect(&world.database.url).await;
    direct::run(&db, "DELETE FROM event_counts").await;
    direct::run(&db, "UPDATE sequence_heads SET counted_sequence = 0").await;
    world.store.settle_counts(&id("acme")).await.unwrap();
    assert_eq!(world.held(kept).await, counted);
}

/// Another server records in between, and an organization moves.
async fn what_a_server_recorded_is_counted_from_its_memory(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let another = world.database.store(world.clock.clock()).await;
    let tenants = PLACES.map(|place| (id(place), id("acme"))).into_iter().collect();
    let now = world.store.now();
    world.store.settle_counts(&id("acme")).await.unwrap();
    let import = async |store: &Store| {
        let mut batch = Batch::default();
        for n in 0..600 {
            let at = format(now - TimeDelta::hours(n));
            let place = PLACES[usize::try_from(n).unwrap() % 6];
            batch.add_text(&event_with(place, "1", json!({"occurred_at": at})).to_string());
        }
        let (_, problems) = ingest::import(store, &tenants, batch).await.unwrap();
        assert_eq!(problems, []);
    };
    let head = "SELECT CAST(counted_sequence AS TEXT) FROM sequence_heads WHERE tenant_id = 'acme'";
    for round in 0..12 {
        match round {
            5 => import(&another).await,
            9 => {
                let moved = json!({"id": "portland", "to": "east"});
                let moved = owner.data(MOVE, moved).await;
                assert_eq!(moved["moveOrganization"]["messages"], json!([]));
            }
            _ => import(&world.store).await,
        }
        if round == 3 {
            let counted: i64 = world.held(head).await[0].parse().unwrap();
            let last = world.store.last_sequence(&id("acme")).await.unwrap();
            assert_eq!(counted, last, "2,400 events are enough to be counted");
        }
        check(&world, &[nothing_asked()]).await;
    }
    are_as_counted_anew(&world).await;
}

/// To the microsecond, and for a viewer whose plan shows the last days.
async fn counts_begin_and_end_where_a_filter_does(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let times = [
        "2026-10-08T11:59:59.999999Z",
        "2026-10-08T12:00:00Z",
        "2026-10-08T12:59:59.999999Z",
        "2026-10-09T00:00:00Z",
        "2026-10-14T23:59:59.999999Z",
        "2026-10-15T00:00:00Z",
    ];
    let made = times.map(|at| event_with("west", "1", json!({"occurred_at": at})));
    recorder.recorded(Value::from_iter(made)).await;
    let counted = async |filter: &str| {
        let query =
            format!("{{ auditLog(resource_name: APPOINTMENT {filter}) {{ total_count }} }}");
        viewer.query(&query).await["auditLog"]["total_count"].take()
    };
    for settled in [false, true] {
        if settled {
            world.store.settle_counts(&id("acme")).await.unwrap();
        }
        assert_eq!(counted("").await, 6);
        assert_eq!(counted(r#"occurred_after: "2026-10-08T12:00:00Z""#).await, 5);
        assert_eq!(counted(r#"occurred_after: "2026-10-08T12:00:00.000001Z""#).await, 4);
        assert_eq!(counted(r#"occurred_before: "2026-10-15""#).await, 6);
        assert_eq!(counted(r#"occurred_before: "2026-10-14T23:59:59.999999Z""#).await, 5);
        assert_eq!(counted(r#"occurred_before: "2026-10-14T23:59:59.999998Z""#).await, 4);
        let day = r#"occurred_after: "2026-10-09", occurred_before: "2026-10-15""#;
        assert_eq!(counted(day).await, 3);
        assert_eq!(counted(&format!(r#"organization_id: "east", {day}"#)).await, 0);
        assert_eq!(counted(r#"occurred_after: "9999-12-31T23:59:59.999999Z""#).await, 0);
        assert_eq!(counted(r#"occurred_before: "9999-12-31T23:59:59.999999Z""#).await, 6);
        assert_eq!(counted(r#"occurred_after: "0001-01-01""#).await, 6);
        assert_eq!(counted(r#"occurred_before: "0001-01-01""#).await, 0);
        let backward = r#"occurred_after: "2026-10-14", occurred_before: "2026-10-09""#;
        assert_eq!(counted(backward).await, 0);
    }
    world.assign("acme", "free").await; // shows seven days
    assert_eq!(counted("").await, 5);
}

/// What no count is kept of is read; and a filter whose reading takes too long is refused.
async fn counting_that_takes_too_long_is_given_up(on: On) {
    let world = World::new(on).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let recorder = world.recorder("acme").await;
    recorder.recorded(json!([event_with("west", "1", json!({"page": "Calendar"}))])).await;
    let viewer = viewer.at(&world.server_within(limits(&[("max_count_seconds", 1)])).await);
    let count = |page: &str| format!("{{ auditLog(pages: [{page:?}]) {{ total_count }} }}");
    let counted = async || viewer.query(&count("Calendar")).await["auditLog"]["total_count"].take();
    let filter = EventFilter { pages: Some(vec!["Calendar".to_owned()]), ..EventFilter::default() };
    let scope = whole(&world).await;
    assert!(!Store::keeps_counts_of(&scope, &filter));
    assert_eq!(counted().await, 1);
    // As if it took long: whoever reads has to wait.
    let db = direct::connect(&world.database.url).await;
    match on {
        On::Postgres => {
            direct::run(&db, "BEGIN; LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE").await;
        }
        On::Sqlite => direct::make_endless(&db, "audit_events").await,
    }
    // One after the other, more than SQLite has connections: none goes on.
    for _ in 0..5 {
        let refused = viewer.graphql(&count("Calendar"), json!({})).await.json();
        assert_eq!(refused["data"], json!({"auditLog": null}));
        let error = &refused["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{refused}");
        assert_eq!(error["path"], json!(["auditLog"]), "{refused}");
        insta::assert_snapshot!("counting_took_too_long", error["message"].as_str().unwrap());
    }
    match on {
        On::Postgres => direct::run(&db, "ROLLBACK").await,
        On::Sqlite => direct::make_ending(&db, "audit_events").await,
    }
    assert_eq!(counted().await, 1);
}
