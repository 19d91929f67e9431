//! One domain of a manifest.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use identity::Name;
use serde::{Deserialize, Serialize};

use crate::{Capability, Device, Port, Role};

/// A domain: its program, its resources and its capabilities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// Its name: 1 to 24 letters, digits, `-`, `_`, `.` or `:`.
    pub name: Name,
    /// Its program: the archive's member with this name and the suffix `.elf`. A driver may omit it: then it is empty, and root
    /// chooses the program for the machine's device.
    #[serde(default)]
    pub image: String,
    /// Its role on its machine; an ordinary domain has none.
    #[serde(default)]
    pub role: Option<Role>,
    /// 1 (lowest) to 62. Root has 63, and 0 for its thread that destroys memory.
    #[serde(default = "default_priority")]
    pub priority: u8,
    /// The size of its pool, page tables included.
    pub pool_mib: u32,
    /// The part of the pool that its heap is promised. The heap grows on demand, also into the unused rest of the pool.
    #[serde(default = "default_heap_mib")]
    pub heap_mib: u32,
    /// The size of its first thread's stack, within the pool.
    #[serde(default = "default_stack_kib")]
    pub stack_kib: u32,
    /// The capabilities it receives.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Its port, if `capabilities` contains `port`.
    #[serde(default)]
    pub port: Option<Port>,
    /// Its device, if `capabilities` contains `device`.
    #[serde(default)]
    pub device: Option<Device>,
    /// The services that it provides.
    #[serde(default)]
    pub provides: Vec<String>,
    /// The services of `provides` that keep no state of a client between calls. A client of such a service can move: it continues
    /// with the service of that name on its new machine. The callers of any other service cannot move, since state would stay
    /// behind.
    #[serde(default)]
    pub stateless: Vec<String>,
    /// The arguments in its start page.
    #[serde(default)]
    pub arguments: BTreeMap<String, String>,
    /// Whether it may be moved to another machine.
    #[serde(default)]
    pub movable: bool,
    /// The one machine of the fleet that starts it; if absent, every machine does.
    #[serde(default)]
    pub home: Option<Name>,
    /// The action when it ends.
    #[serde(default)]
    pub restart: Restart,
}

impl Domain {
    /// Whether it calls a service of this name.
    pub fn calls(&self, service: &str) -> bool {
        let mut capabilities = self.capabilities.iter();
        capabilities.any(|it| matches!(it, Capability::Service(name) if name == service))
    }

    /// The programs that it may need: its image, or every driver of its kind of device.
    pub fn images(&self) -> Vec<&str> {
        match &self.device {
            Some(device) if self.image.is_empty() => {
                let drivers = device.kind.drivers().iter();
                drivers.map(|driver| driver.image).collect()
            }
            _ => Vec::from([self.image.as_str()]),
        }
    }

    /// Whether the machine of this name starts it.
    pub fn is_at_home(&self, machine: Name) -> bool {
        self.home.is_none_or(|home| home == machine)
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

/// The action when a domain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// It stays as it is, for inspection.
    #[default]
    Never,
    /// It is started afresh from its image, any number of times. The first restart comes after a tenth of a second. If the domain
    /// faults within ten seconds of a restart, the next delay is twice the last one, at most a minute.
    Always,
}
