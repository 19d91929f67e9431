//! The `ports` endpoint: root, which assigns the ports, commands the switch to serve them.
//!
//! Root never waits for a server, since every server may wait for root. So the switch polls: root raises
//! [`COMMANDS_FLAG`] in the switch's doorbell, and the switch calls until there is no further command. Root has no
//! timer either: the last answer contains the time after which the switch calls again.
//!
//! ```text
//! call:  word 0: the serial number of the last executed command, or 0    word 1: the switch's free heap in bytes
//! reply: word 0: this command's serial number, or 0 for none    word 1: the command    words 2..: its values
//! ```
//!
//! A command stays the next one until the switch acknowledges it, so a call may be repeated. A restarted switch
//! acknowledges 0 and receives every port again.

use super::address::{Ipv4, Mac};
use super::words::{Malformed, Reader, Words};

/// The flag in the switch's doorbell for pending commands.
pub const COMMANDS_FLAG: u64 = 1 << 63;

/// The flag that a port's owner raises in the switch's doorbell. Owners may share one: the switch checks all their
/// rings. It follows from the address, so a domain raises the right one after a move as well.
pub fn doorbell_flag(mac: Mac) -> u64 {
    const FLAGS: u8 = 32;
    1 << (mac.0[5] % FLAGS)
}

/// The number of a port on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortNumber(pub u32);

/// The kind of device at the other end of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum PortKind {
    /// A domain, the only station behind the port.
    Domain = 0,
    /// The driver of a NIC, behind which all other stations are.
    Uplink = 1,
    /// The migration server, which forwards frames to domains that have left. No station is behind it.
    Tunnel = 2,
}

impl PortKind {
    fn from_word(word: u64) -> Result<PortKind, Malformed> {
        match word {
            0 => Ok(PortKind::Domain),
            1 => Ok(PortKind::Uplink),
            2 => Ok(PortKind::Tunnel),
            other => Err(Malformed::Value(other)),
        }
    }
}

/// A command to the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// No command is pending: wait until the flag is raised or this time has passed.
    Nothing {
        /// The time in nanoseconds after which the switch calls again by itself.
        ask_again_in_ns: Option<u64>,
    },
    /// Map a port's ring without moving frames yet. Comes with the capabilities [`ATTACH_RING`] and [`ATTACH_WAKE`].
    Attach {
        /// The port.
        port: PortNumber,
        /// Its address; the NIC's own for an uplink, zeros for a tunnel.
        mac: Mac,
        /// The kind of device behind it.
        kind: PortKind,
    },
    /// Move frames. A port with an address is announced to all stations.
    Activate {
        /// The port.
        port: PortNumber,
        /// Its address, which is announced, and the only valid source of the domain's frames.
        ip: Option<Ipv4>,
    },
    /// Stop moving frames, and leave the ring as it is.
    Quiesce {
        /// The port.
        port: PortNumber,
        /// Whether its domain is leaving: then frames for it go through the tunnel. Otherwise it has stopped for good, and frames
        /// for it are dropped.
        leaves: bool,
    },
    /// Remove the port and unmap its ring.
    Detach {
        /// The port.
        port: PortNumber,
    },
    /// Remove the port of a domain that now runs on another machine: its address stays reserved for a while, and late
    /// frames for it go through the tunnel.
    Depart {
        /// The port.
        port: PortNumber,
    },
}

/// The index of the ring's Memory among the capabilities of `Attach`.
pub const ATTACH_RING: usize = 0;
/// The index of the Notification that wakes the port's owner.
pub const ATTACH_WAKE: usize = 1;
/// The number of capabilities that `Attach` transfers.
pub const ATTACH_CAPABILITIES: usize = 2;

mod operation {
    pub const NOTHING: u64 = 0;
    pub const ATTACH: u64 = 1;
    pub const ACTIVATE: u64 = 2;
    pub const QUIESCE: u64 = 3;
    pub const DETACH: u64 = 4;
    pub const DEPART: u64 = 5;
}

