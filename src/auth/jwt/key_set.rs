//! A JSON Web Key Set in a file or at a URL, read again as its keys change.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::Algorithm;
use reqwest::{Client, Url, redirect};
use tokio::sync::{Mutex, OwnedMutexGuard, RwLock};
use tokio::time::timeout;

use super::key::{Key, read_set};
use super::token::Token;
use crate::domain::time::Time;
use crate::error::{Code, Error, Result};

/// How long at least between two reads, whatever keys tokens name.
const READ_AT_MOST_EVERY: TimeDelta = TimeDelta::minutes(1);

/// How old a set becomes before it is read again, though nobody misses a key: a file costs nothing.
const FETCH_AFTER: TimeDelta = TimeDelta::minutes(5);
const REREAD_AFTER: TimeDelta = READ_AT_MOST_EVERY;

/// How old a fetched set becomes before its keys are waited for, too: a key withdrawn so long ago must not
/// be trusted by the first token that comes after a pause.
const WAIT_AFTER: TimeDelta = TimeDelta::minutes(10);

/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a token waits for a set that is being read, at most.
const WAIT: Duration = Duration::from_secs(1);

const NOT_THERE_YET: &str = "the keys by which tokens are signed are being fetched, and whether one of them signed this \
     token is not known yet: try again shortly";

/// In how many seconds to try again then.
const RETRY_AFTER: u64 = 1;

/// The largest set, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// A set, as it was when it was last read.
pub(super) struct KeySet {
    source: Source,
    cache: RwLock<Cache>,
    /// Held while the set is read.
    reading: Arc<Mutex<()>>,
}

enum Source {
    File(PathBuf),
    Url { url: Url, client: Client },
}

#[derive(Default)]
struct Cache {
    keys: Vec<Key>,
    read_at: Option<Time>,
    tried_at: Option<Time>,
    /// Whether the last try came to nothing.
    is_away: bool,
}

impl KeySet {
    /// Reads a file, which must hold usable keys from the start.
    pub fn in_file(path: PathBuf) -> Result<Self> {
        let keys = read_file(&path).map_err(|problem| {
            Error::bad_input(format!("jwt_jwks_file {}: {problem}", path.display()))
        })?;
        let cache = RwLock::new(Cache { keys, ..Cache::default() });
        Ok(Self { source: Source::File(path), cache, reading: Arc::default() })
    }

    /// A set that is fetched when the first token comes; its server need not be up yet.
    pub fn at_url(url: &str) -> Result<Self> {
        let url = check_url(url)?;
        // A set has one address. Following to another one would trust whoever answers there.
        let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none());
        let client =
            client.build().map_err(|error| Error::internal("preparing to fetch keys", error))?;
        let source = Source::Url { url, client };
        Ok(Self { source, cache: RwLock::default(), reading: Arc::default() })
    }

    /// The keys that the token may be signed by. A token of a known key waits for nothing, but for a set
    /// that nobody has asked for in a long time; any other one waits for a set that is being read, and
    /// neither for long.
    pub async fn matching(self: &Arc<Self>, token: &Token<'_>, now: Time) -> Result<Vec<Key>> {
        // No set is read for what no key of any set can have signed.
        if matches!(token.algorithm, None | Some(Algorithm::HS256)) {
            return Ok(Vec::new());
        }
        let (found, age) = {
            let cache = self.cache.read().await;
            (cache.matching(token), cache.age(now, &self.source))
        };
        let is_known = !found.is_empty();
        if is_known && age == Age::Fresh {
            return Ok(found);
        }
        let has_begun = self.begin_reading(now).await;
        // The one that has it read waits, where the keys at hand are too old to go on with.
        if is_known && !(has_begun && age == Age::Stale) {
            return Ok(found);
        }
        let has_ended = timeout(WAIT, self.reading.lock()).await.is_ok();
        let found = self.cache.read().await.matching(token);
        match found.is_empty() && !has_ended {
            true => Err(Error::client(Code::ServiceUnavailable, NOT_THERE_YET).after(RETRY_AFTER)),
            false => Ok(found),
        }
    }

    /// Has the set read, unless that was tried within the minute; whether it is.
    async fn begin_reading(self: &Arc<Self>, now: Time) -> bool {
        let mut cache = self.cache.write().await;
        if !cache.may_read(now) {
            return false;
        }
        // Taken here, so that whoever comes from now on waits for it.
        let Ok(reading) = Arc::clone(&self.reading).try_lock_owned() else { return false };
        cache.tried_at = Some(now);
        // In a task of its own: whoever asked may go away, and the one read a minute must not be lost.
        tokio::spawn(Arc::clone(self).read(reading, now));
        true
    }

    async fn read(self: Arc<Self>, _reading: OwnedMutexGuard<()>, now: Time) {
        let read = self.source.read().await;
        let mut cache = self.cache.write().await;
        cache.is_away = read.is_err();
        match read {
            Ok(keys) => {
                cache.keys = keys;
                cache.read_at = Some(now);
            }
            // The keys at hand go on being trusted: a provider that is away must not lock all out.
            Err(problem) => tracing::warn!(
                from = self.source.name(),
                problem,
                "the JSON Web Key Set was not read; the keys at hand go on being trusted"
            ),
        }
    }
}

