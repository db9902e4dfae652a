//! `auditlog import`: every form of a file, bad lines, importing again.

use std::collections::HashMap;
use std::io::Write as _;

use auditlog::domain::id::Id;
use auditlog::ingest::{self, Batch};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::policies;
use crate::support::On;
use crate::support::binary::{Installation, Ran};
use crate::support::client::pretty;
use crate::support::direct;
use crate::support::world::{OWN, World, event, event_with};

on_both!(
    every_form_of_a_file_is_recorded_once,
    an_event_is_recorded_as_the_file_says,
    bad_lines_are_named_by_their_number_and_the_others_recorded,
    an_id_with_other_content_is_a_conflict_of_its_line,
    what_is_wrong_anywhere_in_a_large_file_is_found,
    what_is_imported_follows_the_settings_of_the_moment,
    lines_without_an_id_are_recorded_once_however_often_they_are_imported,
    events_of_several_tenants_go_to_their_own_logs,
);

/// Lines of events, each with an id.
fn lines(ids: std::ops::Range<u32>) -> String {
    let line = |n| format!("{}\n", event_with("acme", "543", json!({"id": format!("evt-{n}")})));
    ids.map(line).collect()
}

pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn import(installation: &Installation, arguments: &[&str]) -> Ran {
    installation.run(&[&["import"], arguments].concat())
}

/// Imports with `--json`: how many events were recorded, recorded before, and rejected.
#[track_caller]
fn counts(installation: &Installation, file: &str) -> (u64, u64, u64) {
    let ran = import(installation, &[file, "--json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let count = |key: &str| report[key].as_u64().unwrap();
    let counts = (count("recorded"), count("duplicates"), count("rejected"));
    assert_eq!(ran.status.code(), Some(i32::from(counts.2 > 0)), "{ran:?}");
    counts
}

async fn every_form_of_a_file_is_recorded_once(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    installation.write("plain.ndjson", lines(0..10));
    installation.write("one.ndjson.gz", gzipped(lines(10..20).as_bytes()));
    // Files of several days, put together with `cat`.
    let two = [gzipped(lines(20..25).as_bytes()), gzipped(lines(25..30).as_bytes())].concat();
    installation.write("two.gz", two);
    let compress = |ids| zstd::encode_all(lines(ids).as_bytes(), 3).unwrap();
    installation.write("one.ndjson.zst", compress(30..40));
    installation.write("two.zst", [compress(40..45), compress(45..50)].concat());
    let files = ["plain.ndjson", "one.ndjson.gz", "two.gz", "one.ndjson.zst", "two.zst"];
    for file in files {
        assert_eq!(counts(&installation, file), (10, 0, 0), "{file}");
    }
    let from_input = || installation.command(&["import", "-"]).input(lines(50..60)).run().exited(0);
    assert!(from_input().stdout.starts_with("recorded 10 events, 0 were recorded before"));

    let log = installation.log(&key).await;
    let mut ids: Vec<u32> = log
        .iter()
        .filter_map(|event| event["external_id"].as_str())
        .map(|id| id.strip_prefix("evt-").unwrap().parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..60).collect::<Vec<_>>());

    for file in files {
        assert_eq!(counts(&installation, file), (0, 10, 0), "{file}");
    }
    assert!(from_input().stdout.starts_with("recorded 0 events, 10 were recorded before"));
    assert_eq!(installation.log(&key).await, log, "importing again changed something");
}

async fn an_event_is_recorded_as_the_file_says(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    let event = r#"{
        "id": "evt-1", "organization_id": "acme", "acting_user_id": "12345", "type": "UPDATE",
        "resource_name": "APPOINTMENT", "resource_id": "543",
        "occurred_at": "2026-10-02T09:30:00-04:00",
        "before": {"pm_status": "Confirmed", "length": 30, "fee": 1.1},
        "after": {"pm_status": "Rescheduled", "length": 30, "fee": 1.10},
        "ip_address": "203.0.113.9", "user_agent": "Firefox", "url": "https://example.com/543",
        "page": "Calendar", "description": "moved", "request_id": "req-1",
        "metadata": {"any": ["JSON", 1.10]}
    }"#;
    let line = event.replace('\n', "");
    let ran = installation.command(&["import", "-"]).input(line).run().exited(0);
    assert_eq!(ran.stderr, "", "progress is for terminals");
    let recorded = "{ auditEvent(external_id: \"evt-1\") {
        sequence external_id type resource_name resource_id occurred_at
        acting_user { id } organization { id }
        resource_changes { field value_before_change value_after_change }
        ip_address user_agent url page description request_id metadata
    } }";
    let recorded = installation.client(&key).await.query(recorded).await;
    insta::assert_snapshot!("an_imported_event", pretty(&recorded));
}

