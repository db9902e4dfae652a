//! The log of the log: each request that reads leaves one event, before it is answered.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::administration::done;
use crate::support::client::{Client, pretty};
use crate::support::world::{May, NOTHING, OWN, VIEW, World, event, event_with};
use crate::support::{On, TestDatabase, direct};

on_both!(
    each_request_that_reads_leaves_one_event,
    what_cannot_be_written_down_is_not_answered,
    what_a_sensitive_field_was_searched_for_is_told_to_nobody,
    an_event_about_reads_is_filed_where_was_read,
    what_was_not_read_leaves_nothing,
    reads_that_are_refused_are_told_and_not_without_end,
    reads_at_the_same_time_leave_an_event_each,
    a_pull_page_by_page_can_leave_one_event,
    a_poll_ends_though_it_meets_its_own_reads,
);

const READS: &str = "query($first: Int = 1000) {
    auditLog(resource_name: AUDIT_LOG, order_by: SEQUENCE_ASC, first: $first) { nodes {
        type resource_name resource_id outcome organization { id } acting_user { id }
        ip_address user_agent url request_id description metadata
    } }
}";

/// The events about reads, in order; asking for them adds one more.
async fn reads(client: &Client) -> Vec<Value> {
    let nodes = client.query(READS).await["auditLog"]["nodes"].take();
    nodes.as_array().unwrap().clone()
}

/// How many events about reads there are, asked of the database itself.
pub async fn count_of_reads(database: &TestDatabase) -> usize {
    let db = direct::connect(&database.url).await;
    let sql = "SELECT CAST(count(*) AS text) FROM audit_events WHERE resource_name = 'AUDIT_LOG'";
    direct::text(&db, sql).await.parse().unwrap()
}

/// Makes the database refuse whatever is appended.
async fn refuse_appends(database: &TestDatabase) {
    let db = direct::connect(&database.url).await;
    if database.on == On::Sqlite {
        let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON audit_events
            BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END";
        return direct::run(&db, trigger).await;
    }
    let function = "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the disk is on fire'; END $$";
    direct::run(&db, function).await;
    let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON audit_events
        FOR EACH ROW EXECUTE FUNCTION refuse()";
    direct::run(&db, trigger).await;
}

async fn take_appends_again(database: &TestDatabase) {
    let db = direct::connect(&database.url).await;
    let on = if database.on == On::Postgres { " ON audit_events" } else { "" };
    direct::run(&db, &format!("DROP TRIGGER refuse{on}")).await;
}