/// How old the keys at hand are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    /// To be read again, and good until then.
    Due,
    /// Not to be gone on with before another try.
    Stale,
}

impl Cache {
    fn matching(&self, token: &Token<'_>) -> Vec<Key> {
        self.keys.iter().filter(|key| key.may_have_signed(token)).cloned().collect()
    }

    fn age(&self, now: Time, source: &Source) -> Age {
        let (due, stale) = match source {
            Source::File(_) => (REREAD_AFTER, REREAD_AFTER),
            Source::Url { .. } => (FETCH_AFTER, WAIT_AFTER),
        };
        match self.read_at.map(|at| (now - at).abs()) {
            Some(age) if age < due => Age::Fresh,
            Some(age) if age < stale => Age::Due,
            // Nobody waits again and again for a provider that is away.
            _ if self.is_away => Age::Due,
            _ => Age::Stale,
        }
    }

    /// The clock may have been set back since: that must not put it off until it has caught up.
    fn may_read(&self, now: Time) -> bool {
        self.tried_at.is_none_or(|at| (now - at).abs() >= READ_AT_MOST_EVERY)
    }
}

impl Source {
    async fn read(&self) -> Result<Vec<Key>, String> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
                read.map_err(|error| error.to_string())?
            }
            Self::Url { url, client } => fetch(client, url).await,
        }
    }

    /// For the log: a URL without what may be secret in it.
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url { url, .. } => {
                format!("{}{}", url.origin().ascii_serialization(), url.path())
            }
        }
    }
}

/// A URL that a set can be trusted from: what comes over plain HTTP can be changed on its way.
pub(super) fn check_url(url: &str) -> Result<Url> {
    const HOW: &str = "jwt_jwks_url must be an https:// URL, or an http:// one of this machine, such \
                       as http://127.0.0.1:9000/keys";
    let parsed = Url::parse(url).map_err(|_| Error::bad_input(HOW))?;
    let is_here = parsed.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    });
    match parsed.scheme() {
        "https" => Ok(parsed),
        "http" if is_here => Ok(parsed),
        _ => Err(Error::bad_input(HOW)),
    }
}

fn read_file(path: &Path) -> Result<Vec<Key>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    file.take(limit).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() > MAX_BYTES {
        return Err(too_large());
    }
    read_set(&text)
}

async fn fetch(client: &Client, url: &Url) -> Result<Vec<Key>, String> {
    // The whole story but the URL, in which there may be a password.
    let story =
        |error: reqwest::Error| Error::internal("fetching", error.without_url()).for_the_log();
    let mut answer = client.get(url.clone()).send().await.map_err(story)?;
    let status = answer.status();
    if status.is_redirection() {
        return Err(format!("it answered {status}, and no redirect is followed: name its address"));
    }
    if !status.is_success() {
        return Err(format!("it answered {status}"));
    }
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(story)? {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_BYTES {
            return Err(too_large());
        }
    }
    read_set(&text)
}

fn too_large() -> String {
    format!("it has more than {MAX_BYTES} bytes, the most that are read")
}
