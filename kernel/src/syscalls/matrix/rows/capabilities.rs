//! The matrix rows of the system calls on the caller's own slots.

use abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityIdentify, CapabilityInspect, CapabilityMint,
    CapabilityMove, CapabilityRevoke,
};
use abi::{DomainRights, EndpointRights, Rights};

use super::hardware::bind_interrupt;
use super::memories::pager;
use super::threads::{bind_thread, faults};
use crate::syscalls::matrix::row::{Effect, Row, encode, row};
use crate::syscalls::matrix::stage::{
    ENDPOINT, FREE, MEMORY, NOTIFICATION, REPLY, SERVICE, SUBJECT, Stage,
};
use crate::testing::slots;

/// No rights: any capability is sufficient.
const NONE: Rights = Rights(0);

pub fn capability_copy() -> Vec<Row> {
    vec![
        row(|_| {
            encode(CapabilityCopy {
                from: MEMORY,
                to: FREE,
            })
        })
        .needs_any(MEMORY, NONE)
        .frozen(Effect::Changes),
        row(|_| {
            encode(CapabilityCopy {
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
            encode(CapabilityMint {
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
            encode(CapabilityMove {
                from: MEMORY,
                to: FREE,
            })
        })
        .needs_any(MEMORY, NONE),
    ]
}

pub fn capability_delete() -> Vec<Row> {
    vec![
        row(|_| encode(CapabilityDelete { slot: MEMORY }))
            .needs_any(MEMORY, NONE)
            .frozen(Effect::Changes),
        row(|_| encode(CapabilityDelete { slot: ENDPOINT })).needs_any(ENDPOINT, NONE),
        row(|_| encode(CapabilityDelete { slot: REPLY }))
            .after(Stage::subject_calls)
            .frozen(Effect::Changes),
    ]
}

pub fn capability_revoke() -> Vec<Row> {
    vec![
        row(|_| encode(CapabilityRevoke { slot: SERVICE }))
            .after(Stage::install)
            .frozen(Effect::Changes),
        row(|_| encode(CapabilityRevoke { slot: MEMORY }))
            .after(Stage::map)
            .frozen(Effect::Changes),
        row(|_| encode(CapabilityRevoke { slot: SERVICE }))
            .after(|stage| stage.succeeds(pager(Some(SERVICE))))
            .frozen(Effect::Changes),
        row(|_| encode(CapabilityRevoke { slot: SERVICE }))
            .after(|stage| stage.succeeds(faults(Some(SERVICE))))
            .frozen(Effect::Changes),
        row(|_| encode(CapabilityRevoke { slot: NOTIFICATION }))
            .after(|stage| stage.succeeds(bind_thread(Some(NOTIFICATION))))
            .frozen(Effect::Changes),
        row(|_| encode(CapabilityRevoke { slot: NOTIFICATION }))
            .after(|stage| stage.succeeds(bind_interrupt(Some(NOTIFICATION))))
            .frozen(Effect::Changes),
        row(|_| encode(CapabilityRevoke { slot: MEMORY })).needs_any(MEMORY, NONE),
    ]
}

pub fn capability_inspect() -> Vec<Row> {
    vec![row(|_| encode(CapabilityInspect { slot: MEMORY }))]
}

pub fn capability_identify() -> Vec<Row> {
    vec![
        row(|_| {
            encode(CapabilityIdentify {
                domain: SUBJECT,
                slot: slots::POOL,
            })
        })
        .needs(SUBJECT, DomainRights::CAPTURE),
    ]
}
