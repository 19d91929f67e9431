//! Domains: map, install, freeze, describe, retire.

use abi::calls::{
    DomainClock, DomainDerive, DomainDescribe, DomainFreeze, DomainGrow, DomainInstall,
    DomainInstallReply, DomainMap, DomainReadThread, DomainRemove, DomainRetire, DomainThaw,
    DomainUnmap, DomainUnretire,
};
use abi::register::Access;
use abi::{DomainRights, Error, MemoryRights, ThreadRights};
use capabilities::{Badge, Storage};

use super::{CallResult, Outcome, Results, lookup};
use crate::capture;
use crate::ipc;
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotDirectory, SlotStorage};
use crate::objects::{self, Step, Thread, slot_error};
use crate::paging::{self, MapRequest};

/// The argument register in which `DomainFreeze` keeps its progress.
const PROGRESS_ARGUMENT: usize = 2;

pub fn map(kernel: &Kernel, caller: Ref<Thread>, call: DomainMap) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::MAP)?;
    let memory = lookup::memory(caller, call.memory, rights_for(call.access))?;
    let request = MapRequest {
        memory,
        through: caller.domain.place(call.memory)?,
        address: call.address.0,
        first_page: call.first_page.0,
        page_count: call.page_count.0,
        access: call.access,
        is_capture: false,
    };
    paging::map(kernel, domain, request)?;
    Ok(Outcome::DONE)
}

pub fn unmap(kernel: &Kernel, caller: Ref<Thread>, call: DomainUnmap) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::MAP)?;
    let mapping = domain
        .mapping_below(call.address.0)
        .filter(|mapping| mapping.start() == call.address.0)
        .ok_or(Error::NotThere)?;
    match kernel.empty_step(mapping.slot())? {
        Step::More => Ok(Outcome::Again),
        Step::Done => Ok(Outcome::DONE),
    }
}

pub fn install(caller: Ref<Thread>, call: DomainInstall) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::INSTALL)?;
    let (from, capability) = lookup::lookup(caller, call.from)?;
    lookup::check_copyable(capability.object)?;
    let to = domain.place(call.to)?;
    capabilities::mint(&SlotStorage, from, to, call.rights, Badge::new(call.badge))
        .map_err(slot_error)?;
    domain.touch();
    Ok(Outcome::DONE)
}

pub fn remove(kernel: &Kernel, caller: Ref<Thread>, call: DomainRemove) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::INSTALL)?;
    kernel.empty_slot(domain.place(call.slot)?)?;
    Ok(Outcome::DONE)
}

pub fn derive(caller: Ref<Thread>, call: DomainDerive) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::INSTALL)?;
    let (from, to) = (domain.place(call.from)?, domain.place(call.to)?);
    let held = SlotStorage
        .slot(from)
        .capability()
        .ok_or(Error::EmptySlot)?;
    lookup::check_copyable(held.object)?;
    capabilities::mint(&SlotStorage, from, to, call.rights, Badge::new(call.badge))
        .map_err(slot_error)?;
    domain.touch();
    Ok(Outcome::DONE)
}

pub fn install_reply(caller: Ref<Thread>, call: DomainInstallReply) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::INSTALL)?;
    let thread = lookup::thread(caller, call.thread, ThreadRights::WRITE)?;
    if thread.domain != domain || !domain.is_quiescent() {
        return Err(Error::WrongState);
    }
    ipc::install_reply(thread, domain.place(call.to)?, call.rights)?;
    domain.touch();
    Ok(Outcome::DONE)
}

pub fn grow(kernel: &Kernel, caller: Ref<Thread>, call: DomainGrow) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::INSTALL)?;
    objects::pay_for_table(domain, call.slots)?;
    for _ in 0..SLOT_FRAMES_PER_STEP {
        if domain.table.slot_count::<SlotDirectory>() >= call.slots {
            return Ok(Outcome::DONE);
        }
        objects::grow_table(kernel, domain)?;
    }
    Ok(Outcome::Again)
}

/// The maximum number of frames of slots by which one step grows a table.
const SLOT_FRAMES_PER_STEP: usize = 8;

pub fn freeze(kernel: &Kernel, caller: Ref<Thread>, call: DomainFreeze) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::FREEZE)?;
    let (step, freeze) = capture::freeze(kernel, domain, caller, call.progress, call.deadline)?;
    if step == Step::More {
        caller.set_argument(PROGRESS_ARGUMENT, freeze.token);
        return Ok(Outcome::Again);
    }
    Ok(Outcome::Return(Results::Two(freeze.version, freeze.token)))
}

pub fn thaw(kernel: &Kernel, caller: Ref<Thread>, call: DomainThaw) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::FREEZE)?;
    capture::thaw(kernel, domain, call.token)?;
    Ok(Outcome::DONE)
}

pub fn describe(kernel: &Kernel, caller: Ref<Thread>, call: DomainDescribe) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::CAPTURE)?;
    let buffer = ipc::message_buffer(kernel, caller)?;
    let Some(batch) = capture::describe(domain, call.list, call.cursor, buffer) else {
        return Ok(Outcome::Again);
    };
    Ok(Outcome::Return(Results::Three(
        batch.count,
        batch.next,
        domain.version(),
    )))
}

/// The first step passes **the commit point**. The further steps end other domains' waits with an error. Retiring a retired
/// domain succeeds, so that the call can be restarted.
pub fn retire(kernel: &Kernel, caller: Ref<Thread>, call: DomainRetire) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::RETIRE)?;
    capture::retire(kernel, domain, call.version, call.token)?;
    super::in_steps(|| Ok(capture::fail_waiters_step(kernel, domain)))
}

pub fn unretire(kernel: &Kernel, caller: Ref<Thread>, call: DomainUnretire) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::UNRETIRE)?;
    let freeze = capture::unretire(kernel, domain, caller, call.deadline)?;
    Ok(Outcome::Return(Results::Two(freeze.version, freeze.token)))
}

pub fn set_clock(kernel: &Kernel, caller: Ref<Thread>, call: DomainClock) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::CLOCK)?;
    domain.clock_offset.set(call.offset);
    domain.touch();
    Ok(Outcome::one(kernel.now_ns()))
}

pub fn read_thread(kernel: &Kernel, caller: Ref<Thread>, call: DomainReadThread) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::CAPTURE)?;
    let serial = domain.pool().serial_of(call.thread);
    let thread = domain
        .threads()
        .find(|thread| thread.header.serial == serial)
        .ok_or(Error::NotThere)?;
    super::thread::read_into_buffer(kernel, caller, thread)
}

pub fn rights_for(access: Access) -> MemoryRights {
    match access {
        Access::Read => MemoryRights::READ,
        Access::ReadWrite => MemoryRights::READ | MemoryRights::WRITE,
        Access::ReadExecute => MemoryRights::READ | MemoryRights::EXECUTE,
    }
}
