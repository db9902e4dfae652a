//! Connections: how many there may be, how long each may take, and how they end.
//!
//! HTTP/1.1 alone is spoken; TLS and HTTP/2 are for the proxy in front. The accept loop is our own
//! because the stock one has no end to a half-sent header, no cap, and closes its door at once when it
//! is told to stop.

mod activity;
mod conversation;
mod register;
mod stopping;
mod turned_away;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

pub use activity::Activity;
use conversation::Conversation;
pub use register::Register;
use stopping::Stage;
use turned_away::TurnedAway;

/// The most headers a request may have; more are answered 431.
pub const MAX_HEADERS: usize = 100;

/// The most bytes that a request's line and headers may take; more are answered 431.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;

/// How much is read ahead, and written before the client takes it, on each connection.
const BUFFER_BYTES: usize = 128 * 1024;

/// How much the system may hold of an answer that the client does not take (Linux doubles it). Its own
/// measure grows to megabytes, of which it reports nothing until a third is gone: a slow reader would
/// look like none at all.
const SEND_BUFFER_BYTES: u32 = 256 * 1024;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// How long accepting pauses when the process is out of files or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a request's line and headers may take to arrive, and a new connection may be silent.
    pub header_timeout: Duration,
    /// How long a request's body may take to arrive in all.
    pub body_timeout: Duration,
    /// The longest pause in the middle of a body that is sent, or of an answer that is taken.
    pub stall_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How many connections there may be at once.
    pub max_connections: NonZeroU32,
    /// How many of them may come from one address.
    pub max_connections_per_address: NonZeroU32,
    /// How long everything is still served once the process is told to stop, while `/readyz` says 503.
    pub shutdown_delay: Duration,
    /// How long after that what is under way may take to finish.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(120),
            stall_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            max_connections: NonZeroU32::MIN.saturating_add(800 - 1),
            max_connections_per_address: NonZeroU32::MIN.saturating_add(400 - 1),
            shutdown_delay: Duration::ZERO,
            shutdown_grace: Duration::from_secs(35),
        }
    }
}

/// Takes an address to serve at.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` ends, and then for as long as the limits say.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let (stage, stages) = watch::channel(Stage::Serving);
    let (under_way, mut finished) = mpsc::channel(1);
    let mut door = Door {
        listener,
        router,
        limits,
        register: Register::new(&limits),
        turned_away: TurnedAway::default(),
        stages,
        under_way: Some(under_way),
    };
    door.open_until(stop).await;
    stage.send_replace(Stage::Leaving);
    door.open_until(sleep(limits.shutdown_delay)).await;

    // Nobody who comes from now on is waited for.
    door.under_way = None;
    stage.send_replace(Stage::Finishing);
    let finish = async {
        tokio::select! {
            _ = finished.recv() => {}
            () = sleep(limits.shutdown_grace) => {
                tracing::warn!("stopped with requests under way that did not end");
            }
        }
    };
    door.open_until(finish).await;
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    router: Router,
    limits: Limits,
    register: Arc<Register>,
    turned_away: TurnedAway,
    stages: watch::Receiver<Stage>,
    /// Every connection that is waited for when the server stops holds one of these.
    under_way: Option<mpsc::Sender<()>>,
}

impl Door {
    async fn open_until(&self, end: impl Future<Output = ()>) {
        let mut end = pin!(end);
        loop {
            tokio::select! {
                biased;
                () = &mut end => return,
                (stream, peer) = self.accept() => self.let_in(stream, peer),
            }
        }
    }

    /// The next connection. What ails one that is gone again is nobody's concern; when the process has
    /// run out of files, an idle connection is let go and the next try is a little later.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    self.register.pressed(&error);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn let_in(&self, stream: TcpStream, peer: SocketAddr) {
        let activity = Arc::new(Activity::new());
        let admission = match Register::admit(&self.register, peer.ip(), &activity) {
            Ok(admission) => admission,
            Err(full) => return self.turned_away.tell(stream, full),
        };
        let conversation = Conversation {
            router: self.router.clone(),
            peer,
            limits: self.limits,
            register: Arc::clone(&self.register),
            activity,
            stages: self.stages.clone(),
        };
        let under_way = self.under_way.clone();
        tokio::spawn(async move {
            conversation.hold(stream, &admission).await;
            drop((admission, under_way));
        });
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
