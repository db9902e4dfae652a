//! Whether every query that one schema takes is taken by another one, and answered in the same shape.

use std::collections::HashMap;

use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, ServiceDocument, Type, TypeDefinition,
    TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned};

/// All by which `ours` is no superset of `theirs`.
pub fn violations(theirs: &ServiceDocument, ours: &ServiceDocument) -> Vec<String> {
    let our_types = types(ours);
    let mut found = Found(Vec::new());
    for (name, their_type) in types(theirs) {
        match our_types.get(name) {
            Some(our_type) => found.compare(name, &their_type.kind, &our_type.kind),
            None => found.add(name, "is missing"),
        }
    }
    found.0.sort();
    found.0
}

fn types(document: &ServiceDocument) -> HashMap<&str, &TypeDefinition> {
    let types = document.definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(&definition.node),
        _ => None,
    });
    types.map(|definition| (definition.name.node.as_str(), definition)).collect()
}

struct Found(Vec<String>);

impl Found {
    fn add(&mut self, path: &str, what: &str) {
        self.0.push(format!("{path} {what}"));
    }

    fn compare(&mut self, name: &str, theirs: &TypeKind, ours: &TypeKind) {
        match (theirs, ours) {
            (TypeKind::Scalar, TypeKind::Scalar) => {}
            (TypeKind::Object(theirs), TypeKind::Object(ours)) => {
                self.fields(name, &theirs.fields, &ours.fields);
            }
            (TypeKind::Interface(theirs), TypeKind::Interface(ours)) => {
                self.fields(name, &theirs.fields, &ours.fields);
            }
            (TypeKind::Enum(theirs), TypeKind::Enum(ours)) => {
                for value in &theirs.values {
                    let value = &value.node.value.node;
                    if !ours.values.iter().any(|our| our.node.value.node == *value) {
                        self.add(&format!("{name}.{value}"), "is missing");
                    }
                }
            }
            (TypeKind::InputObject(theirs), TypeKind::InputObject(ours)) => {
                self.inputs(name, &theirs.fields, &ours.fields);
            }
            _ => self.add(name, "is of another kind"),
        }
    }

    fn fields(
        &mut self,
        name: &str,
        theirs: &[Positioned<FieldDefinition>],
        ours: &[Positioned<FieldDefinition>],
    ) {
        for their in theirs {
            let field = &their.node.name.node;
            let path = format!("{name}.{field}");
            let Some(our) = ours.iter().find(|our| our.node.name.node == *field) else {
                self.add(&path, "is missing");
                continue;
            };
            let (their_type, our_type) = (&their.node.ty.node, &our.node.ty.node);
            if !gives(our_type, their_type) {
                self.add(&path, &format!("is {our_type}, which is not always {their_type}"));
            }
            self.inputs(&path, &their.node.arguments, &our.node.arguments);
        }
    }

    /// Arguments, or the fields of an input.
    fn inputs(
        &mut self,
        path: &str,
        theirs: &[Positioned<InputValueDefinition>],
        ours: &[Positioned<InputValueDefinition>],
    ) {
        let named = |inputs: &[Positioned<InputValueDefinition>], name: &Name| {
            inputs
                .iter()
                .find(|input| input.node.name.node == *name)
                .map(|input| input.node.clone())
        };
        for their in theirs {
            let name = &their.node.name.node;
            let path = format!("{path}({name})");
            match named(ours, name) {
                None => self.add(&path, "is missing"),
                Some(our) => {
                    let (their_type, our_type) = (&their.node.ty.node, &our.ty.node);
                    // A default stands in for what is left out, but not for a variable's null.
                    if !gives(their_type, our_type) {
                        self.add(
                            &path,
                            &format!("is {our_type}, which does not take every {their_type}"),
                        );
                    }
                }
            }
        }
        for our in ours {
            let optional = our.node.ty.node.nullable || our.node.default_value.is_some();
            if !optional && named(theirs, &our.node.name.node).is_none() {
                self.add(&format!("{path}({})", our.node.name.node), "is added and required");
            }
        }
    }
}

