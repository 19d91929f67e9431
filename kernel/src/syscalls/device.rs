//! Devices: interrupts, ports, device memory, and the machine as a whole.

use abi::calls::{
    DeviceMemoryCreate, InterruptAcknowledge, InterruptBind, InterruptCreateLine,
    InterruptCreateMessage, IoIn, IoOut, IoPortsCreate, Random, Reboot,
};
use abi::register::{Slot, Width};
use abi::{
    Error, HardwareRights, InterruptRights, IoPortsRights, MemoryRights, NotificationRights,
    PAGE_BYTES, PoolRights,
};
use capabilities::{Place, Storage};

use super::thread::{Source, hold};
use super::{CallResult, Outcome, Results, lookup};
use crate::arch::{self, IoWidth, PhysAddr, PhysRange};
use crate::ipc;
use crate::kernel::Kernel;
use crate::memory::{Entry, ForeignRun, Ref, SlotStorage};
use crate::objects::{self, Attribute, IoPorts, MemoryObject, Pool, Thread};

/// The maximum number of pages of a device's Memory, whose tables are all made in the first step.
const DEVICE_PAGES_MAX: u64 = 16 * 512;

/// The maximum number of pages that one step adds. The first step also makes the tables.
const DEVICE_PAGES_PER_STEP: u64 = 128;

/// The argument register of `DeviceMemoryCreate` that holds the number of pages made so far.
const MADE: usize = 6;

/// The number of ISA interrupts.
const ISA_LINES: u32 = 16;

pub fn create_line(kernel: &Kernel, caller: Ref<Thread>, call: InterruptCreateLine) -> CallResult {
    let (pool, into) = pool_and_slot(caller, call.pool, call.hardware, call.into)?;
    let line = match call.bus {
        0 if call.line < ISA_LINES => arch::interrupts::isa_line(call.line as u8),
        1 => arch::interrupts::pci_line(call.line),
        _ => return Err(Error::ArgumentRange),
    };
    objects::create_interrupt(kernel, pool, Some(line), into)?;
    Ok(Outcome::DONE)
}

pub fn create_message(
    kernel: &Kernel,
    caller: Ref<Thread>,
    call: InterruptCreateMessage,
) -> CallResult {
    let (pool, into) = pool_and_slot(caller, call.pool, call.hardware, call.into)?;
    let vector = objects::create_interrupt(kernel, pool, None, into)?;
    let (address, data) = arch::interrupts::message(vector);
    Ok(Outcome::Return(Results::Two(address, u64::from(data))))
}

pub fn bind(kernel: &Kernel, caller: Ref<Thread>, call: InterruptBind) -> CallResult {
    let interrupt = lookup::interrupt(caller, call.interrupt, InterruptRights::HANDLE)?;
    let inside = interrupt.notification();
    match call.notification {
        Some(slot) => {
            lookup::signal_target(caller, slot, call.flags)?;
            hold(
                kernel,
                Source::in_table(caller, slot)?,
                inside,
                NotificationRights::SIGNAL.into(),
            )?;
            interrupt.flags.set(call.flags);
            // Otherwise an interrupt that arrived while no notification was bound would be lost or late.
            ipc::deliver(kernel, interrupt.vector);
        }
        None if SlotStorage.slot(inside).is_empty() => {}
        None => kernel.empty_slot(inside)?,
    }
    interrupt.header.touch();
    Ok(Outcome::DONE)
}

pub fn acknowledge(kernel: &Kernel, caller: Ref<Thread>, call: InterruptAcknowledge) -> CallResult {
    let interrupt = lookup::interrupt(caller, call.interrupt, InterruptRights::HANDLE)?;
    ipc::acknowledge_interrupt(kernel, interrupt);
    Ok(Outcome::DONE)
}

pub fn create_ports(kernel: &Kernel, caller: Ref<Thread>, call: IoPortsCreate) -> CallResult {
    let (pool, into) = pool_and_slot(caller, call.pool, call.hardware, call.into)?;
    let last = call
        .count
        .checked_sub(1)
        .and_then(|beyond_first| call.first.checked_add(u16::try_from(beyond_first).ok()?));
    let last = last.ok_or(Error::ArgumentRange)?;
    objects::create_ports(kernel, pool, [call.first, last], into)?;
    Ok(Outcome::DONE)
}

pub fn read_port(caller: Ref<Thread>, call: IoIn) -> CallResult {
    let ports = lookup::io_ports(caller, call.ports, IoPortsRights::IN)?;
    check_port(ports, call.port, call.width)?;
    Ok(Outcome::one(u64::from(arch::io_read(
        call.port,
        io_width(call.width),
    ))))
}

pub fn write_port(caller: Ref<Thread>, call: IoOut) -> CallResult {
    let ports = lookup::io_ports(caller, call.ports, IoPortsRights::OUT)?;
    check_port(ports, call.port, call.width)?;
    if !log_permits(call.port, call.value) {
        return Ok(Outcome::Again);
    }
    arch::io_write(call.port, io_width(call.width), call.value);
    Ok(Outcome::DONE)
}

