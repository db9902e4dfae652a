//! How API keys end: they expire, are rotated, are revoked; and which of them are listed.

use std::time::Duration;

use auditlog::auth::Authenticator;
use auditlog::http;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::administration::{administer, done};
use crate::support::On;
use crate::support::binary::Installation;
use crate::support::client::{Answer, Client, pretty};
use crate::support::log::whole_log;
use crate::support::world::{OWN, VIEW, World};

on_both!(
    a_key_expires,
    a_key_expires_in_the_future,
    a_rotated_key_overlaps_with_the_next_one,
    a_key_that_expires_is_rotated_into_one_that_does,
    what_cannot_be_rotated,
    owners_list_the_keys_that_are_theirs,
    what_is_revoked_here_is_revoked_at_every_server,
    keys_end_by_the_command_line,
);

const WHO: &str = "{ viewer { user { id } } }";

/// A key of somebody's, as it was made.
struct Key {
    id: String,
    client: Client,
}

impl Key {
    fn of(world: &World, payload: &Value) -> Self {
        let id = payload["api_key_object"]["id"].as_str().unwrap().to_owned();
        let client = Client::bearer(&world.router, payload["api_key"].as_str().unwrap());
        Self { id, client }
    }

    async fn make(world: &World, owner: &Client, user: &str, expires_at: Option<&str>) -> Self {
        let input = json!({"user_id": user, "name": "export", "expires_at": expires_at});
        Self::of(world, &done(owner, "createApiKey", input).await)
    }

    async fn answer(&self) -> Answer {
        self.client.graphql(WHO, json!({})).await
    }

    async fn opens(&self) -> bool {
        self.answer().await.status == 200
    }
}

async fn metrics(world: &World) -> String {
    world.anonymous().get("/metrics").await.body
}

