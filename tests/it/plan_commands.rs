//! `auditlog plan` and `auditlog purge`, through the real binary; also one that is killed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::binary::Installation;
use crate::support::client::pretty;
use crate::support::{On, direct};

on_both!(
    plans_are_listed_defined_assigned_and_removed,
    what_cannot_be_done_names_its_flag,
    a_plan_that_is_defined_anew_reaches_every_tenant_that_has_it,
    purging_by_the_command_line_says_what_went,
    a_purge_that_is_killed_is_resumed,
    a_server_purges_by_itself_unless_it_is_told_not_to,
);

async fn plans_are_listed_defined_assigned_and_removed(on: On) {
    let installation = Installation::unmigrated(on).await;
    let says = |arguments: &[&str], stdout: &str, stderr: &str| {
        let ran = installation.run(arguments).exited(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (stdout, stderr));
    };
    says(
        &["plan", "list"],
        "enterprise: shows P4M, keeps P10Y; tenants: 0 (The last four months; kept for ten years)\n\
         free: shows P7D, keeps P30D; tenants: 0 (The last 7 days; kept for 30)\n\
         subscribed: from before its beginning: P30D, lapses to free; tenants: 0 \
         (Everything from 30 days before the subscription on)\n\
         unlimited: no limits; tenants: 0 (Everything)\n",
        "",
    );
    installation.done(&["organization", "create", "acme", "--name", "Acme"]);
    says(
        &[
            &["plan", "define", "trial", "--kept", "P1Y6M", "--visible", "P2W"][..],
            &["--subscription-lead", "P1D", "--lapses-to", "free", "--description", "To try"],
        ]
        .concat(),
        "",
        "defined plan trial\n",
    );
    let since = ["--since", "2026-10-01T00:00:00-04:00", "--until", "2026-12-01"];
    says(
        &[&["plan", "assign", "acme", "trial"][..], &since].concat(),
        "",
        "acme has plan trial since 2026-10-01T04:00:00Z until 2026-12-01T00:00:00Z\n",
    );
    let assigned = installation.done(&["plan", "assign", "acme", "trial", "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&assigned).unwrap(),
        json!({"tenant_id": "acme", "plan": "trial", "since": "2026-10-01T04:00:00Z", "until": null})
    );
    let list: Value =
        serde_json::from_str(&installation.done(&["plan", "list", "--json"])).unwrap();
    assert_eq!(
        list[3],
        json!({
            "name": "trial", "description": "To try", "visible_period": "P14D",
            "kept_period": "P1Y6M", "subscription_lead": "P1D", "lapses_to": "free", "tenants": 1,
        })
    );
    let refused = installation.run(&["plan", "remove", "trial"]).failed();
    assert_eq!(refused, "error: ID: is in use: it is, or will be, the plan of 1 tenant\n");
    let refused = installation.run(&["plan", "remove", "free"]).failed();
    assert!(refused.contains("plan subscribed lapses to it"), "{refused}");
    installation.done(&["plan", "assign", "acme", "enterprise"]);
    says(&["plan", "remove", "trial"], "", "removed plan trial\n");
    assert!(!installation.done(&["plan", "list"]).contains("trial"));
}

async fn what_cannot_be_done_names_its_flag(on: On) {
    let installation = Installation::new(on).await;
    installation.done(&["organization", "create", "acme", "--name", "Acme"]);
    installation.done(&["organization", "create", "west", "--name", "W", "--parent", "acme"]);
    let refused = |arguments: &[&str], parts: &[&str]| {
        let error = installation.run(&[&["plan"], arguments].concat()).failed();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    };
    refused(&["define", "p", "--kept", "30 days"], &["--kept: must be an ISO 8601 period"]);
    refused(&["define", "p", "--visible", "P0D"], &["--visible: "]);
    refused(&["define", "p", "--subscription-lead", "PT5M"], &["--subscription-lead: "]);
    refused(&["define", "p", "--lapses-to", "p"], &["--lapses-to: is the plan itself"]);
    refused(&["define", "p", "--lapses-to", "q"], &["--lapses-to: there is no such plan"]);
    refused(&["define", "unlimited", "--kept", "P1D"], &["ID: is the plan of whoever"]);
    refused(&["remove", "unlimited"], &["ID: is the plan of whoever"]);
    refused(&["remove", "nothing"], &["ID: there is no such plan"]);
    refused(&["assign", "acme", "nothing"], &["--plan: there is no such plan"]);
    refused(&["assign", "nowhere", "free"], &["ID: there is no such organization"]);
    refused(&["assign", "west", "free"], &["ID: is below acme: a plan is a root's"]);
    refused(&["assign", "acme", "free", "--since", "yesterday"], &["--since: must be an ISO 8601"]);
    refused(&["assign", "acme", "free", "--since", "9999-01-01"], &["--since: lies ahead"]);
    refused(&["assign", "acme", "free", "--until", "9999-01-01"], &["--until: needs a plan that"]);
    let until = ["assign", "acme", "subscribed", "--since", "2026-01-02", "--until", "2026-01-02"];
    refused(&until, &["--until: must be later than the beginning"]);
    assert_eq!(installation.run(&["plan", "assign", "acme"]).status.code(), Some(2));
}

async fn a_plan_that_is_defined_anew_reaches_every_tenant_that_has_it(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    installation.done(&["organization", "create", "globex", "--name", "Globex"]);
    installation.done(&["user", "create", "gil", "--organization", "globex", "--owner"]);
    let gil = installation.key_for("gil");
    let since = ["--since", "2026-09-01"];
    installation.done(&[&["plan", "assign", "acme", "subscribed"][..], &since].concat());
    installation.done(&[&["plan", "assign", "globex", "enterprise"][..], &since].concat());
    // What acme will lapse to.
    let free = ["plan", "define", "free", "--visible", "P5D", "--kept", "P20D"];
    installation.done(&free);
    installation.done(&["plan", "define", "enterprise", "--visible", "P6M", "--kept", "P10Y"]);
    // The same again changes nothing.
    installation.done(&free);
    installation.done(&["plan", "assign", "acme", "subscribed"]);
    let logs = json!([installation.log(&key).await, installation.log(&gil).await]);
    let mut about = Vec::new();
    for log in logs.as_array().unwrap() {
        let plan = |event: &&Value| event["resource_name"] == "AUDIT_PLAN";
        about.push(log.as_array().unwrap().iter().filter(plan).cloned().collect::<Vec<_>>());
    }
    insta::assert_snapshot!("plans_in_the_log", pretty(&json!(about)));
}

/// Events of long ago, and one of today.
fn load(installation: &Installation, old: usize) {
    let mut lines = String::new();
    for i in 0..old {
        writeln!(
            lines,
            r#"{{"organization_id":"acme","type":"UPDATE","resource_name":"TASK","resource_id":"1",
            "id":"{i}","occurred_at":"2026-01-{:02}T00:00:00Z"}}"#,
            1 + i % 28
        )
        .unwrap();
    }
    let mut lines = lines.replace(",\n            ", ",");
    lines.push_str(
        r#"{"organization_id":"acme","type":"UPDATE","resource_name":"TASK","resource_id":"2"}"#,
    );
    installation.command(&["import", "-"]).input(lines).run().exited(0);
}

