//! `auditlog demo`: what it prints works, and it leaves nothing behind.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::binary::{Installation, Server};

const DEMO: [&str; 3] = ["demo", "--listen", "127.0.0.1:0"];

/// What is printed for each account: the description and the line to paste.
fn accounts(server: &Server) -> Vec<(String, String)> {
    let lines: Vec<&str> = server.introduction.lines().collect();
    let pair = |pair: &[&str]| {
        let about = pair[0].strip_prefix("# ")?;
        Some((about.to_owned(), pair[1].to_owned()))
    };
    lines.windows(2).filter_map(pair).collect()
}

/// Pastes a line into a shell.
fn pasted(line: &str) -> Value {
    let output = Command::new("sh").args(["-c", line]).env("NO_PROXY", "*").output().unwrap();
    assert!(output.status.success(), "{line}: {output:?} (Debian's package is curl)");
    let answer = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{line}: {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_printed_line_answers_as_its_account_is_described() {
    let installation = Installation::bare();
    let server = installation.command(&DEMO).serving();
    let accounts = accounts(&server);
    assert_eq!(accounts.len(), server.introduction.matches("curl ").count());
    assert!(accounts.len() >= 6, "{}", server.introduction);

    let (mut everything, mut parts) = (Vec::new(), Vec::new());
    let (mut forbidden, mut recorders, mut histories) = (0, 0, 0);
    for (about, line) in &accounts {
        assert!(line.starts_with("curl ") && line.contains(&server.url), "{line}");
        let answer = pasted(line);
        let total = answer["data"]["auditLog"]["total_count"].as_u64();
        if about.contains("FORBIDDEN") {
            assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{about}: {answer}");
            forbidden += 1;
        } else if about.contains("records events") {
            assert_eq!(answer["recorded"], 1, "{about}: {answer}");
            recorders += 1;
        } else if about.contains("reads the history of a record") {
            let lines = answer["data"]["resourceNotes"]["nodes"].as_array().unwrap();
            let kinds: BTreeSet<_> =
                lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
            let all = ["EVENT", "STATUS_NOTE", "TIMESTAMP_NOTE"];
            assert_eq!(kinds, BTreeSet::from(all), "{about}: {answer}");
            histories += 1;
        } else {
            assert_eq!(answer.get("errors"), None, "{about}: {answer}");
            let nodes = answer["data"]["auditLog"]["nodes"].as_array().unwrap();
            assert_eq!(nodes.len(), 3, "{about}: {answer}");
            let all = about.contains("sees every event");
            let own = about.contains("sees what they did themselves");
            assert!(all || own || about.contains("sees that"), "{about} is not described");
            let name = about.split_once(',').unwrap().0;
            let is_own = |node: &Value| node["acting_user"]["full_name"] == name;
            assert!(!own || nodes.iter().all(is_own), "{about}: {answer}");
            if all { &mut everything } else { &mut parts }.push(total.unwrap());
        }
    }
    assert!(forbidden > 0 && recorders > 0 && histories > 0);
    let all = everything[0];
    // Each line that reads leaves an event, which the next one counts.
    let lines = u64::try_from(accounts.len()).unwrap();
    assert!(all > 1_000, "{everything:?}");
    assert!(everything.iter().all(|total| (all..=all + lines).contains(total)), "{everything:?}");
    assert!(!parts.is_empty(), "nobody sees a part");
    assert!(parts.iter().all(|part| *part > 0 && *part < all), "{parts:?} of {all}");

    // What the recorder's line recorded is there, and it is not recorded when nobody pastes it.
    let owner = &accounts[0].1;
    let total = pasted(owner)["data"]["auditLog"]["total_count"].as_u64().unwrap();
    assert!((all + recorders..=all + recorders + lines).contains(&total), "{total}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_masked_and_what_is_sensitive_can_be_seen_in_it() {
    let installation = Installation::bare();
    let server = installation.command(&DEMO).serving();
    let accounts = accounts(&server);
    let values = |whose: &str, field: &str| {
        let (_, line) = accounts.iter().find(|(about, _)| about.contains(whose)).unwrap();
        let asked = format!("first: 3, changed_field: \"{field}\"");
        let answer = pasted(&line.replace("first: 3", &asked));
        let events = answer["data"]["auditLog"]["nodes"].as_array().unwrap().clone();
        let changes =
            events.into_iter().flat_map(|event| match event["resource_changes"].clone() {
                Value::Array(changes) => changes,
                other => panic!("{other}"),
            });
        let of_field = changes.filter(|change| change["field"] == field);
        of_field.map(|change| change["value_after_change"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(values("compliance officer", "phone_number"), ["[withheld]"; 3]);
    assert_eq!(values("owner", "content.plan"), ["[withheld]"; 3]);
    let read = values("compliance officer", "content.plan");
    assert!(read.len() == 3 && read.iter().all(|plan| *plan != "[withheld]"), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_can_be_read_in_it() {
    let installation = Installation::bare();
    let server = installation.command(&DEMO).serving();
    let key = server.introduction.split("#key=").nth(1).unwrap().lines().next().unwrap();
    let ask = async |query: &str| server.graphql(key, query).await.1["data"].clone();
    let found = ask("{ auditLog(event_type: NOTE, first: 1) { nodes { resource_id } } }").await;
    let id = found["auditLog"]["nodes"][0]["resource_id"].as_str().unwrap();
    let timeline = ask(&format!(
        "{{ resourceNotes(resource_name: APPOINTMENT, resource_id: {id:?}) {{ nodes {{ id kind text corrects }} }} }}"
    ))
    .await;
    let lines = timeline["resourceNotes"]["nodes"].as_array().unwrap();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let [correction, note] = of("TIMESTAMP_NOTE")[..] else { panic!("{timeline}") };
    assert_eq!(correction["corrects"], note["id"]);
    let status: Vec<_> = of("STATUS_NOTE").iter().map(|line| line["text"].clone()).collect();
    assert!(status.contains(&"Rescheduled".into()), "{timeline}");
    assert!(!of("EVENT").is_empty(), "{timeline}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_kinds_its_plan_its_hold_and_who_read_it_can_be_seen_in_it() {
    let installation = Installation::bare();
    let server = installation.command(&DEMO).serving();
    let key = server.introduction.split("#key=").nth(1).unwrap().lines().next().unwrap();
    let ask = async |query: &str| {
        let answer = server.graphql(key, query).await.1;
        assert_eq!(answer.get("errors"), None, "{query}: {answer}");
        answer["data"].clone()
    };
    let kinds = ask("{ auditEventTypes { name current { version } } auditResources { name current { version } } }").await;
    assert_eq!(
        kinds,
        json!({
            "auditEventTypes": [{"name": "patient.consent_signed", "current": {"version": 1}}],
            "auditResources": [{"name": "fax", "current": {"version": 1}}],
        })
    );
    let own = ask("{ signed: auditLog(custom_types: \"patient.consent_signed\") { total_count }
        faxes: auditLog(custom_resources: \"fax\") { total_count } }")
    .await;
    assert!(own["signed"]["total_count"].as_u64().unwrap() > 10, "{own}");
    assert!(own["faxes"]["total_count"].as_u64().unwrap() > 3, "{own}");
    let plan = ask("{ auditPlan { name visible_period kept_period legal_holds } }").await;
    assert_eq!(
        plan["auditPlan"],
        json!({"name": "practice", "visible_period": "P1Y", "kept_period": "P10Y", "legal_holds": 1})
    );
    let held = ask("{ legalHolds { resource_name resource_id reason } }").await;
    assert_eq!(held["legalHolds"][0]["resource_name"], "APPOINTMENT", "{held}");
    // One clinic leaves its tasks out.
    let tasks = "auditLog(resource_name: TASK, organization_id:";
    let tasks = ask(&format!(
        "{{ none: {tasks} \"clinic-bend\") {{ total_count }}
           some: {tasks} \"clinic-boston\") {{ total_count }} }}"
    ))
    .await;
    assert_eq!(tasks["none"]["total_count"], 0);
    assert!(tasks["some"]["total_count"].as_u64().unwrap() > 0);
    // A clinic moved to the west, and took its log with it; by the tree of the day it is elsewhere.
    let west = |hierarchy: &str| {
        format!(
            "auditLog(organization_id: \"cedar-west\", hierarchy: {hierarchy}) {{ total_count }}"
        )
    };
    let both = format!("{{ now: {} then: {} }}", west("CURRENT"), west("AT_EVENT"));
    let both = ask(&both).await;
    let count = |key: &str| both[key]["total_count"].as_u64().unwrap();
    assert!(count("then") > 0 && count("then") < count("now"), "{both}");
    // All of this was read, and says so.
    let read =
        ask("{ auditLog(resource_name: AUDIT_LOG, event_type: VIEW) { total_count } }").await;
    assert_eq!(read["auditLog"]["total_count"], 3, "the three requests that read events");
    let settings = ask("{ auditSettings { log_of_reads time_zone } }").await;
    assert_eq!(settings["auditSettings"]["log_of_reads"], "EVERY_REQUEST");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_addresses_open() {
    let installation = Installation::bare();
    let server = installation.command(&DEMO).serving();
    let printed = |name: &str| {
        let line = server.introduction.lines().find(|line| line.starts_with(name)).unwrap();
        let address = line.split_whitespace().last().unwrap();
        address.strip_prefix(&server.url).expect("an address of this server").to_owned()
    };
    let playground = printed("playground");
    assert_eq!(server.get(&playground).await.0, 200);
    let signed_in = printed("signed in");
    let (page, key) = signed_in.split_once("#key=").expect("the key in the fragment");
    assert_eq!(page, playground);
    let (status, answer) = server.graphql(key, "{ viewer { is_owner } }").await;
    assert_eq!((status, &answer["data"]["viewer"]["is_owner"]), (200, &true.into()));
}

#[test]
fn nothing_is_left_behind_when_it_is_told_to_stop() {
    for signal in ["INT", "TERM"] {
        let installation = Installation::bare();
        let server = installation.command(&DEMO).serving();
        assert_eq!(installation.temporary_files().len(), 1, "its database");
        server.signal(signal);
        server.ended().exited(0);
        assert_eq!(installation.temporary_files(), Vec::<PathBuf>::new());
    }
}

#[test]
fn nothing_is_left_behind_when_it_is_stopped_while_it_fills_its_database() {
    for signal in ["INT", "TERM"] {
        let installation = Installation::bare();
        let mut demo = installation.command(&DEMO).start();
        while installation.temporary_files().is_empty() {
            assert!(demo.is_running(), "{:?}", demo.ended());
            std::thread::sleep(Duration::from_millis(1));
        }
        demo.signal(signal);
        let ran = demo.ended().exited(0);
        assert_eq!(ran.stdout, "", "it was filled already");
        assert_eq!(installation.temporary_files(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_database_of_the_settings_is_not_touched() {
    let installation = Installation::bare();
    installation.write("auditlog.toml", "database_url = \"sqlite://mine.db\"\n");
    let command = installation.command(&DEMO).env("AUDITLOG_DATABASE_URL", "sqlite://own.db");
    drop(command.serving());
    let files: Vec<_> = std::fs::read_dir(installation.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != "tmp" && name != "auditlog.toml")
        .collect();
    assert_eq!(files, Vec::<std::ffi::OsString>::new());
}
