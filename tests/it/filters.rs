//! What `auditLog` selects: each filter alone, and filters together.

use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::world::{VIEW, World, event, event_with};

on_both!(
    a_filter_selects_what_it_says,
    filters_combine_with_and,
    an_id_that_is_a_number_may_be_given_as_one,
    a_value_is_compared_to_the_letter,
    changed_field_matches_a_whole_name_and_nothing_else,
    changed_field_knows_computed_names,
);

/// Eight events, here in the order in which they happened, and `h` recorded last:
///
/// | | where | who | what | when |
/// | --- | --- | --- | --- | --- |
/// | a | portland | ann | CREATE APPOINTMENT 1 | 2026-01-01 00:00 |
/// | h | portland | ann | DESTROY APPOINTMENT 1 | 2026-01-01 00:30, given as 23:30 the day before, an hour west |
/// | b | portland | bob | UPDATE APPOINTMENT 1 | 2026-01-02 00:00 |
/// | c | seattle | ann | UPDATE TASK 1 | 2026-01-02 00:00 |
/// | d | seattle | | UPDATE APPOINTMENT 2 | a microsecond later |
/// | e | boston | 12345 | DESTROY TASK 2 | 2026-01-03 12:00 |
/// | f | acme | | CREATE GOAL 1 | a microsecond before 2026-01-04 |
/// | g | acme | ann | UPDATE GOAL 1 | 2026-01-04 00:00 |
async fn eight_events(on: On) -> (World, Client) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let made = |id, organization, user: Option<&str>, event_type, record: (&str, &str), at| {
        let (resource_name, resource_id) = record;
        json!({
            "id": id, "organization_id": organization, "acting_user_id": user, "type": event_type,
            "resource_name": resource_name, "resource_id": resource_id, "occurred_at": at,
        })
    };
    let with = |mut event: Value, key: &str, value: Value| {
        event[key] = value;
        event
    };
    let (ann, bob) = (Some("ann"), Some("bob"));
    let (first, second) = (("APPOINTMENT", "1"), ("APPOINTMENT", "2"));
    let events = json!([
        with(
            made("a", "portland", ann, "CREATE", first, "2026-01-01"),
            "after",
            json!({"status": "new"}),
        ),
        with(
            made("b", "portland", bob, "UPDATE", first, "2026-01-02T00:00:00Z"),
            "changes",
            json!([{"field": "status", "before": "new", "after": "old"}, {"field": "length"}]),
        ),
        made("c", "seattle", ann, "UPDATE", ("TASK", "1"), "2026-01-02T00:00:00Z"),
        with(
            made("d", "seattle", None, "UPDATE", second, "2026-01-02T00:00:00.000001Z"),
            "changes",
            json!([{"field": "length", "before": 1, "after": 2}]),
        ),
        made("e", "boston", Some("12345"), "DESTROY", ("TASK", "2"), "2026-01-03T12:00:00Z"),
        made("f", "acme", None, "CREATE", ("GOAL", "1"), "2026-01-03T23:59:59.999999Z"),
        made("g", "acme", ann, "UPDATE", ("GOAL", "1"), "2026-01-04T00:00:00Z"),
        made("h", "portland", ann, "DESTROY", first, "2025-12-31T23:30:00-01:00"),
    ]);
    recorder.recorded(events).await;
    (world, viewer)
}

