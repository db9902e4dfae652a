//! The command line: what each command does and says, through the real binary.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::On;
use crate::support::binary::Installation;
use crate::support::client::pretty;

on_both!(
    a_tenant_is_set_up_by_the_command_line,
    what_was_made_is_printed_as_json_when_asked,
    administration_is_in_the_log_with_no_acting_user,
    a_user_who_is_there_already_gets_a_membership,
    input_that_cannot_be_used_names_its_flag,
    migrating_twice_changes_nothing,
    several_processes_migrate_at_once,
);

const WHO: &str = "{
    viewer {
        user { id first_name last_name email }
        is_owner can_view_audit_log can_record
        organization_memberships { organization_id is_owner can_view_audit_log can_record }
        organizations { id name parent_id }
    }
}";

async fn a_tenant_is_set_up_by_the_command_line(on: On) {
    let installation = Installation::unmigrated(on).await;
    let says = |arguments: &[&str], message: &str| {
        let ran = installation.run(arguments).exited(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", message));
    };
    says(
        &["organization", "create", "acme", "--name", "Acme Health"],
        "added organization acme, the root of a new tenant\n",
    );
    says(
        &["organization", "create", "west", "--name", "Acme West", "--parent", "acme"],
        "added organization west below acme\n",
    );
    says(
        &[
            &["user", "create", "ann", "--organization", "west", "--first-name", "Ann"][..],
            &["--last-name", "Doe", "--email", "ann@example.com", "--can-view-audit-log"],
        ]
        .concat(),
        "added user ann to west\n",
    );
    says(
        &["user", "create", "app", "--organization", "acme", "--can-record", "--owner"],
        "added user app to acme\n",
    );

    let ran = installation.run(&["api-key", "create", "--user", "ann", "--name", "laptop"]);
    let ran = ran.exited(0);
    let key = ran.stdout.strip_suffix('\n').expect("the key on a line of its own");
    assert!(key.len() > 32 && key.chars().all(|c| c.is_ascii_graphic()), "{key:?}");
    assert!(ran.stderr.contains("for user ann"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(key), "the key is a result and no message: {}", ran.stderr);
    let second = installation.key_for("ann");
    assert_ne!(key, second);

    let ann = installation.client(key).await.query(WHO).await;
    assert_eq!(installation.client(&second).await.query(WHO).await, ann);
    let app = installation.client(&installation.key_for("app")).await.query(WHO).await;
    insta::assert_snapshot!("set_up_by_the_command_line", pretty(&json!([ann, app])));
}

async fn what_was_made_is_printed_as_json_when_asked(on: On) {
    let installation = Installation::new(on).await;
    let json = |arguments: &[&str]| -> Value {
        let printed = installation.done(&[arguments, &["--json"]].concat());
        assert_eq!(printed.lines().count(), 1, "{printed}");
        serde_json::from_str(&printed).unwrap()
    };
    assert_eq!(
        json(&["organization", "create", "acme", "--name", "Acme"]),
        json!({"id": "acme", "name": "Acme", "parent_id": null, "tenant_id": "acme"})
    );
    assert_eq!(
        json(&["organization", "create", "west", "--name", "West", "--parent", "acme"]),
        json!({"id": "west", "name": "West", "parent_id": "acme", "tenant_id": "acme"})
    );
    let user = json(&["user", "create", "ann", "--organization", "west", "--owner"]);
    assert_eq!((&user["id"], &user["organization_id"]), (&json!("ann"), &json!("west")));
    let key = json(&["api-key", "create", "--user", "ann", "--name", "laptop"]);
    assert_eq!((&key["user_id"], &key["name"]), (&json!("ann"), &json!("laptop")));

    let client = installation.client(key["api_key"].as_str().unwrap()).await;
    let viewer = client.query("{ viewer { organization_memberships { id } } }").await;
    let membership = &viewer["viewer"]["organization_memberships"][0]["id"];
    assert_eq!(&user["organization_membership_id"], membership);
}

async fn administration_is_in_the_log_with_no_acting_user(on: On) {
    let installation = Installation::new(on).await;
    installation.done(&["organization", "create", "acme", "--name", "Acme Health"]);
    installation.done(&["organization", "create", "west", "--name", "W", "--parent", "acme"]);
    let user = ["user", "create", "ann", "--organization", "acme", "--first-name", "Ann"];
    installation.done(&[&user[..], &["--owner"]].concat());
    installation.done(&["user", "create", "ann", "--organization", "west", "--can-record"]);
    let key = ["api-key", "create", "--user", "ann", "--name", "laptop"];
    let key = installation.done(&key).trim_end().to_owned();
    // What is refused leaves nothing behind.
    installation.run(&["organization", "create", "acme", "--name", "Again"]).failed();
    installation.run(&["user", "create", "ann", "--organization", "nowhere"]).failed();

    let mut log = installation.log(&key).await;
    assert!(!pretty(&json!(log)).contains(&key), "the log holds a key");
    for event in &mut log {
        let name = event["resource_name"].as_str().unwrap();
        if matches!(name, "ORGANIZATION_MEMBERSHIP" | "API_KEY") {
            event["resource_id"] = json!("(random)");
        }
    }
    insta::assert_snapshot!("administration_by_the_command_line", pretty(&json!(log)));
}

async fn a_user_who_is_there_already_gets_a_membership(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    installation.done(&["organization", "create", "west", "--name", "W", "--parent", "acme"]);
    installation.done(&["organization", "create", "globex", "--name", "Globex"]);

    let again = ["user", "create", "ann", "--organization", "west", "--can-record"];
    let ran = installation.run(&again).exited(0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("ann is there already"), "{}", ran.stderr);
    let memberships = "{ viewer { organization_memberships {
        organization_id is_owner can_record
    } } }";
    let viewer = installation.client(&key).await.query(memberships).await;
    assert_eq!(
        viewer["viewer"]["organization_memberships"],
        json!([
            {"organization_id": "acme", "is_owner": true, "can_record": false},
            {"organization_id": "west", "is_owner": false, "can_record": true},
        ])
    );

    let error = installation.run(&again).failed();
    assert!(error.contains("--organization: the user is a member"), "{error}");
    let elsewhere = ["user", "create", "ann", "--organization", "globex"];
    let error = installation.run(&elsewhere).failed();
    assert!(error.contains("--organization"), "a user belongs to one tenant: {error}");
    assert_eq!(installation.client(&key).await.query(memberships).await, viewer);
}

