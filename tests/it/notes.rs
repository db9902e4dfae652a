//! Notes that users write on records: `addTimestampNote` and `resourceNotes`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::definitions::done;
use crate::support::On;
use crate::support::client::{Client, pretty};
use crate::support::world::{May, NOTHING, OWN, RECORD, VIEW, World, event_with};

on_both!(
    a_note_and_the_timeline,
    who_may_write_notes,
    a_note_is_written_once_under_its_id,
    a_note_is_corrected_by_a_later_one,
    what_is_no_note,
    initials_stay_as_they_were,
    the_timeline_is_paged,
    who_may_read_notes,
    notes_are_written_by_locale_and_zone,
    notes_are_for_the_server_to_record,
    a_note_is_on_a_kind_of_record_that_is_defined,
);

const NOTES: May = May { notes: true, ..NOTHING };
const HISTORY: May = May { history: true, ..NOTHING };

const ADD: &str = "mutation ($input: AddTimestampNoteInput!) {
    addTimestampNote(input: $input) {
        note {
            id kind text line author_initials acting_user { id full_name } occurred_at corrects
            event { sequence type external_id organization { id } description metadata ip_address }
        }
        messages { field message }
    }
}";

fn on(organization: &str, record: &str, more: Value) -> Value {
    let mut input = json!({
        "organization_id": organization, "resource_name": "APPOINTMENT", "resource_id": record,
        "text": "Client asked for it",
    });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    json!({"input": input})
}

/// What writing a note answers.
async fn add(client: &Client, input: Value) -> Value {
    client.data(ADD, input).await["addTimestampNote"].clone()
}

/// The note, which must be fine.
async fn added(client: &Client, input: Value) -> Value {
    let answer = add(client, input).await;
    assert_eq!(answer["messages"], json!([]));
    answer["note"].clone()
}

/// The messages about a note that is not fine.
async fn refused(client: &Client, input: Value) -> Vec<String> {
    let answer = add(client, input).await;
    assert_eq!(answer["note"], Value::Null);
    let message =
        |m: &Value| format!("{} {}", m["field"].as_str().unwrap(), m["message"].as_str().unwrap());
    answer["messages"].as_array().unwrap().iter().map(message).collect()
}

/// The lines of a record's timeline, oldest first.
async fn lines(client: &Client, record: &str, more: &str) -> Vec<String> {
    let query = format!(
        "{{ resourceNotes(resource_name: APPOINTMENT, resource_id: {record:?},
                          order_by: OCCURRED_AT_ASC {more}) {{ nodes {{ line }} }} }}"
    );
    let data = client.query(&query).await;
    let nodes = data["resourceNotes"]["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["line"].as_str().unwrap().to_owned()).collect()
}

async fn a_note_and_the_timeline(on_: On) {
    let world = World::new(on_).await;
    let ann = world.user("ann", "portland", NOTES).await;
    let bob = world.user("bob", "acme", May { history: true, ..RECORD }).await;
    bob.recorded(json!([
        event_with(
            "portland",
            "543",
            json!({
                "acting_user_id": "bob", "before": {"pm_status": "Confirmed", "length": 30},
                "after": {"pm_status": "Rescheduled", "length": 30},
            })
        ),
        event_with("portland", "543", json!({"type": "VIEW", "description": "Opened by a job"})),
        event_with("portland", "544", json!({})),
    ]))
    .await;
    world.clock.advance(TimeDelta::seconds(61));
    let text =
        "Old Email Address: a@x.org, updated to: b@x.org.\nClient requested change 10/7/2018";
    let note = added(&ann, on("portland", "543", json!({"text": text, "id": "n-1"}))).await;
    insta::assert_snapshot!("a_note", pretty(&note));

    let timeline = bob
        .query(
            r#"{ resourceNotes(resource_name: APPOINTMENT, resource_id: "543", organization_id: "west") {
                nodes {
                    kind text line author_initials acting_user { id full_name } occurred_at corrects
                    event { type resource_changes { field value_before_change value_after_change } }
                }
                edges { cursor node { kind } }
                page_info { has_next_page has_previous_page start_cursor end_cursor }
                total_count
            } }"#,
        )
        .await;
    let timeline = &timeline["resourceNotes"];
    assert_eq!(timeline["edges"][0]["cursor"], timeline["page_info"]["start_cursor"]);
    assert_eq!(timeline["edges"][2]["cursor"], timeline["page_info"]["end_cursor"]);
    let shown = json!({"nodes": timeline["nodes"], "total_count": timeline["total_count"]});
    insta::assert_snapshot!("a_timeline", pretty(&shown));
}

