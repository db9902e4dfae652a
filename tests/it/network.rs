//! Addresses and blocks of them: what is a block, and that the order of their texts is theirs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use auditlog::domain::network::{Range, key};
use proptest::collection::vec;
use proptest::prelude::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn block(text: &str) -> Vec<(String, String)> {
    Range::parse(text).unwrap().into_iter().map(Range::keys).collect()
}

/// The ranges between these addresses.
fn between(ends: &[(&str, &str)]) -> Vec<(String, String)> {
    ends.iter().map(|(low, high)| (key(address(low)), key(address(high)))).collect()
}

#[test]
fn a_key_is_32_digits_and_the_same_for_both_ways_of_writing_an_ipv4_address() {
    assert_eq!(key(address("203.0.113.9")), "00000000000000000000ffffcb007109");
    assert_eq!(key(address("::ffff:203.0.113.9")), "00000000000000000000ffffcb007109");
    assert_eq!(key(address("2001:DB8::F")), "20010db800000000000000000000000f");
    assert_eq!(key(address("::")), "0".repeat(32));
}

#[test]
fn a_block_is_from_its_first_address_to_its_last() {
    let table: [(&str, &[(&str, &str)]); 14] = [
        ("203.0.113.9", &[("203.0.113.9", "203.0.113.9")]),
        ("203.0.113.9/32", &[("203.0.113.9", "203.0.113.9")]),
        ("203.0.113.0/24", &[("203.0.113.0", "203.0.113.255")]),
        ("203.0.113.8/31", &[("203.0.113.8", "203.0.113.9")]),
        ("128.0.0.0/1", &[("128.0.0.0", "255.255.255.255")]),
        ("0.0.0.0/0", &[("0.0.0.0", "255.255.255.255")]),
        ("2001:db8::1", &[("2001:db8::1", "2001:db8::1")]),
        ("2001:db8::/32", &[("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")]),
        ("8000::/1", &[("8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]),
        // IPv4 addresses, in the notation of IPv6.
        ("::ffff:203.0.113.0/120", &[("203.0.113.0", "203.0.113.255")]),
        ("::ffff:0:0/96", &[("0.0.0.0", "255.255.255.255")]),
        // Blocks of IPv6 that would hold all of IPv4.
        (
            "::/0",
            &[("::", "::fffe:ffff:ffff"), ("::1:0:0:0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")],
        ),
        ("::/80", &[("::", "::fffe:ffff:ffff")]),
        ("::fffe:0:0/95", &[("::fffe:0:0", "::fffe:ffff:ffff")]),
    ];
    for (text, expected) in table {
        assert_eq!(block(text), between(expected), "{text}");
    }
}

#[test]
fn what_is_no_block_is_refused_with_the_reason() {
    let addresses = "must be IPv4 or IPv6 addresses";
    let table = [
        ("", addresses),
        ("localhost", addresses),
        ("203.0.113", addresses),
        ("203.0.113.256", addresses),
        ("203.0.113.09", addresses),
        (" 203.0.113.9", addresses),
        ("203.0.113.*", addresses),
        ("203.0.113.9:80", addresses),
        ("[::1]", addresses),
        ("fe80::1%eth0", addresses),
        ("/24", addresses),
        ("203.0.113.0/", "no number from 0 to 32"),
        ("203.0.113.0/33", "no number from 0 to 32"),
        ("203.0.113.0/-1", "no number from 0 to 32"),
        ("203.0.113.0/+24", "no number from 0 to 32"),
        ("203.0.113.0/024", "no number from 0 to 32"),
        ("203.0.113.0/ 24", "no number from 0 to 32"),
        ("203.0.113.0/24/24", "no number from 0 to 32"),
        ("203.0.113.0/255.255.255.0", "no number from 0 to 32"),
        ("203.0.113.0/99999999999", "no number from 0 to 32"),
        ("2001:db8::/129", "no number from 0 to 128"),
        ("203.0.113.9/24", "203.0.113.9/24 is in 203.0.113.0/24"),
        ("203.0.113.9/0", "203.0.113.9/0 is in 0.0.0.0/0"),
        ("2001:db8::1/32", "2001:db8::1/32 is in 2001:db8::/32"),
        ("::ffff:1.2.3.4/0", "::ffff:1.2.3.4/0 is in ::/0"),
    ];
    for (text, expected) in table {
        let error = Range::parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).into()),
        any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).into()),
        // Near to each other and to IPv4.
        (0xfffe_ffff_fff0_u128..0xffff_0000_0010).prop_map(|bits| Ipv6Addr::from(bits).into()),
    ]
}

