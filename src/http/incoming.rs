//! Bodies of requests in memory: each is held to its limit while it arrives, and all of them together to
//! another one, whoever sends them.

use std::sync::Arc;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::Request;
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::gate::{RETRY_AFTER, Seat};
use crate::domain::limits::{Limit, Limits};
use crate::error::{Error, Result};

/// The room for bodies, in bytes.
#[derive(Clone)]
pub struct Room {
    each: Limit,
    all: Limit,
    left: Arc<Semaphore>,
}

impl Room {
    /// Room for as much as the limits say, and for one body in any case.
    pub fn new(limits: &Limits) -> Self {
        let (each, all) = (limits.max_request_bytes, limits.max_concurrent_body_bytes);
        let bytes = all.count().max(each.count()).min(Semaphore::MAX_PERMITS);
        Self { each, all, left: Arc::new(Semaphore::new(bytes)) }
    }

    /// All of a request's body, and the request's place, for whatever is done with it where nobody
    /// waits. The place keeps the body's room, for what the body was read into lives as long. From
    /// now on the request's time runs.
    pub async fn whole(&self, request: Request) -> Result<(Bytes, Option<Seat>)> {
        let seat = request.extensions().get::<Seat>().cloned();
        let body = request.into_body();
        if let Some(announced) = body.size_hint().exact() {
            self.each.hold(announced)?;
        }
        // Room is taken for what is there: who announces much and sends nothing takes none.
        let (mut bytes, mut taken) = (Vec::new(), None);
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece =
                piece.map_err(|_| Error::bad_input("the body could not be read to its end"))?;
            self.each.hold(bytes.len().saturating_add(piece.len()))?;
            self.take(&mut taken, seat.as_ref(), piece.len())?;
            bytes.extend_from_slice(&piece);
        }
        if let Some(seat) = &seat {
            seat.keep_room(taken);
            seat.is_complete();
        }
        Ok((bytes.into(), seat))
    }

    fn take(
        &self,
        taken: &mut Option<OwnedSemaphorePermit>,
        seat: Option<&Seat>,
        bytes: usize,
    ) -> Result<()> {
        let full = || self.all.exceeded().after(RETRY_AFTER);
        // Half of it is left to the other tenants.
        let share = seat.and_then(Seat::share);
        if share.is_some_and(|share| !share.take_room(u64::try_from(bytes).unwrap_or(u64::MAX))) {
            return Err(full());
        }
        let permits = u32::try_from(bytes).map_err(|_| full())?;
        let more = Arc::clone(&self.left).try_acquire_many_owned(permits).map_err(|_| full())?;
        match taken {
            Some(taken) => taken.merge(more),
            None => *taken = Some(more),
        }
        Ok(())
    }
}
