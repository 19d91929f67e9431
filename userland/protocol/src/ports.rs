//! The `ports` endpoint: root, which assigns the ports, commands the switch to serve them.
//!
//! Root never waits for a server, since every server may wait for root. So the switch polls: root raises
//! [`COMMANDS_FLAG`] in the switch's doorbell, and the switch calls until there is no further command. Root has no
//! timer either: the last reply contains the time after which the switch calls again.
//!
//! ```text
//! call:  Poll: the last executed command, the switch's free heap
//! reply: Reply: the next command and its serial number
//! ```
//!
//! A command stays the next one until the switch acknowledges it, so a call may be repeated. A restarted switch
//! acknowledges 0 and receives every port again.

use identity::{Ipv4, Mac, Mtu};
use serde::{Deserialize, Serialize};

/// The flag in the switch's doorbell for pending commands.
pub const COMMANDS_FLAG: u64 = 1 << 63;

/// The flag that a port's owner raises in the switch's doorbell. Owners may share a flag: the switch checks all their
/// rings. The flag follows from the address, so a domain raises the right one after a move, too.
pub fn doorbell_flag(mac: Mac) -> u64 {
    const FLAGS: u8 = 32;
    1 << (mac.0[5] % FLAGS)
}

/// The number of a port on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortNumber(pub u32);

/// The kind of device at the other end of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortKind {
    /// A domain, the only station behind the port.
    Domain,
    /// The driver of a NIC, behind which all other stations are.
    Uplink,
    /// The migration server, which forwards frames to domains that have left. No station is behind it.
    Tunnel,
}

/// A command to the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// No command is pending: wait until the flag is raised or this time has passed.
    Nothing {
        /// The time in nanoseconds after which the switch calls again by itself.
        poll_again_in_ns: Option<u64>,
    },
    /// Map a port's ring without moving frames yet. Comes with the capabilities [`ATTACH_RING`] and [`ATTACH_WAKE`].
    Attach {
        /// The number of the new port.
        port: PortNumber,
        /// Its Ethernet address; zeros for an uplink or a tunnel.
        mac: Mac,
        /// The kind of device behind it.
        kind: PortKind,
        /// Its MTU, from which the layout of its ring follows.
        mtu: Mtu,
    },
    /// Move frames. A port with an IPv4 address is announced at the uplinks.
    Activate {
        /// The port to activate.
        port: PortNumber,
        /// Its IPv4 address, which is announced. No other source address is valid for its domain, unless this one is zero, as for
        /// DHCP.
        ip: Option<Ipv4>,
    },
    /// Stop moving frames, and leave the ring as it is.
    Quiesce {
        /// The port to stop.
        port: PortNumber,
        /// Whether its domain is leaving: then frames for the domain go through the tunnel. Otherwise the domain has stopped for
        /// good, and frames for it are dropped.
        leaves: bool,
    },
    /// Remove the port and unmap its ring.
    Detach {
        /// The port to remove.
        port: PortNumber,
    },
    /// Remove the port of a domain that now runs on another machine: its address stays reserved for a while, and late
    /// frames for it go through the tunnel.
    Depart {
        /// The port to remove.
        port: PortNumber,
    },
}

/// The index of the ring's Memory among the capabilities of `Attach`.
pub const ATTACH_RING: usize = 0;
/// The index of the Notification that wakes the port's owner.
pub const ATTACH_WAKE: usize = 1;
/// The number of capabilities that `Attach` transfers.
pub const ATTACH_CAPABILITIES: usize = 2;

/// Root's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The number that the switch acknowledges when it has executed the command; 0 for no command.
    pub serial: u64,
    /// The command.
    pub command: Command,
}

/// The switch's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// The serial number of the last command that was executed, or 0.
    pub executed: u64,
    /// Free bytes of the switch's heap, with those of its buffer for frames.
    pub heap_free: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode, encode};

    const PORT: PortNumber = PortNumber(4);

    fn attach(kind: PortKind) -> Command {
        Command::Attach {
            port: PORT,
            mac: Mac([2, 0, 0, 0, 0, 9]),
            kind,
            mtu: Mtu::MAX,
        }
    }

    #[test]
    fn commands_survive_a_message() {
        let ip: Option<Ipv4> = "10.77.0.20/24".parse().ok();
        for command in [
            Command::Nothing {
                poll_again_in_ns: None,
            },
            Command::Nothing {
                poll_again_in_ns: Some(5),
            },
            attach(PortKind::Domain),
            attach(PortKind::Uplink),
            attach(PortKind::Tunnel),
            Command::Activate { port: PORT, ip },
            Command::Activate {
                port: PORT,
                ip: None,
            },
            Command::Quiesce {
                port: PORT,
                leaves: true,
            },
            Command::Quiesce {
                port: PORT,
                leaves: false,
            },
            Command::Detach { port: PORT },
            Command::Depart { port: PORT },
        ] {
            let serial = 12;
            let reply = Reply { serial, command };
            assert_eq!(decode(encode(&reply).as_slice()), Ok(reply));
        }
    }

    #[test]
    fn no_doorbell_flag_equals_the_commands_flag() {
        for last in 0..=255 {
            let flag = doorbell_flag(Mac([2, 0, 0, 0, 0, last]));
            assert!(flag.is_power_of_two() && flag != COMMANDS_FLAG);
        }
    }
}
