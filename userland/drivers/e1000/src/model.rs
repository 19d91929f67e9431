//! The cards that this driver drives, and where they differ.

use nic::intel::VENDOR;
use nic::{Identity, InitError};

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

impl Model {
    /// The model with this identity.
    ///
    /// # Errors
    /// [`InitError::Unknown`].
    pub fn of(identity: Identity) -> Result<Model, InitError> {
        match (identity.vendor, identity.device) {
            (VENDOR, ID_82540EM) => Ok(Model::I82540em),
            (VENDOR, ID_82574L) => Ok(Model::I82574l),
            _ => Err(InitError::Unknown(identity)),
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
        let with_device = |device| Identity {
            vendor: 0x8086,
            device,
        };
        assert_eq!(Model::of(with_device(0x100e)), Ok(Model::I82540em));
        let unknown = with_device(0x100f);
        assert_eq!(Model::of(unknown), Err(InitError::Unknown(unknown)));
    }
}
