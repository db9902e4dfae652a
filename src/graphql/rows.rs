//! Lists of events, written as JSON at once.
//!
//! async-graphql resolves each field of each item by a future of its own, and builds a value of each:
//! for a page of events that costs more than the database does. [`Rows`] reads the selection once for the
//! whole list, writes the items itself, and hands them on as one piece, which [`to_json`] puts into the
//! answer as it is.
//!
//! What may be in such a list is declared by [`rows_of!`], once: it makes an object of GraphQL of it, as
//! anywhere else, and teaches the same fields to be written. That both answer the same, whatever is
//! selected, is held by `tests/it/rows.rs`.

use std::borrow::Cow;
use std::collections::HashSet;

use async_graphql::parser::types::{Field, FragmentDefinition, Selection as Node, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{
    ContextBase, ContextSelectionSet, ID, Name, OutputType, Positioned, QueryPathNode,
    QueryPathSegment, Response, ServerResult, Value,
};
use serde::Serialize;

use super::scalar::{Cursor, DateTime, JsonText};
use crate::domain::kind::{EventType, Outcome, ResourceName};
use crate::error::{Error, Result};

/// The fragments of a document.
type Fragments = std::collections::HashMap<Name, Positioned<FragmentDefinition>>;

/// What is selected of a value: nothing of a scalar, and of an object these fields.
#[derive(Default)]
pub struct Selection {
    fields: Vec<Selected>,
}

/// A selected field.
struct Selected {
    /// What it is called in the answer, as the beginning of a member: `"key":`.
    key: Vec<u8>,
    /// Which of the object's fields it is; none for `__typename`.
    at: Option<usize>,
    of: Selection,
}

/// Selection sets that are merged into one, and what they spread. What `@skip` and `@include` leave out is not
/// in them any more: async-graphql takes it from the document before it resolves anything.
pub struct Merged<'a> {
    sets: Vec<&'a SelectionSet>,
    fragments: &'a Fragments,
}

impl<'a> Merged<'a> {
    /// All that is selected of what is being resolved. async-graphql resolves a field once for each time
    /// that it is selected, and joins what comes of that, which it cannot do with what is written: so
    /// each time all of it is.
    pub fn at<T>(ctx: &'a ContextBase<'_, T>) -> Self {
        let fragments = &ctx.query_env.fragments;
        let mut merged =
            Self { sets: vec![&ctx.query_env.operation.node.selection_set.node], fragments };
        let mut path = Vec::new();
        let mut node = ctx.path_node.as_ref();
        while let Some(QueryPathNode { parent, segment }) = node {
            if let QueryPathSegment::Name(name) = segment {
                path.push(*name);
            }
            node = *parent;
        }
        for name in path.into_iter().rev() {
            let found = merged.fields().into_iter().find(|(key, ..)| key.as_str() == name);
            merged = found.map_or(Self { sets: Vec::new(), fragments }, |(.., of)| of);
        }
        merged
    }

    /// Whether a field of this name is selected, whatever it is called in the answer.
    pub fn has(&self, name: &str) -> bool {
        self.fields().iter().any(|(_, field, _)| field.name.node == name)
    }

    /// All that is selected of the fields of this name.
    pub fn of(&self, name: &str) -> Self {
        let fields = self.fields().into_iter().filter(|(_, field, _)| field.name.node == name);
        Self { sets: fields.flat_map(|(.., of)| of.sets).collect(), fragments: self.fragments }
    }

