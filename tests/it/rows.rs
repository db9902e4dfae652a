//! Lists that are written at once answer what ordinary resolvers would: any selection of them equals
//! what the specification's CollectFields makes of the whole of it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::support::On;
use crate::support::client::Client;
use crate::support::property::for_all;
use crate::support::world::{VIEW, World, event_with};

on_both!(any_selection_is_the_part_of_the_whole_that_it_names, what_is_odd_is_written_as_json);

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
    Typename(Option<&'static str>),
    /// Inline, or by name; with a type condition or not.
    Fragment {
        named: bool,
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
}

impl When {
    fn holds(self) -> bool {
        match self {
            Self::Always => true,
            Self::Skip(skipped) | Self::SkipByVariable(skipped) => !skipped,
            Self::Include(included) | Self::IncludeByVariable(included) => included,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Always => String::new(),
            Self::Skip(skipped) => format!(" @skip(if: {skipped})"),
            Self::Include(included) => format!(" @include(if: {included})"),
            Self::SkipByVariable(skipped) => format!(" @skip(if: ${})", variable(skipped)),
            Self::IncludeByVariable(included) => format!(" @include(if: ${})", variable(included)),
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
        1 => select(vec![None, Some("kind_of")]).prop_map(Node::Typename),
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
            1 => (any::<bool>(), any::<bool>(), when(), vec(inner, 1..5)).prop_map(
                |(named, conditioned, when, of)| Node::Fragment { named, conditioned, when, of }
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
            Node::Typename(alias) => alias
                .map_or_else(|| "__typename".to_owned(), |alias| format!("{alias}: __typename")),
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
            Node::Fragment { named: false, conditioned, when, of } => {
                let on = if *conditioned { format!(" on {ty}") } else { String::new() };
                format!("...{on}{} {{ {} }}", when.text(), written(of, ty, fragments))
            }
            Node::Fragment { named: true, when, of, .. } => {
                let of = written(of, ty, fragments);
                let name = format!("f{}", fragments.len());
                fragments.push(format!("fragment {name} on {ty} {{ {of} }}"));
                format!("...{name}{}", when.text())
            }
        });
    }
    out.join(" ")
}

/// CollectFields and its merging, on a value of which everything is known.
fn collect(nodes: &[Node], ty: &str, whole: &Value, out: &mut Map<String, Value>) {
    for node in nodes {
        match node {
            Node::Typename(alias) => {
                out.insert(alias.unwrap_or("__typename").to_owned(), json!(ty));
            }
            Node::Field { name, alias, when, of } if when.holds() => {
                let (name, ty) = fields_of(ty)[name % fields_of(ty).len()];
                let key = alias.map_or_else(|| name.to_owned(), |alias| format!("{alias}_{name}"));
                let value = selected(of, ty, &whole[name], out.get(&key));
                out.insert(key, value);
            }
            Node::Fragment { when, of, .. } if when.holds() => collect(of, ty, whole, out),
            _ => {}
        }
    }
}

/// What is selected of a field's value, beside what already was.
fn selected(nodes: &[Node], ty: &str, whole: &Value, before: Option<&Value>) -> Value {
    match whole {
        Value::Array(items) if !ty.is_empty() => {
            let item = |(n, item)| selected(nodes, ty, item, before.map(|before| &before[n]));
            items.iter().enumerate().map(item).collect()
        }
        Value::Object(_) if !ty.is_empty() => {
            let mut out = before.and_then(Value::as_object).cloned().unwrap_or_default();
            if nodes.is_empty() {
                let first = fields_of(ty)[0].0;
                out.insert(first.to_owned(), whole[first].clone());
            }
            collect(nodes, ty, whole, &mut out);
            Value::Object(out)
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

async fn any_selection_is_the_part_of_the_whole_that_it_names(on: On) {
    let (_world, viewer) = some_events(on).await;
    let filter = "resource_name: APPOINTMENT, first: 10";
    let all = format!(
        "{{ auditLog({filter}) {{ nodes {{ {} }} edges {{ {} }} }} }}",
        whole("AuditEvent"),
        whole("AuditEventEdge")
    );
    let all = viewer.query(&all).await["auditLog"].take();
    for_all(150, (nodes(), any::<bool>()), async |(nodes, of_edges): (Vec<Node>, bool)| {
        let (list, ty) =
            if of_edges { ("edges", "AuditEventEdge") } else { ("nodes", "AuditEvent") };
        let mut fragments = Vec::new();
        // In one place, or in two that are merged, at either level.
        let (one, other) = nodes.split_at(nodes.len() / 2);
        let other = written(other, ty, &mut fragments);
        let lists = match (one.is_empty(), nodes.len() % 2) {
            (true, _) => format!("auditLog({filter}) {{ {list} {{ {other} }} }}"),
            (false, even) => {
                let one = written(one, ty, &mut fragments);
                let between = if even == 0 { "" } else { &*format!("}} auditLog({filter}) {{") };
                format!(
                    "auditLog({filter}) {{ {list} {{ {one} }} {between} {list} {{ {other} }} }}"
                )
            }
        };
        let query = format!(
            "query($yes: Boolean!, $no: Boolean!) {{
                viewer {{ is_owner @include(if: $yes) can_record @skip(if: $no) }} {lists}
            }} {}",
            fragments.join(" ")
        );
        let answer = viewer.data(&query, json!({"yes": true, "no": false})).await;
        let expected: Vec<Value> = all[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                let mut out = Map::new();
                collect(&nodes, ty, item, &mut out);
                Value::Object(out)
            })
            .collect();
        // With the order of the keys: as text.
        assert_eq!(answer["auditLog"][list].to_string(), json!(expected).to_string(), "{query}");
    });
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
