//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::activity::{Activity, Phase, Watched};
use super::register::{Admission, Register};
use super::stopping::Stage;
use super::turned_away::{linger, too_slow};
use super::{BUFFER_BYTES, Limits, MAX_HEADER_BYTES, MAX_HEADERS};
use crate::http::body::{Answer, Arriving, Lateness};

/// Somebody who is connected, and what serves them.
pub struct Conversation {
    pub router: Router,
    pub peer: SocketAddr,
    pub limits: Limits,
    pub register: Arc<Register>,
    pub activity: Arc<Activity>,
    pub stages: watch::Receiver<Stage>,
}

/// How a connection came to its end.
enum End {
    /// The client or HTTP ended it.
    Over,
    /// It did the same for too long.
    Overdue,
}

impl Conversation {
    /// Serves a connection to its end.
    pub async fn hold(&self, stream: TcpStream, admission: &Admission) {
        // Answers are written whole; waiting for more to send along would only delay them.
        let _ = stream.set_nodelay(true);
        let mut stages = self.stages.clone();
        let is_finishing = *stages.borrow_and_update() == Stage::Finishing;
        let watched = Watched { stream, activity: Arc::clone(&self.activity) };
        let service = service_fn(|request| Box::pin(self.answer(request)));
        let mut connection = http1::Builder::new()
            .header_read_timeout(None) // the activity says when, and tells a header from idleness
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(BUFFER_BYTES)
            .keep_alive(!is_finishing)
            .serve_connection(TokioIo::new(watched), service);
        let mut last_request = pin!(async {
            tokio::select! {
                () = admission.let_go() => {}
                _ = stages.wait_for(|stage| *stage == Stage::Finishing && !is_finishing) => {}
            }
        });
        let mut is_last = false;
        let mut overdue = pin!(self.overdue());
        let end = loop {
            tokio::select! {
                biased;
                _ = &mut connection => break End::Over,
                () = &mut last_request, if !is_last => {
                    is_last = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
                () = &mut overdue => break End::Overdue,
            }
        };
        let stream = connection.into_parts().io.into_inner().stream;
        self.close(stream, end).await;
    }

    async fn close(&self, stream: TcpStream, end: End) {
        match end {
            End::Over if self.activity.is_unread() => linger(stream).await,
            End::Over => {}
            End::Overdue if self.activity.is_stalled() => {
                // What it does not take is thrown away, the system's part of it too.
                let _ = stream.set_zero_linger();
                tracing::debug!(peer = %self.peer, "closed: it did not read its answer");
            }
            End::Overdue if self.activity.phase() == Phase::Header => {
                tracing::debug!(peer = %self.peer, "closed: its headers did not arrive");
                too_slow(stream, self.limits.header_timeout).await;
            }
            End::Overdue => {}
        }
    }

    /// Ends when the connection has been doing the same for too long. To be polled after the
    /// connection, whose doings move the deadline.
    async fn overdue(&self) {
        let mut sleep = pin!(sleep_until(Instant::now()));
        poll_fn(|cx| {
            let Some(deadline) = self.activity.deadline(&self.limits) else {
                return Poll::Pending;
            };
            if sleep.deadline() != deadline {
                sleep.as_mut().reset(deadline);
            }
            sleep.as_mut().poll(cx)
        })
        .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
        self.activity.asked();
        let lateness = Lateness::default();
        let mut request = request.map(|body| {
            let arriving =
                Arriving::new(body, self.limits, lateness.clone(), Arc::clone(&self.activity));
            Body::new(arriving)
        });
        let stage = *self.stages.borrow();
        let response = match stage.answer(&request) {
            Some(response) => response,
            None => {
                let extensions = request.extensions_mut();
                extensions.insert(ConnectInfo(self.peer));
                extensions.insert(Arc::clone(&self.register));
                extensions.insert(lateness);
                TowerToHyperService::new(self.router.clone()).call(request).await?
            }
        };
        Ok(response.map(|body| Answer::new(body, Arc::clone(&self.activity))))
    }
}
