//! interrupts, ports, device memory.

use abi::calls::{
    DeviceMemoryCreate, InterruptAcknowledge, InterruptBind, InterruptCreateLine,
    InterruptCreateMessage, IoIn, IoOut, IoPortsCreate, Random,
};
use abi::register::{Slot, Width};
use abi::{
    Error, HardwareRights, InterruptRights, IoPortsRights, NotificationRights, PAGE_BYTES,
    PoolRights,
};
use capabilities::{Place, Storage};

use super::thread::{Source, hold};
use super::{CallResult, Outcome, Results, lookup};
use crate::arch::{self, IoWidth, Line, PhysAddr, PhysRange, Polarity, Trigger};
use crate::kernel::Kernel;
use crate::memory::{ForeignRun, Ref, SlotStorage};
use crate::objects::{self, Attribute, IoPorts, Object, Pool, Thread};

/// Most pages of a device's memory made at once: what one directory of leaf tables spans in 1 MiB of tables.
const DEVICE_PAGES_MAX: u64 = 16 * 512;

/// Bits of a physical address.
const PHYSICAL_BITS: u32 = 52;

pub fn create_line(kernel: &Kernel, caller: Ref<Thread>, call: InterruptCreateLine) -> CallResult {
    let (pool, into) = maker(caller, call.pool, call.hardware, call.into)?;
    let (trigger, polarity) = match call.level {
        0 => (Trigger::Edge, Polarity::High),
        1 => (Trigger::Level, Polarity::Low),
        _ => return Err(Error::ArgumentRange),
    };
    let line = Line {
        gsi: call.line,
        trigger,
        polarity,
    };
    objects::create_interrupt(kernel, pool, Some(line), into)?;
    Ok(Outcome::DONE)
}

pub fn create_message(
    kernel: &Kernel,
    caller: Ref<Thread>,
    call: InterruptCreateMessage,
) -> CallResult {
    let (pool, into) = maker(caller, call.pool, call.hardware, call.into)?;
    let vector = objects::create_interrupt(kernel, pool, None, into)?;
    let (address, data) = arch::interrupts::message(vector);
    Ok(Outcome::Return(Results::Two(address, u64::from(data))))
}

pub fn bind(kernel: &Kernel, caller: Ref<Thread>, call: InterruptBind) -> CallResult {
    let interrupt = lookup::interrupt(caller, call.interrupt, InterruptRights::HANDLE)?;
    let inside = interrupt.notification();
    match call.notification.some() {
        Some(slot) => {
            lookup::notification(caller, slot, NotificationRights::SIGNAL)?;
            hold(
                kernel,
                Source::in_table(caller, slot)?,
                inside,
                NotificationRights::SIGNAL.into(),
            )?;
            interrupt.flags.set(call.flags);
        }
        None if SlotStorage.slot(inside).is_empty() => {}
        None => kernel.empty_slot(inside)?,
    }
    interrupt.header.touch();
    Ok(Outcome::DONE)
}

pub fn acknowledge(caller: Ref<Thread>, call: InterruptAcknowledge) -> CallResult {
    let interrupt = lookup::interrupt(caller, call.interrupt, InterruptRights::HANDLE)?;
    if let Some(line) = interrupt.line {
        arch::interrupts::unmask_line(line).map_err(|_| Error::NotDevice)?;
    }
    Ok(Outcome::DONE)
}

pub fn create_ports(kernel: &Kernel, caller: Ref<Thread>, call: IoPortsCreate) -> CallResult {
    let (pool, into) = maker(caller, call.pool, call.hardware, call.into)?;
    let end = u32::from(call.first) + call.count.min(1 << 16);
    let last = end
        .checked_sub(1)
        .filter(|last| call.count != 0 && *last <= u32::from(u16::MAX));
    let last = last.ok_or(Error::ArgumentRange)? as u16;
    objects::create(kernel, pool, into, Object::IoPorts, |header, _| IoPorts {
        header,
        first: call.first,
        last,
    })?;
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
    if !log_gives_way(call.port, call.value) {
        return Ok(Outcome::Again);
    }
    arch::io_write(call.port, io_width(call.width), call.value);
    Ok(Outcome::DONE)
}

/// Whether the kernel's log leaves this port to user mode now: the console's not in the middle of a line, and QEMU's exit
/// device only after the last line.
fn log_gives_way(port: u16, value: u32) -> bool {
    match port {
        arch::CONSOLE_PORT => arch::with_log(|log| log.admit_user_byte(value as u8)),
        arch::EXIT_PORT => arch::with_log(arch::Log::is_written),
        _ => true,
    }
}

pub fn create_memory(kernel: &Kernel, caller: Ref<Thread>, call: DeviceMemoryCreate) -> CallResult {
    let (pool, into) = maker(caller, call.pool, call.hardware, call.into)?;
    let bytes = call.pages.0 * PAGE_BYTES;
    let end = call
        .bus_address
        .checked_add(bytes)
        .filter(|end| *end <= 1 << PHYSICAL_BITS);
    let end = end.ok_or(Error::ArgumentRange)?;
    if !call.bus_address.is_multiple_of(PAGE_BYTES) {
        return Err(Error::Misaligned);
    }
    if call.pages.0 == 0 || call.pages.0 > DEVICE_PAGES_MAX {
        return Err(Error::ArgumentRange);
    }
    let start = PhysAddr::new_truncate(call.bus_address);
    let range = PhysRange::new(start, PhysAddr::new_truncate(end));
    let run = ForeignRun::of_device(range, &kernel.ram).ok_or(Error::NotDevice)?;
    objects::create_memory_of(kernel, pool, run, Attribute::Device, into)?;
    Ok(Outcome::DONE)
}

pub fn random(caller: Ref<Thread>, call: Random) -> CallResult {
    lookup::hardware(caller, call.hardware, HardwareRights::CREATE)?;
    Ok(Outcome::one(arch::random_seed()))
}

fn maker(
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