async fn purging_by_the_command_line_says_what_went(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    load(&installation, 30);
    let nothing = installation.run(&["purge"]).exited(0);
    assert_eq!(
        (nothing.stdout.as_str(), nothing.stderr.as_str()),
        ("", "purged: 0 events of 0 tenants\n")
    );
    installation.done(&["plan", "assign", "acme", "free"]);

    let dry = installation.run(&["purge", "--dry-run"]).exited(0);
    assert_eq!(dry.stderr, "would be purged: 30 events of 1 tenants\n");
    let (begin, end) = dry.stdout.split_once(", from ").expect("one line");
    assert!(begin.starts_with("acme: 30 events from before 20"), "{begin}");
    let range = "2026-01-01T00:00:00Z to 2026-01-28T00:00:00Z";
    let dropped = if on == On::Postgres { "; partitions dropped: 2026-01" } else { "" };
    assert_eq!(end, format!("{range}{dropped}\n"));
    let dry: Value =
        serde_json::from_str(&installation.done(&["purge", "--dry-run", "--json"])).unwrap();
    let went: Value = serde_json::from_str(&installation.done(&["purge", "--json"])).unwrap();
    for key in ["tenant_id", "removed", "oldest_removed", "newest_removed", "partitions_dropped"] {
        assert_eq!(dry[0][key], went[0][key], "{key}");
    }
    assert_eq!(went[0]["removed"], 30);
    assert_eq!(installation.done(&["purge", "--json"]), "[]\n");
    let log = installation.log(&key).await;
    let tasks: Vec<&Value> = log.iter().filter(|e| e["resource_name"] == "TASK").collect();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["resource_id"], "2");
}

