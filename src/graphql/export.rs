//! Everything that `auditLog` selects, page by page: what a file is made of.
//!
//! An export asks `auditLog` itself, with the arguments of the same names, so that it selects,
//! refuses and withholds exactly what a query does.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, ServiceDocument, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Request, Response};

use super::budget::Budget;
use super::rows;
use super::warning::Warnings;
use super::{Requester, Schema, sdl, to_variables};
use crate::domain::json::{Json, Members, shortened};
use crate::domain::kind::EventType;
use crate::domain::read::{PAGING, Read};
use crate::error::{Code, Error, Result};
use crate::export::Format;
use crate::reads::Reader;

/// How many events are read at once, and about how many bytes of them: they are in memory more than once,
/// and many may export at the same time.
const PAGE: usize = 250;
const PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Only events that were numbered up to this are read, so that what is counted is what is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct UpTo(pub i64);

/// Worked out once: the schema is the same for everybody.
static SHAPE: LazyLock<Result<Shape, String>> = LazyLock::new(Shape::new);

/// What an export may ask for, and what it answers, from the schema.
#[derive(Debug)]
struct Shape {
    /// The arguments, each with its type.
    arguments: BTreeMap<String, (Type, Kind)>,
    /// The selection of all that an event says.
    event: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Flag,
    Object,
}

/// An export that was counted and written down, and may be read.
pub struct Export {
    schema: Schema,
    requester: Requester,
    format: Format,
    document: String,
    variables: Members,
    up_to: UpTo,
    visible_since: Option<String>,
    next: Next,
}

enum Next {
    Head,
    Page { after: Option<String> },
    Nothing,
}

impl Shape {
    fn new() -> Result<Self, String> {
        let document = parse_schema(sdl()).map_err(|error| error.to_string())?;
        let no = |what| format!("there is no {what}");
        let query = fields(&document, "Query").ok_or_else(|| no("Query"))?;
        let log = query.iter().find(|field| field.name.node == "auditLog");
        let log = log.ok_or_else(|| no("auditLog"))?;
        let arguments = log.arguments.iter().map(|argument| {
            let argument = &argument.node;
            let ty = argument.ty.node.clone();
            let kind = kind(&document, &ty);
            (argument.name.node.to_string(), (ty, kind))
        });
        let arguments = arguments.filter(|(name, _)| !PAGING.contains(&name.as_str())).collect();
        let event = selection(&document, "AuditEvent", 1).ok_or_else(|| no("AuditEvent"))?;
        Ok(Self { arguments, event })
    }

    /// The parameters of a request as variables.
    fn variables(&self, parameters: Vec<(String, String)>) -> Result<Members> {
        let mut given: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for (name, text) in parameters {
            let Some((_, kind)) = self.arguments.get(&name) else {
                return Err(self.unknown(&name));
            };
            let value =
                kind.read(text).map_err(|problem| Error::bad_input(format!("{name} {problem}")))?;
            given.entry(name).or_default().push(value);
        }
        let variables = given.into_iter().map(|(name, mut values)| {
            let is_list = self.arguments.get(&name).is_some_and(|(ty, _)| is_list(ty));
            let value = match (is_list, values.len(), values.pop()) {
                (false, 1, Some(value)) => value,
                (false, ..) => {
                    return Err(Error::bad_input(format!(
                        "{name} stands twice, and takes one value"
                    )));
                }
                (true, _, last) => {
                    values.extend(last);
                    Json::Array(values)
                }
            };
            Ok((name, value))
        });
        variables.collect()
    }

    fn unknown(&self, name: &str) -> Error {
        if PAGING.contains(&name) {
            return Error::bad_input(format!(
                "{name} is not taken: an export holds all events that its filter selects"
            ));
        }
        let names: Vec<&str> = self.arguments.keys().map(String::as_str).collect();
        Error::bad_input(format!(
            "{:?} is no parameter of an export; they are format, {}",
            shortened(name, 50),
            names.join(", ")
        ))
    }

