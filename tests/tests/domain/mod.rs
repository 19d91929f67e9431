//! A domain as the prober expects it, in the test's process: what it answers, and lies that each break one property.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod loopback;
pub mod stack;

use harness::prober::protocol::{FLAG_TORN_PAGE, Heap, Reply, Request};

/// The heap of these domains.
pub const HEAP: Heap = Heap {
    mib: 2,
    working_mib: 1,
};

/// Which request of a transport is answered with the lie.
pub const LYING_SEQUENCE: u64 = 20;

/// The property that a domain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    None,
    Checksum,
    TornPage,
    CounterBack,
    DirtiedBack,
    Echo,
    StreamOrder,
    StreamEnd,
    Silence,
}

/// What a domain answers, over whatever transport.
#[derive(Debug)]
pub struct Mind {
    pub lie: Lie,
    counter: u64,
    pages_dirtied: u64,
}

impl Mind {
    pub fn new(lie: Lie) -> Self {
        Self {
            lie,
            counter: 0,
            pages_dirtied: 0,
        }
    }

    pub fn answer(
        &mut self,
        Request {
            sequence,
            client_time,
        }: Request,
    ) -> Reply {
        let says = |lie: Lie| sequence == LYING_SEQUENCE && self.lie == lie;
        self.counter += 1;
        self.pages_dirtied += 1;
        let checksum = HEAP.checksum(HEAP.probed_page(sequence));
        Reply {
            sequence,
            client_time: client_time ^ u64::from(says(Lie::Echo)),
            counter: if says(Lie::CounterBack) {
                1
            } else {
                self.counter
            },
            checksum: checksum ^ u64::from(says(Lie::Checksum)),
            pages_dirtied: if says(Lie::DirtiedBack) {
                0
            } else {
                self.pages_dirtied
            },
            flags: if says(Lie::TornPage) {
                FLAG_TORN_PAGE
            } else {
                0
            },
        }
    }
}