async fn a_key_expires(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    world.user("uma", "west", VIEW).await;
    let key = Key::make(&world, &olga, "uma", Some("2026-10-15T13:00:00Z")).await;
    let lasting = Key::make(&world, &olga, "uma", None).await;
    assert!(key.opens().await);
    world.clock.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
    assert!(key.opens().await);
    world.clock.advance(TimeDelta::microseconds(1));
    let refused = key.answer().await;
    assert_eq!(refused.status, 401);
    assert!(lasting.opens().await);
    // As one that never was, to whoever sent it; its owner reads why.
    let never = Client::bearer(&world.router, &format!("al_{}", "A".repeat(43)));
    assert_eq!(never.graphql(WHO, json!({})).await.body, refused.body);
    let why = "auditlog_sign_ins_failed_total{reason=\"expired_key\"} 1";
    assert!(metrics(&world).await.contains(why));
    let told = "{ auditLog(event_type: SIGN_IN_FAILED) {
        nodes { resource_name resource_id acting_user { id } description metadata }
    } }";
    let mut nodes = json!([]);
    for _ in 0..500 {
        nodes = olga.query(told).await["auditLog"]["nodes"].take();
        if nodes != json!([]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let expected = json!([{
        "resource_name": "API_KEY", "resource_id": key.id, "acting_user": {"id": "uma"},
        "description": "the API key has expired", "metadata": {"reason": "expired_key"},
    }]);
    assert_eq!(nodes, expected);
}

async fn a_key_expires_in_the_future(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let make = async |expires_at: &str| {
        let input = json!({"user_id": "olga", "expires_at": expires_at});
        administer(&olga, "createApiKey", input).await
    };
    for at in ["2026-10-15T12:00:00Z", "2026-10-15", "2020-01-01T00:00:00+02:00"] {
        let message = "must be later than now, which is 2026-10-15T12:00:00Z";
        let messages = json!([{"field": "expires_at", "message": message}]);
        let answer = make(at).await;
        assert_eq!(answer, json!({"api_key": null, "api_key_object": null, "messages": messages}));
    }
    let answer = make("tomorrow").await;
    assert_eq!(answer["messages"][0]["field"], "expires_at", "{answer}");
    let answer = make("2026-10-15T14:00:00.5+02:00").await;
    assert_eq!(answer["api_key_object"]["expires_at"], "2026-10-15T12:00:00.500Z");
}

async fn a_rotated_key_overlaps_with_the_next_one(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    world.user("uma", "west", VIEW).await;
    let first = Key::make(&world, &olga, "uma", None).await;
    world.clock.advance(TimeDelta::days(30));
    let rotated = done(&olga, "rotateApiKey", json!({"id": first.id, "overlap_minutes": 90})).await;
    let second = Key::of(&world, &rotated);
    insta::assert_snapshot!("a_rotation", pretty(&rotated));
    assert!(first.opens().await && second.opens().await);
    world.clock.advance(TimeDelta::minutes(90));
    assert!(!first.opens().await && second.opens().await);
    // Without an overlap the old one is gone at once.
    let third = Key::of(&world, &done(&olga, "rotateApiKey", json!({"id": second.id})).await);
    assert!(!second.opens().await && third.opens().await);
    let mut log = whole_log(
        &olga,
        "type resource_name organization { id } acting_user { id }
        resource_changes { field value_before_change value_after_change }",
    )
    .await;
    log.retain(|event| event["resource_name"] == "API_KEY" && event["type"] != "SIGN_IN_FAILED");
    // The failed sign-in between is written when it may.
    log.iter_mut().for_each(|event| drop(event.as_object_mut().unwrap().remove("sequence")));
    insta::assert_snapshot!("rotations_in_the_log", pretty(&json!(log[2..])));
}

async fn a_key_that_expires_is_rotated_into_one_that_does(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let key = Key::make(&world, &olga, "olga", Some("2026-10-15T13:00:00Z")).await;
    let answer = administer(&olga, "rotateApiKey", json!({"id": key.id})).await;
    let message =
        "is missing: the key was to expire, at 2026-10-15T13:00:00Z; say when the new one does";
    assert_eq!(answer["messages"], json!([{"field": "expires_at", "message": message}]));
    assert!(key.opens().await, "nothing was done");
    // An overlap does not prolong the old one.
    let input = json!({"id": key.id, "overlap_minutes": 10_080, "expires_at": "2027-01-01"});
    let rotated = done(&olga, "rotateApiKey", input).await;
    assert_eq!(rotated["previous_api_key_object"]["expires_at"], "2026-10-15T13:00:00Z");
    assert_eq!(rotated["api_key_object"]["expires_at"], "2027-01-01T00:00:00Z");
}

async fn what_cannot_be_rotated(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let wes = world.user("wes", "west", OWN).await;
    let gina = world.user("gina", "globex", OWN).await;
    world.user("bo", "portland", VIEW).await;
    world.member("bo", "boston", VIEW).await;
    let key = Key::make(&world, &olga, "bo", None).await;
    let keys = "{ apiKeys { id } }";
    let before = olga.query(keys).await;
    let refuses = async |by: &Client, input: Value, field: &str, message: &str| {
        let answer = administer(by, "rotateApiKey", input).await;
        assert_eq!(answer["messages"], json!([{"field": field, "message": message}]));
        assert_eq!((&answer["api_key"], &answer["api_key_object"]), (&Value::Null, &Value::Null));
    };
    let none = "there is no such API key that you may administer";
    // Bo is also a member where Wes is no owner; Gina is of another tenant.
    refuses(&wes, json!({"id": key.id}), "id", none).await;
    refuses(&gina, json!({"id": key.id}), "id", none).await;
    refuses(&olga, json!({"id": "nothing"}), "id", none).await;
    let bounds = "must be 0 to 10080 minutes, seven days at most";
    for minutes in [-1, 10_081, i32::MAX, i32::MIN] {
        let input = json!({"id": key.id, "overlap_minutes": minutes});
        refuses(&olga, input, "overlap_minutes", bounds).await;
    }
    let past = "must be later than now, which is 2026-10-15T12:00:00Z";
    let input = json!({"id": key.id, "expires_at": "2026-10-15T12:00:00Z"});
    refuses(&olga, input, "expires_at", past).await;
    assert!(key.opens().await);
    assert_eq!(olga.query(keys).await, before);
    done(&olga, "deleteApiKey", json!({"id": key.id})).await;
    refuses(&olga, json!({"id": key.id}), "id", none).await;
}

async fn owners_list_the_keys_that_are_theirs(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let wes = world.user("wes", "west", OWN).await;
    let gina = world.user("gina", "globex", OWN).await;
    world.user("pat", "portland", VIEW).await;
    world.user("bo", "portland", VIEW).await;
    world.member("bo", "boston", VIEW).await;
    world.clock.advance(TimeDelta::hours(1));
    let brief = Key::make(&world, &olga, "pat", Some("2026-10-15T14:00:00Z")).await;
    let deleted = Key::make(&world, &olga, "pat", None).await;
    done(&olga, "deleteApiKey", json!({"id": deleted.id})).await;
    world.clock.advance(TimeDelta::hours(2));
    assert!(!brief.opens().await);
    let list = async |client: &Client, user: Option<&str>| {
        let query = "query($user: ID) {
            apiKeys(user_id: $user) { id user_id name created_at last_used_at expires_at }
        }";
        client.data(query, json!({"user": user})).await["apiKeys"].take()
    };
    let whose = async |client: &Client, user: Option<&str>| -> Vec<String> {
        let keys = list(client, user).await;
        let keys = keys.as_array().unwrap().iter();
        let mut whose: Vec<_> =
            keys.map(|key| key["user_id"].as_str().unwrap().to_owned()).collect();
        whose.sort_unstable();
        whose
    };
    assert_eq!(whose(&olga, None).await, ["bo", "olga", "pat", "pat", "wes"]);
    // Not Bo's, whom Wes may not act as.
    assert_eq!(whose(&wes, None).await, ["pat", "pat", "wes"]);
    assert_eq!(whose(&wes, Some("pat")).await, ["pat", "pat"]);
    assert_eq!(whose(&gina, None).await, ["gina"]);
    for nobody in ["bo", "olga", "nobody"] {
        assert_eq!(whose(&wes, Some(nobody)).await, [""; 0]);
        assert_eq!(whose(&gina, Some(nobody)).await, [""; 0]);
    }
    // The newest first, the expired one with them.
    let pats = list(&olga, Some("pat")).await;
    let expected = json!({
        "id": brief.id, "user_id": "pat", "name": "export", "created_at": "2026-10-15T13:00:00Z",
        "last_used_at": null, "expires_at": "2026-10-15T14:00:00Z",
    });
    assert_eq!(pats[0], expected);
    assert_eq!(pats[1]["created_at"], "2026-10-15T12:00:00Z");
    assert_eq!(
        gina.error_code("{ apiKeys(user_id: \"\") { id } }", json!({})).await,
        "BAD_USER_INPUT"
    );
}

