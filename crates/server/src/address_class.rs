//! Which addresses count as one client for the limits per address.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the /64 network of an IPv6 address: a single machine usually gets a whole /64, so its single
/// addresses cost an attacker nothing. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`, as a socket that listens on
/// `[::]` reports it) counts as the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressClass(IpAddr);

impl AddressClass {
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            address => address,
        })
    }

    /// Limits per address do not apply to loopback, which is the user of this machine or a proxy for many users.
    pub fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(address: &str) -> AddressClass {
        AddressClass::of(address.parse().expect("an address"))
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_class() {
        assert_eq!(class("2001:db8:1:2::1"), class("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(class("2001:db8:1:2::1"), class("2001:db8:1:3::1"));
    }

    #[test]
    fn ipv4_address_and_its_ipv6_mapping_are_one_class() {
        assert_eq!(class("10.0.0.1"), class("::ffff:10.0.0.1"));
        assert_ne!(class("10.0.0.1"), class("10.0.0.2"));
        assert_ne!(class("::ffff:10.0.0.1"), class("::ffff:10.0.0.2"));
    }

    #[test]
    fn loopback_is_recognized_in_every_notation() {
        for address in ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(class(address).is_loopback(), "{address}");
        }
        for address in ["10.0.0.1", "::2", "::ffff:10.0.0.1"] {
            assert!(!class(address).is_loopback(), "{address}");
        }
    }
}
