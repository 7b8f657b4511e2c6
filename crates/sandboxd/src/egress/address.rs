//! Which addresses a sandbox may be connected to: public unicast ones, and nothing else, whatever
//! the name says. IPv6 is an allow-list (2000::/3 is all that was ever given out), IPv4 the
//! special-purpose registry of IANA (RFC 6890) and what clouds put beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First address, prefix length, and what lies there.
type Range4 = ([u8; 4], u32, &'static str);
type Range6 = ([u16; 4], u32, &'static str);

const REFUSED4: [Range4; 17] = [
    ([0, 0, 0, 0], 8, "this network"),
    ([10, 0, 0, 0], 8, "private"),
    ([100, 64, 0, 0], 10, "carrier-grade NAT, Alibaba's metadata"),
    ([127, 0, 0, 0], 8, "loopback"),
    ([168, 63, 129, 16], 32, "Azure's host"),
    ([169, 254, 0, 0], 16, "link-local, metadata"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 0, 0, 0], 24, "protocol assignments, Oracle's metadata"),
    ([192, 0, 2, 0], 24, "documentation"),
    ([192, 88, 99, 0], 24, "6to4 relays"),
    ([192, 168, 0, 0], 16, "private"),
    ([198, 18, 0, 0], 15, "benchmarks"),
    ([198, 51, 100, 0], 24, "documentation"),
    ([203, 0, 113, 0], 24, "documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([240, 0, 0, 0], 4, "reserved"),
    ([255, 255, 255, 255], 32, "broadcast"),
];

/// Within 2000::/3. IPv4-mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique local
/// (fc00::/7, with fd00:ec2::254), link-local (fe80::/10) and multicast (ff00::/8) lie outside.
const REFUSED6: [Range6; 4] = [
    ([0x2001, 0, 0, 0], 23, "protocol assignments, Teredo, ORCHID"),
    ([0x2001, 0xdb8, 0, 0], 32, "documentation"),
    ([0x2002, 0, 0, 0], 16, "6to4: an IPv4 address in disguise"),
    ([0x3fff, 0, 0, 0], 20, "documentation"),
];

/// Why no sandbox may be connected to this address; `None` for a public one.
pub fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refusal4(address),
        IpAddr::V6(address) => refusal6(address),
    }
}

fn refusal4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    let lies_in = |(first, prefix, _): &&Range4| {
        same_prefix(bits.into(), Ipv4Addr::from(*first).to_bits().into(), 32 - prefix)
    };
    REFUSED4.iter().find(lies_in).map(|(_, _, what)| *what)
}

fn refusal6(address: Ipv6Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    if bits >> 125 != 1 {
        return Some("not global unicast");
    }
    let lies_in = |(first, prefix, _): &&Range6| {
        let [a, b, c, d] = *first;
        same_prefix(bits, Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_bits(), 128 - prefix)
    };
    REFUSED6.iter().find(lies_in).map(|(_, _, what)| *what)
}

fn same_prefix(one: u128, other: u128, free_bits: u32) -> bool {
    (one ^ other) >> free_bits == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_refused(text: &str) -> bool {
        text.parse().is_ok_and(|address| refusal(address).is_some())
    }

    #[test]
    fn every_edge_of_a_special_range_is_refused_and_its_neighbours_are_not() {
        let rows = [
            ("1.0.0.0", "0.255.255.255", "0.0.0.0"),
            ("9.255.255.255", "10.0.0.0", "10.255.255.255"),
            ("100.63.255.255", "100.64.0.0", "100.127.255.255"),
            ("126.255.255.255", "127.0.0.1", "127.255.255.255"),
            ("168.63.129.15", "168.63.129.16", "168.63.129.16"),
            ("169.253.255.255", "169.254.0.0", "169.254.169.254"),
            ("172.15.255.255", "172.16.0.0", "172.31.255.255"),
            ("172.32.0.0", "172.31.0.1", "172.17.0.1"),
            ("192.0.1.255", "192.0.2.0", "192.0.0.192"),
            ("192.167.255.255", "192.168.0.0", "192.168.255.255"),
            ("198.17.255.255", "198.18.0.0", "198.19.255.255"),
            ("203.0.114.0", "203.0.113.0", "203.0.113.255"),
            ("223.255.255.255", "224.0.0.1", "255.255.255.255"),
            ("2000::", "1fff:ffff::1", "::1"),
            ("2001:200::1", "2001::1", "2001:1ff:ffff::1"),
            ("2001:db9::1", "2001:db8::1", "2001:db8:ffff::"),
            ("2003::1", "2002:a9fe:a9fe::1", "2002::"),
            ("3ffe::1", "3fff::1", "3fff:fff::1"),
            ("2606:4700::1", "4000::1", "5f00::1"),
        ];
        for (public, first, last) in rows {
            assert!(!is_refused(public), "{public}");
            assert!(is_refused(first), "{first}");
            assert!(is_refused(last), "{last}");
        }
    }

    #[test]
    fn other_spellings_of_private_and_metadata_addresses_are_refused() {
        for text in [
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "::",
            "::ffff:10.0.0.1",
            "::ffff:93.184.216.34",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a9fe:a9fe",
            "100::1",
        ] {
            assert!(is_refused(text), "{text}");
        }
    }

    proptest! {
        /// The standard library's own questions, where it has them, never say more than ours.
        #[test]
        fn nothing_that_the_standard_library_calls_special_passes(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback()
                || address.is_link_local() || address.is_multicast() || address.is_broadcast()
                || address.is_documentation() || address.is_unspecified();
            prop_assert!(!special || refusal(address.into()).is_some());
        }

        #[test]
        fn an_address_of_ipv6_that_holds_one_of_ipv4_is_refused(bits: u32) {
            let mapped = Ipv4Addr::from_bits(bits).to_ipv6_mapped();
            prop_assert!(refusal(mapped.into()).is_some());
            let six_to_four = (0x2002u128 << 112) | u128::from(bits) << 80;
            prop_assert!(refusal(Ipv6Addr::from_bits(six_to_four).into()).is_some());
        }

        #[test]
        fn nothing_outside_of_global_unicast_passes(bits: u128) {
            let passes = refusal(Ipv6Addr::from_bits(bits).into()).is_none();
            prop_assert!(!passes || bits >> 125 == 1);
        }
    }
}
