//! Pages and recordings a second of the release server, beside what the same page costs when it is written
//! by hand and what the database alone answers. Every figure of a line is from the same run.
//!
//! `make bench` builds what it needs and runs it. The load comes from `wrk`, of Debian's package of that name.
//! Settings, in the environment:
//!
//! | setting | what it says | without it |
//! | --- | --- | --- |
//! | `AUDITLOG_BENCH_ON` | which databases | `postgres sqlite` |
//! | `AUDITLOG_BENCH_EVENTS` | how many events there are | 200000 |
//! | `AUDITLOG_BENCH_SECONDS` | how long each measurement lasts; a page and what it is compared with take turns of a second, of which the middle one counts | 5 |
//! | `AUDITLOG_BENCH_PAGES` | how many events a page has; all workloads have the first size | `50 100` |
//! | `AUDITLOG_BENCH_WORKLOADS` | which pages, by their letters | `abcdefg` |
//! | `AUDITLOG_BENCH_PARTS` | what is measured | `pages indexes recording import process` |
//! | `AUDITLOG_BENCH_SOAK` | how many seconds of load the process's memory is watched for | 60 |

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::disallowed_methods)] // it reads the clock
#![allow(dead_code, unused_macros, unused_imports)] // the tests' support has more than is used here

#[path = "load/alone.rs"]
mod alone;
#[path = "load/direct.rs"]
mod direct;
#[path = "load/import.rs"]
mod import;
#[path = "load/indexes.rs"]
mod indexes;
#[path = "load/pages.rs"]
mod pages;
#[path = "load/process.rs"]
mod process;
#[path = "load/recording.rs"]
mod recording;
#[macro_use]
#[path = "../it/support/mod.rs"]
mod support;
#[path = "load/tools.rs"]
mod tools;
#[path = "load/workloads.rs"]
mod workloads;

use support::{On, TestDatabase};
use tools::{Auditlog, setting};

/// PostgreSQL waits for the disk, as it does in earnest.
const POSTGRES: &str = "-c fsync=on -c shared_buffers=1GB -c max_wal_size=4GB";

#[tokio::main]
async fn main() {
    tools::check();
    support::postgres::SETTINGS.set(POSTGRES).unwrap();
    let on = setting("AUDITLOG_BENCH_ON", "postgres sqlite".to_owned());
    for (name, on_) in [("postgres", On::Postgres), ("sqlite", On::Sqlite)] {
        if on.split(' ').any(|wanted| wanted == name) {
            measure(on_).await;
        }
    }
}

async fn measure(on: On) {
    let count: u64 = setting("AUDITLOG_BENCH_EVENTS", 200_000);
    let parts =
        setting("AUDITLOG_BENCH_PARTS", "pages indexes recording import process".to_owned());
    let is_wanted = |part: &str| parts.split(' ').any(|wanted| wanted == part);
    let database = TestDatabase::new(on).await;
    let auditlog = Auditlog::over(&database.url);
    let seconds = auditlog.load(count);
    println!("\n## {on:?}, {count} events");
    println!("\n{}", tools::said_of(&database).await);
    println!(
        "\nloaded with `auditlog generate --load`: {:.0} events a second",
        count as f64 / seconds
    );
    auditlog.analyze(on).await;
    if is_wanted("process") {
        process::start(&auditlog);
    }
    let server = auditlog.serve();
    if is_wanted("pages") {
        pages::measure(&database, &auditlog, &server, count).await;
    }
    if is_wanted("process") {
        process::under_load(&auditlog, &server);
    }
    if is_wanted("indexes") {
        indexes::measure(&database, count).await;
    }
    if is_wanted("recording") {
        recording::measure(&database, &auditlog, &server).await;
    }
    drop(server);
    if is_wanted("import") {
        import::measure(on, count).await;
    }
}
