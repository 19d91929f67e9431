//! Faults of a bad wire, determined by a seed.
//!
//! A port's wire has two directions. Each has its own [`Wire`] with its own dice, so that the fate of the n-th frame in one
//! direction depends only on the seed and the port, and not on the traffic in the other direction. Ports with the same seed
//! have different dice: otherwise the n-th frames of two machines would be lost together.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::random::Random;

/// The faults of a port's wire, in both directions.
///
/// ```
/// use std::time::Duration;
/// use harness::Faults;
/// let poor = Faults { loss: 0.01, delay: Duration::from_millis(5), ..Faults::seeded(7) };
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// Determines the affected frames: the same ones in every run, but different ones at each port and in each direction.
    pub seed: u64,
    /// The probability that a frame is lost.
    pub loss: f64,
    /// The probability that a frame is duplicated, if it is not lost.
    pub duplication: f64,
    /// The delay of every frame.
    pub delay: Duration,
    /// The maximum additional delay, random per frame. It reorders frames; a prober mistakes a late reply for an older state.
    pub jitter: Duration,
    /// The longest frame that passes, with its header. Longer ones are lost.
    pub frame_bytes_max: usize,
}

impl Faults {
    /// No faults, with a seed for those that are set later.
    pub const fn seeded(seed: u64) -> Self {
        Self {
            seed,
            loss: 0.0,
            duplication: 0.0,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            frame_bytes_max: usize::MAX,
        }
    }
}

/// The delays with which the copies of a frame arrive at the other end of a wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passage {
    delays: [Duration; 2],
    copies: usize,
}

impl Passage {
    /// One copy, without delay.
    pub const CLEAN: Self = Self {
        delays: [Duration::ZERO; 2],
        copies: 1,
    };

    /// The delay of each copy.
    pub fn delays(&self) -> &[Duration] {
        &self.delays[..self.copies]
    }
}

/// One direction of a port's wire.
#[derive(Debug, Default)]
pub struct Wire {
    /// Whether there are dice. Without them, `cross` takes no lock.
    faulty: AtomicBool,
    dice: Mutex<Option<Dice>>,
}

impl Wire {
    /// Replaces the faults, and restarts from the seed. `stream` distinguishes this wire's dice from those of others.
    pub fn set(&self, faults: Option<Faults>, stream: u64) {
        let mut dice = self.dice.lock().expect("no roller panics");
        *dice = faults.map(|faults| Dice {
            faults,
            random: Random::stream(faults.seed, stream),
        });
        self.faulty.store(dice.is_some(), Ordering::Release);
    }

    /// The passage of the next frame, of this length.
    pub fn cross(&self, frame_bytes: usize) -> Passage {
        if !self.faulty.load(Ordering::Acquire) {
            return Passage::CLEAN;
        }
        self.dice
            .lock()
            .expect("no roller panics")
            .as_mut()
            .map_or(Passage::CLEAN, |dice| dice.roll(frame_bytes))
    }
}

#[derive(Debug)]
struct Dice {
    faults: Faults,
    random: Random,
}

impl Dice {
    /// Draws the same number of values every time, so that a change of one probability does not affect the other decisions.
    fn roll(&mut self, frame_bytes: usize) -> Passage {
        let is_drawn = self.random.fraction() < self.faults.loss;
        let lost = is_drawn || frame_bytes > self.faults.frame_bytes_max;
        let twice = self.random.fraction() < self.faults.duplication;
        let delays = [self.delay(), self.delay()];
        let copies = match (lost, twice) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        };
        Passage { delays, copies }
    }

    fn delay(&mut self) -> Duration {
        self.faults.delay + self.random.time_up_to(self.faults.jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of a frame.
    const LENGTH: usize = 1514;

    fn passages(faults: Faults, stream: u64) -> Vec<Passage> {
        let wire = Wire::default();
        wire.set(Some(faults), stream);
        (0..1000).map(|_| wire.cross(LENGTH)).collect()
    }

    fn copies(passages: &[Passage]) -> usize {
        passages.iter().map(|passage| passage.delays().len()).sum()
    }

    #[test]
    fn a_seed_affects_the_same_frames_again() {
        let faults = Faults {
            loss: 0.3,
            duplication: 0.3,
            jitter: Duration::from_millis(9),
            ..Faults::seeded(5)
        };
        assert_eq!(passages(faults, 0), passages(faults, 0));
        assert_ne!(passages(faults, 0), passages(faults, 1));
        assert_ne!(
            passages(faults, 0),
            passages(Faults { seed: 6, ..faults }, 0)
        );
    }

    #[test]
    fn loses_the_expected_share() {
        let lost = 1000
            - copies(&passages(
                Faults {
                    loss: 0.25,
                    ..Faults::seeded(1)
                },
                0,
            ));
        assert!((200..300).contains(&lost), "{lost} of 1000 lost");
    }

    #[test]
    fn duplicates_the_expected_share() {
        let extra = copies(&passages(
            Faults {
                duplication: 0.25,
                ..Faults::seeded(1)
            },
            0,
        )) - 1000;
        assert!((200..300).contains(&extra), "{extra} of 1000 twice");
    }

    #[test]
    fn keeps_delays_within_delay_and_jitter() {
        let faults = Faults {
            delay: Duration::from_millis(5),
            jitter: Duration::from_millis(3),
            ..Faults::seeded(1)
        };
        let passages = passages(faults, 0);
        let delays: Vec<_> = passages
            .iter()
            .flat_map(|passage| passage.delays())
            .collect();
        assert!(
            delays
                .iter()
                .all(|delay| (5..=8).contains(&delay.as_millis()))
        );
        assert!(delays.iter().any(|delay| *delay != delays[0]));
    }

    #[test]
    fn loses_frames_that_are_too_long_and_no_others() {
        let wire = Wire::default();
        let shorter = Faults {
            frame_bytes_max: LENGTH,
            ..Faults::seeded(1)
        };
        wire.set(Some(shorter), 0);
        assert_eq!(wire.cross(LENGTH), Passage::CLEAN);
        assert_eq!(wire.cross(LENGTH + 1).delays(), []);
    }

    #[test]
    fn a_wire_without_faults_is_clean() {
        let wire = Wire::default();
        assert_eq!(wire.cross(LENGTH), Passage::CLEAN);
        wire.set(
            Some(Faults {
                loss: 1.0,
                ..Faults::seeded(1)
            }),
            0,
        );
        assert_eq!(wire.cross(LENGTH).delays(), []);
        wire.set(None, 0);
        assert_eq!(wire.cross(LENGTH), Passage::CLEAN);
    }
}
