//! The fleet: the machines that every domain may be on. All of them, and their guests, must have the same list, or the roll
//! call of a domain's home could miss the machine that has it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::MachineId;

/// The machines of a fleet: those that the image names. A guest is not among them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fleet(Arc<[MachineId]>);

/// A fleet's fingerprint: the exclusive or of its machines' ids. The ids are public keys and practically random, so
/// lists that differ by mistake have different fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FleetId([u8; 32]);

impl Fleet {
    /// The fleet of these machines, in any order, duplicates ignored.
    pub fn new(machines: impl IntoIterator<Item = MachineId>) -> Fleet {
        let mut machines: Vec<MachineId> = machines.into_iter().collect();
        machines.sort_unstable();
        machines.dedup();
        Fleet(machines.into())
    }

    /// Whether a machine belongs to the fleet.
    pub fn contains(&self, machine: MachineId) -> bool {
        self.0.binary_search(&machine).is_ok()
    }

    /// All machines.
    pub fn machines(&self) -> impl Iterator<Item = MachineId> + '_ {
        self.0.iter().copied()
    }

    /// The fingerprint that two machines compare.
    pub fn id(&self) -> FleetId {
        let mut sum = [0; 32];
        for machine in self.0.iter() {
            for (byte, with) in sum.iter_mut().zip(machine.0) {
                *byte ^= with;
            }
        }
        FleetId(sum)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const A: MachineId = MachineId([1; 32]);
    const B: MachineId = MachineId([2; 32]);
    const C: MachineId = MachineId([4; 32]);

    #[test]
    fn is_the_same_in_every_order() {
        assert_eq!(Fleet::new([A, B, C]).id(), Fleet::new([C, A, B, A]).id());
    }

    #[test]
    fn differs_by_every_machine() {
        let fleets = [vec![A], vec![A, B], vec![A, C], vec![A, B, C]];
        let ids: Vec<FleetId> = fleets
            .into_iter()
            .map(|fleet| Fleet::new(fleet).id())
            .collect();
        for (position, id) in ids.iter().enumerate() {
            assert!(!ids[..position].contains(id));
        }
        assert!(!Fleet::new([A, B]).contains(C));
    }
}
