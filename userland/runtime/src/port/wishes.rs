//! Who wants to be woken for what: a word for each side, so that a doorbell, which is a system call, rings
//! only when somebody may be asleep.
//!
//! ```text
//! sleeper:  wish, fence, look once more, sleep       waker:  do it, fence, wish there? take it, ring
//! ```
//!
//! The fences are sequentially consistent: either the sleeper sees what was done, or the waker sees the wish.
//! A wish that was met otherwise stays and costs one needless ring.

use core::sync::atomic::{AtomicU32, Ordering, fence};

/// What a side wants to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish(u32);

impl Wish {
    /// Frames came.
    pub const FRAMES: Wish = Wish(1);
    /// Space for frames became free.
    pub const SPACE: Wish = Wish(2);

    /// This or the other.
    #[must_use]
    pub const fn or(self, other: Wish) -> Wish {
        Wish(self.0 | other.0)
    }
}

/// One side's wishes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes<'a> {
    word: &'a AtomicU32,
}

impl<'a> Wishes<'a> {
    pub(super) fn new(word: &'a AtomicU32) -> Wishes<'a> {
        Wishes { word }
    }

    pub(super) fn add(&self, wish: Wish) {
        if self.word.load(Ordering::Relaxed) & wish.0 != wish.0 {
            self.word.fetch_or(wish.0, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
    }

    pub(super) fn take(&self, done: Wish) -> bool {
        fence(Ordering::SeqCst);
        self.word.load(Ordering::Relaxed) & done.0 != 0
            && self.word.fetch_and(!done.0, Ordering::Relaxed) & done.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    /// Both sides in a race, many times: never does the sleeper sleep while the waker does not ring.
    #[test]
    fn no_wake_up_is_lost() {
        let words: Arc<[AtomicU32; 2]> = Arc::default();
        let barrier = Arc::new(std::sync::Barrier::new(2));
        const ROUNDS: u32 = 2_000;
        let sleeper = {
            let (words, barrier) = (words.clone(), barrier.clone());
            std::thread::spawn(move || {
                let [done, wishes] = &*words;
                (1..=ROUNDS)
                    .map(|round| {
                        barrier.wait();
                        Wishes::new(wishes).add(Wish::FRAMES);
                        let sleeps = done.load(Ordering::Relaxed) != round;
                        barrier.wait();
                        sleeps
                    })
                    .collect::<std::vec::Vec<bool>>()
            })
        };
        let [done, wishes] = &*words;
        let mut rung = std::vec::Vec::new();
        for round in 1..=ROUNDS {
            barrier.wait();
            done.store(round, Ordering::Relaxed);
            rung.push(Wishes::new(wishes).take(Wish::FRAMES));
            barrier.wait();
            // A wish that was met otherwise stays: clear it between rounds.
            wishes.store(0, Ordering::SeqCst);
        }
        let slept = sleeper.join().unwrap();
        assert!(slept.iter().zip(&rung).all(|(slept, rung)| !slept || *rung));
    }
}
