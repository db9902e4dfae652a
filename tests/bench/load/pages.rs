//! How fast pages are.

use super::alone::{pgbench, rusqlite};
use super::direct;
use super::support::{On, TestDatabase};
use super::tools::{Auditlog, Figures, Server, wrk};
use super::workloads::{self, Workload};

const CONNECTIONS: [usize; 2] = [1, 16];

pub async fn measure(database: &TestDatabase, auditlog: &Auditlog, server: &Server, count: u64) {
    let viewer = auditlog.user("bench-viewer", &["--can-view-audit-log"]);
    let owner = auditlog.user("bench-owner", &["--owner"]);
    let workloads = workloads::all(database, count).await;
    let direct = direct::serve(&database.url, &workloads).await;

    println!(
        "\n| workload | events | connections | pages/s | p50 ms | p99 ms | of direct | of the database | server MB |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    // Everything but the log of reads, which is measured by itself at the end.
    server.log_reads(&owner, "OFF");
    for (n, workload) in workloads.iter().enumerate() {
        if workload.is_logged {
            server.log_reads(&owner, "EVERY_REQUEST");
        }
        for connections in CONNECTIONS {
            let ours = wrk(&server.url, &workload.script(&viewer), connections);
            let (by_hand, alone) = match workload.sql.is_empty() {
                true => (None, None),
                false => {
                    let by_hand = wrk(&format!("{direct}/{n}"), "", connections);
                    let alone = match database.on {
                        On::Postgres => {
                            pgbench(&database.url, &workload.sql, "prepared", connections)
                        }
                        On::Sqlite => rusqlite(&database.url, &workload.sql),
                    };
                    (Some(by_hand.per_second), Some(alone))
                }
            };
            row(workload, connections, &ours, by_hand, alone, server.megabytes());
        }
    }
    server.log_reads(&owner, "OFF");
}

fn row(
    workload: &Workload,
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
        "| {} | {} | {connections} | {:.0} | {:.2} | {:.2} | {} | {} | {megabytes} |",
        workload.name,
        workload.size,
        ours.per_second,
        ours.p50,
        ours.p99,
        of(by_hand),
        of(alone),
    );
}
