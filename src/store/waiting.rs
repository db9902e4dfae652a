//! How long a request has waited for the database in all, and where its waiting ends and its work begins.
//!
//! A request waits several times: to be signed in, to read, for its turn to write. What it may wait is one
//! sum, which goes along with it: without that, each wait would be short and the whole long. Work, such as
//! reading a large page, is not counted.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

tokio::task_local! {
    static REQUEST: Arc<Meter>;
    static STATEMENT: Statement;
}

/// It took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Runs a request, which may wait so long in all.
pub(super) async fn count<F: Future>(in_all: Duration, request: F) -> F::Output {
    let meter = Meter { in_all, waited: Mutex::default() };
    REQUEST.scope(Arc::new(meter), request).await
}

/// Does what is nothing but waiting, as long as the request that this is for may still wait.
pub(super) async fn wait<F: Future>(statement: F) -> Result<F::Output, TooLong> {
    let statement = STATEMENT.scope(Statement::default(), statement);
    match Wait::begin() {
        Some(wait) => timeout(wait.left(), statement).await.map_err(|_| TooLong),
        None => Ok(statement.await),
    }
}

/// Does what waits for a connection, and then works as long as it takes.
pub(super) async fn wait_to_be_connected<F: Future>(statement: F) -> Result<F::Output, TooLong> {
    let (connected, is_connected) = oneshot::channel();
    let told = Statement { connected: Mutex::new(Some(connected)), ..Statement::default() };
    let mut statement = pin!(STATEMENT.scope(told, statement));
    if let Some(wait) = Wait::begin() {
        tokio::select! {
            biased;
            done = &mut statement => return Ok(done),
            _ = is_connected => {}
            () = sleep(wait.left()) => return Err(TooLong),
        }
    }
    Ok(statement.await)
}

/// Tells whoever waits that there is a connection; pools say so of each that they hand out. For how long
/// anybody waits for what is done with it: as long as this can be upgraded.
pub(super) fn connected() -> Option<Weak<()>> {
    let tell = |statement: &Statement| {
        if let Some(connected) = lock(&statement.connected).take() {
            let _ = connected.send(());
        }
        Arc::downgrade(&statement.alive)
    };
    STATEMENT.try_with(tell).ok()
}

/// How long the request that this is for may still wait; nothing if this is for none.
pub(super) fn left() -> Option<Duration> {
    REQUEST.try_with(|meter| meter.left()).ok()
}

/// Somebody who waits for a statement.
#[derive(Default)]
struct Statement {
    alive: Arc<()>,
    /// To be told that there is a connection.
    connected: Mutex<Option<oneshot::Sender<()>>>,
}

/// A wait of a request; it ends where this is dropped.
pub(super) struct Wait(Arc<Meter>);

impl Wait {
    /// Nothing where this is for no request.
    pub fn begin() -> Option<Self> {
        let meter = REQUEST.try_with(Arc::clone).ok()?;
        meter.begin();
        Some(Self(meter))
    }

    /// How long it may still take.
    pub fn left(&self) -> Duration {
        self.0.left()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What a request has waited. Several of its parts may wait at once; that counts once.
struct Meter {
    in_all: Duration,
    waited: Mutex<Waited>,
}

#[derive(Default)]
struct Waited {
    before: Duration,
    /// How many wait now, and since when one of them does.
    now: usize,
    since: Option<Instant>,
}

impl Meter {
    fn begin(&self) {
        let mut waited = lock(&self.waited);
        waited.now += 1;
        waited.since.get_or_insert_with(Instant::now);
    }

    fn end(&self) {
        let mut waited = lock(&self.waited);
        waited.now -= 1;
        if waited.now == 0
            && let Some(since) = waited.since.take()
        {
            waited.before += since.elapsed();
        }
    }

    fn left(&self) -> Duration {
        let waited = lock(&self.waited);
        let now = waited.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.in_all.saturating_sub(waited.before + now)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
