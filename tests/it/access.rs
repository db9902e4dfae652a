//! Every operation, tried by everybody who must not get through.

mod operations;

use std::collections::BTreeSet;

use auditlog::domain::id::Id;
use auditlog::domain::page::{Position, Purpose};
use axum::http::StatusCode;
use serde_json::{Value, json};

use operations::{Hidden, OPERATIONS, Operation, REST, Text, Wants};

use crate::support::On;
use crate::support::client::{Answer, Client};
use crate::support::retention::hold;
use crate::support::world::{May, NOTHING, RECORD, VIEW, World, event, event_with};

on_both!(
    every_operation_is_in_the_table,
    every_operation_turns_strangers_away,
    every_operation_wants_its_own_right,
    every_operation_answers_as_if_what_is_out_of_reach_did_not_exist,
    every_operation_lets_those_in_who_may,
);

/// Ids for the operations' variables.
#[derive(Clone)]
struct Targets {
    organization: String,
    user: String,
    membership: String,
    key: String,
    hold: String,
    event: String,
    external: String,
}

/// Somebody, and what is their own.
struct Somebody {
    client: Client,
    user: &'static str,
    organization: &'static str,
}

struct Scene {
    world: World,
    /// In Portland.
    targets: Targets,
    /// Sees and counts all of acme.
    owner: Client,
}

const ALL: May = May { own: true, view: true, record: true, ..NOTHING };

impl Scene {
    async fn new(on: On) -> Self {
        let world = World::new(on).await;
        let owner = world.user("olga", "acme", ALL).await;
        world.user("paul", "portland", VIEW).await;
        owner.recorded(event_with("portland", "1", json!({"id": "evt-1"}))).await;
        let one = |query: Text| owner.query(query);
        let log = one("{ auditEvent(external_id: \"evt-1\") { id } }").await;
        let id_of =
            |log: &Value| log["auditLog"]["nodes"][0]["resource_id"].as_str().unwrap().to_owned();
        let membership = one("{ auditLog(
            resource_name: ORGANIZATION_MEMBERSHIP, organization_id: \"portland\"
        ) { nodes { resource_id } } }");
        let key = one("{ auditLog(resource_name: API_KEY, organization_id: \"portland\") {
            nodes { resource_id }
        } }");
        let hold = hold(&owner, "organization_id: \"portland\"").await;
        let targets = Targets {
            hold,
            organization: "portland".to_owned(),
            user: "paul".to_owned(),
            membership: id_of(&membership.await),
            key: id_of(&key.await),
            event: log["auditEvent"]["id"].as_str().unwrap().to_owned(),
            external: "evt-1".to_owned(),
        };
        Self { world, targets, owner }
    }

    /// Ids of nothing, though as good as those of something, to somebody of the tenant.
    fn missing(&self, tenant: &str) -> Targets {
        let position = Position { occurred_at: self.world.clock.now(), sequence: 1_000_000 };
        let tenant = Id::new(tenant).unwrap();
        let positions = self.world.store.positions();
        Targets {
            organization: "no-organization".to_owned(),
            user: "no-user".to_owned(),
            membership: "f".repeat(32),
            key: "e".repeat(32),
            hold: "d".repeat(32),
            event: positions.encode(&tenant, Purpose::EventId, position),
            external: "no-event".to_owned(),
        }
    }

    async fn somebody(&self, user: &'static str, organization: &'static str) -> Somebody {
        let client = self.world.user(user, organization, ALL).await;
        Somebody { client, user, organization }
    }

    async fn count(&self) -> Value {
        self.owner.query("{ auditLog { total_count } }").await["auditLog"]["total_count"].take()
    }
}

impl Operation {
    async fn send(
        &self,
        client: &Client,
        targets: &Targets,
        own: (&str, &str),
        fresh: &str,
    ) -> Answer {
        if self.name == REST {
            return client.record(event(&targets.organization, "1")).await;
        }
        let Targets { organization, user, membership, key, hold, event, external } = targets;
        let variables = json!({
            "organization": organization, "user": user, "membership": membership, "key": key,
            "hold": hold, "event": event, "external": external, "own_user": own.0, "own_organization": own.1,
            "fresh": fresh,
        });
        client.graphql(self.document, variables).await
    }

    async fn by(&self, somebody: &Somebody, targets: &Targets, fresh: &str) -> Answer {
        let own = (somebody.user, somebody.organization);
        self.send(&somebody.client, targets, own, fresh).await
    }
}

/// The code of a failed request, GraphQL or not.
fn code(answer: &Answer) -> Value {
    let error = &answer.json()["errors"][0];
    error.get("code").unwrap_or(&error["extensions"]["code"]).clone()
}

async fn every_operation_is_in_the_table(on: On) {
    let scene = Scene::new(on).await;
    let schema = scene
        .owner
        .query(
            "{ __schema {
            queryType { fields { name } } mutationType { fields { name } } subscriptionType { name }
        } }",
        )
        .await["__schema"]
        .take();
    assert_eq!(schema["subscriptionType"], Value::Null);
    let fields = ["queryType", "mutationType"].map(|root| schema[root]["fields"].as_array());
    let names: BTreeSet<_> =
        fields.iter().flat_map(|f| f.unwrap()).map(|f| f["name"].as_str().unwrap()).collect();
    let table: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
    assert_eq!(names, table.into_iter().filter(|name| *name != REST).collect());
}

async fn every_operation_turns_strangers_away(on: On) {
    let scene = Scene::new(on).await;
    let before = scene.count().await;
    let wrong = Client::bearer(&scene.world.router, &format!("al_{}", "A".repeat(43)));
    for operation in OPERATIONS {
        for client in [&scene.world.anonymous(), &wrong] {
            let answer = operation.send(client, &scene.targets, ("x", "x"), "fresh").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", operation.name);
            assert_eq!(code(&answer), "UNAUTHENTICATED", "{}", operation.name);
            assert_eq!(answer.headers["www-authenticate"], "Bearer", "{}", operation.name);
        }
    }
    assert_eq!(scene.count().await, before);
}

