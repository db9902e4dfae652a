//! Reads of the log that take long are in the server's log: what was asked, and not for whom.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::On;
use crate::support::binary::{Installation, Server, http_client};
use crate::support::world::event_with;

on_both!(a_slow_read_is_told_with_its_plan_and_without_values, what_is_fast_is_not_told);

/// What nobody is to find in the log of the server.
const VALUES: [&str; 8] = [
    "patient-of-whom",
    "whispered",
    "mr_famous",
    "203.0.113.77",
    "ehr.example",
    "Ward",
    "2026-09",
    "2026m09",
];

const EVENTS: usize = 4_000;

/// What is read, the words by which that is told, and what the plan has on SQLite and on PostgreSQL.
const READS: [(&str, [&str; 3], [&str; 2]); 5] = [
    (
        "{ auditLog(
            first: 5, url_prefixes: [\"https://ehr.example/nowhere\"], pages: [\"Ward\"],
            ip_addresses: [\"203.0.113.77\"], resource_ids: [\"patient-of-whom\"]
        ) { nodes { id } } }",
        [
            "read=\"page\"",
            "filters=\"resource_ids,pages,url_prefixes,ip_addresses\"",
            "order=OccurredAtDesc",
        ],
        ["audit_events USING", "audit_events_*"],
    ),
    (
        "{ auditLog(
            url_prefixes: [\"https://ehr.example/a\"], occurred_after: \"2026-09-03T00:00:00Z\"
        ) { total_count } }",
        ["read=\"count\"", "filters=\"url_prefixes,occurred_after\"", "done=true"],
        ["audit_events USING", "Aggregate > "],
    ),
    (
        "{ auditLog(first: 5, description: \"whispered\", order_by: IP_ADDRESS_ASC) { nodes { id } } }",
        ["read=\"page\"", "filters=\"description\"", "order=IpAddressAsc"],
        ["VIRTUAL TABLE", "on audit_events_*"],
    ),
    (
        "{ auditLog(first: 5, changed_field: \"doctor\", value_after: \"mr_famous_too\") {
            nodes { id }
        } }",
        ["read=\"page\"", "filters=\"changed_field,changed_value\"", "organizations=\"all\""],
        ["audit_events USING", "on audit_events_*"],
    ),
    (
        "/v1/audit-events?format=ndjson&pages=Ward&pages=Nowhere",
        ["read=\"count\"", "filters=\"pages,up_to_sequence\"", "rows=4000"],
        ["audit_events USING", "Aggregate > "],
    ),
];

async fn a_slow_read_is_told_with_its_plan_and_without_values(on: On) {
    let installation = Installation::new(on).await;
    let owner = installation.set_up();
    let server = serving(&installation, "1");
    let post = http_client()
        .post(format!("{}/v1/audit-events", server.url))
        .header("authorization", format!("Bearer {}", recorder(&installation)))
        .header("content-type", "application/json")
        .body(Value::Array((0..EVENTS).map(some_event).collect()).to_string());
    let answer = post.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    stop(server);

    for (read, words, plan) in READS {
        // Only one plan is asked for in some seconds: each has a server of its own.
        let server = serving(&installation, "1");
        match read.starts_with('/') {
            true => {
                let get = http_client().get(format!("{}{read}", server.url));
                let get = get.header("authorization", format!("Bearer {owner}"));
                let answer = get.send().await.unwrap();
                assert_eq!(answer.status(), 200);
                assert!(answer.text().await.unwrap().lines().count() >= EVENTS);
            }
            false => {
                let (status, answer) = server.graphql(&owner, read).await;
                assert!(status == 200 && answer["errors"].is_null(), "{answer}");
            }
        }
        // It is asked for when the read is over.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let log = stop(server);
        let told: Vec<&str> =
            log.lines().filter(|line| line.contains("a query was slow")).collect();
        assert!(!told.is_empty(), "{read}: {log}");
        let plan = plan[usize::from(on == On::Postgres)];
        let is_told = |line: &&str| words.iter().all(|word| line.contains(word));
        let line = told.iter().find(|line| is_told(line));
        let line = line.unwrap_or_else(|| panic!("{read}: {words:?} are not in {told:#?}"));
        assert!(line.contains(" WARN ") && line.contains("milliseconds="), "{line}");
        // Of what else was slow meanwhile, none was asked for.
        let explained = told.iter().filter(|line| !line.contains("plan=\"not asked for"));
        let explained: Vec<_> = explained.collect();
        assert!(explained.len() == 1 && explained[0].contains(plan), "{read}: {told:#?}");
        for value in VALUES {
            // The log's own times are of now.
            let said = log.lines().filter(|line| !line.contains("listening"));
            let said: String = said.filter_map(|line| line.split_once(' ')).map(|l| l.1).collect();
            assert!(!said.contains(value), "{value} is in the log: {said}");
        }
    }
}

async fn what_is_fast_is_not_told(on: On) {
    let installation = Installation::new(on).await;
    let owner = installation.set_up();
    for threshold in ["0", "60000"] {
        let server = serving(&installation, threshold);
        server.graphql(&owner, "{ auditLog(first: 5) { total_count nodes { id } } }").await;
        assert!(!stop(server).contains("slow"), "{threshold}");
    }
}

fn serving(installation: &Installation, milliseconds: &str) -> Server {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--slow-query-milliseconds", milliseconds];
    installation.command(&arguments).serving()
}

fn stop(server: Server) -> String {
    server.signal("TERM");
    server.ended().exited(0).stderr
}

fn recorder(installation: &Installation) -> String {
    installation.done(&["user", "create", "rob", "--organization", "acme", "--can-record"]);
    installation.key_for("rob")
}

fn some_event(n: usize) -> Value {
    let more = json!({
        "occurred_at": "2026-09-10T08:00:00Z", "page": "Ward", "ip_address": "203.0.113.77",
        "url": format!("https://ehr.example/a/{n}"), "description": "whispered about",
        "changes": [{"field": "doctor", "before": n, "after": "mr_famous"}],
    });
    event_with("acme", "patient-of-whom", more)
}
