//! A set of interrupt vectors: [`Vectors`].

use core::cell::Cell;

const WORD_BITS: u8 = 64;

/// A subset of the processor's 256 vectors.
#[derive(Debug, Default)]
pub struct Vectors {
    words: [Cell<u64>; 4],
    /// The vector at which the next search begins.
    next: Cell<u8>,
}

impl Vectors {
    pub fn insert(&self, vector: u8) {
        let word = &self.words[usize::from(vector / WORD_BITS)];
        word.set(word.get() | 1 << (vector % WORD_BITS));
    }

    #[cfg(test)]
    pub fn contains(&self, vector: u8) -> bool {
        let word = &self.words[usize::from(vector / WORD_BITS)];
        word.get() & 1 << (vector % WORD_BITS) != 0
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| word.get() == 0)
    }

    /// Removes the first vector above the one that was removed last, or else the lowest; `None` if the set is empty. So a vector
    /// that is added again and again does not starve the others.
    pub fn take_next(&self) -> Option<u8> {
        let vector = self.first_from(self.next.get()).or(self.first_from(0))?;
        let word = &self.words[usize::from(vector / WORD_BITS)];
        word.set(word.get() & !(1 << (vector % WORD_BITS)));
        self.next.set(vector.wrapping_add(1));
        Some(vector)
    }

    fn first_from(&self, first: u8) -> Option<u8> {
        let (first_index, below) = (first / WORD_BITS, first % WORD_BITS);
        let mut words = (0..).zip(&self.words).skip(usize::from(first_index));
        words.find_map(|(index, word)| {
            let mask = if index == first_index {
                u64::MAX << below
            } else {
                u64::MAX
            };
            let bits = word.get() & mask;
            (bits != 0).then(|| index * WORD_BITS + bits.trailing_zeros() as u8)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserted_vectors_come_out_once_in_order() {
        let vectors = Vectors::default();
        assert!(vectors.is_empty());
        for vector in [255, 32, 64, 32] {
            vectors.insert(vector);
            assert!(!vectors.is_empty());
        }
        let taken = core::iter::from_fn(|| vectors.take_next());
        assert!(taken.eq([32, 64, 255]));
    }

    #[test]
    fn a_vector_that_is_always_inserted_again_starves_no_other() {
        let all = [0, 31, 63, 64, 200, 255];
        for again in all {
            let vectors = Vectors::default();
            for vector in all {
                vectors.insert(vector);
            }
            let mut taken = std::collections::BTreeSet::new();
            for _ in all {
                let vector = vectors.take_next().expect("one that is inserted again");
                taken.insert(vector);
                vectors.insert(again);
            }
            assert!(taken.len() >= all.len() - 1, "beside {again}: {taken:?}");
            vectors.take_next();
            assert!(core::iter::from_fn(|| vectors.take_next()).all(|left| left == again));
        }
    }
}
