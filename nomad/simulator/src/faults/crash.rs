//! Planned crashes.

use super::{ACTIONS, ONSET_US};
use crate::random::Random;
use crate::record_store::Fuse;
use crate::world::Crash;

/// The time of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time.
    At(u64),
    /// After it has performed this many actions.
    AfterActions(u64),
    /// After this many actions, when it replaces a record for the first time: after it has written the new record and before
    /// it erases the old one.
    WhileRecording(u64),
    /// In the middle of a step, as a [`PointFault`](super::PointFault) states.
    WithinStep,
    /// During its first write to its records after it has performed this many actions.
    WhileWriting {
        /// The number of actions.
        after: u64,
        /// The part that is written.
        fuse: Fuse,
    },
}

/// A machine that an operator turns off. Meanwhile the operator decides by force about domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerOff {
    /// The machine.
    pub machine: usize,
    /// When it is turned off.
    pub at_us: u64,
    /// How long it is off.
    pub down_us: u64,
}

impl PowerOff {
    pub(super) fn draw(random: &mut Random, machines: usize) -> Self {
        PowerOff {
            machine: random.below(machines as u64) as usize,
            at_us: random.below(2 * ONSET_US),
            down_us: 1_000_000 + random.below(2_500_000),
        }
    }

    /// The crash of the machine.
    pub fn crash(self) -> PlannedCrash {
        PlannedCrash {
            machine: self.machine,
            crash: Crash::Machine,
            when: When::At(self.at_us),
            down_us: self.down_us,
        }
    }
}

/// A planned crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedCrash {
    /// The machine that crashes.
    pub machine: usize,
    /// The part that crashes.
    pub crash: Crash,
    /// The time.
    pub when: When,
    /// How long until it is up again.
    pub down_us: u64,
}

impl PlannedCrash {
    pub(super) fn draw(random: &mut Random, machines: usize, moves: u64) -> Self {
        PlannedCrash {
            machine: random.below(machines as u64) as usize,
            crash: if random.permille(500) {
                Crash::Nomad
            } else {
                Crash::Machine
            },
            when: if random.permille(700) {
                When::AfterActions(1 + random.below(moves * ACTIONS))
            } else {
                When::At(random.below(moves * ONSET_US))
            },
            down_us: random.below(400_000),
        }
    }

    /// Turns some crashes of nomad into crashes between the write of a new record and the erasure of the old one.
    pub(super) fn while_recording(&mut self, random: &mut Random) {
        if let (Crash::Nomad, When::AfterActions(after)) = (self.crash, self.when)
            && random.permille(400)
        {
            self.when = When::WhileRecording(after);
        }
    }

    /// Turns some crashes of nomad into crashes during a write to its records.
    pub(super) fn while_writing(&mut self, random: &mut Random) {
        if let (Crash::Nomad, When::AfterActions(after)) = (self.crash, self.when)
            && random.permille(400)
        {
            // The sizes of a slot's header, a token and a record.
            let bytes_max = [16, 32, 400][random.below(3) as usize];
            let fuse = Fuse {
                writes: random.below(4) as u32,
                torn_bytes: random.below(bytes_max) as usize,
            };
            self.when = When::WhileWriting { after, fuse };
        }
    }
}
