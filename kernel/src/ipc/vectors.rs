//! A set of interrupt vectors: [`Vectors`].

use core::cell::Cell;

const WORD_BITS: u8 = 64;

/// Some of the processor's 256 vectors.
#[derive(Debug, Default)]
pub struct Vectors([Cell<u64>; 4]);

impl Vectors {
    /// Adds a vector.
    pub fn insert(&self, vector: u8) {
        let word = &self.0[usize::from(vector / WORD_BITS)];
        word.set(word.get() | 1 << (vector % WORD_BITS));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| word.get() == 0)
    }

    /// Removes the lowest vector, if there is one.
    pub fn take_first(&self) -> Option<u8> {
        let (index, word) = (0..).zip(&self.0).find(|(_, word)| word.get() != 0)?;
        let bits = word.get();
        word.set(bits & (bits - 1));
        Some(index * WORD_BITS + bits.trailing_zeros() as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out_once_in_order() {
        let vectors = Vectors::default();
        assert!(vectors.is_empty());
        for vector in [255, 32, 64, 32] {
            vectors.insert(vector);
            assert!(!vectors.is_empty());
        }
        let taken = core::iter::from_fn(|| vectors.take_first());
        assert!(taken.eq([32, 64, 255]));
    }
}
