//! How fast events are recorded, beside PostgreSQL inserting the same rows.

use super::alone::pgbench;
use super::support::{On, TestDatabase, direct};
use super::tools::{Auditlog, Server, wrk};
use super::workloads::{self, Recording};

pub async fn measure(database: &TestDatabase, auditlog: &Auditlog, server: &Server) {
    let recorder = auditlog.user("bench-recorder", &["--can-record"]);
    println!(
        "\n| recording | connections | events/s | p50 ms | p99 ms | of one connection | of the database | server MB |"
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
            "sequence" => "':base + ' || row_number() OVER ()".to_owned(),
            column => format!("quote_nullable({column})"),
        })
        .collect();
    let rows = direct::texts(
        &db,
        &format!(
            "SELECT '(' || concat_ws(', ', {}) || ')' FROM (
                SELECT * FROM audit_events WHERE tenant_id = '{}' ORDER BY sequence DESC LIMIT {size}
            ) AS latest",
            values.join(", "),
            auditlog::demo::load::LARGE,
        ),
    )
    .await;
    assert_eq!(rows.len(), size);
    format!(
        "\\set base random(1000000000000, 9000000000000000)\nINSERT INTO audit_events ({}) VALUES {}",
        columns.join(", "),
        rows.join(", ")
    )
}
