//! What the database does by itself.

use std::process::Command;
use std::time::{Duration, Instant};

use super::tools::setting;

/// How often a second PostgreSQL answers a script of pgbench.
pub fn pgbench(url: &str, script: &str, mode: &str, connections: usize) -> f64 {
    let file = tempfile::Builder::new().suffix(".sql").tempfile().unwrap();
    std::fs::write(file.path(), format!("{script};\n")).unwrap();
    let (connections, threads) = (connections.to_string(), connections.min(2).to_string());
    let seconds = setting("AUDITLOG_BENCH_SECONDS", 5).to_string();
    let program = crate::support::postgres::programs().join("pgbench");
    let output = Command::new(program)
        .args(["-n", "-M", mode, "-c", &connections, "-j", &threads, "-T", &seconds, "-f"])
        .arg(file.path())
        .arg(url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    tps.split_whitespace().next().unwrap().parse().unwrap()
}

/// How many milliseconds SQLite takes in the middle for all that a statement selects, on one thread.
pub fn rusqlite(url: &str, sql: &str) -> f64 {
    let connection = rusqlite::Connection::open(file(url)).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let (start, mut times) = (Instant::now(), Vec::new());
    let time = Duration::from_secs(setting("AUDITLOG_BENCH_SECONDS", 5));
    while start.elapsed() < time {
        let begun = Instant::now();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let value: rusqlite::types::Value = row.get(column).unwrap();
                std::hint::black_box(value);
            }
        }
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

/// The file of an SQLite URL.
pub fn file(url: &str) -> &str {
    url.strip_prefix("sqlite://").unwrap()
}
