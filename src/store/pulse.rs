//! Whether a database that is reached over a network still answers.
//!
//! A machine that stopped, or a network that lost a connection, says nothing: whoever waits for a statement's
//! end cannot tell that from one that takes long. So a connection of its own asks for nothing, again and again.
//! Once that is not answered in time, nothing else is waited for.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, PgConnection};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The time between two beats.
const INTERVAL: Duration = Duration::from_millis(500);

/// How long an answer may take: far longer than one that asks for nothing ever does, and, with the interval,
/// well within the five seconds in which a request is to be answered.
const SILENCE: Duration = Duration::from_secs(3);

/// Whether the database is silent. Without a pulse it never is.
#[derive(Clone, Default)]
pub(super) struct Pulse(Option<watch::Receiver<bool>>);

/// The database does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Silent;

impl Pulse {
    /// Feels the pulse as long as anybody wants to know of it.
    pub fn start(options: PgConnectOptions) -> Self {
        let (is_silent, pulse) = watch::channel(false);
        tokio::spawn(feel(options, is_silent));
        Self(Some(pulse))
    }

    /// Waits for something that the database does, unless that is silent.
    pub async fn unless_silent<F: Future>(&self, done: F) -> Result<F::Output, Silent> {
        let Some(pulse) = &self.0 else { return Ok(done.await) };
        let mut pulse = pulse.clone();
        tokio::select! {
            biased;
            done = done => Ok(done),
            Ok(_) = pulse.wait_for(|is_silent| *is_silent) => Err(Silent),
        }
    }
}

async fn feel(options: PgConnectOptions, is_silent: watch::Sender<bool>) {
    let mut connection = None;
    loop {
        // Whatever it says is an answer, a refusal too: whoever needs a connection then hears of that.
        let answered = timeout(SILENCE, beat(&options, &mut connection)).await;
        if !matches!(answered, Ok(Ok(()))) {
            connection = None;
        }
        let silent = answered.is_err();
        if is_silent.send_replace(silent) != silent {
            match silent {
                true => tracing::error!("the database is silent: what waits for it is given up"),
                false => tracing::info!("the database answers again"),
            }
        }
        tokio::select! {
            () = sleep(INTERVAL) => {}
            () = is_silent.closed() => return,
        }
    }
}

async fn beat(
    options: &PgConnectOptions,
    connection: &mut Option<PgConnection>,
) -> sqlx::Result<()> {
    match connection {
        Some(connection) => connection.ping().await,
        None => {
            *connection = Some(options.connect().await?);
            Ok(())
        }
    }
}
