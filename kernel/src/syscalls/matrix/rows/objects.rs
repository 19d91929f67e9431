//! The rows of the calls for making and ending objects.

use abi::calls::{
    Destroy, DestroyChild, DomainCreate, EndpointCreate, MemoryCreate, MemoryCreateContiguous,
    NotificationCreate, PoolReport, PoolSplit, ThreadCreate,
};
use abi::register::PageCount;
use abi::{DESTROY, DomainRights, PoolRights};

use super::{ONE, id};
use crate::syscalls::matrix::row::{Made, Row, Then, made, row};
use crate::syscalls::matrix::stage::{
    CHILD, ENDPOINT, FREE, HELPER, INTERRUPT, MEMORY, NOTIFICATION, POOL, PORTS, SUBJECT, Stage,
};
use crate::testing::slots;

pub fn pool_split() -> Vec<Row> {
    vec![
        row(|_| {
            made(PoolSplit {
                pool: POOL,
                pages: ONE,
                into: FREE,
            })
        })
        .needs(POOL, PoolRights::CREATE)
        .changes(),
    ]
}

pub fn pool_report() -> Vec<Row> {
    vec![row(|_| made(PoolReport { pool: POOL })).needs(POOL, PoolRights::REPORT)]
}

pub fn domain_create() -> Vec<Row> {
    vec![
        row(|_| {
            made(DomainCreate {
                pool: CHILD,
                into: FREE,
            })
        })
        .needs(CHILD, PoolRights::CREATE),
    ]
}

pub fn thread_create() -> Vec<Row> {
    vec![
        row(|_| {
            made(ThreadCreate {
                domain: SUBJECT,
                into: FREE,
            })
        })
        .needs(SUBJECT, DomainRights::SPAWN)
        .changes(),
    ]
}

pub fn memory_create() -> Vec<Row> {
    vec![
        row(|_| {
            made(MemoryCreate {
                pool: POOL,
                pages: ONE,
                into: FREE,
            })
        })
        .needs(POOL, PoolRights::CREATE)
        .changes(),
    ]
}

pub fn memory_create_contiguous() -> Vec<Row> {
    vec![
        row(|_| {
            made(MemoryCreateContiguous {
                pool: POOL,
                pages: ONE,
                into: FREE,
                alignment: PageCount(1),
                from: 0,
                below: u64::MAX,
            })
        })
        .needs(POOL, PoolRights::CREATE | PoolRights::DMA)
        .changes(),
    ]
}

pub fn endpoint_create() -> Vec<Row> {
    vec![
        row(|_| {
            made(EndpointCreate {
                pool: POOL,
                into: FREE,
            })
        })
        .needs(POOL, PoolRights::CREATE)
        .changes(),
    ]
}

pub fn notification_create() -> Vec<Row> {
    vec![
        row(|_| {
            made(NotificationCreate {
                pool: POOL,
                into: FREE,
            })
        })
        .needs(POOL, PoolRights::CREATE)
        .changes(),
    ]
}

pub fn destroy() -> Vec<Row> {
    [NOTIFICATION, MEMORY, ENDPOINT, HELPER, INTERRUPT, PORTS]
        .into_iter()
        .zip([
            (|_| {
                made(Destroy {
                    object: NOTIFICATION,
                })
            }) as fn(&Stage) -> Made,
            |_| made(Destroy { object: MEMORY }),
            |_| made(Destroy { object: ENDPOINT }),
            |_| made(Destroy { object: HELPER }),
            |_| made(Destroy { object: INTERRUPT }),
            |_| made(Destroy { object: PORTS }),
        ])
        .map(|(slot, call)| row(call).needs_any(slot, DESTROY).frozen(Then::Changes))
        .collect()
}

pub fn destroy_child() -> Vec<Row> {
    vec![
        row(|stage| {
            made(DestroyChild {
                pool: slots::POOL,
                child: id(stage, CHILD),
            })
        })
        .needs(slots::POOL, DESTROY),
    ]
}
