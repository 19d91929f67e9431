//! The programmable interval timer, the reference clock if there is no better one. Its interrupt stays masked.

use super::clock::{Reading, read_closely};
use super::port::{read_byte, write_byte};
use crate::arch::rate::Measurement;

const CHANNEL_0: u16 = 0x40;
const COMMAND: u16 = 0x43;

/// Counts per second.
const COUNTS_PER_SECOND: u64 = 1_193_182;

/// The duration of a measurement: 25 ms, less than half of the 55 ms after which it wraps, so that a virtual core that is
/// stopped for a while in between still sees the same round.
const COUNTS: u64 = 29_830;

/// The most reads of the counter: 30 s if a read takes a microsecond.
const POLLS_MAX: u32 = 10_000_000;

/// The most reads without a change. It counts every 838 ns, and a read takes longer if the device exists.
const POLLS_UNCHANGED_MAX: u32 = 10_000;

/// Measures the rate of the processor's clock.
///
/// Channel 0 counts down from its greatest value; the more common channel 2 is gated by a port that not every machine
/// has.
pub(super) fn measure() -> Measurement {
    const CHANNEL_0_BOTH_BYTES_ONE_SHOT: u8 = 0b0011_0000;
    write_byte(COMMAND, CHANNEL_0_BOTH_BYTES_ONE_SHOT);
    write_byte(CHANNEL_0, 0xff);
    write_byte(CHANNEL_0, 0xff);
    let Some(first) = wait_below(0xffff) else {
        return Measurement::NoClock;
    };
    // A virtual core that was stopped meanwhile may see the counter near its end, or in its next round.
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
