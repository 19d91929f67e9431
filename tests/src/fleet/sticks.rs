//! A fleet of two PCs that start from one USB stick, with the image of the default fleet: the machine `a` is recognised by its network
//! card, and the machine `b` by its UUID. As in most PCs, the firmware has a driver for the card, too.

use super::{Fleet, OptionsChange, STICK_LIMIT, UP, UUID_OF_B};
use crate::machine::{Boot, NicModel, Options};
use crate::{Artefacts, Node};

/// In place of an archive: the stick, which this firmware starts.
pub(super) const BIOS: &str = "stick-bios";
pub(super) const UEFI: &str = "stick-uefi";

/// The firmware that starts a stick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// A BIOS: SeaBIOS.
    Bios,
    /// UEFI: OVMF.
    Uefi,
}

/// One of the PCs, before it has a network card.
pub(super) fn options(node: Node, firmware: Firmware) -> Options {
    let image = Artefacts::image();
    let boot = match firmware {
        Firmware::Bios => Boot::StickBios(image),
        Firmware::Uefi => Boot::StickUefi(image),
    };
    let options = Options::new(node.name(), boot).nic_roms();
    match node {
        Node::B => options.uuid(UUID_OF_B),
        Node::A | Node::C => options,
    }
}

impl Fleet {
    /// Starts two PCs with different Intel cards from one stick under a BIOS, and waits until their migration servers are up.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_sticks() -> Fleet {
        let cards: [OptionsChange; 2] = [
            |options| options.nic_model(NicModel::E1000e),
            |options| options.nic_model(NicModel::Igb),
        ];
        Fleet::start_sticks_under(Firmware::Bios, cards)
    }

    /// Starts two PCs from one stick under this firmware, with a change of options for each, and waits until their migration servers
    /// are up.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    pub fn start_sticks_under(firmware: Firmware, changes: [OptionsChange; 2]) -> Fleet {
        let archive = match firmware {
            Firmware::Bios => BIOS,
            Firmware::Uefi => UEFI,
        };
        let mut fleet = Fleet::begin(&[archive; 2], changes);
        for node in fleet.nodes() {
            fleet.machine(node).expect_anywhere(UP, STICK_LIMIT);
        }
        fleet
    }
}
