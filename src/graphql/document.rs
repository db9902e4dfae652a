//! What a request's document says before it is executed: what kind of operation it is, what its
//! variables default to, and in which order its answer's fields come.

use std::collections::HashSet;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Request, Response, Value, Variables};

/// Gives variables that are not set the defaults that the operation declares. async-graphql does so
/// for arguments, but not for `@skip` and `@include`.
pub fn fill_in_defaults(operation: &OperationDefinition, variables: &mut Variables) {
    for variable in &operation.variable_definitions {
        if let Some(default) = &variable.node.default_value {
            let name = variable.node.name.node.clone();
            variables.entry(name).or_insert_with(|| default.node.clone());
        }
    }
}

/// The names of the answer's fields in the order in which they are selected.
pub fn root_fields(request: &mut Request) -> Vec<Name> {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return Vec::new() };
    let Some(operation) = operation(document, name.as_deref()) else { return Vec::new() };
    let fields = fields_at_root(document, operation).into_iter();
    fields.map(|field| field.response_key().node.clone()).collect()
}

/// The fields that an operation selects at its root, in order.
pub fn fields_at_root<'a>(
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
) -> Vec<&'a Field> {
    let mut fields = Vec::new();
    collect(document, &operation.selection_set.node, &mut fields, &mut HashSet::new());
    fields
}

/// Puts the answer's fields in this order, and its errors in that of the document; async-graphql leaves
/// both as they were finished.
pub fn in_order(mut response: Response, fields: &[Name]) -> Response {
    if let Value::Object(data) = &mut response.data {
        let place = |name: &Name| fields.iter().position(|field| field == name);
        data.sort_by(|a, _, b, _| place(a).cmp(&place(b)));
    }
    response.errors.sort_by_key(|error| error.locations.first().map(|at| (at.line, at.column)));
    response
}

/// The operation that is meant, if the document has it and it is clear.
pub fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        // One operation that has a name need not be named.
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next()
        }
        (DocumentOperations::Multiple(_), None) => None,
    };
    operation.map(|operation| &operation.node)
}

/// `seen` keeps fragments that spread each other in a circle, which validation refuses later, from
/// being followed for ever.
fn collect<'a>(
    document: &'a ExecutableDocument,
    selections: &'a SelectionSet,
    fields: &mut Vec<&'a Field>,
    seen: &mut HashSet<&'a Name>,
) {
    for selection in &selections.items {
        match &selection.node {
            Selection::Field(field) => fields.push(&field.node),
            Selection::InlineFragment(fragment) => {
                collect(document, &fragment.node.selection_set.node, fields, seen);
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = document.fragments.get(name)
                    && seen.insert(name)
                {
                    collect(document, &fragment.node.selection_set.node, fields, seen);
                }
            }
        }
    }
}
