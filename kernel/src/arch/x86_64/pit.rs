//! The programmable interval timer, as a clock to measure another one by. Its interrupt stays masked.

use super::clock::ticks;
use super::port::{read_byte, write_byte};

const CHANNEL_0: u16 = 0x40;
const COMMAND: u16 = 0x43;

/// What it counts a second.
const COUNTS_PER_SECOND: u64 = 1_193_182;

/// How long is measured: 20 ms.
const COUNTS: u16 = 23_864;

/// How often the counter is read at most: 30 s where a read takes a microsecond.
const POLLS_MAX: u32 = 10_000_000;

/// How often it may be read without a change. It counts every 838 ns, and being read takes longer where there is a
/// device.
const POLLS_UNCHANGED_MAX: u32 = 10_000;

/// The rate of the processor's clock; none if there is no timer that counts.
///
/// Channel 0 counts down from its greatest value; channel 2, which others use, is gated by a port that not every machine
/// has.
pub(super) fn ticks_per_second() -> Option<u64> {
    const CHANNEL_0_BOTH_BYTES_ONE_SHOT: u8 = 0b0011_0000;
    write_byte(COMMAND, CHANNEL_0_BOTH_BYTES_ONE_SHOT);
    write_byte(CHANNEL_0, 0xff);
    write_byte(CHANNEL_0, 0xff);
    let (first, start) = wait_below(0xffff)?;
    let (last, end) = wait_below(first.checked_sub(COUNTS)?)?;
    let counted = u64::from(first - last);
    Some((end - start) * COUNTS_PER_SECOND / counted)
}

/// Waits until the counter is below the limit; the counter then, and the processor's clock at that moment.
fn wait_below(limit: u16) -> Option<(u16, u64)> {
    let (mut last, mut unchanged) = (latch(), 0);
    for _ in 0..POLLS_MAX {
        let now = ticks();
        let count = latch();
        if count < limit {
            return Some((count, now));
        }
        unchanged = if count == last { unchanged + 1 } else { 0 };
        if unchanged > POLLS_UNCHANGED_MAX {
            return None;
        }
        last = count;
    }
    None
}

fn latch() -> u16 {
    const LATCH_CHANNEL_0: u8 = 0;
    write_byte(COMMAND, LATCH_CHANNEL_0);
    u16::from_le_bytes([read_byte(CHANNEL_0), read_byte(CHANNEL_0)])
}
