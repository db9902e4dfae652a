//! Exports: the same events as a query, whole, in each format, and told in the log beforehand.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::administration::done;
use crate::export_formats::records;
use crate::log_of_reads::count_of_reads;
use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::world::{May, NOTHING, OWN, VIEW, World, event_with};

on_both!(
    a_file_holds_what_a_query_answers,
    a_file_of_many_pages_is_whole_and_in_order,
    an_export_is_told_before_its_first_byte,
    what_is_no_export_is_refused,
    whoever_loses_the_right_gets_no_more,
);

const EVENT: &str = "id sequence external_id type custom_type resource_name custom_resource
    resource_id occurred_at recorded_at outcome purpose ip_address user_agent url page description
    request_id metadata acting_user { id full_name } organization { id name }
    resource_changes { field value_before_change value_after_change withheld }";

async fn export(client: &Client, parameters: &str) -> String {
    let answer = client.get(&format!("/v1/audit-events?{parameters}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{parameters}: {}", answer.body);
    answer.body
}

async fn ndjson(client: &Client, parameters: &str) -> Vec<Value> {
    let text = export(client, &format!("format=ndjson{parameters}")).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Events of several kinds by several people in several places.
async fn some_events(world: &World) {
    let recorder = world.recorder("acme").await;
    let events: Vec<Value> = (0..40)
        .map(|n| {
            let place = ["acme", "west", "portland", "boston"][n % 4];
            let who = ["vera", "=cmd|' /C calc'!A0", "x,\"y\"\nz"][n % 3].replace('\n', "");
            let kind = ["UPDATE", "CREATE", "VIEW"][n % 3];
            event_with(
                place,
                &(n % 5).to_string(),
                json!({
                    "id": format!("evt-{n}"), "type": kind, "acting_user_id": who,
                    "occurred_at": format!("2026-09-{:02}T10:00:00Z", 1 + (n * 7) % 28),
                    "description": format!("-{n}, \"so\"\nit is"), "metadata": {"n": n, "x": "é"},
                    "resource_name": if n % 2 == 0 { "APPOINTMENT" } else { "TASK" },
                    "changes": if kind == "UPDATE" {
                        json!([{"field": "length", "before": n, "after": null}])
                    } else {
                        json!([])
                    },
                }),
            )
        })
        .collect();
    recorder.recorded(json!(events)).await;
}

async fn a_file_holds_what_a_query_answers(on: On) {
    let world = World::new(on).await;
    some_events(&world).await;
    let olga = world.user("olga", "acme", OWN).await;
    done(&olga, "setSensitiveFields", json!({"resource_name": "TASK", "fields": ["length"]})).await;
    let vera = world.user("vera", "acme", VIEW).await;
    let sam = world.user("sam", "acme", May { sensitive: true, ..VIEW }).await;
    let wes = world.user("wes", "west", VIEW).await;
    let table = [
        ("", ""),
        ("&order_by=OCCURRED_AT_ASC", "(order_by: OCCURRED_AT_ASC, first: 1000)"),
        ("&resource_name=TASK&event_type=VIEW", "(resource_name: TASK, event_type: VIEW)"),
        (
            "&event_types=VIEW&event_types=CREATE&acting_user_ids=vera",
            "(event_types: [VIEW, CREATE], acting_user_ids: [\"vera\"])",
        ),
        ("&event_types=UPDATE", "(event_types: [UPDATE])"),
        (
            "&organization_id=west&include_sub_organizations=false",
            "(organization_id: \"west\", include_sub_organizations: false)",
        ),
        (
            "&acting_user_id=%3Dcmd%7C%27%20%2FC%20calc%27%21A0&resource_id=3",
            "(acting_user_id: \"=cmd|' /C calc'!A0\", resource_id: \"3\")",
        ),
        (
            "&occurred_after=2026-09-10&occurred_before=2026-09-20T10:00:00%2B00:00",
            "(occurred_after: \"2026-09-10\", occurred_before: \"2026-09-20T10:00:00+00:00\")",
        ),
        (
            "&changed_field=length&order_by=SEQUENCE_DESC",
            "(changed_field: \"length\", order_by: SEQUENCE_DESC)",
        ),
        (
            "&exclude_resource_names=USER&exclude_resource_names=TASK",
            "(exclude_resource_names: [USER, TASK])",
        ),
        ("&resource_id=nothing", "(resource_id: \"nothing\")"),
    ];
    for client in [&vera, &sam, &wes] {
        for (parameters, arguments) in table {
            if arguments.contains("west") && arguments.contains("false") {
                continue;
            }
            let query = format!("{{ auditLog{arguments} {{ nodes {{ {EVENT} }} }} }}");
            let expected = client.query(&query).await["auditLog"]["nodes"].take();
            let expected = expected.as_array().unwrap();
            let got = ndjson(client, parameters).await;
            assert_eq!(got.len(), expected.len(), "{parameters}");
            for (got, expected) in got.iter().zip(expected) {
                assert_holds(got, expected);
            }
            let text = export(client, &format!("format=csv{parameters}")).await;
            let rows = records(&text);
            assert_eq!(rows.len(), expected.len() + 1, "{parameters}");
            for (row, event) in rows[1..].iter().zip(expected) {
                assert_eq!(row[1], event["sequence"].as_str().unwrap());
                let changes: Value = serde_json::from_str(&row[15]).unwrap();
                assert_holds(&changes, &event["resource_changes"]);
                assert_eq!(
                    row[20].strip_prefix('\'').unwrap_or(&row[20]),
                    text_of(&event["description"])
                );
                assert_eq!(
                    row[11].strip_prefix('\'').unwrap_or(&row[11]),
                    text_of(&event["acting_user"]["id"])
                );
            }
        }
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Whether all that a query answers is in the file, which says more.
fn assert_holds(got: &Value, expected: &Value) {
    match expected {
        Value::Object(members) => {
            for (key, value) in members {
                assert_holds(&got[key], value);
            }
        }
        Value::Array(items) => {
            assert_eq!(got.as_array().unwrap().len(), items.len());
            items.iter().enumerate().for_each(|(n, item)| assert_holds(&got[n], item));
        }
        leaf => assert_eq!(got, leaf),
    }
}

async fn a_file_of_many_pages_is_whole_and_in_order(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let events: Vec<Value> = (0..2_500)
        .map(|n| {
            let time = format!("2026-09-{:02}T10:00:00Z", 1 + n % 28);
            event_with("west", &n.to_string(), json!({"id": format!("e{n}"), "occurred_at": time}))
        })
        .collect();
    recorder.recorded(json!(events)).await;
    let vera = world.user("vera", "acme", VIEW).await;
    let of = async |order: &str| {
        let parameters = format!("&resource_name=APPOINTMENT&order_by={order}");
        let events = ndjson(&vera, &parameters).await;
        let keys = events.iter().map(|event| {
            let sequence: i64 = event["sequence"].as_str().unwrap().parse().unwrap();
            (event["occurred_at"].as_str().unwrap().to_owned(), sequence)
        });
        keys.collect::<Vec<_>>()
    };
    let by_sequence = of("SEQUENCE_ASC").await;
    assert_eq!(by_sequence.len(), 2_500);
    assert!(by_sequence.windows(2).all(|pair| pair[0].1 + 1 == pair[1].1));
    let mut expected = by_sequence;
    expected.sort();
    assert_eq!(of("OCCURRED_AT_ASC").await, expected);
    expected.reverse();
    assert_eq!(of("OCCURRED_AT_DESC").await, expected);
}

/// The body of an export that was begun.
async fn begin(world: &World, who: &str, parameters: &str) -> Body {
    let secret = world.secret_for(who).await;
    let request = Request::builder()
        .uri(format!("/v1/audit-events?{parameters}"))
        .header("authorization", format!("Bearer {secret}"))
        .body(Body::empty())
        .unwrap();
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body()
}

async fn an_export_is_told_before_its_first_byte(on: On) {
    let world = World::logging_reads(on).await;
    some_events(&world).await;
    let vera = world.user("vera", "acme", VIEW).await;
    let filter =
        "resource_name=TASK&acting_user_ids=vera&acting_user_ids=no_author&organization_id=west";
    let body = begin(&world, "vera", &format!("format=csv&{filter}")).await;
    // Nothing was read of it yet, and what is recorded now is not in it: it was counted without.
    assert_eq!(count_of_reads(&world.database).await, 1);
    let late = json!({"resource_name": "TASK", "acting_user_id": "vera"});
    let recorder = world.key_for("acme-recorder").await;
    recorder.recorded(event_with("west", "late", late)).await;
    let text =
        String::from_utf8(axum::body::to_bytes(body, usize::MAX).await.unwrap().into()).unwrap();
    assert!(!text.contains("late"));
    let query = "{ auditLog(resource_name: AUDIT_LOG) { nodes {
        type resource_name resource_id organization { id } acting_user { id } url description metadata
    } } }";
    let told = vera.query(query).await;
    insta::assert_snapshot!("an_export_is_told", pretty(&told));
    let count = &told["auditLog"]["nodes"][0]["metadata"]["reads"][0]["count"];
    assert_eq!(json!(records(&text).len() - 1), *count);
}

async fn what_is_no_export_is_refused(on: On) {
    let world = World::logging_reads(on).await;
    let vera = world.user("vera", "west", VIEW).await;
    let nora = world.user("nora", "west", NOTHING).await;
    let ask = async |client: &Client, parameters: &str| {
        let answer = client.get(&format!("/v1/audit-events{parameters}")).await;
        let error = &answer.json()["errors"][0];
        format!(
            "{} {} {}",
            answer.status.as_u16(),
            text_of(&error["code"]),
            text_of(&error["message"])
        )
    };
    let mut said =
        vec![ask(&world.anonymous(), "?format=csv").await, ask(&nora, "?format=csv").await];
    for parameters in [
        "",
        "?format=xlsx",
        "?format=csv&format=ndjson",
        "?format=csv&first=10",
        "?format=csv&after=x",
        "?format=csv&nonsense=1",
        "?format=csv&resource_name=NONSENSE",
        "?format=csv&resource_name=TASK&resource_name=USER",
        "?format=csv&include_sub_organizations=maybe",
        "?format=csv&occurred_after=yesterday",
        "?format=csv&organization_id=east",
        "?format=csv&organization_id=nowhere",
        "?format=csv&order_by=NAME",
        "?format=csv&resource_id=%00",
    ] {
        said.push(format!("{parameters} {}", ask(&vera, parameters).await));
    }
    insta::assert_snapshot!("what_is_no_export", said.join("\n"));
    // Refused for want of a right: that alone is told.
    assert_eq!(count_of_reads(&world.database).await, 1);
    let accept = vera.clone().with("accept", "text/csv");
    let answer = accept.get("/v1/audit-events").await;
    assert_eq!(answer.headers["content-type"], "text/csv");
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"audit-events.csv\"");
    let head = vera.send(Method::HEAD, "/v1/audit-events?format=ndjson", None, Body::empty()).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
}

async fn whoever_loses_the_right_gets_no_more(on: On) {
    let world = World::new(on).await;
    let olga = world.user("olga", "acme", OWN).await;
    let vera = world.user("vera", "acme", VIEW).await;
    let membership = vera
        .query("{ viewer { organization_memberships { id } } }")
        .await["viewer"]["organization_memberships"][0]["id"]
        .clone();
    let mut body = begin(&world, "vera", "format=csv").await.into_data_stream();
    assert!(body.next().await.unwrap().unwrap().starts_with(b"id,sequence,"));
    let change = json!({"id": membership, "can_view_audit_log": false});
    done(&olga, "updateOrganizationMembership", change).await;
    assert!(body.next().await.unwrap().is_err(), "it is cut off, which a client can tell");
}
