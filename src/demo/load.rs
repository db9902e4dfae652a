//! Events to measure with: as many as are asked for, drawn from a seed, one after the other in the order
//! of time. One large tenant with some four hundred organizations has most of them; fifty small ones
//! share the rest.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::rng::SplitMix64;
use super::vocabulary::{BROWSERS, FIRST_NAMES, LAST_NAMES};

/// The large tenant.
pub const LARGE: &str = "large";
/// A half of its organizations, and a group of five of them.
pub const HALF: &str = "large-north";
/// See [`HALF`].
pub const FIVE: &str = "large-north-07";
/// How many small tenants there are.
pub const SMALL_TENANTS: u64 = 50;

const AREAS: u64 = 40;
const CLINICS: u64 = 4;
const USERS: u64 = 2_000;
const DAYS: i64 = 120;

/// Kinds of records, each with so many in a thousand events.
const KINDS: [(&str, u64); 8] = [
    ("APPOINTMENT", 420),
    ("USER", 180),
    ("FORM_ANSWER_GROUP", 150),
    ("TASK", 120),
    ("BILLING_ITEM", 80),
    ("CARE_PLAN", 30),
    ("GOAL", 18),
    ("POLICY", 2),
];

const FIELDS: [&str; 12] = [
    "pm_status",
    "length",
    "provider_id",
    "location.name",
    "location.room",
    "contact_type",
    "notes",
    "reminder_sent_at",
    "address.city",
    "address.line1",
    "phone_number",
    "is_active",
];

/// An organization of the sample: its id and that of the one above it. Parents come first.
pub fn organizations() -> impl Iterator<Item = (String, Option<String>)> {
    let halves = ["north", "south"].into_iter().flat_map(|half| {
        let half = format!("{LARGE}-{half}");
        let areas = (0..AREAS).flat_map({
            let half = half.clone();
            move |area| {
                let area = format!("{half}-{area:02}");
                let clinic = |n| (format!("{area}-{n}"), Some(area.clone()));
                let clinics: Vec<_> = (0..CLINICS).map(clinic).collect();
                std::iter::once((area.clone(), Some(half.clone()))).chain(clinics)
            }
        });
        std::iter::once((half, Some(LARGE.to_owned()))).chain(areas)
    });
    let small = (0..SMALL_TENANTS).flat_map(|n| {
        let tenant = format!("small-{n:02}");
        let clinic = |n| (format!("{tenant}-{n}"), Some(tenant.clone()));
        let clinics: Vec<_> = (0..2).map(clinic).collect();
        std::iter::once((tenant.clone(), None)).chain(clinics)
    });
    std::iter::once((LARGE.to_owned(), None)).chain(halves).chain(small)
}

/// The time of the first event, when the last one happened just before `now`.
pub fn start(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(DAYS)
}

/// The events, each as one event of the recording contract in JSON. The last one happened just before
/// `now`.
pub fn events(seed: u64, count: u64, now: DateTime<Utc>) -> impl Iterator<Item = String> {
    let mut rng = SplitMix64::new(seed);
    let large: Vec<String> =
        organizations().map(|(id, _)| id).filter(|id| id.starts_with(LARGE)).collect();
    let start = start(now);
    let step = f64::from(u32::try_from(DAYS).unwrap_or(0)) * 86_400e6 / count.max(1) as f64;
    (0..count).map(move |number| {
        let micros = (number as f64 * step) as i64;
        let at = start + TimeDelta::microseconds(micros);
        event(&mut rng, &large, number, count, at).to_string()
    })
}

/// A number below `bound`; small ones far more often than large ones.
fn skewed(rng: &mut SplitMix64, bound: u64) -> u64 {
    let part = rng.below(1 << 20) as f64 / (1 << 20) as f64;
    (bound as f64 * part * part) as u64
}

fn event(
    rng: &mut SplitMix64,
    large: &[String],
    number: u64,
    count: u64,
    at: DateTime<Utc>,
) -> Value {
    let is_large = rng.chance(85);
    let small = rng.below(SMALL_TENANTS);
    let organization = match is_large {
        // Not the root alone, nor all alike.
        true => {
            let nth = skewed(rng, large.len() as u64);
            large.get(nth as usize).cloned().unwrap_or_else(|| LARGE.to_owned())
        }
        false => format!("small-{small:02}-{}", rng.below(2)),
    };
    let user = match (rng.chance(96), is_large) {
        (false, _) => None,
        (true, true) => Some(format!("{LARGE}-user-{}", skewed(rng, USERS))),
        (true, false) => Some(format!("small-{small:02}-user-{}", skewed(rng, 40))),
    };
    let kind = kind(rng.below(1_000));
    let event_type = match rng.below(100) {
        0..50 => "UPDATE",
        50..72 => "CREATE",
        72..96 => "VIEW",
        96..99 => "EXPORT",
        _ => "DESTROY",
    };
    let record = skewed(rng, (count / 20).max(10));
    let (before, after) = sides(rng, event_type);
    let description = rng.chance(30).then(|| {
        let name = format!("{} {}", rng.pick(&FIRST_NAMES), rng.pick(&LAST_NAMES));
        format!("Changed for {name} by telephone")
    });
    json!({
        "id": format!("load-{number}"),
        "organization_id": organization,
        "acting_user_id": user,
        "type": event_type,
        "resource_name": kind,
        "resource_id": record.to_string(),
        "occurred_at": at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "before": before,
        "after": after,
        "ip_address": format!("203.0.113.{}", rng.below(250)),
        "user_agent": rng.pick(&BROWSERS),
        "url": format!("https://app.load.example/{}/{record}", kind.to_lowercase()),
        "page": kind,
        "request_id": rng.uuid(),
        "description": description,
    })
}

fn kind(permille: u64) -> &'static str {
    let mut below = 0;
    let found = KINDS.iter().find(|(_, share)| {
        below += share;
        permille < below
    });
    found.map_or("APPOINTMENT", |(kind, _)| kind)
}

/// What changed: two to eight fields, and some that did not.
fn sides(rng: &mut SplitMix64, event_type: &str) -> (Value, Value) {
    let (mut before, mut after) = (Map::new(), Map::new());
    if ["VIEW", "EXPORT"].contains(&event_type) {
        return (Value::Null, Value::Null);
    }
    let changed = rng.between(2, 8);
    let first = rng.below(FIELDS.len() as u64);
    for n in 0..changed {
        let nth = (first + n) as usize % FIELDS.len();
        let Some(field) = FIELDS.get(nth) else { continue };
        let (old, new) = (rng.below(1_000), rng.below(1_000));
        before.insert((*field).to_owned(), format!("value {old}").into());
        after.insert((*field).to_owned(), format!("value {}", 1_000 + new).into());
    }
    before.insert("unchanged".to_owned(), "as it was".into());
    after.insert("unchanged".to_owned(), "as it was".into());
    match event_type {
        "CREATE" => (Value::Null, after.into()),
        "DESTROY" => (before.into(), Value::Null),
        _ => (before.into(), after.into()),
    }
}
