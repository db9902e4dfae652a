//! From a credential to a [`Viewer`].
//!
//! A credential only says who somebody is. What they may do is read from their memberships each
//! time, so that taking a right or a key away works at once.

pub mod api_key;
mod failed;
pub mod jwt;
mod rates;
mod refusal;
mod told;

use crate::domain::event::Context;
use crate::domain::id::Id;
use crate::domain::limits::Limit;
use crate::domain::viewer::Viewer;
use crate::error::{Error, InternalError};
use crate::store::Store;

use failed::{Attempt, FailedSignIns, Whose};
use rates::{Credential, Rates};
pub use refusal::{Reason, Refusal};
use told::Told;

/// Checks credentials.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    tokens: Option<jwt::Verifier>,
    failed: FailedSignIns,
    rates: Option<Rates>,
    told: Told,
}

impl Authenticator {
    /// Knows the API keys in the store and, when a verifier is given, JSON Web Tokens.
    pub fn new(store: Store, tokens: Option<jwt::Verifier>) -> Self {
        Self { failed: FailedSignIns::start(&store), told: Told::new(), store, tokens, rates: None }
    }

    /// The same, letting each credential send so many requests a minute.
    pub fn with_rate(self, limit: Limit) -> Self {
        Self { rates: Some(Rates::new(limit)), ..self }
    }

    /// Who a credential says somebody is, with the rights they have at this moment. One that was good
    /// once, or names somebody, is an event in their tenant when it fails; `context` says where it
    /// came from. The refusal is the same whether anybody is behind the credential or not, and does not
    /// wait for that to be found out.
    pub async fn authenticate(
        &self,
        credential: &str,
        context: &Context,
    ) -> Result<Viewer, Refusal> {
        if api_key::looks_like(credential) {
            self.by_api_key(credential, context).await
        } else {
            let signed_in = self.by_token(credential).await;
            if let Err(Refusal::Credential { reason, message }) = &signed_in
                && let Some(user_id) = jwt::claimed_subject(credential)
            {
                let whose = Whose::UserOfToken(user_id);
                self.fail(whose, *reason, message, context);
            }
            signed_in
        }
    }

    /// Returns once every failed sign-in so far is in its tenant's log.
    pub async fn settled(&self) {
        self.failed.settled().await;
    }

    /// Tells the server's log of a request that was refused for its credential.
    pub fn refused(&self, reason: Reason, context: &Context) {
        self.told.failed(reason, context.ip_address.as_deref(), self.store.now());
    }

    async fn by_api_key(&self, secret: &str, context: &Context) -> Result<Viewer, Refusal> {
        const MESSAGE: &str = "the API key is not known, has expired, or was deleted";
        let unknown = || Refusal::new(Reason::UnknownKey, MESSAGE);
        if !api_key::is_well_formed(secret) {
            return Err(unknown());
        }
        let hash = api_key::hash(secret);
        let found = self.store.api_key_by_hash(&hash).await?;
        let key = found.ok_or_else(unknown)?;
        let now = self.store.now();
        let over = match (key.revoked_at, key.expires_at) {
            (Some(_), _) => Some((Reason::DeletedKey, "the API key was deleted")),
            (None, Some(at)) if at <= now => Some((Reason::ExpiredKey, "the API key has expired")),
            _ => None,
        };
        if let Some((reason, what)) = over {
            self.fail(Whose::Key((*key).clone()), reason, what, context);
            return Err(Refusal::new(reason, MESSAGE));
        }
        self.count(|| Credential::Key(key.id.clone()))?;
        let viewer = self.store.known_viewer(key.tenant_id.clone(), key.user_id.clone()).await?;
        if self.store.is_use_due(&key, &hash, now) {
            // Nobody waits for this, and it failing is no reason to turn somebody away.
            let store = self.store.clone();
            tokio::spawn(async move {
                if let Err(Error::Internal(error)) = store.touch_api_key(&key, now).await {
                    warn(&error);
                }
            });
        }
        Ok(viewer)
    }

    async fn by_token(&self, token: &str) -> Result<Viewer, Refusal> {
        let Some(tokens) = &self.tokens else {
            return Err(Refusal::new(
                Reason::TokensNotTaken,
                "the credential is no API key, and this server takes no JSON Web Tokens",
            ));
        };
        let subject = tokens.verify(token, self.store.now()).await?;
        let unknown =
            || Refusal::new(Reason::UnknownUser, "the token's sub is no user of this server");
        let user_id = Id::user(subject).map_err(|_| unknown())?;
        let user = self.store.user_signing_in(&user_id).await?.ok_or_else(unknown)?;
        self.count(|| Credential::Subject(user.id.clone()))?;
        Ok(self.store.known_viewer(user.tenant_id, user.id).await?)
    }

    /// Counts a request by a good credential, and refuses one too many.
    fn count(&self, credential: impl FnOnce() -> Credential) -> Result<(), Error> {
        self.rates.as_ref().map_or(Ok(()), |rates| rates.ask(credential()))
    }

    fn fail(&self, whose: Whose, reason: Reason, message: &str, context: &Context) {
        self.failed.attempt(Attempt {
            whose,
            reason,
            at: self.store.now(),
            context: Context { description: Some(message.to_owned()), ..context.clone() },
        });
    }
}

fn warn(error: &InternalError) {
    tracing::warn!(error = error.for_the_log(), "the last use of an API key was not kept");
}
