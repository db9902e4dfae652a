//! Checking input, and saying what of it can be mended.

use crate::domain::id::Id;
use crate::domain::period::Period;
use crate::domain::time::{self, Time};

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 255;

/// Something about the input that whoever sent it can mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The input field it is about.
    pub field: &'static str,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// What was made, or what about the input is to be mended.
pub type Answer<T> = Result<T, Vec<Message>>;

/// Checks input, gathering all that is to be mended.
#[derive(Default)]
pub(super) struct Input {
    pub messages: Vec<Message>,
}

impl Input {
    pub fn mend(&mut self, field: &'static str, message: impl Into<String>) {
        self.messages.push(Message { field, message: message.into() });
    }

    pub const fn is_fine(&self) -> bool {
        self.messages.is_empty()
    }

    pub fn checked<T>(&mut self, field: &'static str, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.mend(field, problem)).ok()
    }

    pub fn id(&mut self, field: &'static str, text: String) -> Option<Id> {
        self.checked(field, Id::new(text))
    }

    pub fn user_id(&mut self, field: &'static str, text: String) -> Option<Id> {
        self.checked(field, Id::user(text))
    }

    /// Text of some lines.
    pub fn long_text(
        &mut self,
        field: &'static str,
        text: Option<String>,
        max_chars: usize,
    ) -> Option<String> {
        let text = text?;
        if text.chars().count() > max_chars {
            self.mend(field, format!("must have at most {max_chars} characters"));
        }
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            self.mend(field, "must not hold control characters other than tabs and ends of lines");
        }
        Some(text)
    }

    /// A name or the like: short enough, and nothing in it that would break a line.
    pub fn text(&mut self, field: &'static str, text: Option<String>) -> Option<String> {
        let text = text?;
        if text.chars().count() > MAX_NAME_CHARS {
            self.mend(field, format!("must have at most {MAX_NAME_CHARS} characters"));
        }
        if text.chars().any(char::is_control) {
            self.mend(field, "must not hold control characters");
        }
        Some(text)
    }

    /// An ISO 8601 period.
    pub fn period(&mut self, field: &'static str, text: Option<String>) -> Option<Period> {
        text.and_then(|text| self.checked(field, Period::parse(&text)))
    }

    /// An ISO 8601 time.
    pub fn time(&mut self, field: &'static str, text: Option<String>) -> Option<Time> {
        text.and_then(|text| self.checked(field, time::parse(&text)))
    }

    /// What is not there and what the actor may not see read the same.
    pub fn found<T>(&mut self, field: &'static str, what: &str, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.mend(field, format!("there is no such {what} that you may administer"));
        }
        found
    }
}

pub(super) fn taken<T>() -> Answer<T> {
    Err(vec![Message {
        field: "id",
        message: "the id is taken: ids are unique in the whole installation".to_owned(),
    }])
}
