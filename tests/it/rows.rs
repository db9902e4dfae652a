//! Lists that are written at once answer what ordinary resolvers would: any selection of them equals what
//! async-graphql's own resolvers answer to it for one event, and what the specification's CollectFields
//! makes of the whole of it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::property::for_all;
use crate::support::world::{VIEW, World, event_with, limits};

on_both!(
    any_selection_is_the_part_of_the_whole_that_it_names,
    what_is_wrong_in_a_list_is_said_as_of_one_event,
    what_is_odd_is_written_as_json,
);

/// Everything that an event says, by type: what has fields, and of which type they are.
const TYPES: [(&str, &[(&str, &str)]); 5] = [
    ("AuditEventEdge", &[("cursor", ""), ("node", "AuditEvent")]),
    (
        "AuditEvent",
        &[
            ("id", ""),
            ("sequence", ""),
            ("external_id", ""),
            ("type", ""),
            ("custom_type", ""),
            ("custom_type_version", ""),
            ("resource_name", ""),
            ("custom_resource", ""),
            ("custom_resource_version", ""),
            ("resource_id", ""),
            ("occurred_at", ""),
            ("outcome", ""),
            ("purpose", ""),
            ("recorded_at", ""),
            ("acting_user", "User"),
            ("organization", "Organization"),
            ("resource_changes", "AuditEventResourceChange"),
            ("ip_address", ""),
            ("user_agent", ""),
            ("url", ""),
            ("page", ""),
            ("description", ""),
            ("request_id", ""),
            ("metadata", ""),
        ],
    ),
    (
        "User",
        &[("id", ""), ("first_name", ""), ("last_name", ""), ("full_name", ""), ("email", "")],
    ),
    ("Organization", &[("id", ""), ("name", ""), ("parent_id", "")]),
    (
        "AuditEventResourceChange",
        &[("field", ""), ("withheld", ""), ("value_before_change", ""), ("value_after_change", "")],
    ),
];

fn fields_of(ty: &str) -> &'static [(&'static str, &'static str)] {
    TYPES.iter().find(|(name, _)| *name == ty).unwrap().1
}

/// All of a type, down to its last field.
fn whole(ty: &str) -> String {
    let field = |(name, of): &(&str, &str)| match *of {
        "" => (*name).to_owned(),
        of => format!("{name} {{ {} }}", whole(of)),
    };
    fields_of(ty).iter().map(field).collect::<Vec<_>>().join(" ")
}

/// What is selected, as a tree.
#[derive(Debug, Clone)]
enum Node {
    Field {
        name: usize,
        alias: Option<&'static str>,
        when: When,
        of: Vec<Self>,
    },
    Typename(Option<&'static str>, When),
    /// Inline, or by name, once or twice; with a type condition or not.
    Fragment {
        named: bool,
        twice: bool,
        conditioned: bool,
        when: When,
        of: Vec<Self>,
    },
}

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    Skip(bool),
    Include(bool),
    SkipByVariable(bool),
    IncludeByVariable(bool),
    SkipAndInclude(bool, bool),
}

impl When {
    fn holds(self) -> bool {
        match self {
            Self::Always => true,
            Self::Skip(skipped) | Self::SkipByVariable(skipped) => !skipped,
            Self::Include(included) | Self::IncludeByVariable(included) => included,
            Self::SkipAndInclude(skipped, included) => !skipped && included,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Always => String::new(),
            Self::Skip(skipped) => format!(" @skip(if: {skipped})"),
            Self::Include(included) => format!(" @include(if: {included})"),
            Self::SkipByVariable(skipped) => format!(" @skip(if: ${})", variable(skipped)),
            Self::IncludeByVariable(included) => format!(" @include(if: ${})", variable(included)),
            Self::SkipAndInclude(skipped, included) => {
                format!(" @skip(if: {skipped}) @include(if: ${})", variable(included))
            }
        }
    }
}

