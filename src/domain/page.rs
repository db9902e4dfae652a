//! Where in the log something stands, and how to read on from there.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;

use super::event::Event;
use super::id::Id;
use super::json::{Json, Members, shortened};
use super::network;
use super::read::PAGING;
use super::time::Time;

/// An event's place in its tenant's log. Its encoding is the event's id and its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When it happened.
    pub occurred_at: Time,
    /// The tenant's number for it; breaks ties.
    pub sequence: i64,
}

/// What a page is ordered by. Where what is named is the same, by time and then by sequence.
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
    /// By the id of who acted, automatic actions first.
    ActingUserAsc,
    /// The reverse of that.
    ActingUserDesc,
    /// By the type, those of the tenant's own definition by their name.
    TypeAsc,
    /// The reverse of that.
    TypeDesc,
    /// By the kind of record and then by the record's id.
    ResourceAsc,
    /// The reverse of that.
    ResourceDesc,
    /// By the first [`MAX_KEY`] characters of the page, events without one first.
    PageAsc,
    /// The reverse of that.
    PageDesc,
    /// By the address, events without one first.
    IpAddressAsc,
    /// The reverse of that.
    IpAddressDesc,
}

/// What an order goes by, whichever way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortedBy {
    /// The number alone.
    Sequence,
    /// These, text compared by code point; then when it happened and the number.
    Keys(&'static [SortKey]),
}

/// A text that events are sorted by; what an event has none of is empty, and so first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// The id of who acted.
    ActingUser,
    /// The type.
    Type,
    /// The name of a type of the tenant's own.
    CustomType,
    /// The kind of record.
    ResourceName,
    /// The name of a kind of the tenant's own.
    CustomResource,
    /// The record's id.
    ResourceId,
    /// The first [`MAX_KEY`] characters of the page.
    Page,
    /// The address in the form of [`network::key`].
    IpAddress,
}

/// The most characters of a page that are compared, so that cursors stay small. Ids have no more.
pub const MAX_KEY: u8 = 255;

impl Order {
    /// Whether nothing is compared before the time.
    pub const fn is_by_time(self) -> bool {
        matches!(self, Self::OccurredAtAsc | Self::OccurredAtDesc)
    }

    /// Whether the smaller position comes first.
    pub const fn is_ascending(self) -> bool {
        matches!(
            self,
            Self::OccurredAtAsc
                | Self::SequenceAsc
                | Self::ActingUserAsc
                | Self::TypeAsc
                | Self::ResourceAsc
                | Self::PageAsc
                | Self::IpAddressAsc
        )
    }

    /// What it goes by.
    pub const fn by(self) -> SortedBy {
        SortedBy::Keys(match self {
            Self::SequenceAsc | Self::SequenceDesc => return SortedBy::Sequence,
            Self::OccurredAtAsc | Self::OccurredAtDesc => &[],
            Self::ActingUserAsc | Self::ActingUserDesc => &[SortKey::ActingUser],
            Self::TypeAsc | Self::TypeDesc => &[SortKey::Type, SortKey::CustomType],
            Self::ResourceAsc | Self::ResourceDesc => {
                &[SortKey::ResourceName, SortKey::CustomResource, SortKey::ResourceId]
            }
            Self::PageAsc | Self::PageDesc => &[SortKey::Page],
            Self::IpAddressAsc | Self::IpAddressDesc => &[SortKey::IpAddress],
        })
    }

    const fn keys(self) -> &'static [SortKey] {
        match self.by() {
            SortedBy::Sequence => &[],
            SortedBy::Keys(keys) => keys,
        }
    }

    /// Where in a list of this order an event stands.
    pub fn place_of(self, event: &Event) -> Place {
        let keys = self.keys().iter().map(|key| key.of(event)).collect();
        Place { keys, position: event.position }
    }

    /// The place beside `place` from which on `place` is the first that comes later (or else earlier)
    /// in this order.
    pub fn just_short_of(self, place: &Place, later: bool) -> Place {
        let step = if self.is_ascending() == later { -1 } else { 1 };
        let mut beside = place.clone();
        beside.position.sequence = place.position.sequence.saturating_add(step);
        beside
    }
}

impl SortKey {
    fn of(self, event: &Event) -> String {
        match self {
            Self::ActingUser => event.acting_user_id.as_ref().map(Id::to_string),
            Self::Type => Some(event.event_type.to_string()),
            Self::CustomType => event.custom_type.as_ref().map(|defined| defined.name.to_string()),
            Self::ResourceName => Some(event.resource_name.to_string()),
            Self::CustomResource => {
                event.custom_resource.as_ref().map(|defined| defined.name.to_string())
            }
            Self::ResourceId => Some(event.resource_id.to_string()),
            Self::Page => {
                let page = event.context.page.as_deref();
                page.map(|page| shortened(page, usize::from(MAX_KEY)).to_owned())
            }
            Self::IpAddress => {
                let address = event.context.ip_address.as_ref();
                address.and_then(|address| address.parse().ok()).map(network::key)
            }
        }
        .unwrap_or_default()
    }
}

