//! The programmable interval timer: the reference clock of a machine without a better one. Its interrupt stays masked.

use super::clock::{Reading, read_closely};
use super::port::{read_byte, write_byte};
use crate::arch::rate::Measurement;

const CHANNEL_0: u16 = 0x40;
const COMMAND: u16 = 0x43;

const COUNTS_PER_SECOND: u64 = 1_193_182;

/// The duration of a measurement: 25 ms. The counter wraps only after 55 ms, so that the virtual core may be stopped for a
/// while during the measurement.
const COUNTS: u64 = 29_830;

/// The maximum number of reads of the counter. They take 30 s if each access to a port takes a microsecond.
const POLLS_MAX: u32 = 10_000_000;

/// The maximum number of reads without a change. The counter changes every 838 ns, and a read of an existing device takes longer.
const POLLS_UNCHANGED_MAX: u32 = 10_000;

/// Measures the rate of the processor's clock.
///
/// Channel 0 counts down from its greatest value. Channel 2 is more commonly used, but its gate is at a port that not every
/// machine has.
pub(super) fn measure() -> Measurement {
    const CHANNEL_0_BOTH_BYTES_ONE_SHOT: u8 = 0b0011_0000;
    write_byte(COMMAND, CHANNEL_0_BOTH_BYTES_ONE_SHOT);
    write_byte(CHANNEL_0, 0xff);
    write_byte(CHANNEL_0, 0xff);
    let Some(first) = wait_below(0xffff) else {
        return Measurement::NoClock;
    };
    // If the virtual core was stopped meanwhile, the counter may be near its end, or have wrapped.
    let Some(limit) = first.value.checked_sub(COUNTS) else {
        return Measurement::Disturbed;
    };
    let Some(last) = wait_below(limit) else {
        return Measurement::NoClock;
    };
    match first.value.checked_sub(last.value) {
        None | Some(0) => Measurement::Disturbed,
        Some(counted) => {
            Measurement::Rate((last.ticks - first.ticks) * COUNTS_PER_SECOND / counted)
        }
    }
}

/// Waits until the counter is below the limit, then reads it together with the processor's clock.
fn wait_below(limit: u64) -> Option<Reading> {
    let (mut last, mut unchanged) = (latch(), 0);
    for _ in 0..POLLS_MAX {
        let count = latch();
        if count < limit {
            return Some(read_closely(latch));
        }
        unchanged = if count == last { unchanged + 1 } else { 0 };
        if unchanged > POLLS_UNCHANGED_MAX {
            return None;
        }
        last = count;
    }
    None
}

fn latch() -> u64 {
    const LATCH_CHANNEL_0: u8 = 0;
    write_byte(COMMAND, LATCH_CHANNEL_0);
    u16::from_le_bytes([read_byte(CHANNEL_0), read_byte(CHANNEL_0)]).into()
}
