//! Many neighbours at once.

use std::net::Ipv4Addr;

use runtime::embassy_net::{Config, Ipv4Cidr, StaticConfigV4};
use smoltcp::wire::ArpOperation;

use crate::domain::{Domain, arp, ipv4_destination, ping};

const OWN: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 20);

#[test]
fn every_neighbour_gets_its_second_reply_at_once() {
    let mut domain = Domain::new(Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(OWN, 24),
        gateway: None,
        dns_servers: Default::default(),
    }));
    let neighbours = (100..200).map(|last| Ipv4Addr::new(10, 77, 0, last));
    for neighbour in neighbours.clone() {
        domain.deliver(&arp(ArpOperation::Request, neighbour, OWN));
    }
    for neighbour in neighbours {
        let sent = domain.deliver(&ping(neighbour, OWN));
        let destinations: Vec<_> = sent.iter().map(|frame| ipv4_destination(frame)).collect();
        assert_eq!(destinations, [Some(neighbour)]);
    }
}
