//! How large a schema may unfold, and that it stands alone.
//!
//! A validator follows each reference each time it meets it: thirty definitions that each refer to the
//! next one twice make a billion checks of one value. So a schema is unfolded before it is taken, each
//! subschema counted as often as it would be checked; one that is open already counts once, because what
//! goes round in a circle goes down the value with each turn.

use std::collections::HashMap;

use crate::domain::json::{Json, Members, shortened};

/// The most subschemas that a schema unfolds to.
const MAX_SUBSCHEMAS: usize = 10_000;

/// How deep subschemas may lie in each other.
const MAX_LEVELS: usize = 64;

/// How deep they may lie when one refers back to another that it lies in: then each level of a value may
/// take as many levels of the schema again, each of which takes room on the stack.
const MAX_LEVELS_OF_CIRCLES: usize = 16;

/// The most patterns that a schema unfolds to.
const MAX_PATTERNS: usize = 200;

/// Keywords that hold a subschema, or a list of them.
const HOLD_ONE: [&str; 16] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords that hold subschemas by name.
const HOLD_NAMED: [&str; 4] =
    ["dependencies", "dependentSchemas", "patternProperties", "properties"];

/// Keywords that hold subschemas which are only checked when something refers to them.
const DEFINE: [&str; 2] = ["$defs", "definitions"];

const REFER: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
const NAME: [&str; 2] = ["$anchor", "$dynamicAnchor"];

/// Checks a schema. The error says what is wrong with it.
pub fn check(schema: &Json, id_keyword: &str) -> Result<(), String> {
    let mut anchors = HashMap::new();
    name(schema, schema, id_keyword, &mut anchors)?;
    let mut walk = Walk {
        root: schema,
        anchors,
        open: vec![schema],
        levels: 0,
        is_circular: false,
        subschemas: 0,
        patterns: 0,
    };
    walk.unfold(schema)?;
    match walk.levels {
        levels if levels > MAX_LEVELS_OF_CIRCLES && walk.is_circular => Err(format!(
            "goes round in circles with subschemas that lie {levels} levels deep; then at most \
             {MAX_LEVELS_OF_CIRCLES} are allowed"
        )),
        _ => Ok(()),
    }
}

/// Finds the named subschemas.
fn name<'a>(
    root: &Json,
    schema: &'a Json,
    id_keyword: &str,
    anchors: &mut HashMap<&'a str, &'a Json>,
) -> Result<(), String> {
    let Json::Object(members) = schema else { return Ok(()) };
    for (key, value) in members {
        match value {
            Json::String(_) if key == id_keyword && !std::ptr::eq(root, schema) => {
                return Err(format!(
                    "has a subschema with {key}, which would be a schema of its own: name it with \
                     $anchor, or refer to it as #/$defs/…"
                ));
            }
            Json::String(anchor)
                if NAME.contains(&key.as_str()) && anchors.insert(anchor, schema).is_some() =>
            {
                return Err(format!("names two subschemas {:?}", shortened(anchor, 50)));
            }
            _ => {}
        }
    }
    let defined = held(members, &DEFINE).flat_map(named);
    subschemas(members)
        .chain(defined)
        .try_for_each(|schema| name(root, schema, id_keyword, anchors))
}

/// Unfolds a schema.
struct Walk<'a> {
    root: &'a Json,
    anchors: HashMap<&'a str, &'a Json>,
    /// The subschemas that are being unfolded, from the root down.
    open: Vec<&'a Json>,
    /// The most that were open at once.
    levels: usize,
    /// Whether one that was open was met again.
    is_circular: bool,
    subschemas: usize,
    patterns: usize,
}

impl<'a> Walk<'a> {
    fn unfold(&mut self, schema: &'a Json) -> Result<(), String> {
        let Json::Object(members) = schema else { return Ok(()) };
        self.subschemas += 1;
        self.patterns += held(members, &["pattern"]).count();
        self.patterns += held(members, &["patternProperties"]).flat_map(named).count();
        if self.subschemas > MAX_SUBSCHEMAS {
            return Err(format!(
                "unfolds to more than {MAX_SUBSCHEMAS} subschemas, each counted as often as it is \
                 referred to"
            ));
        }
        if self.patterns > MAX_PATTERNS {
            return Err(format!("unfolds to more than {MAX_PATTERNS} patterns"));
        }
        self.levels = self.levels.max(self.open.len());
        if self.levels > MAX_LEVELS {
            return Err(format!("has subschemas that lie more than {MAX_LEVELS} levels deep"));
        }
        for subschema in subschemas(members) {
            self.enter(subschema)?;
        }
        for reference in held(members, &REFER) {
            if let Json::String(reference) = reference {
                self.enter(self.target(reference)?)?;
            }
        }
        Ok(())
    }

    fn enter(&mut self, schema: &'a Json) -> Result<(), String> {
        if self.open.iter().any(|open| std::ptr::eq(*open, schema)) {
            self.is_circular = true;
            return Ok(());
        }
        self.open.push(schema);
        self.unfold(schema)?;
        self.open.pop();
        Ok(())
    }

    /// The subschema that a reference means.
    fn target(&self, reference: &str) -> Result<&'a Json, String> {
        let shown = shortened(reference, 100);
        let Some(fragment) = reference.strip_prefix('#') else {
            return Err(format!(
                "refers to {shown:?}, which is outside of it: nothing is fetched, so put what it \
                 means under $defs and refer to it as \"#/$defs/…\""
            ));
        };
        let found = decoded(fragment).and_then(|fragment| match fragment.strip_prefix('/') {
            Some(pointer) => pointer.split('/').try_fold(self.root, step),
            None if fragment.is_empty() => Some(self.root),
            None => self.anchors.get(fragment.as_str()).copied(),
        });
        found.ok_or_else(|| format!("refers to {shown:?}, which it does not have"))
    }
}

/// The subschemas that are checked wherever the schema is.
fn subschemas(members: &Members) -> impl Iterator<Item = &Json> {
    let ones = held(members, &HOLD_ONE).flat_map(|value| match value {
        Json::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    });
    ones.chain(held(members, &HOLD_NAMED).flat_map(named))
}

fn held<'a>(members: &'a Members, keywords: &[&str]) -> impl Iterator<Item = &'a Json> {
    members.iter().filter(|(key, _)| keywords.contains(&key.as_str())).map(|(_, value)| value)
}

fn named(value: &Json) -> impl Iterator<Item = &Json> {
    let members = match value {
        Json::Object(members) => members.as_slice(),
        _ => &[],
    };
    members.iter().map(|(_, value)| value)
}

/// One step of a JSON pointer.
fn step<'a>(json: &'a Json, token: &str) -> Option<&'a Json> {
    match json {
        Json::Array(items) => items.get(token.parse::<usize>().ok()?),
        object => object.get(&token.replace("~1", "/").replace("~0", "~")),
    }
}

/// A fragment of a URI with its percent signs resolved.
fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = fragment.bytes();
    let mut decoded = Vec::with_capacity(fragment.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}
