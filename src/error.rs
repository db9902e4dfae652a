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
    /// Not now; nothing the caller sent is at fault, and trying again later is the cure.
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

/// Why something cannot be done for now. What was being done and what the database said is for the
/// log alone; these sentences are for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// The database cannot be reached, or did not come to this in time.
    Database,
    /// It cannot write, most likely because its disk is full.
    Disk,
    /// It stopped doing this, which took too long or was ended by its operator.
    Stopped,
    /// It went away at the very moment of saving: nobody knows whether that was done.
    Uncertain,
}

impl Unavailable {
    /// What clients are told.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Database => {
                "the database does not answer at present: nothing was recorded or changed; try again in a moment"
            }
            Self::Disk => {
                "the database cannot write, most likely because its disk is full: nothing was recorded or changed; \
                 try again once the operator has made room"
            }
            Self::Stopped => {
                "the database stopped doing this, most likely because it took too long: nothing was recorded or changed; \
                 ask for less at once, or try again in a moment"
            }
            Self::Uncertain => {
                "the database did not confirm this in time: it may have been done or not; sending events again under \
                 the same ids is safe and records none of them twice"
            }
        }
    }

    /// When to try again, in seconds from now.
    pub const fn retry_after(self) -> u32 {
        match self {
            Self::Database | Self::Stopped | Self::Uncertain => 2,
            Self::Disk => 30,
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
    unavailable: Option<Unavailable>,
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
        Self::Internal(InternalError { doing, unavailable: None, source: source.into() })
    }

    /// A failure that will pass; `doing` says for the log what was being done.
    pub fn unavailable(
        why: Unavailable,
        doing: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Internal(InternalError { doing, unavailable: Some(why), source: source.into() })
    }

    /// The same failure, for somebody else who is to hear of it; what it says for the log as text.
    pub fn again(&self, doing: &'static str) -> Self {
        let source = self.for_the_log();
        match self {
            Self::Client(error) => Self::Client(error.clone()),
            Self::Internal(InternalError { unavailable, .. }) => Self::Internal(InternalError {
                doing,
                unavailable: *unavailable,
                source: source.into(),
            }),
        }
    }

    /// Why this cannot be done for now, if it is a failure that will pass.
    pub const fn why_unavailable(&self) -> Option<Unavailable> {
        match self {
            Self::Client(_) => None,
            Self::Internal(error) => error.unavailable,
        }
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
            Self::Internal(InternalError { unavailable: Some(_), .. }) => Code::ServiceUnavailable,
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
            Self::Internal(InternalError { unavailable: Some(why), .. }) => {
                f.write_str(why.message())
            }
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
