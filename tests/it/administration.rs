//! Organizations, users and memberships: who may make and change them, what is answered, and what
//! is recorded of it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::client::{Client, pretty};
use crate::support::log::{Poller, assert_gapless, whole_log};
use crate::support::world::{NOTHING, OWN, RECORD, VIEW, World, event};
use crate::support::{On, direct};

on_both!(
    each_mutation_answers_what_it_did_and_is_recorded,
    what_can_be_mended_is_said_and_nothing_is_done,
    who_owns_nothing_administers_nothing,
    an_owner_acts_below_and_not_above_or_beside,
    ids_are_unique_in_the_whole_installation,
    a_change_of_rights_works_at_once,
    a_change_that_changes_nothing_is_not_recorded,
    changes_that_meet_are_both_kept,
);

const ADMIN_EVENT: &str = "type resource_name resource_id occurred_at recorded_at external_id
    acting_user { id } organization { id } ip_address user_agent request_id
    resource_changes { field value_before_change value_after_change }";

/// A mutation of administration that selects all it answers.
fn mutation(name: &str) -> String {
    const MEMBERSHIP: &str = "organization_membership {
        id user_id organization_id is_owner can_view_audit_log can_record
    }";
    const POLICY: &str = "audit_policy {
        organization_id resource_name custom_resource recorded event_types custom_types
        recorded_fields masked_fields dropped_fields mask_secrets plain_fields
    }";
    const KEY: &str = "api_key_object { id user_id name created_at last_used_at expires_at }";
    let (input, selection) = match name {
        "createOrganization" => ("CreateOrganization", "organization { id name parent_id }".into()),
        "createUser" => (
            "CreateUser",
            format!("user {{ id first_name last_name full_name email }} {MEMBERSHIP}"),
        ),
        "createOrganizationMembership" => ("CreateOrganizationMembership", MEMBERSHIP.to_owned()),
        "updateOrganizationMembership" => ("UpdateOrganizationMembership", MEMBERSHIP.to_owned()),
        "createApiKey" => ("CreateApiKey", format!("api_key {KEY}")),
        "updateAuditSettings" => ("UpdateAuditSettings", "audit_settings { log_of_reads }".into()),
        "rotateApiKey" => ("RotateApiKey", format!("api_key {KEY} previous_{KEY}")),
        "deleteApiKey" => ("DeleteApiKey", KEY.to_owned()),
        "setAuditPolicy" => ("SetAuditPolicy", POLICY.to_owned()),
        "removeAuditPolicy" => ("RemoveAuditPolicy", POLICY.to_owned()),
        "setSensitiveFields" => (
            "SetSensitiveFields",
            "sensitive_fields { resource_name custom_resource fields }".to_owned(),
        ),
        other => panic!("{other}?"),
    };
    format!(
        "mutation($input: {input}Input!) {{
            {name}(input: $input) {{ {selection} messages {{ field message }} }}
        }}"
    )
}

/// What a mutation of administration answers, which must be no error.
pub async fn administer(client: &Client, name: &str, input: Value) -> Value {
    client.data(&mutation(name), json!({"input": input})).await[name].clone()
}

/// The same, when nothing must be left to mend.
pub async fn done(client: &Client, name: &str, input: Value) -> Value {
    let answer = administer(client, name, input).await;
    assert_eq!(answer["messages"], json!([]), "{name}");
    answer
}

/// The id of somebody's only membership.
async fn membership_of(client: &Client) -> String {
    let data = client.query("{ viewer { organization_memberships { id } } }").await;
    data["viewer"]["organization_memberships"][0]["id"].as_str().unwrap().to_owned()
}

