//! `auditlog import --create-organizations-under`, and without it.

use serde_json::{Value, json};

use crate::support::On;
use crate::support::binary::{Installation, Ran};
use crate::support::world::event;

on_both!(
    an_unknown_organization_is_a_bad_line_without_the_flag,
    unknown_organizations_are_added_below_the_one_that_is_named,
    in_an_empty_database_the_named_one_becomes_the_root,
    a_named_one_that_is_missing_from_a_database_in_use_is_an_error,
);

const EXISTING: &str = "{ viewer { organizations { id name parent_id } } }";

fn import(installation: &Installation, under: Option<&str>) -> Ran {
    let events = ["portland", "acme", "seattle", "portland"]
        .map(|organization| format!("{}\n", event(organization, organization)));
    let mut arguments = vec!["import", "-", "--json"];
    arguments.extend(under.into_iter().flat_map(|id| ["--create-organizations-under", id]));
    installation.command(&arguments).input(events.concat()).run()
}

fn created(ran: &Ran) -> Value {
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    json!([report["recorded"], report["duplicates"], report["organizations_created"]])
}

async fn an_unknown_organization_is_a_bad_line_without_the_flag(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    let ran = import(&installation, None).exited(1);
    assert_eq!(created(&ran), json!([1, 0, 0]));
    for (line, organization) in [(1, "portland"), (3, "seattle"), (4, "portland")] {
        let start = format!("line {line}: organization_id \"{organization}\" ");
        assert!(ran.stderr.lines().any(|line| line.starts_with(&start)), "{}", ran.stderr);
    }
    let organizations = installation.client(&key).await.query(EXISTING).await;
    assert_eq!(organizations["viewer"]["organizations"].as_array().unwrap().len(), 1);
}

async fn unknown_organizations_are_added_below_the_one_that_is_named(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    installation.done(&["organization", "create", "west", "--name", "West", "--parent", "acme"]);
    let ran = import(&installation, Some("west")).exited(0);
    assert_eq!(created(&ran), json!([4, 0, 2]));
    assert_eq!(ran.stderr, "");
    let organizations = installation.client(&key).await.query(EXISTING).await;
    assert_eq!(
        organizations["viewer"]["organizations"],
        json!([
            {"id": "acme", "name": "Acme Health", "parent_id": null},
            {"id": "west", "name": "West", "parent_id": "acme"},
            {"id": "portland", "name": "portland", "parent_id": "west"},
            {"id": "seattle", "name": "seattle", "parent_id": "west"},
        ])
    );
    // Adding them is administration: it is in the log, with no acting user.
    let log = installation.log(&key).await;
    let added: Vec<_> = log
        .iter()
        .filter(|event| event["type"] == "CREATE" && event["resource_name"] == "ORGANIZATION")
        .map(|event| (event["resource_id"].as_str().unwrap(), &event["acting_user"]))
        .collect();
    let nobody = &Value::Null;
    assert_eq!(
        added,
        [("acme", nobody), ("west", nobody), ("portland", nobody), ("seattle", nobody)]
    );
    // Again, and under another one: what is there stays where it is.
    assert_eq!(created(&import(&installation, Some("acme")).exited(0)), json!([0, 4, 0]));
    assert_eq!(installation.log(&key).await, log);
}

async fn in_an_empty_database_the_named_one_becomes_the_root(on: On) {
    let installation = Installation::unmigrated(on).await;
    let ran = import(&installation, Some("congress")).exited(0);
    assert_eq!(created(&ran), json!([4, 0, 4]));
    installation.done(&["user", "create", "ann", "--organization", "congress", "--owner"]);
    let key = installation.key_for("ann");
    let organizations = installation.client(&key).await.query(EXISTING).await;
    let organizations = organizations["viewer"]["organizations"].as_array().unwrap();
    assert_eq!(organizations.len(), 4);
    for organization in organizations {
        let root = organization["id"] == "congress";
        let parent = if root { Value::Null } else { json!("congress") };
        assert_eq!(organization["parent_id"], parent, "{organization}");
    }
    assert_eq!(created(&import(&installation, Some("congress")).exited(0)), json!([0, 4, 0]));
}

async fn a_named_one_that_is_missing_from_a_database_in_use_is_an_error(on: On) {
    let installation = Installation::new(on).await;
    let key = installation.set_up();
    let log = installation.log(&key).await;
    for under in ["acmee", "", "two\nlines"] {
        let error = import(&installation, Some(under)).failed();
        assert!(error.contains("--create-organizations-under"), "{error}");
    }
    assert_eq!(installation.log(&key).await, log, "something was recorded");
}
