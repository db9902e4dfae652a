//! How much a document selects, worked out before anything is executed or validated.
//!
//! Fragments that spread others twice over, level after level, are a short text that selects without
//! end. Each fragment is measured once and its measure added wherever it is spread; nothing is
//! expanded, sums do not overflow, and fragments that spread themselves are refused.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    ExecutableDocument, Field, FragmentDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use crate::domain::limits::Limits;
use crate::error::{Error, Result};

/// Refuses a document that selects more than it may. All of its operations and fragments count, also
/// those that are not used: they are validated too.
pub fn measure(document: &ExecutableDocument, limits: &Limits) -> Result<()> {
    let mut measuring = Measuring { document, limits, fragments: HashMap::new() };
    let mut all = Size::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let size = measuring.set(&operation.selection_set.node, 1)?;
        limits.max_root_fields.hold(size.here)?;
        all.add(&size);
        all.directives += operation.directives.len();
        let variables = operation.variable_definitions.iter();
        all.directives += variables.map(|variable| variable.node.directives.len()).sum::<usize>();
    }
    for (name, fragment) in &document.fragments {
        all.add(&measuring.fragment(name, fragment, 1)?);
    }
    limits.max_fields.hold(all.selections)?;
    limits.max_aliases.hold(all.aliases)?;
    limits.max_directives.hold(all.directives)?;
    limits.max_document_tokens.hold(all.values)?;
    comparisons(document, limits)
}

/// What a set of selections comes to, with what is below it and each fragment where it is spread.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    /// Fields, spreads and inline fragments.
    selections: usize,
    /// Fields that are answered at the level of the set itself.
    here: usize,
    aliases: usize,
    directives: usize,
    /// Values in arguments.
    values: usize,
    /// How many levels of sets there are, this one included.
    depth: usize,
}

impl Size {
    /// Adds what is below, or what is spread.
    fn add(&mut self, other: &Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.values = self.values.saturating_add(other.values);
        self.depth = self.depth.max(other.depth.saturating_add(1));
    }

    /// Adds what is spread: its fields are answered here.
    fn spread(&mut self, other: &Self) {
        self.add(other);
        self.here = self.here.saturating_add(other.here);
    }
}

struct Measuring<'a> {
    document: &'a ExecutableDocument,
    limits: &'a Limits,
    /// What was measured; none while it is being measured.
    fragments: HashMap<&'a Name, Option<Size>>,
}

impl<'a> Measuring<'a> {
    /// The size of a set at a level, from 1. Levels are held while descending, which bounds the stack.
    fn set(&mut self, set: &'a SelectionSet, level: usize) -> Result<Size> {
        self.limits.max_depth.hold(level)?;
        let mut size = Size { depth: 1, ..Size::default() };
        for selection in &set.items {
            size.selections = size.selections.saturating_add(1);
            let directives = selection.node.directives();
            size.directives = size.directives.saturating_add(directives.len());
            let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
            size.values =
                size.values.saturating_add(arguments.map(|(_, value)| values(&value.node)).sum());
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, level, &mut size)?,
                Selection::InlineFragment(fragment) => {
                    size.spread(&self.set(&fragment.node.selection_set.node, level + 1)?);
                }
                Selection::FragmentSpread(spread) => {
                    // One that is not there is for validation to refuse.
                    let name = &spread.node.fragment_name.node;
                    if let Some((name, fragment)) = self.document.fragments.get_key_value(name) {
                        size.spread(&self.fragment(name, fragment, level + 1)?);
                    }
                }
            }
        }
        Ok(size)
    }

    fn field(&mut self, field: &'a Field, level: usize, size: &mut Size) -> Result<()> {
        size.here = size.here.saturating_add(1);
        size.aliases = size.aliases.saturating_add(usize::from(field.alias.is_some()));
        let given = field.arguments.iter().map(|(_, value)| values(&value.node)).sum();
        size.values = size.values.saturating_add(given);
        if !field.selection_set.node.items.is_empty() {
            size.add(&self.set(&field.selection_set.node, level + 1)?);
        }
        Ok(())
    }

    fn fragment(
        &mut self,
        name: &'a Name,
        fragment: &'a Positioned<FragmentDefinition>,
        level: usize,
    ) -> Result<Size> {
        match self.fragments.get(name) {
            Some(Some(size)) => {
                self.limits.max_depth.hold(level + size.depth - 1)?;
                Ok(*size)
            }
            Some(None) => Err(Error::bad_input(format!(
                "the fragment {name} spreads itself, by itself or by others"
            ))),
            None => {
                self.fragments.insert(name, None);
                let mut size = self.set(&fragment.node.selection_set.node, level)?;
                size.directives = size.directives.saturating_add(fragment.node.directives.len());
                self.fragments.insert(name, Some(size));
                Ok(size)
            }
        }
    }
}

/// How many values a value consists of. (Its nesting was held before it was parsed.)
fn values(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(values).sum::<usize>() + 1,
        Value::Object(members) => members.values().map(values).sum::<usize>() + 1,
        _ => 1,
    }
}

/// Holds how much validation would compare, and complain of, where fields are answered under the same
/// name: each argument of the first with those of every other. What the document selects was held before.
fn comparisons(document: &ExecutableDocument, limits: &Limits) -> Result<()> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set);
    let mut sets: Vec<&SelectionSet> = operations.chain(fragments).map(|set| &set.node).collect();
    let mut made = 0_usize;
    while let Some(set) = sets.pop() {
        let mut seen = Seen { document, first: HashMap::new(), spread: HashSet::new() };
        made = made.saturating_add(seen.repeats(set));
        limits.max_comparisons.hold(made)?;
        sets.extend(set.items.iter().filter_map(|selection| match &selection.node {
            Selection::Field(field) => Some(&field.node.selection_set.node),
            Selection::InlineFragment(fragment) => Some(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => None,
        }));
    }
    Ok(())
}

/// The fields that are answered at the level of one set.
struct Seen<'a> {
    document: &'a ExecutableDocument,
    /// The first under each name.
    first: HashMap<&'a Name, &'a Field>,
    spread: HashSet<&'a Name>,
}

impl<'a> Seen<'a> {
    /// How many arguments are compared.
    fn repeats(&mut self, set: &'a SelectionSet) -> usize {
        set.items
            .iter()
            .map(|selection| match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let first = *self.first.entry(&field.response_key().node).or_insert(field);
                    match std::ptr::eq(first, field) {
                        true => 0,
                        false => first.arguments.len() * (field.arguments.len() + 1),
                    }
                }
                Selection::InlineFragment(fragment) => {
                    self.repeats(&fragment.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    match self.document.fragments.get(name) {
                        Some(fragment) if self.spread.insert(name) => {
                            self.repeats(&fragment.node.selection_set.node)
                        }
                        _ => 0,
                    }
                }
            })
            .sum()
    }
}
