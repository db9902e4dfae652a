//! From a credential to a [`Viewer`].
//!
//! A credential only says who somebody is. What they may do is read from their memberships each
//! time, so that taking a right or a key away works at once.

pub mod api_key;
pub mod jwt;

use crate::domain::id::Id;
use crate::domain::viewer::Viewer;
use crate::error::{Code, Error, InternalError, Result};
use crate::store::Store;

/// Checks credentials.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    tokens: Option<jwt::Verifier>,
}

impl Authenticator {
    /// Knows the API keys in the store and, when a verifier is given, JSON Web Tokens.
    pub const fn new(store: Store, tokens: Option<jwt::Verifier>) -> Self {
        Self { store, tokens }
    }

    /// Who a credential says somebody is, with the rights they have at this moment.
    pub async fn authenticate(&self, credential: &str) -> Result<Viewer> {
        if api_key::looks_like(credential) {
            self.by_api_key(credential).await
        } else {
            self.by_token(credential).await
        }
    }

    async fn by_api_key(&self, secret: &str) -> Result<Viewer> {
        let found = self.store.api_key_by_hash(&api_key::hash(secret)).await?;
        let key =
            found.ok_or_else(|| unauthenticated("the API key is not known, or was deleted"))?;
        let viewer = self.store.viewer(key.tenant_id.clone(), key.user_id.clone()).await?;
        // Nobody waits for this, and it failing is no reason to turn somebody away.
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(Error::Internal(error)) = store.touch_api_key(&key).await {
                warn(&error);
            }
        });
        Ok(viewer)
    }

    async fn by_token(&self, token: &str) -> Result<Viewer> {
        let Some(tokens) = &self.tokens else {
            return Err(unauthenticated(
                "the credential is no API key, and this server takes no JSON Web Tokens",
            ));
        };
        let subject = tokens.verify(token, self.store.now()).await?;
        let unknown = || unauthenticated("the token's sub is no user of this server");
        let user_id = Id::user(subject).map_err(|_| unknown())?;
        let user = self.store.user_anywhere(&user_id).await?.ok_or_else(unknown)?;
        self.store.viewer(user.tenant_id, user.id).await
    }
}

/// The refusal of whoever brings no valid credential.
pub fn unauthenticated(message: impl Into<String>) -> Error {
    Error::client(Code::Unauthenticated, message)
}

fn warn(error: &InternalError) {
    tracing::warn!(error = error.for_the_log(), "the last use of an API key was not kept");
}
