//! The PCI identity of a card.

use core::fmt;

/// The number of bytes of configuration space that root copies.
pub const CONFIGURATION_BYTES: usize = 256;

/// The vendor and device identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The identifier of the vendor.
    pub vendor: u16,
    /// The identifier that the vendor assigned to this kind of card.
    pub device: u16,
}

impl Identity {
    /// The identity in a copy of a configuration space.
    pub fn of(configuration: &[u8; CONFIGURATION_BYTES]) -> Identity {
        let half = |at| u16::from_le_bytes([configuration[at], configuration[at + 1]]);
        Identity {
            vendor: half(0),
            device: half(2),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04x}:{:04x}", self.vendor, self.device)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn is_the_first_two_numbers_of_the_configuration_space() {
        let mut configuration = [0; CONFIGURATION_BYTES];
        configuration[..4].copy_from_slice(&[0x86, 0x80, 0x0e, 0x10]);
        assert_eq!(Identity::of(&configuration).to_string(), "8086:100e");
    }
}
