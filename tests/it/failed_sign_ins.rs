//! Failed sign-ins to this server: events in the tenant of whom the credential names, bounded, and
//! nothing that tells whoever is refused whether there is anybody.

use std::time::Duration;

use auditlog::auth::jwt::{KeySource, Settings};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::administration::done;
use crate::support::client::{Answer, Client, pretty};
use crate::support::tokens::{Signer, from_now};
use crate::support::world::{NOTHING, OWN, VIEW, World};
use crate::support::{On, TestDatabase, direct};

on_both!(
    what_failed_is_told_to_whom_it_concerns,
    it_is_told_ten_times_a_minute_and_then_counted,
    a_tenant_is_told_sixty_times_a_minute,
    the_answer_tells_nothing_of_whom_it_names,
    what_names_nobody_is_counted_alone,
);

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const WHO: &str = "{ viewer { user { id } } }";

async fn world(on: On) -> World {
    let keys = KeySource::Secret(SECRET.to_owned());
    let audience = Some("auditlog".to_owned());
    World::with_tokens(on, Some(Settings { keys, issuer: None, audience })).await
}

fn signer() -> Signer {
    Signer::secret(SECRET.as_bytes())
}

fn forger() -> Signer {
    Signer::secret(b"another secret of more than thirty-two bytes")
}

fn claims(sub: &str) -> Value {
    json!({"sub": sub, "exp": from_now(86_400), "aud": "auditlog"})
}

async fn attempt(world: &World, credential: &str) -> Answer {
    let client = Client::bearer(&world.router, credential).with("user-agent", "intruder/2");
    let answer = client.with("x-request-id", "r-9").graphql(WHO, json!({})).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    answer
}

/// A key of somebody's that was deleted again, and its id.
async fn deleted_key(world: &World, owner: &Client, user: &str) -> (String, String) {
    let made = done(owner, "createApiKey", json!({"user_id": user})).await;
    let id = made["api_key_object"]["id"].as_str().unwrap().to_owned();
    let secret = made["api_key"].as_str().unwrap().to_owned();
    Client::bearer(&world.router, &secret).query(WHO).await;
    done(owner, "deleteApiKey", json!({"id": id})).await;
    (secret, id)
}

/// How many there are; they are written after the refusal is answered.
async fn recorded(database: &TestDatabase) -> usize {
    let db = direct::connect(&database.url).await;
    let sql = "SELECT CAST(count(*) AS text) FROM audit_events WHERE event_type = 'SIGN_IN_FAILED'";
    direct::text(&db, sql).await.parse().unwrap()
}

async fn wait_for(database: &TestDatabase, n: usize) {
    for _ in 0..500 {
        if recorded(database).await >= n {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Whatever comes too much would come now.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(recorded(database).await, n);
}

async fn told(client: &Client) -> Vec<Value> {
    let query = "{ auditLog(event_type: SIGN_IN_FAILED, order_by: SEQUENCE_ASC, first: 1000) {
        nodes {
            type resource_name resource_id outcome occurred_at organization { id }
            acting_user { id } ip_address user_agent url request_id description metadata
        }
    } }";
    client.query(query).await["auditLog"]["nodes"].as_array().unwrap().clone()
}

