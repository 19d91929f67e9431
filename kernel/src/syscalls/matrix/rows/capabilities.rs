//! The rows of the calls for capabilities.

use abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityIdentify, CapabilityInspect, CapabilityMint,
    CapabilityMove, CapabilityRevoke,
};
use abi::{DomainRights, EndpointRights, Rights};

use super::hardware::bind_interrupt;
use super::memories::pager;
use super::threads::{bind_thread, faults};
use crate::syscalls::matrix::row::{Row, Then, made, row};
use crate::syscalls::matrix::stage::{
    ENDPOINT, FREE, MEMORY, NOTIFICATION, REPLY, SERVICE, SUBJECT, Stage,
};
use crate::testing::slots;

/// No right at all: the call is made through any capability.
const NONE: Rights = Rights(0);

pub fn capability_copy() -> Vec<Row> {
    vec![
        row(|_| {
            made(CapabilityCopy {
                from: MEMORY,
                to: FREE,
            })
        })
        .needs_any(MEMORY, NONE)
        .frozen(Then::Changes),
        row(|_| {
            made(CapabilityCopy {
                from: ENDPOINT,
                to: FREE,
            })
        })
        .needs_any(ENDPOINT, NONE),
    ]
}

pub fn capability_mint() -> Vec<Row> {
    vec![
        row(|_| {
            made(CapabilityMint {
                from: ENDPOINT,
                to: FREE,
                rights: EndpointRights::SEND.into(),
                badge: 5,
            })
        })
        .needs_any(ENDPOINT, EndpointRights::SEND),
    ]
}

pub fn capability_move() -> Vec<Row> {
    vec![
        row(|_| {
            made(CapabilityMove {
                from: MEMORY,
                to: FREE,
            })
        })
        .needs_any(MEMORY, NONE),
    ]
}

pub fn capability_delete() -> Vec<Row> {
    vec![
        row(|_| made(CapabilityDelete { slot: MEMORY }))
            .needs_any(MEMORY, NONE)
            .frozen(Then::Changes),
        row(|_| made(CapabilityDelete { slot: ENDPOINT })).needs_any(ENDPOINT, NONE),
        row(|_| made(CapabilityDelete { slot: REPLY }))
            .after(Stage::subject_calls)
            .frozen(Then::Changes),
    ]
}

pub fn capability_revoke() -> Vec<Row> {
    vec![
        row(|_| made(CapabilityRevoke { slot: SERVICE }))
            .after(Stage::install)
            .frozen(Then::Changes),
        row(|_| made(CapabilityRevoke { slot: MEMORY }))
            .after(Stage::map)
            .frozen(Then::Changes),
        row(|_| made(CapabilityRevoke { slot: SERVICE }))
            .after(|stage| stage.succeeds(pager(SERVICE)))
            .frozen(Then::Changes),
        row(|_| made(CapabilityRevoke { slot: SERVICE }))
            .after(|stage| stage.succeeds(faults(SERVICE)))
            .frozen(Then::Changes),
        row(|_| made(CapabilityRevoke { slot: NOTIFICATION }))
            .after(|stage| stage.succeeds(bind_thread(NOTIFICATION)))
            .frozen(Then::Changes),
        row(|_| made(CapabilityRevoke { slot: NOTIFICATION }))
            .after(|stage| stage.succeeds(bind_interrupt(NOTIFICATION)))
            .frozen(Then::Changes),
        row(|_| made(CapabilityRevoke { slot: MEMORY })).needs_any(MEMORY, NONE),
    ]
}

pub fn capability_inspect() -> Vec<Row> {
    vec![row(|_| made(CapabilityInspect { slot: MEMORY }))]
}

pub fn capability_identify() -> Vec<Row> {
    vec![
        row(|_| {
            made(CapabilityIdentify {
                domain: SUBJECT,
                slot: slots::POOL,
            })
        })
        .needs(SUBJECT, DomainRights::CAPTURE),
    ]
}
