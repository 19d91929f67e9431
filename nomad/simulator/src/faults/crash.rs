//! Crashes to come.

use super::{ACTIONS, ONSET_US};
use crate::notes::Fuse;
use crate::random::Random;
use crate::world::Crash;

/// When a machine crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time.
    At(u64),
    /// After it has performed this many actions.
    AfterActions(u64),
    /// The first time that it replaces a record after it has performed this many actions: between the two writes.
    WhileRecording(u64),
    /// The first time that it writes to its notes after it has performed this many actions: so much of that is written.
    WhileWriting {
        /// So many actions.
        after: u64,
        /// So much.
        fuse: Fuse,
    },
}

/// A crash to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedCrash {
    /// Of which machine.
    pub machine: usize,
    /// Of what.
    pub crash: Crash,
    /// When.
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
            when: match random.permille(700) {
                true => When::AfterActions(1 + random.below(moves * ACTIONS)),
                false => When::At(random.below(moves * ONSET_US)),
            },
            down_us: random.below(400_000),
        }
    }

    /// Has some of nomad's deaths fall between the two writes of a record.
    pub(super) fn while_recording(&mut self, random: &mut Random) {
        if let (Crash::Nomad, When::AfterActions(after)) = (self.crash, self.when)
            && random.permille(400)
        {
            self.when = When::WhileRecording(after);
        }
    }

    /// Has some of nomad's deaths fall into any write to its notes.
    pub(super) fn while_writing(&mut self, random: &mut Random) {
        if let (Crash::Nomad, When::AfterActions(after)) = (self.crash, self.when)
            && random.permille(400)
        {
            // Of a head, of a token or of a record.
            let bytes_max = [16, 32, 400][random.below(3) as usize];
            let fuse = Fuse {
                writes: random.below(4) as u32,
                torn_bytes: random.below(bytes_max) as usize,
            };
            self.when = When::WhileWriting { after, fuse };
        }
    }
}