/// Whether every value of type `given` is one of type `wanted`: the same, or stricter.
fn gives(given: &Type, wanted: &Type) -> bool {
    let base = match (&given.base, &wanted.base) {
        (BaseType::Named(given), BaseType::Named(wanted)) => given == wanted,
        (BaseType::List(given), BaseType::List(wanted)) => gives(given, wanted),
        _ => false,
    };
    base && (wanted.nullable || !given.nullable)
}

mod finds {
    use async_graphql::parser::parse_schema;

    const THEIRS: &str = "
        scalar Time
        type Query { log(first: Int, kind: Kind!, ids: [ID!]): [Entry!] }
        type Entry { id: ID!, at: Time, tags: [String] }
        enum Kind { A B }
        input Filter { from: Time, kind: Kind! }
    ";

    /// What is found when a piece of the schema is replaced by another one.
    fn with(piece: &str, replacement: &str) -> Vec<String> {
        assert!(piece.is_empty() || THEIRS.contains(piece), "{piece}");
        let ours = THEIRS.replacen(piece, replacement, usize::from(!piece.is_empty()));
        super::violations(&parse_schema(THEIRS).unwrap(), &parse_schema(ours).unwrap())
    }

    #[test]
    fn nothing_in_the_same_schema_or_a_larger_one() {
        for (piece, replacement) in [
            ("", ""),
            ("scalar Time", "scalar Time scalar More type Other { id: ID }"),
            ("tags: [String]", "tags: [String!]!, more: Int"),
            ("at: Time", "at: Time!"),
            ("): [Entry!]", "): [Entry!]!"),
            ("ids: [ID!]", "ids: [ID]"),
            ("kind: Kind!, ids", "kind: Kind, ids"),
            ("first: Int", "first: Int, more: Int"),
            ("first: Int", "first: Int, more: Int! = 1"),
            ("enum Kind { A B }", "enum Kind { C B A }"),
            (
                "input Filter { from: Time, kind: Kind! }",
                "input Filter { kind: Kind, from: Time, to: Time }",
            ),
        ] {
            assert_eq!(with(piece, replacement), Vec::<String>::new(), "{replacement}");
        }
    }

    #[test]
    fn each_thing_that_breaks_a_query_or_its_reader() {
        for (piece, replacement, violation) in [
            ("scalar Time", "scalar Date", "Time is missing"),
            ("scalar Time", "enum Time { NOW }", "Time is of another kind"),
            ("log(", "logs(", "Query.log is missing"),
            ("first: Int", "last: Int", "Query.log(first) is missing"),
            (
                "first: Int",
                "first: Int!",
                "Query.log(first) is Int!, which does not take every Int",
            ),
            (
                "first: Int",
                "first: Int! = 1",
                "Query.log(first) is Int!, which does not take every Int",
            ),
            (
                "first: Int",
                "first: String",
                "Query.log(first) is String, which does not take every Int",
            ),
            ("first: Int", "first: Int, more: Int!", "Query.log(more) is added and required"),
            ("ids: [ID!]", "ids: ID", "Query.log(ids) is ID, which does not take every [ID!]"),
            ("): [Entry!]", "): Entry", "Query.log is Entry, which is not always [Entry!]"),
            ("): [Entry!]", "): [Entry]", "Query.log is [Entry], which is not always [Entry!]"),
            ("id: ID!", "id: ID", "Entry.id is ID, which is not always ID!"),
            ("id: ID!", "id: String!", "Entry.id is String!, which is not always ID!"),
            ("at: Time", "on: Time", "Entry.at is missing"),
            ("enum Kind { A B }", "enum Kind { A }", "Kind.B is missing"),
            ("from: Time", "from: Time!", "Filter(from) is Time!, which does not take every Time"),
            ("from: Time", "from: Time, to: Time!", "Filter(to) is added and required"),
        ] {
            assert_eq!(with(piece, replacement), [violation], "{replacement}");
        }
    }
}
