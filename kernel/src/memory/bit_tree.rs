//! A set of numbers with a fast search for the highest and for the next one: [`BitTree`].
//!
//! ```text
//!   level 2:  one word
//!   level 1:  a bit for every word of level 0 that is not zero
//!   level 0:  a bit for every number that is in the set
//! ```
//!
//! An operation on one number accesses one or two words per level; one on a range accesses every word of the range. 16
//! million numbers (64 GiB of frames) take four levels.

use core::cell::Cell;

use heapless::Vec;

const WORD_BITS: u64 = u64::BITS as u64;

/// Enough levels for more frames than a physical address can name.
const LEVELS_MAX: usize = 7;

/// A set of numbers below a limit.
#[derive(Debug)]
pub(super) struct BitTree {
    levels: Vec<&'static [Cell<u64>], LEVELS_MAX>,
}

impl BitTree {
    /// The number of words for a set of numbers below `limit`.
    pub(super) fn word_count(limit: u64) -> u64 {
        let mut words = limit.div_ceil(WORD_BITS).max(1);
        let mut sum = words;
        while words > 1 {
            words = words.div_ceil(WORD_BITS);
            sum += words;
        }
        sum
    }

    /// The empty set of numbers below `limit`, in [`BitTree::word_count`] words of any content.
    ///
    /// # Panics
    /// If there are fewer.
    pub(super) fn new(words: &'static [Cell<u64>], limit: u64) -> BitTree {
        words.iter().for_each(|word| word.set(0));
        let mut levels = Vec::new();
        let (mut rest, mut count) = (words, limit);
        loop {
            count = count.div_ceil(WORD_BITS).max(1);
            let (level, above) = rest.split_at(count as usize);
            levels
                .push(level)
                .expect("there are enough levels for any limit");
            if count == 1 {
                return BitTree { levels };
            }
            rest = above;
        }
    }

    /// Adds a number; false if it was present.
    pub(super) fn insert(&self, number: u64) -> bool {
        let mut index = number;
        for level in &self.levels {
            let word = &level[(index / WORD_BITS) as usize];
            let (was, bit) = (word.get(), 1 << (index % WORD_BITS));
            // Above level 0 this bit is clear, since the word below it was zero.
            if was & bit != 0 {
                return false;
            }
            word.set(was | bit);
            if was != 0 {
                return true;
            }
            index /= WORD_BITS;
        }
        true
    }

    /// Adds all numbers from `first` up to, but not including, `end`.
    pub(super) fn insert_range(&self, first: u64, end: u64) {
        if first >= end {
            return;
        }
        let (mut first, mut end) = (first, end);
        for level in &self.levels {
            for (index, mask) in masks(first, end) {
                let word = &level[index as usize];
                word.set(word.get() | mask);
            }
            (first, end) = (first / WORD_BITS, end.div_ceil(WORD_BITS));
        }
    }

    /// Removes a number.
    pub(super) fn remove(&self, number: u64) {
        self.clear_bits(number / WORD_BITS, 1 << (number % WORD_BITS));
    }

    /// Removes all numbers from `first` up to, but not including, `end`.
    pub(super) fn remove_range(&self, first: u64, end: u64) {
        for (index, mask) in masks(first, end) {
            self.clear_bits(index, mask);
        }
    }

    /// The highest number.
    #[inline]
    pub(super) fn last(&self) -> Option<u64> {
        let mut index = 0;
        for level in self.levels.iter().rev() {
            let top = level[index as usize].get().checked_ilog2()?;
            index = index * WORD_BITS + u64::from(top);
        }
        Some(index)
    }

    /// The lowest number from `from` on.
    pub(super) fn next(&self, from: u64) -> Option<u64> {
        let mut index = from;
        for (height, level) in self.levels.iter().enumerate() {
            let word = level.get((index / WORD_BITS) as usize)?.get();
            let later = word & u64::MAX << (index % WORD_BITS);
            if later != 0 {
                let found = index / WORD_BITS * WORD_BITS + u64::from(later.trailing_zeros());
                return Some(self.lowest_below(height, found));
            }
            index = index / WORD_BITS + 1;
        }
        None
    }

    /// The lowest number from `first` on and below `end` that is not in the set.
    pub(super) fn next_absent(&self, first: u64, end: u64) -> Option<u64> {
        let absent = |(index, mask): (u64, u64)| {
            let missing = !self.levels[0][index as usize].get() & mask;
            (missing != 0).then(|| index * WORD_BITS + u64::from(missing.trailing_zeros()))
        };
        masks(first, end).find_map(absent)
    }

    /// The lowest number under a bit of a level.
    fn lowest_below(&self, height: usize, bit: u64) -> u64 {
        self.levels[..height].iter().rev().fold(bit, |bit, level| {
            bit * WORD_BITS + u64::from(level[bit as usize].get().trailing_zeros())
        })
    }

    /// Clears bits of a word of level 0, and the bits above for words that become zero.
    fn clear_bits(&self, index: u64, mask: u64) {
        let (mut index, mut mask) = (index, mask);
        for level in &self.levels {
            let word = &level[index as usize];
            word.set(word.get() & !mask);
            if word.get() != 0 {
                return;
            }
            mask = 1 << (index % WORD_BITS);
            index /= WORD_BITS;
        }
    }
}

/// The indices of the words with the numbers from `first` on and below `end`, each with the mask of their bits.
fn masks(first: u64, end: u64) -> impl Iterator<Item = (u64, u64)> {
    (first / WORD_BITS..end.div_ceil(WORD_BITS)).map(move |index| {
        let start = index * WORD_BITS;
        let low = u64::MAX << first.saturating_sub(start);
        let high = u64::MAX >> (start + WORD_BITS).saturating_sub(end);
        (index, low & high)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Words of any content.
    fn words(limit: u64) -> &'static [Cell<u64>] {
        let count = BitTree::word_count(limit) as usize;
        Box::leak(vec![Cell::new(0x5a5a); count].into_boxed_slice())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_a_sorted_set(
            limit in prop_oneof![1_u64..200, 4000_u64..4200, 262_000_u64..270_000],
            events in proptest::collection::vec((any::<u64>(), prop_oneof![Just(1), 1_u64..300], any::<bool>()), 1..60),
        ) {
            let tree = BitTree::new(words(limit), limit);
            let mut model = BTreeSet::new();
            for (at, length, insert) in events {
                let (first, end) = (at % limit, (at % limit + length).min(limit));
                if !insert && length == 1 {
                    tree.remove(first);
                    model.remove(&first);
                } else if !insert {
                    tree.remove_range(first, end);
                    (first..end).for_each(|number| { model.remove(&number); });
                } else if length % 2 == 0 {
                    tree.insert_range(first, end);
                    model.extend(first..end);
                } else {
                    prop_assert_eq!(tree.insert(first), model.insert(first));
                }
                prop_assert_eq!(tree.last(), model.last().copied());
                for from in [0, first, end.min(limit - 1), limit - 1] {
                    prop_assert_eq!(tree.next(from), model.range(from..).next().copied());
                    let absent = (from..limit).find(|number| !model.contains(number));
                    prop_assert_eq!(tree.next_absent(from, limit), absent);
                }
                let within = (first..end).find(|number| !model.contains(number));
                prop_assert_eq!(tree.next_absent(first, end), within);
            }
        }
    }
}
