//! The supported cards, and their differences.

use nic::intel::VENDOR;
use nic::{Identity, InitError};

const ID_82540EM: u16 = 0x100e;
const ID_82574L: u16 = 0x10d3;
/// I217-LM and I217-V; I218-LM (2) and I218-V (2), which are in the same chipsets. These identifiers and those below are from
/// `hw.h` beside \[ich8lan\].
const IDS_I217: [u16; 4] = [0x153a, 0x153b, 0x15a0, 0x15a1];
/// I218-LM and I218-V, and their variants (3).
const IDS_I218: [u16; 4] = [0x155a, 0x1559, 0x15a2, 0x15a3];
/// I219-LM and I219-V, up to variant (5): in chipsets for the sixth and seventh generation of processors.
const IDS_I219_EARLY: [u16; 9] = [
    0x156f, 0x1570, 0x15b7, 0x15b8, 0x15b9, 0x15d7, 0x15d8, 0x15e3, 0x15d6,
];
/// I219-LM and I219-V, variants (6) to (12): in chipsets up to the tenth generation.
const IDS_I219_LATE: [u16; 14] = [
    0x15bd, 0x15be, 0x15bb, 0x15bc, 0x15df, 0x15e0, 0x15e1, 0x15e2, 0x0d4e, 0x0d4f, 0x0d4c, 0x0d4d,
    0x0d53, 0x0d55,
];

/// A model of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A PCI card.
    I82540em,
    /// A PCI Express card.
    I82574l,
    /// A card in a chipset.
    I217,
    /// As I217, with a PHY that has an ultra-low-power state.
    I218,
    /// As I218, with two errata: in its transmitter, and in a reset while its rings hold descriptors.
    I219Early,
    /// As I219Early, without the erratum in its transmitter.
    I219Late,
}

impl Model {
    /// The model with this identity.
    ///
    /// # Errors
    /// [`InitError::Unknown`].
    pub fn of(identity: Identity) -> Result<Model, InitError> {
        match (identity.vendor, identity.device) {
            (VENDOR, ID_82540EM) => Ok(Model::I82540em),
            (VENDOR, ID_82574L) => Ok(Model::I82574l),
            (VENDOR, id) if IDS_I217.contains(&id) => Ok(Model::I217),
            (VENDOR, id) if IDS_I218.contains(&id) => Ok(Model::I218),
            (VENDOR, id) if IDS_I219_EARLY.contains(&id) => Ok(Model::I219Early),
            (VENDOR, id) if IDS_I219_LATE.contains(&id) => Ok(Model::I219Late),
            _ => Err(InitError::Unknown(identity)),
        }
    }

    /// Whether it is on PCI Express, and so should stop mastering the bus before a reset.
    pub fn is_express(self) -> bool {
        self != Model::I82540em
    }

    /// Whether it is in a chipset, with its PHY outside the card.
    pub fn is_in_chipset(self) -> bool {
        !matches!(self, Model::I82540em | Model::I82574l)
    }

    /// Whether its PHY may be in an ultra-low-power state.
    pub fn has_low_power(self) -> bool {
        self.is_in_chipset() && self != Model::I217
    }

    /// Whether it hangs in a reset while its rings hold descriptors.
    pub fn needs_empty_rings(self) -> bool {
        matches!(self, Model::I219Early | Model::I219Late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_known_by_vendor_and_device() {
        let with_device = |device| Identity {
            vendor: 0x8086,
            device,
        };
        assert_eq!(Model::of(with_device(0x100e)), Ok(Model::I82540em));
        assert_eq!(Model::of(with_device(0x153a)), Ok(Model::I217));
        assert_eq!(Model::of(with_device(0x15a3)), Ok(Model::I218));
        assert_eq!(Model::of(with_device(0x156f)), Ok(Model::I219Early));
        assert_eq!(Model::of(with_device(0x0d4f)), Ok(Model::I219Late));
        let unknown = with_device(0x100f);
        assert_eq!(Model::of(unknown), Err(InitError::Unknown(unknown)));
    }
}
