//! From a text to [`Json`], in time that goes by its length and not by how deep it nests.
//!
//! serde_json says first whether the text is JSON. What is walked here is JSON then, and each byte of it
//! is looked at once more, wherever it stands.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{Json, JsonError, MAX_DEPTH, shortened};

/// Reads one JSON text that nests so many levels at most.
pub(super) fn read(text: &str, depth: usize) -> Result<Json, JsonError> {
    let raw: &RawValue = serde_json::from_str(text).map_err(JsonError::from_serde)?;
    Reader { rest: raw.get() }.value(depth)
}

/// What is left to be read of a text that is JSON.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// The next value; `depth` is how many levels are left.
    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.space();
        match self.rest.as_bytes().first() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'[') => self.array(below(depth)?),
            Some(b'{') => self.object(below(depth)?),
            _ => {
                let is_end = |byte| matches!(byte, b',' | b']' | b'}') || is_space(byte);
                let length = self.rest.bytes().position(is_end).unwrap_or(self.rest.len());
                Ok(match self.take(length)? {
                    "null" => Json::Null,
                    "true" => Json::Bool(true),
                    "false" => Json::Bool(false),
                    number => Json::Number(number.to_owned()),
                })
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        self.take(1)?;
        if self.is_over("]") {
            return Ok(Json::Array(items));
        }
        loop {
            let (item, at) = (self.value(depth), items.len());
            items.push(item.map_err(|error| error.under(format_args!("[{at}]")))?);
            if !self.goes_on("]")? {
                return Ok(Json::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut members = Vec::new();
        self.take(1)?;
        if self.is_over("}") {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.expect(":")?;
            let value = self.value(depth);
            let value = value.map_err(|error| error.under(format_args!("{key}")))?;
            members.push((key, value));
            if !self.goes_on("}")? {
                break;
            }
        }
        let mut seen = HashSet::with_capacity(members.len());
        if let Some((twice, _)) = members.iter().find(|(key, _)| !seen.insert(key.as_str())) {
            let shown = shortened(twice, 50);
            return Err(JsonError::new(format!(
                "the key {shown:?} stands in the same object twice"
            )));
        }
        Ok(Json::Object(members))
    }

    /// A string, unescaped.
    fn string(&mut self) -> Result<String, JsonError> {
        let (mut is_escaped, mut has_escapes) = (false, false);
        let length = self.rest.bytes().skip(1).position(|byte| match byte {
            _ if is_escaped => {
                is_escaped = false;
                false
            }
            b'\\' => {
                (is_escaped, has_escapes) = (true, true);
                false
            }
            byte => byte == b'"',
        });
        let quoted = self.take(length.ok_or_else(cut_off)? + 2)?;
        let text = match quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(text) if !has_escapes => text.to_owned(),
            _ => serde_json::from_str(quoted).map_err(JsonError::from_serde)?,
        };
        storable(&text)?;
        Ok(text)
    }

    /// Whether the list ends before its first item; its end is then taken.
    fn is_over(&mut self, end: &str) -> bool {
        self.space();
        self.skips(end)
    }

    /// Takes what follows an item, and says whether that was a comma.
    fn goes_on(&mut self, end: &str) -> Result<bool, JsonError> {
        self.space();
        match self.skips(",") {
            true => Ok(true),
            false => self.expect(end).map(|()| false),
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn expect(&mut self, text: &str) -> Result<(), JsonError> {
        if self.skips(text) { Ok(()) } else { Err(cut_off()) }
    }

    /// Takes a text, if that is what comes next.
    fn skips(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take(&mut self, length: usize) -> Result<&'a str, JsonError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(cut_off)?;
        self.rest = rest;
        Ok(taken)
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// How many levels are left below one more.
fn below(depth: usize) -> Result<usize, JsonError> {
    let too_deep = || JsonError::new(format!("it nests more than {MAX_DEPTH} levels deep"));
    depth.checked_sub(1).ok_or_else(too_deep)
}

/// What cannot be, after serde_json has taken the text.
fn cut_off() -> JsonError {
    JsonError::new("it is not valid JSON")
}

/// Refuses what PostgreSQL's text cannot hold and SQLite's would cut.
fn storable(text: &str) -> Result<(), JsonError> {
    if text.contains('\0') {
        return Err(JsonError::new("it holds U+0000, which no database can store as text"));
    }
    Ok(())
}
