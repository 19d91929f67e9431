//! The events for which a side requests a wake-up: one word per side, so that a doorbell, which is a system call, rings
//! only when the other side may be asleep.
//!
//! ```text
//! sleeper:  set flag, fence, check again, sleep       waker:  act, fence, flag set? clear it, ring
//! ```
//!
//! The fences are sequentially consistent: either the sleeper sees the waker's action, or the waker sees the flag.
//! A flag that is left set after the sleeper found work costs one needless ring.

use core::sync::atomic::{AtomicU32, Ordering, fence};

/// A set of events for which a side requests a wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WakeFlag(u32);

impl WakeFlag {
    /// Frames arrived.
    pub const FRAMES: WakeFlag = WakeFlag(1);
    /// Slots became free.
    pub const SPACE: WakeFlag = WakeFlag(2);

    /// The union of both sets.
    #[must_use]
    pub const fn or(self, other: WakeFlag) -> WakeFlag {
        WakeFlag(self.0 | other.0)
    }
}

/// The flags of one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct WakeFlags<'a> {
    word: &'a AtomicU32,
}

impl<'a> WakeFlags<'a> {
    pub(super) fn new(word: &'a AtomicU32) -> WakeFlags<'a> {
        WakeFlags { word }
    }

    pub(super) fn add(&self, flag: WakeFlag) {
        if self.word.load(Ordering::Relaxed) & flag.0 != flag.0 {
            self.word.fetch_or(flag.0, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
    }

    pub(super) fn take(&self, event: WakeFlag) -> bool {
        fence(Ordering::SeqCst);
        self.word.load(Ordering::Relaxed) & event.0 != 0
            && self.word.fetch_and(!event.0, Ordering::Relaxed) & event.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    /// Both sides race many times: whenever the sleeper sleeps, the waker rings.
    #[test]
    fn no_wake_up_is_lost() {
        let words: Arc<[AtomicU32; 2]> = Arc::default();
        let barrier = Arc::new(std::sync::Barrier::new(2));
        const ROUNDS: u32 = 2_000;
        let sleeper = {
            let (words, barrier) = (words.clone(), barrier.clone());
            std::thread::spawn(move || {
                let [done, flags] = &*words;
                (1..=ROUNDS)
                    .map(|round| {
                        barrier.wait();
                        WakeFlags::new(flags).add(WakeFlag::FRAMES);
                        let sleeps = done.load(Ordering::Relaxed) != round;
                        barrier.wait();
                        sleeps
                    })
                    .collect::<std::vec::Vec<bool>>()
            })
        };
        let [done, flags] = &*words;
        let mut rung = std::vec::Vec::new();
        for round in 1..=ROUNDS {
            barrier.wait();
            done.store(round, Ordering::Relaxed);
            rung.push(WakeFlags::new(flags).take(WakeFlag::FRAMES));
            barrier.wait();
            // The flag stays set if the sleeper did not sleep: clear it between rounds.
            flags.store(0, Ordering::SeqCst);
        }
        let slept = sleeper.join().unwrap();
        assert!(slept.iter().zip(&rung).all(|(slept, rung)| !slept || *rung));
    }
}
