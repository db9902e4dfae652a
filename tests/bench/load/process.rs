//! How soon a server is there, and how much memory it takes.

use std::time::{Duration, Instant};

use super::tools::{Auditlog, Server, setting, wrk_for};
use super::workloads;

const CONNECTIONS: usize = 64;

/// How often the memory is looked at under load.
const LOOKS: u64 = 12;

/// From the start of the process to its first answer that it is ready, in the middle of some.
pub fn start(auditlog: &Auditlog) {
    let mut times: Vec<_> = (0..9)
        .map(|_| {
            let start = Instant::now();
            let server = auditlog.serve();
            server.is_ready();
            (start.elapsed(), server)
        })
        .map(|(time, _server)| time)
        .collect();
    times.sort();
    let server = auditlog.serve();
    server.is_ready();
    std::thread::sleep(Duration::from_secs(3));
    println!(
        "\nready after {:.0} ms ({:.0} to {:.0}); {} MB when idle",
        milliseconds(times[4]),
        milliseconds(times[0]),
        milliseconds(times[8]),
        server.megabytes()
    );
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The newest page over many connections, for as long as is wanted.
pub fn under_load(auditlog: &Auditlog, server: &Server) {
    let viewer = auditlog.user("soak-viewer", &["--can-view-audit-log"]);
    let owner = auditlog.user("soak-owner", &["--owner"]);
    server.log_reads(&owner, "OFF");
    let script = workloads::newest().script(&viewer);
    let seconds = setting("AUDITLOG_BENCH_SOAK", 60).max(LOOKS);
    let (mut pages, mut megabytes) = (0.0, vec![server.megabytes().to_string()]);
    for _ in 0..LOOKS {
        let seconds = seconds / LOOKS;
        pages += wrk_for(&server.url, &script, CONNECTIONS, seconds).per_second * seconds as f64;
        megabytes.push(server.megabytes().to_string());
    }
    println!(
        "\n(a) over {CONNECTIONS} connections, {pages:.0} pages in {seconds} s: {} MB, {} MB at the most",
        megabytes.join(", "),
        server.most_megabytes()
    );
}