fn variable(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        6 => Just(When::Always),
        1 => any::<bool>().prop_map(When::Skip),
        1 => any::<bool>().prop_map(When::Include),
        1 => any::<bool>().prop_map(When::SkipByVariable),
        1 => any::<bool>().prop_map(When::IncludeByVariable),
        1 => any::<(bool, bool)>().prop_map(|(skip, include)| When::SkipAndInclude(skip, include)),
    ]
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    // The alias of a field depends on its name, so that two of one key are of one field.
    let leaf = prop_oneof![
        6 => (any::<usize>(), when()).prop_map(|(name, when)| Node::Field {
            name,
            alias: None,
            when,
            of: Vec::new(),
        }),
        1 => (select(vec![None, Some("kind_of")]), when())
            .prop_map(|(alias, when)| Node::Typename(alias, when)),
    ];
    let node = leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            4 => (any::<usize>(), any::<bool>(), when(), vec(inner.clone(), 1..5)).prop_map(
                |(name, aliased, when, of)| Node::Field {
                    name,
                    alias: aliased.then_some("other"),
                    when,
                    of,
                }
            ),
            1 => (any::<[bool; 3]>(), when(), vec(inner, 1..5)).prop_map(
                |([named, twice, conditioned], when, of)| Node::Fragment {
                    named,
                    twice,
                    conditioned,
                    when,
                    of,
                }
            ),
        ]
    });
    vec(node, 1..8)
}

/// The document's text for a selection on a type, and the fragments it spreads.
fn written(nodes: &[Node], ty: &str, fragments: &mut Vec<String>) -> String {
    let mut out = Vec::new();
    for node in nodes {
        out.push(match node {
            Node::Typename(alias, when) => {
                let alias = alias.map_or_else(String::new, |alias| format!("{alias}: "));
                format!("{alias}__typename{}", when.text())
            }
            Node::Field { name, alias, when, of } => {
                let (name, ty) = fields_of(ty)[name % fields_of(ty).len()];
                let alias = alias.map_or_else(String::new, |alias| format!("{alias}_{name}: "));
                let below = match ty {
                    "" => String::new(),
                    ty if of.is_empty() => format!(" {{ {} }}", fields_of(ty)[0].0),
                    ty => format!(" {{ {} }}", written(of, ty, fragments)),
                };
                format!("{alias}{name}{}{below}", when.text())
            }
            Node::Fragment { named: false, conditioned, when, of, .. } => {
                let on = if *conditioned { format!(" on {ty}") } else { String::new() };
                format!("...{on}{} {{ {} }}", when.text(), written(of, ty, fragments))
            }
            Node::Fragment { named: true, twice, when, of, .. } => {
                let of = written(of, ty, fragments);
                let name = format!("f{}", fragments.len());
                fragments.push(format!("fragment {name} on {ty} {{ {of} }}"));
                let spread = format!("...{name}{}", when.text());
                if *twice { format!("{spread} {spread}") } else { spread }
            }
        });
    }
    out.join(" ")
}

/// What answers for an object of which everything is skipped.
#[derive(Debug, Clone, Copy)]
enum Skipped {
    /// One without fields, by the specification.
    Object,
    /// Null, by async-graphql's resolvers; and it stays null, whatever the same key selects again after it.
    Null,
}

/// CollectFields and its merging, on a value of which everything is known.
fn collect(
    nodes: &[Node],
    ty: &str,
    whole: &Value,
    skipped: Skipped,
    out: &mut Map<String, Value>,
) {
    for node in nodes {
        match node {
            Node::Typename(alias, when) if when.holds() => {
                out.insert(alias.unwrap_or("__typename").to_owned(), json!(ty));
            }
            Node::Field { name, alias, when, of } if when.holds() => {
                let (name, ty) = fields_of(ty)[name % fields_of(ty).len()];
                let key = alias.map_or_else(|| name.to_owned(), |alias| format!("{alias}_{name}"));
                let value = selected(of, ty, &whole[name], skipped, out.get(&key));
                out.insert(key, value);
            }
            Node::Fragment { when, of, .. } if when.holds() => {
                collect(of, ty, whole, skipped, out);
            }
            _ => {}
        }
    }
}

/// What is selected of a field's value, beside what already was.
fn selected(
    nodes: &[Node],
    ty: &str,
    whole: &Value,
    skipped: Skipped,
    before: Option<&Value>,
) -> Value {
    match whole {
        Value::Array(items) if !ty.is_empty() => {
            let before = |n: usize| before.map(|before| &before[n]);
            let item = |(n, item)| selected(nodes, ty, item, skipped, before(n));
            items.iter().enumerate().map(item).collect()
        }
        Value::Object(_) if before.is_some_and(Value::is_null) => Value::Null,
        Value::Object(_) if !ty.is_empty() => {
            let mut out = before.and_then(Value::as_object).cloned().unwrap_or_default();
            if nodes.is_empty() {
                let first = fields_of(ty)[0].0;
                out.insert(first.to_owned(), whole[first].clone());
            }
            collect(nodes, ty, whole, skipped, &mut out);
            match skipped {
                Skipped::Null if out.is_empty() => Value::Null,
                _ => Value::Object(out),
            }
        }
        other => other.clone(),
    }
}

