//! Lines of devices.
//!
//! The device is the interval timer of every PC, whose output goes up when a count is over and stays up until the next one
//! begins. It is wired to the line that ISA's interrupt 0 is connected to.

use runtime::abi::register::Width;
use runtime::capability::{Bus, Interrupt, IoPorts, Notification};
use runtime::{Cap, clock};

use crate::bed::{Bed, Failure, expect};

/// The timer's ports.
const PORTS: (u16, u32) = (0x40, 4);
const COUNTER: u16 = 0x40;
const MODE: u16 = 0x43;
/// Counter 0, a count of two bytes, mode 0: the output is down until the count is over.
const ONE_COUNT: u32 = 0x30;
/// Counts of about one millisecond, and of more than twice as long as is watched.
const SHORT: u16 = 1_000;
const LONG: u16 = u16::MAX;
/// The line that ISA's interrupt 0 is connected to, by the firmware's tables of every machine that the checks run on.
const LINE: u32 = 2;
/// How long it is watched whether an interrupt comes that must not.
const WATCHED_NS: u64 = 20_000_000;
/// Nothing that a check waits for takes so long.
const LIMIT_NS: u64 = 20_000_000_000;

/// Takes the line down, until a count is over.
fn begin(timer: Cap<IoPorts>, count: u16) -> Result<(), Failure> {
    timer.write(MODE, Width::Byte, ONE_COUNT)?;
    for byte in count.to_le_bytes() {
        timer.write(COUNTER, Width::Byte, byte.into())?;
    }
    Ok(())
}

/// Waits for these flags, however they come.
fn gather(notification: Cap<Notification>, must: u64) -> Result<(), Failure> {
    let end = clock::now_ns() + LIMIT_NS;
    let mut flags = 0;
    while flags != must {
        match notification.wait_until_ns(end)? {
            0 => return Err(Failure::Missing("interrupt")),
            more => flags |= more,
        }
    }
    Ok(())
}

/// Expects that no flag is raised.
fn watch(notification: Cap<Notification>) -> Result<(), Failure> {
    let flags = notification.wait_until_ns(clock::now_ns() + WATCHED_NS)?;
    expect("interrupts of a line that is held", flags, 0)
}

/// A line that is up interrupts once, and again when all that share it have acknowledged that, as long as it is up.
pub fn level(bed: &Bed) -> Result<(), Failure> {
    let timer = bed.hardware.create_ports(bed.pool, PORTS.0, PORTS.1)?;
    begin(timer, LONG)?;
    let came = bed.pool.create_notification()?;
    let make = |flag| -> Result<Cap<Interrupt>, Failure> {
        // As a PCI device's: it is level-triggered then.
        let interrupt = bed
            .hardware
            .create_line_interrupt(bed.pool, LINE, Bus::Pci)?;
        interrupt.bind(Some(came), flag)?;
        interrupt.acknowledge()?;
        Ok(interrupt)
    };
    let (one, other) = (make(1)?, make(2)?);
    begin(timer, SHORT)?;
    gather(came, 3)?;
    watch(came)?;
    one.acknowledge()?;
    watch(came)?;
    other.acknowledge()?;
    gather(came, 3)?;
    begin(timer, LONG)?;
    one.acknowledge()?;
    other.acknowledge()?;
    watch(came)
}