async fn a_purge_that_is_killed_is_resumed(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    load(&installation, 20_000);
    // Another tenant keeps its events of that month, so that no partition can go as a whole.
    installation.done(&["organization", "create", "globex", "--name", "Globex"]);
    let kept = r#"{"organization_id":"globex","type":"UPDATE","resource_name":"TASK",
        "resource_id":"1","occurred_at":"2026-01-05T00:00:00Z"}"#;
    installation.command(&["import", "-"]).input(kept.replace('\n', "")).run().exited(0);
    installation.done(&["plan", "assign", "acme", "free"]);

    let db = direct::connect(installation.url()).await;
    let count = "SELECT CAST(count(*) AS TEXT) FROM audit_events WHERE tenant_id = 'acme'
        AND resource_id = '1'";
    let left = async || direct::text(&db, count).await.parse::<usize>().unwrap();
    let mut kills = 0;
    while left().await == 20_000 || kills < 3 {
        let before = left().await;
        assert!(before > 0, "it was not killed in the middle");
        let mut purging = installation.command(&["purge"]).start();
        while left().await == before && purging.is_running() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        purging.kill();
        purging.ended();
        kills += 1;
    }
    assert!(left().await > 0, "it was not killed in the middle");
    installation.done(&["purge"]);
    assert_eq!(left().await, 0);
    let log = installation.log_with_reads(&key).await;
    let told = log
        .iter()
        .filter(|event| event["resource_name"] == "AUDIT_LOG" && event["type"] == "DESTROY");
    assert_eq!(told.count(), 1, "one event for all of it");
    let ids = "SELECT CAST(count(*) AS TEXT) FROM idempotency_records";
    assert_eq!(direct::text(&db, ids).await, "2", "those of what is left");
    let removed = "SELECT CAST(removed AS TEXT) FROM purge_runs WHERE finished_at IS NOT NULL";
    assert_eq!(direct::texts(&db, removed).await, ["20000"]);
}

async fn a_server_purges_by_itself_unless_it_is_told_not_to(on: On) {
    let installation = Installation::new(on).await;
    installation.set_up();
    load(&installation, 10);
    installation.done(&["plan", "assign", "acme", "free"]);
    let db = direct::connect(installation.url()).await;
    let count = "SELECT CAST(count(*) AS TEXT) FROM audit_events WHERE resource_id = '1'";
    let serve = |interval: &str| {
        installation
            .command(&["serve", "--listen", "127.0.0.1:0", "--purge-interval", interval])
            .serving()
    };
    for never in ["off", "0"] {
        let server = serve(never);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(direct::text(&db, count).await, "10", "{never}");
        drop(server);
    }
    let _server = serve("1s");
    for again in [false, true] {
        if again {
            load(&installation, 12);
        }
        let mut tries = 0;
        while direct::text(&db, count).await != "0" {
            tries += 1;
            assert!(tries < 3_000, "it does not purge");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
    let refused = installation.run(&["serve", "--purge-interval", "soon"]).exited(2);
    assert!(refused.stderr.contains("purge_interval must be"), "{}", refused.stderr);
}
