//! The laws of the sample data, checked on what is generated for several seeds and times.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::LazyLock;

use auditlog::demo::World;
use auditlog::domain::event::NewEvent;
use auditlog::domain::kind::ResourceName;
use chrono::{DateTime, Datelike, FixedOffset, Months, Utc, Weekday};
use serde_json::{Map, Value};

type Event = Map<String, Value>;

struct Sample {
    now: DateTime<Utc>,
    lines: Vec<String>,
    events: Vec<Event>,
}

fn generate(seed: u64, now: &str) -> Sample {
    let now = now.parse().unwrap();
    let lines: Vec<String> = World::new().events(seed, now).collect();
    let events = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    Sample { now, lines, events }
}

/// A weekday noon, an early Monday, the day after a leap day.
static SAMPLES: LazyLock<[Sample; 3]> = LazyLock::new(|| {
    [
        (1, "2026-11-18T19:00:00Z"),
        (2, "2026-11-23T10:00:00.000001Z"),
        (u64::MAX, "2028-03-01T23:59:59Z"),
    ]
    .map(|(seed, now)| generate(seed, now))
});

fn all_events() -> impl Iterator<Item = &'static Event> {
    SAMPLES.iter().flat_map(|sample| &sample.events)
}

fn text<'a>(event: &'a Event, key: &str) -> &'a str {
    event.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("{key} of {event:?}"))
}

fn occurred_at(event: &Event) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text(event, "occurred_at")).unwrap()
}

/// The leaves of a value by path; what is null or empty counts as absent.
fn leaves(value: &Value) -> BTreeMap<String, Value> {
    fn collect(path: String, value: &Value, leaves: &mut BTreeMap<String, Value>) {
        match value {
            Value::Null => {}
            Value::Object(fields) => {
                for (field, value) in fields {
                    assert!(!field.contains('.'));
                    collect(format!("{path}.{field}"), value, leaves);
                }
            }
            leaf => {
                leaves.insert(path, leaf.clone());
            }
        }
    }
    let mut all = BTreeMap::new();
    collect(String::new(), value, &mut all);
    all
}

/// What an event says of every field it tells of: the value before and after.
fn told(event: &Event) -> BTreeMap<String, (Option<Value>, Option<Value>)> {
    let mut told: BTreeMap<String, (Option<Value>, Option<Value>)> = BTreeMap::new();
    if let Some(changes) = event.get("changes").and_then(Value::as_array) {
        for change in changes {
            let side = |name| change.get(name).filter(|value| !value.is_null()).cloned();
            let path = format!(".{}", change["field"].as_str().unwrap());
            assert!(told.insert(path, (side("before"), side("after"))).is_none());
        }
    }
    for (path, value) in event.get("before").map(leaves).into_iter().flatten() {
        told.entry(path).or_default().0 = Some(value);
    }
    for (path, value) in event.get("after").map(leaves).into_iter().flatten() {
        told.entry(path).or_default().1 = Some(value);
    }
    told
}

#[test]
fn events_are_acceptable() {
    for line in SAMPLES.iter().flat_map(|sample| &sample.lines) {
        NewEvent::parse(line).unwrap_or_else(|problem| panic!("{problem}: {line}"));
    }
}

#[test]
fn events_tell_what_changed_as_their_type_does() {
    for event in all_events() {
        let sides = ["before", "after", "changes"].map(|side| event.contains_key(side));
        match text(event, "type") {
            "CREATE" => assert_eq!(sides, [false, true, false]),
            "DESTROY" => assert_eq!(sides, [true, false, false]),
            _ => assert!([[true, true, false], [false, false, true]].contains(&sides)),
        }
    }
}

#[test]
fn every_event_changes_something() {
    for event in all_events() {
        let told = told(event);
        assert!(told.values().any(|(before, after)| before != after), "{event:?}");
        if event.contains_key("changes") {
            assert!(told.values().all(|(before, after)| before != after), "{event:?}");
        }
    }
}

#[test]
fn ids_are_unique() {
    for sample in SAMPLES.iter() {
        let ids: BTreeSet<&str> = sample.events.iter().map(|event| text(event, "id")).collect();
        assert_eq!(ids.len(), sample.events.len());
        assert!(ids.contains("demo-000001"));
    }
}

#[test]
fn time_runs_forward_through_four_months_and_never_past_now() {
    for sample in SAMPLES.iter() {
        let start = sample.now - Months::new(4);
        let times: Vec<DateTime<FixedOffset>> = sample.events.iter().map(occurred_at).collect();
        assert!(times.is_sorted());
        let (first, last) = (*times.first().unwrap(), *times.last().unwrap());
        assert!(start <= first && first.to_utc() < start + chrono::TimeDelta::days(4));
        assert!(last <= sample.now && last.to_utc() > sample.now - chrono::TimeDelta::days(4));
    }
}

