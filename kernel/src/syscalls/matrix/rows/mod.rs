//! The table of every call's requirements and effects, in [`rows`].
//!
//! | file | calls |
//! | --- | --- |
//! | `messages` | messages and notifications |
//! | `capabilities` | the caller's own slots |
//! | `objects` | creating and destroying objects |
//! | `domains` | filling a domain with memory and capabilities |
//! | `capture` | freezing, reading and retiring a domain |
//! | `threads` | threads |
//! | `memories` | pages of a Memory |
//! | `hardware` | interrupts, ports, device memory, random words, the restart of the machine |
//!
//! A call without a row does not compile. A call whose rights depend on its arguments has a row for each case.

mod capabilities;
mod capture;
mod domains;
mod hardware;
mod memories;
mod messages;
mod objects;
mod threads;

use abi::Number;
use abi::calls::CapabilityIdentify;
use abi::register::{ObjectId, PageCount, PageIndex, Slot};

use super::row::Row;
use super::stage::Stage;
use crate::testing::slots;

const ZERO: PageIndex = PageIndex(0);
const ONE: PageCount = PageCount(1);

/// The identity of the object in a slot of the caller.
pub fn id(stage: &Stage, slot: Slot) -> ObjectId {
    let domain = slots::DOMAIN;
    ObjectId(stage.does(CapabilityIdentify { domain, slot }))
}

/// The rows of a call: at least one.
pub fn rows(number: Number) -> Vec<Row> {
    match number {
        Number::Null => messages::null(),
        Number::Yield => messages::yield_(),
        Number::Call => messages::call(),
        Number::Send => messages::send(),
        Number::Receive => messages::receive(),
        Number::ReplyAndReceive => messages::reply_and_receive(),
        Number::Reply => messages::reply(),
        Number::Signal => messages::signal(),
        Number::Wait => messages::wait(),
        Number::SignalAndWait => messages::signal_and_wait(),
        Number::CapabilityCopy => capabilities::capability_copy(),
        Number::CapabilityMint => capabilities::capability_mint(),
        Number::CapabilityMove => capabilities::capability_move(),
        Number::CapabilityDelete => capabilities::capability_delete(),
        Number::CapabilityRevoke => capabilities::capability_revoke(),
        Number::CapabilityInspect => capabilities::capability_inspect(),
        Number::CapabilityIdentify => capabilities::capability_identify(),
        Number::PoolSplit => objects::pool_split(),
        Number::PoolReport => objects::pool_report(),
        Number::DomainCreate => objects::domain_create(),
        Number::ThreadCreate => objects::thread_create(),
        Number::MemoryCreate => objects::memory_create(),
        Number::MemoryCreateContiguous => objects::memory_create_contiguous(),
        Number::EndpointCreate => objects::endpoint_create(),
        Number::NotificationCreate => objects::notification_create(),
        Number::Destroy => objects::destroy(),
        Number::DestroyChild => objects::destroy_child(),
        Number::DomainMap => domains::domain_map(),
        Number::DomainUnmap => domains::domain_unmap(),
        Number::DomainInstall => domains::domain_install(),
        Number::DomainRemove => domains::domain_remove(),
        Number::DomainDerive => domains::domain_derive(),
        Number::DomainInstallReply => domains::domain_install_reply(),
        Number::DomainGrow => domains::domain_grow(),
        Number::DomainFreeze => capture::domain_freeze(),
        Number::DomainThaw => capture::domain_thaw(),
        Number::DomainDescribe => capture::domain_describe(),
        Number::DomainRetire => capture::domain_retire(),
        Number::DomainUnretire => capture::domain_unretire(),
        Number::DomainClock => capture::domain_clock(),
        Number::DomainReadThread => capture::domain_read_thread(),
        Number::DomainMapCaptured => capture::domain_map_captured(),
        Number::DomainPages => capture::domain_pages(),
        Number::DomainReadPages => capture::domain_read_pages(),
        Number::DomainBeginLog => capture::domain_begin_log(),
        Number::DomainMapOwn => domains::domain_map_own(),
        Number::DomainHold => domains::domain_hold(),
        Number::DomainGrantPages => capture::domain_grant_pages(),
        Number::ThreadStart => threads::thread_start(),
        Number::ThreadStop => threads::thread_stop(),
        Number::ThreadRead => threads::thread_read(),
        Number::ThreadWrite => threads::thread_write(),
        Number::ThreadSchedule => threads::thread_schedule(),
        Number::ThreadBind => threads::thread_bind(),
        Number::ThreadFaults => threads::thread_faults(),
        Number::ThreadPrepare => threads::thread_prepare(),
        Number::MemoryPopulate => memories::memory_populate(),
        Number::MemorySupply => memories::memory_supply(),
        Number::MemoryDiscard => memories::memory_discard(),
        Number::MemoryPager => memories::memory_pager(),
        Number::InterruptCreateLine => hardware::interrupt_create_line(),
        Number::InterruptCreateMessage => hardware::interrupt_create_message(),
        Number::InterruptBind => hardware::interrupt_bind(),
        Number::InterruptAcknowledge => hardware::interrupt_acknowledge(),
        Number::IoPortsCreate => hardware::io_ports_create(),
        Number::IoIn => hardware::io_in(),
        Number::IoOut => hardware::io_out(),
        Number::DeviceMemoryCreate => hardware::device_memory_create(),
        Number::Random => hardware::random(),
        Number::Reboot => hardware::reboot(),
    }
}
