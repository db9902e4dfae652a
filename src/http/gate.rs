//! The gate before every route that does work: so many requests are under way at once, each for so
//! long, and one that fails badly ends itself alone.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::respond::{self, Shape};
use super::shares::Share;
use crate::domain::limits::Limits;
use crate::error::Error;
use crate::store::Store;

/// In how many seconds to try again when there are too many requests under way.
pub const RETRY_AFTER: u64 = 1;

/// Lets requests through.
#[derive(Clone)]
pub struct Gate {
    limits: Limits,
    store: Store,
    seats: Arc<Semaphore>,
}

/// A place among the requests under way. What goes on after its answer has begun, or when nobody waits
/// for it any more, holds on to it.
#[derive(Clone)]
pub struct Seat(Arc<Place>);

struct Place {
    _permit: OwnedSemaphorePermit,
    /// Told when the request is there as a whole.
    complete: Notify,
    /// Whose it is, once that is known.
    share: OnceLock<Share>,
    /// The room that its body takes.
    room: OnceLock<OwnedSemaphorePermit>,
}

impl Seat {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        let (share, room) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Place { _permit: permit, complete: Notify::new(), share, room }))
    }

    /// Keeps a tenant's share until the place is left.
    pub fn keep_share(&self, share: Share) {
        let _only_one_signs_in = self.0.share.set(share);
    }

    /// Whose it is, once that is known.
    pub fn share(&self) -> Option<&Share> {
        self.0.share.get()
    }

    /// Keeps the room of a body until the place is left.
    pub fn keep_room(&self, room: Option<OwnedSemaphorePermit>) {
        let _there_is_one_body = room.map(|room| self.0.room.set(room));
    }

    /// The request's body is there: from now on its time runs.
    pub fn is_complete(&self) {
        self.0.complete.notify_one();
    }
}

impl Gate {
    pub fn new(limits: Limits, store: Store) -> Self {
        let seats = limits.max_concurrent_requests.count().min(Semaphore::MAX_PERMITS);
        Self { limits, store, seats: Arc::new(Semaphore::new(seats)) }
    }
}

/// Lets a request through, or says why not.
pub async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let Gate { limits, store, seats } = gate;
    let shape = Shape::of(&request);
    let refuse = |error: Error| shape.refuse(respond::status(&error), error);
    let Ok(seat) = seats.try_acquire_owned() else {
        return refuse(limits.max_concurrent_requests.exceeded().after(RETRY_AFTER));
    };
    let seat = Seat::new(seat);
    request.extensions_mut().insert(seat.clone());
    // Only what is sent by POST has a body that is read.
    if request.method() != Method::POST || request.body().is_end_stream() {
        seat.is_complete();
    }
    let time = Duration::from_secs(limits.max_request_seconds.value());
    let mut answered =
        pin!(AssertUnwindSafe(store.within_patience(next.run(request))).catch_unwind());
    // While the body is on its way, its own limits hold.
    let early = tokio::select! {
        answered = &mut answered => Some(answered),
        () = seat.0.complete.notified() => None,
    };
    let answered = match early {
        Some(answered) => Ok(answered),
        None => tokio::time::timeout(time, answered).await,
    };
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => refuse(Error::internal("answering a request", "it panicked")),
        Err(_) => refuse(limits.max_request_seconds.exceeded().after(RETRY_AFTER)),
    };
    drop(seat);
    response
}
