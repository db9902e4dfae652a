//! Words: what a text is searched by, and what is asked of it.
//!
//! Case and accents do not matter. The words of a text are worked out here, once, when it is recorded,
//! so that every database searches the same ones.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// The most characters that are kept of a word.
const MAX_WORD: usize = 100;

/// The most bytes of a text's words that are kept. PostgreSQL indexes at most a megabyte.
const MAX_BYTES: usize = 256 * 1024;

/// The most words in a query.
const MAX_QUERY: usize = 100;

/// The words of a text, with one space between them and one at each end; `None` when there is none.
///
/// A word is a run of letters and digits, without accents, in lower case. In scripts that are written
/// without spaces each letter is a word.
pub fn normalized(text: &str) -> Option<String> {
    let mut joined = String::from(" ");
    for word in split(text) {
        if joined.len() + word.len() >= MAX_BYTES {
            break;
        }
        joined.push_str(&word);
        joined.push(' ');
    }
    (joined.len() > 1).then_some(joined)
}

fn split(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut place = Place::Between;
    // Folding may make letters that come apart again.
    for c in text.nfkd().flat_map(fold).nfkd().filter(|&c| !is_left_out(c)) {
        let next = match (is_combining_mark(c), c.is_alphanumeric()) {
            (true, _) => place,
            (false, false) => Place::Between,
            (false, true) if is_written_without_spaces(c) => Place::After,
            (false, true) => Place::Within,
        };
        match (place, next, words.last_mut()) {
            (_, Place::Between, _) => {}
            (Place::Within, Place::Within, Some(word)) => word.push(c),
            (_, _, Some(word)) if is_combining_mark(c) => word.push(c),
            _ => words.push(c.to_string()),
        }
        place = next;
    }
    for word in &mut words {
        if let Some((end, _)) = word.char_indices().nth(MAX_WORD) {
            word.truncate(end);
        }
    }
    words
}

/// Where in a text the splitting stands.
#[derive(Clone, Copy)]
enum Place {
    /// Outside of words.
    Between,
    /// In a word, of which the next letter is a part.
    Within,
    /// After a letter that is a word by itself.
    After,
}

/// A character without its case. By way of the upper case, which `ß` and `ss` or `ς` and `σ` share,
/// and to that of the lower case, as `ẞ` has no other.
fn fold(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// What makes no difference between words: accents, vowel points and what is not seen. The marks of
/// other scripts stay; they are letters.
fn is_left_out(c: char) -> bool {
    match canonical_combining_class(c) {
        0 if is_combining_mark(c) => !c.is_alphanumeric(),
        0 => matches!(c, '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}'),
        class => matches!(class, 1 | 10..=36 | 200..),
    }
}

/// Han, kana, and the scripts of Thailand, Laos, Myanmar and Cambodia.
const fn is_written_without_spaces(c: char) -> bool {
    matches!(
        c,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// What is asked of a text's words: `refund "lost card" appoint* -test`.
///
/// Every term must occur, but for those with a minus before them, none of which may. A term is a word,
/// a phrase in quotation marks, or the beginning of either with an asterisk after it. What holds
/// several words without quotation marks, such as `e-mail`, is a phrase too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
}

/// A part of a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    words: Vec<String>,
    is_beginning: bool,
    is_excluded: bool,
}

impl Query {
    /// Reads a query. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (is_excluded, term) = match rest.strip_prefix('-') {
                Some(term) => (true, term),
                None => (false, rest),
            };
            let (words, after) = match term.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| {
                    "has a quotation mark that none closes: write \"a phrase\" between two"
                        .to_owned()
                })?,
                None => {
                    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '*');
                    term.split_at(term.find(ends).unwrap_or(term.len()))
                }
            };
            let (is_beginning, after) = match after.strip_prefix('*') {
                Some(after) => (true, after),
                None => (false, after),
            };
            let words = split(words);
            if !words.is_empty() {
                terms.push(Term { words, is_beginning, is_excluded });
            }
            rest = after.trim_start();
        }
        let words: usize = terms.iter().map(|term| term.words.len()).sum();
        match words {
            0 => Err("names no word: give words, \"a phrase\", the beginning of a word with * \
                      after it, or any of them with - before it to exclude it"
                .to_owned()),
            1..=MAX_QUERY => Ok(Self { terms }),
            _ => Err(format!("takes at most {MAX_QUERY} words")),
        }
    }

    /// What must occur.
    pub fn required(&self) -> impl Iterator<Item = &Term> {
        self.terms.iter().filter(|term| !term.is_excluded)
    }

    /// What must not occur.
    pub fn excluded(&self) -> impl Iterator<Item = &Term> {
        self.terms.iter().filter(|term| term.is_excluded)
    }
}

impl Term {
    /// A part of [`normalized`] text that is there exactly when the term occurs in it.
    pub fn needle(&self) -> String {
        let end = if self.is_beginning { "" } else { " " };
        format!(" {}{end}", self.words.join(" "))
    }

    /// The words, each with whether it is only the beginning of one. Where the term occurs, all of
    /// them do.
    pub fn words(&self) -> impl Iterator<Item = (&str, bool)> {
        let last = self.words.len().saturating_sub(1);
        let is_beginning = move |i| self.is_beginning && i == last;
        self.words.iter().enumerate().map(move |(i, word)| (word.as_str(), is_beginning(i)))
    }

    /// Whether it is more than one word, so that their order matters.
    pub const fn is_phrase(&self) -> bool {
        self.words.len() > 1
    }
}
