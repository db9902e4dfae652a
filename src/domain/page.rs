//! Where in the log something stands, and how to read on from there.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;

use super::id::Id;
use super::time::Time;

/// An event's place in its tenant's log. Its encoding is the event's id and its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When it happened.
    pub occurred_at: Time,
    /// The tenant's number for it; breaks ties.
    pub sequence: i64,
}

/// What a page is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Oldest first.
    OccurredAtAsc,
    /// Newest first.
    #[default]
    OccurredAtDesc,
    /// In the order of recording: what a poller reads, so that late events are met too.
    SequenceAsc,
    /// Last recorded first.
    SequenceDesc,
}

impl Order {
    /// Whether the smaller position comes first.
    pub const fn is_ascending(self) -> bool {
        matches!(self, Self::OccurredAtAsc | Self::SequenceAsc)
    }

    /// Whether it is by sequence alone.
    pub const fn is_by_sequence(self) -> bool {
        matches!(self, Self::SequenceAsc | Self::SequenceDesc)
    }

    /// The place beside `position` from which on `position` is the first that comes later (or else
    /// earlier) in this order.
    pub const fn just_short_of(self, position: Position, later: bool) -> Position {
        let step = if self.is_ascending() == later { -1 } else { 1 };
        Position { sequence: position.sequence.saturating_add(step), ..position }
    }
}

/// Which page: at most `limit` events between two cursors, from one end of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// The order of the whole list.
    pub order: Order,
    /// Only what comes later in that order.
    pub after: Option<Position>,
    /// Only what comes earlier in that order.
    pub before: Option<Position>,
    /// At most this many.
    pub limit: u32,
    /// Which end of what lies between the cursors.
    pub end: End,
}

/// The end of the list that a page is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first `limit` items.
    First,
    /// The last `limit` items; they still come in the list's order.
    Last,
}

/// A page of a list, in the list's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// At most as many items as were asked for.
    pub items: Vec<T>,
    /// Whether more follow in the direction of reading: later ones for [`End::First`], earlier ones
    /// for [`End::Last`]. Known because one item more than asked for was read.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Makes a page of `limit` items from up to `limit + 1`, read from `end` on.
    pub fn new(mut items: Vec<T>, limit: u32, end: End) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        if end == End::Last {
            items.reverse();
        }
        Self { items, has_more }
    }
}

/// What an encoded position is for; one made for one use is refused in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An event's id.
    EventId,
    /// A cursor in a list of this order.
    Cursor(Order),
}

impl Purpose {
    const fn byte(self) -> u8 {
        match self {
            Self::EventId => 0,
            Self::Cursor(Order::OccurredAtAsc) => 1,
            Self::Cursor(Order::OccurredAtDesc) => 2,
            Self::Cursor(Order::SequenceAsc) => 3,
            Self::Cursor(Order::SequenceDesc) => 4,
        }
    }
}

/// Encodes positions so that nobody can make one up: each carries an HMAC over itself, its purpose
/// and its tenant. The key is kept in the database, so every server of an installation agrees.
#[derive(Debug, Clone)]
pub struct PositionCodec {
    key: hmac::Key,
}

const MAC_BYTES: usize = 16;
const BODY_BYTES: usize = 17;

impl PositionCodec {
    /// A codec with the installation's key.
    pub fn new(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The opaque text for a position.
    pub fn encode(&self, tenant_id: &Id, purpose: Purpose, position: Position) -> String {
        let mut bytes = Vec::with_capacity(BODY_BYTES + MAC_BYTES);
        bytes.push(purpose.byte());
        bytes.extend(position.occurred_at.timestamp_micros().to_be_bytes());
        bytes.extend(position.sequence.to_be_bytes());
        let mac = self.mac(tenant_id, &bytes);
        bytes.extend(mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in an opaque text, if this installation made it, for this tenant and purpose.
    pub fn decode(&self, tenant_id: &Id, purpose: Purpose, text: &str) -> Option<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, mac) = bytes.split_at_checked(BODY_BYTES)?;
        let expected = self.mac(tenant_id, body);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected, mac).ok()?;
        let (&first, rest) = body.split_first()?;
        if first != purpose.byte() {
            return None;
        }
        let (micros, rest) = rest.split_first_chunk::<8>()?;
        let (sequence, _) = rest.split_first_chunk::<8>()?;
        Some(Position {
            occurred_at: DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?,
            sequence: i64::from_be_bytes(*sequence),
        })
    }

    /// A digest that only this installation can make: who sees it cannot try out what it was made of.
    pub fn digest(&self, bytes: &[u8]) -> Vec<u8> {
        // No position is signed with this before it.
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"digest");
        context.update(bytes);
        let mut digest = context.sign().as_ref().to_vec();
        digest.truncate(MAC_BYTES);
        digest
    }

    fn mac(&self, tenant_id: &Id, body: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(body);
        context.update(tenant_id.as_str().as_bytes());
        let mut mac = context.sign().as_ref().to_vec();
        mac.truncate(MAC_BYTES);
        mac
    }
}
