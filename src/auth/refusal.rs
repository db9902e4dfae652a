//! Why somebody is not signed in.

use crate::error::{Code, Error};

/// Nobody is signed in: the credential is no good, or the server could not tell.
#[derive(Debug)]
pub enum Refusal {
    /// The credential is no good.
    Credential {
        /// In one of few words, to count by.
        reason: Reason,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// The server could not tell.
    Failed(Error),
}

/// What is wrong with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is none, or not in a form that is taken.
    NoCredential,
    /// No key has this secret.
    UnknownKey,
    /// The key was deleted.
    DeletedKey,
    /// The key has expired.
    ExpiredKey,
    /// It is neither a key nor a token, or a token of another kind.
    Malformed,
    /// It is longer than any that is looked at.
    TooLong,
    /// It is a token, and this server takes none.
    TokensNotTaken,
    /// No trusted key signed the token.
    UntrustedToken,
    /// The token is signed, and is not valid now.
    ExpiredToken,
    /// The token is signed, and not for this server, or does not say what it must.
    UnfitToken,
    /// The token is good, and its subject is no user.
    UnknownUser,
}

impl Reason {
    /// The word for it in metrics and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::UnknownKey => "unknown_key",
            Self::DeletedKey => "deleted_key",
            Self::ExpiredKey => "expired_key",
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::TokensNotTaken => "tokens_not_taken",
            Self::UntrustedToken => "untrusted_token",
            Self::ExpiredToken => "expired_token",
            Self::UnfitToken => "unfit_token",
            Self::UnknownUser => "unknown_user",
        }
    }

    /// Whether the credential proves whose it is, though it opens nothing.
    pub const fn proves_whose(self) -> bool {
        matches!(self, Self::DeletedKey | Self::ExpiredKey | Self::ExpiredToken | Self::UnfitToken)
    }
}

impl Refusal {
    /// The refusal of a credential.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self::Credential { reason, message: message.into() }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Credential { message, .. } => Self::client(Code::Unauthenticated, message),
            Refusal::Failed(error) => error,
        }
    }
}
