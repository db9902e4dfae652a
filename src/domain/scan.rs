//! A look at the text of a GraphQL document before anything parses it.
//!
//! A recursive parser can be made to use up its stack, which ends the process. This reads the text
//! once, without recursion, splits it as GraphQL's lexical grammar does, and refuses what is too long,
//! has too many tokens or nests too deep, so that a parser is only given what it can bear.

use super::limits::Limits;
use crate::error::{Error, Result};

/// The longest name. Names come back in messages, several times.
const MAX_NAME: usize = 255;

/// What a document's text consists of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scanned {
    /// How many tokens it has.
    pub tokens: usize,
    /// How deep its brackets nest, of whatever kind.
    pub nesting: usize,
}

/// Reads a document's text. What is let through may still be no document; that is for the parser to say.
pub fn scan(text: &str, limits: &Limits) -> Result<Scanned> {
    limits.max_document_bytes.hold(text.len())?;
    let mut rest = text.as_bytes();
    let (mut seen, mut open) = (Scanned::default(), 0_usize);
    while let Some(first) = rest.first() {
        let length = match first {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                rest = after(rest, 1);
                continue;
            }
            b'#' => {
                rest = after(rest, until(rest, |byte| matches!(byte, b'\n' | b'\r')));
                continue;
            }
            b'"' => string(rest)?,
            b'{' | b'[' | b'(' => {
                open += 1;
                1
            }
            b'}' | b']' | b')' => {
                open = open.saturating_sub(1);
                1
            }
            byte if is_of_word(*byte) => word(rest)?,
            b'.' if rest.starts_with(b"...") => 3,
            // A sign, or a part of what no grammar knows.
            _ => 1,
        };
        rest = after(rest, length);
        seen.tokens += 1;
        seen.nesting = seen.nesting.max(open);
        limits.max_document_tokens.hold(seen.tokens)?;
        limits.max_document_nesting.hold(seen.nesting)?;
    }
    Ok(seen)
}

/// The length of a name or number. Where a parser would see two of them, that is one token more, of no
/// more bytes.
fn word(text: &[u8]) -> Result<usize> {
    let length = until(text, |byte| !is_of_word(byte));
    let is_name = text.first().is_some_and(|first| !first.is_ascii_digit());
    if is_name && length > MAX_NAME {
        return Err(Error::bad_input(format!(
            "the document has a name of {length} bytes: names take at most {MAX_NAME}"
        )));
    }
    Ok(length)
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The length of a string with its quotes. One that does not end is refused: what follows its quote
/// could be read as one thing here and as another by the parser.
fn string(text: &[u8]) -> Result<usize> {
    const BLOCK: &[u8] = b"\"\"\"";
    let (quote, mut length): (&[u8], usize) =
        if text.starts_with(BLOCK) { (BLOCK, 3) } else { (b"\"", 1) };
    let is_block = quote.len() == BLOCK.len();
    loop {
        let rest = after(text, length);
        if rest.starts_with(quote) {
            return Ok(length + quote.len());
        }
        length += match rest.first() {
            Some(b'\\') if is_block && after(rest, 1).starts_with(BLOCK) => 4,
            Some(b'\\') if !is_block => 2,
            Some(b'\n' | b'\r') if !is_block => return Err(unended()),
            Some(_) => 1,
            None => return Err(unended()),
        };
    }
}

fn unended() -> Error {
    Error::bad_input("the document has a string that does not end")
}

fn after(text: &[u8], length: usize) -> &[u8] {
    text.get(length..).unwrap_or_default()
}

fn until(text: &[u8], ends: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| ends(*byte)).unwrap_or(text.len())
}