async fn what_is_revoked_here_is_revoked_at_every_server(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let store = world.database.store(world.clock.clock()).await;
    let other = http::router(store.clone(), Authenticator::new(store, None)).await;
    let key = Key::make(&world, &olga, "olga", None).await;
    let there = key.client.at(&other);
    for _ in 0..3 {
        there.query(WHO).await;
    }
    done(&olga, "deleteApiKey", json!({"id": key.id})).await;
    assert_eq!(there.graphql(WHO, json!({})).await.status, 401);
    // So too what is rotated, and what is taken away by a membership.
    let key = Key::make(&world, &olga, "olga", None).await;
    let there = key.client.at(&other);
    there.query(WHO).await;
    let next = Key::of(&world, &done(&olga, "rotateApiKey", json!({"id": key.id})).await);
    assert_eq!(there.graphql(WHO, json!({})).await.status, 401);
    next.client.at(&other).query(WHO).await;
}

async fn keys_end_by_the_command_line(on: On) {
    let installation = Installation::new(on).await;
    let ann = installation.set_up();
    let server = installation.command(&["serve", "--listen", "127.0.0.1:0"]).serving();
    let opens = async |key: &str| server.graphql(key, WHO).await.0 == 200;
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_str(&installation.done(&[arguments, &["--json"]].concat())).unwrap()
    };
    let of_ann = ["--user", "ann"];
    let made =
        json(&[&["api-key", "create", "--name", "x", "--expires-in", "90d"], &of_ann[..]].concat());
    let (first, id) = (made["api_key"].as_str().unwrap(), made["id"].as_str().unwrap());
    let until = |key: &Value, what: &str| -> chrono::DateTime<chrono::Utc> {
        key[what].as_str().unwrap().parse().unwrap()
    };
    let good_for = until(&made, "expires_at") - until(&made, "created_at");
    assert!(good_for > TimeDelta::days(89) && good_for <= TimeDelta::days(90), "{good_for}");
    assert!(opens(first).await);

    let expiry = ["--overlap", "24h", "--expires-at", "2099-01-01"];
    let rotate = [&["api-key", "rotate", id][..], &expiry].concat();
    let ran = installation.run(&rotate).exited(0);
    assert!(ran.stderr.contains(&format!("API key {id} expires at 20")), "{}", ran.stderr);
    let second = ran.stdout.trim_end();
    assert!(opens(first).await && opens(second).await && !ran.stderr.contains(second));

    let listed = json(&[&["api-key", "list"], &of_ann[..]].concat());
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(listed[0]["expires_at"], "2099-01-01T00:00:00Z");
    let lines = installation.done(&[&["api-key", "list"], &of_ann[..]].concat());
    assert!(lines.starts_with(listed[0]["id"].as_str().unwrap()), "{lines}");
    for secret in [first, second, &ann] {
        assert!(!listed.to_string().contains(secret) && !lines.contains(secret));
    }

    // At once, while the server runs.
    let ran = installation.run(&["api-key", "revoke", id]).exited(0);
    assert_eq!(
        (ran.stdout, ran.stderr),
        (String::new(), format!("revoked API key {id} of user ann\n"))
    );
    assert!(!opens(first).await && opens(second).await);
    let error = installation.run(&["api-key", "revoke", id]).failed();
    assert_eq!(error, "error: ID: there is no such API key that you may administer\n");
    // What is in the log of it is nobody's.
    let log = installation.log(&ann).await;
    let destroyed = log.iter().find(|event| event["type"] == "DESTROY").unwrap();
    assert_eq!((&destroyed["resource_id"], &destroyed["acting_user"]), (&json!(id), &Value::Null));

    let create =
        |more: &[&str]| installation.run(&[&["api-key", "create"], &of_ann[..], more].concat());
    let brief = create(&["--expires-in", "1s"]).exited(0).stdout;
    let expired = async {
        while opens(brief.trim_end()).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), expired).await.unwrap();
    for (more, message) in [
        (&["--expires-at", "2020-01-01"], "error: --expires-at: must be later than now"),
        (&["--expires-at", "soon"], "error: --expires-at: must be an ISO 8601"),
        (&["--expires-in", "1y"], "error: --expires-in must be a whole number of ms, s, m, h or d"),
        (&["--expires-in", "0"], "error: --expires-in must be longer than 0"),
        (&["--expires-in", "4000000000d"], "error: --expires-in must end before the year 10000"),
    ] {
        let error = create(more).failed();
        assert!(error.starts_with(message), "{error}");
    }
    create(&["--expires-in", "1d", "--expires-at", "2099-01-01"]).exited(2);
    let error = installation.run(&["api-key", "rotate", id, "--overlap", "8d"]).failed();
    assert!(error.starts_with("error: --overlap: must be 0 to 10080 minutes"), "{error}");
    assert!(create(&["--expires-in", "off"]).exited(0).stdout.starts_with("al_"));
}
