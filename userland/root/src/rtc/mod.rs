//! The battery-backed clock of a PC: the MC146818 or a successor. Root reads UTC from it when the machine starts.
//!
//! ```text
//! port 0x70: a register's number        port 0x71: its value
//! 0 second  2 minute  4 hour  7 day  8 month  9 year of the century  10, 11, 13 status
//! ```
//!
//! The registers are read until two consecutive readings outside of an update agree. [`Reading`] interprets them.

mod reading;

use abi::Error;
use abi::register::Width;
use runtime::Cap;
use runtime::capability::IoPorts;
use runtime::clock;
use runtime::utc::UtcTime;

use crate::machine::Machine;
pub use reading::Reading;

const NUMBER: u16 = 0x70;
const VALUE: u16 = 0x71;

const STATUS_A: u8 = 10;
/// In `STATUS_A`: the registers change within two milliseconds.
const UPDATE_IN_PROGRESS: u8 = 1 << 7;

/// The number of readings before the clock is considered absent.
const READINGS_MAX: usize = 32;
/// The pause between two readings.
const PAUSE_NS: u64 = 500_000;

/// The reason the time is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcError {
    /// The kernel's refusal.
    #[error("{0}")]
    Kernel(Error),
    /// No two readings agreed. A machine without the clock reads as one that is always in an update.
    #[error("no two readings of the clock agree")]
    Unsteady,
    /// Its battery has failed.
    #[error("the clock's battery has failed")]
    PowerLost,
    /// The registers do not hold a time, or one before 2026.
    #[error("the clock shows no plausible time: {0:?}")]
    Implausible(Reading),
}

/// Reads the clock, and sets the machine's UTC from it.
pub fn set_utc(machine: &mut Machine) {
    match read(machine) {
        Ok(utc) => {
            machine.utc_at_zero = Some(utc.minus_ns(clock::now_ns()));
            log::info!("the time is {utc}");
        }
        Err(error) => log::warn!("the machine does not know the time: {error}"),
    }
}

/// Reads the clock, which is assumed to show UTC.
fn read(machine: &Machine) -> Result<UtcTime, RtcError> {
    let ports = machine.hardware.create_ports(machine.pool, NUMBER, 2);
    let ports = ports.map_err(RtcError::Kernel)?;
    let reading = read_steady(
        |register| read_register(ports, register),
        || {
            // If it fails, the readings are only closer together.
            let _ = machine.sleep_ns(PAUSE_NS);
        },
    );
    ports.destroy().map_err(RtcError::Kernel)?;
    reading?.to_utc()
}

/// Reads a register. The ports are root's own, so this cannot fail; a failure would read as an endless update.
fn read_register(ports: Cap<IoPorts>, register: u8) -> u8 {
    let selected = ports.write(NUMBER, Width::Byte, register.into());
    let value = selected.and_then(|()| ports.read(VALUE, Width::Byte));
    value.map_or(u8::MAX, |value| value as u8)
}

/// Reads all registers until two readings outside of an update agree.
fn read_steady(read: impl Fn(u8) -> u8, pause: impl Fn()) -> Result<Reading, RtcError> {
    let mut last = None;
    for _ in 0..READINGS_MAX {
        let is_changing = read(STATUS_A) & UPDATE_IN_PROGRESS != 0;
        let reading = (!is_changing).then(|| Reading::take(&read));
        match reading {
            Some(reading) if last == Some(reading) => return Ok(reading),
            _ => last = reading,
        }
        pause();
    }
    Err(RtcError::Unsteady)
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    /// The registers by number. Register 0 holds the seconds.
    const REGISTERS: [u8; 14] = [5, 0, 4, 0, 3, 0, 0, 2, 1, 0x26, 0, 2, 0, 0x80];

    fn register(number: u8) -> u8 {
        REGISTERS[usize::from(number)]
    }

    /// Reads a clock that changes with the number of pauses; returns that number, too.
    fn read_changing(read: impl Fn(u8, u32) -> u8) -> (Result<Reading, RtcError>, u32) {
        let pauses = Cell::new(0);
        let read = |number| read(number, pauses.get());
        let reading = read_steady(read, || pauses.set(pauses.get() + 1));
        (reading, pauses.get())
    }

    #[test]
    fn waits_for_the_end_of_an_update() {
        let read = |number, pauses| match (number, pauses) {
            (STATUS_A, ..3) => UPDATE_IN_PROGRESS,
            (_, ..3) => 0x55,
            _ => register(number),
        };
        assert_eq!(read_changing(read), (Ok(Reading::take(register)), 4));
    }

    #[test]
    fn a_reading_counts_once_a_second_one_agrees() {
        // An update that begins after its flag was read: only some registers are new.
        let read = |number, pauses| match (number, pauses) {
            (0, 0) => 0x59,
            _ => register(number),
        };
        assert_eq!(read_changing(read), (Ok(Reading::take(register)), 2));
    }

    #[test]
    fn a_machine_without_the_clock_does_not_know_the_time() {
        assert_eq!(read_steady(|_| u8::MAX, || {}), Err(RtcError::Unsteady));
    }
}