/// Members of the whole tenant who may do everything but the one thing.
async fn every_operation_wants_its_own_right(on: On) {
    let scene = Scene::new(on).await;
    let viewless = scene.world.user("vic", "acme", RECORD).await;
    let recordless = scene.world.user("rob", "acme", May { record: false, ..ALL }).await;
    let ownerless = scene.world.user("oscar", "acme", May { own: false, ..ALL }).await;
    let rightless = scene.world.user("nora", "acme", NOTHING).await;
    let before = scene.count().await;
    let missing = scene.missing("acme");
    for operation in OPERATIONS {
        let client = match operation.wants {
            Wants::Nothing => continue,
            Wants::View => &viewless,
            Wants::Record => &recordless,
            Wants::Own | Wants::OwnTenant => &ownerless,
            Wants::Any => &rightless,
        };
        let answer = operation.send(client, &scene.targets, ("vic", "acme"), "fresh").await;
        assert_eq!(code(&answer), "FORBIDDEN", "{}: {}", operation.name, answer.body);
        let status = if operation.name == REST { StatusCode::FORBIDDEN } else { StatusCode::OK };
        assert_eq!(answer.status, status, "{}", operation.name);
        // Not even whether it is there.
        let other = operation.send(client, &missing, ("vic", "acme"), "fresh").await;
        assert_eq!(other.body, answer.body, "{}", operation.name);
    }
    assert_eq!(scene.count().await, before);
    for (client, name) in
        [(&viewless, "vic"), (&recordless, "rob"), (&ownerless, "oscar"), (&rightless, "nora")]
    {
        let viewer = client.query("{ viewer { user { id } } }").await;
        assert_eq!(viewer, json!({"viewer": {"user": {"id": name}}}));
    }
}

/// Another tenant's owner, and the owner of a sub-organization beside: each may do everything, there.
async fn every_operation_answers_as_if_what_is_out_of_reach_did_not_exist(on: On) {
    let scene = Scene::new(on).await;
    let outsiders = [
        (scene.somebody("gus", "globex").await, scene.missing("globex")),
        (scene.somebody("emma", "east").await, scene.missing("acme")),
        (scene.somebody("sam", "seattle").await, scene.missing("acme")),
    ];
    let before = scene.count().await;
    for (outsider, missing) in &outsiders {
        for operation in OPERATIONS {
            let context = format!("{} by {}", operation.name, outsider.user);
            let there = operation.by(outsider, &scene.targets, "fresh").await;
            let nothing = operation.by(outsider, missing, "fresh").await;
            let data = &there.json()["data"][operation.name];
            if operation.wants == Wants::OwnTenant {
                // In their own tenant, or nowhere.
                match outsider.organization {
                    "globex" => assert!(!data.is_null(), "{context}: {}", there.body),
                    _ => assert_eq!(code(&there), "FORBIDDEN", "{context}"),
                }
                continue;
            }
            match operation.hidden {
                Hidden::Never => assert!(!data.is_null(), "{context}: {}", there.body),
                Hidden::NotFound => assert_eq!(code(&there), "NOT_FOUND", "{context}"),
                Hidden::Null => {
                    assert_eq!(there.json(), json!({"data": {operation.name: null}}), "{context}");
                }
                Hidden::Message => {
                    let mut fields = data.as_object().unwrap().iter();
                    assert!(
                        fields.all(|(key, value)| match key.as_str() {
                            "messages" => value.as_array().is_some_and(|all| !all.is_empty()),
                            _ => value.is_null(),
                        }),
                        "{context}: {}",
                        there.body
                    );
                }
            }
            // The id that was sent may be said again.
            let said = there.body.replace(&scene.targets.organization, &missing.organization);
            assert_eq!(there.status, nothing.status, "{context}");
            assert_eq!(said, nothing.body, "{context}");
        }
    }
    assert_eq!(scene.count().await, before, "nothing was done");
}

async fn every_operation_lets_those_in_who_may(on: On) {
    let scene = Scene::new(on).await;
    let insiders = [scene.somebody("wendy", "west").await, scene.somebody("ida", "acme").await];
    for insider in &insiders {
        for (n, operation) in OPERATIONS.iter().enumerate() {
            let context = format!("{} by {}", operation.name, insider.user);
            let fresh = format!("{}-{n}", insider.user);
            if operation.wants == Wants::OwnTenant && insider.organization != "acme" {
                continue;
            }
            let mut targets = scene.targets.clone();
            if operation.name == "releaseLegalHold" {
                targets.hold = hold(&insider.client, "organization_id: \"portland\"").await;
            }
            if operation.name == "deleteApiKey" {
                let made = "mutation { createApiKey(input: {user_id: \"paul\"}) {
                    api_key_object { id }
                } }";
                let made = insider.client.query(made).await;
                let key = &made["createApiKey"]["api_key_object"]["id"];
                targets.key = key.as_str().unwrap().to_owned();
            }
            let answer = operation.by(insider, &targets, &fresh).await;
            assert_eq!(answer.status, StatusCode::OK, "{context}: {}", answer.body);
            let json = answer.json();
            assert_eq!(json.get("errors"), None, "{context}: {}", answer.body);
            if operation.name == REST {
                assert_eq!(json["recorded"], 1);
                continue;
            }
            let data = &json["data"][operation.name];
            assert!(!data.is_null(), "{context}: {}", answer.body);
            assert_eq!(*data.get("messages").unwrap_or(&json!([])), json!([]), "{context}");
        }
    }
}
