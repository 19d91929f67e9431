//! The offer of a domain: all that a destination needs in order to admit or refuse it before any page is sent.

use identity::{DomainId, Incarnation, Name};
use serde::{Deserialize, Serialize};

use crate::cpu::CpuFeatures;
use crate::fleet::FleetId;
use crate::ids::MachineId;
use crate::reasons::{Refusal, VersionOf};

/// The resources that a domain needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sizes {
    /// The limit of its pool: the destination reserves this.
    pub pool_bytes: u64,
    /// Pages of its Memories, absent ones included.
    pub pages: u64,
    /// The number of its threads.
    pub threads: u32,
    /// The number of its capability slots.
    pub slots: u32,
}

/// The versions that two machines must share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Versions {
    /// The version of the image format.
    pub image: u16,
    /// The version of the system-call interface.
    pub abi: u16,
}

/// A domain that is offered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Offer {
    /// The domain's id, which is the same on every machine.
    pub domain: DomainId,
    /// Its incarnation on the source.
    pub incarnation: Incarnation,
    /// The domain's name, by which operators and log lines refer to it.
    pub name: Name,
    /// The resources that it needs.
    pub sizes: Sizes,
    /// The source's versions.
    pub versions: Versions,
    /// The CPU features that it may have used.
    pub cpu: CpuFeatures,
    /// The fingerprint of the fleet's machines, as the source lists them.
    pub fleet: FleetId,
    /// Its home, if that is a machine of the fleet.
    pub home: Option<MachineId>,
    /// Whether it came in a package that the source keeps. Only the domain's home keeps the package.
    pub has_package: bool,
    /// The destination's name, if the destination is a guest. The source's root remembers this name.
    pub guest: Option<Name>,
}

/// The versions and CPU features that a machine supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MachineSupport {
    /// The versions that this machine has. An offer with other versions is refused.
    pub versions: Versions,
    /// The CPU features that this machine has. An offer that may need others is refused.
    pub cpu: CpuFeatures,
}

impl MachineSupport {
    /// Checks whether the offered domain can run here at all. The shell checks whether there is room for it.
    ///
    /// # Errors
    /// The reason it cannot run here.
    pub fn judge(&self, offer: &Offer) -> Result<(), Refusal> {
        let (ours, theirs) = (self.versions, offer.versions);
        if ours.image != theirs.image {
            return Err(Refusal::Version {
                of: VersionOf::Image,
                ours: ours.image,
                theirs: theirs.image,
            });
        }
        if ours.abi != theirs.abi {
            return Err(Refusal::Version {
                of: VersionOf::Abi,
                ours: ours.abi,
                theirs: theirs.abi,
            });
        }
        let missing = offer.cpu.missing_in(&self.cpu);
        if !missing.is_empty() {
            return Err(Refusal::Cpu { missing });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn missing_features_are_named() {
        let missing = CpuFeatures([0, 0, 1 << 5 | 1 << 29, 0, 0, 4]);
        let text = std::format!("{missing:?}");
        assert_eq!(text, "[leaf 7 EBX 0x20000020, XCR0 0x4]");
        assert_eq!(std::format!("{:?}", CpuFeatures::default()), "[]");
    }
}
