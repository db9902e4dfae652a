//! The same pages by hand: the statement, the names that go with it, and JSON written as it comes.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use sea_orm::sqlx::postgres::{PgPoolOptions, PgRow};
use sea_orm::sqlx::sqlite::{SqlitePoolOptions, SqliteRow};
use sea_orm::sqlx::{self, AssertSqlSafe, PgPool, Row, SqlitePool};
use serde_json::value::RawValue;

use super::workloads::Workload;

enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

pub struct Direct {
    pool: Pool,
    /// Each with how many events a page has.
    statements: Vec<(String, usize)>,
}

/// One event as both databases give it.
struct Event {
    sequence: i64,
    texts: [Option<String>; 16],
}

const COLUMNS: [&str; 16] = [
    "external_id",
    "event_type",
    "resource_name",
    "resource_id",
    "occurred_at",
    "recorded_at",
    "ip_address",
    "user_agent",
    "url",
    "page",
    "description",
    "request_id",
    "metadata",
    "acting_user_id",
    "organization_id",
    "changes",
];

/// Serves the workloads, each under its number; the URL up to that.
pub async fn serve(url: &str, workloads: &[Workload]) -> String {
    let pool = match url.starts_with("sqlite") {
        true => {
            Pool::Sqlite(SqlitePoolOptions::new().max_connections(4).connect(url).await.unwrap())
        }
        false => {
            Pool::Postgres(PgPoolOptions::new().max_connections(16).connect(url).await.unwrap())
        }
    };
    let statements =
        workloads.iter().map(|workload| (workload.sql.clone(), workload.size)).collect();
    let direct = Arc::new(Direct { pool, statements });
    let router = Router::new().route("/{n}", get(page)).with_state(direct);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn page(State(direct): State<Arc<Direct>>, Path(n): Path<usize>) -> impl IntoResponse {
    let size = direct.statements[n].1;
    let events = direct.events(n).await;
    let users = direct.names("users", "first_name", &events, 13).await;
    let organizations = direct.names("organizations", "name", &events, 14).await;
    let mut out = String::with_capacity(64 * 1024);
    out.push_str("{\"data\":{\"auditLog\":{\"nodes\":[");
    for (n, event) in events.iter().take(size).enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&format!("{{\"id\":\"{0}\",\"sequence\":\"{0}\"", event.sequence));
        for (column, text) in COLUMNS.iter().zip(&event.texts).take(13) {
            out.push_str(&format!(",\"{column}\":"));
            match text {
                Some(json) if *column == "metadata" => out.push_str(json),
                text => out.push_str(&serde_json::to_string(text).unwrap()),
            }
        }
        person(&mut out, "acting_user", &event.texts[13], &users, "full_name");
        person(&mut out, "organization", &event.texts[14], &organizations, "name");
        changes(&mut out, event.texts[15].as_deref().unwrap_or("[]"));
        out.push('}');
    }
    let more = events.len() > size;
    out.push_str(&format!(
        "],\"page_info\":{{\"has_next_page\":{more},\"end_cursor\":\"x\"}}}}}}}}"
    ));
    ([(header::CONTENT_TYPE, "application/json")], Body::from(out))
}

fn person(
    out: &mut String,
    key: &str,
    id: &Option<String>,
    names: &HashMap<String, String>,
    name_key: &str,
) {
    let Some(id) = id else {
        out.push_str(&format!(",\"{key}\":null"));
        return;
    };
    let name = names.get(id);
    let (id, name) = (serde_json::to_string(id).unwrap(), serde_json::to_string(&name).unwrap());
    out.push_str(&format!(",\"{key}\":{{\"id\":{id},\"{name_key}\":{name}}}"));
}

/// Stored as lists of a field and its two values.
fn changes(out: &mut String, stored: &str) {
    let changes: Vec<Vec<&RawValue>> = serde_json::from_str(stored).unwrap();
    out.push_str(",\"resource_changes\":[");
    for (n, change) in changes.iter().enumerate() {
        let shown = |value: &RawValue| match value.get() {
            text if text.starts_with('"') || text == "null" => text.to_owned(),
            other => serde_json::to_string(other).unwrap(),
        };
        out.push_str(if n > 0 { "," } else { "" });
        out.push_str(&format!(
            "{{\"field\":{},\"value_before_change\":{},\"value_after_change\":{}}}",
            change[0],
            shown(change[1]),
            shown(change[2])
        ));
    }
    out.push(']');
}

impl Direct {
    async fn events(&self, n: usize) -> Vec<Event> {
        let sql = AssertSqlSafe(self.statements[n].0.clone());
        match &self.pool {
            Pool::Postgres(pool) => {
                let rows = sqlx::query(sql).fetch_all(pool).await.unwrap();
                let event = |row: &PgRow| Event {
                    sequence: row.get("sequence"),
                    texts: COLUMNS.map(|column| match column {
                        "occurred_at" | "recorded_at" => {
                            let time: chrono::DateTime<chrono::Utc> = row.get(column);
                            Some(auditlog::domain::time::format(time))
                        }
                        _ => row.get(column),
                    }),
                };
                rows.iter().map(event).collect()
            }
            Pool::Sqlite(pool) => {
                let rows = sqlx::query(sql).fetch_all(pool).await.unwrap();
                let event = |row: &SqliteRow| Event {
                    sequence: row.get("sequence"),
                    texts: COLUMNS.map(|column| row.get(column)),
                };
                rows.iter().map(event).collect()
            }
        }
    }

    async fn names(
        &self,
        table: &str,
        name: &str,
        events: &[Event],
        column: usize,
    ) -> HashMap<String, String> {
        let mut ids: Vec<String> =
            events.iter().filter_map(|event| event.texts[column].clone()).collect();
        ids.sort();
        ids.dedup();
        let select =
            format!("SELECT id, COALESCE({name}, '') FROM {table} WHERE tenant_id = 'large'");
        match &self.pool {
            Pool::Postgres(pool) => {
                let sql = AssertSqlSafe(format!("{select} AND id = ANY($1)"));
                let rows = sqlx::query(sql).bind(ids).fetch_all(pool).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
            Pool::Sqlite(pool) => {
                let sql = format!("{select} AND id IN (SELECT value FROM json_each(?))");
                let list = serde_json::to_string(&ids).unwrap();
                let rows =
                    sqlx::query(AssertSqlSafe(sql)).bind(list).fetch_all(pool).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
        }
    }
}
