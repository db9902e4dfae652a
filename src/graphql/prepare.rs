//! From what a client sends to a request that may be executed: every limit on documents and variables
//! is held here, in the order of what it costs to tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{Request, Response, ServerError, Variables};
use async_graphql_value::ConstValue;

use super::error::{failure, finish};
use super::scalar::to_variables;
use super::{Operation, Schema, complexity, document, measure};
use crate::domain::json::Json;
use crate::domain::limits::Limits;
use crate::domain::scan::scan;
use crate::error::{Error, Result};

/// What a client sends.
#[derive(Debug)]
pub struct Asked {
    /// The document.
    pub query: String,
    /// Which of its operations is meant.
    pub operation_name: Option<String>,
    /// An object, if any.
    pub variables: Option<Json>,
}

/// A request that may be executed.
pub struct Prepared {
    pub(super) request: Request,
    /// What it asks for, if its document says so clearly.
    pub operation: Option<OperationType>,
    /// What it is counted as.
    pub counted_as: Operation,
}

impl Schema {
    /// Holds the limits on a request and parses its document. What is refused here was not validated,
    /// and nothing of it was executed.
    pub fn prepare(&self, asked: Asked) -> Result<Prepared, Box<Response>> {
        let refused = |error| Box::new(failure(error));
        let Asked { query, operation_name, variables } = asked;
        let limits = &self.limits;
        let known = self.documents.get(&query);
        if known.is_none() {
            scan(&query, limits).map_err(refused)?;
        }
        let sizes = sizes(variables.as_ref(), limits).map_err(refused)?;
        let document = match known {
            Some(known) => ExecutableDocument::clone(&known),
            None => {
                let document = parse_query(&query).map_err(|error| {
                    Box::new(finish(Response::from_errors(vec![ServerError::from(error)])))
                })?;
                measure::measure(&document, limits).map_err(refused)?;
                self.documents.keep(&query, &document);
                document
            }
        };
        let mut variables = to_variables(variables).map_err(refused)?;
        let operation = document::operation(&document, operation_name.as_deref());
        if let Some(operation) = operation {
            document::fill_in_defaults(operation, &mut variables);
            complexity::hold(&document, operation, &variables, &sizes, limits).map_err(refused)?;
            all_given(operation, &variables).map_err(refused)?;
        }
        let counted_as =
            operation.map_or(Operation::UNCLEAR, |operation| Operation::of(&document, operation));
        let operation = operation.map(|operation| operation.ty);
        let mut request = Request::new(query).variables(variables);
        request.operation_name = operation_name;
        request.set_parsed_query(document);
        Ok(Prepared { request, operation, counted_as })
    }
}

/// Documents that were sent before and are within the limits, parsed: clients send few, again and again.
#[derive(Clone, Default)]
pub(super) struct Documents(Arc<Mutex<HashMap<String, Arc<ExecutableDocument>>>>);

/// How many documents are kept, and how long each may be, in bytes. Parsed, one may take ten times as many.
const MOST_KEPT: usize = 256;
const LONGEST_KEPT: usize = 8 * 1_024;

impl Documents {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<ExecutableDocument>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, text: &str) -> Option<Arc<ExecutableDocument>> {
        self.all().get(text).cloned()
    }

    fn keep(&self, text: &str, document: &ExecutableDocument) {
        if text.len() > LONGEST_KEPT {
            return;
        }
        let document = Arc::new(document.clone());
        let mut all = self.all();
        // Whoever sends many different ones makes the others be parsed once more.
        if all.len() >= MOST_KEPT {
            all.clear();
        }
        all.insert(text.to_owned(), document);
    }
}

/// How many bytes each variable has.
fn sizes(variables: Option<&Json>, limits: &Limits) -> Result<HashMap<String, u64>> {
    let Some(variables @ Json::Object(members)) = variables else { return Ok(HashMap::new()) };
    limits.max_variables_depth.hold(depth(variables))?;
    limits.max_variables_bytes.hold(bytes(variables))?;
    Ok(members.iter().map(|(name, value)| (name.clone(), bytes(value))).collect())
}

/// How deep a value nests. (Reading it as JSON has bounded that.)
fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => items.iter().map(depth).max().unwrap_or_default() + 1,
        Json::Object(members) => {
            members.iter().map(|(_, value)| depth(value)).max().unwrap_or_default() + 1
        }
        _ => 0,
    }
}

/// How many bytes a value has as JSON, about.
fn bytes(value: &Json) -> u64 {
    let length = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    match value {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(text) => length(text) + 1,
        Json::String(text) => length(text) + 3,
        Json::Array(items) => items.iter().map(bytes).sum::<u64>() + 3,
        Json::Object(members) => {
            members.iter().map(|(key, value)| length(key) + 3 + bytes(value)).sum::<u64>() + 3
        }
    }
}

/// Refuses variables that an operation needs and that are not there. async-graphql finds that out
/// only where one is used, and executes the rest.
fn all_given(operation: &OperationDefinition, variables: &Variables) -> Result<()> {
    let is_null = |name| matches!(variables.get(name), None | Some(ConstValue::Null));
    let missing = operation
        .variable_definitions
        .iter()
        .map(|variable| &variable.node)
        .find(|variable| !variable.var_type.node.nullable && is_null(&variable.name.node));
    match missing {
        None => Ok(()),
        Some(variable) => Err(Error::bad_input(format!(
            "the variable ${} is of type {}, and is not given or null",
            variable.name.node, variable.var_type.node
        ))),
    }
}
