//! A fake page stream: parcels in order, until it breaks.

use std::collections::VecDeque;

use nomad_protocol::{Attempt, Digest};

use crate::kernel::State;

/// What travels on a page stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Parcel {
    /// Pages, by number.
    Pages(Vec<(usize, u64)>),
    /// A round is complete.
    RoundEnd {
        /// Which one.
        number: u32,
        /// How many pages it covered.
        pages: u64,
    },
    /// A freeze is complete.
    FreezeEnd {
        /// Which one.
        attempt: Attempt,
        /// The digest of what was exported.
        digest: Digest,
        /// How many rounds came before.
        rounds: u32,
        /// What was exported.
        state: State,
    },
}

/// The stream of one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stream {
    /// Sent and not yet received.
    pub in_flight: VecDeque<Parcel>,
    /// It is broken; each machine is yet to be told or not.
    pub broken: Option<[bool; 2]>,
}

impl Stream {
    /// Breaks: what is in flight is lost, and both ends will be told.
    pub fn break_off(&mut self) {
        if self.broken.is_none() {
            self.in_flight.clear();
            self.broken = Some([true, true]);
        }
    }

    /// `machine` has closed its end or is gone: only the other one will be told.
    pub fn close(&mut self, machine: usize) {
        self.break_off();
        if let Some(to_tell) = &mut self.broken {
            to_tell[machine] = false;
        }
    }

    /// Is `machine` yet to be told that it broke?
    pub fn is_to_tell(&self, machine: usize) -> bool {
        self.broken.is_some_and(|to_tell| to_tell[machine])
    }
}
