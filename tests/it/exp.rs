use sea_orm::{ConnectionTrait as _, DbBackend, Statement, Value};
#[tokio::test]
async fn exp() {
    for db in ["/tmp/plans.db", "/tmp/plans0.db"] {
        let d = sea_orm::Database::connect(format!("sqlite://{db}")).await.unwrap();
        let sql = std::fs::read_to_string("/tmp/exp.sql").unwrap();
        for line in sql.lines().filter(|l| !l.trim().is_empty()) {
            let n = line.matches('?').count();
            let vals: Vec<Value> = (0..n).map(|i| Value::from(format!("x{i}"))).collect();
            let rows = d
                .query_all_raw(Statement::from_sql_and_values(
                    DbBackend::Sqlite,
                    format!("EXPLAIN QUERY PLAN {line}"),
                    vals,
                ))
                .await
                .unwrap();
            for r in rows {
                eprintln!("{db} {}\n    {}", &line[..], r.try_get::<String>("", "detail").unwrap());
            }
        }
    }
}
