//! The laws of the sample data, checked on what is generated for several seeds and times.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::LazyLock;

use auditlog::demo::World;
use auditlog::domain::event::NewEvent;
use auditlog::domain::kind::{EventType, ResourceName};
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

fn has_failed(event: &Event) -> bool {
    event.get("outcome").is_some_and(|outcome| outcome == "FAILURE")
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
        const NOTHING: [bool; 3] = [false; 3];
        const SOMETHING: [[bool; 3]; 2] = [[true, true, false], [false, false, true]];
        let sides = ["before", "after", "changes"].map(|side| event.contains_key(side));
        let as_told = match (text(event, "type"), has_failed(event)) {
            ("CREATE", false) => sides == [false, true, false],
            ("DESTROY", false) => sides == [true, false, false],
            ("UPDATE" | "SIGN_IN", false) => SOMETHING.contains(&sides),
            // It counts in the account, if there is one of that name.
            ("SIGN_IN_FAILED", true) => sides == NOTHING || SOMETHING.contains(&sides),
            _ => sides == NOTHING,
        };
        assert!(as_told, "{event:?}");
    }
}

#[test]
fn what_tells_of_changes_changes_something() {
    for event in all_events() {
        let told = told(event);
        let mut differs = told.values().map(|(before, after)| before != after);
        assert!(told.is_empty() || differs.any(|differs| differs), "{event:?}");
        if event.contains_key("changes") {
            assert!(told.values().all(|(before, after)| before != after), "{event:?}");
        }
    }
}

#[test]
fn what_failed_says_why_and_what_is_read_says_what_for() {
    let mut failed = BTreeSet::new();
    for event in all_events() {
        if has_failed(event) {
            assert!(text(event, "description").len() > 20, "{event:?}");
            failed.insert(text(event, "type"));
        }
        match (event.get("page").and_then(Value::as_str), text(event, "type")) {
            (Some("Chart"), "VIEW") => {
                let purpose = text(event, "purpose");
                assert!(["TREAT", "ETREAT", "HPAYMT", "HOPERAT"].contains(&purpose), "{event:?}");
            }
            (page, "EXPORT") => {
                assert_eq!((page, text(event, "purpose")), (Some("Reports"), "HOPERAT"));
            }
            _ => {}
        }
    }
    let expected = ["API_CALL", "DOWNLOAD", "EXPORT", "SIGN_IN_FAILED", "UPDATE", "VIEW"];
    assert_eq!(failed, BTreeSet::from(expected));
}

#[test]
fn people_sign_in_before_they_sign_out_and_on_most_working_days() {
    let world = World::new();
    for sample in SAMPLES.iter() {
        for user in &world.users {
            let own = |event: &&Event| {
                text(event, "resource_name") == "USER" && text(event, "resource_id") == user.id
            };
            let sessions: Vec<&str> = sample
                .events
                .iter()
                .filter(own)
                .map(|event| text(event, "type"))
                .filter(|event_type| ["SIGN_IN", "SIGN_OUT"].contains(event_type))
                .collect();
            if user.can_record {
                assert!(sessions.is_empty(), "{} is a service account", user.id);
                continue;
            }
            assert!(sessions.windows(2).all(|pair| pair[0] != pair[1]), "{}", user.id);
            // There are about 87 working days in four months.
            let sign_ins = sessions.iter().filter(|event_type| **event_type == "SIGN_IN").count();
            assert!((55..=100).contains(&sign_ins), "{} signed in {sign_ins} times", user.id);
        }
    }
}

/// Of those who guess it is not known who they are, and they come in a burst.
#[test]
fn strangers_fail_to_sign_in() {
    for sample in SAMPLES.iter() {
        let guesses: Vec<&Event> = sample
            .events
            .iter()
            .filter(|event| {
                event
                    .get("ip_address")
                    .is_some_and(|ip| ip.as_str().unwrap().starts_with("2001:db8:bad:"))
            })
            .collect();
        assert!(guesses.len() >= 10, "{} guesses", guesses.len());
        for guess in &guesses {
            assert_eq!(text(guess, "type"), "SIGN_IN_FAILED");
            assert!(guess["acting_user_id"].is_null(), "{guess:?}");
        }
        let burst = guesses.windows(9).any(|guesses| {
            let [first, .., last] = guesses else { unreachable!() };
            occurred_at(last) - occurred_at(first) < chrono::TimeDelta::seconds(60)
        });
        assert!(burst, "nine in a minute");
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
        assert!((9_500..=12_000).contains(&count), "{count} events");

        let automatic = sample.events.iter().filter(|event| event["acting_user_id"].is_null());
        let permille = automatic.count() * 1000 / count;
        assert!((20..=45).contains(&permille), "{permille} in a thousand are automatic");

        let weekend =
            |event: &&Event| matches!(occurred_at(event).weekday(), Weekday::Sat | Weekday::Sun);
        let weekends = sample.events.iter().filter(weekend).count();
        assert!((1..count / 10).contains(&weekends), "{weekends} on weekends");

        let types: BTreeSet<&str> = sample.events.iter().map(|event| text(event, "type")).collect();
        let told = |event_type: &&EventType| !event_type.is_reserved();
        let all: BTreeSet<&str> =
            EventType::ALL.iter().filter(told).map(|event_type| event_type.as_str()).collect();
        assert_eq!(types, all);

        let resources: BTreeSet<&str> =
            sample.events.iter().map(|event| text(event, "resource_name")).collect();
        // Nobody founds or closes an organization in these four months, and of what the server keeps
        // itself it tells.
        let told = |name: &&ResourceName| {
            !name.is_reserved() && !matches!(name, ResourceName::Organization)
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
