//! Interrupt lines of devices.
//!
//! The device is the PC's interval timer. Its output goes high at the end of a count and stays high until the next count starts. It is
//! connected to the line of ISA interrupt 0.

use runtime::abi::register::Width;
use runtime::capability::{Bus, Interrupt, IoPorts, Notification};
use runtime::{Cap, clock};

use crate::fixture::{Failure, Fixture, LIMIT_NS, expect};

/// The timer's ports.
const PORTS: (u16, u32) = (0x40, 4);
const COUNTER: u16 = 0x40;
const MODE: u16 = 0x43;
/// Counter 0, a count of two bytes, mode 0: the output is low until the end of the count.
const ONE_COUNT: u32 = 0x30;
/// Counts of about one millisecond, and of more than twice [`WATCHED_NS`].
const SHORT: u16 = 1_000;
const LONG: u16 = u16::MAX;
/// The line of ISA interrupt 0, according to the firmware's tables of every machine that the checks run on.
const LINE: u32 = 2;
/// The time for which the check watches for an interrupt that must not come.
const WATCHED_NS: u64 = 20_000_000;

/// Drives the line low until the end of a count.
fn begin(timer: Cap<IoPorts>, count: u16) -> Result<(), Failure> {
    timer.write(MODE, Width::Byte, ONE_COUNT)?;
    for byte in count.to_le_bytes() {
        timer.write(COUNTER, Width::Byte, byte.into())?;
    }
    Ok(())
}

/// Waits until all of these flags were raised, together or one by one.
fn gather(notification: Cap<Notification>, must: u64) -> Result<(), Failure> {
    let end = clock::now_ns() + LIMIT_NS;
    let mut flags = 0;
    while flags != must {
        match notification.wait_until_ns(end)? {
            0 => return Err(Failure::missing("interrupt")),
            more => flags |= more,
        }
    }
    Ok(())
}

/// Expects that no flag is raised.
fn watch(notification: Cap<Notification>) -> Result<(), Failure> {
    let flags = notification.wait_until_ns(clock::now_ns() + WATCHED_NS)?;
    expect(
        "the set of flags of an interrupt that must not come",
        flags,
        0,
    )
}

/// A line that stays high interrupts once, and again each time that all its drivers have acknowledged it.
pub fn level(fixture: &Fixture) -> Result<(), Failure> {
    let timer = fixture
        .hardware
        .create_ports(fixture.pool, PORTS.0, PORTS.1)?;
    begin(timer, LONG)?;
    let came = fixture.pool.create_notification()?;
    let make = |flag| -> Result<Cap<Interrupt>, Failure> {
        // A PCI interrupt is level-triggered.
        let interrupt = fixture
            .hardware
            .create_line_interrupt(fixture.pool, LINE, Bus::Pci)?;
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