    /// What is selected of either.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.sets.extend(other.sets);
        self
    }

    /// The fields in the order in which the answer has them, each with all that is selected of it.
    fn fields(&self) -> Vec<(&'a Name, &'a Field, Self)> {
        let mut fields = Vec::new();
        let mut spread = HashSet::new();
        for set in &self.sets {
            self.collect(set, &mut fields, &mut spread);
        }
        fields
    }

    fn collect(
        &self,
        set: &'a SelectionSet,
        fields: &mut Vec<(&'a Name, &'a Field, Self)>,
        spread: &mut HashSet<&'a Name>,
    ) {
        for node in &set.items {
            match &node.node {
                Node::Field(field) => {
                    let field = &field.node;
                    let (key, set) = (&field.response_key().node, &field.selection_set.node);
                    match fields.iter_mut().find(|(known, ..)| *known == key) {
                        Some((_, _, of)) => of.sets.push(set),
                        None => {
                            let of = Self { sets: vec![set], fragments: self.fragments };
                            fields.push((key, field, of));
                        }
                    }
                }
                // A fragment that is valid here is of this type: there are no interfaces and no unions.
                Node::InlineFragment(fragment) => {
                    self.collect(&fragment.node.selection_set.node, fields, spread);
                }
                Node::FragmentSpread(fragment) => {
                    let name = &fragment.node.fragment_name.node;
                    if let Some(fragment) = self.fragments.get(name)
                        && spread.insert(name)
                    {
                        self.collect(&fragment.node.selection_set.node, fields, spread);
                    }
                }
            }
        }
    }
}

/// A value that writes itself.
pub trait Written {
    /// What is selected of it.
    fn plan(_: &Merged<'_>) -> Selection {
        Selection::default()
    }

    /// Writes what is selected.
    fn write(&self, selection: &Selection, out: &mut Vec<u8>);
}

/// An object of which every field is at hand.
pub trait Fields: Sized {
    /// What GraphQL calls it.
    fn name() -> Cow<'static, str>;
    /// Which of its fields has this name.
    fn position(name: &str) -> Option<usize>;
    /// What is selected of the field at this position.
    fn plan_field(at: usize, of: &Merged<'_>) -> Selection;
    /// Writes the field at this position.
    fn write_field(&self, at: usize, of: &Selection, out: &mut Vec<u8>);
}

impl<T: Fields> Written for T {
    fn plan(merged: &Merged<'_>) -> Selection {
        let fields = merged.fields().into_iter().map(|(key, field, of)| {
            let mut key = text(key);
            key.push(b':');
            // What is no field was refused before; `__typename` is one of every object.
            let at = T::position(&field.name.node);
            let of = at.map(|at| T::plan_field(at, &of)).unwrap_or_default();
            Selected { key, at, of }
        });
        Selection { fields: fields.collect() }
    }

    fn write(&self, selection: &Selection, out: &mut Vec<u8>) {
        out.push(b'{');
        for (n, Selected { key, at, of }) in selection.fields.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            match at {
                Some(at) => self.write_field(*at, of, out),
                None => write_text(&T::name(), out),
            }
        }
        out.push(b'}');
    }
}

impl<T: Written> Written for Option<T> {
    fn plan(merged: &Merged<'_>) -> Selection {
        T::plan(merged)
    }

