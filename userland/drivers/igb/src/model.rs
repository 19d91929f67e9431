//! The supported cards, and their differences.

use nic::intel::VENDOR;
use nic::intel::gigabit::Offsets;
use nic::{Identity, InitError};

use crate::registers::{I225_IAM, I225_OFFSETS, IAM, OFFSETS};

const ID_82576: u16 = 0x10c9;
const ID_I350: u16 = 0x1521;
const ID_I210: u16 = 0x1533;
const ID_I211: u16 = 0x1539;
/// I225-LM, -V, -I, -IT, -K and -K2, and the I220-V (\[igc\] `igc_hw.h`).
const IDS_I225: [u16; 7] = [0x15f2, 0x15f3, 0x15f8, 0x0d9f, 0x3100, 0x3101, 0x15f7];
/// I226-LM, -V, -IT and -K, and the I221-V (same file).
const IDS_I226: [u16; 5] = [0x125b, 0x125c, 0x125d, 0x3102, 0x125e];

/// A model of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The oldest card of the family.
    I82576,
    /// Its successor, with up to four ports.
    I350,
    /// A card with one port, which can reserve bandwidth.
    I210,
    /// As I210, without an external EEPROM and reserved bandwidth.
    I211,
    /// Cards for 2500 Mb/s: I225 and I226, which have the same registers.
    I225,
}

impl Model {
    /// The model with this identity.
    ///
    /// # Errors
    /// [`InitError::Unknown`].
    pub fn of(identity: Identity) -> Result<Model, InitError> {
        match (identity.vendor, identity.device) {
            (VENDOR, ID_82576) => Ok(Model::I82576),
            (VENDOR, ID_I350) => Ok(Model::I350),
            (VENDOR, ID_I210) => Ok(Model::I210),
            (VENDOR, ID_I211) => Ok(Model::I211),
            (VENDOR, id) if IDS_I225.contains(&id) || IDS_I226.contains(&id) => Ok(Model::I225),
            _ => Err(InitError::Unknown(identity)),
        }
    }

    /// Whether an earlier driver may have divided its packet buffers among traffic classes. A reset by register keeps that
    /// division.
    pub fn has_divisible_buffers(self) -> bool {
        matches!(self, Model::I210 | Model::I225)
    }

    /// The offsets of its registers.
    pub fn offsets(self) -> Offsets {
        match self {
            Model::I225 => I225_OFFSETS,
            _ => OFFSETS,
        }
    }

    /// The register that selects the bits of the mask to clear when the causes are read.
    pub fn acknowledge_mask(self) -> usize {
        match self {
            Model::I225 => I225_IAM,
            _ => IAM,
        }
    }

    /// The address of its PHY (\[82576\] 8.2.4; \[igc\] `igc_phy.c`, where the address is never set).
    pub fn phy(self) -> u32 {
        match self {
            Model::I225 => 0,
            _ => 1,
        }
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
        assert_eq!(Model::of(with_device(0x10c9)), Ok(Model::I82576));
        assert_eq!(Model::of(with_device(0x1533)), Ok(Model::I210));
        for device in [0x15f3, 0x125c] {
            assert_eq!(Model::of(with_device(device)), Ok(Model::I225));
        }
        let unknown = with_device(0x100e);
        assert_eq!(Model::of(unknown), Err(InitError::Unknown(unknown)));
    }
}
