//! The matrix rows of the system calls that freeze, read and retire a domain.

use abi::calls::{
    DomainBeginLog, DomainClock, DomainDescribe, DomainGrantPages, DomainMapCaptured, DomainPages,
    DomainReadPages, DomainReadThread, DomainThaw, DomainUnretire, PageSet,
};
use abi::record::List;
use abi::{DomainRights, Error, MemoryRights, NO_DEADLINE};

use super::{ONE, ZERO, id};
use crate::syscalls::matrix::row::{Effect, Row, encode, row};
use crate::syscalls::matrix::stage::{
    ADDRESS, EMPTY_MEMORY, MEMORY, SOURCE, SUBJECT, Stage, THREAD,
};
use crate::testing::slots;

pub fn domain_freeze() -> Vec<Row> {
    vec![
        row(|_| encode(Stage::freezing()))
            .needs(SUBJECT, DomainRights::FREEZE)
            .frozen(Effect::Fails(Error::InUse))
            .retired(Effect::Fails(Error::WrongState)),
    ]
}

pub fn domain_thaw() -> Vec<Row> {
    vec![
        row(|stage| {
            stage.freeze();
            encode(DomainThaw {
                domain: SUBJECT,
                token: stage.subject.domain.token(),
            })
        })
        .needs(SUBJECT, DomainRights::FREEZE)
        .frozen(Effect::Transitions)
        .retired(Effect::Fails(Error::WrongState)),
    ]
}

pub fn domain_describe() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DomainDescribe {
                domain: SUBJECT,
                list: List::Objects,
                cursor: 0,
            })
        })
        .needs(SUBJECT, DomainRights::CAPTURE),
    ]
}

pub fn domain_retire() -> Vec<Row> {
    vec![
        row(|stage| {
            stage.freeze();
            encode(stage.retirement())
        })
        .needs(SUBJECT, DomainRights::RETIRE)
        .frozen(Effect::Transitions),
    ]
}

pub fn domain_unretire() -> Vec<Row> {
    vec![
        row(|stage| {
            stage.retire();
            encode(DomainUnretire {
                domain: SUBJECT,
                deadline: NO_DEADLINE,
            })
        })
        .needs(SUBJECT, DomainRights::UNRETIRE)
        .frozen(Effect::Transitions)
        .retired(Effect::Transitions),
    ]
}

pub fn domain_clock() -> Vec<Row> {
    vec![
        row(|_| {
            encode(DomainClock {
                domain: SUBJECT,
                offset: 9,
            })
        })
        .needs(SUBJECT, DomainRights::CLOCK)
        .changes(),
    ]
}

pub fn domain_read_thread() -> Vec<Row> {
    vec![
        row(|stage| {
            stage.freeze();
            encode(DomainReadThread {
                domain: SUBJECT,
                thread: id(stage, THREAD),
            })
        })
        .needs(SUBJECT, DomainRights::CAPTURE),
    ]
}

pub fn domain_map_captured() -> Vec<Row> {
    vec![
        row(|stage| {
            stage.freeze();
            encode(DomainMapCaptured {
                domain: SUBJECT,
                memory: id(stage, MEMORY),
                into: slots::DOMAIN,
                address: ADDRESS,
            })
        })
        .needs(SUBJECT, DomainRights::CAPTURE)
        .needs(slots::DOMAIN, DomainRights::MAP),
    ]
}

pub fn domain_pages() -> Vec<Row> {
    vec![
        row(|stage| {
            encode(DomainPages {
                domain: SUBJECT,
                memory: id(stage, MEMORY),
                log: 0,
                first_page: ZERO,
                page_count: ONE,
                which: PageSet::Present,
            })
        })
        .needs(SUBJECT, DomainRights::CAPTURE),
        row(|stage| {
            let (domain, memory) = (SUBJECT, id(stage, MEMORY));
            encode(DomainPages {
                domain,
                memory,
                log: stage.does(DomainBeginLog { domain, memory }),
                first_page: ZERO,
                page_count: ONE,
                which: PageSet::Dirty,
            })
        })
        .needs(SUBJECT, DomainRights::CAPTURE),
    ]
}

pub fn domain_read_pages() -> Vec<Row> {
    vec![
        row(|stage| {
            encode(DomainReadPages {
                domain: SUBJECT,
                memory: id(stage, MEMORY),
                log: 0,
                first_page: ZERO,
                wanted: 1,
                into: SOURCE,
                into_page: ZERO,
            })
        })
        .needs(SUBJECT, DomainRights::CAPTURE)
        .needs(SOURCE, MemoryRights::WRITE),
    ]
}

pub fn domain_begin_log() -> Vec<Row> {
    vec![
        row(|stage| {
            encode(DomainBeginLog {
                domain: SUBJECT,
                memory: id(stage, MEMORY),
            })
        })
        .needs(SUBJECT, DomainRights::CAPTURE),
    ]
}

pub fn domain_grant_pages() -> Vec<Row> {
    vec![
        row(|stage| {
            stage.retire();
            encode(DomainGrantPages {
                domain: SUBJECT,
                memory: id(stage, MEMORY),
                target: EMPTY_MEMORY,
                first_page: ZERO,
                page_count: ONE,
                progress: 0,
            })
        })
        .needs(SUBJECT, DomainRights::RETIRE | DomainRights::CAPTURE)
        .needs(EMPTY_MEMORY, MemoryRights::MANAGE)
        .frozen(Effect::ChangesRetired)
        .retired(Effect::ChangesRetired),
    ]
}
