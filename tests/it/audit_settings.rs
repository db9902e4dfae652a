//! How a tenant's log is kept: who may choose, what that leaves in the log, and when it works.

use auditlog::auth::Authenticator;
use auditlog::http;
use serde_json::{Value, json};

use crate::log_of_reads::count_of_reads;
use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::world::{NOTHING, OWN, RECORD, VIEW, World, event_with};

on_both!(
    a_tenants_owner_chooses_and_it_is_recorded,
    nobody_else_chooses,
    times_are_written_as_the_tenant_chose,
    a_locale_or_zone_that_is_unknown_is_to_be_mended,
    it_works_at_once_on_every_server_and_for_that_tenant_alone,
);

const UPDATE: &str = "mutation($input: UpdateAuditSettingsInput!) {
    updateAuditSettings(input: $input) { audit_settings { log_of_reads } messages { field } }
}";

async fn update(client: &Client, value: &str) -> Value {
    client.graphql(UPDATE, json!({"input": {"log_of_reads": value}})).await.json()
}

async fn setting(client: &Client) -> Value {
    client.query("{ auditSettings { log_of_reads } }").await["auditSettings"]["log_of_reads"].take()
}

async fn a_tenants_owner_chooses_and_it_is_recorded(on: On) {
    let world = World::logging_reads(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    assert_eq!(setting(&olga).await, "EVERY_REQUEST", "by default");
    for value in ["ONE_A_PULL", "ONE_A_PULL", "OFF"] {
        let answer = update(&olga, value).await;
        let expected = json!({"audit_settings": {"log_of_reads": value}, "messages": []});
        assert_eq!(answer["data"]["updateAuditSettings"], expected);
        assert_eq!(setting(&olga).await, value);
    }
    let nothing = olga.data(UPDATE, json!({"input": {}})).await;
    assert_eq!(nothing["updateAuditSettings"]["audit_settings"]["log_of_reads"], "OFF");
    // What changes nothing is not recorded.
    let log = "{ auditLog(resource_name: AUDIT_SETTINGS, order_by: SEQUENCE_ASC) { nodes {
        type resource_id organization { id } acting_user { id } outcome
        resource_changes { field value_before_change value_after_change }
    } } }";
    insta::assert_snapshot!("changes_of_settings", pretty(&olga.query(log).await));
    assert_eq!(
        update(&olga, "SOMETIMES").await["errors"][0]["extensions"]["code"],
        "BAD_USER_INPUT"
    );
}

async fn nobody_else_chooses(on: On) {
    let world = World::logging_reads(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let others = [
        world.user("wes", "west", OWN).await,
        world.user("vera", "acme", VIEW).await,
        world.user("rob", "acme", RECORD).await,
        world.user("nora", "acme", NOTHING).await,
        world.user("gina", "globex", OWN).await,
    ];
    for other in &others[..4] {
        let answer = update(other, "OFF").await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
        assert_eq!(answer["data"]["updateAuditSettings"], Value::Null);
    }
    update(&others[4], "OFF").await;
    assert_eq!(setting(&olga).await, "EVERY_REQUEST");
    assert_eq!(setting(&others[0]).await, "EVERY_REQUEST", "whoever may view knows how it is kept");
    assert_eq!(
        others[2].error_code("{ auditSettings { log_of_reads } }", json!({})).await,
        "FORBIDDEN"
    );
}

async fn times_are_written_as_the_tenant_chose(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let recorder = world.recorder("acme").await;
    let at = || json!({"occurred_at": "2018-10-18T15:00:04Z"});
    recorder.recorded(event_with("acme", "1", at())).await;
    let line = async |client: &Client, arguments: &str| {
        let query = format!(
            r#"{{ resourceNotes(resource_name: APPOINTMENT, resource_id: "1"{arguments}) {{ nodes {{ line }} }} }}"#
        );
        let line = client.query(&query).await["resourceNotes"]["nodes"][0]["line"].take();
        line.as_str().unwrap().split_once(" SPSA").unwrap().0.to_owned()
    };
    let set = async |input: Value| {
        let answer = olga.data(UPDATE, json!({"input": input})).await;
        assert_eq!(answer["updateAuditSettings"]["messages"], json!([]));
    };
    assert_eq!(line(&olga, "").await, "10/18/2018 3:00:04 PM");
    set(json!({"time_zone": "america/new_york"})).await;
    assert_eq!(line(&olga, "").await, "10/18/2018 11:00:04 AM");
    set(json!({"locale": "de-de"})).await;
    assert_eq!(line(&olga, "").await, "18.10.2018 11:00:04", "the zone stays");
    assert_eq!(line(&olga, r#", locale: "en-GB""#).await, "18/10/2018 11:00:04");
    assert_eq!(line(&olga, r#", time_zone: "UTC""#).await, "18.10.2018 15:00:04");
    let gina = world.user("gina", "globex", OWN).await;
    let recorder = world.recorder("globex").await;
    recorder.recorded(event_with("globex", "1", at())).await;
    assert_eq!(line(&gina, "").await, "10/18/2018 3:00:04 PM", "for that tenant alone");
    let settings = olga.query("{ auditSettings { log_of_reads locale time_zone } }").await;
    assert_eq!(settings["auditSettings"]["locale"], "de-DE", "as it is spelled");
    assert_eq!(settings["auditSettings"]["time_zone"], "America/New_York");
    let log = "{ auditLog(resource_name: AUDIT_SETTINGS, order_by: SEQUENCE_ASC) { nodes {
        resource_changes { field value_before_change value_after_change }
    } } }";
    insta::assert_snapshot!("changes_of_style", pretty(&olga.query(log).await));
}

async fn a_locale_or_zone_that_is_unknown_is_to_be_mended(on: On) {
    let world = World::logging_reads(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let update = "mutation($input: UpdateAuditSettingsInput!) {
        updateAuditSettings(input: $input) {
            audit_settings { locale } messages { field message }
        }
    }";
    let wrong =
        json!({"input": {"locale": "tlh", "time_zone": "Mars/Olympus", "log_of_reads": "OFF"}});
    let answer = olga.data(update, wrong).await;
    insta::assert_snapshot!("unknown_locale_and_zone", pretty(&answer));
    let settings = olga.query("{ auditSettings { log_of_reads locale time_zone } }").await;
    assert_eq!(
        settings["auditSettings"],
        json!({"log_of_reads": "EVERY_REQUEST", "locale": "en-US", "time_zone": "UTC"}),
        "nothing of it was changed"
    );
}

async fn it_works_at_once_on_every_server_and_for_that_tenant_alone(on: On) {
    let world = World::logging_reads(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let gina = world.user("gina", "globex", OWN).await;
    let store = world.database.store(world.clock.clock()).await;
    let other = http::router(store.clone(), Authenticator::new(store, None)).await;
    let log = "{ auditLog(first: 1) { total_count } }";
    let leaves = async |client: &Client| {
        let before = count_of_reads(&world.database).await;
        client.query(log).await;
        count_of_reads(&world.database).await - before
    };
    assert_eq!(leaves(&olga).await, 1);
    assert_eq!(leaves(&olga.at(&other)).await, 1);
    update(&olga, "OFF").await;
    assert_eq!(leaves(&olga.at(&other)).await, 0);
    assert_eq!(leaves(&olga).await, 0);
    assert_eq!(leaves(&gina.at(&other)).await, 1);
    update(&olga.at(&other), "EVERY_REQUEST").await;
    assert_eq!(leaves(&olga).await, 1);
}