/// The recorders' ids of the events that a filter selects, in their order. What the world's own
/// making left in the log is later than 2026-10-01 and left out.
async fn selected(viewer: &Client, filter: &str) -> String {
    let bound = match filter.contains("occurred_before") {
        true => "",
        false => r#"occurred_before: "2026-10-01""#,
    };
    let query =
        format!("{{ auditLog({filter} {bound}) {{ total_count nodes {{ external_id }} }} }}");
    let log = &viewer.query(&query).await["auditLog"];
    let ids: Vec<_> = log["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["external_id"].as_str().unwrap())
        .collect();
    assert_eq!(log["total_count"], ids.len(), "{filter}");
    ids.concat()
}

async fn check(viewer: &Client, table: &[(&str, &str)]) {
    for (filter, expected) in table {
        assert_eq!(selected(viewer, filter).await, *expected, "{filter}");
    }
}

async fn a_filter_selects_what_it_says(on: On) {
    let (_world, viewer) = eight_events(on).await;
    let table = [
        ("", "gfedcbha"),
        // Who.
        (r#"acting_user_id: "ann""#, "gcha"),
        (r#"acting_user_id: "nobody-of-this-name""#, ""),
        (r#"acting_user_id: "no_author""#, "fd"),
        (r#"acting_user_ids: ["bob"]"#, "b"),
        (r#"acting_user_ids: ["bob", "12345", "bob", "unknown"]"#, "eb"),
        (r#"acting_user_ids: ["no_author"]"#, "fd"),
        (r#"acting_user_ids: ["no_author", "bob"]"#, "fdb"),
        (r#"acting_user_ids: ["bob", "ann", "no_author"]"#, "gfdcbha"),
        // What.
        ("event_type: CREATE", "fa"),
        ("event_types: [DESTROY]", "eh"),
        ("event_types: [DESTROY, CREATE]", "feha"),
        ("event_types: UPDATE", "gdcb"),
        // To which record.
        ("resource_name: TASK", "ec"),
        ("resource_names: [TASK, GOAL]", "gfec"),
        ("resource_name: DIAGNOSIS", ""),
        (r#"resource_id: "1""#, "gfcbha"),
        (r#"resource_id: "3""#, ""),
        (r#"resource_name: APPOINTMENT resource_id: "1""#, "bha"),
        (r#"resource_names: [APPOINTMENT, TASK] resource_id: "2""#, "ed"),
        // What changed.
        (r#"changed_field: "status""#, "ba"),
        (r#"changed_field: "length""#, "db"),
        // When, inclusive.
        (r#"occurred_after: "2026-01-02T00:00:00Z""#, "gfedcb"),
        (r#"occurred_before: "2026-01-02T00:00:00Z""#, "cbha"),
        (r#"occurred_after: "2026-01-02T00:00:00.000001Z""#, "gfed"),
        (r#"occurred_before: "2026-01-02T00:00:00.000001Z""#, "dcbha"),
        (r#"occurred_after: "2026-01-04T00:00:00.000001Z""#, ""),
        (r#"occurred_after: "2026-01-02" occurred_before: "2026-01-02""#, "cb"),
        (r#"occurred_after: "2026-01-03" occurred_before: "2026-01-02""#, ""),
        // A date alone is its midnight in UTC, an offset is taken off, what is finer is cut.
        (r#"occurred_after: "2026-01-04""#, "g"),
        (r#"occurred_before: "2026-01-04""#, "gfedcbha"),
        (r#"occurred_before: "2026-01-01T19:00:00-05:00""#, "cbha"),
        (r#"occurred_after: "2026-01-02T05:30:00+05:30""#, "gfedcb"),
        (r#"occurred_after: "2026-01-04T00:00:00.0000009Z""#, "g"),
        // Where, with what is below.
        (r#"organization_id: "acme""#, "gfedcbha"),
        (r#"organization_id: "west""#, "dcbha"),
        (r#"organization_id: "portland""#, "bha"),
        (r#"organization_id: "west" include_sub_organizations: true"#, "dcbha"),
        (r#"organization_id: "west" include_sub_organizations: false"#, ""),
        (r#"organization_id: "acme" include_sub_organizations: false"#, "gf"),
        (r#"organization_id: "boston" include_sub_organizations: false"#, "e"),
        ("include_sub_organizations: false", "gfedcbha"),
        // In which order; ties go by the number.
        ("order_by: OCCURRED_AT_DESC", "gfedcbha"),
        ("order_by: OCCURRED_AT_ASC", "ahbcdefg"),
        ("order_by: SEQUENCE_ASC", "abcdefgh"),
        ("order_by: SEQUENCE_DESC", "hgfedcba"),
    ];
    check(&viewer, &table).await;
}

async fn filters_combine_with_and(on: On) {
    let (_world, viewer) = eight_events(on).await;
    let table = [
        // A single value and a list of the same: both must hold.
        (r#"acting_user_id: "ann" acting_user_ids: ["bob", "ann"]"#, "gcha"),
        (r#"acting_user_id: "ann" acting_user_ids: ["bob"]"#, ""),
        (r#"acting_user_id: "ann" acting_user_ids: ["no_author"]"#, ""),
        (r#"acting_user_id: "no_author" acting_user_ids: ["bob", "no_author"]"#, "fd"),
        (r#"acting_user_id: "no_author" acting_user_ids: ["bob"]"#, ""),
        ("event_type: CREATE event_types: [CREATE, UPDATE]", "fa"),
        ("event_type: CREATE event_types: [UPDATE]", ""),
        ("resource_name: TASK resource_names: [GOAL, TASK]", "ec"),
        ("resource_name: TASK resource_names: [GOAL]", ""),
        // Different things.
        (r#"acting_user_id: "ann" event_type: UPDATE"#, "gc"),
        (r#"acting_user_id: "ann" event_type: UPDATE resource_name: GOAL"#, "g"),
        (r#"acting_user_ids: ["ann", "no_author"] event_types: [CREATE, UPDATE]"#, "gfdca"),
        (r#"acting_user_ids: ["bob", "no_author"] changed_field: "length""#, "db"),
        (r#"acting_user_id: "no_author" changed_field: "status""#, ""),
        (r#"resource_id: "1" changed_field: "status" occurred_after: "2026-01-02""#, "b"),
        (r#"organization_id: "west" acting_user_id: "no_author""#, "d"),
        (r#"organization_id: "west" acting_user_id: "12345""#, ""),
        (r#"organization_id: "portland" occurred_after: "2026-01-01T00:30:00Z""#, "bh"),
        (
            r#"organization_id: "acme" include_sub_organizations: false resource_names: [GOAL, TASK]
               event_type: UPDATE acting_user_ids: ["ann", "bob"] resource_id: "1"
               occurred_after: "2026-01-04" occurred_before: "2026-01-04T01:00:00+01:00"
               order_by: SEQUENCE_ASC"#,
            "g",
        ),
        (r#"event_types: [CREATE, DESTROY] resource_id: "1" order_by: OCCURRED_AT_ASC"#, "ahf"),
        (r#"event_types: [CREATE, DESTROY] resource_id: "1" order_by: SEQUENCE_ASC"#, "afh"),
    ];
    check(&viewer, &table).await;
}

async fn an_id_that_is_a_number_may_be_given_as_one(on: On) {
    let (_world, viewer) = eight_events(on).await;
    let table = [
        ("acting_user_id: 12345", "e"),
        ("acting_user_ids: [12345]", "e"),
        ("acting_user_ids: 12345", "e"),
        ("resource_id: 2", "ed"),
    ];
    check(&viewer, &table).await;
    let query = "query($user: ID, $record: ID) {
        auditLog(acting_user_id: $user, resource_id: $record) { nodes { external_id } }
    }";
    let found = viewer.data(query, json!({"user": 12345, "record": 2})).await;
    assert_eq!(found, json!({"auditLog": {"nodes": [{"external_id": "e"}]}}));
}

async fn a_value_is_compared_to_the_letter(on: On) {
    let (_world, viewer) = eight_events(on).await;
    let values =
        ["ANN", "Ann", "an", "ann ", " ann", "%", "a%", "_nn", "*", "ann' OR 'a'='a", "no_authors"];
    for value in values {
        for filter in ["acting_user_id", "acting_user_ids", "resource_id", "changed_field"] {
            assert_eq!(selected(&viewer, &format!("{filter}: {value:?}")).await, "", "{value}");
        }
    }
}

/// Names that one careless search or another would take for each other.
const NAMES: [&str; 24] = [
    "status",
    "Status",
    "pm_status",
    "status2",
    "a.b",
    r"a\.b",
    "a",
    "b",
    "a\nb",
    r"a\nb",
    r"a\\nb",
    "a\\\nb",
    r"a\",
    "\\",
    "\n",
    "\n\n",
    "100%",
    "1000",
    "x_y",
    "xzy",
    " ",
    "",
    "caf\u{e9}",
    "cafe\u{301}",
];

async fn changed_field_matches_a_whole_name_and_nothing_else(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    // Each name stands between two others, in an event of its own.
    let events = NAMES.iter().enumerate().map(|(i, name)| {
        let changes = json!([
            {"field": format!("before{i}"), "before": 1, "after": 2},
            {"field": name, "before": 1, "after": 2},
            {"field": format!("after{i}"), "before": 1, "after": 2},
        ]);
        event_with("acme", &i.to_string(), json!({"changes": changes}))
    });
    recorder.recorded(events.chain([event("acme", "nothing changed")]).collect()).await;

    let query = "query($field: String) {
        auditLog(changed_field: $field, resource_name: APPOINTMENT) {
            total_count
            nodes { resource_id resource_changes { field } }
        }
    }";
    for (i, name) in NAMES.iter().enumerate() {
        let changes = json!([
            {"field": format!("before{i}")}, {"field": name}, {"field": format!("after{i}")},
        ]);
        let node = json!({"resource_id": i.to_string(), "resource_changes": changes});
        let found = viewer.data(query, json!({"field": name})).await;
        assert_eq!(found["auditLog"], json!({"total_count": 1, "nodes": [node]}), "{name:?}");
    }
    let nowhere = [
        "statu",
        "tatus",
        "pm_",
        "STATUS",
        "a.",
        ".b",
        "a%",
        "%",
        "_",
        "x-y",
        "100",
        "*",
        "caf",
        "e",
        "\t",
        "before1\nPm_status",
        "before0\nstatus",
        r"before0\nstatus",
        "before0\nstatus\nafter0",
        "\nstatus\n",
        "status\n",
        r"status\n",
        r"\n",
        r"\\",
        r"\\\\",
        "\n\n\n",
        "'",
        "\"",
    ];
    for name in nowhere {
        let found = viewer.data(query, json!({"field": name})).await;
        let nothing = json!({"total_count": 0, "nodes": []});
        assert_eq!(found["auditLog"], nothing, "{name:?}");
    }
}

async fn changed_field_knows_computed_names(on: On) {
    let world = World::new(on).await;
    let recorder = world.recorder("acme").await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let nested = json!({
        "before": {"address": {"city": "Salem", "zip.code": "97301", "street": "Elm"}, "tags": [1]},
        "after": {"address": {"city": "Bend", "zip.code": "97701", "street": "Elm"}, "tags": [2]},
    });
    recorder.recorded(event_with("acme", "1", nested)).await;
    let table = [
        ("address.city", 1),
        (r"address.zip\.code", 1),
        ("tags", 1),
        ("address", 0),
        ("city", 0),
        ("address.street", 0),
        ("address.zip.code", 0),
        (r"address\.city", 0),
    ];
    let query = "query($field: String) { auditLog(changed_field: $field) { total_count } }";
    for (field, expected) in table {
        let found = viewer.data(query, json!({"field": field})).await;
        assert_eq!(found["auditLog"]["total_count"], expected, "{field}");
    }
}
