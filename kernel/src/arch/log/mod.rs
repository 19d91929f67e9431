//! The kernel's log, which shares the console's serial port with user mode: [`Log`].
//!
//! While threads run, nothing waits for the port: a line goes into a ring. When a line is added, at a timer interrupt, and
//! before idling, the kernel fills the port's transmitter if it is empty. Before the first thread runs, in a panic, and when the
//! machine restarts, every line is written completely at once, and is also drawn on the screen.
//!
//! User mode writes to the same port with `IoOut`. The lines of both stay whole. The kernel finishes a line that it has
//! begun before it admits user mode's next byte. It waits up to [`USER_LINE_MS`] for a line that user mode has begun.

mod ring;
#[cfg(test)]
mod tests;

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use ring::LogRing;

use super::machine::{
    console_is_present, console_put, console_transmitter_is_empty, screen_put_line, ticks,
    ticks_per_second,
};

/// Bytes that an empty transmitter accepts.
pub const TRANSMITTER_BYTES: usize = 16;

/// How long an unfinished line of user mode delays the kernel's lines, counted from the last byte of that line.
const USER_LINE_MS: u64 = 20;

/// How long a transmitter may stay full before it is considered stuck and the waiting lines are dropped.
const STUCK_MS: u64 = 1000;

/// The number of polls of the transmitter before a byte of an immediate line is abandoned. At 1 us per poll, this is longer
/// than a byte takes at 1,200 baud.
const POLLS_MAX: u32 = 10_000;

/// Tenths of a millisecond that a full transmitter takes to become empty at 115,200 baud.
const TRANSMITTER_TENTHS_MS: u64 = 14;

/// The kernel's log.
pub struct Log {
    ring: LogRing,
    /// Whether lines are written completely at once.
    is_immediate: AtomicBool,
    /// Whether a line of the kernel is partly written.
    is_in_line: AtomicBool,
    /// Whether the transmitter may still hold bytes of the kernel.
    fills_transmitter: AtomicBool,
    /// Whether a line of user mode is partly written.
    user_is_in_line: AtomicBool,
    /// The time of user mode's last byte, in ticks.
    user_wrote_ticks: AtomicU64,
    /// The time of the last progress, in ticks: when bytes were last written, or when the ring stopped being empty.
    progress_ticks: AtomicU64,
}

impl Log {
    /// A log whose lines are written at once.
    pub const fn immediate() -> Log {
        Log {
            ring: LogRing::new(),
            is_immediate: AtomicBool::new(true),
            is_in_line: AtomicBool::new(false),
            fills_transmitter: AtomicBool::new(false),
            user_is_in_line: AtomicBool::new(false),
            user_wrote_ticks: AtomicU64::new(0),
            progress_ticks: AtomicU64::new(0),
        }
    }

    /// Adds a line to the ring. An immediate log then writes the whole ring; a buffered log fills the transmitter if it is
    /// empty.
    pub fn write_line(&self, line: fmt::Arguments<'_>) {
        if self.is_immediate.load(Relaxed) {
            screen_put_line(line);
        }
        if !console_is_present() {
            return;
        }
        if self.ring.is_empty() {
            self.progress_ticks.store(ticks(), Relaxed);
        }
        self.ring.put_line(line);
        if self.is_immediate.load(Relaxed) {
            self.flush();
        } else {
            self.drain();
        }
    }

    /// Buffers lines from now on, so that nothing waits for the port.
    pub fn become_buffered(&self) {
        self.is_immediate.store(false, Relaxed);
    }

    /// Writes the ring's lines now, and every later line completely at once. Called in a panic and before a restart.
    pub fn become_immediate(&self) {
        self.is_immediate.store(true, Relaxed);
        self.flush();
    }

    /// Fills the transmitter once if it is empty. Returns the time for the next attempt, in ticks, if bytes are left.
    pub fn drain(&self) -> Option<u64> {
        if self.ring.is_empty() {
            return None;
        }
        let now = ticks();
        if !self.user_owns_line(now) {
            self.fill(now);
        }
        let pause = ticks_per_second() * TRANSMITTER_TENTHS_MS / 10_000;
        (!self.ring.is_empty()).then_some(now + pause)
    }

    /// Whether user mode may write a byte to the port now. If not, user mode has to retry, and the kernel writes more of its own
    /// line if the transmitter is empty. An admitted byte's time is recorded, and whether it ends a line, but not if it is
    /// admitted because the transmitter is stuck.
    pub fn admit_user_byte(&self, byte: u8) -> bool {
        let now = ticks();
        if self.fills_transmitter.load(Relaxed) || self.is_in_line.load(Relaxed) {
            if !console_transmitter_is_empty() {
                return self.drop_if_stuck(now);
            }
            self.fills_transmitter.store(false, Relaxed);
            if self.is_in_line.load(Relaxed) {
                self.fill(now);
                return false;
            }
        }
        self.user_wrote_ticks.store(now, Relaxed);
        self.user_is_in_line.store(byte != b'\n', Relaxed);
        true
    }

    /// Writes a part of the waiting lines; returns whether all are written.
    pub fn write_part(&self) -> bool {
        self.fill(ticks());
        self.ring.is_empty()
    }

    fn user_owns_line(&self, now: u64) -> bool {
        let wrote = self.user_wrote_ticks.load(Relaxed);
        let patience = ticks_per_second() * USER_LINE_MS / 1000;
        self.user_is_in_line.load(Relaxed) && now.saturating_sub(wrote) < patience
    }

    /// Fills the transmitter if it is empty, at most to the end of a line, so that a line of user mode can follow.
    fn fill(&self, now: u64) {
        if self.ring.is_empty() {
            return;
        }
        if !console_transmitter_is_empty() {
            self.drop_if_stuck(now);
            return;
        }
        for _ in 0..TRANSMITTER_BYTES {
            let Some(byte) = self.ring.take() else { break };
            console_put(byte);
            self.is_in_line.store(byte != b'\n', Relaxed);
            if byte == b'\n' {
                break;
            }
        }
        self.user_is_in_line.store(false, Relaxed);
        self.fills_transmitter.store(true, Relaxed);
        self.progress_ticks.store(now, Relaxed);
    }

    /// Drops the waiting lines if the transmitter is stuck; returns whether it is.
    fn drop_if_stuck(&self, now: u64) -> bool {
        let patience = ticks_per_second() * STUCK_MS / 1000;
        let is_stuck = now.saturating_sub(self.progress_ticks.load(Relaxed)) > patience;
        if is_stuck {
            self.ring.discard();
            self.is_in_line.store(false, Relaxed);
            self.fills_transmitter.store(false, Relaxed);
        }
        is_stuck
    }

    /// Writes all waiting lines, or drops them if the transmitter is stuck.
    fn flush(&self) {
        while let Some(byte) = self.ring.take() {
            let is_empty = (0..POLLS_MAX).any(|_| {
                core::hint::spin_loop();
                console_transmitter_is_empty()
            });
            if !is_empty {
                return self.ring.discard();
            }
            console_put(byte);
        }
        self.is_in_line.store(false, Relaxed);
    }
}
