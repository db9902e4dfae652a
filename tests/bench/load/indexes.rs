//! What each index of the events takes: bytes, and time of whoever records. The newest events are inserted
//! into a copy of the others, which has no index, one of them, or all. (SQLite's index of words is a table of
//! its own, and not among them.)

use std::time::Instant;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, TransactionTrait as _};

use super::support::{On, TestDatabase, direct};

/// So many events are inserted each time, after so many that are there.
const NEW: u64 = 50_000;
const THERE: u64 = 1_000_000;

/// How often each is measured; the fastest counts.
const TIMES: usize = 3;

const COPY: &str = "of_bench";

pub async fn measure(database: &TestDatabase, count: u64) {
    let db = direct::connect(&database.url).await;
    if database.on == On::Sqlite {
        // As the server's writer has it.
        direct::run(&db, "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000").await;
    }
    let new = NEW.min(count / 2);
    let there = THERE.min(count - new);
    let latest = "ORDER BY occurred_at DESC, sequence DESC, tenant_id DESC LIMIT";
    for sql in [
        format!("CREATE TABLE {COPY}_all AS SELECT * FROM audit_events {latest} {}", new + there),
        format!("CREATE TABLE {COPY}_new AS SELECT * FROM {COPY}_all {latest} {new}"),
        format!("CREATE TABLE {COPY} AS SELECT * FROM {COPY}_all {latest} {there} OFFSET {new}"),
        format!("DROP TABLE {COPY}_all"),
    ] {
        direct::run(&db, &sql).await;
    }
    let indexes = indexes(&db, database.on).await;
    println!("\n| index of the events | bytes an event | µs of an event's insert |");
    println!("| --- | ---: | ---: |");
    let bare = seconds(&db).await;
    let micros = |seconds: f64| seconds * 1e6 / new as f64;
    println!("| (the table alone) | | {:.1} |", micros(bare));
    // What is rolled back stays in the files, so what an index adds is told right when it is made.
    for (name, create) in &indexes {
        let before = bytes(&db, database.on).await;
        direct::run(&db, create).await;
        let size = bytes(&db, database.on).await - before;
        let more = seconds(&db).await - bare;
        println!("| {name} | {} | {:.1} |", size / there as i64, micros(more));
        direct::run(&db, &format!("DROP INDEX {COPY}_{name}")).await;
    }
    let before = bytes(&db, database.on).await;
    for (_, create) in &indexes {
        direct::run(&db, create).await;
    }
    let size = bytes(&db, database.on).await - before;
    println!("| all | {} | {:.1} |", size / there as i64, micros(seconds(&db).await - bare));
    for table in ["", "_new"] {
        direct::run(&db, &format!("DROP TABLE {COPY}{table}")).await;
    }
    if database.on == On::Postgres {
        direct::run(&db, "CHECKPOINT").await;
    }
}

/// The indexes that there are, each by its name and what makes one of the copy.
async fn indexes(db: &DatabaseConnection, on: On) -> Vec<(String, String)> {
    let all = match on {
        On::Postgres => {
            "SELECT indexname || ':' || regexp_replace(indexdef, ' ON .* USING', ' ON of_bench USING')
            FROM pg_indexes WHERE tablename = 'audit_events' ORDER BY 1"
        }
        On::Sqlite => {
            "SELECT list.name || ':' || coalesce(
                (SELECT sql FROM sqlite_master WHERE name = list.name),
                'CREATE UNIQUE INDEX ' || list.name || ' ON audit_events (' ||
                    (SELECT group_concat(name, ', ') FROM pragma_index_info(list.name)) || ')'
            ) FROM pragma_index_list('audit_events') AS list ORDER BY 1"
        }
    };
    let all = direct::texts(db, all).await;
    let split = |text: &String| {
        let (name, create) = text.split_once(':').unwrap();
        let create = create.replace('"', "").replacen(name, &format!("{COPY}_{name}"), 1);
        (name.to_owned(), create.replace(" ON audit_events ", &format!(" ON {COPY} ")))
    };
    all.iter().map(split).collect()
}

/// How many bytes the copy takes with its indexes.
async fn bytes(db: &DatabaseConnection, on: On) -> i64 {
    let size = match on {
        On::Postgres => "SELECT CAST(pg_total_relation_size('of_bench') AS TEXT)",
        On::Sqlite => {
            "SELECT CAST((page_count - freelist_count) * page_size AS TEXT)
            FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        }
    };
    direct::text(db, size).await.parse().unwrap()
}

/// How many seconds it takes to insert the new events, which then go away again.
async fn seconds(db: &DatabaseConnection) -> f64 {
    let mut least = f64::MAX;
    for _ in 0..TIMES {
        let transaction = db.begin().await.unwrap();
        let start = Instant::now();
        let insert =
            format!("INSERT INTO {COPY} SELECT * FROM {COPY}_new ORDER BY occurred_at, sequence");
        transaction.execute_unprepared(&insert).await.unwrap();
        least = least.min(start.elapsed().as_secs_f64());
        transaction.rollback().await.unwrap();
    }
    least
}
