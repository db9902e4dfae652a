//! How fast a file is imported, beside the database's own bulk load of the same rows into the same table.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::alone::file;
use super::support::{On, TestDatabase};
use super::tools::Auditlog;

/// More would only take longer.
const MOST: u64 = 200_000;

pub async fn measure(on: On, count: u64) {
    let count = count.min(MOST);
    let database = TestDatabase::new(on).await;
    let auditlog = Auditlog::over(&database.url);
    auditlog.load(0); // its organizations
    let events = tempfile::Builder::new().suffix(".ndjson").tempfile().unwrap();
    let generated = auditlog.run(&["generate", "--events", &count.to_string()]);
    std::fs::write(events.path(), generated).unwrap();
    let start = Instant::now();
    auditlog.run(&["import", events.path().to_str().unwrap()]);
    let imported = start.elapsed().as_secs_f64();
    let (rows, loaded) = match on {
        On::Postgres => copy(&database.url),
        On::Sqlite => insert(file(&database.url)),
    };
    println!("\n| import | events/s | of the database's own bulk load |");
    println!("| --- | ---: | ---: |");
    println!(
        "| (i) {count} events from a file | {:.0} | {:.2} |",
        count as f64 / imported,
        (count as f64 / imported) / (rows as f64 / loaded)
    );
}

/// How many rows, and how many seconds `COPY` takes for them.
fn copy(url: &str) -> (u64, f64) {
    let rows = tempfile::Builder::new().suffix(".copy").tempfile().unwrap();
    let path = rows.path().display();
    let psql = |command: &str| {
        let program = crate::support::postgres::programs().join("psql");
        let output = Command::new(program).args([url, "-qAtc", command]).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let count = psql("SELECT count(*) FROM audit_events").parse().unwrap();
    psql(&format!("\\copy (SELECT * FROM audit_events) TO '{path}'"));
    psql("TRUNCATE audit_events");
    let start = Instant::now();
    psql(&format!("\\copy audit_events FROM '{path}'"));
    (count, start.elapsed().as_secs_f64())
}

/// How many rows, and how many seconds one transaction of prepared inserts takes for them.
fn insert(file: &str) -> (u64, f64) {
    let mut connection = rusqlite::Connection::open(file).unwrap();
    let mut rows = Vec::new();
    let columns = {
        let mut select = connection.prepare("SELECT * FROM audit_events").unwrap();
        let columns = select.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            (0..columns)
                .map(|n| row.get(n))
                .collect::<rusqlite::Result<Vec<rusqlite::types::Value>>>()
        };
        rows.extend(select.query_map([], row).unwrap().map(Result::unwrap));
        columns
    };
    connection.execute("DELETE FROM audit_events", []).unwrap();
    let start = Instant::now();
    let transaction = connection.transaction().unwrap();
    {
        let places = vec!["?"; columns].join(", ");
        let mut insert =
            transaction.prepare(&format!("INSERT INTO audit_events VALUES ({places})")).unwrap();
        for row in &rows {
            insert.execute(rusqlite::params_from_iter(row)).unwrap();
        }
    }
    transaction.commit().unwrap();
    (rows.len() as u64, start.elapsed().as_secs_f64())
}
