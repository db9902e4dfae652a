//! API keys: shown once, kept as a hash, gone when deleted.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::administration::{administer, done};
use crate::support::client::Client;
use crate::support::log::whole_log;
use crate::support::world::{OWN, VIEW, World};
use crate::support::{On, direct};

on_both!(
    a_secret_is_shown_once_and_kept_nowhere,
    a_deleted_key_opens_nothing,
    an_owner_makes_keys_for_those_who_are_only_theirs,
    the_last_use_is_kept_once_a_minute,
    a_key_is_deleted_once,
);

const WHO: &str = "{ viewer { user { id } } }";

async fn who(client: &Client) -> Value {
    client.query(WHO).await["viewer"]["user"]["id"].clone()
}

async fn a_secret_is_shown_once_and_kept_nowhere(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    world.user("uma", "west", VIEW).await;
    let made = done(&olga, "createApiKey", json!({"user_id": "uma", "name": "export"})).await;
    let secret = made["api_key"].as_str().unwrap();
    let (prefix, random) = secret.split_at(3);
    assert_eq!((prefix, random.len()), ("al_", 43), "256 bits");
    assert_eq!(who(&Client::bearer(&world.router, secret)).await, "uma");
    let healthie = world.anonymous().with("authorization", &format!("Basic {secret}"));
    assert_eq!(who(&healthie.clone().with("authorizationsource", "API")).await, "uma");
    assert_eq!(healthie.get("/graphql?query={viewer{is_owner}}").await.status, 401);

    let key = made["api_key_object"]["id"].as_str().unwrap();
    assert!(!made["api_key_object"].to_string().contains(random));
    assert!(
        !json!(whole_log(&olga, "resource_changes { value_after_change }").await)
            .to_string()
            .contains(random)
    );
    let found = |text: &str| -> Vec<String> {
        let url = world.database.url.clone();
        let text = text.to_owned();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(places_of(on, &url, &text))
        })
    };
    assert!(!found(key).is_empty(), "this is how it would be found");
    assert_eq!(found(random), [""; 0]);
    // Nor as the bytes of its text, as PostgreSQL would show them.
    let hexadecimal: String = random.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found(&hexadecimal), [""; 0]);
}

