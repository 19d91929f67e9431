//! One domain of a manifest.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{Capability, Port};

/// A domain: what it runs, what it may spend, what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// Its name: 1 to 24 letters, digits, `-`, `_`, `.` or `:`.
    pub name: String,
    /// Its program: the archive's member of this name and `.elf`.
    pub image: String,
    /// 0 (lowest) to 62; root has 63.
    #[serde(default = "default_priority")]
    pub priority: u8,
    /// What it may spend in all, page tables included.
    pub pool_mib: u32,
    /// How much of that is heap.
    #[serde(default = "default_heap_mib")]
    pub heap_mib: u32,
    /// How much of it is its first thread's stack.
    #[serde(default = "default_stack_kib")]
    pub stack_kib: u32,
    /// What it is given.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Its port, where `capabilities` say that it has one.
    #[serde(default)]
    pub port: Option<Port>,
    /// Its device, where `capabilities` say that it has one.
    #[serde(default)]
    pub device: Option<Device>,
    /// The services that it answers for.
    #[serde(default)]
    pub provides: Vec<String>,
    /// Which of them keep nothing of a client from one call to the next, so that a client that moves may go on with the service of
    /// that name on its new machine. With every other its state would stay behind: who calls it cannot move.
    #[serde(default)]
    pub stateless: Vec<String>,
    /// What it reads in its start page.
    #[serde(default)]
    pub arguments: BTreeMap<String, String>,
    /// Whether it may be moved to another machine.
    #[serde(default)]
    pub movable: bool,
    /// The one machine of the fleet that starts it; without one, every machine does.
    #[serde(default)]
    pub home: Option<String>,
    /// What happens when it comes to an end.
    #[serde(default)]
    pub restart: Restart,
}

impl Domain {
    /// Whether a machine of this name starts it.
    pub fn is_at_home(&self, machine: &str) -> bool {
        self.home.as_ref().is_none_or(|home| home == machine)
    }
}

fn default_priority() -> u8 {
    16
}

fn default_heap_mib() -> u32 {
    1
}

fn default_stack_kib() -> u32 {
    256
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Which kind.
    pub kind: DeviceKind,
    /// Which of that kind, in the order in which the bus is searched.
    #[serde(default)]
    pub index: u32,
}

/// The kinds of device that drivers exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// A virtual network card (virtio 1.0, modern PCI).
    VirtioNet,
}

/// What happens when a domain comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// It stays as it is, to be looked at.
    #[default]
    Never,
    /// It is started again from its image, for ever: after a tenth of a second, and each time it faults again within ten
    /// seconds, after twice as long as before, a minute at most.
    Always,
}
