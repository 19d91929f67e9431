//! The servers of a small network, for domains that need an address and resolve names: [`dhcp`] and [`dns`].
//!
//! Each replies to one datagram at a time. The program `lan_servers` runs them on the third party, a host beside the
//! machines, and prints a line per reply.

pub mod dhcp;
pub mod dns;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::child;
use crate::third_party::{Client, ThirdParty};

/// The address of both servers, and of the router.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);
/// The name that has addresses.
pub const NAME: &str = "third.caravan.example";
/// The addresses of [`NAME`].
pub const NAMED: (Ipv4Addr, Ipv6Addr) = (SERVER, Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x100));

/// The address that the DHCP server leases, and the time that it takes for each reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// The time before a reply.
    pub delay: Duration,
}

impl Default for Lease {
    fn default() -> Lease {
        Lease {
            address: dhcp::LEASED.0,
            delay: Duration::ZERO,
        }
    }
}

/// The line that the program prints when the servers are ready.
pub const READY: &str = "serves DHCP and DNS";

/// How long the program and the third party's configuration may take. Only a hang reaches this limit.
const LIMIT: Duration = Duration::from_secs(60);

/// Starts the servers on the third party, which must have the address [`SERVER`], and gives it the IPv6 address of [`NAME`].
///
/// # Panics
///
/// If the third party refuses an address, or a port is taken.
pub fn start(party: &ThirdParty) -> Client {
    start_with(party, Lease::default())
}

/// As [`start`], with this lease.
///
/// # Panics
///
/// As [`start`].
pub fn start_with(party: &ThirdParty, lease: Lease) -> Client {
    let ipv6 = format!("{}/64", NAMED.1);
    for arguments in [
        ["-6", "address", "add", &ipv6, "dev", "lan0", "nodad"],
        // Without this route the host sends no broadcasts.
        [
            "-4",
            "route",
            "add",
            "broadcast",
            "255.255.255.255",
            "dev",
            "lan0",
        ],
    ] {
        party.run("ip", &arguments, LIMIT);
    }
    let program = child::beside("lan_servers", "cargo build -p harness --bins");
    let arguments = [
        lease.address.to_string(),
        lease.delay.as_millis().to_string(),
    ];
    let arguments = arguments.each_ref().map(String::as_str);
    let servers = party.start(program.to_str().expect("a path that is text"), &arguments);
    servers.await_output(READY, LIMIT);
    servers
}
