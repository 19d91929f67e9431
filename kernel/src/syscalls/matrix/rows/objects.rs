//! The rows of the calls for creating and destroying objects.

use abi::calls::{
    Destroy, DestroyChild, DomainCreate, EndpointCreate, MemoryCreate, MemoryCreateContiguous,
    NotificationCreate, PoolReport, PoolSplit, ThreadCreate,
};
use abi::register::PageCount;
use abi::{DESTROY, DomainRights, PoolRights};

use super::{ONE, id};
use crate::syscalls::matrix::row::{Effect, EncodedCall, Row, encode, row};
use crate::syscalls::matrix::stage::{
    CHILD, ENDPOINT, FREE, HELPER, INTERRUPT, MEMORY, NOTIFICATION, POOL, PORTS, SUBJECT, Stage,
};
use crate::testing::slots;

pub fn pool_split() -> Vec<Row> {
    vec![
        row(|_| {
            encode(PoolSplit {
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
    vec![row(|_| encode(PoolReport { pool: POOL })).needs(POOL, PoolRights::REPORT)]
}

pub fn domain_create() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DomainCreate {
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
            encode(ThreadCreate {
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
            encode(MemoryCreate {
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
            encode(MemoryCreateContiguous {
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
            encode(EndpointCreate {
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
            encode(NotificationCreate {
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
                encode(Destroy {
                    object: NOTIFICATION,
                })
            }) as fn(&Stage) -> EncodedCall,
            |_| encode(Destroy { object: MEMORY }),
            |_| encode(Destroy { object: ENDPOINT }),
            |_| encode(Destroy { object: HELPER }),
            |_| encode(Destroy { object: INTERRUPT }),
            |_| encode(Destroy { object: PORTS }),
        ])
        .map(|(slot, call)| row(call).needs_any(slot, DESTROY).frozen(Effect::Changes))
        .collect()
}

pub fn destroy_child() -> Vec<Row> {
    vec![
        row(|stage| {
            encode(DestroyChild {
                pool: slots::POOL,
                child: id(stage, CHILD),
            })
        })
        .needs(slots::POOL, DESTROY),
    ]
}
