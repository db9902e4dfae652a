//! `auditlog import` of files that are larger than a batch: its memory, and its being interrupted.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::support::On;
use crate::support::binary::{Installation, Running};

on_both!(
    memory_does_not_grow_with_the_file,
    an_import_that_was_killed_is_completed_by_running_it_again,
);

/// More than an import may ever need, in bytes.
const MEMORY: u64 = 128 * 1024 * 1024;

/// Events of the size that records have; every third has no id.
fn events(count: usize) -> String {
    let mut events = String::new();
    for n in 0..count {
        let id = if n % 3 == 0 { String::new() } else { format!("\"id\":\"evt-{n}\",") };
        let note = ["reviewed", "signed", "amended"][n % 3].repeat(25);
        writeln!(
            events,
            "{{{id}\"organization_id\":\"acme\",\"acting_user_id\":\"u-{}\",\"type\":\"UPDATE\",\
             \"resource_name\":\"APPOINTMENT\",\"resource_id\":\"{n}\",\
             \"occurred_at\":\"2026-{:02}-{:02}T09:30:00Z\",\
             \"before\":{{\"pm_status\":\"Confirmed\",\"length\":{n},\"note\":\"{note}\"}},\
             \"after\":{{\"pm_status\":\"Rescheduled\",\"length\":{n},\"note\":\"none\"}}}}",
            n % 50,
            n % 10 + 1,
            n % 28 + 1
        )
        .unwrap();
    }
    events
}

async fn memory_does_not_grow_with_the_file(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    let (few, many) = match on {
        On::Sqlite => (20_000, 60_000),
        On::Postgres => (20_000, 40_000), // the reading is the same, the writing takes longer
    };
    let mut peaks = Vec::new();
    for count in [few, many] {
        installation.write("events.ndjson", events(count));
        let running = installation.command(&["import", "events.ndjson", "--json"]).start();
        let (peak, ran) = watched(running);
        let report: Value = serde_json::from_str(&ran).unwrap();
        assert_eq!(report["rejected"], 0);
        peaks.push(peak);
    }
    let (small, large) = (peaks[0], peaks[1]);
    assert!(large < MEMORY, "{many} events took {large} bytes");
    assert!(large < small / 2 * 3, "{few} events took {small} bytes, {many} took {large}");
    let total = "{ auditLog(resource_name: APPOINTMENT) { total_count } }";
    let total = installation.client(&key).await.query(total).await;
    assert_eq!(total["auditLog"]["total_count"], many);
}

/// The most memory that a process had at once, in bytes, and what it printed when it was done.
fn watched(mut running: Running) -> (u64, String) {
    let status = format!("/proc/{}/status", running.id());
    let mut peak = 0;
    while running.is_running() {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kilobytes) = most.and_then(|text| text.trim().strip_suffix(" kB")) {
            peak = peak.max(kilobytes.parse::<u64>().unwrap() * 1024);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(peak > 0, "its memory could not be read");
    (peak, running.ended().exited(0).stdout)
}

async fn an_import_that_was_killed_is_completed_by_running_it_again(on: On) {
    const COUNT: usize = 20_000;
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    installation.write("events.ndjson", events(COUNT));
    let client = installation.client(&key).await;
    let recorded = async || {
        let total = "{ auditLog(resource_name: APPOINTMENT) { total_count } }";
        let total = client.query(total).await;
        usize::try_from(total["auditLog"]["total_count"].as_u64().unwrap()).unwrap()
    };
    let mut before = 0;
    // More than once, at different moments.
    for more in [1, 4_000] {
        let mut running = installation.command(&["import", "events.ndjson"]).start();
        while recorded().await < before + more {
            assert!(running.is_running(), "it was done before it could be killed");
        }
        running.kill();
        let ran = running.ended();
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (None, ""), "it was done already");
        before = recorded().await;
        assert!(before < COUNT, "it was done already");
    }

    let ran = installation.run(&["import", "events.ndjson", "--json"]).exited(0);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["duplicates"], before, "{report}");
    assert_eq!(report["recorded"], COUNT - before, "{report}");

    let log = installation.log_with_reads(&key).await;
    for (event, sequence) in log.iter().zip(1..) {
        let number: usize = event["sequence"].as_str().unwrap().parse().unwrap();
        assert_eq!(number, sequence, "a gap before {event}");
    }
    let of_appointments = log.iter().filter(|event| event["resource_name"] == "APPOINTMENT");
    let ids: Vec<usize> =
        of_appointments.map(|e| e["resource_id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(ids, (0..COUNT).collect::<Vec<_>>(), "not each exactly once, in the file's order");
}
