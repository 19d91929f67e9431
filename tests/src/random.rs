//! Seeded random numbers for tests: a seed gives the same numbers on every host.

use std::time::Duration;

use crate::splitmix::splitmix64;

/// A generator of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator with this initial state.
    pub const fn from_state(state: u64) -> Random {
        Random { state }
    }

    /// A generator whose numbers are independent of the seed's other streams.
    pub fn stream(seed: u64, number: u64) -> Random {
        Random::from_state(splitmix64(seed ^ splitmix64(number)))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(1);
        splitmix64(self.state)
    }

    /// A number below `bound`, which must be above zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// A number in 0..1.
    pub fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time up to `longest`.
    pub fn time_up_to(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.fraction())
    }

    /// One of the items.
    ///
    /// # Panics
    ///
    /// If there are no items.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// Brings the items into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_draws_the_same_and_its_streams_differ() {
        let drawn = |seed, stream| {
            let mut random = Random::stream(seed, stream);
            [random.bits(), random.bits(), random.bits()]
        };
        assert_eq!(drawn(1, 0), drawn(1, 0));
        assert_ne!(drawn(1, 0), drawn(1, 1));
        assert_ne!(drawn(1, 0), drawn(2, 0));
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_can_put_each_first() {
        let mut firsts = [0; 4];
        for seed in 0..100 {
            let mut items = [0, 1, 2, 3];
            Random::stream(seed, 0).shuffle(&mut items);
            firsts[items[0]] += 1;
            items.sort_unstable();
            assert_eq!(items, [0, 1, 2, 3]);
        }
        assert!(firsts.iter().all(|count| *count > 0), "{firsts:?}");
    }
}
