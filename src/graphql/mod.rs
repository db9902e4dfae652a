//! The GraphQL API: the only layer that knows async-graphql.
//!
//! Types here are made for the wire and hold what a selection needs; they are never entities. Names
//! of fields and arguments are snake_case and of queries and mutations camelCase, as Healthie's are.

mod administration;
mod arguments;
mod connection;
mod definitions;
mod document;
mod error;
mod event;
mod holds;
mod kind;
mod note_rules;
mod notes;
mod people;
mod plan;
mod policies;
mod query;
mod recording;
mod scalar;
mod warning;

use async_graphql::{EmptySubscription, SDLExportOptions, SchemaBuilder};

use crate::domain::event::Context as EventContext;
use crate::domain::viewer::Viewer;
use crate::store::Store;

pub use async_graphql::parser::types::OperationType;
pub use async_graphql::{Request, Response};
pub use document::operation_type;
pub use error::failure;
use error::finish;
pub use scalar::to_variables;
use warning::Warnings;

/// Who sends a request, and where from. Every request that is executed carries one.
#[derive(Debug, Clone)]
pub struct Requester {
    /// Who, with their rights at this moment.
    pub viewer: Viewer,
    /// Where from, for what the request itself leaves in the log.
    pub context: EventContext,
}

/// The root of all queries.
#[derive(async_graphql::MergedObject, Default)]
struct Query(
    query::AuditLog,
    definitions::DefinitionQueries,
    policies::PolicyQueries,
    notes::NoteQueries,
    note_rules::NoteRuleQueries,
    plan::PlanQueries,
    holds::HoldQueries,
);

/// The root of all mutations.
#[derive(async_graphql::MergedObject, Default)]
struct Mutation(
    recording::Recording,
    administration::Administration,
    definitions::DefinitionMutations,
    policies::PolicyMutations,
    notes::NoteMutations,
    note_rules::NoteRuleMutations,
    holds::HoldMutations,
);

/// The executable schema.
#[derive(Clone)]
pub struct Schema(async_graphql::Schema<Query, Mutation, EmptySubscription>);

impl Schema {
    /// The schema over a store.
    pub fn new(store: Store) -> Self {
        Self(builder().data(store).finish())
    }

    /// Executes a request; its errors carry codes and hold nothing that is not for clients.
    pub async fn execute(&self, mut request: Request) -> Response {
        document::fill_in_defaults(&mut request);
        let fields = document::root_fields(&mut request);
        let warnings = Warnings::default();
        let response = finish(self.0.execute(request.data(warnings.clone())).await);
        warnings.finish(document::in_order(response, &fields))
    }

    /// The answer to a whole introspection query, for tools that need the schema beforehand.
    pub async fn introspection(&self) -> Response {
        self.0.execute(INTROSPECTION).await
    }
}

/// The schema definition language of the API.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().include_specified_by().prefer_single_line_descriptions();
    builder().finish().sdl_with_options(options)
}

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), EmptySubscription)
}

/// What GraphiQL and code generators ask of a server.
const INTROSPECTION: &str = "
query IntrospectionQuery {
  __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types { ...FullType }
    directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description specifiedByURL
  fields(includeDeprecated: true) {
    name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef }
    isDeprecated deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
  name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
}
fragment TypeRef on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }
}";