async fn bad_lines_are_named_by_their_number_and_the_others_recorded(on: On) {
    let installation = Installation::new(on).await;
    installation.set_up();
    let good = |id: &str| event_with("acme", "543", json!({"id": id})).to_string();
    let padded = |length: usize| {
        let pad = |n: usize| {
            let metadata = json!({"pad": "x".repeat(n)});
            event_with("acme", "1", json!({"id": format!("pad-{length}"), "metadata": metadata}))
        };
        let line = pad(length - pad(0).to_string().len()).to_string();
        assert_eq!(line.len(), length);
        line
    };
    let mega = 1024 * 1024;
    let lines: Vec<Vec<u8>> = vec![
        good("1").into(),
        "{\"organization_id\":".into(),
        "".into(),
        format!("{}\r", good("4")).into(), // as Windows ends lines
        event_with("acme", "543", json!({"colour": "red"})).to_string().into(),
        [good("6").as_bytes(), b"\xff\xfe"].concat(),
        padded(mega).into(),
        padded(mega + 1).into(),
        padded(3 * mega).into(),
        event("nowhere", "543").to_string().into(),
        "  \t".into(),
        "[]".into(),
        json!({"type": "READ"}).to_string().into(),
        good("14").into(), // with no newline at its end
    ];
    installation.write("events.ndjson", lines.join(&b'\n'));
    let ran = import(&installation, &["events.ndjson"]).exited(1);
    assert!(
        ran.stdout.starts_with("recorded 4 events, 0 were recorded before, 8 rejected, in "),
        "{}",
        ran.stdout
    );
    insta::assert_snapshot!("bad_lines", ran.stderr);
    assert_eq!(counts(&installation, "events.ndjson"), (0, 4, 8));

    // Who mends the lines where they are gets the rest recorded, and nothing twice.
    let mended: String = (1..=14)
        .map(|n| match n {
            3 | 11 => "\n".to_owned(),
            7 => padded(mega) + "\n",
            n => good(&n.to_string()) + "\n",
        })
        .collect();
    installation.write("events.ndjson", mended);
    assert_eq!(counts(&installation, "events.ndjson"), (8, 4, 0));
}

async fn an_id_with_other_content_is_a_conflict_of_its_line(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    let line =
        |id: &str, resource: &str| format!("{}\n", event_with("acme", resource, json!({"id": id})));
    installation.write("first.ndjson", line("a", "1"));
    assert_eq!(counts(&installation, "first.ndjson"), (1, 0, 0));
    installation.write(
        "second.ndjson",
        [line("b", "1"), line("a", "2"), line("c", "1"), line("c", "2"), line("a", "1")].concat(),
    );
    let ran = import(&installation, &["second.ndjson"]).exited(1);
    assert_eq!(
        ran.stderr.lines().take(2).collect::<Vec<_>>(),
        [
            "line 2: id \"a\" was recorded before, with other content",
            "line 4: id \"c\" was recorded before, with other content",
        ]
    );
    assert!(ran.stdout.starts_with("recorded 2 events, 1 were recorded before, 2 rejected"));
    let log = installation.log(&key).await;
    let recorded: Vec<_> = log
        .iter()
        .filter(|event| event["external_id"].is_string())
        .map(|event| {
            (event["external_id"].as_str().unwrap(), event["resource_id"].as_str().unwrap())
        })
        .collect();
    assert_eq!(recorded, [("a", "1"), ("b", "1"), ("c", "1")]);
}

