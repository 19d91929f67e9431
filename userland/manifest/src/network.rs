//! A domain's port at the switch.

use core::net::Ipv4Addr;

use identity::{Ipv4, Mac};
use serde::{Deserialize, Serialize};

/// A port. A domain's has a `mac` and usually an `ip`; that of a NIC's driver has neither and is the `uplink`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its Ethernet address.
    #[serde(default)]
    pub mac: Option<Mac>,
    /// Its IPv4 address, announced when the port comes up. The switch drops frames from another source address.
    #[serde(default)]
    pub ip: Option<Ipv4>,
    /// The router to other networks.
    #[serde(default)]
    pub gateway: Option<Ipv4Addr>,
    /// Whether all stations outside this machine are behind it.
    #[serde(default)]
    pub uplink: bool,
}

impl Port {
    /// The name of an address that both ports have. The prefix of an IPv4 address is not compared.
    pub fn shared_with(&self, other: &Port) -> Option<&'static str> {
        let address = |port: &Port| port.ip.as_ref().map(|ip| ip.address);
        if self.mac.is_some() && self.mac == other.mac {
            return Some("mac");
        }
        (address(self).is_some() && address(self) == address(other)).then_some("ip")
    }
}