async fn each_request_that_reads_leaves_one_event(on: On) {
    let world = World::logging_reads(on).await;
    let recorder = world.recorder("acme").await;
    for n in 0..3 {
        recorder.recorded(event_with("portland", "543", json!({"id": format!("e{n}")}))).await;
    }
    let vera = world.user("vera", "acme", VIEW).await;
    let vera = vera.with("user-agent", "pull/1.0").with("x-request-id", "r-17");
    vera.query("{ auditLog { nodes { id } } }").await;
    let query = "query($kind: AuditEventResourceName, $none: ID, $users: [ID!], $n: Int = 2) {
        auditLog(resource_name: $kind, acting_user_id: $none, acting_user_ids: $users, first: $n,
                 event_types: [UPDATE, VIEW], include_sub_organizations: null) {
            total_count edges { cursor }
        }
    }";
    let variables = json!({"kind": "APPOINTMENT", "users": ["no_author", "é"]});
    vera.data(query, variables).await;
    vera.query(
        "{
            b: auditLog(first: 1) { nodes { id } }
            viewer { user { id } }
            a: auditLog(resource_id: \"543\") { total_count }
            one: auditEvent(external_id: \"e1\") { id }
            none: auditEvent(external_id: \"nothing\") { id }
        }",
    )
    .await;
    vera.query(
        "{ resourceHistory(resource_name: APPOINTMENT, resource_id: \"543\") { nodes { id } } }",
    )
    .await;
    vera.query(
        "{ resourceNotes(resource_name: APPOINTMENT, resource_id: \"543\", first: 2) { nodes { line } } }",
    )
    .await;
    vera.get("/graphql?query=%7BauditLog(first:1)%7Bpage_info%7Bend_cursor%7D%7D%7D").await;
    // These read nothing of it.
    vera.query("{ viewer { user { id } } auditSettings { log_of_reads } __typename }").await;
    insta::assert_snapshot!("each_request_that_reads", pretty(&json!(reads(&vera).await)));
    // What was just read is told too.
    assert_eq!(count_of_reads(&world.database).await, 7);
}

async fn what_cannot_be_written_down_is_not_answered(on: On) {
    let world = World::logging_reads(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let query = "{
        a: auditLog { nodes { id } }
        viewer { user { id } }
        b: auditEvent(external_id: \"x\") { id }
    }";
    refuse_appends(&world.database).await;
    let answer = olga.graphql(query, json!({})).await;
    assert_eq!(answer.status, StatusCode::OK);
    insta::assert_snapshot!("what_cannot_be_written_down", pretty(&answer.json()));
    let export = olga.get("/v1/audit-events?format=csv").await;
    assert_eq!(export.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!export.body.contains("on fire") && !export.body.contains("acme"), "{}", export.body);
    take_appends_again(&world.database).await;
    olga.query(query).await;

    // Who does not want it is not kept from reading.
    done(&olga, "updateAuditSettings", json!({"log_of_reads": "OFF"})).await;
    refuse_appends(&world.database).await;
    olga.query(query).await;
    assert_eq!(olga.get("/v1/audit-events?format=csv").await.status, StatusCode::OK);
}

/// Whatever answers events leaves an event; a query that is added is to be added above too.
#[test]
fn these_are_all_queries_that_answer_events() {
    let schema = auditlog::graphql::sdl();
    let types: BTreeMap<&str, &str> = schema
        .split("\ntype ")
        .skip(1)
        .map(|text| {
            let (name, rest) = text.split_once(' ').unwrap();
            (name, rest.split_once("\n}").unwrap().0)
        })
        .collect();
    let answers = |line: &str| {
        let answered = line.trim().rsplit(": ").next().unwrap_or_default();
        answered.trim_matches(['[', ']', '!']).to_owned()
    };
    let mut of_events = BTreeSet::from(["AuditEvent".to_owned()]);
    loop {
        let before = of_events.len();
        for (name, body) in &types {
            if *name != "Query" && body.lines().any(|line| of_events.contains(&answers(line))) {
                of_events.insert((*name).to_owned());
            }
        }
        if of_events.len() == before {
            break;
        }
    }
    // Arguments stand on lines of their own, deeper than fields.
    let (mut field, mut queries) = ("", Vec::new());
    for line in types["Query"].lines().filter(|line| line.starts_with('\t')) {
        let name = line[1..].split(['(', ':']).next().unwrap();
        if line[1..].starts_with(char::is_alphabetic) {
            field = name;
        }
        if !line.starts_with("\t\t") && of_events.contains(&answers(line)) {
            queries.push(field);
        }
    }
    queries.sort_unstable();
    assert_eq!(queries, ["auditEvent", "auditLog", "resourceHistory", "resourceNotes"]);
}

async fn what_a_sensitive_field_was_searched_for_is_told_to_nobody(on: On) {
    let world = World::logging_reads(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let sam = world.user("sam", "acme", May { sensitive: true, ..VIEW }).await;
    done(&olga, "setSensitiveFields", json!({"resource_name": "USER", "fields": ["ssn"]})).await;
    for field in ["ssn", "name"] {
        let query = format!(
            "{{ auditLog(changed_field: \"{field}\", value_before: \"078-05\", value_after: \"219-09\") {{
                total_count
            }} }}"
        );
        sam.query(&query).await;
    }
    sam.get("/v1/audit-events?format=csv&changed_field=ssn&value_after=078-05").await;
    let reads = reads(&sam).await;
    let arguments = |n: usize| &reads[n]["metadata"]["reads"][0]["arguments"];
    let withheld = "[withheld]";
    let expected =
        json!({"changed_field": "ssn", "value_before": withheld, "value_after": withheld});
    assert_eq!(*arguments(0), expected);
    // Nor what any other field was: it may become sensitive.
    assert_eq!(arguments(1)["value_before"], withheld);
    assert_eq!(*arguments(2), json!({"changed_field": "ssn", "value_after": withheld}));
}

