//! The rules by which the server writes status notes, and the templates of what it writes.

use auditlog::domain::diff::{Change, Changes, ShownChange};
use auditlog::domain::event::{Defined, NewEvent};
use auditlog::domain::id::Id;
use auditlog::domain::json::Json;
use auditlog::domain::kind::{EventType, Outcome, ResourceName};
use auditlog::domain::note::Marks;
use auditlog::domain::pattern::{Pattern, Patterns};
use auditlog::domain::policy::RecordType;
use auditlog::domain::redaction::Mask;
use auditlog::domain::status_note::{Field, NoteRules, Rule, StatusNote, Template, render};
use proptest::prelude::*;

fn rule(text: &str) -> Rule {
    Rule {
        event_types: Vec::new(),
        custom_types: Vec::new(),
        fields: Vec::new(),
        becomes: Vec::new(),
        text: Template::parse(text).unwrap(),
    }
}

fn field(field: &str, label: Option<&str>) -> Field {
    Field { field: field.to_owned(), label: label.map(str::to_owned) }
}

fn change(field: &str, before: &str, after: &str) -> Change {
    let json = |text| Json::parse(text).unwrap();
    Change::new(field.to_owned(), json(before), json(after))
}

fn event(changes: &[Change]) -> NewEvent {
    let event = r#"{"organization_id": "acme", "type": "UPDATE", "resource_name": "APPOINTMENT",
                    "resource_id": "543", "acting_user_id": "ann", "request_id": "r1"}"#;
    NewEvent { changes: changes.to_vec(), ..NewEvent::parse(event).unwrap() }
}

/// What a reader who may see everything reads.
fn read(note: &StatusNote) -> String {
    render(&note.text, &Changes::encode(&note.changes).shown().unwrap())
}

fn note(rule: &Rule, changes: &[Change]) -> Option<String> {
    rule.note(&event(changes), None).as_ref().map(read)
}