async fn what_failed_is_told_to_whom_it_concerns(on: On) {
    let world = world(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let wes = world.user("wes", "west", VIEW).await;
    world.user("uma", "portland", VIEW).await;
    world.member("uma", "west", NOTHING).await;
    let gina = world.user("gina", "globex", OWN).await;
    let (secret, _) = deleted_key(&world, &olga, "uma").await;
    let signed = |more: Value| {
        let mut claims = claims("uma");
        for (key, value) in more.as_object().unwrap() {
            claims[key] = value.clone();
        }
        signer().sign(&claims)
    };
    let none = part_of(&json!({"alg": "none", "typ": "JWT"}));
    let attempts = [
        secret,
        signed(json!({"exp": from_now(-60)})),
        signed(json!({"aud": "another server"})),
        signed(json!({"nbf": from_now(600)})),
        forger().sign(&claims("uma")),
        format!("{none}.{}.", part_of(&claims("uma"))),
        // In another tenant.
        forger().sign(&claims("gina")),
    ];
    for (n, credential) in attempts.iter().enumerate() {
        attempt(&world, credential).await;
        // In order, though each is written after its refusal.
        wait_for(&world.database, n + 1).await;
    }
    insta::assert_snapshot!("failed_sign_ins", pretty(&json!(told(&olga).await)));
    assert_eq!(told(&wes).await.len(), 6, "in the topmost organization of whom it names");
    let of_gina = told(&gina).await;
    assert_eq!(of_gina.len(), 1);
    assert_eq!(of_gina[0]["resource_id"], "gina");
    // What was sent is nowhere.
    let everything = json!([told(&olga).await, of_gina]).to_string();
    for credential in &attempts {
        for part in credential.split('.').filter(|part| part.len() > 10) {
            assert!(!everything.contains(part), "{part}");
        }
    }
}

fn part_of(json: &Value) -> String {
    crate::support::tokens::part(json.to_string())
}

async fn it_is_told_ten_times_a_minute_and_then_counted(on: On) {
    let world = world(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    world.user("uma", "west", VIEW).await;
    let (secret, id) = deleted_key(&world, &olga, "uma").await;
    for _ in 0..14 {
        attempt(&world, &secret).await;
    }
    wait_for(&world.database, 10).await;
    // Of another key or user it is told nevertheless, and how many were not.
    attempt(&world, &forger().sign(&claims("uma"))).await;
    wait_for(&world.database, 11).await;
    world.clock.advance(TimeDelta::seconds(59));
    attempt(&world, &secret).await;
    world.clock.advance(TimeDelta::seconds(1));
    attempt(&world, &secret).await;
    wait_for(&world.database, 12).await;
    let told = told(&olga).await;
    let suppressed = |n: usize| told[n]["metadata"]["suppressed"].clone();
    assert_eq!(told[9]["metadata"], json!({"reason": "deleted_key"}));
    assert_eq!((suppressed(10), suppressed(11)), (json!(4), json!(1)));
    assert_eq!(told[11]["resource_id"], *id);
}

async fn a_tenant_is_told_sixty_times_a_minute(on: On) {
    let world = world(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let gina = world.user("gina", "globex", OWN).await;
    for n in 0..8 {
        let user = format!("u{n}");
        world.user(&user, "west", NOTHING).await;
        let token = forger().sign(&claims(&user));
        for _ in 0..9 {
            attempt(&world, &token).await;
        }
    }
    wait_for(&world.database, 60).await;
    attempt(&world, &forger().sign(&claims("gina"))).await;
    wait_for(&world.database, 61).await;
    assert_eq!(told(&gina).await[0]["metadata"], json!({"reason": "untrusted_token"}));
    world.clock.advance(TimeDelta::minutes(1));
    attempt(&world, &forger().sign(&claims("u7"))).await;
    wait_for(&world.database, 62).await;
    assert_eq!(told(&olga).await[60]["metadata"]["suppressed"], 12);
}

async fn the_answer_tells_nothing_of_whom_it_names(on: On) {
    let world = world(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    world.user("uma", "west", VIEW).await;
    let (secret, _) = deleted_key(&world, &olga, "uma").await;
    let expired = |sub: &str| {
        let mut claims = claims(sub);
        claims["exp"] = json!(from_now(-60));
        claims
    };
    let pairs = [
        (secret, "al_nobody-ever-had-this-key".to_owned()),
        (forger().sign(&claims("uma")), forger().sign(&claims("nobody"))),
        (signer().sign(&expired("uma")), signer().sign(&expired("nobody"))),
    ];
    for (of_somebody, of_nobody) in pairs {
        let (one, other) = (attempt(&world, &of_somebody).await, attempt(&world, &of_nobody).await);
        assert_eq!(one.body, other.body);
        assert_eq!(one.headers, other.headers);
    }
    // Nor does a refusal wait until it is written down.
    let stop = direct::stop_recording(&world.database, "acme").await;
    let token = forger().sign(&claims("uma"));
    tokio::time::timeout(Duration::from_secs(5), attempt(&world, &token)).await.unwrap();
    stop.rollback().await.unwrap();
    wait_for(&world.database, 4).await;
}

async fn what_names_nobody_is_counted_alone(on: On) {
    let world = world(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let (secret, _) = deleted_key(&world, &olga, "olga").await;
    for credential in [
        "al_nobody-ever-had-this-key",
        "nonsense",
        &forger().sign(&claims("nobody")),
        &forger().sign(&json!({"sub": 7})),
        &signer().sign(&claims("nobody")),
        &signer().sign(&json!({"sub": "no_author", "exp": 1})),
        &secret,
    ] {
        attempt(&world, credential).await;
    }
    world.anonymous().get("/graphql?query=%7B__typename%7D").await;
    wait_for(&world.database, 1).await;
    let metrics = world.anonymous().get("/metrics").await.body;
    let mut failed: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("auditlog_sign_ins_failed_total{"))
        .collect();
    failed.sort_unstable();
    insta::assert_snapshot!("metrics_of_failed_sign_ins", failed.join("\n"));
}
