//! Identifiers that come from the audited application: opaque, never parsed, never guessed.

use std::borrow::Borrow;
use std::fmt;

/// The filter word of Healthie's API for "performed automatically, by no user".
pub const NO_AUTHOR: &str = "no_author";

/// The longest identifier, in characters.
pub const MAX_CHARS: usize = 255;

/// The id of an organization, a user, a resource or a client's event: 1 to 255 characters, none of
/// them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(String);

impl Id {
    /// Checks the rule; the error says what breaks it.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        if text.len() > MAX_CHARS && text.chars().count() > MAX_CHARS {
            return Err(format!("must have at most {MAX_CHARS} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("must not hold control characters".to_owned());
        }
        Ok(Self(text))
    }

    /// A user's id: any id but the one that would read as "nobody" in a filter.
    pub fn user(text: impl Into<String>) -> Result<Self, String> {
        let id = Self::new(text)?;
        if id.0 == NO_AUTHOR {
            return Err(format!("must not be {NO_AUTHOR:?}, which stands for nobody"));
        }
        Ok(id)
    }

    /// An id read back from our own storage, where only checked ones are written.
    pub fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}