/// Thousands of lines are worked on at once, and a part of them appended at once.
async fn what_is_wrong_anywhere_in_a_large_file_is_found(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    let mut lines: Vec<String> = lines(1..6_301).lines().map(str::to_owned).collect();
    let other = |record| event_with("acme", record, json!({"id": "evt-1"})).to_string();
    for (number, line) in [
        (2_500, "{}".to_owned()),
        (2_600, other("1")),
        (2_700, other("543")), // as in the first line
        (6_100, "{}".to_owned()),
        (6_200, other("2")),
    ] {
        lines[number - 1] = line;
    }
    installation.write("events.ndjson", lines.join("\n"));
    let ran = import(&installation, &["events.ndjson", "--json"]);
    let named: Vec<_> = ran.stderr.lines().map(|line| line.split(": ").next().unwrap()).collect();
    let lines = ["line 2500", "line 2600", "line 6100", "line 6200", "rejected lines"];
    assert_eq!(named, lines, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let counts = ["recorded", "duplicates", "rejected"].map(|key| report[key].as_u64().unwrap());
    assert_eq!(counts, [6_295, 1, 4]);
    // All of it is counted.
    let db = direct::connect(installation.url()).await;
    let left = "SELECT CAST(last_sequence - counted_sequence AS TEXT) FROM sequence_heads
        WHERE tenant_id = 'acme'";
    assert_eq!(direct::text(&db, left).await, "0");
    // In the order of the file.
    let oldest = "{ auditLog(resource_name: APPOINTMENT, order_by: SEQUENCE_ASC, first: 1) {
        total_count nodes { external_id } } }";
    let log = installation.client(&key).await.query(oldest).await;
    assert_eq!(log["auditLog"]["total_count"], 6_295);
    assert_eq!(log["auditLog"]["nodes"][0]["external_id"], "evt-1");
}

/// Also where they were prepared by others: this store does not know of the policy, and learns of it when it
/// appends.
async fn what_is_imported_follows_the_settings_of_the_moment(on: On) {
    let world = World::new(on).await;
    let here = world.database.store(world.clock.clock()).await;
    let acme = Id::new("acme").unwrap();
    here.tenant(&acme).await.unwrap();
    let owner = world.user("olga", "acme", OWN).await;
    policies::set(&owner, json!({"organization_id": "acme", "event_types": ["CREATE"]})).await;
    let mut batch = Batch::default();
    for n in 0..4_500 {
        let kind = if n % 2 == 0 { "CREATE" } else { "VIEW" };
        let more = json!({"id": format!("evt-{n}"), "type": kind, "changes": null});
        batch.add_text(&event_with("acme", "543", more).to_string());
    }
    let tenants = HashMap::from([(acme.clone(), acme)]);
    let (appended, problems) = ingest::import(&here, &tenants, batch).await.unwrap();
    assert_eq!(problems, []);
    assert_eq!((appended.recorded, appended.skipped, appended.duplicates), (2_250, 2_250, 0));
}

async fn lines_without_an_id_are_recorded_once_however_often_they_are_imported(on: On) {
    let installation = Installation::new(on).await;
    installation.set_up();
    let line = |resource: &str| format!("{}\n", event("acme", resource));
    // Two lines that read the same are two events.
    let three = [line("1"), line("1"), line("2")].concat();
    installation.write("events.ndjson", &three);
    assert_eq!(counts(&installation, "events.ndjson"), (3, 0, 0));
    assert_eq!(counts(&installation, "events.ndjson"), (0, 3, 0));
    // A file that has grown, and is packed by now.
    let grown = three + &line("3");
    installation.write("events.ndjson.gz", gzipped(grown.as_bytes()));
    assert_eq!(counts(&installation, "events.ndjson.gz"), (1, 3, 0));
}