    /// A query for what is selected of the log by these variables.
    fn document(&self, variables: &Members, paging: bool, selection: &str) -> String {
        let declared =
            |name: &str| self.arguments.get(name).map(|(ty, _)| format!("${name}: {ty}"));
        let mut declarations: Vec<String> =
            variables.iter().filter_map(|(name, _)| declared(name)).collect();
        let mut arguments: Vec<String> =
            variables.iter().map(|(name, _)| format!("{name}: ${name}")).collect();
        if paging {
            declarations.extend(["$first: Int".to_owned(), "$after: String".to_owned()]);
            arguments.extend(["first: $first".to_owned(), "after: $after".to_owned()]);
        }
        let listed = |items: Vec<String>| match items.is_empty() {
            true => String::new(),
            false => format!("({})", items.join(", ")),
        };
        let (declarations, arguments) = (listed(declarations), listed(arguments));
        format!("query Export{declarations} {{ auditLog{arguments} {{ {selection} }} }}")
    }
}

impl Schema {
    /// Prepares to write all that the parameters select: counts it, and writes down that it is
    /// exported. From then on it may be read.
    pub async fn export(
        &self,
        requester: Requester,
        route: &str,
        format: Format,
        parameters: Vec<(String, String)>,
    ) -> Result<Export> {
        let shape = SHAPE
            .as_ref()
            .map_err(|problem| Error::internal("reading the own schema", problem.clone()))?;
        let variables = shape.variables(parameters)?;
        let tenant = self.store.tenant(&requester.viewer.tenant_id).await?;
        let up_to = UpTo(self.store.last_sequence(&tenant.id).await?);
        let document = shape.document(&variables, false, "total_count visible_since");
        let context = requester.context_at(route);
        let reader = Reader { viewer: &requester.viewer, context: &context };
        let mut read = Read {
            field: "auditLog".to_owned(),
            arguments: variables.clone(),
            count: 0,
            total_count: None,
        };
        let counted = match self.ask(&requester, document, variables.clone(), up_to).await {
            Ok(counted) => counted,
            Err(error) => {
                if error.code() == Code::Forbidden {
                    self.reads.record_refusal(reader, EventType::Export, vec![read]).await;
                }
                return Err(error);
            }
        };
        let total = counted.get("total_count").map(Json::to_string);
        read.count = total.and_then(|total| total.parse().ok()).ok_or_else(|| {
            Error::internal("counting what is exported", "there is no total_count")
        })?;
        self.reads.record_export(&tenant, reader, read, format.name).await?;
        let page = format!("page_info {{ end_cursor has_next_page }} nodes {{ {} }}", shape.event);
        Ok(Export {
            document: shape.document(&variables, true, &page),
            schema: self.clone(),
            requester,
            format,
            variables,
            up_to,
            visible_since: counted.get("visible_since").cloned().and_then(Json::into_shown),
            next: Next::Head,
        })
    }

    /// What `auditLog` answers, without writing that down.
    async fn ask(
        &self,
        requester: &Requester,
        document: String,
        variables: Members,
        up_to: UpTo,
    ) -> Result<Json> {
        let request = Request::new(document)
            .variables(to_variables(Some(Json::Object(variables)))?)
            .data(Warnings::default())
            .data(Budget::at_most(self.limits.max_event_bytes, PAGE_BYTES))
            .data(up_to);
        let (response, _) = self.collect(request, requester).await;
        if let Some(error) = response.errors.first() {
            return Err(match error.source::<Error>() {
                Some(failed) => failed.again("exporting events"),
                None if error.source.is_none() => Error::bad_input(error.message.clone()),
                None => Error::internal("exporting events", error.message.clone()),
            });
        }
        log_of(&response)
    }
}

impl Export {
    /// The format it is written in.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// What happened earlier is left out, because the tenant's plan does not show it.
    pub fn visible_since(&self) -> Option<&str> {
        self.visible_since.as_deref()
    }

