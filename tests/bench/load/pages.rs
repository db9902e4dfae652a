//! How fast pages are.

use super::alone::{pgbench, rusqlite};
use super::direct;
use super::support::{On, TestDatabase};
use super::tools::{Auditlog, Figures, Server, setting, wrk};
use super::workloads::{self, Workload};

const CONNECTIONS: [usize; 2] = [1, 16];

pub async fn measure(database: &TestDatabase, auditlog: &Auditlog, server: &Server, count: u64) {
    let viewer = auditlog.user("bench-viewer", &["--can-view-audit-log"]);
    let owner = auditlog.user("bench-owner", &["--owner"]);
    let letters = setting("AUDITLOG_BENCH_WORKLOADS", "abcdefg".to_owned());
    let mut workloads = workloads::all(database, count).await;
    workloads.retain(|workload| letters.contains(workload.letter()));
    let direct = direct::serve(&database.url, &workloads).await;

    let database_alone = match database.on {
        On::Postgres => "of pgbench",
        On::Sqlite => "p50 of rusqlite's",
    };
    println!(
        "\n| workload | events | connections | pages/s | p50 ms | p99 ms | of direct | {database_alone} | server MB |"
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
            let (of_direct, of_alone) = match workload.sql.is_empty() {
                true => (None, None),
                false => {
                    let by_hand = wrk(&format!("{direct}/{n}"), "", connections);
                    let of_alone = match database.on {
                        On::Postgres => {
                            ours.per_second
                                / pgbench(&database.url, &workload.sql, "prepared", connections)
                        }
                        On::Sqlite => ours.p50 / rusqlite(&database.url, &workload.sql),
                    };
                    (Some(ours.per_second / by_hand.per_second), Some(of_alone))
                }
            };
            row(workload, connections, &ours, of_direct, of_alone, server.megabytes());
        }
    }
    server.log_reads(&owner, "OFF");
}

fn row(
    workload: &Workload,
    connections: usize,
    ours: &Figures,
    of_direct: Option<f64>,
    of_alone: Option<f64>,
    megabytes: u64,
) {
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |of| format!("{of:.2}"));
    println!(
        "| {} | {} | {connections} | {:.0} | {:.2} | {:.2} | {} | {} | {megabytes} |",
        workload.name,
        workload.size,
        ours.per_second,
        ours.p50,
        ours.p99,
        ratio(of_direct),
        ratio(of_alone),
    );
}
