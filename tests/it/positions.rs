//! The laws of the opaque positions that ids and cursors are: they lead back, and cannot be made up.

use std::collections::BTreeSet;

use auditlog::domain::id::Id;
use auditlog::domain::page::{List, Order, Place, Position, PositionCodec, Purpose, SortedBy};
use auditlog::domain::time::Time;
use chrono::DateTime;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What positions are encoded for, cursors in one list.
fn purposes() -> [Purpose; 15] {
    let list = List::of("auditLog", Vec::new());
    [
        Purpose::EventId,
        Purpose::Cursor(Order::OccurredAtAsc, list),
        Purpose::Cursor(Order::OccurredAtDesc, list),
        Purpose::Cursor(Order::SequenceAsc, list),
        Purpose::Cursor(Order::SequenceDesc, list),
        Purpose::Cursor(Order::ActingUserAsc, list),
        Purpose::Cursor(Order::ActingUserDesc, list),
        Purpose::Cursor(Order::TypeAsc, list),
        Purpose::Cursor(Order::TypeDesc, list),
        Purpose::Cursor(Order::ResourceAsc, list),
        Purpose::Cursor(Order::ResourceDesc, list),
        Purpose::Cursor(Order::PageAsc, list),
        Purpose::Cursor(Order::PageDesc, list),
        Purpose::Cursor(Order::IpAddressAsc, list),
        Purpose::Cursor(Order::IpAddressDesc, list),
    ]
}

/// How many keys a place for this has.
fn keys(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Cursor(order, _) => match order.by() {
            SortedBy::Keys(keys) => keys.len(),
            SortedBy::Sequence => 0,
        },
        Purpose::EventId => 0,
    }
}

/// A place for a purpose.
fn places() -> impl Strategy<Value = (Purpose, Place)> {
    select(purposes().to_vec()).prop_flat_map(|purpose| {
        let keys = vec(any::<String>(), keys(purpose));
        let place = (keys, positions()).prop_map(|(keys, position)| Place { keys, position });
        (Just(purpose), place)
    })
}

fn time(text: &str) -> Time {
    auditlog::domain::time::parse(text).unwrap()
}

fn first_time() -> Time {
    time("0001-01-01")
}

fn last_time() -> Time {
    time("9999-12-31T23:59:59.999999Z")
}

fn codec() -> PositionCodec {
    PositionCodec::new(b"the key of this installation, 32")
}

fn clinic() -> Id {
    Id::new("clinic-7").unwrap()
}

fn positions() -> impl Strategy<Value = Position> {
    let (first, last) = (first_time().timestamp_micros(), last_time().timestamp_micros());
    let micros = prop_oneof![4 => first..=last, 1 => select(vec![first, -1, 0, 1, last])];
    let sequences = prop_oneof![any::<i64>(), select(vec![i64::MIN, -1, 0, 1, i64::MAX])];
    (micros, sequences).prop_map(|(micros, sequence)| Position {
        occurred_at: DateTime::from_timestamp_micros(micros).unwrap(),
        sequence,
    })
}