async fn input_that_cannot_be_used_names_its_flag(on: On) {
    let installation = Installation::new(on).await;
    installation.set_up();
    let long = "x".repeat(256);
    let cases: &[(&[&str], &str)] = &[
        (&["organization", "create", "acme", "--name", "Again"], "ID: "),
        (&["organization", "create", "", "--name", "Empty"], "ID: "),
        (&["organization", "create", &long, "--name", "Long"], "ID: "),
        (&["organization", "create", "a\nb", "--name", "Two lines"], "ID: "),
        (&["organization", "create", "new", "--name", ""], "--name: "),
        (&["organization", "create", "new", "--name", &long], "--name: "),
        (&["organization", "create", "new", "--name", "New", "--parent", "nope"], "--parent: "),
        (&["user", "create", "bob", "--organization", "nope"], "--organization: "),
        (&["user", "create", "no_author", "--organization", "acme"], "ID: "),
        (&["user", "create", "bob", "--organization", "acme", "--email", &long], "--email: "),
        (
            &["user", "create", "b", "--organization", "acme", "--first-name", "\t"],
            "--first-name: ",
        ),
        (&["user", "create", "b", "--organization", "acme", "--last-name", &long], "--last-name: "),
        (&["api-key", "create", "--user", "nobody"], "--user: "),
        (&["api-key", "create", "--user", "ann", "--name", &long], "--name: "),
    ];
    for (arguments, flag) in cases {
        let error = installation.run(arguments).failed();
        assert!(error.starts_with(&format!("error: {flag}")), "{arguments:?}: {error}");
    }
    let both = ["organization", "create", "new", "--name", "", "--parent", "nope"];
    let error = installation.run(&both).failed();
    assert!(error.contains("--name: ") && error.contains("--parent: "), "not all at once: {error}");
}

