//! One event as it is given to be recorded: every rule of the contract, and the words of its refusal.

use auditlog::domain::event::{Context, NewEvent};
use auditlog::domain::kind::{EventType, Outcome, ResourceName};
use auditlog::domain::time;
use insta::assert_snapshot;

use crate::changes::shown;

const REQUIRED: [(&str, &str); 4] = [
    ("organization_id", r#""clinic-7""#),
    ("type", r#""UPDATE""#),
    ("resource_name", r#""APPOINTMENT""#),
    ("resource_id", r#""543""#),
];

const KEYS: &str = "id, organization_id, acting_user_id, type, custom_type, resource_name, \
                    custom_resource, resource_id, occurred_at, outcome, purpose, before, after, \
                    changes, ip_address, user_agent, url, page, description, request_id, metadata";

/// An event's text: what is required, and these members, given as JSON, in its place or after it.
fn event(members: &[(&str, &str)]) -> String {
    let given = |key| members.iter().any(|(k, _)| *k == key);
    let all = REQUIRED.iter().filter(|(key, _)| !given(*key)).chain(members);
    let all: Vec<String> = all.map(|(key, value)| format!("{key:?}:{value}")).collect();
    format!("{{{}}}", all.join(","))
}

pub fn accepted(members: &[(&str, &str)]) -> NewEvent {
    let text = event(members);
    NewEvent::parse(&text).unwrap_or_else(|problem| panic!("{problem}: {text}"))
}

pub fn refused(members: &[(&str, &str)]) -> String {
    refusal(&event(members))
}

fn refusal(text: &str) -> String {
    NewEvent::parse(text).map_or_else(|problem| problem, |event| panic!("accepted: {event:?}"))
}

/// A message with each thing it says on a line, and the long lists of names by what they are.
fn lines(message: String) -> String {
    let resource_names = ResourceName::ALL.iter().filter(|name| !name.is_reserved());
    let resource_names = resource_names.map(ToString::to_string).collect::<Vec<_>>();
    let event_types = EventType::ALL.iter().filter(|event_type| !event_type.is_reserved());
    let event_types = event_types.map(ToString::to_string).collect::<Vec<_>>();
    message
        .replace(&resource_names.join(", "), "<resource names>")
        .replace(&event_types.join(", "), "<event types>")
        .replace(KEYS, "<keys>")
        .replace("; ", ";\n")
}

#[test]
fn the_contracts_own_example() {
    let event = NewEvent::parse(
        r#"{"id": "evt-1", "organization_id": "clinic-7", "acting_user_id": "12345", "type": "UPDATE",
         "resource_name": "APPOINTMENT", "resource_id": "543", "occurred_at": "2026-10-02T09:30:00-04:00",
         "before": {"pm_status": "Confirmed", "length": 30}, "after": {"pm_status": "Rescheduled", "length": 30},
         "ip_address": "203.0.113.9", "user_agent": "…", "url": "https://…", "page": "Calendar",
         "description": "…", "request_id": "…", "metadata": {"any": "JSON object"}}"#,
    )
    .unwrap();
    assert_eq!(event.external_id.as_ref().unwrap().as_str(), "evt-1");
    assert_eq!(event.organization_id.as_str(), "clinic-7");
    assert_eq!(event.acting_user_id.as_ref().unwrap().as_str(), "12345");
    assert_eq!(event.event_type, EventType::Update);
    assert_eq!(event.resource_name, ResourceName::Appointment);
    assert_eq!(event.resource_id.as_str(), "543");
    assert_eq!(event.occurred_at.map(time::format).as_deref(), Some("2026-10-02T13:30:00Z"));
    assert_eq!(shown(&event), [r#"pm_status: Some("Confirmed") -> Some("Rescheduled")"#]);
    let text = |text: &str| Some(text.to_owned());
    let expected = Context {
        ip_address: text("203.0.113.9"),
        user_agent: text("…"),
        url: text("https://…"),
        page: text("Calendar"),
        description: text("…"),
        request_id: text("…"),
        metadata: text(r#"{"any":"JSON object"}"#),
    };
    assert_eq!(event.context, expected);
}

#[test]
fn what_is_not_required_may_be_absent_or_null() {
    let bare = accepted(&[]);
    assert_eq!((&bare.external_id, &bare.acting_user_id, bare.occurred_at), (&None, &None, None));
    assert_eq!((&bare.context, bare.changes.len()), (&Context::default(), 0));
    let optional = KEYS.split(", ").filter(|key| REQUIRED.iter().all(|(k, _)| k != key));
    let nulls: Vec<_> = optional.map(|key| (key, "null")).collect();
    assert_eq!(nulls.len(), 17);
    assert_eq!(accepted(&nulls), bare);
}

#[test]
fn all_that_is_missing_is_said_at_once() {
    assert_snapshot!(lines(refusal("{}")), @"
    type is missing;
    it must be one of <event types>;
    resource_name is missing;
    it must be one of <resource names>;
    organization_id is missing;
    resource_id is missing
    ");
    assert_eq!(refused(&REQUIRED.map(|(key, _)| (key, "null"))), refusal("{}"));
    assert_snapshot!(refused(&[("resource_id", "null")]), @"resource_id is missing");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let message = refused(&[
        ("id", r#""""#),
        ("organization_id", r#""""#),
        ("type", r#""update""#),
        ("resource_id", r#""\n""#),
        ("occurred_at", r#""yesterday""#),
        ("ip_address", r#""home""#),
        ("before", r#"{"a":1}"#),
        ("changes", "[]"),
    ]);
    assert_snapshot!(lines(message), @"
    give what changed as before and after or as changes, not both;
    type must be one of <event types>;
    organization_id must not be empty;
    resource_id must not hold control characters;
    id must not be empty;
    occurred_at must be an ISO 8601 date and time with an offset, such as 2026-10-02T09:30:00-04:00, or a date alone, such as 2026-10-02;
    the year has four digits;
    ip_address must be an IPv4 or IPv6 address
    ");
    let message = refused(&[("id", "1"), ("url", "true"), ("before", "[]"), ("x", "1")]);
    assert_snapshot!(lines(message), @r#"
    id must be a string, not a number;
    url must be a string, not a boolean;
    before must be a JSON object, not a list;
    "x" is not a key of an event;
    the keys are <keys>
    "#);
}

#[test]
fn an_event_is_an_object_with_known_keys() {
    for (key, value) in [("colour", "1"), ("Id", "null"), ("", "{}")] {
        let message = format!("{key:?} is not a key of an event; the keys are {KEYS}");
        assert_eq!(refused(&[(key, value)]), message);
    }
    for (text, kind) in
        [("null", "null"), ("1", "a number"), ("[]", "a list"), (r#""{}""#, "a string")]
    {
        assert_eq!(refusal(text), format!("an event must be a JSON object, not {kind}"));
    }
    assert_snapshot!(
        refusal(r#"{"type":"CREATE"} {}"#),
        @"it is not valid JSON: trailing characters"
    );
    assert_snapshot!(refusal("{"), @"it is not valid JSON: EOF while parsing an object");
    assert_snapshot!(refusal("\u{feff}{}"), @"it is not valid JSON: expected value");
}

#[test]
fn a_message_stays_short_whatever_the_keys() {
    let many: Vec<String> = (0..50_000).map(|i| format!(r#""k{i}":1"#)).collect();
    for text in [
        format!("{{{}}}", many.join(",")),
        event(&[(&"x".repeat(500_000), "1")]),
        event(&[("changes", &format!("[{{{}}}]", many.join(",")))]),
        event(&[("changes", &format!("[{}]", vec!["1"; 100_000].join(",")))]),
        event(&[("type", &format!("{:?}", "x".repeat(500_000)))]),
    ] {
        let message = refusal(&text);
        assert!(message.len() < 10_000, "{} bytes", message.len());
    }
}

#[test]
fn names_are_those_of_the_registry() {
    for event_type in EventType::ALL {
        let name = format!("{:?}", event_type.as_str());
        let mut members = vec![("type", name.as_str())];
        if *event_type == EventType::Custom {
            members.push(("custom_type", r#""patient.consent_signed""#));
        }
        match event_type.is_reserved() {
            true => assert!(refused(&members).starts_with("type must be one of CREATE")),
            false => assert_eq!(accepted(&members).event_type, *event_type),
        }
    }
    for resource_name in ResourceName::ALL {
        let name = format!("{:?}", resource_name.as_str());
        let mut members = vec![("resource_name", name.as_str())];
        if *resource_name == ResourceName::Custom {
            members.push(("custom_resource", r#""referral""#));
        }
        match resource_name.is_reserved() {
            true => assert!(refused(&members).starts_with("resource_name must be one of API_KEY")),
            false => assert_eq!(accepted(&members).resource_name, *resource_name),
        }
    }
    assert_eq!(ResourceName::ALL.len(), 32);
    assert_snapshot!(
        lines(refused(&[("type", r#""DELETE""#)])),
        @"type must be one of <event types>"
    );
    assert_snapshot!(
        lines(refused(&[("resource_name", r#""Appointment""#)])),
        @"resource_name must be one of <resource names>"
    );
}

#[test]
fn what_is_custom_is_named_and_nothing_else_is() {
    assert_snapshot!(
        lines(refused(&[("type", r#""CUSTOM""#), ("custom_resource", r#""referral""#)])),
        @"
    custom_type is missing: type is CUSTOM;
    custom_resource is given only with resource_name CUSTOM
    "
    );
    let event =
        accepted(&[("type", r#""CUSTOM""#), ("custom_type", r#""patient.consent_signed""#)]);
    assert_eq!(event.custom_type.unwrap().name.as_str(), "patient.consent_signed");
}

#[test]
fn an_outcome_that_is_not_said_is_the_usual_one() {
    assert_eq!(accepted(&[]).outcome, Outcome::Success);
    assert_eq!(accepted(&[("type", r#""SIGN_IN_FAILED""#)]).outcome, Outcome::Failure);
    let said = accepted(&[("type", r#""SIGN_IN_FAILED""#), ("outcome", r#""SUCCESS""#)]);
    assert_eq!(said.outcome, Outcome::Success);
    assert_snapshot!(
        refused(&[("outcome", r#""MAYBE""#), ("purpose", r#""""#)]),
        @"outcome must be one of SUCCESS, FAILURE; purpose must not be empty"
    );
}

#[test]
fn every_text_must_be_a_string() {
    let others_are = ["before", "after", "changes", "metadata"];
    let texts = KEYS.split(", ").filter(|key| !others_are.contains(key));
    let others = [("1", "a number"), ("false", "a boolean"), ("[]", "a list"), ("{}", "an object")];
    for key in texts {
        for (value, kind) in others {
            assert_eq!(refused(&[(key, value)]), format!("{key} must be a string, not {kind}"));
        }
    }
}

#[test]
fn states_and_metadata_must_be_objects() {
    let others =
        [("1", "a number"), ("true", "a boolean"), ("[{}]", "a list"), (r#""{}""#, "a string")];
    for key in ["before", "after", "metadata"] {
        for (value, kind) in others {
            let message = format!("{key} must be a JSON object, not {kind}");
            assert_eq!(refused(&[(key, value)]), message);
        }
    }
    let metadata = |text| accepted(&[("metadata", text)]).context.metadata.unwrap();
    assert_eq!(
        metadata(r#"{ "b" : 1.10, "a": [1E5, "é\u0041"] }"#),
        r#"{"b":1.10,"a":[1E5,"éA"]}"#
    );
    assert_eq!(metadata("{}"), "{}");
}

#[test]
fn ids_have_1_to_255_characters_and_no_control_character() {
    for key in ["id", "organization_id", "acting_user_id", "resource_id"] {
        assert_eq!(refused(&[(key, r#""""#)]), format!("{key} must not be empty"));
        // Characters, not bytes.
        for letter in ["x", "é", "😀"] {
            accepted(&[(key, &format!("{:?}", letter.repeat(255)))]);
            let message = format!("{key} must have at most 255 characters");
            assert_eq!(refused(&[(key, &format!("{:?}", letter.repeat(256)))]), message);
        }
        for control in [r"\n", r"\t", r"\u0001", r"\u001f", r"\u007f", r"\u0085", r"\u009f"] {
            let message = format!("{key} must not hold control characters");
            assert_eq!(refused(&[(key, &format!(r#""a{control}b""#))]), message);
        }
    }
    for opaque in ["0", "007", " ", "null", "a/b?c#d%", "\u{a0}", "clinic 7", "no_author "] {
        let event = accepted(&[("resource_id", &format!(r#""{opaque}""#))]);
        assert_eq!(event.resource_id.as_str(), opaque);
    }
}

#[test]
fn no_author_is_nobodys_id() {
    assert_snapshot!(
        refused(&[("acting_user_id", r#""no_author""#)]),
        @r#"acting_user_id must not be "no_author", which stands for nobody"#
    );
    for key in ["id", "organization_id", "resource_id"] {
        accepted(&[(key, r#""no_author""#)]);
    }
}

#[test]
fn addresses_are_ipv4_or_ipv6() {
    for (given, kept) in [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.9"),
        ("::", "::"),
    ] {
        let event = accepted(&[("ip_address", &format!("{given:?}"))]);
        assert_eq!(event.context.ip_address.as_deref(), Some(kept));
    }
    for bad in [
        "",
        "localhost",
        "203.0.113",
        "203.0.113.256",
        "010.0.0.1",
        "203.0.113.9:80",
        " ::",
        "::1/64",
    ] {
        let message = "ip_address must be an IPv4 or IPv6 address";
        assert_eq!(refused(&[("ip_address", &format!("{bad:?}"))]), message);
    }
}

#[test]
fn times_are_named_by_their_key() {
    assert_snapshot!(
        refused(&[("occurred_at", r#""2026-10-02T09:30:00""#)]),
        @"occurred_at must be an ISO 8601 date and time with an offset, such as 2026-10-02T09:30:00-04:00, or a date alone, such as 2026-10-02"
    );
    assert_snapshot!(
        refused(&[("occurred_at", r#""0001-01-01T00:00:00+01:00""#)]),
        @"occurred_at must be in a year from 1 to 9999, in UTC too"
    );
    let event = accepted(&[("occurred_at", r#""2026-10-02""#)]);
    assert_eq!(event.occurred_at.map(time::format).as_deref(), Some("2026-10-02T00:00:00Z"));
}

#[test]
fn what_no_database_holds_is_refused_wherever_it_stands() {
    assert_snapshot!(
        refused(&[("description", r#""a\u0000b""#)]),
        @r#"at "description": it holds U+0000, which no database can store as text"#
    );
    assert_snapshot!(
        refused(&[("after", r#"{"a":{"b":["\u0000"]}}"#)]),
        @r#"at "after.a.b[0]": it holds U+0000, which no database can store as text"#
    );
    assert_snapshot!(
        refused(&[("metadata", r#"{"\u0000":1}"#)]),
        @r#"at "metadata": it holds U+0000, which no database can store as text"#
    );
    assert_snapshot!(
        refused(&[("page", r#""\ud800""#)]),
        @r#"at "page": it holds half of a surrogate pair, which is not a character"#
    );
    assert_snapshot!(
        refused(&[("url", "null"), ("url", "null")]),
        @r#"the key "url" stands in the same object twice"#
    );
    assert_snapshot!(
        refused(&[("before", r#"{"a":{"x":1,"x":1}}"#)]),
        @r#"at "before.a": the key "x" stands in the same object twice"#
    );
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(63), "]".repeat(63));
    assert!(refused(&[("after", &deep)]).ends_with("it nests more than 64 levels deep"));
}