async fn each_mutation_answers_what_it_did_and_is_recorded(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    let mut log = Poller::new(&owner, ADMIN_EVENT);
    log.rest().await;
    let owner = owner.with("user-agent", "console/1").with("x-request-id", "req-7");
    let user = json!({
        "id": "uma", "organization_id": "portland", "first_name": "Uma", "last_name": "O'Hara",
        "email": "uma@example.com", "can_record": true,
    });
    let bare = json!({"id": "svc", "organization_id": "boston", "is_owner": true});
    let membership =
        json!({"user_id": "uma", "organization_id": "seattle", "can_view_audit_log": true});
    let mut answers = Vec::new();
    for (name, input) in [
        ("createOrganization", json!({"id": "bend", "name": "Bend “Clinic”", "parent_id": "west"})),
        ("createUser", user),
        ("createUser", bare),
        ("createOrganizationMembership", membership),
        ("createApiKey", json!({"user_id": "uma", "name": "nightly export"})),
        ("createApiKey", json!({"user_id": "svc"})),
    ] {
        world.clock.advance(chrono::TimeDelta::milliseconds(1_500));
        answers.push(json!({name: done(&owner, name, input).await}));
    }
    let id = |answer: &Value, path| answer.pointer(path).unwrap().clone();
    let membership = id(&answers[3], "/createOrganizationMembership/organization_membership/id");
    let key = id(&answers[5], "/createApiKey/api_key_object/id");
    let change = json!({"id": membership, "can_view_audit_log": false, "is_owner": true});
    for (name, input) in
        [("updateOrganizationMembership", change), ("deleteApiKey", json!({"id": key}))]
    {
        answers.push(json!({name: done(&owner, name, input).await}));
    }
    insta::assert_snapshot!("what_each_mutation_answers", pretty(&json!(answers)));
    let recorded = log.rest().await;
    insta::assert_snapshot!("what_each_mutation_records", pretty(&json!(recorded)));
    assert_gapless(&whole_log(&owner, "id").await, 1);
}

async fn what_can_be_mended_is_said_and_nothing_is_done(on: On) {
    let world = World::new(on).await;
    let owner = world.user("olga", "acme", OWN).await;
    world.user("ann", "portland", VIEW).await;
    world.user("gus", "globex", VIEW).await;
    let before = whole_log(&owner, "id").await;
    let long = "é".repeat(256);
    let mut said = Vec::new();
    for (name, input) in [
        ("createOrganization", json!({"id": "", "name": "N", "parent_id": "acme"})),
        ("createOrganization", json!({"id": long, "name": "N", "parent_id": "acme"})),
        ("createOrganization", json!({"id": "a\nb", "name": "N", "parent_id": "acme"})),
        ("createOrganization", json!({"id": "west", "name": "N", "parent_id": "acme"})),
        ("createOrganization", json!({"id": "new", "name": "", "parent_id": "acme"})),
        ("createOrganization", json!({"id": "new", "name": " \u{a0}", "parent_id": "acme"})),
        ("createOrganization", json!({"id": "new", "name": long, "parent_id": "acme"})),
        ("createOrganization", json!({"id": "new", "name": "a\u{1b}b", "parent_id": "acme"})),
        ("createOrganization", json!({"id": "new", "name": "N"})),
        ("createOrganization", json!({"id": "new", "name": "N", "parent_id": null})),
        ("createOrganization", json!({"id": "new", "name": "N", "parent_id": ""})),
        ("createOrganization", json!({"id": "new", "name": "N", "parent_id": "nowhere"})),
        ("createOrganization", json!({"id": "new", "name": "N", "parent_id": "globex"})),
        ("createOrganization", json!({"id": "", "name": "", "parent_id": "nowhere"})),
        ("createUser", json!({"id": "", "organization_id": "acme"})),
        ("createUser", json!({"id": "no_author", "organization_id": "acme"})),
        ("createUser", json!({"id": "ann", "organization_id": "acme"})),
        ("createUser", json!({"id": "new", "organization_id": ""})),
        ("createUser", json!({"id": "new", "organization_id": "hammock"})),
        ("createUser", json!({"id": "new", "organization_id": "acme", "first_name": long})),
        ("createUser", json!({"id": "new", "organization_id": "acme", "last_name": "a\tb"})),
        (
            "createUser",
            json!({
                "id": "a\u{7f}", "organization_id": "nowhere", "email": format!("{long}\n"),
            }),
        ),
        ("createOrganizationMembership", json!({"user_id": "", "organization_id": ""})),
        ("createOrganizationMembership", json!({"user_id": "who", "organization_id": "nowhere"})),
        ("createOrganizationMembership", json!({"user_id": "gus", "organization_id": "acme"})),
        ("createOrganizationMembership", json!({"user_id": "ann", "organization_id": "hammock"})),
        ("createOrganizationMembership", json!({"user_id": "ann", "organization_id": "portland"})),
        ("updateOrganizationMembership", json!({"id": "", "is_owner": true})),
        ("updateOrganizationMembership", json!({"id": "nothing", "is_owner": true})),
        ("createApiKey", json!({"user_id": "\u{1}"})),
        ("createApiKey", json!({"user_id": "who", "name": long})),
        ("createApiKey", json!({"user_id": "gus"})),
        ("deleteApiKey", json!({"id": ""})),
        ("deleteApiKey", json!({"id": "nothing"})),
    ] {
        let answer = administer(&owner, name, input.clone()).await;
        for (part, value) in answer.as_object().unwrap() {
            assert!(part == "messages" || value.is_null(), "{input}: {answer}");
        }
        let shown = |value: &Value| value.to_string().replace(&long, "[256 characters]");
        let messages = answer["messages"].as_array().unwrap().iter().map(|message| {
            format!(
                "    {}: {}",
                message["field"].as_str().unwrap(),
                message["message"].as_str().unwrap()
            )
        });
        said.push(format!("{name} {}", shown(&input)));
        said.extend(messages);
    }
    insta::assert_snapshot!("what_can_be_mended", said.join("\n"));
    assert_eq!(whole_log(&owner, "id").await, before);
    for table in ["organizations", "users", "organization_memberships", "directory"] {
        let db = direct::connect(&world.database.url).await;
        let sql = format!("SELECT CAST(count(*) AS TEXT) FROM {table}");
        let counted = direct::text(&db, &sql).await;
        let expected = match table {
            "organizations" => "8",
            "directory" => "17", // 8 organizations, 3 users, 3 keys by secret and by id
            _ => "3",
        };
        assert_eq!(counted, expected, "{table}");
    }
}

