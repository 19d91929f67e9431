//! The network cards of QEMU that have a driver, and what a fleet does with them: a store moves through them under load, cables are
//! plugged out and in, and drivers end.
//!
//! | file | content |
//! | --- | --- |
//! | this one | [`Card`]: the kinds of cards |
//! | [`forgery`] | values in the rings of a card that end its driver |
//! | `scenario` | what a fleet does with its cards |

pub mod forgery;
mod scenario;

pub use scenario::{
    assert_undisturbed, move_store_under_load, probe_options, replug, restart_under_traffic,
};

use crate::Machine;
use crate::fleet::OptionsChange;
use crate::machine::{NicModel, Options};

/// A kind of network card, and its place in a machine.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// Gives a machine this card, and memory that the test can write.
    pub change: OptionsChange,
    /// The speed of its link, if the card reports it.
    pub megabits_per_second: Option<u32>,
    /// The forgery that ends its driver.
    pub forge: fn(&mut Machine),
}

/// A virtual PCI Express card with MSI-X, which root resets.
pub const VIRTIO: Card = Card {
    change: |options| debuggable(options, NicModel::Virtio).behind_root_ports(),
    megabits_per_second: None,
    forge: forgery::forge_used_buffer,
};

/// A PCI card behind a bridge that its driver polls.
pub const E1000: Card = Card {
    change: |options| debuggable(options, NicModel::E1000).behind_bridges(),
    megabits_per_second: Some(1000),
    forge: forgery::forge_legacy_frames,
};

/// A PCI Express card with MSI, which root resets.
pub const E1000E: Card = Card {
    change: |options| debuggable(options, NicModel::E1000e).behind_root_ports(),
    megabits_per_second: Some(1000),
    forge: forgery::forge_legacy_frames,
};

/// A PCI Express card with MSI, MSI-X and advanced descriptors, which root resets.
pub const IGB: Card = Card {
    change: |options| debuggable(options, NicModel::Igb).behind_root_ports(),
    megabits_per_second: Some(1000),
    forge: forgery::forge_advanced_frames,
};

/// A PCI card that its driver polls, with registers that are smaller than a page.
pub const RTL8139: Card = Card {
    change: |options| debuggable(options, NicModel::Rtl8139),
    megabits_per_second: Some(100),
    forge: forgery::forge_realtek_frames,
};

/// A virtual PCI Express card with MSI, which root resets.
pub const VMXNET3: Card = Card {
    change: |options| debuggable(options, NicModel::Vmxnet3).behind_root_ports(),
    megabits_per_second: Some(1000),
    forge: forgery::forge_stopped_queue,
};

fn debuggable(options: Options, model: NicModel) -> Options {
    options.nic_model(model).debuggable()
}