/// An address and the length of a prefix that it may have.
fn blocks() -> impl Strategy<Value = (IpAddr, u32)> {
    addresses().prop_flat_map(|address| {
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        (Just(address), 0..=width)
    })
}

/// Whether the first bits are the same: what a prefix says, bit by bit.
fn shares_prefix(a: IpAddr, b: IpAddr, length: u32) -> bool {
    let bits = |address: IpAddr| -> Vec<bool> {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        octets.iter().flat_map(|octet| (0..8).rev().map(move |i| octet >> i & 1 == 1)).collect()
    };
    let length = length.try_into().unwrap();
    a.is_ipv4() == b.is_ipv4() && bits(a)[..length] == bits(b)[..length]
}

fn holds(ranges: &[Range], address: IpAddr) -> bool {
    let key = key(address);
    ranges.iter().map(|range| range.keys()).any(|(low, high)| low <= key && key <= high)
}

proptest! {
    #[test]
    fn keys_are_ordered_as_the_addresses_are(a in addresses(), b in addresses()) {
        let number = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
            IpAddr::V6(address) => u128::from(address),
        };
        prop_assert_eq!(key(a).cmp(&key(b)), number(a).cmp(&number(b)));
    }

    #[test]
    fn a_block_holds_what_shares_its_prefix((first, length) in blocks(), other in addresses()) {
        // What the error says the block is, is one.
        let text = format!("{first}/{length}");
        let block = Range::parse(&text).or_else(|error| {
            Range::parse(error.rsplit_once(" is in ").unwrap().1)
        }).unwrap();
        let near = match (first, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                Ipv4Addr::from(u32::from(a) ^ u32::from(b).checked_shr(length).unwrap_or(0)).into()
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                Ipv6Addr::from(u128::from(a) ^ u128::from(b).checked_shr(length).unwrap_or(0)).into()
            }
            _ => other,
        };
        for other in [first, near, other] {
            // An IPv4 address in the notation of IPv6 is an IPv4 address.
            let is_mapped = |a: IpAddr| a.is_ipv6() && a.to_canonical().is_ipv4();
            if !is_mapped(other) && !is_mapped(first) {
                prop_assert_eq!(holds(&block, other), shares_prefix(first, other, length), "{}", other);
            }
        }
    }

    #[test]
    fn merging_keeps_what_is_held(blocks in vec(blocks(), 0..6), others in vec(addresses(), 1..6)) {
        let ranges: Vec<Range> =
            blocks.iter().flat_map(|(a, l)| Range::parse(&format!("{a}/{l}")).unwrap_or_default()).collect();
        let merged = Range::merged(ranges.clone());
        for other in others.into_iter().chain(blocks.iter().map(|(address, _)| *address)) {
            prop_assert_eq!(holds(&merged, other), holds(&ranges, other));
        }
        // As few as there can be: between any two is a gap.
        let keys: Vec<_> = merged.iter().map(|range| range.keys()).collect();
        for pair in keys.windows(2) {
            let number = |key: &str| u128::from_str_radix(key, 16).unwrap();
            prop_assert!(number(&pair[1].0) - number(&pair[0].1) > 1);
        }
    }
}
