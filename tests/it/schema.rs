//! The GraphQL schema: the file at the top is the code's, everything in it is described, and it is a
//! superset of Healthie's.

mod superset;

use std::path::Path;

use async_graphql::parser::parse_schema;
use serde_json::Value;

use crate::support::On;
use crate::support::world::World;

#[test]
fn the_file_at_the_top_is_the_schema_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let file = std::fs::read_to_string(file).unwrap();
    assert!(
        file == auditlog::graphql::sdl(),
        "schema.graphql is not the code's: run `cargo run -- schema > schema.graphql`"
    );
}

#[test]
fn every_query_for_healthie_is_a_query_here() {
    let healthie = parse_schema(include_str!("healthie.graphql")).unwrap();
    let ours = parse_schema(auditlog::graphql::sdl()).unwrap();
    let violations = superset::violations(&healthie, &ours);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_described() {
    let world = World::empty(On::Sqlite, None).await;
    let schema = world.anonymous().get("/playground/schema.json").await.json();
    let schema = &schema["data"]["__schema"];
    let mut described = Described::default();
    for kind in list(&schema["types"]) {
        let name = kind["name"].as_str().unwrap();
        // GraphQL's own: every tool knows them.
        if name.starts_with("__") || ["Boolean", "Float", "ID", "Int", "String"].contains(&name) {
            continue;
        }
        described.hold("", kind);
        let members = ["fields", "inputFields", "enumValues"].map(|members| &kind[members]);
        for member in members.into_iter().flat_map(list) {
            described.hold(name, member);
            let path = format!("{name}.{}", member["name"].as_str().unwrap());
            for argument in list(&member["args"]) {
                described.hold(&path, argument);
            }
        }
    }
    for directive in list(&schema["directives"]) {
        described.hold("@", directive);
    }
    assert!(described.count > 200, "only {} were looked at", described.count);
    assert_eq!(described.missing, Vec::<String>::new(), "these have no description");
}

/// What was looked at, and what of it is not described.
#[derive(Default)]
struct Described {
    count: usize,
    missing: Vec<String>,
}

impl Described {
    fn hold(&mut self, within: &str, item: &Value) {
        self.count += 1;
        if item["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            self.missing.push(format!("{within} {}", item["name"].as_str().unwrap()));
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
