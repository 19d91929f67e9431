//! The hello by which the machines of a fleet find each other: [`Hello`].
//!
//! ```text
//!   0                        24       32       40         44
//!   +------------------------+--------+--------+----------+
//!   | name, zeros at its end | boot   | life   | address  |        little-endian; the count is in the packet's head
//!   +------------------------+--------+--------+----------+
//! ```
//!
//! Every machine sends hellos to all at growing intervals, with a tag that only the fleet's machines can make. A hello
//! is a hint and proves nothing: anyone can record one and send it again. A receiver that does not know the sender
//! begins a handshake with the machine at that address, and only the handshake proves that the machine is there.

use core::net::Ipv4Addr;

use identity::{NAME_BYTES_MAX, Name};

use crate::ids::{BootId, LifeId};

/// The group to which hellos are sent. It is for experiments on one link (RFC 4727): routers do not forward it, and
/// switches pass it everywhere.
pub const HELLO_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 254);
/// Bytes of a hello without its count.
pub const HELLO_BYTES: usize = NAME_BYTES_MAX + 8 + 8 + 4;

/// A machine's statement that it is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// Its name.
    pub name: Name,
    /// Its boot.
    pub boot: BootId,
    /// The life of its migration server.
    pub life: LifeId,
    /// The number of hellos that it has sent before this one in this life. A hello with a lower count than an earlier
    /// one is old.
    pub count: u64,
    /// The address of its migration server.
    pub address: Ipv4Addr,
}

impl Hello {
    /// Serialises all but the count.
    pub fn to_bytes(self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        let (name, rest) = bytes.split_at_mut(NAME_BYTES_MAX);
        name.copy_from_slice(&self.name.to_bytes());
        rest[..8].copy_from_slice(&self.boot.0.to_le_bytes());
        rest[8..16].copy_from_slice(&self.life.0.to_le_bytes());
        rest[16..].copy_from_slice(&self.address.octets());
        bytes
    }

    /// Parses a hello; `None` if it is malformed.
    pub fn from_bytes(count: u64, bytes: &[u8]) -> Option<Hello> {
        let (name, rest) = bytes.split_first_chunk::<NAME_BYTES_MAX>()?;
        let (boot, rest) = rest.split_first_chunk::<8>()?;
        let (life, rest) = rest.split_first_chunk::<8>()?;
        let address: [u8; 4] = rest.try_into().ok()?;
        Some(Hello {
            name: Name::from_bytes(*name)?,
            boot: BootId(u64::from_le_bytes(*boot)),
            life: LifeId(u64::from_le_bytes(*life)),
            count,
            address: address.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_a_round_trip() {
        let hello = Hello {
            name: Name::try_new("exactly-twenty-four-byte").expect("a name"),
            boot: BootId(1),
            life: LifeId(2),
            count: 3,
            address: Ipv4Addr::new(10, 77, 0, 1),
        };
        let bytes = hello.to_bytes();
        assert_eq!(Hello::from_bytes(3, &bytes), Some(hello));
        assert_eq!(Hello::from_bytes(3, &bytes[1..]), None);
        assert_eq!(Hello::from_bytes(3, &[0; HELLO_BYTES]), None, "no name");
    }
}
