//! The rows of the calls for filling a domain.

use abi::calls::{
    DomainDerive, DomainGrow, DomainHold, DomainInstall, DomainInstallReply, DomainMap,
    DomainMapOwn, DomainRemove, DomainUnmap,
};
use abi::record::Held;
use abi::register::{Access, PageCount, Slot};
use abi::{DomainRights, EndpointRights, MemoryRights, ThreadRights};

use super::ZERO;
use crate::syscalls::matrix::row::{EncodedCall, Row, encode, row};
use crate::syscalls::matrix::stage::{
    ADDRESS, HELPER, MEMORY, NOTIFICATION, SERVICE, SUBJECT, SUBJECT_FREE, SUBJECT_SLOT, Stage,
    THREAD,
};

/// The pages of [`MEMORY`].
const PAGES: PageCount = PageCount(8);

fn map(access: Access) -> EncodedCall {
    encode(DomainMap {
        domain: SUBJECT,
        memory: MEMORY,
        address: ADDRESS,
        first_page: ZERO,
        page_count: PAGES,
        access,
    })
}

/// A `DomainHold` of the capability that [`Stage::install_copy_of`] puts into the subject's table.
fn hold(holder: Slot, held: Held) -> EncodedCall {
    encode(DomainHold {
        domain: SUBJECT,
        from: SUBJECT_SLOT,
        holder,
        held,
        badge: 0,
    })
}

pub fn domain_map() -> Vec<Row> {
    vec![
        row(|_| map(Access::Read))
            .needs(SUBJECT, DomainRights::MAP)
            .needs(MEMORY, MemoryRights::READ)
            .changes(),
        row(|_| map(Access::ReadWrite))
            .needs(SUBJECT, DomainRights::MAP)
            .needs(MEMORY, MemoryRights::READ | MemoryRights::WRITE)
            .changes(),
        row(|_| map(Access::ReadExecute))
            .needs(SUBJECT, DomainRights::MAP)
            .needs(MEMORY, MemoryRights::READ | MemoryRights::EXECUTE)
            .changes(),
    ]
}

pub fn domain_unmap() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DomainUnmap {
                domain: SUBJECT,
                address: ADDRESS,
            })
        })
        .after(Stage::map)
        .needs(SUBJECT, DomainRights::MAP)
        .changes(),
    ]
}

pub fn domain_install() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DomainInstall {
                domain: SUBJECT,
                from: SERVICE,
                to: SUBJECT_SLOT,
                rights: EndpointRights::SEND.into(),
                badge: 0,
            })
        })
        .needs(SUBJECT, DomainRights::INSTALL)
        .needs_any(SERVICE, EndpointRights::SEND)
        .changes(),
    ]
}

pub fn domain_remove() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DomainRemove {
                domain: SUBJECT,
                slot: SUBJECT_SLOT,
            })
        })
        .after(Stage::install)
        .needs(SUBJECT, DomainRights::INSTALL)
        .changes(),
    ]
}

pub fn domain_derive() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DomainDerive {
                domain: SUBJECT,
                from: SUBJECT_SLOT,
                to: SUBJECT_FREE,
                rights: EndpointRights::SEND.into(),
                badge: 0,
            })
        })
        .after(Stage::install)
        .needs(SUBJECT, DomainRights::INSTALL)
        .changes(),
    ]
}

pub fn domain_install_reply() -> Vec<Row> {
    vec![
        row(|stage| {
            stage.freeze();
            encode(DomainInstallReply {
                domain: SUBJECT,
                thread: THREAD,
                to: SUBJECT_FREE,
                rights: EndpointRights::GRANT.into(),
            })
        })
        .after(Stage::subject_calls)
        .needs(SUBJECT, DomainRights::INSTALL)
        .needs(THREAD, ThreadRights::WRITE)
        .changes(),
    ]
}

pub fn domain_grow() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DomainGrow {
                domain: SUBJECT,
                slots: 65,
            })
        })
        .needs(SUBJECT, DomainRights::INSTALL)
        .changes(),
    ]
}

pub fn domain_map_own() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DomainMapOwn {
                domain: SUBJECT,
                memory: SUBJECT_SLOT,
                address: ADDRESS,
                first_page: ZERO,
                page_count: PAGES,
                access: Access::ReadWrite,
            })
        })
        .after(|stage| stage.install_copy_of(MEMORY))
        .needs(SUBJECT, DomainRights::MAP | DomainRights::INSTALL)
        .changes(),
    ]
}

pub fn domain_hold() -> Vec<Row> {
    vec![
        row(|_| hold(MEMORY, Held::Pager))
            .after(Stage::install)
            .needs(SUBJECT, DomainRights::INSTALL)
            .needs(MEMORY, MemoryRights::MANAGE)
            .changes(),
        row(|_| hold(HELPER, Held::FaultEndpoint))
            .after(Stage::install)
            .needs(SUBJECT, DomainRights::INSTALL)
            .needs(HELPER, ThreadRights::WRITE)
            .changes(),
        row(|_| hold(HELPER, Held::BoundNotification))
            .after(|stage| stage.install_copy_of(NOTIFICATION))
            .needs(SUBJECT, DomainRights::INSTALL)
            .needs(HELPER, ThreadRights::WRITE)
            .changes(),
    ]
}
