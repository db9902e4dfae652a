//! What operations are counted as: there are only so many names as the schema has, whatever clients send.

use std::collections::HashSet;
use std::sync::LazyLock;

use async_graphql::OutputType;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::registry::Registry;

use super::{Mutation, Query, document};

/// What an operation is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation {
    /// `query`, `mutation`, `subscription`, or `none` where it is not clear which one is meant.
    pub ty: &'static str,
    /// The field at its root; `several`, `introspection`, or `none` for one that is not in the schema.
    pub field: &'static str,
}

/// The fields at the roots of the schema.
static FIELDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut registry = Registry::default();
    let roots = [Query::create_type_info(&mut registry), Mutation::create_type_info(&mut registry)];
    let names = roots.iter().filter_map(|root| {
        let name = root.trim_end_matches('!');
        Some(registry.types.get(name)?.fields()?.keys().cloned().collect::<Vec<_>>())
    });
    names.flatten().collect()
});

const NONE: &str = "none";

impl Operation {
    /// Where it is not clear which one is meant.
    pub(super) const UNCLEAR: Self = Self { ty: NONE, field: NONE };

    pub(super) fn of(document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let ty = match operation.ty {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        };
        let fields = document::fields_at_root(document, operation).into_iter();
        let names = fields.map(|field| field.name.node.as_str());
        let names: HashSet<&str> = names.filter(|name| !name.starts_with("__")).collect();
        let field = match names.iter().next() {
            None => "introspection",
            Some(name) if names.len() == 1 => FIELDS.get(*name).map_or(NONE, String::as_str),
            Some(_) => "several",
        };
        Self { ty, field }
    }
}
