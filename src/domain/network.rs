//! Network addresses in the form in which they are compared, and blocks of them.

use std::net::{IpAddr, Ipv6Addr};

/// An address as 32 hexadecimal digits, an IPv4 one as its IPv4-mapped IPv6 address: the order of the
/// texts is the order of the addresses, so that a block of addresses is a range of text.
pub fn key(address: IpAddr) -> String {
    digits(number(address))
}

/// The addresses from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    low: u128,
    high: u128,
}

/// The IPv4 addresses among all.
const IPV4: Range = Range { low: 0xffff_0000_0000, high: 0xffff_ffff_ffff };

impl Range {
    /// The addresses that an address or a block in CIDR notation stands for. A block of IPv6 addresses
    /// leaves out the IPv4 ones in its midst, unless it is of those alone. The error says what is
    /// wrong with the text.
    ///
    /// ```
    /// use auditlog::domain::network::{Range, key};
    ///
    /// let block = Range::parse("203.0.113.0/24").unwrap();
    /// assert_eq!(block[0].keys().0, key("203.0.113.0".parse().unwrap()));
    /// assert_eq!(block[0].keys().1, key("203.0.113.255".parse().unwrap()));
    /// ```
    pub fn parse(text: &str) -> Result<Vec<Self>, String> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| {
            "must be IPv4 or IPv6 addresses, such as 203.0.113.9, or blocks of them, such as \
             203.0.113.0/24 or 2001:db8::/32"
                .to_owned()
        })?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => width,
            Some(length) => prefix_length(length).filter(|l| *l <= width).ok_or_else(|| {
                format!("has a block whose prefix is no number from 0 to {width} after the slash")
            })?,
        };
        // All ones where the addresses of the block differ; a shift by all 128 bits would overflow.
        let host = u128::MAX.checked_shr(128 - (width - length)).unwrap_or(0);
        let given = number(address);
        let block = Self { low: given & !host, high: given | host };
        if given != block.low {
            let first = Ipv6Addr::from(block.low);
            let first = if address.is_ipv4() { first.to_canonical() } else { first.into() };
            return Err(format!(
                "has a block with bits set beyond its prefix: {address}/{length} is in {first}/{length}"
            ));
        }
        if block.low >= IPV4.low || block.high < IPV4.low {
            return Ok(vec![block]);
        }
        let before = Self { high: IPV4.low - 1, ..block };
        let after = Self { low: IPV4.high + 1, ..block };
        Ok([before, after].into_iter().filter(|range| range.low <= range.high).collect())
    }

    /// The same addresses in as few ranges as there can be, in order.
    pub fn merged(mut ranges: Vec<Self>) -> Vec<Self> {
        ranges.sort_unstable();
        let mut merged: Vec<Self> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.low <= last.high.saturating_add(1) => {
                    last.high = last.high.max(range.high);
                }
                _ => merged.push(range),
            }
        }
        merged
    }

    /// The [`key`]s of the first and the last address.
    pub fn keys(self) -> (String, String) {
        (digits(self.low), digits(self.high))
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn digits(number: u128) -> String {
    format!("{number:032x}")
}

/// Of numbers, only as they are usually written: `str::parse` also takes `+24` and `024`.
fn prefix_length(text: &str) -> Option<u32> {
    text.parse().ok().filter(|length: &u32| length.to_string() == text)
}
