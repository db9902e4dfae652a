//! The database itself, behind the server's back.

use sea_orm::{
    ConnectionTrait, Database as SeaDatabase, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};

use super::{On, TestDatabase};

/// A connection that is none of the server's.
pub async fn connect(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    SeaDatabase::connect(options).await.unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Runs statements that must be taken.
pub async fn run(db: &impl ConnectionTrait, sql: &str) {
    db.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The first column of every row, which must be text.
pub async fn texts(db: &impl ConnectionTrait, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// The first column of the first row, which must be text.
pub async fn text(db: &impl ConnectionTrait, sql: &str) -> String {
    texts(db, sql).await.remove(0)
}

/// Makes every statement that reads the log on PostgreSQL take so much longer.
pub async fn slow_down_reading(url: &str, time: std::time::Duration) {
    let policy = format!(
        "CREATE POLICY slow ON audit_events AS RESTRICTIVE FOR SELECT TO auditlog_reader
        USING ((SELECT pg_sleep({})::text) IS NOT NULL)",
        time.as_secs()
    );
    let db = connect(url).await;
    run(&db, &policy).await;
    db.close().await.unwrap();
}

/// Takes the lock that recording for a tenant needs: until the transaction ends, recorders wait.
pub async fn stop_recording(database: &TestDatabase, tenant: &str) -> DatabaseTransaction {
    let options = TransactionOptions {
        sqlite_transaction_mode: (database.on == On::Sqlite)
            .then_some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let db = connect(&database.url).await;
    let transaction = db.begin_with_options(options).await.unwrap();
    if database.on == On::Postgres {
        let lock = format!("SELECT 1 FROM sequence_heads WHERE tenant_id = '{tenant}' FOR UPDATE");
        run(&transaction, &lock).await;
    }
    transaction
}

/// Makes an SQLite table one that nobody comes to the end of reading.
pub async fn make_endless(db: &impl ConnectionTrait, table: &str) {
    let sql = format!(
        "ALTER TABLE {table} RENAME TO kept;
        CREATE VIEW {table} AS SELECT kept.* FROM kept JOIN (
            WITH RECURSIVE numbers(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM numbers)
            SELECT count(*) FROM numbers)"
    );
    run(db, &sql).await;
}

/// Makes it what it was.
pub async fn make_ending(db: &impl ConnectionTrait, table: &str) {
    run(db, &format!("DROP VIEW {table}; ALTER TABLE kept RENAME TO {table}")).await;
}