async fn who_may_write_notes(on_: On) {
    let world = World::new(on_).await;
    let forbidden = [
        world.user("viewer", "acme", VIEW).await,
        world.user("owner", "acme", OWN).await,
        world.user("reader", "acme", HISTORY).await,
    ];
    for client in forbidden {
        assert_eq!(client.error_code(ADD, on("portland", "1", json!({}))).await, "FORBIDDEN");
    }
    let wes = world.user("wes", "west", NOTES).await;
    let note = added(&wes, on("portland", "1", json!({}))).await;
    assert_eq!(note["acting_user"]["id"], "wes");
    assert_eq!(note["event"]["organization"]["id"], "portland");
    added(&wes, on("portland", "1", json!({"acting_user_id": "wes"}))).await;
    // Elsewhere, and where there is nothing, are the same.
    let no_such = ["organization_id there is no such organization that you may write notes in"];
    for organization in ["boston", "acme", "hammock", "nowhere"] {
        assert_eq!(refused(&wes, on(organization, "1", json!({}))).await, no_such);
    }
    let not_you = ["acting_user_id is not you: writing for others needs can_record"];
    let by_ann = json!({"acting_user_id": "ann"});
    assert_eq!(refused(&wes, on("portland", "1", by_ann.clone())).await, not_you);

    let service = world.user("service", "west", RECORD).await;
    let note = added(&service, on("seattle", "1", by_ann.clone())).await;
    assert_eq!(note["acting_user"]["id"], "ann");
    assert_eq!(note["author_initials"], "ANN", "of her id: nobody told the server her name");
    assert_eq!(added(&service, on("west", "1", json!({}))).await["acting_user"]["id"], "service");
    assert_eq!(refused(&service, on("east", "1", json!({}))).await, no_such);
    // Each right only where it is held.
    world.member("service", "east", NOTES).await;
    added(&service, on("boston", "1", json!({}))).await;
    assert_eq!(refused(&service, on("boston", "1", by_ann)).await, not_you);
}

async fn a_note_is_written_once_under_its_id(on_: On) {
    let world = World::new(on_).await;
    let ann = world.user("ann", "acme", May { notes: true, ..VIEW }).await;
    let input = on("west", "1", json!({"id": "n-1"}));
    let first = added(&ann, input.clone()).await;
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(added(&ann, input.clone()).await, first, "the same note, at its own time");
    // Two at once.
    let input = on("west", "1", json!({"id": "n-2"}));
    let both = tokio::join!(added(&ann, input.clone()), added(&ann, input.clone()));
    assert_eq!(both.0, both.1);
    assert_eq!(lines(&ann, "1", "").await.len(), 2);

    let other = [
        on("west", "2", json!({"id": "n-1"})),
        on("portland", "1", json!({"id": "n-1"})),
        on("west", "1", json!({"id": "n-1", "text": "Something else"})),
        on("west", "1", json!({"id": "n-1", "resource_name": "TASK"})),
        on("west", "1", json!({"id": "n-1", "corrects": first["id"]})),
    ];
    for input in other {
        assert_eq!(ann.error_code(ADD, input).await, "CONFLICT");
    }
    let recorder = world.recorder("acme").await;
    recorder.recorded(event_with("west", "1", json!({"id": "evt-1"}))).await;
    assert_eq!(ann.error_code(ADD, on("west", "1", json!({"id": "evt-1"}))).await, "CONFLICT");
    let answer = recorder.record(event_with("west", "1", json!({"id": "n-1"}))).await;
    assert!(answer.body.contains("CONFLICT"), "{}", answer.body);
    // Ids are the tenant's own.
    let gus = world.user("gus", "globex", NOTES).await;
    added(&gus, on("globex", "1", json!({"id": "n-1"}))).await;
}

