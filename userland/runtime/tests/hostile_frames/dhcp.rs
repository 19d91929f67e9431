//! Replies of a DHCP server.

use std::net::Ipv4Addr;

use runtime::embassy_net::dns::DnsQueryType;
use runtime::embassy_net::{Config, DhcpConfig};
use smoltcp::time::Duration;
use smoltcp::wire::{ArpOperation, DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr};

use crate::domain::{Domain, arp, asked_for, datagram, datagram_to, ipv4_destination, ping};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const LEASED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 150);
/// A host of another network.
const REMOTE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const RETRY: Duration = Duration::from_millis(100);
/// The option with the client's time until it asks the server again.
const RENEWAL_TIME: u8 = 58;
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// A server that replies to every request.
pub struct Server {
    /// The source of its datagrams.
    pub source: Ipv4Addr,
    /// The router that it names.
    pub router: Ipv4Addr,
    /// The client's time until it asks the server again.
    pub renew_seconds: u32,
    /// Its name servers.
    pub name_servers: Vec<Ipv4Addr>,
}

impl Server {
    /// A server without faults.
    pub fn honest() -> Server {
        Server {
            source: SERVER,
            router: SERVER,
            renew_seconds: 1800,
            name_servers: vec![SERVER],
        }
    }

    /// The frame that replies to a request.
    pub fn reply(&self, request: &[u8]) -> Vec<u8> {
        let packet = DhcpPacket::new_checked(request).unwrap();
        let request = DhcpRepr::parse(&packet).unwrap();
        let message_type = match request.message_type {
            DhcpMessageType::Discover => DhcpMessageType::Offer,
            _ => DhcpMessageType::Ack,
        };
        let renewal = DhcpOption {
            kind: RENEWAL_TIME,
            data: &self.renew_seconds.to_be_bytes(),
        };
        let reply = DhcpRepr {
            message_type,
            your_ip: LEASED,
            server_ip: SERVER,
            server_identifier: Some(SERVER),
            router: Some(self.router),
            subnet_mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
            dns_servers: Some(self.name_servers.iter().copied().collect()),
            lease_duration: Some(3600),
            requested_ip: None,
            client_identifier: None,
            parameter_request_list: None,
            max_size: None,
            additional_options: &[renewal],
            ..request
        };
        let mut bytes = vec![0; reply.buffer_len()];
        reply
            .emit(&mut DhcpPacket::new_unchecked(&mut bytes[..]))
            .unwrap();
        let addresses = (self.source, Ipv4Addr::BROADCAST);
        datagram(addresses, (SERVER_PORT, CLIENT_PORT), &bytes)
    }

    /// Replies to the domain's next request. Returns the address from which the domain has sent it.
    pub fn serve(&self, domain: &mut Domain) -> Ipv4Addr {
        let (from, request) = domain.wait_for(|frame| datagram_to(SERVER_PORT, frame));
        let reply = self.reply(&request);
        domain.send(&reply);
        from
    }
}

/// A configuration with `ip = "dhcp"`, of a client that soon asks again if it has no reply.
pub fn config() -> Config {
    let mut dhcp = DhcpConfig::default();
    dhcp.retry_config.discover_timeout = RETRY;
    dhcp.retry_config.initial_request_timeout = RETRY;
    Config::dhcpv4(dhcp)
}

/// Lets an honest server assign the address.
pub fn lease(domain: &mut Domain) {
    for _ in 0..2 {
        Server::honest().serve(domain);
    }
    domain.poll();
    let config = domain.stack.config_v4().expect("a lease");
    assert_eq!(config.address.address(), LEASED);
}

#[test]
fn a_domain_survives_a_server_without_an_address() {
    let mut domain = Domain::new(config());
    let hostile = Server {
        source: Ipv4Addr::UNSPECIFIED,
        renew_seconds: 1,
        ..Server::honest()
    };
    // The stack would renew the lease of such a server with a packet to 0.0.0.0.
    for _ in 0..2 {
        hostile.serve(&mut domain);
    }
    lease(&mut domain);
}

#[test]
fn a_domain_survives_a_router_that_is_no_host() {
    for router in [
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::BROADCAST,
        Ipv4Addr::new(224, 0, 0, 1),
        Ipv4Addr::new(239, 255, 255, 255),
    ] {
        let mut domain = Domain::new(config());
        let hostile = Server {
            router,
            ..Server::honest()
        };
        for _ in 0..2 {
            hostile.serve(&mut domain);
        }
        domain.poll();
        // A reply to another network goes to the router.
        domain.deliver(&ping(REMOTE, LEASED));
        lease(&mut domain);
        let sent = domain.deliver(&ping(REMOTE, LEASED));
        assert!(sent.iter().any(|frame| asked_for(frame) == Some(SERVER)));
        let sent = domain.deliver(&arp(ArpOperation::Reply, SERVER, LEASED));
        assert!(sent.is_empty());
        let sent = domain.deliver(&ping(REMOTE, LEASED));
        assert!(
            sent.iter()
                .any(|frame| ipv4_destination(frame) == Some(REMOTE))
        );
    }
}

#[test]
fn the_lease_of_an_honest_server_is_renewed() {
    let mut domain = Domain::new(config());
    let server = Server {
        renew_seconds: 1,
        ..Server::honest()
    };
    for _ in 0..2 {
        server.serve(&mut domain);
    }
    domain.poll();
    domain.deliver(&arp(ArpOperation::Request, SERVER, LEASED));
    assert_eq!(server.serve(&mut domain), LEASED);
}

#[test]
fn a_name_is_asked_of_the_third_server_if_the_others_are_silent() {
    let mut domain = Domain::new(config());
    let name_servers = [1, 2, 3].map(|last| Ipv4Addr::new(10, 77, 0, last));
    let server = Server {
        name_servers: name_servers.to_vec(),
        ..Server::honest()
    };
    for _ in 0..2 {
        server.serve(&mut domain);
    }
    domain.poll();
    let stack = domain.stack;
    domain.tasks.spawn(async move {
        let _ = stack.dns_query("caravan.example", DnsQueryType::A).await;
    });
    for server in name_servers {
        domain.wait_for(|frame| asked_for(frame).filter(|address| *address == server));
    }
}