    /// The next piece of the file; none after the last one.
    pub async fn next(&mut self) -> Result<Option<String>> {
        let after = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Nothing => return Ok(None),
            Next::Head => {
                self.next = Next::Page { after: None };
                return Ok(Some((self.format.head)()));
            }
            Next::Page { after } => after,
        };
        // A right that was taken away meanwhile ends it.
        let Requester { viewer, .. } = &self.requester;
        let (tenant_id, user_id) = (viewer.tenant_id.clone(), viewer.user_id.clone());
        self.requester.viewer = self.schema.store.viewer(tenant_id, user_id).await?;

        let mut variables = self.variables.clone();
        variables.push(("first".to_owned(), Json::Number(PAGE.to_string())));
        variables.extend(after.map(|cursor| ("after".to_owned(), Json::String(cursor))));
        let (document, up_to) = (self.document.clone(), self.up_to);
        let log = self.schema.ask(&self.requester, document, variables, up_to).await?;
        let page_info = log.get("page_info");
        let said = |key| page_info.and_then(|page_info| page_info.get(key));
        if let (Some(Json::Bool(true)), Some(Json::String(cursor))) =
            (said("has_next_page"), said("end_cursor"))
        {
            self.next = Next::Page { after: Some(cursor.clone()) };
        }
        let Some(Json::Array(events)) = log.get("nodes") else {
            return Err(Error::internal("exporting events", "there are no nodes"));
        };
        Ok(Some(events.iter().map(self.format.event).collect()))
    }
}

/// The answer's `auditLog`.
fn log_of(response: &Response) -> Result<Json> {
    let wrong =
        |error: &dyn std::fmt::Display| Error::internal("exporting events", error.to_string());
    let text = rows::data_to_json(response)?;
    // data, auditLog, nodes, an event, its metadata
    let data = Json::parse_within(&text, 5).map_err(|error| wrong(&error))?;
    data.get("auditLog").cloned().ok_or_else(|| wrong(&"there is no auditLog"))
}

impl Kind {
    fn read(self, text: String) -> Result<Json, String> {
        match self {
            Self::Text => Ok(Json::String(text)),
            Self::Number => match text.parse::<i32>() {
                Ok(number) => Ok(Json::Number(number.to_string())),
                Err(_) => Err("must be a whole number".to_owned()),
            },
            Self::Flag => match text.as_str() {
                "true" => Ok(Json::Bool(true)),
                "false" => Ok(Json::Bool(false)),
                _ => Err("must be true or false".to_owned()),
            },
            Self::Object => match Json::parse(&text) {
                Ok(value @ Json::Object(_)) => Ok(value),
                Ok(_) => Err("must be a JSON object".to_owned()),
                Err(error) => Err(format!("must be a JSON object: {error}")),
            },
        }
    }
}

fn types<'a>(document: &'a ServiceDocument, name: &str) -> Option<&'a TypeKind> {
    document.definitions.iter().find_map(|definition| match definition {
        TypeSystemDefinition::Type(ty) if ty.node.name.node == name => Some(&ty.node.kind),
        _ => None,
    })
}

fn fields<'a>(document: &'a ServiceDocument, name: &str) -> Option<Vec<&'a FieldDefinition>> {
    match types(document, name)? {
        TypeKind::Object(object) => Some(object.fields.iter().map(|field| &field.node).collect()),
        _ => None,
    }
}

fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

fn kind(document: &ServiceDocument, ty: &Type) -> Kind {
    match (named(ty), types(document, named(ty))) {
        ("Int", _) => Kind::Number,
        ("Boolean", _) => Kind::Flag,
        (_, Some(TypeKind::InputObject(_))) => Kind::Object,
        _ => Kind::Text,
    }
}

/// All that an object says by itself, and its objects in turn, down to this depth.
fn selection(document: &ServiceDocument, name: &str, depth: usize) -> Option<String> {
    let selected = fields(document, name)?.into_iter().filter_map(|field| {
        let of = named(&field.ty.node);
        match types(document, of) {
            Some(TypeKind::Object(_)) if depth == 0 => None,
            Some(TypeKind::Object(_)) => {
                let inner = selection(document, of, depth - 1)?;
                Some(format!("{} {{ {inner} }}", field.name.node))
            }
            _ => Some(field.name.node.to_string()),
        }
    });
    Some(selected.collect::<Vec<_>>().join(" "))
}