async fn a_note_is_corrected_by_a_later_one(on_: On) {
    let world = World::new(on_).await;
    let ann = world.user("ann", "portland", NOTES).await;
    let bob = world.user("bob", "seattle", NOTES).await;
    let wes = world.user("wes", "west", May { notes: true, ..VIEW }).await;
    let first = added(&ann, on("portland", "1", json!({}))).await;
    let corrects = |id: &Value| json!({"corrects": id, "text": "I was wrong"});
    let second = added(&ann, on("portland", "1", corrects(&first["id"]))).await;
    assert_eq!(second["corrects"], first["id"]);
    assert_eq!(
        added(&wes, on("portland", "1", corrects(&second["id"]))).await["corrects"],
        second["id"]
    );

    let no_such =
        ["corrects there is no such note on this record, in this organization, that you may see"];
    let id = wes
        .query(r#"{ auditLog(resource_id: "1", event_type: NOTE, last: 1) { nodes { id } } }"#)
        .await["auditLog"]["nodes"][0]["id"]
        .clone();
    assert_eq!(id, first["id"], "a note's id is its event's");
    // On another record, elsewhere, of another tenant, or nothing at all.
    assert_eq!(refused(&ann, on("portland", "2", corrects(&id))).await, no_such);
    let task = json!({"corrects": id, "resource_name": "TASK"});
    assert_eq!(refused(&ann, on("portland", "1", task)).await, no_such);
    assert_eq!(refused(&bob, on("seattle", "1", corrects(&id))).await, no_such);
    let gus = world.user("gus", "globex", NOTES).await;
    assert_eq!(refused(&gus, on("globex", "1", corrects(&id))).await, no_such);
    assert_eq!(refused(&ann, on("portland", "1", json!({"corrects": "n-1"}))).await, no_such);
    // An event that is no note.
    world.recorder("acme").await.recorded(event_with("portland", "1", json!({}))).await;
    let event = wes.query(r#"{ auditLog(event_type: UPDATE) { nodes { id } } }"#).await;
    let event = &event["auditLog"]["nodes"][0]["id"];
    assert_eq!(refused(&wes, on("portland", "1", corrects(event))).await, no_such);
}

async fn what_is_no_note(on_: On) {
    let world = World::new(on_).await;
    let ann = world.user("ann", "acme", NOTES).await;
    let bad = json!({
        "text": "\t", "resource_id": "", "id": "a\nb", "acting_user_id": "no_author",
        "custom_resource": "session", "organization_id": "",
    });
    assert_eq!(
        refused(&ann, on("acme", "1", bad)).await,
        [
            "id must not hold control characters",
            "organization_id must not be empty",
            "acting_user_id must not be \"no_author\", which stands for nobody",
            "resource_id must not be empty",
            "custom_resource is given only with resource_name CUSTOM",
            "text must not be empty",
        ],
    );
    for (given, problem) in [
        (json!({"resource_name": "CUSTOM"}), "custom_resource is missing: resource_name is CUSTOM"),
        (
            json!({"resource_name": "AUDIT_LOG"}),
            "resource_name is this server's own: what it does itself is always recorded in full",
        ),
        (json!({"text": "é".repeat(10_001)}), "text must have at most 10000 characters"),
    ] {
        assert_eq!(refused(&ann, on("acme", "1", given)).await, [problem]);
    }
    let long = added(&ann, on("acme", "1", json!({"text": "é".repeat(10_000)}))).await;
    assert_eq!(long["text"].as_str().unwrap().chars().count(), 10_000);
}

async fn initials_stay_as_they_were(on_: On) {
    let world = World::new(on_).await;
    let service = world.user("service", "acme", May { history: true, ..RECORD }).await;
    added(&service, on("acme", "1", json!({"acting_user_id": "mkh"}))).await;
    service.recorded(event_with("acme", "1", json!({"acting_user_id": "mkh"}))).await;
    assert_eq!(
        lines(&service, "1", "").await,
        ["10/15/2026 12:00:00 PM MKH – Client asked for it", "10/15/2026 12:00:00 PM MKH – UPDATE"],
    );
    // The server comes to know her: what is stamped stays, an event is by whom it is now.
    world.user("mkh", "acme", NOTHING).await;
    assert_eq!(
        lines(&service, "1", "").await,
        ["10/15/2026 12:00:00 PM MKH – Client asked for it", "10/15/2026 12:00:00 PM MD – UPDATE"],
    );
}

async fn the_timeline_is_paged(on_: On) {
    let world = World::new(on_).await;
    let ann = world.user("ann", "acme", May { notes: true, history: true, ..RECORD }).await;
    for n in 0..4 {
        ann.recorded(event_with("acme", "1", json!({"description": format!("event {n}")}))).await;
        added(&ann, on("acme", "1", json!({"text": format!("note {n}")}))).await;
    }
    let query = "query ($after: String, $kinds: [ResourceNoteKind!]) {
        resourceNotes(resource_name: APPOINTMENT, resource_id: 1, first: 3, after: $after, kinds: $kinds,
                      order_by: OCCURRED_AT_ASC) {
            nodes { text } page_info { has_next_page end_cursor } total_count
        }
    }";
    let all = async |kinds: Value| {
        let (mut texts, mut after, mut pages) = (Vec::new(), Value::Null, 0);
        loop {
            let data = ann.data(query, json!({"after": after, "kinds": kinds})).await;
            let page = &data["resourceNotes"];
            let nodes = page["nodes"].as_array().unwrap();
            texts.extend(nodes.iter().map(|node| node["text"].as_str().unwrap().to_owned()));
            pages += 1;
            if page["page_info"]["has_next_page"] == false {
                assert_eq!(page["total_count"], texts.len());
                return (texts, pages);
            }
            after = page["page_info"]["end_cursor"].clone();
        }
    };
    let both = (0..4).flat_map(|n| [format!("UPDATE: event {n}"), format!("note {n}")]);
    assert_eq!(all(Value::Null).await, (both.collect(), 3));
    let notes: Vec<_> = (0..4).map(|n| format!("note {n}")).collect();
    assert_eq!(all(json!(["TIMESTAMP_NOTE"])).await, (notes.clone(), 2));
    assert_eq!(all(json!(["TIMESTAMP_NOTE", "STATUS_NOTE"])).await, (notes, 2));
    let events: Vec<_> = (0..4).map(|n| format!("UPDATE: event {n}")).collect();
    assert_eq!(all(json!(["EVENT"])).await, (events, 2));
    assert_eq!(all(json!(["STATUS_NOTE"])).await, (vec![], 1));
    assert_eq!(ann.error_code(query, json!({"kinds": []})).await, "BAD_USER_INPUT");
    // How lines are written does not choose which.
    let cursor =
        ann.data(query, json!({})).await["resourceNotes"]["page_info"]["end_cursor"].clone();
    let rest = "query ($after: String) { resourceNotes(resource_name: APPOINTMENT, resource_id: 1,
        after: $after, order_by: OCCURRED_AT_ASC, locale: \"de-DE\") { nodes { text } } }";
    let rest = ann.data(rest, json!({"after": cursor})).await;
    assert_eq!(rest["resourceNotes"]["nodes"][0]["text"], "note 1");
}

async fn who_may_read_notes(on_: On) {
    let world = World::new(on_).await;
    let ann = world.user("ann", "acme", NOTES).await;
    for organization in ["portland", "boston"] {
        added(&ann, on(organization, "1", json!({"text": organization}))).await;
    }
    let query = r#"query ($in: ID) { resourceNotes(resource_name: APPOINTMENT, resource_id: "1",
        organization_id: $in, order_by: OCCURRED_AT_ASC) { nodes { text } total_count } }"#;
    let nobody = world.user("nobody", "acme", RECORD).await;
    for client in [&ann, &nobody] {
        assert_eq!(client.error_code(query, json!({})).await, "FORBIDDEN");
    }
    let of = |texts: &[&str]| {
        let nodes: Vec<_> = texts.iter().map(|text| json!({"text": text})).collect();
        json!({"resourceNotes": {"nodes": nodes, "total_count": texts.len()}})
    };
    let reader = world.user("reader", "west", HISTORY).await;
    assert_eq!(reader.data(query, json!({})).await, of(&["portland"]));
    assert_eq!(reader.data(query, json!({"in": "seattle"})).await, of(&[]));
    for elsewhere in ["boston", "acme", "globex", "nowhere"] {
        assert_eq!(reader.error_code(query, json!({"in": elsewhere})).await, "NOT_FOUND");
    }
    let owner = world.user("owner", "acme", OWN).await;
    assert_eq!(owner.data(query, json!({})).await, of(&["portland", "boston"]));
    let own = world.user("own", "acme", May { only_own_actions: true, notes: true, ..VIEW }).await;
    added(&own, on("seattle", "1", json!({"text": "own"}))).await;
    assert_eq!(own.data(query, json!({})).await, of(&["own"]));
    let gus = world.user("gus", "globex", OWN).await;
    assert_eq!(gus.data(query, json!({})).await, of(&[]));
}