/// A place in a list of some order: the event's keys in that order, and its position.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// One for each [`SortKey`] of the order.
    pub keys: Vec<String>,
    /// Breaks ties.
    pub position: Position,
}

/// A place in a list that is sorted by time or by sequence.
impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self { keys: Vec::new(), position }
    }
}

/// Which page: at most `limit` events between two cursors, from one end of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The order of the whole list.
    pub order: Order,
    /// Only what comes later in that order.
    pub after: Option<Place>,
    /// Only what comes earlier in that order.
    pub before: Option<Place>,
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
    /// A cursor in this list, in this order.
    Cursor(Order, List),
}

/// A list that somebody asks for, by all that chooses what is in it: a cursor made in one is refused in
/// every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List([u8; MAC_BYTES]);

/// The arguments beside those of the page that do not choose what is in a list: that for its order, which
/// is known otherwise, and those for how it is written.
const NOT_CHOOSING: [&str; 3] = ["order_by", "locale", "time_zone"];

impl List {
    /// The list that a field answers for these arguments.
    pub fn of(field: &str, arguments: Members) -> Self {
        let chosen = arguments.into_iter().filter(|(name, value)| {
            !PAGING.contains(&name.as_str())
                && !NOT_CHOOSING.contains(&name.as_str())
                && *value != Json::Null
        });
        let text = format!("{field} {}", Json::Object(chosen.collect()).canonical());
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        let mut list = Self([0; MAC_BYTES]);
        list.0.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        list
    }
}

impl Purpose {
    const fn byte(self) -> u8 {
        match self {
            Self::EventId => 0,
            Self::Cursor(order, _) => match order {
                Order::OccurredAtAsc => 1,
                Order::OccurredAtDesc => 2,
                Order::SequenceAsc => 3,
                Order::SequenceDesc => 4,
                Order::ActingUserAsc => 5,
                Order::ActingUserDesc => 6,
                Order::TypeAsc => 7,
                Order::TypeDesc => 8,
                Order::ResourceAsc => 9,
                Order::ResourceDesc => 10,
                Order::PageAsc => 11,
                Order::PageDesc => 12,
                Order::IpAddressAsc => 13,
                Order::IpAddressDesc => 14,
            },
        }
    }

    /// How many keys a place for it has.
    const fn keys(self) -> usize {
        match self {
            Self::EventId => 0,
            Self::Cursor(order, _) => order.keys().len(),
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

impl PositionCodec {
    /// A codec with the installation's key.
    pub fn new(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The opaque text for a place in a list, or for a position.
    pub fn encode(&self, tenant_id: &Id, purpose: Purpose, place: impl Into<Place>) -> String {
        let Place { keys, position } = place.into();
        let mut bytes = vec![purpose.byte()];
        bytes.extend(position.occurred_at.timestamp_micros().to_be_bytes());
        bytes.extend(position.sequence.to_be_bytes());
        // Each with its length before it: no body begins with another, so that the tenant's id may
        // simply follow in what the HMAC is over.
        for key in &keys {
            bytes.extend(u32::try_from(key.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(key.as_bytes());
        }
        let mac = self.mac(tenant_id, purpose, &bytes);
        bytes.extend(mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place in an opaque text, if this installation made it, for this tenant and purpose.
    pub fn decode(&self, tenant_id: &Id, purpose: Purpose, text: &str) -> Option<Place> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, mac) = bytes.split_last_chunk::<MAC_BYTES>()?;
        let expected = self.mac(tenant_id, purpose, body);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected, mac).ok()?;
        let (&first, rest) = body.split_first()?;
        if first != purpose.byte() {
            return None;
        }
        let (micros, rest) = rest.split_first_chunk::<8>()?;
        let (sequence, mut rest) = rest.split_first_chunk::<8>()?;
        let position = Position {
            occurred_at: DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?,
            sequence: i64::from_be_bytes(*sequence),
        };
        let mut keys = Vec::with_capacity(purpose.keys());
        for _ in 0..purpose.keys() {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (key, after) = after.split_at_checked(length)?;
            keys.push(String::from_utf8(key.to_vec()).ok()?);
            rest = after;
        }
        rest.is_empty().then_some(Place { keys, position })
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

    /// A body begins with what it is for, so that nothing is mistaken for the list that follows it.
    fn mac(&self, tenant_id: &Id, purpose: Purpose, body: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(body);
        if let Purpose::Cursor(_, List(list)) = purpose {
            context.update(&list);
        }
        context.update(tenant_id.as_str().as_bytes());
        let mut mac = context.sign().as_ref().to_vec();
        mac.truncate(MAC_BYTES);
        mac
    }
}
