//! Network addresses in the form in which they are compared.

use std::net::{IpAddr, Ipv6Addr};

/// An address as 32 hexadecimal digits, an IPv4 one as its IPv4-mapped IPv6 address: the order of the
/// texts is the order of the addresses, so that a block of addresses is a range of text.
pub fn key(address: IpAddr) -> String {
    let address: Ipv6Addr = match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    format!("{:032x}", u128::from(address))
}
