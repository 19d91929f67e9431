//! Random numbers: SHA-256 over a seed and a counter.
//!
//! The seed comes from the processor's generator, by way of the start page. The seed itself is never shown, and what
//! was drawn says nothing about what will be.

use sha2::{Digest, Sha256};

/// A generator.
#[derive(Clone)]
pub struct Random {
    seed: [u64; 4],
    drawn: u64,
}

impl Random {
    /// The generator that this seed begins.
    pub fn new(seed: [u64; 4]) -> Random {
        Random { seed, drawn: 0 }
    }

    /// The next 16 bytes.
    pub fn bytes(&mut self) -> [u8; 16] {
        let mut hash = Sha256::new();
        for word in self.seed {
            hash.update(word.to_le_bytes());
        }
        hash.update(self.drawn.to_le_bytes());
        self.drawn += 1;
        let mut bytes = [0; 16];
        for (byte, drawn) in bytes.iter_mut().zip(hash.finalize()) {
            *byte = drawn;
        }
        bytes
    }

    /// The next 128-bit number.
    pub fn number(&mut self) -> u128 {
        u128::from_le_bytes(self.bytes())
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
}