/// The encoding of an absent `ip`: no prefix is that long.
const NO_ADDRESS: u64 = u64::MAX;
/// The encoding of an absent `ask_again_in_ns`.
const NEVER: u64 = u64::MAX;

impl Command {
    /// The reply's words.
    pub fn pack(&self, serial: u64) -> Words {
        use operation::*;
        let words = Words::new(serial);
        match *self {
            Command::Nothing { ask_again_in_ns } => {
                words.with(NOTHING).with(ask_again_in_ns.unwrap_or(NEVER))
            }
            Command::Attach { port, mac, kind } => words
                .with(ATTACH)
                .with(port.0.into())
                .with(mac.to_word())
                .with(kind as u64),
            Command::Activate { port, ip } => words
                .with(ACTIVATE)
                .with(port.0.into())
                .with(ip.map_or(NO_ADDRESS, Ipv4::to_word)),
            Command::Quiesce { port, leaves } => {
                words.with(QUIESCE).with(port.0.into()).with(leaves.into())
            }
            Command::Detach { port } => words.with(DETACH).with(port.0.into()),
            Command::Depart { port } => words.with(DEPART).with(port.0.into()),
        }
    }

    /// Reads a reply: the serial number and the command.
    ///
    /// # Errors
    /// [`Malformed`], with the reason.
    pub fn unpack(words: &[u64]) -> Result<(u64, Command), Malformed> {
        use operation::*;
        let mut reader = Reader::new(words);
        let serial = reader.word()?;
        let operation = reader.word()?;
        if operation == NOTHING {
            let ask_again_in_ns = Some(reader.word()?).filter(|time| *time != NEVER);
            return Ok((serial, Command::Nothing { ask_again_in_ns }));
        }
        let port = PortNumber(reader.narrow()?);
        let command = match operation {
            ATTACH => Command::Attach {
                port,
                mac: Mac::from_word(reader.word()?)?,
                kind: PortKind::from_word(reader.word()?)?,
            },
            ACTIVATE => Command::Activate {
                port,
                ip: match reader.word()? {
                    NO_ADDRESS => None,
                    word => Some(Ipv4::from_word(word)?),
                },
            },
            QUIESCE => Command::Quiesce {
                port,
                leaves: reader.flag()?,
            },
            DETACH => Command::Detach { port },
            DEPART => Command::Depart { port },
            other => return Err(Malformed::Operation(other)),
        };
        Ok((serial, command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: PortNumber = PortNumber(4);

    fn attach(kind: PortKind) -> Command {
        Command::Attach {
            port: PORT,
            mac: Mac([2, 0, 0, 0, 0, 9]),
            kind,
        }
    }

    #[test]
    fn commands_survive_a_message() {
        let ip: Option<Ipv4> = "10.77.0.20/24".parse().ok();
        for command in [
            Command::Nothing {
                ask_again_in_ns: None,
            },
            Command::Nothing {
                ask_again_in_ns: Some(5),
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
            let words = command.pack(12);
            assert_eq!(Command::unpack(words.as_slice()), Ok((12, command)));
        }
    }

    #[test]
    fn rejects_malformed_commands() {
        assert_eq!(Command::unpack(&[1]), Err(Malformed::Short));
        assert_eq!(Command::unpack(&[1, 9, 0]), Err(Malformed::Operation(9)));
        assert_eq!(
            Command::unpack(&[1, 1, 4, 0, 3]),
            Err(Malformed::Value(3)),
            "no such kind of port"
        );
        assert_eq!(
            Command::unpack(&[1, 3, 1 << 32]),
            Err(Malformed::Value(1 << 32))
        );
    }

    #[test]
    fn no_doorbell_flag_equals_the_commands_flag() {
        for last in 0..=255 {
            let flag = doorbell_flag(Mac([2, 0, 0, 0, 0, last]));
            assert!(flag.is_power_of_two() && flag != COMMANDS_FLAG);
        }
    }
}