fn tenants() -> impl Strategy<Value = Id> {
    ".{1,20}".prop_filter_map("an id", |text| Id::new(text).ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_place_leads_back_to_itself((purpose, place) in places(), tenant in tenants()) {
        let text = codec().encode(&tenant, purpose, place.clone());
        prop_assert_eq!(codec().decode(&tenant, purpose, &text), Some(place));
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }

    #[test]
    fn it_is_refused_for_another_use((made_for, place) in places()) {
        let text = codec().encode(&clinic(), made_for, place.clone());
        for purpose in purposes() {
            let expected = (purpose == made_for).then(|| place.clone());
            prop_assert_eq!(codec().decode(&clinic(), purpose, &text), expected);
        }
    }

    /// A key and the tenant's id, which both are in what is signed, never pass for each other.
    #[test]
    fn a_key_is_not_taken_for_a_part_of_the_tenant_s_id(key in ".{0,9}", id in "[a-z]{1,9}") {
        let purpose = Purpose::Cursor(Order::PageAsc, List::of("auditLog", Vec::new()));
        let position = Position { occurred_at: first_time(), sequence: 1 };
        let place = Place { keys: vec![key.clone()], position };
        let text = codec().encode(&Id::new(id.clone()).unwrap(), purpose, place);
        for cut in key.char_indices().map(|(cut, _)| cut) {
            let (_, tail) = key.split_at(cut);
            if let Ok(other) = Id::new(format!("{tail}{id}")) {
                prop_assert_eq!(codec().decode(&other, purpose, &text), None);
            }
        }
    }

    #[test]
    fn it_is_refused_for_another_tenant(position in positions(), a in tenants(), b in tenants()) {
        let text = codec().encode(&a, Purpose::EventId, position);
        prop_assert_eq!(codec().decode(&b, Purpose::EventId, &text).is_some(), a == b);
    }

    #[test]
    fn it_is_refused_by_another_installation(position in positions(), key in any::<[u8; 32]>()) {
        let text = codec().encode(&clinic(), Purpose::EventId, position);
        prop_assert_eq!(PositionCodec::new(&key).decode(&clinic(), Purpose::EventId, &text), None);
    }

    #[test]
    fn two_places_never_share_a_text(a in places(), b in places()) {
        let text = |(purpose, place): &(_, Place)| codec().encode(&clinic(), *purpose, place.clone());
        prop_assert_eq!(text(&a) == text(&b), a == b);
    }

    #[test]
    fn no_other_text_leads_anywhere(text in any::<String>(), near in "[A-Za-z0-9_=-]{40,48}") {
        for purpose in purposes() {
            prop_assert_eq!(codec().decode(&clinic(), purpose, &text), None);
            prop_assert_eq!(codec().decode(&clinic(), purpose, &near), None);
        }
    }

    #[test]
    fn any_other_character_anywhere_is_refused(
        (purpose, place) in places(),
        at in any::<Index>(),
        other in any::<char>(),
    ) {
        let text = codec().encode(&clinic(), purpose, place);
        let mut altered: Vec<char> = text.chars().collect();
        *at.get_mut(&mut altered) = other;
        let altered = String::from_iter(altered);
        prop_assume!(altered != text);
        prop_assert_eq!(codec().decode(&clinic(), purpose, &altered), None);
    }
}

#[test]
fn every_alteration_of_one_text_is_refused() {
    let alphabet = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_', '+', '/', '=']);
    let alphabet: Vec<char> = alphabet.collect();
    let position = Position { occurred_at: time("2026-10-02T13:30:00.123456Z"), sequence: 42 };
    for purpose in purposes() {
        let keys = ["Calendar", "", "543"][..keys(purpose)].iter().map(|key| (*key).to_owned());
        let place = Place { keys: keys.collect(), position };
        let text = codec().encode(&clinic(), purpose, place);
        let refused = |altered: &str| codec().decode(&clinic(), purpose, altered).is_none();
        for at in 0..text.len() {
            assert!(refused(&text[..at]), "cut to {at} characters");
            assert!(refused(&text[at + 1..]), "without the first {at}");
            let (head, tail) = (&text[..at], &text[at + 1..]);
            assert!(refused(&format!("{head}{tail}")), "without character {at}");
            for &other in alphabet.iter().filter(|&&c| !text[at..].starts_with(c)) {
                assert!(refused(&format!("{head}{other}{tail}")), "{other} at {at}");
            }
        }
        for extended in ["=", "==", "A", "AA", "AAA", "AAAA", " ", "\n", "\0"] {
            assert!(refused(&format!("{text}{extended}")), "{extended:?} after it");
            assert!(refused(&format!("{extended}{text}")), "{extended:?} before it");
        }
        assert!(refused(""));
        assert!(refused(&text.to_uppercase()));
        assert!(refused(&format!("{text}{text}")));
        assert!(!refused(&text));
    }
}

#[test]
fn the_ends_of_time_and_of_numbers_are_positions_like_any_other() {
    let times = [first_time(), time("1970-01-01"), last_time()];
    let mut texts = BTreeSet::new();
    for occurred_at in times {
        for sequence in [i64::MIN, 0, 1, i64::MAX] {
            let position = Position { occurred_at, sequence };
            for purpose in purposes() {
                let place = Place { keys: vec![String::new(); keys(purpose)], position };
                let text = codec().encode(&clinic(), purpose, place.clone());
                assert_eq!(codec().decode(&clinic(), purpose, &text), Some(place));
                texts.insert(text);
            }
        }
    }
    assert_eq!(texts.len(), times.len() * 4 * purposes().len());
}

/// Ids that were given out stay good.
#[test]
fn ids_and_cursors_stay_what_they_were() {
    let position = Position { occurred_at: time("2026-10-02T13:30:00.123456Z"), sequence: 42 };
    let id = codec().encode(&clinic(), Purpose::EventId, position);
    assert_eq!(id, "AAAGXNuHcAhAAAAAAAAAACqO-jpqpxkTfkR4MmcfZooN");
    let cursor = codec().encode(
        &clinic(),
        Purpose::Cursor(Order::OccurredAtDesc, List::of("auditLog", Vec::new())),
        position,
    );
    assert_eq!(cursor, "AgAGXNuHcAhAAAAAAAAAACqJAlUPhP_SANMy3q-5uNR9");
}

#[test]
fn positions_are_ordered_by_time_and_then_by_number() {
    let at = |text, sequence| Position { occurred_at: time(text), sequence };
    let ordered = [at("2026-10-01", 9), at("2026-10-02", 1), at("2026-10-02", 2)];
    assert!(ordered.is_sorted_by(|a, b| a < b));
}
