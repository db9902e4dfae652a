//! Errors, split by who may read them.
//!
//! [`Error::Client`] says what the caller did wrong and how to mend it; its text is safe to send.
//! [`Error::Internal`] holds what only the log may see; its `Display` is one fixed sentence, so that
//! no careless `?` or `to_string` can show a database's text, a path or a stack trace to a client.

use std::error::Error as StdError;
use std::fmt;

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any failure, by who may read it.
#[derive(Debug)]
pub enum Error {
    /// The caller can mend it; the text says how.
    Client(ClientError),
    /// Only the operator can mend it; the text stays in the log.
    Internal(InternalError),
}

/// The machine-readable kind of an error, as `extensions.code` in GraphQL and `code` in REST answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No credential, or one that is not (or no longer) valid.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// The input breaks a documented rule.
    BadUserInput,
    /// It is not there, or the caller may not know that it is.
    NotFound,
    /// It contradicts something that is already recorded.
    Conflict,
    /// Larger than a documented limit.
    PayloadTooLarge,
    /// More often than a documented limit.
    TooManyRequests,
    /// Not now; the same request may be taken later.
    ServiceUnavailable,
    /// The server failed; nothing the caller sent is at fault.
    InternalServerError,
}

impl Code {
    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::InternalServerError => "INTERNAL_SERVER_ERROR",
        }
    }
}

/// A failure the caller can mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientError {
    /// What kind of failure it is.
    pub code: Code,
    /// What is wrong and how to mend it.
    pub message: String,
    /// For a batch: each bad event. Empty when the failure is of the request as a whole.
    pub problems: Vec<Problem>,
    /// In how many seconds to try again, where that is known.
    pub retry_after: Option<u64>,
}

/// What is wrong with one event of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The event's place in the batch, from 0.
    pub index: usize,
    /// What kind of failure it is.
    pub code: Code,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// A failure only the log may describe.
#[derive(Debug)]
pub struct InternalError {
    doing: &'static str,
    source: Box<dyn StdError + Send + Sync>,
}

impl Error {
    /// A failure the caller can mend.
    pub fn client(code: Code, message: impl Into<String>) -> Self {
        Self::Client(ClientError {
            code,
            message: message.into(),
            problems: Vec::new(),
            retry_after: None,
        })
    }

    /// The input breaks a rule; the message names it and how to mend it.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::client(Code::BadUserInput, message)
    }

    /// It is not there, or the caller may not know that it is.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::client(Code::NotFound, message)
    }

    /// Known, but not allowed.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::client(Code::Forbidden, message)
    }

    /// The same, saying in how many seconds to try again.
    pub fn after(self, seconds: u64) -> Self {
        match self {
            Self::Client(error) => {
                Self::Client(ClientError { retry_after: Some(seconds), ..error })
            }
            internal => internal,
        }
    }

    /// A batch with bad events in it: every one of them, by index.
    pub fn batch(problems: Vec<Problem>) -> Self {
        let all_too_large = problems.iter().all(|p| p.code == Code::PayloadTooLarge);
        let code = match problems.first() {
            Some(first) if all_too_large || problems.iter().all(|p| p.code == first.code) => {
                first.code
            }
            _ => Code::BadUserInput,
        };
        let message = match problems.as_slice() {
            [only] => format!(
                "nothing was recorded: the event at index {} is not acceptable: {}",
                only.index, only.message
            ),
            many => format!(
                "nothing was recorded: {} events are not acceptable; each is listed by its index",
                many.len()
            ),
        };
        Self::Client(ClientError { code, message, problems, retry_after: None })
    }

    /// A failure that is not the caller's; `doing` says for the log what was being done.
    pub fn internal(
        doing: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Internal(InternalError { doing, source: source.into() })
    }

    /// The whole story, for the log and the operator's terminal only.
    pub fn for_the_log(&self) -> String {
        match self {
            Self::Client(error) => error.message.clone(),
            Self::Internal(error) => error.for_the_log(),
        }
    }

    /// The machine-readable kind.
    pub const fn code(&self) -> Code {
        match self {
            Self::Client(error) => error.code,
            Self::Internal(_) => Code::InternalServerError,
        }
    }
}

impl InternalError {
    /// What failed, for whoever can do something about it.
    pub fn source(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.source
    }

    /// The whole story, for the log and the operator's terminal only.
    pub fn for_the_log(&self) -> String {
        let mut story = format!("{}: {}", self.doing, self.source);
        let mut cause = self.source.source();
        while let Some(next) = cause {
            let text = next.to_string();
            if !story.contains(&text) {
                story.push_str(": ");
                story.push_str(&text);
            }
            cause = next.source();
        }
        story
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => f.write_str(&error.message),
            Self::Internal(_) => {
                f.write_str("the server could not do this; its log says why, try again later")
            }
        }
    }
}

impl StdError for Error {}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}
