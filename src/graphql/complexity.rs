//! How many values an operation asks for: each field counts once for each item of the lists around it.
//! A page is as long as it is asked to be; of other lists a usual length is assumed. A count of all that
//! a filter selects is reckoned as thousands of values, for it may cost as much.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::Variables;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, FieldDefinition, OperationDefinition, OperationType,
    Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql_value::{ConstValue, Value};

use super::arguments::{DEFAULT_PAGE, MAX_PAGE};
use super::sdl;
use crate::domain::limits::Limits;
use crate::error::{Error, Result};

/// How many items a list is taken to have that is no page: the changes of an event, the fields of a type.
const USUAL_LIST: u64 = 5;

/// What an exact count of all that a filter selects is reckoned as: it may have to look at the whole log.
const COUNT: u64 = 5_000;

/// The field that is one.
const COUNT_FIELD: &str = "total_count";

/// The types by which the schema answers about itself, which its own text leaves out.
const INTROSPECTION: &str = "
type __Schema { types: [__Type] queryType: __Type mutationType: __Type subscriptionType: __Type directives: [__Directive] }
type __Directive { args: [__InputValue] locations: [String] }
type __Type { fields: [__Field] interfaces: [__Type] possibleTypes: [__Type] enumValues: [__EnumValue] inputFields: [__InputValue] ofType: __Type }
type __Field { args: [__InputValue] type: __Type }
type __InputValue { type: __Type }";

/// Refuses an operation that asks for more values than it may, or uses more of its variables.
/// `sizes` is how many bytes each variable has; those without one have their defaults.
pub fn hold(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    sizes: &HashMap<String, u64>,
    limits: &Limits,
) -> Result<()> {
    let shapes = SHAPES
        .as_ref()
        .map_err(|problem| Error::internal("reading the own schema", problem.clone()))?;
    let root = match operation.ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    let mut count = Count { document, shapes, variables, sizes, values: 0, bytes: 0 };
    count.set(&operation.selection_set.node, Around { of: root, times: 1, page: None });
    limits.max_complexity.hold(count.values)?;
    limits.max_variables_bytes.hold(count.bytes)
}

/// What is known of the fields of every type.
type Shapes = HashMap<String, HashMap<String, Shape>>;

/// What is known of a field.
struct Shape {
    /// Of what type it is, or its items are.
    of: String,
    /// How many items it is taken to have, if it is a list.
    list: Option<u64>,
    /// Whether it says how long the page below it is.
    is_paged: bool,
}

static SHAPES: LazyLock<Result<Shapes, String>> = LazyLock::new(shapes);

fn shapes() -> Result<Shapes, String> {
    let text = sdl() + INTROSPECTION;
    let schema = parse_schema(text).map_err(|error| error.to_string())?;
    let objects = schema.definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(ty) => match &ty.node.kind {
            TypeKind::Object(object) => Some((ty.node.name.node.to_string(), object)),
            _ => None,
        },
        _ => None,
    });
    let mut shapes: Shapes = objects
        .map(|(name, object)| (name, object.fields.iter().map(|f| shape(&f.node)).collect()))
        .collect();
    let types = u64::try_from(schema.definitions.len()).unwrap_or(u64::MAX);
    if let Some(types_of) = shapes.get_mut("__Schema").and_then(|of| of.get_mut("types")) {
        types_of.list = Some(types);
    }
    let about_itself = [("__schema", "__Schema"), ("__type", "__Type")].map(|(field, of)| {
        (field.to_owned(), Shape { of: of.to_owned(), list: None, is_paged: false })
    });
    shapes.entry("Query".to_owned()).or_default().extend(about_itself);
    Ok(shapes)
}

fn shape(field: &FieldDefinition) -> (String, Shape) {
    let is_paged = field.arguments.iter().any(|argument| argument.node.name.node == "first");
    let list = matches!(field.ty.node.base, BaseType::List(_)).then_some(USUAL_LIST);
    let of = named(&field.ty.node).to_owned();
    (field.name.node.to_string(), Shape { of, list, is_paged })
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

/// What a set of selections stands in.
#[derive(Clone, Copy)]
struct Around<'a> {
    /// The type whose fields it selects.
    of: &'a str,
    /// How many objects of it there are.
    times: u64,
    /// How long the lists in it are, if they are a page.
    page: Option<u64>,
}

struct Count<'a> {
    document: &'a ExecutableDocument,
    shapes: &'a Shapes,
    variables: &'a Variables,
    sizes: &'a HashMap<String, u64>,
    values: u64,
    /// Of variables.
    bytes: u64,
}

impl<'a> Count<'a> {
    /// Expands fragments: how much that comes to was held before.
    fn set(&mut self, set: &'a SelectionSet, around: Around<'a>) {
        for selection in &set.items {
            for directive in selection.node.directives() {
                self.uses(directive.node.arguments.iter().map(|(_, value)| &value.node));
            }
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, around),
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref();
                    let of = on.map_or(around.of, |on| on.node.on.node.as_str());
                    self.set(&fragment.node.selection_set.node, Around { of, ..around });
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let of = fragment.node.type_condition.node.on.node.as_str();
                        self.set(&fragment.node.selection_set.node, Around { of, ..around });
                    }
                }
            }
        }
    }

    fn field(&mut self, field: &'a Field, around: Around<'a>) {
        let each = if field.name.node == COUNT_FIELD { COUNT } else { 1 };
        self.values = self.values.saturating_add(around.times.saturating_mul(each));
        self.uses(field.arguments.iter().map(|(_, value)| &value.node));
        let shapes = self.shapes.get(around.of);
        let Some(shape) = shapes.and_then(|of| of.get(field.name.node.as_str())) else {
            // A leaf, or nothing that there is: validation refuses the latter.
            return self.set(&field.selection_set.node, Around { of: "", ..around });
        };
        let page = shape.is_paged.then(|| self.page(field));
        let (times, page) = match shape.list {
            Some(usual) => (page.or(around.page).unwrap_or(usual), None),
            None => (1, page),
        };
        let times = around.times.saturating_mul(times);
        self.set(&field.selection_set.node, Around { of: &shape.of, times, page });
    }

    /// How long the page is that a field asks for. What is no length will be refused.
    fn page(&self, field: &Field) -> u64 {
        let most = u64::from(MAX_PAGE.unsigned_abs());
        let given = ["first", "last"].into_iter().filter_map(|name| {
            match &field.get_argument(name)?.node {
                Value::Null => None,
                Value::Number(number) => Some(number.as_u64().unwrap_or(most)),
                Value::Variable(name) => match self.variables.get(name) {
                    None | Some(ConstValue::Null) => None,
                    Some(ConstValue::Number(number)) => Some(number.as_u64().unwrap_or(most)),
                    Some(_) => Some(most),
                },
                _ => Some(most),
            }
        });
        given.max().unwrap_or(u64::from(DEFAULT_PAGE)).clamp(1, most)
    }

    fn uses<'v>(&mut self, values: impl Iterator<Item = &'v Value>) {
        for value in values {
            self.bytes = self.bytes.saturating_add(self.bytes_of(value));
        }
    }

    /// How many bytes of variables a value holds.
    fn bytes_of(&self, value: &Value) -> u64 {
        match value {
            Value::Variable(name) => self.sizes.get(name.as_str()).copied().unwrap_or_default(),
            Value::List(items) => items.iter().map(|item| self.bytes_of(item)).sum(),
            Value::Object(members) => members.values().map(|item| self.bytes_of(item)).sum(),
            _ => 0,
        }
    }
}