/// The tables or files in which a text stands.
async fn places_of(on: On, url: &str, text: &str) -> Vec<String> {
    if on == On::Sqlite {
        let file = url.strip_prefix("sqlite://").unwrap();
        let files = [file.to_owned(), format!("{file}-wal")];
        let holds = |file: &String| {
            let bytes = std::fs::read(file).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        return files.into_iter().filter(holds).collect();
    }
    let db = direct::connect(url).await;
    let tables = "SELECT table_name::text FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    let mut places = Vec::new();
    for table in direct::texts(&db, tables).await {
        let sql =
            format!("SELECT count(*)::text FROM {table} AS t WHERE strpos(t::text, '{text}') > 0");
        if direct::text(&db, &sql).await != "0" {
            places.push(table);
        }
    }
    places
}

async fn a_deleted_key_opens_nothing(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    world.user("uma", "west", VIEW).await;
    let make = async || {
        let made = done(&olga, "createApiKey", json!({"user_id": "uma"})).await;
        let client = Client::bearer(&world.router, made["api_key"].as_str().unwrap());
        (client, made["api_key_object"]["id"].clone())
    };
    let ((one, one_id), (other, _)) = (make().await, make().await);
    assert_eq!((who(&one).await, who(&other).await), (json!("uma"), json!("uma")));
    done(&olga, "deleteApiKey", json!({"id": one_id})).await;
    let refused = one.graphql(WHO, json!({})).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    // As one that never was.
    let never = Client::bearer(&world.router, "al_never").graphql(WHO, json!({})).await;
    assert_eq!((never.status, never.body), (refused.status, refused.body));
    assert_eq!(one.record(json!([])).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(who(&other).await, "uma");
    // Deleting it again says that there is none.
    let again = administer(&olga, "deleteApiKey", json!({"id": one_id})).await;
    assert_eq!(again["messages"][0]["field"], "id");

    // An owner's own key, with the last request that it signs in.
    let own = done(&olga, "createApiKey", json!({"user_id": "olga"})).await;
    let client = Client::bearer(&world.router, own["api_key"].as_str().unwrap());
    done(&client, "deleteApiKey", json!({"id": own["api_key_object"]["id"]})).await;
    assert_eq!(client.graphql(WHO, json!({})).await.status, StatusCode::UNAUTHORIZED);
}

async fn an_owner_makes_keys_for_those_who_are_only_theirs(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let wes = world.user("wes", "west", OWN).await;
    world.member("wes", "boston", VIEW).await;
    world.user("bo", "portland", VIEW).await;
    world.member("bo", "boston", VIEW).await;
    world.user("pat", "portland", VIEW).await;
    world.member("pat", "seattle", VIEW).await;

    let answer = administer(&wes, "createApiKey", json!({"user_id": "bo"})).await;
    let message =
        "the user is also a member outside of your organizations: an owner above must make the key";
    let messages = json!([{"field": "user_id", "message": message}]);
    assert_eq!(answer, json!({"api_key": null, "api_key_object": null, "messages": messages}));
    // Nor may they take one away.
    let key = done(&olga, "createApiKey", json!({"user_id": "bo"})).await["api_key_object"].clone();
    let answer = administer(&wes, "deleteApiKey", json!({"id": key["id"]})).await;
    assert_eq!(
        answer["messages"][0]["message"],
        "there is no such API key that you may administer"
    );
    done(&olga, "deleteApiKey", json!({"id": key["id"]})).await;

    // Who is a member in their part alone, and they themselves wherever they are members.
    for user in ["pat", "wes"] {
        let key = done(&wes, "createApiKey", json!({"user_id": user})).await;
        assert_eq!(
            who(&Client::bearer(&world.router, key["api_key"].as_str().unwrap())).await,
            user
        );
        done(&wes, "deleteApiKey", json!({"id": key["api_key_object"]["id"]})).await;
    }
}

async fn the_last_use_is_kept_once_a_minute(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    world.user("uma", "west", VIEW).await;
    let made = done(&olga, "createApiKey", json!({"user_id": "uma"})).await;
    let key = Client::bearer(&world.router, made["api_key"].as_str().unwrap());
    let db = direct::connect(&world.database.url).await;
    direct::run(&db, "CREATE TABLE uses (n int)").await;
    match on {
        On::Sqlite => {
            let trigger = "CREATE TRIGGER used AFTER UPDATE ON api_keys WHEN NEW.user_id = 'uma'
                BEGIN INSERT INTO uses VALUES (1); END";
            direct::run(&db, trigger).await;
        }
        On::Postgres => {
            let trigger = "CREATE FUNCTION used() RETURNS trigger LANGUAGE plpgsql
                    AS 'BEGIN INSERT INTO uses VALUES (1); RETURN NULL; END';
                CREATE TRIGGER used AFTER UPDATE ON api_keys
                    FOR EACH ROW WHEN (NEW.user_id = 'uma') EXECUTE FUNCTION used()";
            direct::run(&db, trigger).await;
        }
    }
    // It is kept behind the request's back.
    let kept = async |times: usize| {
        let count = "SELECT CAST(count(*) AS TEXT) FROM uses";
        for _ in 0..100 {
            if direct::text(&db, count).await == times.to_string() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(direct::text(&db, count).await, times.to_string());
    };
    kept(0).await;
    who(&key).await;
    kept(1).await;
    for seconds in [1, 58] {
        world.clock.advance(TimeDelta::seconds(seconds));
        who(&key).await;
        who(&key).await;
    }
    kept(1).await;
    world.clock.advance(TimeDelta::seconds(1));
    who(&key).await;
    kept(2).await;
    // However many requests come at once.
    world.clock.advance(TimeDelta::minutes(5));
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let key = key.clone();
        requests.spawn(async move { who(&key).await });
    }
    requests.join_all().await;
    kept(3).await;
    let deleted = done(&olga, "deleteApiKey", json!({"id": made["api_key_object"]["id"]})).await;
    assert_eq!(made["api_key_object"]["last_used_at"], Value::Null);
    assert_eq!(deleted["api_key_object"]["last_used_at"], "2026-10-15T12:06:00Z");
}

async fn a_key_is_deleted_once(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let made = done(&olga, "createApiKey", json!({"user_id": "olga"})).await;
    let id = made["api_key_object"]["id"].clone();
    // Two who delete it get as far as they can before either is done.
    let stop = direct::stop_recording(&world.database, "acme").await;
    let delete = || {
        let (olga, input) = (olga.clone(), json!({"id": id}));
        tokio::spawn(async move { administer(&olga, "deleteApiKey", input).await })
    };
    let both = [delete(), delete()];
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.rollback().await.unwrap();
    let mut said = Vec::new();
    for one in both {
        said.push(one.await.unwrap()["messages"].as_array().unwrap().len());
    }
    said.sort_unstable();
    assert_eq!(said, [0, 1], "one deletes it, the other finds none");
    let log = whole_log(&olga, "type resource_id").await;
    let destroyed = log.iter().filter(|e| e["type"] == "DESTROY" && e["resource_id"] == id);
    assert_eq!(destroyed.count(), 1);
}
