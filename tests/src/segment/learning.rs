//! The forwarding table: the port on which each MAC address was last seen.
//!
//! Entries do not age: a test is short, and a frame to an absent host is lost on a real switch too.

use std::collections::HashMap;
use std::fmt;
use std::sync::RwLock;

/// The bytes before an Ethernet frame's payload: destination, source, type.
pub const HEADER_BYTES: usize = 14;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// A locally administered address for the test machine of this number.
    pub const fn local(number: u8) -> Self {
        Self([0x52, 0x54, 0x00, 0xca, 0x7a, number])
    }

    /// Whether this is a broadcast or multicast address.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// The destination of a frame with a complete header.
    pub(super) fn destination(frame: &[u8]) -> Self {
        Self(frame[..6].try_into().expect("six bytes"))
    }

    /// The source of a frame with a complete header.
    pub(super) fn source(frame: &[u8]) -> Self {
        Self(frame[6..12].try_into().expect("six bytes"))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The learnt port number of each address.
#[derive(Debug, Default)]
pub struct Learning {
    ports: RwLock<HashMap<MacAddress, usize>>,
}

impl Learning {
    /// Notes that `source` sent from `port`. Most calls change nothing and take only the reader's lock.
    pub fn learn(&self, source: MacAddress, port: usize) {
        if source.is_group() || self.find(source) == Some(port) {
            return;
        }
        self.ports
            .write()
            .expect("no writer panics")
            .insert(source, port);
    }

    /// The port of `destination`, or `None` if the frame must be flooded.
    pub fn find(&self, destination: MacAddress) -> Option<usize> {
        self.ports
            .read()
            .expect("no writer panics")
            .get(&destination)
            .copied()
    }

    /// Forgets all addresses on `port`, as a switch does when a link goes down.
    pub fn forget(&self, port: usize) {
        self.ports
            .write()
            .expect("no writer panics")
            .retain(|_, learnt| *learnt != port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_an_address_that_moves() {
        let learning = Learning::default();
        learning.learn(MacAddress::local(1), 0);
        learning.learn(MacAddress::local(1), 2);
        assert_eq!(learning.find(MacAddress::local(1)), Some(2));
    }

    #[test]
    fn never_learns_a_group_address() {
        let learning = Learning::default();
        learning.learn(MacAddress([0xff; 6]), 0);
        assert_eq!(learning.find(MacAddress([0xff; 6])), None);
    }

    #[test]
    fn forgets_one_port_only() {
        let learning = Learning::default();
        learning.learn(MacAddress::local(1), 0);
        learning.learn(MacAddress::local(2), 1);
        learning.forget(0);
        assert_eq!(learning.find(MacAddress::local(1)), None);
        assert_eq!(learning.find(MacAddress::local(2)), Some(1));
    }

    #[test]
    fn formats_an_address() {
        assert_eq!(MacAddress::local(0xb).to_string(), "52:54:00:ca:7a:0b");
    }
}