async fn events_of_several_tenants_go_to_their_own_logs(on: On) {
    let installation = Installation::new(on).await;
    let ann = installation.set_up();
    installation.done(&["organization", "create", "globex", "--name", "Globex"]);
    installation.done(&["user", "create", "hank", "--organization", "globex", "--owner"]);
    let hank = installation.key_for("hank");
    // The same id in two tenants is two events.
    let line = |tenant: &str, n: u32| {
        format!("{}\n", event_with(tenant, tenant, json!({"id": format!("evt-{n}")})))
    };
    let events: String = (0..20).map(|n| line(["acme", "globex"][n as usize % 2], n / 2)).collect();
    installation.write("events.ndjson", events);
    assert_eq!(counts(&installation, "events.ndjson"), (20, 0, 0));
    for (key, tenant) in [(ann, "acme"), (hank, "globex")] {
        let log = installation.log(&key).await;
        let imported: Vec<_> = log.iter().filter(|e| e["external_id"].is_string()).collect();
        assert_eq!(imported.len(), 10, "{tenant}");
        assert!(imported.iter().all(|event| event["resource_id"] == tenant));
        let sequences: Vec<_> = log.iter().map(|e| e["sequence"].as_str().unwrap()).collect();
        let gapless: Vec<_> = (1..=log.len()).map(|n| n.to_string()).collect();
        assert_eq!(sequences, gapless, "{tenant}");
    }
}

#[test]
fn the_report_as_json_is_one_object_on_one_line() {
    let installation = Installation::bare();
    installation.write("events.ndjson", lines(0..3) + "nonsense\n");
    let arguments = ["events.ndjson", "--json", "--create-organizations-under", "acme"];
    let ran = import(&installation, &arguments).exited(1);
    assert_eq!(ran.stdout.lines().count(), 1);
    let mut report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(report["seconds"].as_f64().unwrap() > 0.0, "{report}");
    report["seconds"] = json!(null);
    assert_eq!(
        report,
        json!({
            "recorded": 3, "duplicates": 0, "skipped": 0, "rejected": 1,
            "organizations_created": 1,
            "seconds": null,
        })
    );
}

#[test]
fn of_many_bad_lines_a_hundred_are_named_and_all_counted() {
    let installation = Installation::bare();
    installation.set_up();
    installation.write("events.ndjson", "nonsense\n".repeat(250) + &lines(0..1));
    let ran = import(&installation, &["events.ndjson"]).exited(1);
    let named = ran.stderr.lines().filter(|line| line.starts_with("line ")).count();
    assert_eq!(named, 100);
    assert!(ran.stderr.contains("\nrejected lines: 250;"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("recorded 1 events"), "{}", ran.stdout);
}

#[test]
fn an_empty_file_is_done_at_once() {
    let installation = Installation::bare();
    installation.set_up();
    installation.write("empty.ndjson", "");
    installation.write("empty.ndjson.gz", gzipped(b"\n\n"));
    assert_eq!(counts(&installation, "empty.ndjson"), (0, 0, 0));
    assert_eq!(counts(&installation, "empty.ndjson.gz"), (0, 0, 0));
    assert_eq!(counts(&installation, "-"), (0, 0, 0));
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure() {
    let installation = Installation::bare();
    installation.set_up();
    std::fs::create_dir(installation.path("folder")).unwrap();
    installation.write("no.gz", "this is not gzip");
    installation.write("no.zst", "this is not zstd");
    for file in ["missing.ndjson", "folder", "no.gz", "no.zst"] {
        let ran = import(&installation, &[file]).exited(1);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        assert!(ran.stderr.contains(file), "it does not say which file: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_off_is_a_failure_and_the_whole_one_is_taken_later() {
    let installation = Installation::new(On::Sqlite).await;
    let key = installation.set_up();
    let whole = gzipped(lines(0..5_000).as_bytes());
    installation.write("events.ndjson.gz", &whole[..whole.len() - 100]);
    let ran = import(&installation, &["events.ndjson.gz"]).exited(1);
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    installation.write("events.ndjson.gz", whole);
    let (recorded, duplicates, rejected) = counts(&installation, "events.ndjson.gz");
    assert_eq!((recorded + duplicates, rejected), (5_000, 0));
    let log = installation.log(&key).await;
    assert_eq!(log.iter().filter(|event| event["external_id"].is_string()).count(), 5_000);
}