async fn some_events(on: On) -> (World, Client) {
    let world = World::new(on).await;
    let viewer = world.user("vera", "acme", VIEW).await;
    let recorder = world.recorder("acme").await;
    let full = json!({
        "id": "evt-1", "acting_user_id": "vera", "purpose": "TREAT", "outcome": "FAILURE",
        "before": {"a": 1, "b": "x\u{7}\"\\"}, "after": {"a": [1.10, null], "c": "\u{1f3e5}"},
        "ip_address": "203.0.113.9", "user_agent": "a\nb", "url": "https://a.example/?q=\u{2028}",
        "page": "Ch\u{e4}rt", "description": "text", "request_id": "r",
        "metadata": {"n": 1.50, "list": [[], {}]},
    });
    recorder
        .recorded(json!([
            event_with("west", "1", full),
            event_with("portland", "2", json!({"acting_user_id": "unknown", "changes": []})),
            event_with("acme", "3", json!({})),
        ]))
        .await;
    (world, viewer)
}

/// How a list is selected.
#[derive(Debug)]
struct Way {
    list: &'static str,
    /// Other names in the answer.
    log_key: &'static str,
    list_key: &'static str,
    /// The second half of the selection stands in a field of its own at the root,
    apart: bool,
    /// or in a fragment of the connection.
    spread: bool,
    /// Other fields of the connection stand before, between and after.
    among: bool,
}

impl Way {
    fn is_of_events(&self) -> bool {
        self.list == "nodes"
    }

    /// What the list is of.
    fn ty(&self) -> &'static str {
        if self.is_of_events() { "AuditEvent" } else { "AuditEventEdge" }
    }
}

fn ways() -> impl Strategy<Value = Way> {
    any::<[bool; 6]>().prop_map(|[edges, log, list, apart, spread, among]| {
        let name = if edges { "edges" } else { "nodes" };
        Way {
            list: name,
            log_key: if log { "log" } else { "auditLog" },
            list_key: if list { "list" } else { name },
            apart,
            spread,
            among,
        }
    })
}

const LOG: &str = "auditLog(resource_name: APPOINTMENT, first: 10)";

async fn any_selection_is_the_part_of_the_whole_that_it_names(on: On) {
    let (world, viewer) = some_events(on).await;
    // Each selection is sent four times at once.
    let more = [
        ("max_document_bytes", 1_000_000),
        ("max_document_tokens", 100_000),
        ("max_fields", 100_000),
        ("max_aliases", 100_000),
        ("max_directives", 100_000),
        ("max_comparisons", 1_000_000),
        ("max_complexity", 10_000_000),
    ];
    let viewer = viewer.at(&world.server_within(limits(&more)).await);
    for (ty, fields) in TYPES {
        let asked = format!("{{ __type(name: {ty:?}) {{ fields {{ name }} }} }}");
        let declared = viewer.query(&asked).await["__type"]["fields"].take();
        let known: Vec<_> = fields.iter().map(|(name, _)| json!({"name": name})).collect();
        let sorted = |mut names: Vec<Value>| {
            names.sort_unstable_by_key(Value::to_string);
            names
        };
        assert_eq!(sorted(declared.as_array().unwrap().clone()), sorted(known), "{ty}");
    }
    let all = format!(
        "{{ {LOG} {{ nodes {{ {} }} edges {{ {} }} }} }}",
        whole("AuditEvent"),
        whole("AuditEventEdge")
    );
    let all = viewer.query(&all).await["auditLog"].take();
    for_all(150, (nodes(), ways()), async |(nodes, way): (Vec<Node>, Way)| {
        let query = document(&nodes, &way, &all);
        let answer = viewer.data(&query, json!({"yes": true})).await;
        let expected = expected(&nodes, &way, &all);
        // With the order of the keys: as text.
        assert_eq!(answer[way.log_key].to_string(), expected.to_string(), "{query}");
        let events = all["nodes"].as_array().unwrap().iter().enumerate();
        for (n, event) in events.filter(|_| way.is_of_events()) {
            let resolved = selected(&nodes, "AuditEvent", event, Skipped::Null, None).to_string();
            assert_eq!(answer[format!("one_{n}")].to_string(), resolved, "{query}");
        }
    });
}

