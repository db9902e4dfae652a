//! How fast events are recorded, beside PostgreSQL inserting the same rows.

use auditlog::demo::load::LARGE;

use super::alone::pgbench;
use super::support::{On, TestDatabase, direct};
use super::tools::{Auditlog, Server, wrk};
use super::workloads::{self, Recording};

/// No event that the server recorded has this number or a higher one.
const OURS_END: i64 = 1_000_000_000_000;

pub async fn measure(database: &TestDatabase, auditlog: &Auditlog, server: &Server) {
    let recorder = auditlog.user("bench-recorder", &["--can-record"]);
    println!(
        "\n| recording | connections | events/s | p50 ms | p99 ms | of one connection | of pgbench | server MB |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for Recording { name, size, connections } in workloads::RECORDINGS {
        let script = workloads::recording(&recorder, size, "one");
        let alone = wrk(&server.records(), &script, 1).per_second;
        let script = workloads::recording(&recorder, size, "many");
        let many = wrk(&server.records(), &script, connections);
        let events = many.per_second * size as f64;
        let of_the_database = match database.on {
            On::Postgres => {
                let inserts =
                    pgbench(&database.url, &insert(database, size).await, "simple", connections);
                let delete = format!("DELETE FROM audit_events WHERE sequence >= {OURS_END}");
                direct::run(&direct::connect(&database.url).await, &delete).await;
                format!("{:.2}", many.per_second / inserts)
            }
            On::Sqlite => "-".to_owned(),
        };
        println!(
            "| {name} | {connections} | {events:.0} | {:.2} | {:.2} | {:.2} | {of_the_database} | {} |",
            many.p50,
            many.p99,
            many.per_second / alone,
            server.megabytes(),
        );
    }
}

/// Inserts as many of the rows that were recorded last by multi-row VALUES, under numbers that none has.
async fn insert(database: &TestDatabase, size: usize) -> String {
    let db = direct::connect(&database.url).await;
    let columns = direct::texts(
        &db,
        "SELECT column_name::text FROM information_schema.columns
        WHERE table_name = 'audit_events' ORDER BY ordinal_position",
    )
    .await;
    let values: Vec<_> = columns
        .iter()
        .map(|column| match column.as_str() {
            "sequence" => "'nextval(''of_pgbench'')'".to_owned(),
            column => format!("quote_nullable({column})"),
        })
        .collect();
    let rows = direct::texts(
        &db,
        &format!(
            "SELECT '(' || concat_ws(', ', {}) || ')' FROM (
                SELECT * FROM audit_events WHERE tenant_id = '{LARGE}' AND sequence < {OURS_END}
                ORDER BY sequence DESC LIMIT {size}
            ) AS latest",
            values.join(", "),
        ),
    )
    .await;
    assert_eq!(rows.len(), size);
    let numbers = format!("CREATE SEQUENCE IF NOT EXISTS of_pgbench START {OURS_END} CACHE 1000");
    direct::run(&db, &numbers).await;
    format!("INSERT INTO audit_events ({}) VALUES {}", columns.join(", "), rows.join(", "))
}
