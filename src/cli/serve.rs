//! `auditlog serve`

use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::{clock, print, random};
use crate::auth::{Authenticator, jwt};
use crate::config::{Serving, Settings};
use crate::error::{Error, Result};
use crate::http;
use crate::retention;
use crate::store::{Database, Patience, Store};

/// How often the partitions of the coming months are seen to.
const PARTITION_CHECK: Duration = Duration::from_secs(6 * 60 * 60);

/// How long after it failed counting is tried again.
const COUNTING_AGAIN: Duration = Duration::from_secs(60);

#[derive(Args)]
pub struct Serve {
    /// Do not apply pending migrations; refuse to start if there are any
    #[arg(long)]
    no_migrate: bool,
    #[command(flatten)]
    pub serving: Serving,
}

impl Serve {
    pub async fn run(self, settings: Settings) -> Result<ExitCode> {
        let patience = patience(&settings);
        let database = Database::connect_with(&settings.database_url, patience).await?;
        if !self.no_migrate {
            database.migrate().await?;
        }
        let store = Store::open(database, clock(), random()).await?;
        let listener = listen(settings.listen)?;
        serve(store, settings, listener, stop()?).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// That of a server with these settings.
pub const fn patience(settings: &Settings) -> Patience {
    Patience::Server(Duration::from_secs(settings.limits.max_request_seconds.value()))
}

/// Ends when the process is told to stop.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes the address, so that what is printed and served agree even for port 0.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    http::listen(address).map_err(|error| Error::bad_input(format!("listen {address}: {error}")))
}

/// Serves until the process is told to stop, then finishes what is under way; told again, it does not.
pub async fn serve(
    store: Store,
    settings: Settings,
    listener: TcpListener,
    stop: Stop,
) -> Result<()> {
    let limits = settings.limits;
    let store = store.telling_slow_queries(settings.slow_query);
    let tokens = settings.jwt.map(jwt::Verifier::new).transpose()?;
    let authenticator =
        Authenticator::new(store.clone(), tokens).with_rate(limits.max_requests_a_minute);
    let router = http::router_within(limits, store.clone(), authenticator.clone()).await;
    let address = listener
        .local_addr()
        .map_err(|error| Error::internal("asking for the own address", error))?;
    tokio::spawn(keep_partitions_ahead(store.clone()));
    tokio::spawn(catch_up_with_counting(store.clone()));
    if let Some(interval) = settings.purge_interval {
        tokio::spawn(retention::purge_at_intervals(store, interval));
    }
    print(format_args!("listening on http://{address}"))?;
    let (stopping, stopped) = oneshot::channel();
    let stop = async {
        stop.await;
        tracing::info!("stopping; requests that are under way are finished");
        let _ = stopping.send(());
    };
    let served = async {
        http::serve(listener, router, settings.connections, stop).await;
        authenticator.settled().await;
    };
    tokio::select! {
        () = served => Ok(()),
        again = told_again(stopped) => {
            tracing::warn!("stopped at once, as told");
            again
        }
    }
}

/// Ends when the process is told for the second time to stop.
async fn told_again(stopped: oneshot::Receiver<()>) -> Result<()> {
    if stopped.await.is_ok() {
        stop()?.await;
    }
    Ok(())
}

async fn keep_partitions_ahead(store: Store) {
    loop {
        tokio::time::sleep(PARTITION_CHECK).await;
        if let Err(Error::Internal(error)) = store.prepare_partitions().await {
            tracing::error!(
                error = error.for_the_log(),
                "the coming months' partitions were not made"
            );
        }
    }
}

/// Until it is done, who counts events reads those that are not counted yet.
async fn catch_up_with_counting(store: Store) {
    while let Err(error) = store.catch_up_with_counting().await {
        if let Error::Internal(error) = error {
            tracing::error!(error = error.for_the_log(), "events are not counted yet");
        }
        tokio::time::sleep(COUNTING_AGAIN).await;
    }
}

/// Ends at the next SIGINT or SIGTERM.
pub fn stop() -> Result<Stop> {
    let on = |kind| signal(kind).map_err(|error| Error::internal("listening for signals", error));
    let (mut interrupt, mut terminate) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    Ok(Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }))
}