/// A document that selects a list, and, where its items are events, the same of each event alone.
fn document(nodes: &[Node], way: &Way, all: &Value) -> String {
    let Way { list, log_key, list_key, apart, spread, among } = *way;
    let ty = way.ty();
    let mut fragments = Vec::new();
    let (first, second) = nodes.split_at(nodes.len() / 2);
    let (first, second) = (written(first, ty, &mut fragments), written(second, ty, &mut fragments));
    let events = all["nodes"].as_array().unwrap().iter().enumerate();
    let ones = events.filter(|_| way.is_of_events()).map(|(n, event)| {
        format!("one_{n}: auditEvent(id: {}) {{ {first} {second} }}", event["id"])
    });
    let ones = ones.collect::<Vec<_>>().join(" ");
    let selected = |of: &str| match of {
        "" => String::new(),
        of => format!("{list_key}: {list} {{ {of} }}"),
    };
    let [before, between, after] = match among {
        true => ["page_info { has_next_page }", "total_count", other(list).0],
        false => [""; 3],
    };
    let mut rest = format!("{} {after}", selected(&second));
    if spread {
        fragments.push(format!("fragment rest on AuditEventPaginationConnection {{ {rest} }}"));
        rest = "...rest".to_owned();
    }
    let log = format!("{log_key}: {LOG} {{");
    let begun = format!("{before} {} {between}", selected(&first));
    let apart = if apart && !begun.trim().is_empty() { format!("}} {log}") } else { String::new() };
    format!(
        "query($yes: Boolean!, $no: Boolean = false) {{
            viewer {{ is_owner @include(if: $yes) can_record @skip(if: $no) }}
            {log} {begun} {apart} {rest} }} {ones}
        }} {}",
        fragments.join(" ")
    )
}

/// The list that is not selected: something of it, and where that is in the whole.
const fn other(list: &str) -> (&'static str, &'static str, &'static str) {
    match list.as_bytes() {
        b"edges" => ("nodes { id }", "nodes", "id"),
        _ => ("edges { cursor }", "edges", "cursor"),
    }
}

fn expected(nodes: &[Node], way: &Way, all: &Value) -> Value {
    let items = all[way.list].as_array().unwrap().iter();
    let items: Value =
        items.map(|item| selected(nodes, way.ty(), item, Skipped::Object, None)).collect();
    let mut connection = Map::new();
    let mut put = |key: &str, value: Value| connection.insert(key.to_owned(), value);
    if way.among {
        put("page_info", json!({"has_next_page": false}));
        if nodes.len() > 1 {
            put(way.list_key, items.clone());
        }
        put("total_count", json!(3));
    }
    put(way.list_key, items);
    if way.among {
        let (_, list, field) = other(way.list);
        let others = all[list].as_array().unwrap().iter();
        put(list, others.map(|item| json!({field: item[field]})).collect());
    }
    Value::Object(connection)
}

/// Selections that are refused.
const WRONG: [&str; 12] = [
    "nope",
    "id { nope }",
    "acting_user",
    "acting_user { nope }",
    "organization { id { id } }",
    "id: sequence id",
    "organization { id name: id name }",
    "type(of: 1)",
    "id @nope",
    "id @include",
    "... on User { id }",
    "...nope",
];

async fn what_is_wrong_in_a_list_is_said_as_of_one_event(on: On) {
    let (_world, viewer) = some_events(on).await;
    let said = async |document: String| {
        let answer = viewer.graphql(&document, json!({})).await.json();
        assert!(answer.get("data").is_none_or(Value::is_null), "{document}: {answer}");
        let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("{document}: {answer}"));
        let said = errors.iter().map(|error| [&error["message"], &error["extensions"]["code"]]);
        json!(said.collect::<Vec<_>>())
    };
    for wrong in WRONG {
        let one = said(format!("{{ auditEvent(external_id: \"evt-1\") {{ {wrong} }} }}")).await;
        let of_list = said(format!("{{ {LOG} {{ nodes {{ {wrong} }} }} }}")).await;
        assert_eq!(of_list, one, "{wrong}");
        let of_edges = said(format!("{{ {LOG} {{ edges {{ node {{ {wrong} }} }} }} }}")).await;
        assert_eq!(of_edges, one, "{wrong}");
    }
}

async fn what_is_odd_is_written_as_json(on: On) {
    let (_world, viewer) = some_events(on).await;
    let query = "{ auditLog(resource_name: APPOINTMENT, order_by: SEQUENCE_ASC) {
        nodes { user_agent url page metadata resource_changes { field value_before_change value_after_change } }
        edges { node { acting_user { full_name } } }
        page_info { has_next_page }
    } }";
    let answer = viewer.graphql(query, json!({})).await;
    insta::assert_snapshot!("what_is_odd", answer.body);
}
