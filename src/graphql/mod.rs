//! The GraphQL API: the only layer that knows async-graphql.
//!
//! Types here are made for the wire and hold what a selection needs; they are never entities. Names
//! of fields and arguments are snake_case and of queries and mutations camelCase, as Healthie's are.

mod administration;
mod api_keys;
mod arguments;
mod budget;
mod complexity;
mod connection;
mod definitions;
mod document;
mod error;
mod event;
mod export;
mod holds;
mod kind;
mod measure;
mod note_rules;
mod notes;
mod operation;
mod people;
mod plan;
mod policies;
mod prepare;
mod query;
mod reads;
mod recording;
mod rows;
mod scalar;
mod settings;
mod warning;

use async_graphql::{EmptySubscription, SDLExportOptions, SchemaBuilder};
use tracing::Instrument as _;

use crate::domain::event::Context as EventContext;
use crate::domain::limits::Limits;
use crate::domain::viewer::Viewer;
use crate::reads::{Reader, Reads};
use crate::store::{SPANS, Store};

use async_graphql::Request;
pub use async_graphql::Response;
pub use async_graphql::parser::types::OperationType;
use budget::Budget;
use error::finish;
pub use error::{code, failure, unavailable};
pub use export::Export;
pub use operation::Operation;
use prepare::Documents;
pub use prepare::{Asked, Prepared};
use reads::Collector;
pub use rows::to_json;
use scalar::to_variables;
use warning::Warnings;

/// Who sends a request, and where from. Every request that is executed carries one.
#[derive(Debug, Clone)]
pub struct Requester {
    /// Who, with their rights at this moment.
    pub viewer: Viewer,
    /// Where from, for what the request itself leaves in the log.
    pub context: EventContext,
}

impl Requester {
    /// Where from and where to, for what is written down about reading.
    fn context_at(&self, route: &str) -> EventContext {
        EventContext { url: Some(route.to_owned()), ..self.context.clone() }
    }
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
    api_keys::ApiKeyQueries,
    settings::SettingsQuery,
);

/// The root of all mutations.
#[derive(async_graphql::MergedObject, Default)]
struct Mutation(
    recording::Recording,
    administration::Administration,
    api_keys::ApiKeyMutations,
    definitions::DefinitionMutations,
    policies::PolicyMutations,
    notes::NoteMutations,
    note_rules::NoteRuleMutations,
    holds::HoldMutations,
    settings::SettingsMutation,
);

/// The executable schema.
#[derive(Clone)]
pub struct Schema {
    executable: async_graphql::Schema<Query, Mutation, EmptySubscription>,
    store: Store,
    reads: Reads,
    limits: Limits,
    documents: Documents,
}

impl Schema {
    /// The schema over a store, for requests within limits.
    pub fn new(store: Store, limits: Limits) -> Self {
        Self {
            // Depth was held before, by our own limit.
            executable: builder()
                .limit_recursive_depth(usize::MAX)
                .data(store.clone())
                .data(limits)
                .finish(),
            reads: Reads::new(store.clone()),
            store,
            limits,
            documents: Documents::default(),
        }
    }

    /// Executes a request; its errors carry codes and hold nothing that is not for clients. What it
    /// reads of the log is written down in the log before it is answered; `route` is where it was sent.
    pub async fn execute(&self, prepared: Prepared, requester: Requester, route: &str) -> Response {
        let Operation { ty, field } = prepared.counted_as;
        let span = tracing::trace_span!(
            target: SPANS,
            "operation",
            "otel.name" = %format_args!("{ty} {field}"),
            "graphql.operation.type" = ty,
        );
        self.executed(prepared.request, requester, route).instrument(span).await
    }

    async fn executed(&self, mut request: Request, requester: Requester, route: &str) -> Response {
        let fields = document::root_fields(&mut request);
        let warnings = Warnings::default();
        let request = request.data(warnings.clone());
        let budget = Budget::new(self.limits.max_event_bytes);
        let (response, collector) = self.collect(request.data(budget), &requester).await;
        let context = requester.context_at(route);
        let reader = Reader { viewer: &requester.viewer, context: &context };
        let response = collector.settle(response, &self.reads, reader, &fields).await;
        warnings.finish(document::in_order(finish(response), &fields))
    }

    /// Executes a request, which carries what it may read, and gathers what it reads.
    async fn collect(&self, request: Request, requester: &Requester) -> (Response, Collector) {
        let collector = Collector::default();
        let request = request.data(requester.clone()).data(collector.clone());
        (self.executable.execute(request).await, collector)
    }

    /// The answer to a whole introspection query, for tools that need the schema beforehand.
    pub async fn introspection(&self) -> Response {
        self.executable.execute(INTROSPECTION).await
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
