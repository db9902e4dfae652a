//! What `auditLog` and `auditEvent` refuse to be asked.

use serde_json::{Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::world::{VIEW, World, event_with};

on_both!(
    a_bad_argument_is_refused,
    a_bad_variable_is_refused,
    a_bad_argument_is_named,
    the_largest_and_smallest_arguments_are_taken,
    null_is_as_good_as_nothing,
    an_organization_that_is_not_there_is_not_found,
    an_event_is_asked_for_by_one_of_its_ids,
);

async fn vera(on: On) -> (World, Client) {
    let world = World::new(on).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    (world, viewer)
}

/// The code of the error that arguments meet, or what they wrongly got.
async fn code_of(viewer: &Client, arguments: &str) -> String {
    let query = format!("{{ auditLog({arguments}) {{ nodes {{ id }} }} }}");
    refusal(viewer, &query, json!({})).await
}

async fn refusal(viewer: &Client, query: &str, variables: Value) -> String {
    let answer = viewer.graphql(query, variables).await;
    match answer.json()["errors"][0]["extensions"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => answer.body,
    }
}

async fn a_bad_argument_is_refused(on: On) {
    let (_world, viewer) = vera(on).await;
    let long = format!("acting_user_id: {:?}", "x".repeat(256));
    let many = format!("acting_user_ids: {:?}", vec!["x"; 1_001]);
    let table = [
        // How many, from which end.
        "first: 0",
        "first: -1",
        "first: 1001",
        "first: 2147483647",
        "first: 2147483648",
        "first: 1.5",
        r#"first: "5""#,
        "last: 0",
        "last: -1",
        "last: 1001",
        "last: -2147483648",
        "first: 1 last: 1",
        "first: 0 last: 0",
        // From where.
        r#"after: """#,
        r#"before: """#,
        r#"after: "garbage""#,
        r#"before: "AAAA""#,
        r#"after: "\u0000""#,
        r#"before: "%""#,
        "after: 7",
        // Lists that say neither all nor some.
        "acting_user_ids: []",
        "event_types: []",
        "resource_names: []",
        "acting_user_ids: [null]",
        &many,
        // Ids that nothing can have.
        r#"acting_user_id: """#,
        r#"acting_user_id: "a\u0000b""#,
        r#"acting_user_id: "a\nb""#,
        &long,
        r#"acting_user_ids: [""]"#,
        r#"acting_user_ids: ["ann", "a\u0000b"]"#,
        r#"acting_user_id: "ann" acting_user_ids: ["ann", "a\u0000b"]"#,
        r#"acting_user_id: "" acting_user_ids: ["ann"]"#,
        r#"resource_id: """#,
        r#"resource_id: "\u0000""#,
        r#"resource_id: "\u007f""#,
        r#"organization_id: """#,
        r#"organization_id: "acme\u0000""#,
        "acting_user_id: true",
        "resource_id: 1.5",
        // No database stores it as text.
        r#"changed_field: "a\u0000""#,
        "changed_field: 5",
        r#"changed_fields: ["a", "a\u0000"]"#,
        r#"pages: ["\u0000"]"#,
        r#"url_prefixes: ["\u0000"]"#,
        r#"purposes: ["\u0000"]"#,
        r#"changed_field: "a" value_before: "\u0000""#,
        r#"changed_field: "a" value_after: "\u0000""#,
        "changed_fields: []",
        "pages: []",
        "url_prefixes: []",
        "ip_addresses: []",
        "purposes: []",
        "resource_ids: []",
        "custom_types: []",
        "custom_resources: []",
        r#"resource_ids: [""]"#,
        r#"custom_types: [""]"#,
        r#"custom_resources: ["a\n"]"#,
        // Values of no field.
        r#"value_before: "a""#,
        r#"value_after: "a" changed_fields: ["b"]"#,
        // Addresses that are none, and blocks that are none.
        r#"ip_addresses: [""]"#,
        r#"ip_addresses: ["203.0.113"]"#,
        r#"ip_addresses: ["203.0.113.9", "localhost"]"#,
        r#"ip_addresses: ["203.0.113.9/24"]"#,
        r#"ip_addresses: ["203.0.113.0/33"]"#,
        r#"ip_addresses: ["2001:db8::/129"]"#,
        // Words that are none.
        r#"description: """#,
        r#"description: " - * ""#,
        r#"description: "\"lost card""#,
        r#"description: "\u0000""#,
        // Times that are none.
        r#"occurred_after: """#,
        r#"occurred_after: "yesterday""#,
        r#"occurred_after: "2026-02-30""#,
        r#"occurred_before: "2026-13-01""#,
        r#"occurred_before: "2026-01-01T00:00:00""#,
        r#"occurred_before: "2026-01-01T25:00:00Z""#,
        r#"occurred_after: "0000-01-01""#,
        r#"occurred_after: "10000-01-01""#,
        r#"occurred_after: "9999-12-31T23:59:59-01:00""#,
        r#"occurred_after: "2026-01-01\u0000""#,
        "occurred_after: 1767225600",
        // Names that are none.
        "order_by: NEWEST_FIRST",
        "event_type: DELETE",
        "event_types: [CREATE, DELETE]",
        "resource_name: PATIENT",
        "resource_names: [TASK, PATIENT]",
        "include_sub_organizations: 1",
        "no_such_argument: 1",
    ];
    for arguments in table {
        assert_eq!(code_of(&viewer, arguments).await, "BAD_USER_INPUT", "{arguments}");
    }
}

async fn a_bad_variable_is_refused(on: On) {
    let (_world, viewer) = vera(on).await;
    let table = [
        ("Int", "first", json!(0)),
        ("Int", "first", json!("1")),
        ("Int", "first", json!(1.5)),
        ("Int", "first", json!(4_294_967_297_i64)),
        ("Int", "last", json!(-3)),
        ("[ID!]", "acting_user_ids", json!([])),
        ("[ID!]", "acting_user_ids", json!([null])),
        ("ID", "acting_user_id", json!(["ann"])),
        ("ID", "acting_user_id", json!({"id": "ann"})),
        ("AuditEventType", "event_type", json!("DELETE")),
        ("AuditEventResourceName", "resource_name", json!("appointment")),
        ("AuditEventOrderKeys", "order_by", json!("NEWEST_FIRST")),
        ("ISO8601DateTime", "occurred_after", json!("2026-02-30T00:00:00Z")),
        ("ISO8601DateTime", "occurred_after", json!(20_260_101)),
        ("String", "after", json!(1)),
        ("String", "changed_field", json!(["a"])),
        ("Boolean", "include_sub_organizations", json!("false")),
    ];
    for (kind, argument, value) in table {
        let query =
            format!("query($it: {kind}) {{ auditLog({argument}: $it) {{ nodes {{ id }} }} }}");
        let code = refusal(&viewer, &query, json!({"it": value})).await;
        assert_eq!(code, "BAD_USER_INPUT", "{argument}: {value}");
    }
}

/// Whoever is refused learns which argument to mend.
async fn a_bad_argument_is_named(on: On) {
    let (_world, viewer) = vera(on).await;
    let table = [
        ("first: 0", "first"),
        ("last: 1001", "last"),
        (r#"acting_user_id: """#, "acting_user_id "),
        (r#"acting_user_ids: ["ann", ""]"#, "acting_user_ids "),
        ("acting_user_ids: []", "acting_user_ids"),
        ("event_types: []", "event_types"),
        ("resource_names: []", "resource_names"),
        (r#"resource_id: """#, "resource_id"),
        (r#"changed_field: "\u0000""#, "changed_field"),
        (r#"changed_fields: ["\u0000"]"#, "changed_fields "),
        (r#"value_before: "x""#, "value_before needs changed_field"),
        (r#"value_after: "x""#, "value_after needs changed_field"),
        ("pages: []", "pages"),
        (r#"url_prefixes: ["\u0000"]"#, "url_prefixes"),
        (r#"ip_addresses: ["x"]"#, "ip_addresses must be IPv4 or IPv6 addresses"),
        (r#"ip_addresses: ["10.0.0.1/8"]"#, "ip_addresses has a block with bits set"),
        (r#"ip_addresses: ["10.0.0.0/x"]"#, "ip_addresses has a block whose prefix is"),
        (r#"description: "-""#, "description names no word"),
        (r#"description: "a \"b""#, "description has a quotation mark"),
        (r#"resource_ids: [""]"#, "resource_ids"),
        (r#"custom_types: [""]"#, "custom_types"),
        ("custom_resources: []", "custom_resources"),
        (r#"purposes: ["\u0000"]"#, "purposes"),
        (r#"occurred_after: "x""#, "occurred_after"),
        (r#"occurred_before: "x""#, "occurred_before"),
        (r#"after: "x""#, "after"),
        (r#"before: "x""#, "before"),
        (r#"organization_id: """#, "organization_id"),
    ];
    for (arguments, name) in table {
        let query = format!("{{ auditLog({arguments}) {{ nodes {{ id }} }} }}");
        let answer = viewer.graphql(&query, json!({})).await.json();
        let error = &answer["errors"][0];
        assert!(error["message"].as_str().unwrap().starts_with(name), "{arguments}: {answer}");
        assert_eq!(error["path"], json!(["auditLog"]), "{arguments}");
        assert_eq!(answer["data"], json!({"auditLog": null}), "{arguments}");
    }
}

async fn the_largest_and_smallest_arguments_are_taken(on: On) {
    let (_world, viewer) = vera(on).await;
    let longest = format!("acting_user_id: {:?}", "\u{1f3e5}".repeat(255));
    let table = [
        "first: 1",
        "first: 1000",
        "last: 1",
        "last: 1000",
        &longest,
        r#"changed_field: """#,
        r#"changed_fields: [""]"#,
        r#"changed_field: "" value_before: "" value_after: """#,
        r#"pages: [""]"#,
        r#"url_prefixes: [""]"#,
        r#"ip_addresses: ["0.0.0.0/0", "::/0"]"#,
        r#"description: "-nothing""#,
        r#"acting_user_id: " ""#,
        r#"occurred_after: "0001-01-01" occurred_before: "9999-12-31T23:59:59.999999Z""#,
        r#"occurred_after: "2026-01-01T00:00Z""#,
        r#"occurred_after: "2026-01-01T00:00:00+0530""#,
        r#"occurred_after: "2026-01-01T00:00:00+05""#,
    ];
    for arguments in table {
        let query = format!("{{ auditLog({arguments}) {{ nodes {{ id }} }} }}");
        assert!(viewer.query(&query).await["auditLog"]["nodes"].is_array(), "{arguments}");
    }
}

async fn null_is_as_good_as_nothing(on: On) {
    let (_world, viewer) = vera(on).await;
    let plain = viewer.query("{ auditLog { total_count nodes { id } } }").await;
    let nulls =
        "acting_user_id: null acting_user_ids: null resource_name: null resource_names: null
        resource_id: null event_type: null event_types: null changed_field: null
        resource_ids: null changed_fields: null value_before: null value_after: null pages: null
        url_prefixes: null ip_addresses: null outcome: null purposes: null custom_types: null
        custom_resources: null description: null
        occurred_after: null occurred_before: null organization_id: null
        include_sub_organizations: null order_by: null after: null before: null first: null
        last: null";
    let query = format!("{{ auditLog({nulls}) {{ total_count nodes {{ id }} }} }}");
    assert_eq!(viewer.query(&query).await, plain);
    let query = "query($user: ID, $users: [ID!], $type: AuditEventType, $at: ISO8601DateTime,
                       $order: AuditEventOrderKeys, $after: String, $first: Int, $field: String) {
        auditLog(acting_user_id: $user, acting_user_ids: $users, event_type: $type,
                 occurred_after: $at, order_by: $order, after: $after, first: $first, last: $first,
                 changed_field: $field) { total_count nodes { id } }
    }";
    assert_eq!(viewer.data(query, json!({})).await, plain);
    let nulls = json!({
        "user": null, "users": null, "type": null, "at": null, "order": null, "after": null,
        "first": null, "field": null,
    });
    assert_eq!(viewer.data(query, nulls).await, plain);
    assert!(plain["auditLog"]["total_count"].as_u64().unwrap() > 0);
}

async fn an_organization_that_is_not_there_is_not_found(on: On) {
    let (_world, viewer) = vera(on).await;
    for id in ["missing", "ACME", "acme ", "globex", "hammock", "%", "no_author", "west' --"] {
        for more in ["", "include_sub_organizations: false", "include_sub_organizations: true"] {
            let code = code_of(&viewer, &format!("organization_id: {id:?} {more}")).await;
            assert_eq!(code, "NOT_FOUND", "{id} {more}");
        }
    }
}

async fn an_event_is_asked_for_by_one_of_its_ids(on: On) {
    let (world, viewer) = vera(on).await;
    let recorder = world.recorder("acme").await;
    recorder.recorded(event_with("acme", "1", json!({"id": "evt-1"}))).await;
    let by_external = r#"{ auditEvent(external_id: "evt-1") { id } }"#;
    let id = viewer.query(by_external).await["auditEvent"]["id"].as_str().unwrap().to_owned();

    let query = "query($id: ID, $external_id: ID) {
        auditEvent(id: $id, external_id: $external_id) { resource_id }
    }";
    let found = json!({"auditEvent": {"resource_id": "1"}});
    let good: [Value; 4] = [
        json!({"id": id}),
        json!({"id": id, "external_id": null}),
        json!({"external_id": "evt-1"}),
        json!({"external_id": "evt-1", "id": null}),
    ];
    for variables in good {
        assert_eq!(viewer.data(query, variables.clone()).await, found, "{variables}");
    }
    let bad = [
        json!({}),
        json!({"id": null, "external_id": null}),
        json!({"id": id, "external_id": "evt-1"}),
        json!({"id": id, "external_id": ""}),
        json!({"external_id": ""}),
        json!({"external_id": "evt-1\u{0}"}),
        json!({"external_id": "x".repeat(256)}),
    ];
    for variables in bad {
        let code = viewer.error_code(query, variables.clone()).await;
        assert_eq!(code, "BAD_USER_INPUT", "{variables}");
    }
}