    fn write(&self, selection: &Selection, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(selection, out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: Written> Written for Vec<T> {
    fn plan(merged: &Merged<'_>) -> Selection {
        T::plan(merged)
    }

    fn write(&self, selection: &Selection, out: &mut Vec<u8>) {
        out.push(b'[');
        for (n, item) in self.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            item.write(selection, out);
        }
        out.push(b']');
    }
}

macro_rules! written_as_text {
    ($($type:ty: $text:expr),+ $(,)?) => {
        $(
            impl Written for $type {
                fn write(&self, _: &Selection, out: &mut Vec<u8>) {
                    let text: fn(&Self) -> &str = $text;
                    write_text(text(self), out);
                }
            }
        )+
    };
}

written_as_text! {
    String: |text| text,
    ID: |id| id,
    Cursor: |cursor| &cursor.0,
    DateTime: |time| &time.0,
    EventType: |event_type| event_type.as_str(),
    Outcome: |outcome| outcome.as_str(),
    ResourceName: |name| name.as_str(),
}

impl Written for bool {
    fn write(&self, _: &Selection, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Written for i64 {
    fn write(&self, _: &Selection, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes());
    }
}

impl<T> Written for JsonText<T> {
    fn write(&self, _: &Selection, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 3);
    write_text(text, &mut out);
    out
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_json(text, out);
}

fn write_json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // A Vec takes everything, and what is written here has only keys that are text.
    let _ = serde_json::to_writer(out, value);
}

/// A list of objects, each of which GraphQL holds to be nullable.
pub struct Rows<T>(pub Vec<T>);

impl<T: Fields + OutputType> OutputType for Rows<T> {
    fn type_name() -> Cow<'static, str> {
        <Vec<Option<T>> as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        <Vec<Option<T>> as OutputType>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Vec<Option<T>> as OutputType>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let selection = T::plan(&Merged::at(ctx));
        // Events of which everything is asked for have about a kilobyte each.
        let mut out = Vec::with_capacity(self.0.len() * 1_024 + 2);
        self.0.write(&selection, &mut out);
        Ok(Value::Binary(out.into()))
    }
}

/// A response as it is sent, what was written before put in as it is.
pub fn to_json(response: &Response) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 * 1_024);
    out.extend_from_slice(b"{\"data\":");
    write_value(&response.data, &mut out);
    if !response.extensions.is_empty() {
        out.extend_from_slice(b",\"extensions\":");
        write_json(&response.extensions, &mut out);
    }
    if !response.errors.is_empty() {
        out.extend_from_slice(b",\"errors\":");
        write_json(&response.errors, &mut out);
    }
    out.push(b'}');
    out
}

/// What of a response is data, as text.
pub fn data_to_json(response: &Response) -> Result<String> {
    let mut out = Vec::new();
    write_value(&response.data, &mut out);
    String::from_utf8(out).map_err(|error| Error::internal("writing an answer", error))
}

/// Nothing else of ours is binary: GraphQL has no such values.
fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Binary(written) => out.extend_from_slice(written),
        Value::Object(members) => {
            out.push(b'{');
            for (n, (key, value)) in members.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_text(key, out);
                out.push(b':');
                write_value(value, out);
            }
            out.push(b'}');
        }
        Value::List(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_value(item, out);
            }
            out.push(b']');
        }
        scalar => write_json(scalar, out),
    }
}

/// Declares an object that may be in [`Rows`]: a `SimpleObject` whose fields are also written. A field that
/// GraphQL calls otherwise is `name as "other"`, and so is the object.
macro_rules! rows_of {
    (
        $(#[$about:meta])*
        $visible:vis struct $name:ident $(as $called:literal)? {
            $( $(#[$about_field:meta])* $visible_field:vis $field:ident $(as $other:literal)?: $type:ty, )+
        }
    ) => {
        $(#[$about])*
        #[derive(async_graphql::SimpleObject, Clone)]
        #[graphql(rename_fields = "snake_case" $(, name = $called)?)]
        $visible struct $name {
            $( $(#[$about_field])* $(#[graphql(name = $other)])? $visible_field $field: $type, )+
        }

        impl $crate::graphql::rows::Fields for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                <Self as async_graphql::OutputType>::type_name()
            }

            fn position(name: &str) -> Option<usize> {
                const NAMES: &[&str] = &[$( $crate::graphql::rows::rows_of!(@name $field $($other)?) ),+];
                NAMES.iter().position(|known| *known == name)
            }

            fn plan_field(
                at: usize,
                of: &$crate::graphql::rows::Merged<'_>,
            ) -> $crate::graphql::rows::Selection {
                use $crate::graphql::rows::Written;
                let mut plans = [$( <$type as Written>::plan as fn(&_) -> _ ),+].into_iter();
                plans.nth(at).map(|plan| plan(of)).unwrap_or_default()
            }

            fn write_field(
                &self,
                at: usize,
                of: &$crate::graphql::rows::Selection,
                out: &mut Vec<u8>,
            ) {
                use $crate::graphql::rows::Written as _;
                let mut field = 0..;
                $(
                    if field.next() == Some(at) {
                        return self.$field.write(of, out);
                    }
                )+
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $other:literal) => { $other };
}

pub(super) use rows_of;
