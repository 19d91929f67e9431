//! The rows of the calls for Memories.

use abi::calls::{MemoryDiscard, MemoryPager, MemoryPopulate, MemorySupply};
use abi::register::Slot;
use abi::{EndpointRights, MemoryRights};

use super::{ONE, ZERO};
use crate::syscalls::matrix::row::{Made, Row, made, row};
use crate::syscalls::matrix::stage::{GIVER, MEMORY, SERVICE};

pub fn pager(pager: Slot) -> Made {
    made(MemoryPager {
        memory: MEMORY,
        pager,
    })
}

pub fn memory_populate() -> Vec<Row> {
    vec![
        row(|_| {
            made(MemoryPopulate {
                memory: MEMORY,
                first_page: ONE,
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
            made(MemorySupply {
                memory: MEMORY,
                first_page: ZERO,
                page_count: ONE,
                giver: GIVER,
                giver_page: ZERO,
            })
        })
        .needs(MEMORY, MemoryRights::MANAGE)
        .needs(GIVER, MemoryRights::READ)
        .changes(),
    ]
}

pub fn memory_discard() -> Vec<Row> {
    vec![
        row(|_| {
            made(MemoryDiscard {
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
        row(|_| pager(SERVICE))
            .needs(MEMORY, MemoryRights::MANAGE)
            .needs(SERVICE, EndpointRights::SEND)
            .changes(),
        row(|_| pager(Slot::NONE))
            .after(|stage| stage.succeeds(pager(SERVICE)))
            .needs(MEMORY, MemoryRights::MANAGE)
            .changes(),
    ]
}
