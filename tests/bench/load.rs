//! Pages and recordings a second of the release server, beside what the same page costs when it is written
//! by hand and what the database alone answers. One table a database; every figure of a line is from the
//! same run.
//!
//! `make bench` builds what it needs and runs it. `AUDITLOG_BENCH_EVENTS` says how many events (200000),
//! `AUDITLOG_BENCH_SECONDS` how long each measurement lasts (5), `AUDITLOG_BENCH_PAGE` how many events a
//! page has (50), `AUDITLOG_BENCH_ON` which databases (`postgres sqlite`). The load comes from `wrk`, of
//! Debian's package of that name.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::disallowed_methods)] // it reads the clock
#![allow(dead_code, unused_macros, unused_imports)] // the tests' support has more than is used here

#[path = "load/direct.rs"]
mod direct;
#[macro_use]
#[path = "../it/support/mod.rs"]
mod support;
#[path = "load/tools.rs"]
mod tools;
#[path = "load/workloads.rs"]
mod workloads;

use support::{On, TestDatabase};
use tools::{Auditlog, Figures, pgbench, setting, wrk};
use workloads::{Recording, Workload};

const CONNECTIONS: [usize; 2] = [1, 16];

#[tokio::main]
async fn main() {
    let on = setting("AUDITLOG_BENCH_ON", "postgres sqlite".to_owned());
    for (name, on_) in [("postgres", On::Postgres), ("sqlite", On::Sqlite)] {
        if on.split(' ').any(|wanted| wanted == name) {
            measure(on_).await;
        }
    }
}

async fn measure(on: On) {
    let count: u64 = setting("AUDITLOG_BENCH_EVENTS", 200_000);
    let database = TestDatabase::new(on).await;
    let auditlog = Auditlog::over(&database.url);
    let seconds = auditlog.load(count);
    println!("\n## {on:?}, {count} events");
    println!(
        "\nloaded with `auditlog generate --load`: {:.0} events a second",
        count as f64 / seconds
    );
    auditlog.analyze(on).await;

    let viewer = auditlog.user("bench-viewer", &["--can-view-audit-log"]);
    let recorder = auditlog.user("bench-recorder", &["--can-record"]);
    let owner = auditlog.user("bench-owner", &["--owner"]);
    let server = auditlog.serve();
    let workloads = workloads::all(&database, count).await;
    let direct = direct::serve(&database.url, &workloads).await;

    println!(
        "\n| workload | connections | pages/s | p50 ms | p99 ms | of direct | of the database | server MB |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    // Everything but the log of reads, which is measured by itself at the end.
    server.log_reads(&owner, "OFF");
    for (n, workload) in workloads.iter().enumerate() {
        if workload.is_logged {
            server.log_reads(&owner, "EVERY_REQUEST");
        }
        for connections in CONNECTIONS {
            let ours = wrk(&server.url, &workload.script(&viewer), connections);
            let by_hand = match workload.sql.is_empty() {
                true => None,
                false => Some(wrk(&format!("{direct}/{n}"), "", connections)),
            };
            let alone = match (on, &by_hand) {
                (On::Postgres, Some(_)) => Some(pgbench(&database.url, &workload.sql, connections)),
                _ => None,
            };
            row(
                workload.name,
                connections,
                &ours,
                by_hand.map(|f| f.per_second),
                alone,
                server.megabytes(),
            );
        }
    }
    println!(
        "\n| recording | connections | events/s | p50 ms | p99 ms | of one connection | server MB |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for Recording { name, size, connections } in workloads::RECORDINGS {
        let script = workloads::recording(&recorder, size, "one");
        let alone = wrk(&server.records(), &script, 1).per_second;
        let script = workloads::recording(&recorder, size, "many");
        let many = wrk(&server.records(), &script, connections);
        println!(
            "| {name} | {connections} | {:.0} | {:.2} | {:.2} | {:.2} | {} |",
            many.per_second * size as f64,
            many.p50,
            many.p99,
            many.per_second / alone,
            server.megabytes(),
        );
    }
}

fn row(
    name: &str,
    connections: usize,
    ours: &Figures,
    by_hand: Option<f64>,
    alone: Option<f64>,
    megabytes: u64,
) {
    let of = |other: Option<f64>| {
        other.map_or_else(|| "-".to_owned(), |other| format!("{:.2}", ours.per_second / other))
    };
    println!(
        "| {name} | {connections} | {:.0} | {:.2} | {:.2} | {} | {} | {megabytes} |",
        ours.per_second,
        ours.p50,
        ours.p99,
        of(by_hand),
        of(alone),
    );
}