/// Replays every record's history from what the events say alone.
#[test]
fn histories_are_coherent() {
    #[derive(Default)]
    struct History {
        known: BTreeMap<String, Option<Value>>,
        /// From its creation on all of a record's fields are known.
        created: bool,
        destroyed: bool,
    }
    for sample in SAMPLES.iter() {
        let mut histories: BTreeMap<(String, String), History> = BTreeMap::new();
        for event in &sample.events {
            let record = (text(event, "resource_name").into(), text(event, "resource_id").into());
            let seen = histories.contains_key(&record);
            let history = histories.entry(record).or_default();
            assert!(!history.destroyed, "destroyed before: {event:?}");
            if text(event, "type") == "CREATE" {
                assert!(!seen, "created again: {event:?}");
                history.created = true;
            }
            for (path, (before, after)) in told(event) {
                match history.known.get(&path) {
                    Some(known) => assert_eq!(*known, before, "{path} of {event:?}"),
                    None => assert!(!history.created || before.is_none(), "{path} of {event:?}"),
                }
                history.known.insert(path, after);
            }
            history.destroyed = text(event, "type") == "DESTROY";
        }
    }
}

#[test]
fn the_same_seed_and_time_give_the_same_bytes() {
    let Sample { now, lines, .. } = &SAMPLES[0];
    assert!(World::new().events(1, *now).eq(lines.iter().cloned()));
    assert!(World::new().events(2, *now).ne(lines.iter().cloned()));
}

#[test]
fn people_act_where_they_work() {
    let world = World::new();
    for event in all_events() {
        let organization = text(event, "organization_id");
        let organization = world.organizations.iter().find(|o| o.id == organization).unwrap();
        let Some(actor) = event["acting_user_id"].as_str() else {
            continue;
        };
        let actor = world.users.iter().find(|user| user.id == actor).unwrap();
        let mut lineage = iter::successors(Some(organization), |below| {
            world.organizations.iter().find(|o| Some(o.id) == below.parent_id)
        });
        assert!(lineage.any(|o| o.id == actor.organization_id), "{event:?}");
    }
}

#[test]
fn the_group_is_one_tree_with_parents_first() {
    let world = World::new();
    let mut seen = BTreeSet::new();
    for organization in &world.organizations {
        assert_eq!(organization.parent_id.is_none(), seen.is_empty());
        assert!(organization.parent_id.is_none_or(|parent| seen.contains(parent)));
        assert!(seen.insert(organization.id));
    }
    let ids: BTreeSet<&str> = world.users.iter().map(|user| user.id).collect();
    assert_eq!(ids.len(), world.users.len());
    assert!(world.users.iter().all(|user| seen.contains(user.organization_id)));
}

#[test]
fn there_is_enough_of_everything() {
    for sample in SAMPLES.iter() {
        let count = sample.events.len();
        assert!((6000..=8000).contains(&count), "{count} events");

        let automatic = sample.events.iter().filter(|event| event["acting_user_id"].is_null());
        let permille = automatic.count() * 1000 / count;
        assert!((20..=45).contains(&permille), "{permille} in a thousand are automatic");

        let weekend =
            |event: &&Event| matches!(occurred_at(event).weekday(), Weekday::Sat | Weekday::Sun);
        let weekends = sample.events.iter().filter(weekend).count();
        assert!((1..count / 10).contains(&weekends), "{weekends} on weekends");

        let resources: BTreeSet<&str> =
            sample.events.iter().map(|event| text(event, "resource_name")).collect();
        // Nobody founds or closes an organization in these four months, and of what the server keeps
        // itself it tells.
        let told = |name: &&ResourceName| {
            !name.is_reserved()
                && !matches!(name, ResourceName::Organization | ResourceName::Custom)
        };
        let all: BTreeSet<&str> =
            ResourceName::ALL.iter().filter(told).map(|name| name.as_str()).collect();
        assert_eq!(resources, all);
    }
}

#[test]
fn amounts_are_written_with_two_decimals() {
    const AMOUNTS: [&str; 6] = [
        ".amount",
        ".amount_paid",
        ".fee",
        ".patient_responsibility",
        ".refunded_amount",
        ".total_charge",
    ];
    let told = all_events().flat_map(told);
    let mut amounts = told
        .filter(|(path, _)| AMOUNTS.contains(&path.as_str()))
        .flat_map(|(_, (before, after))| [before, after])
        .flatten()
        .peekable();
    assert!(amounts.peek().is_some());
    for amount in amounts {
        let text = amount.as_number().unwrap().to_string();
        assert_eq!(text.split_once('.').unwrap().1.len(), 2, "{text}");
    }
}