async fn notes_are_written_by_locale_and_zone(on_: On) {
    let world = World::new(on_).await;
    let ann = world.user("ann", "acme", May { notes: true, ..VIEW }).await;
    added(&ann, on("acme", "1", json!({}))).await;
    for (asked, line) in [
        ("", "10/15/2026 12:00:00 PM AD – Client asked for it"),
        (r#"locale: "de-de""#, "15.10.2026 12:00:00 AD – Client asked for it"),
        (r#"time_zone: "America/New_York""#, "10/15/2026 8:00:00 AM AD – Client asked for it"),
        (
            r#"locale: "sv-SE", time_zone: "Asia/Kathmandu""#,
            "2026-10-15 17:45:00 AD – Client asked for it",
        ),
    ] {
        assert_eq!(lines(&ann, "1", asked).await, [line]);
    }
    for (asked, problem) in [
        (r#"locale: "klingon""#, "locale must be one of cs-CZ, "),
        (
            r#"time_zone: "Mars/Olympus""#,
            "time_zone must be a zone of the IANA time zone database, such as America/New_York",
        ),
    ] {
        let query = format!(
            "{{ resourceNotes(resource_name: TASK, resource_id: 1, {asked}) {{ total_count }} }}"
        );
        let answer = ann.graphql(&query, json!({})).await.json();
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
        assert!(error["message"].as_str().unwrap().starts_with(problem), "{error}");
    }
}

async fn notes_are_for_the_server_to_record(on_: On) {
    let world = World::new(on_).await;
    let recorder = world.recorder("acme").await;
    for kind in ["NOTE", "STATUS_NOTE"] {
        let answer = recorder.record(event_with("acme", "1", json!({"type": kind}))).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
    }
}

async fn a_note_is_on_a_kind_of_record_that_is_defined(on_database: On) {
    let world = World::new(on_database).await;
    let owner = world.user("olga", "acme", May { notes: true, view: true, ..OWN }).await;
    let session = || {
        let custom =
            json!({"id": "note-1", "resource_name": "CUSTOM", "custom_resource": "session"});
        on("portland", "1", custom)
    };
    let said = "custom_resource custom_resource \"session\" is not defined: an owner of the whole \
                tenant defines it with defineAuditResource";
    assert_eq!(refused(&owner, session()).await, [said]);
    let schema = json!({"type": "object", "required": ["room"]});
    done(&owner, "defineAuditResource", json!({"name": "session", "metadata_schema": schema}))
        .await;
    let note = added(&owner, session()).await;
    done(&owner, "retireAuditResource", json!({"name": "session"})).await;
    assert_eq!(added(&owner, session()).await["id"], note["id"], "it was written before");
    let mut other = session();
    other["input"]["id"] = json!("note-2");
    let said = "custom_resource custom_resource \"session\" is retired: an owner of the whole tenant \
                takes it up again with defineAuditResource";
    assert_eq!(refused(&owner, other).await, [said]);
}
