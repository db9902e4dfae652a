//! What a connection is doing, since when, and so until when it may.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Limits;

/// How long a new connection is not taken for an idle one.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing: it is new, and has sent nothing.
    New,
    /// Sending a request's line and headers.
    Header,
    /// A request is being worked on or answered.
    Request,
    /// Nothing: its last request is answered.
    Idle,
}

/// What a connection is doing; shared by all that has to do with it.
pub struct Activity(Mutex<State>);

struct State {
    phase: Phase,
    since: Instant,
    /// Since when the client takes nothing of what is there for it.
    stalled: Option<Instant>,
    /// Whether a request's body was left unread, so that more may come that nobody wants.
    unread: bool,
}

impl Activity {
    pub fn new() -> Self {
        let (phase, since) = (Phase::New, Instant::now());
        Self(Mutex::new(State { phase, since, stalled: None, unread: false }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn phase(&self) -> Phase {
        self.state().phase
    }

    /// A request's headers are there.
    pub fn asked(&self) {
        self.state().turn(Phase::Request);
    }

    /// Its answer is written, or nobody waits for it any more.
    pub fn answered(&self) {
        self.state().turn(Phase::Idle);
    }

    /// A request's body was not read to its end.
    pub fn left_unread(&self) {
        self.state().unread = true;
    }

    /// Whether more may come that nobody wants.
    pub fn is_unread(&self) -> bool {
        let state = self.state();
        state.unread || state.phase == Phase::Header
    }

    /// Whether the client takes nothing of what is there for it.
    pub fn is_stalled(&self) -> bool {
        self.state().stalled.is_some()
    }

    /// For how long it has been doing nothing, if that is what it does. What is new has a moment to
    /// send something: its first request may be there and not be read yet.
    pub fn idle_for(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        let time = now.saturating_duration_since(state.since);
        let is_idle = match state.phase {
            Phase::New => time >= A_MOMENT,
            Phase::Idle => state.stalled.is_none(),
            Phase::Header | Phase::Request => false,
        };
        is_idle.then_some(time)
    }

    /// Until when it may go on so.
    pub fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let state = self.state();
        let phase = match state.phase {
            Phase::New | Phase::Header => Some(state.since + limits.header_timeout),
            Phase::Idle => Some(state.since + limits.idle_timeout),
            // Its body, which others wait for, has limits of its own.
            Phase::Request => None,
        };
        let stalled = state.stalled.map(|since| since + limits.stall_timeout);
        phase.into_iter().chain(stalled).min()
    }
}

impl State {
    fn turn(&mut self, phase: Phase) {
        (self.phase, self.since) = (phase, Instant::now());
    }

    fn received(&mut self) {
        if matches!(self.phase, Phase::New | Phase::Idle) {
            self.turn(Phase::Header);
        }
    }

    fn wrote<T>(&mut self, outcome: &Poll<T>) {
        match outcome {
            Poll::Ready(_) => {
                self.stalled = None;
                // An answer that is all handed over still has to be sent.
                if self.phase == Phase::Idle {
                    self.since = Instant::now();
                }
            }
            Poll::Pending => {
                self.stalled.get_or_insert_with(Instant::now);
            }
        }
    }
}

/// A connection whose reading and writing is noted.
pub struct Watched {
    pub stream: TcpStream,
    pub activity: Arc<Activity>,
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            this.activity.state().received();
        }
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.activity.state().wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, bytes);
        this.activity.state().wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
