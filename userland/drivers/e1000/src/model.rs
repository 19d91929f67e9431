//! The cards that this driver drives, and where they differ.

use nic::hardware::CONFIGURATION_BYTES;

const INTEL: u16 = 0x8086;
const ID_82540EM: u16 = 0x100e;
const ID_82574L: u16 = 0x10d3;

/// A model of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A PCI card.
    I82540em,
    /// A PCI Express card.
    I82574l,
}

/// No card of this family has these vendor and device identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub vendor: u16,
    pub device: u16,
}

impl Model {
    /// The model with this configuration space.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn of(configuration: &[u8; CONFIGURATION_BYTES]) -> Result<Model, Unknown> {
        let half = |at| u16::from_le_bytes([configuration[at], configuration[at + 1]]);
        match (half(0), half(2)) {
            (INTEL, ID_82540EM) => Ok(Model::I82540em),
            (INTEL, ID_82574L) => Ok(Model::I82574l),
            (vendor, device) => Err(Unknown { vendor, device }),
        }
    }

    /// Whether it masters the bus by PCI Express, which should be quiet before a reset.
    pub fn is_express(self) -> bool {
        self == Model::I82574l
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_known_by_vendor_and_device() {
        let mut configuration = [0; CONFIGURATION_BYTES];
        configuration[..4].copy_from_slice(&[0x86, 0x80, 0x0e, 0x10]);
        assert_eq!(Model::of(&configuration), Ok(Model::I82540em));
        configuration[2] = 0x0f;
        let unknown = Unknown {
            vendor: 0x8086,
            device: 0x100f,
        };
        assert_eq!(Model::of(&configuration), Err(unknown));
    }
}
