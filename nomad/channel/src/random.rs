//! Random numbers: SHA-256 over a seed and a counter.
//!
//! Each generator has its own seed, drawn from the domain's generator, which is seeded from the processor's. The seed
//! is never revealed, and earlier draws do not predict later ones.

use sha2::{Digest, Sha256};

/// Bytes per draw.
const DRAW_BYTES: usize = 32;

/// A deterministic random number generator.
#[derive(Clone)]
pub struct Random {
    seed: [u8; DRAW_BYTES],
    drawn: u64,
}

impl Random {
    /// Creates a generator from a seed.
    pub fn new(seed: [u64; 4]) -> Random {
        let mut bytes = [0; DRAW_BYTES];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(seed) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        Random {
            seed: bytes,
            drawn: 0,
        }
    }

    /// Draws the next bytes.
    pub fn draw(&mut self) -> [u8; DRAW_BYTES] {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.drawn.to_le_bytes());
        self.drawn += 1;
        hash.finalize().into()
    }

    /// Draws the next 128-bit number.
    pub fn number(&mut self) -> u128 {
        let drawn = self.draw();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&drawn[..16]);
        u128::from_le_bytes(bytes)
    }

    /// Creates an independent generator, whose seed is drawn from this one.
    pub fn fork(&mut self) -> Random {
        Random {
            seed: self.draw(),
            drawn: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_differ_and_follow_from_the_seed() {
        let mut random = Random::new([1, 2, 3, 4]);
        let (first, second) = (random.number(), random.number());
        assert_ne!(first, second);
        assert_eq!(Random::new([1, 2, 3, 4]).number(), first);
        assert_ne!(Random::new([1, 2, 3, 5]).number(), first);
    }

    #[test]
    fn a_fork_draws_something_else() {
        let mut random = Random::new([1, 2, 3, 4]);
        let mut fork = random.fork();
        assert_ne!(fork.number(), random.number());
        assert_ne!(fork.number(), random.fork().number());
    }
}