async fn who_owns_nothing_administers_nothing(on: On) {
    let world = World::new(on).await;
    let people = [
        world.user("vera", "acme", VIEW).await,
        world.user("rex", "acme", RECORD).await,
        world.user("nora", "acme", NOTHING).await,
    ];
    for (name, input) in [
        ("createOrganization", json!({"id": "", "name": "", "parent_id": "acme"})),
        ("createUser", json!({"id": "new", "organization_id": "acme"})),
        ("createOrganizationMembership", json!({"user_id": "vera", "organization_id": "west"})),
        ("updateOrganizationMembership", json!({"id": "nothing", "is_owner": true})),
        ("createApiKey", json!({"user_id": "vera"})),
        ("deleteApiKey", json!({"id": "nothing"})),
    ] {
        let variables = json!({"input": input});
        for person in &people {
            let answer = person.graphql(&mutation(name), variables.clone()).await.json();
            let errors = &answer["errors"];
            assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN", "{answer}");
            assert_eq!(answer["data"][name], Value::Null);
        }
        let stranger = world.anonymous().graphql(&mutation(name), variables).await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    }
}

async fn an_owner_acts_below_and_not_above_or_beside(on: On) {
    let world = World::new(on).await;
    let wes = world.user("wes", "west", OWN).await;
    let olga = world.user("olga", "acme", OWN).await;
    let pat = world.user("pat", "portland", VIEW).await;
    let ed = world.user("ed", "east", VIEW).await;
    world.user("gus", "globex", OWN).await;
    let db = direct::connect(&world.database.url).await;
    let key_of = async |user: &str| {
        direct::text(&db, &format!("SELECT id FROM api_keys WHERE user_id = '{user}'")).await
    };

    // Below, and in their own organization.
    let parent = json!({"id": "bend", "name": "Bend", "parent_id": "west"});
    let made = done(&wes, "createOrganization", parent).await;
    assert_eq!(made["organization"]["parent_id"], "west");
    done(&wes, "createOrganization", json!({"id": "salem", "name": "S", "parent_id": "bend"}))
        .await;
    done(&wes, "createUser", json!({"id": "sam", "organization_id": "salem"})).await;
    let membership = json!({"user_id": "pat", "organization_id": "salem"});
    done(&wes, "createOrganizationMembership", membership).await;
    let change = json!({"id": membership_of(&pat).await, "can_record": true});
    done(&wes, "updateOrganizationMembership", change).await;
    let key = done(&wes, "createApiKey", json!({"user_id": "pat"})).await;
    done(&wes, "deleteApiKey", json!({"id": key["api_key_object"]["id"]})).await;

    // What is above, beside or of another tenant is as what is not there.
    let (eds, olgas) = (membership_of(&ed).await, membership_of(&olga).await);
    let (eds_key, olgas_key, gus_key) =
        (key_of("ed").await, key_of("olga").await, key_of("gus").await);
    let before = whole_log(&olga, "id").await;
    let places = ["nowhere", "acme", "east", "boston", "globex", "hammock"];
    let people = ["who", "olga", "ed", "gus"];
    let ids = |ids: &[&str]| ids.iter().map(|id| json!({"id": id})).collect::<Vec<_>>();
    for (name, inputs) in [
        (
            "createOrganization",
            places.map(|id| json!({"id": "new", "name": "N", "parent_id": id})).to_vec(),
        ),
        ("createUser", places.map(|id| json!({"id": "new", "organization_id": id})).to_vec()),
        (
            "createOrganizationMembership",
            places.map(|id| json!({"user_id": "pat", "organization_id": id})).to_vec(),
        ),
        (
            "createOrganizationMembership",
            people.map(|id| json!({"user_id": id, "organization_id": "west"})).to_vec(),
        ),
        ("updateOrganizationMembership", ids(&["nothing", &eds, &olgas])),
        ("createApiKey", people.map(|id| json!({"user_id": id})).to_vec()),
        ("deleteApiKey", ids(&["nothing", &eds_key, &olgas_key, &gus_key])),
    ] {
        let mut answers = Vec::new();
        for input in inputs {
            answers.push(administer(&wes, name, input).await);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{name}: {answers:#?}");
        assert_eq!(answers[0]["messages"].as_array().unwrap().len(), 1, "{name}: {answers:#?}");
    }
    assert_eq!(whole_log(&olga, "id").await, before);

    // An owner sees the log of their part, and of the tree only that part.
    let viewer = wes.query("{ viewer { organizations { id parent_id } } }").await;
    let organization = |id, parent: Option<&str>| json!({"id": id, "parent_id": parent});
    let part = json!([
        organization("west", None),
        organization("bend", Some("west")),
        organization("portland", Some("west")),
        organization("seattle", Some("west")),
        organization("salem", Some("bend")),
    ]);
    assert_eq!(viewer["viewer"]["organizations"], part);
}

async fn ids_are_unique_in_the_whole_installation(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let taken = json!([{
        "field": "id", "message": "the id is taken: ids are unique in the whole installation",
    }]);
    world.user("gus", "globex", OWN).await;
    for (name, input) in [
        ("createOrganization", json!({"id": "hammock", "name": "N", "parent_id": "acme"})),
        ("createOrganization", json!({"id": "globex", "name": "N", "parent_id": "acme"})),
        ("createOrganization", json!({"id": "acme", "name": "N", "parent_id": "acme"})),
        ("createUser", json!({"id": "gus", "organization_id": "acme"})),
        ("createUser", json!({"id": "olga", "organization_id": "west"})),
    ] {
        assert_eq!(administer(&olga, name, input).await["messages"], taken);
    }
    // An organization and a user are different kinds: their ids have nothing to do with each other.
    done(&olga, "createUser", json!({"id": "hammock", "organization_id": "acme"})).await;
    done(&olga, "createOrganization", json!({"id": "gus", "name": "G", "parent_id": "acme"})).await;
    // Ids are compared to the letter.
    done(&olga, "createUser", json!({"id": "Gus", "organization_id": "acme"})).await;
    done(&olga, "createUser", json!({"id": " gus", "organization_id": "acme"})).await;
    done(&olga, "createUser", json!({"id": "gu\u{301}s", "organization_id": "acme"})).await;
    done(&olga, "createUser", json!({"id": "gús", "organization_id": "acme"})).await;
}

async fn a_change_of_rights_works_at_once(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let uma = world.user("uma", "west", NOTHING).await;
    let id = membership_of(&uma).await;
    let set = async |right: &str, to: bool| {
        done(&olga, "updateOrganizationMembership", json!({"id": id, right: to})).await
    };
    let read = "{ auditLog(first: 1) { nodes { id } } }";
    assert_eq!(uma.error_code(read, json!({})).await, "FORBIDDEN");
    set("can_view_audit_log", true).await;
    uma.query(read).await;
    set("can_view_audit_log", false).await;
    assert_eq!(uma.error_code(read, json!({})).await, "FORBIDDEN");

    assert_eq!(uma.record(event("west", "1")).await.status, StatusCode::FORBIDDEN);
    set("can_record", true).await;
    assert_eq!(uma.record(event("west", "1")).await.status, StatusCode::OK);
    set("can_record", false).await;
    assert_eq!(uma.record(event("west", "1")).await.status, StatusCode::FORBIDDEN);

    // An owner may give up what they are, and then it is gone.
    set("is_owner", true).await;
    uma.query(read).await;
    let own = json!({"id": id, "is_owner": false, "can_record": true});
    let changed = done(&uma, "updateOrganizationMembership", own.clone()).await;
    assert_eq!(changed["organization_membership"]["is_owner"], false);
    let code =
        uma.error_code(&mutation("updateOrganizationMembership"), json!({"input": own})).await;
    assert_eq!(code, "FORBIDDEN");
    assert_eq!(uma.error_code(read, json!({})).await, "FORBIDDEN");
    // It is in the log who did that to themselves.
    let log = whole_log(&olga, ADMIN_EVENT).await;
    let last = log.last().unwrap();
    assert_eq!((&last["acting_user"]["id"], &last["resource_id"]), (&json!("uma"), &json!(id)));
}

async fn a_change_that_changes_nothing_is_not_recorded(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let vera = world.user("vera", "west", VIEW).await;
    let id = membership_of(&vera).await;
    let before = whole_log(&olga, "id").await;
    for input in [
        json!({"id": id}),
        json!({"id": id, "is_owner": null}),
        json!({"id": id, "is_owner": false, "can_view_audit_log": true, "can_record": false}),
    ] {
        let answer = done(&olga, "updateOrganizationMembership", input).await;
        assert_eq!(answer["organization_membership"]["can_view_audit_log"], true);
    }
    assert_eq!(whole_log(&olga, "id").await, before);
}

async fn changes_that_meet_are_both_kept(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let uma = world.user("uma", "west", NOTHING).await;
    let id = membership_of(&uma).await;
    // Both get as far as they can before either is done.
    let stop = direct::stop_recording(&world.database, "acme").await;
    let change = |right: &'static str| {
        let (olga, input) = (olga.clone(), json!({"id": id, right: true}));
        tokio::spawn(async move { done(&olga, "updateOrganizationMembership", input).await })
    };
    let both = [change("can_view_audit_log"), change("can_record")];
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    stop.rollback().await.unwrap();
    for one in both {
        one.await.unwrap();
    }
    let rights = "{ viewer { can_view_audit_log can_record } }";
    let viewer = uma.query(rights).await["viewer"].clone();
    assert_eq!(viewer, json!({"can_view_audit_log": true, "can_record": true}));
    // The log tells the same story: each step once.
    let log = whole_log(&olga, ADMIN_EVENT).await;
    let mut changed: Vec<_> =
        log[log.len() - 2..].iter().map(|event| event["resource_changes"].clone()).collect();
    changed.sort_by_key(Value::to_string);
    let step = |field| json!([{"field": field, "value_before_change": "false", "value_after_change": "true"}]);
    assert_eq!(changed, [step("can_record"), step("can_view_audit_log")]);
}