async fn migrating_twice_changes_nothing(on: On) {
    let installation = Installation::unmigrated(on).await;
    let first = installation.run(&["migrate"]).exited(0);
    assert!(first.stderr.starts_with("applied "), "{}", first.stderr);
    let second = installation.run(&["migrate"]).exited(0);
    assert_eq!(second.stderr, "the schema was up to date\n");
    assert_eq!((first.stdout.as_str(), second.stdout.as_str()), ("", ""));
}

async fn several_processes_migrate_at_once(on: On) {
    let installation = Installation::unmigrated(on).await;
    let started: Vec<_> = (0..6).map(|_| installation.command(&["migrate"]).start()).collect();
    for running in started {
        running.ended().exited(0);
    }
    assert_eq!(installation.run(&["migrate"]).exited(0).stderr, "the schema was up to date\n");
    installation.set_up();
}

#[test]
fn every_command_explains_itself() {
    let installation = Installation::bare();
    let commands: [&[&str]; 15] = [
        &[],
        &["serve"],
        &["demo"],
        &["migrate"],
        &["organization"],
        &["organization", "create"],
        &["user"],
        &["user", "create"],
        &["api-key"],
        &["api-key", "create"],
        &["api-key", "rotate"],
        &["api-key", "revoke"],
        &["api-key", "list"],
        &["import"],
        &["schema"],
    ];
    for command in commands {
        let ran = installation.run(&[command, &["--help"]].concat()).exited(0);
        assert_eq!(ran.stderr, "");
        let name = ["help", &command.join("_")].join(if command.is_empty() { "" } else { "_" });
        insta::assert_snapshot!(name.replace('-', "_"), ran.stdout);
    }
    assert!(installation.done(&["--version"]).starts_with("auditlog "));
}

#[test]
fn wrong_usage_exits_with_2() {
    let installation = Installation::bare();
    let cases: &[&[&str]] = &[
        &[],
        &["frobnicate"],
        &["organization"],
        &["organization", "create", "acme"],
        &["organization", "create", "--name", "Acme"],
        &["user", "create", "ann"],
        &["api-key", "create"],
        &["import"],
        &["migrate", "now"],
        &["migrate", "--listen", "127.0.0.1:0"],
        &["serve", "--no-such-flag"],
        &["serve", "--listen"],
    ];
    for arguments in cases {
        let ran = installation.run(arguments).exited(2);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(ran.stderr.contains("--help"), "{arguments:?}: {}", ran.stderr);
    }
    assert!(!installation.path("auditlog.db").exists(), "wrong usage touches no database");
}

#[test]
fn the_schema_is_printed() {
    let installation = Installation::bare();
    let ran = installation.run(&["schema"]).exited(0);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    assert_eq!(ran.stdout, std::fs::read_to_string(file).unwrap());
    assert_eq!(ran.stderr, "");
    assert!(!installation.path("auditlog.db").exists(), "printing it touches no database");
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let installation = Installation::bare();
    installation.set_up();
    installation.write("events.ndjson", "");
    let commands: [&[&str]; 5] = [
        &["schema"],
        &["api-key", "create", "--user", "ann"],
        &["organization", "create", "west", "--name", "West", "--json"],
        &["import", "events.ndjson"],
        &["serve", "--listen", "127.0.0.1:0"],
    ];
    for command in commands {
        let ran = installation.command(command).into_file(Path::new("/dev/full")).exited(1);
        assert!(ran.stderr.contains("error: writing to standard output"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}
