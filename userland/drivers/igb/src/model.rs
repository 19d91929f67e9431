//! The cards that this driver drives, and where they differ.

use nic::intel::VENDOR;
use nic::{Identity, InitError};

const ID_82576: u16 = 0x10c9;
const ID_I350: u16 = 0x1521;
const ID_I210: u16 = 0x1533;
const ID_I211: u16 = 0x1539;

/// A model of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The first one.
    I82576,
    /// Its successor, with up to four ports.
    I350,
    /// A card with one port and reserved bandwidth.
    I210,
    /// The same without an external EEPROM or reserved bandwidth.
    I211,
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
            _ => Err(InitError::Unknown(identity)),
        }
    }

    /// Whether an earlier driver may have divided its packet buffers among traffic classes, which a reset by
    /// register keeps.
    pub fn has_divisible_buffers(self) -> bool {
        self == Model::I210
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
        let unknown = with_device(0x100e);
        assert_eq!(Model::of(unknown), Err(InitError::Unknown(unknown)));
    }
}
