//! A fake of the domain that the prober expects, in the test's process, with faults that each break one property.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod loopback;
pub mod stack;

use harness::prober::protocol::{FLAG_TORN_PAGE, Heap, Reply, Request};

pub const HEAP: Heap = Heap {
    mib: 2,
    working_mib: 1,
};

/// The sequence number of the request to which each transport replies with the fault.
pub const FAULTY_SEQUENCE: u64 = 20;

/// The property that a domain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
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

/// The domain's replies, independent of the transport.
#[derive(Debug)]
pub struct FakeDomain {
    pub fault: Fault,
    counter: u64,
    pages_dirtied: u64,
}

impl FakeDomain {
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            counter: 0,
            pages_dirtied: 0,
        }
    }

    pub fn reply(
        &mut self,
        Request {
            sequence,
            client_time,
        }: Request,
    ) -> Reply {
        let has = |fault: Fault| sequence == FAULTY_SEQUENCE && self.fault == fault;
        self.counter += 1;
        self.pages_dirtied += 1;
        let checksum = HEAP.checksum(HEAP.probed_page(sequence));
        Reply {
            sequence,
            client_time: client_time ^ u64::from(has(Fault::Echo)),
            counter: if has(Fault::CounterBack) {
                1
            } else {
                self.counter
            },
            checksum: checksum ^ u64::from(has(Fault::Checksum)),
            pages_dirtied: if has(Fault::DirtiedBack) {
                0
            } else {
                self.pages_dirtied
            },
            flags: if has(Fault::TornPage) {
                FLAG_TORN_PAGE
            } else {
                0
            },
        }
    }
}
