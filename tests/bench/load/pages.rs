//! How fast pages are.

use super::alone::{pgbench, rusqlite};
use super::direct;
use super::support::{On, TestDatabase};
use super::tools::{Auditlog, Figures, Server, in_turns, setting, wrk};
use super::workloads;

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
        "\n| workload | events | connections | pages/s | p50 ms | p99 ms | of direct | {database_alone} | p50 of the page's | server MB |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    // Everything but the log of reads, which is measured by itself at the end.
    server.log_reads(&owner, "OFF");
    wrk(&server.url, &workloads::newest().script(&viewer), 16); // warms up what is measured first
    for (n, workload) in workloads.iter().enumerate() {
        if workload.is_logged {
            server.log_reads(&owner, "EVERY_REQUEST");
        }
        let answer = server.ask(&viewer, &workload.query());
        let events = answer["data"]["auditLog"]["nodes"].as_array().map_or(0, Vec::len);
        for connections in CONNECTIONS {
            let script = workload.script(&viewer);
            let ours = (server.url.as_str(), script.as_str());
            let (ours, of_direct, of_page) = match workload.uncounted() {
                Some(page) => {
                    let page = page.script(&viewer);
                    let [ours, page] = in_turns([ours, (&server.url, &page)], connections);
                    let of_page = ours.p50 / page.p50;
                    (ours, None, Some(of_page))
                }
                None => {
                    let by_hand = format!("{direct}/{n}");
                    let [ours, by_hand] = in_turns([ours, (&by_hand, "")], connections);
                    let of_direct = ours.per_second / by_hand.per_second;
                    (ours, Some(of_direct), None)
                }
            };
            let of_alone = of_direct.and_then(|_| match database.on {
                On::Postgres => {
                    let alone = pgbench(&database.url, &workload.sql, "prepared", connections);
                    Some(ours.per_second / alone)
                }
                // It has one thread: of what waits for its turn, a ratio would tell nothing.
                On::Sqlite if connections > 1 => None,
                On::Sqlite => Some(ours.p50 / rusqlite(&database.url, &workload.sql)),
            });
            let ratios = [of_direct, of_alone, of_page];
            row(workload.name, events, connections, &ours, ratios, server.megabytes());
        }
    }
    server.log_reads(&owner, "OFF");
}

fn row(
    workload: &str,
    events: usize,
    connections: usize,
    ours: &Figures,
    ratios: [Option<f64>; 3],
    megabytes: u64,
) {
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |of| format!("{of:.2}"));
    println!(
        "| {workload} | {events} | {connections} | {:.0} | {:.2} | {:.2} | {} | {megabytes} |",
        ours.per_second,
        ours.p50,
        ours.p99,
        ratios.map(ratio).join(" | "),
    );
}
