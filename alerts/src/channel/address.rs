//! Decides which IP addresses a webhook may reach.
//!
//! A plan is text that many may edit; a webhook in it must not become a way to ask the cloud's metadata service for
//! credentials, or a service that trusts everyone on this host. [`super::webhook`] asks for a literal address when the
//! channel is made and for every address that a name resolves to when it connects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata and platform services outside the link-local ranges.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),                  // Alibaba Cloud
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),                      // Oracle Cloud
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),                    // Azure
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), // AWS
];

/// Why `address` is refused, or `None` if a webhook may go there.
///
/// Private ranges (RFC 1918, RFC 4193) are allowed: receivers inside the organisation are usual. Loopback is allowed only
/// with `allow_loopback`.
pub fn refusal(address: IpAddr, allow_loopback: bool) -> Option<&'static str> {
    let address = embedded(address);
    if METADATA.contains(&address) {
        return Some("a metadata service");
    }
    if address.is_loopback() {
        return if allow_loopback { None } else { Some("this host itself") };
    }
    if address.is_multicast() {
        return Some("a multicast address");
    }
    match address {
        IpAddr::V4(v4) if v4.is_link_local() => Some("a link-local address"),
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("this host itself"),
        IpAddr::V4(v4) if v4.octets()[0] >= 240 => Some("a reserved address"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("a link-local address"),
        IpAddr::V6(v6) if v6.is_unspecified() => Some("this host itself"),
        _ => None,
    }
}

/// The IPv4 address inside an IPv6 one: mapped (RFC 4291), compatible, NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let join = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if !v6.is_loopback() && !v6.is_unspecified() => join(high, low),
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => join(high, low),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_link_local_and_this_host_are_refused_in_every_spelling() {
        for bad in [
            "169.254.169.254",
            "169.254.1.1",
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "::",
            "::1",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
        ] {
            assert!(refusal(bad.parse().unwrap(), false).is_some(), "{bad}");
        }
    }

    #[test]
    fn public_and_private_receivers_are_allowed() {
        for good in ["93.184.216.34", "10.1.2.3", "192.168.1.5", "172.16.0.9", "2001:db8::1", "fd12:3456::1"] {
            assert_eq!(refusal(good.parse().unwrap(), false), None, "{good}");
        }
    }

    #[test]
    fn allowing_loopback_allows_nothing_else() {
        for good in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(refusal(good.parse().unwrap(), true), None, "{good}");
        }
        for bad in ["169.254.169.254", "0.0.0.0", "fe80::1", "fd00:ec2::254"] {
            assert!(refusal(bad.parse().unwrap(), true).is_some(), "{bad}");
        }
    }
}
