//! Advertisements of IPv6 routers.

use std::net::Ipv6Addr;

use runtime::embassy_net::{Config, ConfigV6};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::time::Duration;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv6Message, Icmpv6Packet, Icmpv6Repr, IpProtocol,
    Ipv6Packet, Ipv6Repr, NdiscPrefixInfoFlags, NdiscPrefixInformation, NdiscRepr,
    NdiscRouterFlags,
};

use crate::dhcp;
use crate::domain::{Domain, frame, link_local};

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
/// The address that the domain forms from the prefix and its MAC address.
const FORMED: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0xff, 0xfe00, 0x20);

/// The domain's own link-local address.
const OWN_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 0x20);

/// A frame with the advertisement of the router with this number.
fn advertisement(router: u16, prefix: (Ipv6Addr, u8)) -> Vec<u8> {
    let lifetime = Duration::from_secs(1800);
    let message = Icmpv6Repr::Ndisc(NdiscRepr::RouterAdvert {
        hop_limit: 64,
        flags: NdiscRouterFlags::empty(),
        router_lifetime: lifetime,
        reachable_time: Duration::ZERO,
        retrans_time: Duration::ZERO,
        lladdr: None,
        mtu: None,
        prefix_info: Some(NdiscPrefixInformation {
            prefix_len: prefix.1,
            flags: NdiscPrefixInfoFlags::ON_LINK | NdiscPrefixInfoFlags::ADDRCONF,
            valid_lifetime: lifetime,
            preferred_lifetime: lifetime,
            prefix: prefix.0,
        }),
    });
    let from = link_local(router);
    let ip = Ipv6Repr {
        src_addr: from,
        dst_addr: ALL_NODES,
        next_header: IpProtocol::Icmpv6,
        payload_len: message.buffer_len(),
        hop_limit: 255,
    };
    let length = ip.buffer_len() + ip.payload_len;
    frame(EthernetProtocol::Ipv6, length, |bytes| {
        let mut packet = Ipv6Packet::new_unchecked(bytes);
        ip.emit(&mut packet);
        message.emit(
            &from,
            &ALL_NODES,
            &mut Icmpv6Packet::new_unchecked(packet.payload_mut()),
            &ChecksumCapabilities::default(),
        );
    })
}

/// A domain with `ip6 = "auto"`.
fn domain(mut config: Config) -> Domain {
    config.ipv6 = ConfigV6::Slaac;
    Domain::new(config)
}

#[test]
fn a_domain_survives_prefixes_that_are_none() {
    let mut domain = domain(Config::default());
    let multicast = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0);
    for prefix in [(PREFIX, 129), (PREFIX, 255), (multicast, 64)] {
        domain.deliver(&advertisement(1, prefix));
    }
    assert_eq!(domain.stack.config_v6(), None);
    domain.deliver(&advertisement(1, (PREFIX, 64)));
    let config = domain.stack.config_v6().expect("an address");
    assert_eq!(config.address.address(), FORMED);
    assert_eq!(config.gateway, Some(link_local(1)));
}

#[test]
fn a_domain_survives_several_routers_and_a_lease() {
    let mut domain = domain(dhcp::config());
    for router in 1..10 {
        domain.deliver(&advertisement(router, (PREFIX, 64)));
    }
    dhcp::lease(&mut domain);
    let config = domain.stack.config_v6().expect("an address");
    assert_eq!(config.gateway, Some(link_local(1)));
}

#[test]
fn a_domain_with_all_kinds_of_addresses_keeps_its_link_local_one() {
    let mut domain = domain(dhcp::config());
    domain.deliver(&advertisement(1, (PREFIX, 64)));
    dhcp::lease(&mut domain);
    assert!(domain.stack.config_v6().is_some());
    // The stack has asked for routers before, and repeats that as long as none has replied.
    let source = domain.wait_for(router_solicitation);
    assert_eq!(source, OWN_LINK_LOCAL);
}

/// The source of a router solicitation in a frame.
fn router_solicitation(frame: &[u8]) -> Option<Ipv6Addr> {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    let packet = (frame.ethertype() == EthernetProtocol::Ipv6)
        .then(|| Ipv6Packet::new_checked(frame.payload()).unwrap())
        .filter(|packet| packet.next_header() == IpProtocol::Icmpv6)?;
    let message = Icmpv6Packet::new_checked(packet.payload()).unwrap();
    (message.msg_type() == Icmpv6Message::RouterSolicit).then(|| packet.src_addr())
}