async fn an_event_about_reads_is_filed_where_was_read(on: On) {
    let world = World::logging_reads(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let vera = world.user("vera", "portland", VIEW).await;
    world.member("vera", "west", VIEW).await;
    world.member("vera", "acme", NOTHING).await;
    let wes = world.user("wes", "west", VIEW).await;
    world.member("wes", "east", VIEW).await;
    let hana = world.user("hana", "boston", May { history: true, ..NOTHING }).await;
    world.member("hana", "east", NOTHING).await;
    let table = [
        (&vera, "auditLog { total_count }", "west"),
        (&wes, "auditLog { total_count }", "acme"),
        (&olga, "auditLog(organization_id: \"seattle\") { total_count }", "seattle"),
        (
            &olga,
            "a: auditLog(organization_id: \"east\", first: 1) { total_count }
             b: auditLog(organization_id: \"east\", first: 2) { total_count }",
            "east",
        ),
        (
            &olga,
            "a: auditLog(organization_id: \"east\") { total_count }
             b: auditLog(organization_id: \"west\") { total_count }",
            "acme",
        ),
        (
            &olga,
            "a: auditLog(organization_id: \"east\") { total_count } b: auditLog { total_count }",
            "acme",
        ),
        (
            &hana,
            "resourceHistory(resource_name: TASK, resource_id: \"7\") { total_count }",
            "boston",
        ),
    ];
    for (who, selection, _) in &table {
        who.query(&format!("{{ {selection} }}")).await;
    }
    let reads = reads(&olga).await;
    let filed: Vec<_> = reads.iter().map(|read| read["organization"]["id"].as_str()).collect();
    assert_eq!(filed, table.map(|(_, _, place)| Some(place)));
    assert_eq!(reads[6]["resource_id"], "7", "who looked at a record is found by its id");
    assert_eq!(reads[5]["resource_id"], "acme");
    // Whoever may view there sees that it was read.
    let seen = self::reads(&wes).await;
    let seen: Vec<_> = seen.iter().map(|read| read["organization"]["id"].as_str()).collect();
    assert_eq!(seen, ["west", "seattle", "east", "boston"].map(Some));
}

async fn what_was_not_read_leaves_nothing(on: On) {
    let world = World::logging_reads(on).await;
    let vera = world.user("vera", "west", VIEW).await;
    for query in [
        "{ auditLog(first: 0) { nodes { id } } }",
        "{ auditLog(after: \"no cursor\") { nodes { id } } }",
        "{ auditLog(organization_id: \"east\") { nodes { id } } }",
        "{ auditEvent { id } }",
        "{ auditLog(first: \"1\") { nodes { id } } }",
        "{ auditLog { nonsense } }",
        "{ auditLog {",
    ] {
        vera.error_code(query, json!({})).await;
    }
    assert_eq!(count_of_reads(&world.database).await, 0);
    // One that is answered beside one that is not is told alone.
    vera.graphql(
        "{ a: auditLog(first: 0) { total_count } b: auditLog { total_count } }",
        json!({}),
    )
    .await;
    let reads = reads(&vera).await;
    assert_eq!(reads.len(), 1);
    assert_eq!(reads[0]["metadata"]["reads"].as_array().unwrap().len(), 1);
    assert_eq!(reads[0]["metadata"]["reads"][0]["arguments"], json!({}));
}

async fn reads_that_are_refused_are_told_and_not_without_end(on: On) {
    let world = World::logging_reads(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let nora = world.user("nora", "east", NOTHING).await;
    let query = "{
        a: auditLog(resource_name: USER) { total_count }
        auditEvent(id: \"x\") { id }
    }";
    for _ in 0..13 {
        assert_eq!(nora.error_code(query, json!({})).await, "FORBIDDEN");
    }
    assert_eq!(count_of_reads(&world.database).await, 10);
    world.clock.advance(TimeDelta::minutes(1));
    assert_eq!(nora.error_code(query, json!({})).await, "FORBIDDEN");
    assert_eq!(nora.get("/v1/audit-events?format=csv").await.status, StatusCode::FORBIDDEN);
    let reads = reads(&olga).await;
    assert_eq!(reads.len(), 12);
    insta::assert_snapshot!(
        "reads_that_are_refused",
        pretty(&json!([reads[0], reads[10], reads[11]]))
    );
}

async fn reads_at_the_same_time_leave_an_event_each(on: On) {
    let world = World::logging_reads(on).await;
    let vera = world.user("vera", "acme", VIEW).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 1..=30 {
        let vera = vera.clone();
        tasks.spawn(async move {
            vera.query(&format!("{{ auditLog(first: {n}) {{ nodes {{ id }} }} }}")).await;
        });
    }
    tasks.join_all().await;
    let mut sizes: Vec<i64> = reads(&vera)
        .await
        .iter()
        .map(|read| read["metadata"]["reads"][0]["arguments"]["first"].as_i64().unwrap())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, (1..=30).collect::<Vec<_>>());
}

async fn a_pull_page_by_page_can_leave_one_event(on: On) {
    let world = World::logging_reads(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let vera = world.user("vera", "acme", VIEW).await;
    let recorder = world.recorder("acme").await;
    let events: Vec<Value> = (0..8).map(|n| event("west", &n.to_string())).collect();
    recorder.recorded(json!(events)).await;
    done(&olga, "updateAuditSettings", json!({"log_of_reads": "ONE_A_PULL"})).await;

    let query = |more: &str| {
        format!(
            "query($after: String) {{
                auditLog(resource_name: APPOINTMENT, first: 2, after: $after {more}) {{
                    page_info {{ end_cursor has_next_page }}
                }}
            }}"
        )
    };
    let page = async |who: &Client, more: &str, after: &Value| {
        let data = who.data(&query(more), json!({"after": after})).await;
        data["auditLog"]["page_info"]["end_cursor"].clone()
    };
    let left = async || count_of_reads(&world.database).await;

    let mut cursor = page(&vera, "", &Value::Null).await;
    assert_eq!(left().await, 1);
    for _ in 0..3 {
        world.clock.advance(TimeDelta::minutes(19));
        cursor = page(&vera, "", &cursor).await;
    }
    assert_eq!(left().await, 1, "its pages go on for 57 minutes");
    // What is of another filter, order or user is another pull.
    for (n, (who, more)) in
        [(&vera, "event_types: [UPDATE]"), (&vera, "organization_id: \"west\""), (&olga, "")]
            .into_iter()
            .enumerate()
    {
        let own = page(who, more, &Value::Null).await;
        assert_eq!(left().await, n + 2, "{more}");
        page(who, more, &own).await;
        assert_eq!(left().await, n + 2, "{more}");
    }
    assert_eq!(left().await, 4);
    // Beginning again is a pull again, and after an hour going on is too.
    page(&vera, "", &Value::Null).await;
    assert_eq!(left().await, 5);
    page(&vera, "", &cursor).await;
    assert_eq!(left().await, 5);
    world.clock.advance(TimeDelta::hours(1));
    page(&vera, "", &cursor).await;
    assert_eq!(left().await, 6);
    // In one request, what goes on is left out and what begins is told.
    let both = "query($after: String) {
        a: auditLog(resource_name: APPOINTMENT, after: $after) { page_info { end_cursor } }
        b: auditLog(resource_name: TASK) { page_info { end_cursor } }
    }";
    vera.data(both, json!({"after": cursor})).await;
    assert_eq!(left().await, 7);
    let reads = reads(&olga).await;
    let last = &reads.last().unwrap()["metadata"]["reads"];
    let expected =
        json!([{"field": "auditLog", "arguments": {"resource_name": "TASK"}, "count": 0}]);
    assert_eq!(*last, expected);
    // An export is told each time.
    for _ in 0..2 {
        vera.get("/v1/audit-events?format=ndjson&resource_name=TASK").await;
    }
    assert_eq!(left().await, 10);
}

async fn a_poll_ends_though_it_meets_its_own_reads(on: On) {
    let world = World::logging_reads(on).await;
    let vera = world.user("vera", "acme", VIEW).await;
    let poll = async |filter: &str| {
        let query = format!(
            "query($after: String) {{
                auditLog(order_by: SEQUENCE_ASC, first: 4, after: $after {filter}) {{
                    page_info {{ end_cursor has_next_page }} nodes {{ type resource_name }}
                }}
            }}"
        );
        let (mut cursor, mut events) = (Value::Null, Vec::new());
        loop {
            let log = vera.data(&query, json!({"after": cursor})).await["auditLog"].take();
            events.extend(log["nodes"].as_array().unwrap().clone());
            cursor = log["page_info"]["end_cursor"].clone();
            if log["page_info"]["has_next_page"] == false {
                return events;
            }
        }
    };
    // Each page leaves an event after it, which the next page has; it ends all the same.
    let first = poll("").await;
    assert!(first.iter().any(|event| event["resource_name"] == "AUDIT_LOG"));
    let without = poll("exclude_resource_names: [AUDIT_LOG]").await;
    assert!(!without.is_empty());
    assert!(without.iter().all(|event| event["resource_name"] != "AUDIT_LOG"));
    let of_three = poll("event_types: [CREATE, UPDATE, DESTROY]").await;
    assert_eq!(of_three, without, "clients that know three types ask for them");
}
