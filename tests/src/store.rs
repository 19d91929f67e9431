//! The store of the test machines, the domain `kv`: its addresses.

use std::net::{Ipv4Addr, SocketAddr};

use crate::MacAddress;

/// Its IP address.
pub const IP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 21);
/// Its Ethernet address.
pub const MAC: MacAddress = MacAddress([0x52, 0x54, 0x00, 0x4d, 0x00, 0x15]);
/// The TCP port of its service.
pub const PORT: u16 = 6379;

/// The line that it logs once it serves.
pub const READY: &str = "[kv] kv: ready";

/// The address of its service.
pub fn address() -> SocketAddr {
    SocketAddr::from((IP, PORT))
}