#[test]
fn what_a_rule_says() {
    let email = Rule {
        fields: vec![field("email", Some("Email Address"))],
        ..rule("Old {label}: {before}, updated to: {after}. ({field})")
    };
    let changed = [change("email", r#""a@x""#, r#""b@x""#), change("name", "1", "2")];
    assert_eq!(note(&email, &changed).unwrap(), "Old Email Address: a@x, updated to: b@x. (email)",);
    assert_eq!(note(&email, &changed[1..]), None);
    assert_eq!(note(&email, &[]), None);

    let when = Rule {
        fields: vec![field("date", Some("Date")), field("start", None)],
        ..rule("Date or time changed: {changes}")
    };
    let moved =
        [change("date", r#""2026-10-18""#, r#""2026-10-19""#), change("start", "null", "9")];
    assert_eq!(
        note(&when, &moved).unwrap(),
        "Date or time changed: Date: 2026-10-18 → 2026-10-19; start: (none) → 9",
    );
    assert_eq!(note(&when, &moved[1..]).unwrap(), "Date or time changed: start: (none) → 9");
    // A text that tells of one change is repeated for each.
    let each = Rule { text: Template::parse("{label} was {before}").unwrap(), ..when };
    assert_eq!(note(&each, &moved).unwrap(), "Date was 2026-10-18; start was (none)");
}

#[test]
fn what_a_field_must_become() {
    let became = |values: &[&str]| Rule {
        fields: vec![field("status", None)],
        becomes: values.iter().map(|value| (*value).to_owned()).collect(),
        ..rule("Cancelled")
    };
    let cancelled = became(&["Cancelled", "Canceled"]);
    assert_eq!(
        note(&cancelled, &[change("status", "null", r#""Canceled""#)]).unwrap(),
        "Cancelled"
    );
    assert_eq!(note(&cancelled, &[change("status", r#""Cancelled""#, r#""Open""#)]), None);
    assert_eq!(note(&cancelled, &[change("status", r#""Open""#, "null")]), None);
    assert_eq!(note(&cancelled, &[change("other", r#""Open""#, r#""Cancelled""#)]), None);
    // Values are compared as they are shown.
    for (value, shown) in [("true", "true"), ("1.10", "1.10"), (r#"["a"]"#, r#"["a"]"#)] {
        assert!(note(&became(&[shown]), &[change("status", "null", value)]).is_some(), "{value}");
    }
    assert_eq!(note(&became(&["1.1"]), &[change("status", "null", "1.10")]), None);
    let written = cancelled.note(&event(&[change("status", "1", r#""Canceled""#)]), None);
    assert!(written.unwrap().tells_value);
}

/// That there is such a note would give the value away.
#[test]
fn no_note_is_written_because_of_a_value_that_not_everybody_may_read() {
    let positive = Rule {
        fields: vec![field("hiv", None), field("lab", None)],
        becomes: vec!["+".to_owned(), r#"{"hiv":"+"}"#.to_owned()],
        ..rule("Positive")
    };
    let changed = Rule { becomes: Vec::new(), ..positive.clone() };
    let sensitive = [Pattern::new("**.hiv".to_owned()).unwrap()];
    let sensitive = Mask { fields: Patterns::new(&sensitive), ..Mask::default() };
    for change in [change("hiv", "null", r#""+""#), change("lab", "null", r#"{"hiv":"+"}"#)] {
        let event = event(std::slice::from_ref(&change));
        assert!(positive.note(&event, None).is_some());
        assert_eq!(positive.note(&event, Some(&sensitive)), None);
        assert!(changed.note(&event, Some(&sensitive)).is_some(), "that it changed is told anyway");
    }
    let withheld = Change { withheld: true, ..change("lab", "null", r#""+""#) };
    assert_eq!(positive.note(&event(&[withheld]), None), None);
    assert!(positive.note(&event(&[change("lab", "null", r#""+""#)]), Some(&sensitive)).is_some());
}

#[test]
fn which_events_a_rule_is_about() {
    let sent = Rule {
        event_types: vec![EventType::Create, EventType::Destroy],
        custom_types: vec![Id::new("communication.sent").unwrap()],
        ..rule("Sent")
    };
    let of = |event_type, custom: Option<&str>| {
        let custom_type =
            custom.map(|name| Defined { name: Id::new(name).unwrap(), version: Some(1) });
        sent.note(&NewEvent { event_type, custom_type, ..event(&[]) }, None)
    };
    assert_eq!(of(EventType::Custom, Some("communication.sent")).unwrap().text, "Sent");
    assert!(of(EventType::Create, None).is_some());
    assert!(of(EventType::Destroy, None).is_some());
    assert!(of(EventType::Custom, Some("communication.failed")).is_none());
    assert!(of(EventType::Update, None).is_none());
    assert!(!of(EventType::Create, None).unwrap().tells_value);
}

#[test]
fn rules_are_of_a_kind_of_record() {
    let any = |text| Rule { event_types: vec![EventType::Update], ..rule(text) };
    let own = Id::new("session").unwrap();
    let kind = |resource_name, custom: Option<&Id>| RecordType {
        resource_name,
        custom_resource: custom.cloned(),
    };
    let rules = NoteRules::new([
        (kind(ResourceName::Appointment, None), vec![any("first"), any("second")]),
        (kind(ResourceName::Custom, Some(&own)), vec![any("own")]),
        (kind(ResourceName::User, None), vec![]),
    ]);
    let kinds: Vec<_> = rules.kinds().into_iter().map(|(kind, _)| kind.clone()).collect();
    assert_eq!(
        kinds,
        [kind(ResourceName::Appointment, None), kind(ResourceName::Custom, Some(&own))],
    );
    let texts =
        |event: &NewEvent| rules.notes(event, None).map(|note| note.text).collect::<Vec<_>>();
    assert_eq!(texts(&event(&[])), ["first", "second"]);
    let of = |resource_name, name: Option<&Id>| NewEvent {
        resource_name,
        custom_resource: name.map(|name| Defined { name: name.clone(), version: Some(7) }),
        ..event(&[])
    };
    assert_eq!(texts(&of(ResourceName::Custom, Some(&own))), ["own"]);
    assert_eq!(texts(&of(ResourceName::Custom, Some(&Id::new("other").unwrap()))), [""; 0]);
    assert_eq!(texts(&of(ResourceName::User, None)), [""; 0]);
    // What was tried and not done leaves no note.
    assert_eq!(texts(&NewEvent { outcome: Outcome::Failure, ..event(&[]) }), [""; 0]);
}

#[test]
fn the_event_that_keeps_a_note() {
    let cause = event(&[change("a", "1", "2"), change("b", "1", "2")]);
    let cause = NewEvent { external_id: Some(Id::new("evt-1").unwrap()), ..cause };
    let rule = Rule { fields: vec![field("b", None)], becomes: vec!["2".into()], ..rule("B!") };
    let kept = rule.note(&cause, None).unwrap().event(&cause, "AD");
    assert_eq!(kept.event_type, EventType::StatusNote);
    assert_eq!(kept.external_id, None);
    assert_eq!(kept.changes, cause.changes[1..]);
    assert_eq!(
        (&kept.organization_id, &kept.acting_user_id, kept.resource_name, &kept.resource_id),
        (&cause.organization_id, &cause.acting_user_id, cause.resource_name, &cause.resource_id),
    );
    assert_eq!(kept.context.description.as_deref(), Some("B!"));
    assert_eq!(kept.context.request_id, cause.context.request_id);
    let marks = Marks { initials: "AD".to_owned(), corrects: None, tells_value: true };
    assert_eq!(kept.context.metadata.as_deref().and_then(Marks::from_metadata), Some(marks));
}

/// A recorder may say as many changes of a field as fit into an event: the note stays short.
#[test]
fn a_note_tells_of_some_changes_and_counts_the_rest() {
    let changes = vec![change("a", "1", "2"); 1000];
    for text in ["{changes}", "{before} {after}"] {
        let rule = Rule { fields: vec![field("a", None)], ..rule(text) };
        let note = rule.note(&event(&changes), None).unwrap();
        assert_eq!(note.changes.len(), 20);
        let text = read(&note);
        assert!(text.ends_with("; and 980 more"), "{text}");
        assert_eq!(text.matches("; ").count(), 20);
    }
}

#[test]
fn templates_that_are_refused() {
    for (text, problem) in [
        ("", "text must not be empty"),
        (" ", "text must not be empty"),
        ("a\nb", "text must not hold control characters"),
        (
            "{value}",
            "text has {value}; its places are {label}, {field}, {before}, {after} and {changes}, and \
             a brace is written twice",
        ),
        ("a { b", "text has a lone {: write a brace that is meant as one twice"),
        ("a } b", "text has a lone }: write a brace that is meant as one twice"),
        ("{before}}", "text has a lone }: write a brace that is meant as one twice"),
        (
            "{label} {changes}",
            "text has {changes}, which tells of all changes, and {label}, {field}, {before} or \
             {after}, which tell of one: use either",
        ),
    ] {
        assert_eq!(Template::parse(text).unwrap_err(), problem, "{text}");
    }
    assert!(Template::parse(&"é".repeat(500)).is_ok());
    assert!(Template::parse(&"é".repeat(501)).is_err());
}

#[test]
fn rules_that_are_refused() {
    let told = Rule { becomes: vec!["x".to_owned()], ..rule("{before}") };
    assert_eq!(
        told.check().unwrap_err(),
        "it has no condition: name event_types, custom_types or fields; becomes is about a change: \
         name the fields; text tells of changes: name the fields",
    );
    let fields = vec![field("a", Some(" ")), field("b", None), field("a", None), field("", None)];
    assert_eq!(
        Rule { fields, ..rule("x") }.check().unwrap_err(),
        r#"label must not be empty; field must not be empty; fields[2] is "a", which stands before it already"#,
    );
    let own = Rule { event_types: vec![EventType::Update, EventType::StatusNote], ..rule("x") };
    assert_eq!(own.check().unwrap_err(), "event_types holds STATUS_NOTE, which is itself a note");
    let many = Rule { fields: vec![field("a", None)], becomes: vec!["v".into(); 51], ..rule("x") };
    assert_eq!(many.check().unwrap_err(), "becomes has 51 items, and may have 50");
}

/// A part of a template and what it must come to.
fn any_part() -> impl Strategy<Value = (String, Option<&'static str>)> {
    prop_oneof![
        3 => "[a-z{} –é]{1,4}".prop_map(|text| (text, None)),
        1 => Just((String::new(), Some("label"))),
        1 => Just((String::new(), Some("field"))),
        1 => Just((String::new(), Some("before"))),
        1 => Just((String::new(), Some("after"))),
    ]
}

fn any_value() -> impl Strategy<Value = Json> {
    prop_oneof![Just(Json::Null), ".{0,6}".prop_map(Json::String), Just(Json::Bool(true))]
}

fn shown(value: &Json) -> String {
    value.clone().into_shown().unwrap_or_else(|| "(none)".to_owned())
}

proptest! {
    /// A template comes to its parts one after the other, for each change, whatever braces are in the
    /// text, the labels and the values.
    #[test]
    fn a_template_comes_to_its_parts(
        parts in prop::collection::vec(any_part(), 1..6),
        label in "[A-Z{} ]{0,3}[A-Z{}]",
        values in prop::collection::vec((any_value(), any_value()), 1..4),
    ) {
        let template: String = parts.iter().map(|(text, place)| match place {
            None => text.replace('{', "{{").replace('}', "}}"),
            Some(place) => format!("{{{place}}}"),
        }).collect();
        prop_assume!(!template.trim().is_empty());
        let rule = Rule { fields: vec![field("f{}", Some(&label))], ..rule(&template) };
        let changes: Vec<_> = values.iter().map(|(before, after)| {
            Change::new("f{}".to_owned(), before.clone(), after.clone())
        }).collect();
        let of_one = |(before, after): &(Json, Json)| parts.iter().map(|(text, place)| match place {
            None => text.clone(),
            Some("label") => label.clone(),
            Some("field") => "f{}".to_owned(),
            Some("before") => shown(before),
            Some(_) => shown(after),
        }).collect::<String>();
        let repeats = parts.iter().any(|(_, place)| place.is_some());
        let told = if repeats { values.len() } else { 1 };
        let expected: Vec<_> = values.iter().take(told).map(of_one).collect();
        prop_assert_eq!(note(&rule, &changes), Some(expected.join("; ")));
        prop_assert_eq!(Rule::from_json(&rule.to_json()), Some(rule));
    }

    /// What is kept holds no value, so that whatever is withheld when it is read is not in the text.
    #[test]
    fn what_is_kept_holds_no_value(before in "[0-9]{9}", after in "[0-9]{9}", list in any::<bool>()) {
        let text = if list { "{changes}" } else { "{label} {before} {after}" };
        let rule = Rule { fields: vec![field("a", None)], ..rule(text) };
        let change = change("a", &format!("{before:?}"), &format!("{after:?}"));
        let note = rule.note(&event(&[change]), None).unwrap();
        prop_assert!(!note.text.contains(&before) && !note.text.contains(&after));
        let field = "a".to_owned();
        let withheld = ShownChange { field, before: None, after: None, withheld: true };
        prop_assert!(!render(&note.text, &[withheld]).contains(&before));
    }

    /// Whatever is kept can be read.
    #[test]
    fn rendering_never_fails(text in "([{}]|before|after| |[0-9]|é){0,12}") {
        prop_assert!(render(&text, &[]).len() <= text.len());
    }
}
