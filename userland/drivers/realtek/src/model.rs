//! The supported cards, and their differences.

use nic::Identity;
use nic::InitError;
use nic::identity::CONFIGURATION_BYTES;

use crate::registers::{REGISTERS_BYTES, REGISTERS_BYTES_8125};

const VENDOR: u16 = 0x10ec;
const ID_8139: u16 = 0x8139;
const ID_8168: u16 = 0x8168;
const ID_8125: u16 = 0x8125;
/// The revisions of an 8139 from here on have descriptor rings.
const REVISION_8139_PLUS: u8 = 0x20;
const REVISION: usize = 0x08;

/// A model of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The 8139C+, a PCI card for 100 Mb/s.
    Rtl8139Plus,
    /// The 8168, a PCI Express card for 1000 Mb/s.
    Rtl8168,
    /// The 8125, a PCI Express card for 2500 Mb/s.
    Rtl8125,
}

impl Model {
    /// The model with this configuration space.
    ///
    /// # Errors
    /// [`InitError::Unknown`], also for an 8139 without descriptor rings.
    pub fn of(configuration: &[u8; CONFIGURATION_BYTES]) -> Result<Model, InitError> {
        let identity = Identity::of(configuration);
        let has_rings = configuration[REVISION] >= REVISION_8139_PLUS;
        match (identity.vendor, identity.device) {
            (VENDOR, ID_8139) if has_rings => Ok(Model::Rtl8139Plus),
            (VENDOR, ID_8168) => Ok(Model::Rtl8168),
            (VENDOR, ID_8125) => Ok(Model::Rtl8125),
            _ => Err(InitError::Unknown(identity)),
        }
    }

    /// The index of the base address register of its memory-mapped registers. Those before it are for I/O ports.
    pub fn region(self) -> usize {
        match self {
            Model::Rtl8139Plus => 1,
            Model::Rtl8168 | Model::Rtl8125 => 2,
        }
    }

    /// The end of the registers that the driver uses.
    pub fn registers_bytes(self) -> usize {
        match self {
            Model::Rtl8139Plus | Model::Rtl8168 => REGISTERS_BYTES,
            Model::Rtl8125 => REGISTERS_BYTES_8125,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_8139_without_descriptor_rings_is_not_supported() {
        let mut configuration = [0; CONFIGURATION_BYTES];
        configuration[..4].copy_from_slice(&[0xec, 0x10, 0x39, 0x81]);
        configuration[REVISION] = 0x20;
        assert_eq!(Model::of(&configuration), Ok(Model::Rtl8139Plus));
        configuration[REVISION] = 0x10;
        let identity = Identity::of(&configuration);
        assert_eq!(Model::of(&configuration), Err(InitError::Unknown(identity)));
        configuration[2] = 0x68;
        assert_eq!(Model::of(&configuration), Ok(Model::Rtl8168));
        configuration[2] = 0x25;
        assert_eq!(Model::of(&configuration), Ok(Model::Rtl8125));
    }
}
