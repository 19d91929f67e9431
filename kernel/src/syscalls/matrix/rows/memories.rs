//! The rows of the calls for Memories.

use abi::calls::{MemoryDiscard, MemoryPager, MemoryPopulate, MemorySupply};
use abi::register::{PageIndex, Slot};
use abi::{EndpointRights, MemoryRights};

use super::{ONE, ZERO};
use crate::syscalls::matrix::row::{EncodedCall, Row, encode, row};
use crate::syscalls::matrix::stage::{MEMORY, SERVICE, SOURCE};

pub fn pager(pager: Option<Slot>) -> EncodedCall {
    encode(MemoryPager {
        memory: MEMORY,
        pager,
    })
}

pub fn memory_populate() -> Vec<Row> {
    vec![
        row(|_| {
            encode(MemoryPopulate {
                memory: MEMORY,
                first_page: PageIndex(1),
                page_count: ONE,
            })
        })
        .needs(MEMORY, MemoryRights::MANAGE)
        .changes(),
    ]
}

pub fn memory_supply() -> Vec<Row> {
    vec![
        row(|_| {
            encode(MemorySupply {
                memory: MEMORY,
                first_page: ZERO,
                page_count: ONE,
                source: SOURCE,
                source_page: ZERO,
            })
        })
        .needs(MEMORY, MemoryRights::MANAGE)
        .needs(SOURCE, MemoryRights::READ)
        .changes(),
    ]
}

pub fn memory_discard() -> Vec<Row> {
    vec![
        row(|_| {
            encode(MemoryDiscard {
                memory: MEMORY,
                first_page: ZERO,
                page_count: ONE,
            })
        })
        .needs(MEMORY, MemoryRights::MANAGE)
        .changes(),
    ]
}

pub fn memory_pager() -> Vec<Row> {
    vec![
        row(|_| pager(Some(SERVICE)))
            .needs(MEMORY, MemoryRights::MANAGE)
            .needs(SERVICE, EndpointRights::SEND)
            .changes(),
        row(|_| pager(None))
            .after(|stage| stage.succeeds(pager(Some(SERVICE))))
            .needs(MEMORY, MemoryRights::MANAGE)
            .changes(),
    ]
}