/// Whether the kernel's log permits user code to write this port now. A write to the console's port waits until the kernel's
/// current line is complete, one to the port of QEMU's exit device until the whole log is written.
fn log_permits(port: u16, value: u32) -> bool {
    match port {
        arch::CONSOLE_PORT => arch::with_log(|log| log.admit_user_byte(value as u8)),
        arch::EXIT_PORT => arch::with_log(arch::Log::write_part),
        _ => true,
    }
}

pub fn create_memory(kernel: &Kernel, caller: Ref<Thread>, call: DeviceMemoryCreate) -> CallResult {
    lookup::hardware(caller, call.hardware, HardwareRights::CREATE)?;
    let pool = lookup::pool(caller, call.pool, PoolRights::CREATE)?;
    let run = device_run(kernel, &call)?;
    let flags = match call.cache {
        0 => Entry::DEVICE,
        1 => Entry::DEVICE_COMBINING,
        _ => return Err(Error::ArgumentRange),
    };
    let made = call.made.0;
    if made == 0 {
        let into = lookup::free_slot(caller, call.into)?;
        objects::create_tables_of(kernel, pool, run.count(), Attribute::Device, into)?;
    }
    let memory = partial_memory(caller, &call, pool)?;
    let count = DEVICE_PAGES_PER_STEP.min(run.count() - made);
    objects::fill(memory, &run, made, count, flags);
    if made + count == run.count() {
        return Ok(Outcome::DONE);
    }
    caller.set_argument(MADE, made + count);
    Ok(Outcome::Again)
}

/// The device's pages for the new Memory.
fn device_run(kernel: &Kernel, call: &DeviceMemoryCreate) -> Result<ForeignRun, Error> {
    let count = call.pages.0;
    let end = call.bus_address.checked_add(count * PAGE_BYTES);
    let end = end.filter(|end| *end <= 1 << arch::physical_address_bits());
    let end = end.ok_or(Error::ArgumentRange)?;
    if !call.bus_address.is_multiple_of(PAGE_BYTES) {
        return Err(Error::Misaligned);
    }
    if count == 0 || count > DEVICE_PAGES_MAX || call.made.0 >= count {
        return Err(Error::ArgumentRange);
    }
    let start = PhysAddr::new_truncate(call.bus_address);
    let range = PhysRange::new(start, PhysAddr::new_truncate(end));
    ForeignRun::of_device(range, &kernel.ram).ok_or(Error::NotDevice)
}

/// The Memory that an earlier step of the call made. Exactly its first pages are present: the number that the call claims to
/// have made.
///
/// Another Memory that meets this description is accepted: the caller could have made it from the same pages. A Memory that is
/// being destroyed does not meet it, because destruction removes the first pages first.
fn partial_memory(
    caller: Ref<Thread>,
    call: &DeviceMemoryCreate,
    pool: Ref<Pool>,
) -> Result<Ref<MemoryObject>, Error> {
    let memory = lookup::memory(caller, call.into, MemoryRights::MANAGE)?;
    let made = call.made.0;
    let is_same = memory.attribute == Attribute::Device
        && memory.header.pool == Some(pool)
        && memory.page_count == call.pages.0
        && memory.present.get() == made
        && made
            .checked_sub(1)
            .is_none_or(|last| memory.is_present(last))
        && !memory.is_present(made);
    is_same.then_some(memory).ok_or(Error::OccupiedSlot)
}

pub fn random(caller: Ref<Thread>, call: Random) -> CallResult {
    lookup::hardware(caller, call.hardware, HardwareRights::CREATE)?;
    Ok(Outcome::one(arch::random_seed()))
}

/// Restarts the machine. Interrupts are off, and no other core was ever started, so nothing else runs until the firmware does.
pub fn reboot(caller: Ref<Thread>, call: Reboot) -> CallResult {
    lookup::hardware(caller, call.hardware, HardwareRights::REBOOT)?;
    arch::reboot();
    Ok(Outcome::DONE)
}

/// The pool and the empty slot for a new object, which needs the Hardware.
fn pool_and_slot(
    caller: Ref<Thread>,
    pool: Slot,
    hardware: Slot,
    into: Slot,
) -> Result<(Ref<Pool>, Place), Error> {
    lookup::hardware(caller, hardware, HardwareRights::CREATE)?;
    Ok((
        lookup::pool(caller, pool, PoolRights::CREATE)?,
        lookup::free_slot(caller, into)?,
    ))
}

fn check_port(ports: Ref<IoPorts>, port: u16, width: Width) -> Result<(), Error> {
    let last = u32::from(port) + width as u32 - 1;
    if port >= ports.first && last <= u32::from(ports.last) {
        Ok(())
    } else {
        Err(Error::ArgumentRange)
    }
}

fn io_width(width: Width) -> IoWidth {
    match width {
        Width::Byte => IoWidth::Byte,
        Width::Word => IoWidth::Word,
        Width::Long => IoWidth::Long,
    }
}
